//! The pack: its layout, its manifest, its seal, its canonical zip, and the strict reading of all of them.
//!
//! `seal` turns a record folder into a pack; a `Whole` is a pack of which every byte has been accounted for, and
//! only strict reading makes one. Whether a whole pack *proves* anything is for the rooms below to say.

pub mod beside;
pub mod files;
pub mod finding;
pub mod layout;
pub mod manifest;
pub mod rehearsal;
pub mod seal;
pub mod toc;
pub mod whole;
pub mod wounds;

#[cfg(test)]
pub(crate) mod specimen;

mod archive;
mod bytes;
mod form;
mod header;
mod reading;
mod second;
mod store;
mod strict;

pub use files::{Files, Folder};
pub use finding::{Code, Finding};
pub use layout::{Role, role_of};
pub use rehearsal::{Between, Rehearsal, rehearse};
pub use seal::{Label, SealError, Sealed, seal};
pub use toc::Toc;
pub use whole::{Refusal, Whole};
