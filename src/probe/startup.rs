//! The kind `startup`: a scratch copy of the topology started, recorded and removed.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};

use super::{Blind, Change, Params, Scratch, Site};

/// What a copy has to come up when the gate does not say.
const WITHIN: Duration = Duration::from_secs(60);

/// `{services, alone, set, unset, override, within}` → `{refused_by, message, services: […]}`.
pub(super) async fn look(params: Params<'_>, site: &Site) -> Result<Value, Blind> {
    let scratch = read(params, site)?;
    site.ground.startup(&scratch).await.map_err(Blind::because)
}

fn read(params: Params<'_>, site: &Site) -> Result<Scratch, Blind> {
    let mut changes = Vec::new();
    if let Some(name) = params.maybe_text("override")? {
        let fragment = site.files.text(name).map_err(Blind::because)?.to_owned();
        changes.push(Change::Compose { fragment });
    }
    changes.extend(environment(params.table("set")?, &params.texts("unset")?)?);
    // A sabotage stands over what the probe asks, so that the probe cannot undo it.
    changes.extend(site.scratch.iter().cloned());
    Ok(Scratch {
        services: params.texts("services")?,
        alone: params.flag("alone")?,
        changes,
        within: params.duration("within")?.unwrap_or(WITHIN),
    })
}

/// `set = { "api.NAME" = "…" }` and `unset = ["api.NAME"]`, gathered by service.
fn environment(set: Option<&Map<String, Value>>, unset: &[String]) -> Result<Vec<Change>, Blind> {
    let mut by_service: BTreeMap<&str, (BTreeMap<String, String>, Vec<String>)> = BTreeMap::new();
    for (place, value) in set.into_iter().flatten() {
        let (service, name) = split(place)?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        by_service
            .entry(service)
            .or_default()
            .0
            .insert(name.to_owned(), value);
    }
    for place in unset {
        let (service, name) = split(place)?;
        by_service.entry(service).or_default().1.push(name.to_owned());
    }
    let change = |(service, (set, unset)): (&str, _)| Change::Env {
        service: service.to_owned(),
        set,
        unset,
    };
    Ok(by_service.into_iter().map(change).collect())
}

fn split(place: &str) -> Result<(&str, &str), Blind> {
    place
        .split_once('.')
        .ok_or_else(|| Blind::because(format!("`{place}` is not `service.NAME`")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{Change, environment};

    #[test]
    fn settings_are_gathered_by_service() {
        let set = json!({"api.A": "1", "worker.B": 2, "api.C": ""});
        let changes = environment(set.as_object(), &["api.D".into()]).expect("all name a service");
        let env = |service: &str, set: &[(&str, &str)], unset: &[&str]| Change::Env {
            service: service.into(),
            set: set
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect::<BTreeMap<_, _>>(),
            unset: unset.iter().map(|name| (*name).into()).collect(),
        };
        assert_eq!(
            changes,
            [
                env("api", &[("A", "1"), ("C", "")], &["D"]),
                env("worker", &[("B", "2")], &[])
            ]
        );
        assert!(environment(None, &["DATABASE_URL".into()]).is_err());
    }
}
