//! A computation that does not listen when it is asked to end: what drills of the hard limit are made of.

use tokio::signal::unix::{SignalKind, signal};

/// From here on this process ignores SIGTERM: a signal that was once listened to no longer ends the process, and nobody
/// reads this one.
pub(super) fn to_sigterm() -> Result<(), &'static str> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|_| "there is no runtime")?;
    let _listening = runtime.enter();
    signal(SignalKind::terminate())
        .map(drop)
        .map_err(|_| "SIGTERM is not ours to take")
}
