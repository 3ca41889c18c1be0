//! Reconciliation: what platforms claim to have earned, held against the money that was captured.

pub(crate) mod claims;
pub(crate) mod entry;
pub(crate) mod platforms;
pub(crate) mod standing;
