//! The kind `startup`: a scratch copy of the topology started, recorded and removed.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};

use super::{Blind, Change, Params, Scratch, Site};

/// What a copy has to come up when the gate does not say.
const WITHIN: Duration = Duration::from_mins(1);

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
    changes.extend(environment(params.table("set")?, &params.texts("unset")?));
    // A sabotage stands over what the probe asks, so that the probe cannot undo it.
    changes.extend(site.scratch.iter().cloned());
    Ok(Scratch {
        services: params.texts("services")?,
        alone: params.flag("alone")?,
        changes,
        within: params.duration("within")?.unwrap_or(WITHIN),
    })
}

/// What is set, and what is taken away.
type Told = (BTreeMap<String, String>, Vec<String>);

/// `set = { "api.NAME" = "…", VARIABLE = "…" }` and `unset = ["api.NAME"]`, gathered by service. A null under `set`
/// takes away as well.
fn environment(set: Option<&Map<String, Value>>, unset: &[String]) -> Vec<Change> {
    let taken = unset.iter().map(|place| (place.as_str(), &Value::Null));
    let given = set
        .into_iter()
        .flatten()
        .map(|(place, value)| (place.as_str(), value));
    let mut gathered: BTreeMap<Option<&str>, Told> = BTreeMap::new();
    for (place, value) in given.chain(taken) {
        let (service, name) = match place.split_once('.') {
            Some((service, name)) => (Some(service), name.to_owned()),
            None => (None, place.to_owned()),
        };
        let (set, unset) = gathered.entry(service).or_default();
        match value {
            Value::Null => unset.push(name),
            Value::String(text) => drop(set.insert(name, text.clone())),
            other => drop(set.insert(name, other.to_string())),
        }
    }
    let change = |(service, (set, unset)): (Option<&str>, _)| match service {
        Some(service) => Change::Env {
            service: service.to_owned(),
            set,
            unset,
        },
        None => Change::Variables { set, unset },
    };
    gathered.into_iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{Change, environment};

    #[test]
    fn settings_are_gathered_by_service() {
        let set = json!({"api.A": "1", "worker.B": 2, "api.C": "", "api.E": null, "E2E_X": "x"});
        let changes = environment(set.as_object(), &["api.D".into(), "E2E_Y".into()]);
        let map = |set: &[(&str, &str)]| {
            set.iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect::<BTreeMap<_, _>>()
        };
        let env = |service: &str, set: &[(&str, &str)], unset: &[&str]| Change::Env {
            service: service.into(),
            set: map(set),
            unset: unset.iter().map(|name| (*name).into()).collect(),
        };
        let variables = Change::Variables {
            set: map(&[("E2E_X", "x")]),
            unset: vec!["E2E_Y".into()],
        };
        assert_eq!(
            changes,
            [
                variables,
                env("api", &[("A", "1"), ("C", "")], &["E", "D"]),
                env("worker", &[("B", "2")], &[])
            ]
        );
        assert!(environment(None, &[]).is_empty());
    }
}
