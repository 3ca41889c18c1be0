//! Language models: who may ask one, what it may cost, and how it is spoken to.

pub(crate) mod wire;
