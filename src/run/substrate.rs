//! What the services run on: chosen before anything starts, said in one line, and recorded with its reason.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::order::{Kind, Refusal, Wanted};
use crate::{plan::Drawn, topology::On};

/// A substrate, and why it is this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Chosen {
    pub(super) substrate: On,
    /// What was asked for.
    pub(super) asked: Wanted,
    /// Why it came to this one.
    pub(super) because: String,
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "substrate {}: {}", self.substrate.word(), self.because)
    }
}

/// Choose: what was asked for, or, left to us, containers wherever they can run.
pub(super) async fn choose(
    asked: Wanted,
    _drawn: &Drawn,
    _given: &BTreeMap<String, String>,
) -> Result<Chosen, Refusal> {
    match asked {
        Wanted::Docker => Err(Refusal::new(
            Kind::NotUp,
            "this version brings services up natively only\nhint: use `--substrate native`",
        )),
        Wanted::Auto | Wanted::Native => Ok(Chosen {
            substrate: On::Native,
            asked,
            because: "asked for".to_owned(),
        }),
    }
}

/// Waits until what services run on is gone, and says so. Natively that is this host, which does not go.
pub(super) async fn lost(_substrate: On) -> String {
    std::future::pending().await
}
