//! How a run ended.

/// How a run ended, once the record was open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every planned gate was run.
    Whole,
    /// A signal stopped it: its name.
    Interrupted(String),
    /// The topology did not come up: why.
    NotUp(String),
    /// What the services ran on went away while they ran: why we think so.
    Lost(String),
    /// It could not go on: a sabotage that would not be undone, a seal that broke.
    Stopped(String),
    /// Its record cannot be written any more: why.
    Unwritten(String),
}

impl Ending {
    /// For the seal: why the run did not reach its end; none when it did.
    pub(super) fn words(&self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Interrupted(signal) => Some(format!("interrupted by {signal}")),
            Self::NotUp(why) => Some(format!("the topology did not come up: {why}")),
            Self::Lost(why) | Self::Stopped(why) | Self::Unwritten(why) => Some(why.clone()),
        }
    }
}
