//! Whether somebody else had a hand in a container of ours: asked of the engine by the name we gave it, because
//! whoever recreates a container keeps its name and not its id.

use bollard::{models::ContainerInspectResponse, query_parameters::InspectContainerOptions};

use super::{
    engine::ask,
    place::Place,
    refusal::{Refusal, told},
};
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
        incarnation(seen)
    }
}

/// The life of a container as the engine tells it.
pub(super) fn incarnation(seen: ContainerInspectResponse) -> Result<Incarnation, Refusal> {
    let started_at = seen.state.and_then(|state| state.started_at);
    Ok(Incarnation {
        id: told(seen.id, "the id of a container")?,
        started_at: told(started_at, "when it started a container")?,
    })
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerInspectResponse, ContainerState};

    use super::incarnation;

    fn seen(id: Option<&str>, started_at: Option<&str>) -> ContainerInspectResponse {
        ContainerInspectResponse {
            id: id.map(str::to_owned),
            state: Some(ContainerState {
                started_at: started_at.map(str::to_owned),
                ..ContainerState::default()
            }),
            ..ContainerInspectResponse::default()
        }
    }

    #[test]
    fn a_life_that_the_engine_tells_half_of_is_no_life() {
        let whole = incarnation(seen(Some("4f0"), Some("2026-01-01T00:00:00Z"))).expect("both are said");
        assert_eq!(
            (whole.id.as_str(), whole.started_at.as_str()),
            ("4f0", "2026-01-01T00:00:00Z")
        );
        let cases = [
            (
                seen(None, Some("2026-01-01T00:00:00Z")),
                "the Docker engine did not say the id of a container",
            ),
            (
                seen(Some(""), Some("2026-01-01T00:00:00Z")),
                "the Docker engine did not say the id of a container",
            ),
            (
                seen(Some("4f0"), None),
                "the Docker engine did not say when it started a container",
            ),
            (
                seen(Some("4f0"), Some("")),
                "the Docker engine did not say when it started a container",
            ),
            (
                ContainerInspectResponse {
                    state: None,
                    ..seen(Some("4f0"), None)
                },
                "the Docker engine did not say when it started a container",
            ),
        ];
        for (seen, words) in cases {
            assert_eq!(incarnation(seen).expect_err("half").to_string(), words);
        }
    }
}
