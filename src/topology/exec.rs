//! A program of the service's own, run in it while it lives.

use std::time::Duration;

use super::{
    Topology,
    error::{Error, Result},
    substrate::Executed,
};

impl Topology {
    /// Run a program in a service that lives: under its account, with its environment, in its folder. `input` is all it
    /// gets to read. How it ended is no error.
    ///
    /// # Errors
    /// When there is no such service, it does not live, or the program cannot be started, does not end within
    /// `within`, or says too much; it is ended then.
    pub async fn exec(
        &self,
        service: &str,
        argv: &[String],
        input: &[u8],
        within: Duration,
    ) -> Result<Executed> {
        self.alive("run a program in", service)?;
        let executed = self.substrate.exec(service, argv, input, within).await;
        executed.map_err(|cause| Error::act("run a program in", service, cause))
    }
}
