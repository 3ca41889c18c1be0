//! The LLM layer: one boundary, through which every call of a provider goes, and the books that it keeps.

pub(crate) mod books;
pub(crate) mod boundary;
mod complexity;
mod endpoint;
mod policy;
mod price;
mod prompt;
mod provider;
mod terms;
pub(crate) mod wire;

pub(crate) use self::{
    books::Call,
    boundary::{Asking, Heard, Opened, Trouble},
    endpoint::Endpoint,
    policy::Policy,
    prompt::Prompt,
    provider::Name,
    terms::Terms,
};
