//! Where one copy of the services stands on an engine: its networks, its volumes, its containers.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use bollard::{
    models::{ContainerConfig, VolumeCreateRequest},
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder,
        ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    },
};

use futures::FutureExt as _;

use super::{
    attend::{Attendance, listen},
    creation::{Form, is_volume},
    engine::{Engine, ask},
    events::Events,
    images::{IMAGELESS, Image, Images},
    ledger::Act,
    names::{Filter, LIVE, Names, of_run},
    networks::Networks,
    refusal::{Refusal, told},
    works::Works,
};
use crate::{
    compose::model::Service,
    topology::{
        addresses::Addresses,
        census::Identity,
        error::{Cause, Result},
        goal::has_check,
        journal::{Journal, heard_of},
        run_folder::RunFolder,
        substrate::{LifeLine, Signal, Site},
        tenure::Incarnation,
        vitals::{Sample, is_of_container, listener_of},
    },
};

/// What asks a container to end whose image does not say how it wants to be asked.
const TERM: &str = "SIGTERM";

/// What an engine runs a health check with that is one line of text, when the image does not say.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// One copy of the services.
pub(super) struct Place {
    pub(super) run: Arc<RunFolder>,
    pub(super) engine: Arc<Engine>,
    pub(super) names: Names,
    pub(super) site: Site,
    pub(super) addresses: Addresses,
    pub(super) images: Arc<Images>,
    pub(super) networks: Arc<Networks>,
    /// True for a copy that stands on the networks of the living one, unnoticed.
    pub(super) is_guest: bool,
    units: Mutex<BTreeMap<String, Unit>>,
    pub(super) works: Works,
    pub(super) events: Events,
    pub(super) is_removed: AtomicBool,
}

/// The container of one service.
pub(super) struct Unit {
    pub(super) container: String,
    /// When the engine says it started it.
    pub(super) started_at: String,
    pub(super) definition: Service,
    pub(super) image: Image,
    pub(super) journal: Arc<Journal>,
    pub(super) leader: Leader,
    pub(super) sample: Sample,
}

/// The first process of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leader {
    /// It had ended before it could be looked at.
    Gone,
    /// It lives where this host's processes are not seen from here.
    Hidden,
    Seen(Identity),
}

impl Leader {
    /// The process that the engine calls the first of a container, when the process of that id here is the same one.
    fn of(pid: Option<u32>, container: &str) -> Self {
        match pid {
            None => Self::Gone,
            Some(pid) if !is_of_container(pid, container) => Self::Hidden,
            Some(pid) => Identity::of(pid).map_or(Self::Gone, Self::Seen),
        }
    }
}

impl Place {
    pub(super) fn new(
        run: Arc<RunFolder>,
        engine: Arc<Engine>,
        names: Names,
        site: Site,
        addresses: Addresses,
        images: Arc<Images>,
    ) -> Self {
        Self {
            networks: Networks::new(names.clone()),
            is_guest: false,
            units: Mutex::default(),
            works: Works::default(),
            events: Events::default(),
            is_removed: AtomicBool::new(false),
            run,
            engine,
            names,
            site,
            addresses,
            images,
        }
    }

    /// A second place beside this one; a guest stands on the networks of this one.
    pub(super) fn twin(&self, label: &str, addresses: Addresses, is_guest: bool) -> Self {
        let names = Names {
            run: self.names.run.clone(),
            copy: label.to_owned(),
        };
        let site = Site {
            logs: self.run.path().join(label).join("logs"),
            ..self.site.clone()
        };
        let twin = Self::new(
            Arc::clone(&self.run),
            Arc::clone(&self.engine),
            names,
            site,
            addresses,
            Arc::clone(&self.images),
        );
        if !is_guest {
            return twin;
        }
        Self {
            networks: Arc::clone(&self.networks),
            is_guest,
            ..twin
        }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.run.path().join(&self.names.copy)
    }

    /// True for the copy that probes look at.
    pub(super) fn is_live(&self) -> bool {
        self.names.copy == LIVE
    }

    /// What finds everything of this copy; of the copy that probes look at, everything of the run.
    pub(super) fn filter(&self) -> Filter {
        if self.is_live() {
            of_run(&self.names.run)
        } else {
            self.names.filter()
        }
    }

