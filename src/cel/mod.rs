//! Common Expression Language: the one room that names the `cel` crate.
//!
//! A [`Sentence`] is bare CEL, for judging; a [`Text`] may hold `${CEL}`, for doing. Both are checked when they are
//! read. The room knows the pure functions; functions that act (mint, sign, read a clock) are handed in by `doing`.

mod sentence;
mod text;

pub use sentence::{Fault, Sentence};
pub use text::{Part, Text};
