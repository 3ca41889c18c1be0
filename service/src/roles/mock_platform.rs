//! `mock-platform`: plays the outside world.

use crate::{api, mock_platform, settings::MockPlatform, shutdown};

/// Serves until a signal.
pub(crate) async fn run(settings: MockPlatform) -> anyhow::Result<()> {
    let token = shutdown::on_signal()?;
    let stop = token.clone().cancelled_owned();
    shutdown::bounded(
        &token,
        settings.shutdown,
        api::serve(settings.listen, mock_platform::router(), stop),
    )
    .await
}
