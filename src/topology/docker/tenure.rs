//! Whether somebody else had a hand in a container of ours: asked of the engine by the name we gave it, because
//! whoever recreates a container keeps its name and not its id.

use bollard::query_parameters::InspectContainerOptions;

use super::{engine::ask, place::Place, refusal::Refusal};
use crate::topology::{
    error::Cause,
    tenure::{Incarnation, Tenure},
};

impl Place {
    pub(super) async fn tenure(&self, name: &str) -> Result<Tenure, Cause> {
        let Some(ours) = self.begun(name) else {
            return Ok(Tenure::default());
        };
        let now = match self.found(&self.names.of(name)).await {
            Ok(found) => Some(found),
            Err(refusal) if refusal.is_absence() => None,
            Err(refusal) => return Err(refusal.into()),
        };
        Ok(Tenure {
            ours: Some(ours),
            now,
        })
    }

    async fn found(&self, called: &str) -> Result<Incarnation, Refusal> {
        let client = self.engine.client().await?;
        let seen = ask(client.inspect_container(called, None::<InspectContainerOptions>)).await?;
        Ok(Incarnation {
            id: seen.id.unwrap_or_default(),
            started_at: seen.state.and_then(|state| state.started_at).unwrap_or_default(),
        })
    }
}
