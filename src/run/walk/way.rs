//! The way from a load to its services, where a proxy is going to stand while the load lasts.
//!
//! Every request of a load is made before the first one is sent, and knows from then on where it goes. So a relay that
//! a change inside the load will need stands from the load's beginning, and lets everything pass until then.

use super::{Walk, span};
use crate::{
    cel::Scope,
    control,
    gate::{
        model::{Change, LookAt, Probe},
        tree::evaluate,
    },
    probe::{Held, http::own_address},
};

/// Stand a relay before every service that a proxy inside a load is about.
pub(super) fn hold(walk: &Walk<'_>, load: &Probe, scope: &Scope<'_>) -> Result<Vec<Held>, String> {
    let mut held = Vec::new();
    for probe in span::inside(walk.gate, load) {
        for proxy in proxies(walk, probe)? {
            let service = proxy.params.get("service").ok_or("a proxy without `service`")?;
            let service = evaluate(service, scope)?;
            let service = service.as_str().unwrap_or_default();
            let relay = walk
                .site
                .relays
                .hold(service, own_address(service, walk.site)?)
                .map_err(|error| format!("no relay before `{service}`: {error}"))?;
            held.push(relay);
        }
    }
    Ok(held)
}

/// The proxies among the changes a probe makes, under whatever overrides are about it.
fn proxies(walk: &Walk<'_>, probe: &Probe) -> Result<Vec<Change>, String> {
    let changed = walk.overrides.of(probe).transpose()?;
    let LookAt::Kind { kind, params } = &changed.as_ref().unwrap_or(probe).look else {
        return Ok(Vec::new());
    };
    if kind != "change" {
        return Ok(Vec::new());
    }
    let mut proxies = params
        .get("make")
        .map(control::read)
        .transpose()?
        .unwrap_or_default();
    proxies.retain(|change| change.kind == "proxy");
    Ok(proxies)
}
