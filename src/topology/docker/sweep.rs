//! Takes away what carries a run's labels, and proves by asking again that nothing does any more.

use std::{collections::HashMap, path::Path, thread, time::Duration};

use bollard::{
    Docker,
    query_parameters::{
        ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
        ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
        RemoveVolumeOptionsBuilder,
    },
};
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::{
    engine::{Engine, ask},
    names::Filter,
    refusal::Refusal,
};

/// How long things may take to be gone: an engine that holds on to a container for a moment says so.
const VANISHING: Duration = Duration::from_secs(30);

/// How long an engine goes on with what it was asked by somebody who is dead by now.
const ECHO: Duration = Duration::from_secs(1);

/// Between two tries at something that could not be removed yet.
const PAUSE: Duration = Duration::from_millis(100);

/// One thing of an engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Container(String),
    Network(String),
    Volume(String),
    Image(String),
}

/// What was removed, in words, and what could not be, with the reason.
#[derive(Debug, Default)]
pub(super) struct Swept {
    pub(super) removed: Vec<String>,
    pub(super) left: Vec<String>,
}

/// Remove everything that carries these labels. `looks` is how often in a row nothing may be found before that is
/// believed: once when everybody who could still make something is known to be done, else twice.
pub(super) async fn sweep(engine: &Engine, filter: &Filter, looks: u32) -> Result<Swept, Refusal> {
    let client = engine.client().await?;
    let deadline = Instant::now() + VANISHING;
    let (mut swept, mut empty_looks) = (Swept::default(), 0);
    loop {
        let found = everything(client, filter).await?;
        empty_looks = if found.is_empty() { empty_looks + 1 } else { 0 };
        if empty_looks == looks {
            return Ok(swept);
        }
        if found.is_empty() {
            sleep(ECHO).await;
            continue;
        }
        let stubborn = remove_all(client, &found, &mut swept.removed).await;
        if !stubborn.is_empty() {
            if Instant::now() >= deadline {
                swept.left = stubborn;
                return Ok(swept);
            }
            sleep(PAUSE).await;
        }
    }
}

/// The same for callers that cannot wait for a future: on a thread and a runtime of its own.
pub(super) fn sweep_blocking(socket: &Path, filter: &Filter) -> Result<Swept, Refusal> {
    let swept = thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Refusal::words(error.to_string()))?;
            runtime.block_on(sweep(&Engine::at(socket.to_owned()), filter, 2))
        });
        sweeper.join()
    });
    swept.unwrap_or_else(|_| Err(Refusal::silence()))
}

/// Containers first, then what they held; an image last, because a container is made from it.
async fn remove_all(client: &Docker, found: &[Thing], removed: &mut Vec<String>) -> Vec<String> {
    let mut stubborn = Vec::new();
    for kind in found.chunk_by(|a, b| std::mem::discriminant(a) == std::mem::discriminant(b)) {
        let removals = join_all(kind.iter().map(|thing| remove(client, thing))).await;
        for (thing, removal) in kind.iter().zip(removals) {
            match removal {
                Err(refusal) if !refusal.is_absence() => {
                    stubborn.push(format!("{} is still there: {refusal}", thing.in_words()));
                }
                _ => removed.push(thing.in_words()),
            }
        }
    }
    stubborn
}

async fn remove(client: &Docker, thing: &Thing) -> Result<(), Refusal> {
    match thing {
        Thing::Container(name) => {
            let options = RemoveContainerOptionsBuilder::default()
                .force(true)
                .v(true)
                .build();
            ask(client.remove_container(name, Some(options))).await
        }
        Thing::Network(name) => ask(client.remove_network(name)).await,
        Thing::Volume(name) => {
            let options = RemoveVolumeOptionsBuilder::default().force(true).build();
            ask(client.remove_volume(name, Some(options))).await
        }
        Thing::Image(id) => {
            let options = RemoveImageOptionsBuilder::default().force(true).build();
            ask(client.remove_image(id, Some(options), None)).await.map(drop)
        }
    }
}

async fn everything(client: &Docker, filter: &Filter) -> Result<Vec<Thing>, Refusal> {
    let labels = HashMap::from([("label", filter.clone())]);
    let containers = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&labels)
        .build();
    let networks = ListNetworksOptionsBuilder::default().filters(&labels).build();
    let volumes = ListVolumesOptionsBuilder::default().filters(&labels).build();
    let images = ListImagesOptionsBuilder::default().filters(&labels).build();
    let containers = ask(client.list_containers(Some(containers))).await?;
    let networks = ask(client.list_networks(Some(networks))).await?;
    let volumes = ask(client.list_volumes(Some(volumes))).await?;
    let images = ask(client.list_images(Some(images))).await?;
    let mut found: Vec<Thing> = Vec::new();
    found.extend(containers.into_iter().filter_map(|one| {
        let name = one.names.and_then(|names| names.into_iter().next()).or(one.id)?;
        Some(Thing::Container(name.trim_start_matches('/').to_owned()))
    }));
    found.extend(networks.into_iter().filter_map(|one| one.id.map(Thing::Network)));
    let volumes = volumes.volumes.unwrap_or_default();
    found.extend(volumes.into_iter().map(|one| Thing::Volume(one.name)));
    found.extend(images.into_iter().map(|one| Thing::Image(one.id)));
    Ok(found)
}

impl Thing {
    fn in_words(&self) -> String {
        match self {
            Self::Container(name) => format!("container `{name}`"),
            Self::Network(id) => format!("network `{}`", short(id)),
            Self::Volume(name) => format!("volume `{name}`"),
            Self::Image(id) => format!("image `{}`", short(id)),
        }
    }
}

/// An id as the command line tool shows it.
fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}
