//! `exporter`: shows the worker's metrics, from a folder and nothing else.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{
    api::{self, problem::Problem},
    metrics,
    settings::Exporter,
    shutdown,
};

/// Serves until a signal.
pub(crate) async fn run(settings: Exporter) -> anyhow::Result<()> {
    let token = shutdown::on_signal()?;
    let router = Router::new()
        .route("/metrics", get(page))
        .fallback(|| async { Problem::plain(StatusCode::NOT_FOUND) })
        .with_state(Arc::new(settings.metrics_dir));
    let stop = token.clone().cancelled_owned();
    shutdown::bounded(
        &token,
        settings.shutdown,
        api::serve(settings.listen, router, stop),
    )
    .await
}

async fn page(State(folder): State<Arc<PathBuf>>) -> Response {
    match metrics::exposition(&folder) {
        Ok(page) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response(),
        Err(error) => {
            tracing::warn!(%error, "the shards were not read");
            Problem::plain(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
    }
}