    /// One log and one memory of last words for all containers of a service.
    pub(super) fn journal_of(&self, name: &str) -> Result<Arc<Journal>> {
        if let Some(unit) = self.units().get(name) {
            unit.journal.turn_over();
            return Ok(Arc::clone(&unit.journal));
        }
        let path = self.site.logs.join(format!("{name}.log"));
        let mut journal = Journal::open(&path, Arc::clone(&self.site.redact))?;
        if self.is_live() {
            journal = journal.and_as_heard(heard_of(self.run.path(), name))?;
        }
        Ok(Arc::new(journal))
    }

    /// Write nothing more of what the services, and the engine of them, say.
    pub(super) fn close_journals(&self) {
        self.events.close();
        self.units().values().for_each(|unit| unit.journal.close());
    }

    /// Start a service and return once its container runs. Whoever stops waiting does not stop the engine: what it
    /// makes is finished all the same, so that it can be taken away.
    pub(super) async fn start(
        self: &Arc<Self>,
        name: &str,
        service: &Service,
        life: LifeLine,
    ) -> Result<(), Cause> {
        self.check(service)?;
        let journal = self.journal_of(name)?;
        let image = self.images.of(name, service).await?;
        let (place, name, service) = (Arc::clone(self), name.to_owned(), service.clone());
        let birth = async move { place.bring_to_life(name, service, image, journal, life).await };
        Ok(self.works.see_through(birth.boxed()).await?)
    }

    /// What an engine would shrug at.
    fn check(&self, service: &Service) -> Result<(), Cause> {
        if service.image.is_none() && service.build.is_none() {
            return Err(IMAGELESS.into());
        }
        let test = service.healthcheck.as_ref().map(|check| &check.test);
        if has_check(service) && test.is_some_and(Vec::is_empty) {
            let words = "its `healthcheck` is switched off, and `x-closure.health` is asked natively only";
            return Err(words.into());
        }
        let mut paths = service.volumes.iter().filter(|mount| !is_volume(mount));
        match paths.find(|mount| !self.site.folder.join(&mount.source).exists()) {
            Some(missing) => Err(format!("`{}`, which it mounts, is not there", missing.source).into()),
            None => Ok(()),
        }
    }

    async fn bring_to_life(
        self: Arc<Self>,
        name: String,
        service: Service,
        image: Image,
        journal: Arc<Journal>,
        life: LifeLine,
    ) -> Result<(), Refusal> {
        let container = self.container(&name, &service, &image).await?;
        let voices = listen(&self.engine, &container).await?;
        let client = self.engine.client().await?;
        let start = ask(client.start_container(&container, None::<StartContainerOptions>));
        let started = self.events.ledger.asking(&container, Act::Start, start).await;
        if let Err(refusal) = started {
            return Err(self.blamed(refusal).await);
        }
        let seen = ask(client.inspect_container(&container, None::<InspectContainerOptions>)).await?;
        let state = seen.state.unwrap_or_default();
        let started_at = told(state.started_at, "when it started a container")?;
        let pid = state.pid.and_then(|pid| u32::try_from(pid).ok());
        let pid = pid.filter(|pid| *pid != 0);
        let config = seen.config.unwrap_or_default();
        self.events.ledger.enter(&container, &name, check_of(&config));
        let check = service.healthcheck.clone().filter(|check| !check.test.is_empty());
        life.send_modify(|life| life.begin(pid, check.is_some()));
        self.units().insert(
            name,
            Unit {
                container: container.clone(),
                started_at,
                definition: service,
                image,
                journal: Arc::clone(&journal),
                leader: Leader::of(pid, &container),
                sample: Sample::begin(),
            },
        );
        let attendance = Attendance {
            engine: Arc::clone(&self.engine),
            container,
            journal,
            check,
            life,
        };
        tokio::spawn(attendance.attend(voices));
        Ok(())
    }

