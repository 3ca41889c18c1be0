//! Metrics. The API counts what it took in and shows the queue as the database has it; the worker writes shards that
//! the exporter reads. Labels come from closed lists: never a tenant, never an id.

mod broker;
mod durations;
mod exporter;
mod folder;
mod ingestion;
mod shard;
mod tally;

pub(crate) use self::{broker::Broker, exporter::exposition, ingestion::Ingestion, shard::Shard};

/// The content type of everything in this room.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the duration buckets, in seconds. The last bucket, without a bound, is not in the list.
pub(crate) const BUCKETS: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];
