//! A look from inside a service: closure itself, run where the service runs.

use std::time::Duration;

use super::{
    Topology,
    error::{Error, Result},
    substrate::Executed,
};

impl Topology {
    /// Run closure inside a service: in its network and among its processes, under its account. `argv` are the words
    /// after closure's own name; `--pid` and the id of the service's first process are put behind them. `input` is
    /// all it gets to read.
    ///
    /// # Errors
    /// When there is no such service, it does not live, or what was run in it did not start, did not end within
    /// `within`, or said too much. How it ended is no error.
    pub async fn inside(
        &self,
        service: &str,
        argv: &[String],
        input: &[u8],
        within: Duration,
    ) -> Result<Executed> {
        let failed = |cause| Error::act("look inside", service, cause);
        self.alive("look inside", service)?;
        self.substrate
            .inside(service, argv, input, within)
            .await
            .map_err(failed)
    }
}
