//! The doing world: what a text may do that a sentence may not — mint, sign, draw, read a clock.
//!
//! Everything minted is derived from the run (its id, and a seed that never reaches paper), so that nothing has to
//! be remembered: the same label gives the same value wherever and whenever it is asked for. Secrets are made known
//! to the redactor, by value, in the moment they are derived.

mod function;
mod mint;
mod places;
mod sign;
mod token;

pub use function::Function;
pub use mint::{Mint, Register};
pub use places::{DatabasePlace, Places};
pub use token::Keys;

/// A text asks for something of the suite by a name that is not there.
fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a String>) -> String {
    let known: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    if known.is_empty() {
        return format!("no {what} `{name}` in this suite, which declares none");
    }
    format!(
        "no {what} `{name}` in this suite\nhint: there is {}",
        known.join(", ")
    )
}
