//! The end of a process: both signals mean "finish what you began", and a bound means "but not for ever".

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by SIGTERM or SIGINT.
pub(crate) fn on_signal() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "ending"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "ending"),
        }
        cancelled.cancel();
    });
    Ok(token)
}

/// Waits for `work`, which ends by itself once the token is cancelled; from then on at most for `bound`.
pub(crate) async fn bounded<T>(
    token: &CancellationToken,
    bound: Duration,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        outcome = work => outcome,
        () = async { token.cancelled().await; tokio::time::sleep(bound).await } => {
            anyhow::bail!("still busy {} s after the signal; what was not finished is not acknowledged", bound.as_secs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_does_not_end_is_left_after_the_bound() {
        let token = CancellationToken::new();
        token.cancel();
        let stuck = std::future::pending::<anyhow::Result<()>>();
        let error = bounded(&token, Duration::from_millis(10), stuck).await;
        assert!(error.is_err());
    }

    #[tokio::test]
    async fn work_that_ends_is_waited_for() {
        let token = CancellationToken::new();
        token.cancel();
        let work = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(7)
        };
        let outcome = bounded(&token, Duration::from_secs(5), work).await;
        assert_eq!(outcome.expect("it ended in time"), 7);
    }
}
