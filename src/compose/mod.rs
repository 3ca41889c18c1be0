//! The compose file, read into the model we promise to honour; an unsupported key is an error by name.

pub mod model;
