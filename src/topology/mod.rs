//! The composed services: brought up, looked at, disturbed, taken down.
//!
//! The walk: `clean` what earlier runs left, open a `RunFolder`, pick `Addresses`, resolve the compose file with
//! them, make a `Topology` of the model, bring it up, tear it down. What runs services (processes of this host, or
//! an engine) is a substrate: one file behind one trait, and nothing above it knows which.

mod acts;
mod addresses;
mod bring_up;
mod census;
mod clean;
mod docker;
mod error;
mod exec;
mod goal;
mod inside;
mod journal;
mod life;
mod look;
mod native;
mod prepare;
mod readiness;
mod run_folder;
mod scratch;
mod seen;
mod stale;
mod state;
mod substrate;
mod tenure;
mod vitals;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU32},
    time::Duration,
};

use tokio::sync::watch;

pub use self::{
    addresses::{Addresses, port_range},
    clean::{Cleaned, clean},
    docker::{EngineSeen, ImageSeen},
    error::{Cause, Error, Leftover, Result},
    life::{Health, State},
    native::NativeSeen,
    run_folder::{RunFolder, default_root},
    scratch::Scratch,
    seen::ServiceSeen,
    stale::stale,
    substrate::{Ear, Executed, On, Redactor, Site},
    tenure::{Heard, Incarnation, Tenure},
};
use self::{
    docker::Docker,
    goal::Goal,
    life::Life,
    native::Native,
    substrate::{LifeLine, Substrate},
};
use crate::{
    compose::model::{Condition, Model, Service},
    name::nearest,
};

/// The engine of this host: what it is, or why there is none to be asked.
///
/// # Errors
/// In words, with what to do.
pub async fn engine() -> Result<EngineSeen, Cause> {
    docker::engine().await
}

/// Where the image of each service stands on the engine of this host; none is pulled.
///
/// # Errors
/// When the engine does not answer.
pub async fn images(model: &Model) -> Result<Vec<ImageSeen>, Cause> {
    docker::images(model).await
}

/// Waits for as long as what services run on is there; natively that is for ever. Returns what went away, in words.
pub async fn lost(on: On) -> String {
    match on {
        On::Native => std::future::pending().await,
        On::Docker => docker::gone().await,
    }
}

/// What services ran on and has gone away, in words; nothing once it answers. It is given time to come back.
pub async fn missed(on: On) -> Option<String> {
    match on {
        On::Native => None,
        On::Docker => docker::missed().await,
    }
}

/// What this host has, and what it lacks, to run the services of a model as its own processes. `folder` is the compose
/// file's.
pub fn native(model: &Model, folder: &Path) -> NativeSeen {
    native::native(model, folder)
}

/// What this host lacks to build what the services of a model run, whatever they run on.
pub fn unbuildable(model: &Model, folder: &Path) -> Vec<String> {
    native::unbuildable(model, folder)
}

/// How long a service may take to end when its compose file does not say: what engines grant.
const GRACE: Duration = Duration::from_secs(10);

/// The services of one model on one substrate. All methods take `&self`: looks and acts go on side by side.
pub struct Topology {
    // Declared before the run, and so dropped before it: services go first, then the folder and the lock.
    substrate: Box<dyn Substrate>,
    run: Arc<RunFolder>,
    addresses: Addresses,
    model: Model,
    /// What each service is, or was last, started with.
    current: Mutex<BTreeMap<String, Service>>,
    lives: BTreeMap<String, LifeLine>,
    scratches: AtomicU32,
}

impl Topology {
    /// The services of a resolved model, as processes of this host. Nothing is started yet.
    ///
    /// # Errors
    /// When the run's folder cannot be used, or this host has no account to run services under.
    pub fn native(run: Arc<RunFolder>, site: Site, model: Model, addresses: Addresses) -> Result<Self> {
        let substrate = Native::live(Arc::clone(&run), site, addresses.clone())?;
        Ok(Self::on(Box::new(substrate), run, model, addresses))
    }

    /// The services of a resolved model, as containers of this host's engine. Nothing is started yet, and the engine
    /// is not asked for anything before [`Topology::prepare`].
    ///
    /// # Errors
    /// When the run's folder cannot be used.
    pub fn docker(run: Arc<RunFolder>, site: Site, model: Model, addresses: Addresses) -> Result<Self> {
        let substrate = Docker::live(Arc::clone(&run), site, addresses.clone())?;
        Ok(Self::on(Box::new(substrate), run, model, addresses))
    }

    fn on(substrate: Box<dyn Substrate>, run: Arc<RunFolder>, model: Model, addresses: Addresses) -> Self {
        let line = |name: &String| (name.clone(), Arc::new(watch::Sender::new(Life::default())));
        let lives = model.services.keys().map(line).collect();
        let current = Mutex::new(model.services.clone());
        Self {
            substrate,
            run,
            addresses,
            model,
            current,
            lives,
            scratches: AtomicU32::new(0),
        }
    }

    /// The model as it was planned, whatever single services are started with by now.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What was done in another way than the compose file says, one line each: an image that stands in for another.
    pub fn notices(&self) -> Vec<String> {
        self.substrate.notices()
    }

    /// Who is found where.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What a service is, or was last, started with.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn definition(&self, service: &str) -> Result<Service> {
        self.current()
            .get(service)
            .cloned()
            .ok_or_else(|| self.unknown(service))
    }

    fn line(&self, service: &str) -> Result<&LifeLine> {
        self.lives.get(service).ok_or_else(|| self.unknown(service))
    }

    fn goal(&self, service: &str) -> Goal {
        self.current().get(service).map_or(Goal::Running, |definition| {
            Goal::of(&self.model, service, definition)
        })
    }

    fn goal_under(&self, condition: Condition, dependency: &str) -> Goal {
        let current = self.current();
        current.get(dependency).map_or(Goal::Running, |definition| {
            Goal::of_condition(condition, definition)
        })
    }

    fn current(&self) -> MutexGuard<'_, BTreeMap<String, Service>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unknown(&self, service: &str) -> Error {
        let nearest = nearest(service, self.lives.keys().map(String::as_str)).map(str::to_owned);
        Error::Unknown {
            service: service.to_owned(),
            nearest,
        }
    }
}
