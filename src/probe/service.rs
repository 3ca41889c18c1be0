//! The kind `service`: what runs, seen from the host.

use serde_json::{Value, json};

use super::{Blind, Params, Site};

/// `service = "api"` or `"*"` → `{services: […]}`.
pub(super) async fn look(params: Params<'_>, site: &Site) -> Result<Value, Blind> {
    let service = params.text("service")?;
    let services = site.ground.inspect(service).await.map_err(Blind::because)?;
    Ok(json!({ "services": services }))
}
