//! A program run beside a service, as the service itself would run it: its account, its environment, its folder.

use std::{process::Stdio, time::Duration};

use super::{inside::converse, launch::Launch};
use crate::topology::{error::Cause, substrate::Executed};

/// Run it to its end, in bounded time. The marker of its environment is what `clean` knows it by.
pub(super) async fn exec(
    launch: &Launch,
    argv: &[String],
    input: &[u8],
    within: Duration,
) -> Result<Executed, Cause> {
    let mut command = launch.command(argv);
    command.stdin(Stdio::piped()).kill_on_drop(true);
    converse(command, input, within).await
}
