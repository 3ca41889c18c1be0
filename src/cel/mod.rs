//! Common Expression Language: the one room that names the `cel` crate.
//!
//! A [`Sentence`] is bare CEL, for judging; a [`Text`] may hold `${CEL}`, for doing. Both are checked when they are
//! read. A [`World`] knows the functions, a [`Scope`] the names. The room owns the pure functions; functions that
//! act (mint, sign, read a clock) are handed in by whoever does things.

mod anatomy;
mod language;
mod order;
mod pure;
mod scope;
mod sentence;
mod tautology;
mod text;
mod value;
mod world;

pub use anatomy::Literal;
pub use language::{BUILTIN, DOING, PURE, is_taken};
pub use scope::{EvalError, Known, Scope};
pub use sentence::{Fault, MAX_COMPREHENSIONS, MAX_SOURCE, Sentence};
pub use text::{Part, Text};
pub use world::{Native, World, recursive};
