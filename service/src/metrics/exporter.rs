//! The exporter's page: the worker's shards, added up at every scrape. It needs a folder, and no database.

use std::{fmt, path::Path};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text::encode},
    metrics::MetricType,
    registry::Registry,
};

use super::{
    durations::Durations,
    folder,
    tally::{Counts, Tally},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    task_name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct View {
    view_name: String,
    outcome: String,
}

#[derive(Debug)]
struct Shards {
    tally: Tally,
    count: usize,
}

/// The page for a folder of shards. Fails when the folder cannot be read.
pub(crate) fn exposition(folder: &Path) -> anyhow::Result<String> {
    let (tally, count) = folder::read(folder)?;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Shards { tally, count }));
    let mut page = String::new();
    encode(&mut page, &registry)?;
    Ok(page)
}

impl Collector for Shards {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.counter(&mut encoder, "celery_task_started", "Attempts begun", |counts| {
            counts.started
        })?;
        self.counter(
            &mut encoder,
            "celery_task_success",
            "Attempts that succeeded",
            |counts| counts.success,
        )?;
        self.counter(
            &mut encoder,
            "celery_task_failure",
            "Attempts that failed",
            |counts| counts.failure,
        )?;
        self.durations(&mut encoder)?;
        self.refreshes(&mut encoder)?;
        let shards = u64::try_from(self.count).unwrap_or(u64::MAX);
        encoder
            .encode_descriptor(
                "multiproc_shards",
                "Worker processes that ever counted here",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&shards)
    }
}

impl Shards {
    fn counter(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&Counts) -> u64,
    ) -> Result<(), fmt::Error> {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (task, counts) in &self.tally.tasks {
            let label = Label {
                task_name: task.clone(),
            };
            family
                .encode_family(&label)?
                .encode_counter::<NoLabelSet, _, u64>(&value(counts), None)?;
        }
        Ok(())
    }

    fn durations(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let name = "celery_task_duration_seconds";
        let mut family =
            encoder.encode_descriptor(name, "Duration of ended attempts", None, MetricType::Histogram)?;
        for (task, counts) in &self.tally.tasks {
            let label = Label {
                task_name: task.clone(),
            };
            counts.durations.encode(&mut family, &label)?;
        }
        Ok(())
    }

    fn refreshes(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut family = encoder.encode_descriptor(
            "matview_refresh",
            "Refreshes of a view that ended",
            None,
            MetricType::Counter,
        )?;
        for (label, durations) in self.views() {
            family
                .encode_family(&label)?
                .encode_counter::<NoLabelSet, _, u64>(&durations.count(), None)?;
        }
        let mut family = encoder.encode_descriptor(
            "matview_refresh_failures",
            "Those that failed, and left the view as it was",
            None,
            MetricType::Counter,
        )?;
        for (label, durations) in self.views().filter(|(label, _)| label.outcome == "failed") {
            family
                .encode_family(&label)?
                .encode_counter::<NoLabelSet, _, u64>(&durations.count(), None)?;
        }
        let mut family = encoder.encode_descriptor(
            "matview_refresh_duration_seconds",
            "Duration of the refresh of one view",
            None,
            MetricType::Histogram,
        )?;
        for (label, durations) in self.views() {
            durations.encode(&mut family, &label)?;
        }
        Ok(())
    }

    fn views(&self) -> impl Iterator<Item = (View, &Durations)> {
        self.tally.matviews.iter().flat_map(|(view, outcomes)| {
            outcomes.iter().map(|(outcome, durations)| {
                let label = View {
                    view_name: view.clone(),
                    outcome: outcome.clone(),
                };
                (label, durations)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Shard;

    #[test]
    fn a_page_has_every_task_that_was_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = Shard::create(folder.path()).expect("writable");
        shard.started("health.probe");
        shard.succeeded("health.probe", Duration::from_millis(3));
        shard.write();
        let page = exposition(folder.path()).expect("readable");
        for line in [
            "celery_task_started_total{task_name=\"health.probe\"} 1",
            "celery_task_success_total{task_name=\"health.probe\"} 1",
            "celery_task_failure_total{task_name=\"health.probe\"} 0",
            "celery_task_duration_seconds_bucket{le=\"0.002\",task_name=\"health.probe\"} 0",
            "celery_task_duration_seconds_bucket{le=\"0.005\",task_name=\"health.probe\"} 1",
            "celery_task_duration_seconds_bucket{le=\"+Inf\",task_name=\"health.probe\"} 1",
            "celery_task_duration_seconds_count{task_name=\"health.probe\"} 1",
            "multiproc_shards 1",
            "# EOF",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "no line `{line}` in\n{page}"
            );
        }
    }
}
