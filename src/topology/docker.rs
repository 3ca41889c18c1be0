//! The docker substrate: services as containers of this host's engine, on networks and volumes of the run. This file
//! and its folder are the only ones that name the engine's client.

mod attend;
mod check;
mod context;
mod creation;
mod engine;
mod events;
mod exec;
mod images;
mod inside;
mod ledger;
mod links;
mod look;
mod names;
mod networks;
mod place;
mod refusal;
mod stats;
mod sweep;
mod tenure;
mod works;

pub use self::check::{EngineSeen, ImageSeen};
pub(crate) use self::check::{engine, gone, images, missed};

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt as _};

use self::{engine::Engine, images::Images, names::Names, place::Place};
use super::{
    addresses::Addresses,
    error::{Cause, Error, Leftover, Result},
    prepare::prepare,
    run_folder::{RunFolder, create_passable, remove},
    seen::Vitals,
    substrate::{Ear, Executed, LifeLine, On, Signal, Site, Substrate},
    tenure::{Heard, Tenure},
    vitals::listener_of,
};
use crate::compose::model::{Model, Service};

/// What an engine runs for every port that a container publishes.
const PROXY: &str = "docker-proxy";

/// One copy of the services on an engine of this host.
pub(crate) struct Docker {
    place: Arc<Place>,
}

impl Docker {
    /// The copy that probes look at.
    pub(crate) fn live(run: Arc<RunFolder>, site: Site, addresses: Addresses) -> Result<Self> {
        let folder = site
            .folder
            .canonicalize()
            .map_err(Error::folder("use", &site.folder))?;
        let logs = std::path::absolute(&site.logs).map_err(Error::folder("use", &site.logs))?;
        let site = Site { folder, logs, ..site };
        let engine = Arc::new(Engine::of_this_host());
        // Before anything is made there: whoever cleans must know where to look.
        run.note(|state| {
            state.substrate = On::Docker;
            state.engine = Some(engine.socket().to_owned());
        })?;
        let names = names(&run, names::LIVE);
        let images = Images::new(Arc::clone(&engine), names.clone(), site.clone());
        let place = Place::new(run, engine, names, site, addresses, Arc::new(images));
        Self::at(place)
    }

    fn at(place: Place) -> Result<Self> {
        let (label, folder) = (place.names.copy.clone(), place.folder());
        place.run.note(|state| state.folders.push(label))?;
        for folder in [&folder, &place.site.logs] {
            create_passable(folder).map_err(Error::folder("create", folder))?;
        }
        Ok(Self {
            place: Arc::new(place),
        })
    }

    async fn prepare_for(&self, model: &Model) -> Result<()> {
        let place = &self.place;
        // Before a long build: without an engine there is nothing to build for.
        let reached = place.engine.client().await;
        reached.map_err(|refusal| Error::Substrate(refusal.into()))?;
        if place.is_live() {
            place.events.follow(&place.engine, &place.names);
        }
        prepare(model, &place.site, place.run.id()).await?;
        for (name, service) in &model.services {
            place.images.of(name, service).await?;
        }
        Ok(())
    }

    /// Remove this copy; the copy that probes look at takes every other one of the run with it.
    async fn take_away(&self, keep: bool) -> Vec<Leftover> {
        if self.place.is_removed.swap(true, Ordering::SeqCst) {
            return Vec::new();
        }
        let mut is_known = self.place.works.finish().await;
        if self.place.is_live() {
            is_known &= self.place.images.works.finish().await;
        }
        let looks = if is_known { 1 } else { 2 };
        let mut left = Vec::new();
        if self.place.engine.was_reached() {
            let swept = sweep::sweep(&self.place.engine, &self.place.filter(), looks).await;
            left.extend(self.leftovers(swept));
        }
        // Whoever is left talks on, and the record is about to be sealed.
        self.place.close_journals();
        // Whoever else listens there by now is not ours: containers that are gone listen no more.
        let held = self.place.addresses.still_open().into_iter().filter(|&port| {
            let holder = listener_of(port);
            holder.is_some_and(|holder| holder.contains(PROXY))
        });
        left.extend(held.map(Leftover::Port));
        if !keep {
            left.extend(remove(&self.place.folder()));
        }
        left
    }

