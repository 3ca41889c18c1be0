//! Looks that repeat while a span lasts.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{Around, Seen, Walk};
use crate::gate::model::Probe;

impl Walk<'_> {
    /// A look that repeats while a span lasts, under whatever overrides are about it.
    pub(super) async fn repeated(&self, probe: &Probe, begin: Instant, over: &watch::Receiver<bool>) {
        match self.overrides.of(probe).transpose() {
            Ok(changed) => self.repeat(changed.as_ref().unwrap_or(probe), begin, over).await,
            Err(reason) => self.keep(&probe.name, &Seen::blind(reason)),
        }
    }

    /// Repeat a look while a span lasts: every so often, by the clock, not by how long the last one took.
    async fn repeat(&self, probe: &Probe, begin: Instant, over: &watch::Receiver<bool>) {
        let mut points = Vec::new();
        let mut reasons = BTreeMap::new();
        let every = probe
            .every
            .as_ref()
            .map(|text| self.duration(text, &Around::new()));
        let every = match every {
            Some(Ok(every)) if !every.is_zero() => every,
            Some(Err(reason)) => return self.keep(&probe.name, &Seen::blind(reason)),
            _ => return self.keep(&probe.name, &Seen::blind("`every` is no time at all")),
        };
        let mut ended = over.clone();
        for i in 0_u32.. {
            let next = begin + every * i;
            tokio::select! {
                () = sleep_until(next) => {}
                _ = ended.wait_for(|over| *over) => break,
            }
            let mut around = Around::new();
            around.insert("i".into(), i.into());
            let path = format!("{}[{i}]", probe.name);
            let seen = self.one(probe, &around, &path).await;
            match (seen.value, seen.blind) {
                (Some(Value::Object(fields)), _) => {
                    let mut point = Map::from_iter([("i".to_owned(), json!(i))]);
                    point.extend(fields);
                    points.push(Value::Object(point));
                }
                (_, Some(reason)) => {
                    reasons.entry(reason).or_insert(i);
                }
                _ => {}
            }
            if *over.borrow() {
                break;
            }
        }
        let blind = reasons
            .iter()
            .map(|(reason, i)| format!("from point {i}: {reason}"))
            .collect::<Vec<_>>();
        self.keep(
            &probe.name,
            &Seen {
                value: Some(json!({ "points": points })),
                blind: (!blind.is_empty()).then(|| blind.join("; ")),
                met: true,
            },
        );
    }
}
