//! `suite.toml` and `gate.toml`, read into gates or into every complaint at once, each with file, line and column.
//!
//! The room owns the grammar: [`kinds`] and `keys` say as data what may be written, and the reader walks positioned
//! trees along these tables. It knows nothing of how a look is made or a sentence is judged.

mod assertion;
mod change;
mod class;
mod complaint;
mod control;
mod course;
mod desk;
mod duration;
mod folder;
mod functions;
mod gate_file;
mod keys;
pub mod kinds;
mod lets;
pub mod model;
mod modifiers;
mod names;
mod node;
mod order;
mod paper;
mod places;
mod probe;
mod profile;
mod read;
mod reference;
mod shape;
mod speech;
mod suite;
mod suite_function;
mod template;
pub mod tree;
pub mod types;
mod value;
mod wire;

pub use complaint::{Complaint, Complaints};
pub use duration::duration;
pub use folder::read;
pub use functions::SECRET_FUNCTIONS;
pub use places::{Place, Places};
pub use read::read_from;
