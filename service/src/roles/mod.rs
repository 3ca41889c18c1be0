//! The roles, one file each: what it starts, in which order, and when it ends.

pub(crate) mod api;
pub(crate) mod compute;
pub(crate) mod enqueue;
pub(crate) mod exporter;
pub(crate) mod healthcheck;
pub(crate) mod migrate;
pub(crate) mod mock_platform;
pub(crate) mod openapi;
pub(crate) mod provision;
pub(crate) mod settings;
pub(crate) mod worker;
