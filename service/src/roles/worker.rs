//! `worker`: does the queued work.

use crate::{settings::Worker, shutdown, worker};

/// Works until a signal.
pub(crate) async fn run(settings: Worker) -> anyhow::Result<()> {
    let token = shutdown::on_signal()?;
    let bound = settings.shutdown;
    shutdown::bounded(&token, bound, worker::run(settings, token.clone())).await
}