    /// The container of a service, not started: the one it had, when it is started as it was before, else a new one.
    async fn container(&self, name: &str, service: &Service, image: &Image) -> Result<String, Refusal> {
        let known = self.units().get(name).map(|unit| {
            let is_as_before = unit.definition == *service && unit.image.id == image.id;
            (unit.container.clone(), is_as_before)
        });
        let client = self.engine.client().await?;
        if let Some((container, true)) = known {
            // Started as it was: on its networks, too, if it was taken off them.
            self.join(name, &container, service).await?;
            return Ok(container);
        }
        let called = self.names.of(name);
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let removal = ask(client.remove_container(&called, Some(options)));
        let removed = match known {
            // One that lives is killed by the way.
            Some((former, _)) => self.events.ledger.asking(&former, Act::Kill, removal).await,
            None => removal.await,
        };
        match removed {
            Err(refusal) if !refusal.is_absence() => return Err(refusal),
            _ => {}
        }
        let networks = self.networks_of(service).await?;
        let form = Form {
            name,
            service,
            image,
            names: &self.names,
            folder: &self.site.folder,
            addresses: &self.addresses,
            network: &networks[0],
            aliases: self.aliases(name),
        };
        for (volume, _) in form.volumes() {
            let request = VolumeCreateRequest {
                name: Some(volume),
                labels: Some(self.names.labels()),
                ..VolumeCreateRequest::default()
            };
            ask(client.create_volume(request)).await?;
        }
        let options = CreateContainerOptionsBuilder::default().name(&called).build();
        let created = ask(client.create_container(Some(options), form.body())).await?;
        // Only the first can be named when it is made.
        self.join(name, &created.id, service).await?;
        Ok(created.id)
    }

    /// The same refusal, with the name of whoever holds the port that was wanted.
    async fn blamed(&self, refusal: Refusal) -> Refusal {
        let Some(port) = refusal.taken_port() else {
            return refusal;
        };
        let holder = match self.publisher_of(port).await {
            Some(container) => format!("container `{container}`"),
            None => listener_of(port).unwrap_or_else(|| "somebody we cannot see".to_owned()),
        };
        Refusal::words(format!(
            "port {port} of 127.0.0.1 is taken: {holder} listens on it"
        ))
    }

    /// The other container that holds a port of this host.
    async fn publisher_of(&self, port: u16) -> Option<String> {
        let filter = HashMap::from([("publish", vec![port.to_string()])]);
        let options = ListContainersOptionsBuilder::default().filters(&filter).build();
        let found = ask(self.engine.client().await.ok()?.list_containers(Some(options)))
            .await
            .ok()?;
        let name = found.into_iter().next()?.names?.into_iter().next()?;
        Some(name.trim_start_matches('/').to_owned())
    }

    pub(super) async fn signal(&self, name: &str, signal: Signal) -> Result<(), Cause> {
        let (container, stop) = {
            let units = self.units();
            let unit = units.get(name).ok_or("it was never started")?;
            (unit.container.clone(), unit.image.stop_signal.clone())
        };
        let (client, ledger) = (self.engine.client().await?, &self.events.ledger);
        let kill = |signal: &str| {
            let options = KillContainerOptionsBuilder::default().signal(signal).build();
            ask(client.kill_container(&container, Some(options)))
        };
        let done = match signal {
            Signal::Stop => {
                let stop = kill(stop.as_deref().unwrap_or(TERM));
                ledger.asking(&container, Act::Kill, stop).await
            }
            Signal::Kill => ledger.asking(&container, Act::Kill, kill("SIGKILL")).await,
            Signal::Pause => {
                let pause = ask(client.pause_container(&container));
                ledger.asking(&container, Act::Pause, pause).await
            }
            Signal::Unpause => {
                let unpause = ask(client.unpause_container(&container));
                ledger.asking(&container, Act::Unpause, unpause).await
            }
        };
        done.map_err(|refusal| {
            if refusal.is_of_the_dead() {
                "it does not live".into()
            } else {
                refusal.into()
            }
        })
    }

    /// The life of a service that was begun here last.
    pub(super) fn begun(&self, name: &str) -> Option<Incarnation> {
        self.units().get(name).map(|unit| Incarnation {
            id: unit.container.clone(),
            started_at: unit.started_at.clone(),
        })
    }

    pub(super) fn units(&self) -> MutexGuard<'_, BTreeMap<String, Unit>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The words of the health check that the engine makes of a container, its image's own too, as it joins them.
fn check_of(config: &ContainerConfig) -> Option<String> {
    let check = config.healthcheck.as_ref()?.test.as_ref()?;
    let (kind, words) = check.split_first()?;
    match kind.as_str() {
        "CMD" => Some(words.join(" ")),
        "CMD-SHELL" => {
            let shell = config.shell.clone().filter(|shell| !shell.is_empty());
            let shell = shell.unwrap_or_else(|| SHELL.map(str::to_owned).to_vec());
            Some([shell, words.to_vec()].concat().join(" "))
        }
        _ => None,
    }
}
