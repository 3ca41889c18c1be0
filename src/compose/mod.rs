//! The compose file, read into the model we promise to honour; an unsupported key is an error by name.
//!
//! The data walks: bytes → `yaml` (a tree with places) → `interpolate` (variables filled in) → `topology` and the
//! readers it calls (checked, typed) → `Model`. A `Source` is checked before any variable is known, by the same
//! readers: what depends on a variable is looked at again when it is resolved. `subset` is the promise itself.

pub mod model;

mod complaint;
mod field;
mod file;
mod healthcheck;
mod interpolate;
mod limits;
mod links;
mod mounts;
mod native;
mod order;
mod overlay;
mod ports;
mod references;
mod scalar;
mod service;
mod source;
mod subset;
mod template;
mod topology;
mod tree;
mod units;
mod variables;
mod words;
mod yaml;

pub use complaint::{Complaint, Complaints, Place};
pub use model::Model;
pub use order::order;
pub use source::{Fragment, Source};
pub use variables::{Form, Variable};
