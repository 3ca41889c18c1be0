//! What the engine of this host is and has, without making anything there: for whoever chooses what to run on, and
//! for whoever asks what is missing.

use std::{path::PathBuf, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{
    engine::{Engine, ask},
    images::{OWN_POSTGRES, PULL, is_postgres, unknown_hint},
    refusal::Refusal,
};
use crate::{compose::model::Model, topology::error::Cause};

/// Between two looks at whether the engine is still there.
const PULSE: Duration = Duration::from_secs(1);

/// How long an engine may be silent before we say that it is gone: one that is restarted comes back in less.
const SILENCE: Duration = Duration::from_secs(10);

/// An engine that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSeen {
    /// Where it listens.
    pub socket: PathBuf,
    /// Its own version.
    pub version: String,
    /// The newest version of the API it speaks.
    pub api: String,
    /// The version of the control groups it limits services with.
    pub cgroup: String,
    /// What it keeps images and containers with.
    pub storage: String,
}

/// Where the image of one service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSeen {
    /// The service.
    pub service: String,
    /// What the compose file names.
    pub reference: String,
    /// How it can be had; or why it cannot, with what to do.
    pub standing: Result<&'static str, String>,
}

/// The engine of this host, when it answers.
pub(crate) async fn engine() -> Result<EngineSeen, Cause> {
    let engine = Engine::of_this_host();
    let client = engine.client().await?;
    let version = ask(client.version()).await?;
    let info = ask(client.info()).await?;
    Ok(EngineSeen {
        socket: engine.socket().to_owned(),
        version: version.version.unwrap_or_default(),
        api: version.api_version.unwrap_or_default(),
        cgroup: info
            .cgroup_version
            .map(|version| version.to_string())
            .unwrap_or_default(),
        storage: info.driver.unwrap_or_default(),
    })
}

/// Where the images of a model stand, without pulling any.
pub(crate) async fn images(model: &Model) -> Result<Vec<ImageSeen>, Cause> {
    let engine = Engine::of_this_host();
    let mut seen: Vec<ImageSeen> = Vec::new();
    for (name, service) in &model.services {
        let reference = service.image.clone().unwrap_or_default();
        let standing = match &service.build {
            Some(_) => Ok("is built by the run"),
            None => match seen.iter().find(|known| known.reference == reference) {
                Some(known) => known.standing.clone(),
                None => standing(&engine, &reference, is_postgres(service)).await?,
            },
        };
        seen.push(ImageSeen {
            service: name.clone(),
            reference,
            standing,
        });
    }
    Ok(seen)
}

async fn standing(
    engine: &Engine,
    reference: &str,
    is_postgres: bool,
) -> Result<Result<&'static str, String>, Refusal> {
    if is_here(engine, reference).await? {
        return Ok(Ok("is here"));
    }
    if is_postgres && is_here(engine, OWN_POSTGRES).await? {
        return Ok(Ok(
            "is not here; `closure/postgres:15` stands in for it where it cannot be pulled",
        ));
    }
    let client = engine.client().await?;
    let known = timeout(PULL, ask(client.inspect_registry_image(reference, None))).await;
    if matches!(known, Ok(Ok(_))) {
        return Ok(Ok("is not here, and can be pulled"));
    }
    let hint = if is_postgres {
        "run `scripts/setup`, which builds `closure/postgres:15` to stand in for it".to_owned()
    } else {
        unknown_hint(reference)
    };
    Ok(Err(hint))
}

async fn is_here(engine: &Engine, reference: &str) -> Result<bool, Refusal> {
    match ask(engine.client().await?.inspect_image(reference)).await {
        Ok(_) => Ok(true),
        Err(refusal) if refusal.is_absence() => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Waits until the engine of this host has been silent for so long that it must be gone, and says so.
pub(crate) async fn gone() -> String {
    let engine = Engine::of_this_host();
    loop {
        // Seldom enough to leave a measurement alone.
        sleep(PULSE * 2).await;
        if let Some(gone) = missed_at(&engine).await {
            return gone;
        }
    }
}

/// Says that the engine of this host is gone, unless it answers within the time in which one comes back.
pub(crate) async fn missed() -> Option<String> {
    missed_at(&Engine::of_this_host()).await
}

async fn missed_at(engine: &Engine) -> Option<String> {
    let since = Instant::now();
    while !is_alive(engine).await {
        if since.elapsed() >= SILENCE {
            let socket = engine.socket().display();
            return Some(format!(
                "the Docker engine at `{socket}` went away while the services ran on it"
            ));
        }
        sleep(PULSE).await;
    }
    None
}

async fn is_alive(engine: &Engine) -> bool {
    let pinged = async { ask(engine.client().await?.ping()).await };
    timeout(SILENCE, pinged).await.is_ok_and(|answer| answer.is_ok())
}
