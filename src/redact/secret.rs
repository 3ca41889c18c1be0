//! A secret as it is kept while the run lasts: by its label, with its value, which no print shows.

use std::fmt;

use super::encodings::{self, Encoding};

/// One value that was registered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    label: String,
    value: String,
}

impl Secret {
    /// A secret by its label.
    pub fn new(label: &str, value: &str) -> Self {
        Self {
            label: label.to_owned(),
            value: value.to_owned(),
        }
    }

    /// What it is called on paper.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it is, for whoever looks for it by value; never for paper.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Every text by which it can be recognised, each with its encoding; none is of [`Encoding::Gzip`].
    pub fn forms(&self) -> Vec<(Encoding, String)> {
        encodings::forms(&self.value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹{}›", self.label)
    }
}
