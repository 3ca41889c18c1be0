//! Every request of a load, made before the first one is sent.

use std::time::Duration;

use serde_json::{Value, json};

use super::{asked::Asked, classes::classes};
use crate::{
    cel::Scope,
    gate::{model::Tree, tree::evaluate},
    load::{Arrivals, Launch, PreparedRequest, Schedule},
    observation::Names,
    probe::{Site, http},
};

/// A load that is ready to be driven.
pub(super) struct Ready {
    pub(super) arrivals: Arrivals,
    pub(super) launch: Launch,
    pub(super) timeout: Duration,
    /// The mix as executed.
    pub(super) counts: Value,
    /// What each request was, in the order of the schedule.
    pub(super) asked: Vec<Asked>,
}

/// Make every request before the first one is sent. `label` names its keys: the same in no other pass.
pub(super) fn prepare(
    tree: &Tree,
    scope: &Scope<'_>,
    site: &Site,
    label: &str,
    arrivals: Arrivals,
    host: Option<&str>,
) -> Result<Ready, String> {
    let total = arrivals.count().map_err(|fault| fault.to_string())?;
    let classes = classes(tree, scope, total)?;
    let plans = classes.iter().map(|class| class.plan.clone()).collect();
    let key = |index: usize| {
        let name = format!("{label}/{index}");
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes())
            .simple()
            .to_string()
    };
    let schedule = Schedule::new(arrivals, plans, label, key).map_err(|fault| fault.to_string())?;
    let mut timeout = Duration::ZERO;
    let mut asked = Vec::with_capacity(total);
    let launch = Launch::prepare(schedule, |arrival, at| {
        let class = &classes[arrival.class];
        let mut names = Names::new();
        names.insert("key".into(), arrival.key.as_str().into());
        names.insert("i".into(), arrival.index.into());
        names.insert("at".into(), at.into());
        names.insert("T".into(), total.into());
        let request = request(class.tree, scope, site, &names)?;
        timeout = timeout.max(request.timeout);
        asked.push(Asked::of(&request));
        Ok::<_, String>(PreparedRequest {
            method: request.method,
            url: host.map_or(request.url, |host| format!("http://{host}{}", request.path)),
            headers: request.headers,
            body: request.body.into(),
        })
    })
    .map_err(|fault| fault.to_string())?;
    let counts = classes
        .iter()
        .map(|class| json!({"name": class.plan.name, "count": class.plan.count}))
        .collect();
    Ok(Ready {
        arrivals,
        launch,
        timeout,
        counts,
        asked,
    })
}

fn request(tree: &Tree, scope: &Scope<'_>, site: &Site, names: &Names) -> Result<http::Prepared, String> {
    let mut inner = scope.child();
    names.iter().for_each(|(name, value)| inner.bind(name, value));
    let mut with = Names::new();
    if let Some(Tree::Table(entries)) = tree.get("with") {
        for (name, value) in entries {
            let name = name.literal().unwrap_or_default();
            with.insert(name.to_owned(), evaluate(value, &inner)?);
        }
    }
    with.iter().for_each(|(name, value)| inner.bind(name, value));
    http::prepare(tree, &inner, site)
}
