//! Clocks and pauses.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;

/// Whole milliseconds of a duration.
pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Wait until the clock's next second has just begun.
pub(super) async fn the_second_begins() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let into_the_second = Duration::from_nanos(u64::from(now.subsec_nanos()));
    sleep(Duration::from_secs(1).saturating_sub(into_the_second)).await;
}
