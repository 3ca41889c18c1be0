//! `suite.toml` and `gate.toml`, read into gates or into every complaint at once, each with file, line and column.

pub mod model;
pub mod tree;