    fn leftovers(&self, swept: Result<sweep::Swept, refusal::Refusal>) -> Vec<Leftover> {
        match swept {
            Ok(swept) => swept.left.into_iter().map(Leftover::Engine).collect(),
            Err(refusal) => vec![unreachable(self.place.run.id(), &refusal)],
        }
    }
}

/// Remove everything a run that is dead left on an engine, and say what that was.
pub(crate) fn clean(run: &str, socket: &Path) -> Result<Vec<String>, Vec<Leftover>> {
    match sweep::sweep_blocking(socket, &names::of_run(run)) {
        Ok(swept) if swept.left.is_empty() => Ok(swept.removed),
        Ok(swept) => Err(swept.left.into_iter().map(Leftover::Engine).collect()),
        Err(refusal) => Err(vec![unreachable(run, &refusal)]),
    }
}

fn unreachable(run: &str, refusal: &refusal::Refusal) -> Leftover {
    Leftover::Engine(format!(
        "whatever carries the label `{}={run}` may still be there: {refusal}",
        names::RUN
    ))
}

fn names(run: &RunFolder, copy: &str) -> Names {
    Names {
        run: run.id().to_owned(),
        copy: copy.to_owned(),
    }
}

impl Substrate for Docker {
    fn prepare<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, Result<()>> {
        self.prepare_for(model).boxed()
    }

    fn start<'a>(
        &'a self,
        name: &'a str,
        service: &'a Service,
        life: LifeLine,
    ) -> BoxFuture<'a, Result<(), Cause>> {
        self.place.start(name, service, life).boxed()
    }

    fn signal<'a>(&'a self, name: &'a str, signal: Signal) -> BoxFuture<'a, Result<(), Cause>> {
        self.place.signal(name, signal).boxed()
    }

    fn disconnect<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Cause>> {
        self.place.disconnect(name).boxed()
    }

    fn connect<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Cause>> {
        self.place.connect(name).boxed()
    }

    fn vitals<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Vitals> {
        self.place.look(name).boxed()
    }

    fn tenure<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Tenure, Cause>> {
        self.place.tenure(name).boxed()
    }

    fn inside<'a>(
        &'a self,
        name: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> BoxFuture<'a, Result<Executed, Cause>> {
        self.place.look_inside(name, argv, input, within).boxed()
    }

    fn exec<'a>(
        &'a self,
        name: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> BoxFuture<'a, Result<Executed, Cause>> {
        self.place.exec(name, argv, input, within).boxed()
    }

    fn tell(&self, ear: Ear) {
        self.place.events.tell(ear);
    }

    fn heard(&self) -> BoxFuture<'_, Option<Heard>> {
        self.place.events.heard().map(Some).boxed()
    }

    fn notices(&self) -> Vec<String> {
        self.place.images.notices()
    }

    fn twin(&self, label: &str, addresses: Addresses, alone: bool) -> Result<Box<dyn Substrate>> {
        Ok(Box::new(Self::at(self.place.twin(label, addresses, alone))?))
    }

    fn disown(&self) -> Vec<String> {
        self.place.is_removed.store(true, Ordering::SeqCst);
        self.place.close_journals();
        Vec::new()
    }

    fn remove(&self, keep: bool) -> BoxFuture<'_, Vec<Leftover>> {
        self.take_away(keep).boxed()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if self.place.is_removed.swap(true, Ordering::SeqCst) {
            return;
        }
        if !self.place.engine.was_reached() {
            drop(remove(&self.place.folder()));
            return;
        }
        // Nobody is left to tell; what could not be taken away is found by its labels.
        match sweep::sweep_blocking(self.place.engine.socket(), &self.place.filter()) {
            Ok(swept) if swept.left.is_empty() => drop(remove(&self.place.folder())),
            // The folder says where the rest is.
            _ => self.place.run.disown(),
        }
    }
}
