//! The native substrate: services as process groups of this host, under an unprivileged account, in folders of the
//! run. The only file that starts service processes.

mod account;
mod attend;
mod binaries;
mod cluster;
mod exec;
mod heirs;
mod inside;
mod launch;
mod needs;
mod place;
mod programs;

pub use self::needs::NativeSeen;
pub(crate) use self::needs::{native, unbuildable};

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt as _};
use rustix::process::Pid;

use self::{
    account::Account,
    attend::Attendance,
    binaries::Binaries,
    launch::Launch,
    place::Place,
    programs::{CLEAN_PATH, Programs},
};
use super::{
    addresses::Addresses,
    census::{Census, Identity, Resident, extinguish},
    error::{Cause, Error, Leftover, Result},
    journal::{Journal, heard_of},
    prepare::prepare,
    readiness::Readiness,
    run_folder::{RunFolder, VANISHING, create_passable, marks, remove, survivors_left},
    seen::{Usage, Vitals},
    substrate::{Executed, LifeLine, Signal, Site, Substrate},
    tenure::{Incarnation, Tenure},
    vitals::{Sample, environment, measure},
};
use crate::compose::model::{Model, Service};

/// Why a service stays where it is.
const UNCUT: &str = "a process of this host cannot be cut off from its network: it shares the host's, \
                     use `--substrate docker`";

/// One copy of the services on this host.
pub(crate) struct Native {
    run: Arc<RunFolder>,
    place: Place,
    units: Mutex<BTreeMap<String, Unit>>,
    is_removed: AtomicBool,
}

/// The last process that was started for a service.
struct Unit {
    leader: Identity,
    /// The image of the compose file; when it names none, the program.
    image: String,
    launch: Arc<Launch>,
    journal: Arc<Journal>,
    sample: Sample,
}

impl Native {
    /// The copy that probes look at.
    pub(crate) fn live(run: Arc<RunFolder>, site: Site, addresses: Addresses) -> Result<Self> {
        let account = Account::unprivileged().map_err(Error::folder("read", Path::new("/etc/passwd")))?;
        if account
            .as_ref()
            .is_some_and(|account| !account.can_reach(run.path()))
        {
            let closed = io::Error::other("the account that services run under cannot pass through to it");
            return Err(Error::folder("use", run.path())(closed));
        }
        let folder = site
            .folder
            .canonicalize()
            .map_err(Error::folder("use", &site.folder))?;
        let logs = std::path::absolute(&site.logs).map_err(Error::folder("use", &site.logs))?;
        let site = Site { folder, logs, ..site };
        let programs = Arc::new(Programs::new(account, run.path().join("programs")));
        Self::new(run, "live", site, addresses, programs)
    }

    fn new(
        run: Arc<RunFolder>,
        label: &str,
        site: Site,
        addresses: Addresses,
        programs: Arc<Programs>,
    ) -> Result<Self> {
        // What marks the live copy is the beginning of what marks a scratch copy: whoever sweeps the run sweeps both.
        let marker = if label == "live" {
            run.id().to_owned()
        } else {
            format!("{}/{label}", run.id())
        };
        let (label, folder) = (label.to_owned(), run.path().join(label));
        run.note(|state| state.folders.push(label.clone()))?;
        create_passable(&folder).map_err(Error::folder("create", &folder))?;
        create_passable(&site.logs).map_err(Error::folder("create", &site.logs))?;
        let place = Place {
            label,
            folder,
            marker,
            site,
            addresses,
            programs,
        };
        Ok(Self {
            run,
            place,
            units: Mutex::default(),
            is_removed: AtomicBool::new(false),
        })
    }

    async fn start_process(&self, name: &str, service: &Service, life: LifeLine) -> Result<(), Cause> {
        let journal = self.journal(name)?;
        let launch = Arc::new(self.place.launch(name, service, &journal).await?);
        let child = launch.command(&launch.argv).spawn()?;
        let pid = child.id().ok_or("it ended before it could be looked at")?;
        let group = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or("its process has no id")?;
        let leader = Identity::of(pid).unwrap_or(Identity { pid, start_time: 0 });
        let readiness = launch
            .health
            .as_ref()
            .and(service.healthcheck.clone())
            .map(Readiness::new);
        life.send_modify(|life| life.begin(pid, readiness.is_some()));
        let attendance = Attendance {
            launch: Arc::clone(&launch),
            journal: Arc::clone(&journal),
            readiness,
            life,
        };
        tokio::spawn(attendance.attend(child, group));
        self.units().insert(
            name.to_owned(),
            Unit {
                leader,
                image: service.image.clone().unwrap_or_else(|| launch.argv[0].clone()),
                launch,
                journal,
                sample: Sample::begin(),
            },
        );
        self.run
            .note(|state| state.replace_group(format!("{}/{name}", self.place.label), leader))?;
        Ok(())
    }

    /// One log and one memory of last words for all processes of a service.
    fn journal(&self, name: &str) -> Result<Arc<Journal>> {
        if let Some(unit) = self.units().get(name) {
            unit.journal.turn_over();
            return Ok(Arc::clone(&unit.journal));
        }
        let path = self.place.site.logs.join(format!("{name}.log"));
        let mut journal = Journal::open(&path, Arc::clone(&self.place.site.redact))?;
        if self.place.label == "live" {
            journal = journal.and_as_heard(heard_of(self.run.path(), name))?;
        }
        Ok(Arc::new(journal))
    }

    fn signal_process(&self, name: &str, signal: Signal) -> Result<(), Cause> {
        let (leader, stop) = {
            let units = self.units();
            let unit = units.get(name).ok_or("it was never started")?;
            (unit.leader, unit.launch.stop)
        };
        let family = Census::take().family(leader);
        if family.is_empty() {
            return Err("it does not live".into());
        }
        let leader_only = || family.iter().filter(|one| one.id == leader);
        match signal {
            // As the engine does: only the first process is asked, and it knows what to tell the others. One that is
            // held must go on to hear it.
            Signal::Stop => {
                send(leader_only(), stop)?;
                send(family.iter(), rustix::process::Signal::CONT)
            }
            Signal::Kill => send(family.iter(), rustix::process::Signal::KILL),
            Signal::Pause => send(family.iter(), rustix::process::Signal::STOP),
            Signal::Unpause => send(family.iter(), rustix::process::Signal::CONT),
        }
    }

    fn look(&self, name: &str) -> Vitals {
        let mut units = self.units();
        let Some(unit) = units.get_mut(name) else {
            return Vitals::default();
        };
        let measured = measure(&Census::take().family(unit.leader));
        let (cpu_pct, sample) = unit.sample.step(&measured);
        unit.sample = sample;
        let declared = || Some(unit.launch.environment.clone());
        let own = || environment(unit.leader).filter(|_| unit.leader.is_alive());
        Vitals {
            image: unit.image.clone(),
            image_id: unit.launch.digest.clone(),
            digest: unit.launch.digest.clone(),
            env: if unit.launch.keeps_environment {
                own()
            } else {
                declared()
            },
            sockets: measured.sockets,
            listens: measured.listens,
            rss_kib: Some(measured.rss_kib),
            cpu_pct: Some(cpu_pct),
            fds: measured.fds,
            usage: Usage::default(),
            networks: None,
            last_words: unit.journal.last_words(),
        }
    }

    /// Beside the service rather than in it: here they share network, processes and account anyway.
    async fn look_inside(
        &self,
        name: &str,
        argv: &[String],
        input: &[u8],
        within: Duration,
    ) -> Result<Executed, Cause> {
        let leader = self.units().get(name).map(|unit| unit.leader);
        let leader = leader.ok_or("it was never started")?;
        if !leader.is_alive() {
            return Err("it does not live".into());
        }
        let programs = &self.place.programs;
        let closure = programs.within_reach(&self.place.site.closure)?;
        let mut command = inside::command(&closure, programs.account.as_ref(), &self.place.marker);
        command.args(argv).arg("--pid").arg(leader.pid.to_string());
        inside::converse(command, input, within).await
    }

    async fn run_beside(
        &self,
        name: &str,
        argv: &[String],
        input: &[u8],
        within: Duration,
    ) -> Result<Executed, Cause> {
        let of = |unit: &Unit| (unit.leader, Arc::clone(&unit.launch));
        let known = self.units().get(name).map(of);
        let (leader, launch) = known.ok_or("it was never started")?;
        if !leader.is_alive() {
            return Err("it does not live".into());
        }
        let argv = self.place.argv(argv, &launch.environment)?;
        exec::exec(&launch, &argv, input, within).await
    }

    /// End and remove this copy. Blocks until everything is gone.
    fn take_away(&self, keep: bool) -> Vec<Leftover> {
        if self.is_removed.swap(true, Ordering::SeqCst) {
            return Vec::new();
        }
        let leaders = self.run.leaders_below(&format!("{}/", self.place.label));
        let (_, survivors) = extinguish(marks(&self.place.folder, &self.place.marker, &leaders), VANISHING);
        // Whoever survived talks on, and the record is about to be sealed.
        self.close_journals();
        let mut left = survivors_left(&survivors);
        left.extend(self.place.addresses.still_open().into_iter().map(Leftover::Port));
        if !keep {
            left.extend(remove(&self.place.folder));
        }
        left
    }

    /// Write nothing more of what the services say.
    fn close_journals(&self) {
        self.units().values().for_each(|unit| unit.journal.close());
    }

    fn units(&self) -> MutexGuard<'_, BTreeMap<String, Unit>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Substrate for Native {
    fn prepare<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, Result<()>> {
        async {
            // Before a long build: without Postgres there is nothing to build for.
            if model.services.values().any(provides_postgres) {
                Binaries::find()?;
            }
            prepare(model, &self.place.site, &self.place.marker).await
        }
        .boxed()
    }

    fn start<'a>(
        &'a self,
        name: &'a str,
        service: &'a Service,
        life: LifeLine,
    ) -> BoxFuture<'a, Result<(), Cause>> {
        self.start_process(name, service, life).boxed()
    }

    fn signal<'a>(&'a self, name: &'a str, signal: Signal) -> BoxFuture<'a, Result<(), Cause>> {
        std::future::ready(self.signal_process(name, signal)).boxed()
    }

    fn disconnect<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<(), Cause>> {
        std::future::ready(Err(UNCUT.into())).boxed()
    }

    fn connect<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<(), Cause>> {
        std::future::ready(Err(UNCUT.into())).boxed()
    }

    fn vitals<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Vitals> {
        std::future::ready(self.look(name)).boxed()
    }

    fn tenure<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Tenure, Cause>> {
        // A process is ours or it is not there: nobody else can put one in its place.
        let ours = self.units().get(name).map(|unit| Incarnation {
            id: unit.leader.pid.to_string(),
            started_at: unit.leader.start_time.to_string(),
        });
        let now = ours.clone();
        std::future::ready(Ok(Tenure { ours, now })).boxed()
    }

    fn inside<'a>(
        &'a self,
        name: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> BoxFuture<'a, Result<Executed, Cause>> {
        self.look_inside(name, argv, input, within).boxed()
    }

    fn exec<'a>(
        &'a self,
        name: &'a str,
        argv: &'a [String],
        input: &'a [u8],
        within: Duration,
    ) -> BoxFuture<'a, Result<Executed, Cause>> {
        self.run_beside(name, argv, input, within).boxed()
    }

    fn twin(&self, label: &str, addresses: Addresses, _alone: bool) -> Result<Box<dyn Substrate>> {
        let run = Arc::clone(&self.run);
        let site = Site {
            logs: run.path().join(label).join("logs"),
            ..self.place.site.clone()
        };
        Ok(Box::new(Self::new(
            run,
            label,
            site,
            addresses,
            Arc::clone(&self.place.programs),
        )?))
    }

    fn disown(&self) -> Vec<String> {
        self.is_removed.store(true, Ordering::Relaxed);
        let units = self.units();
        let mut unheard = Vec::new();
        for (name, unit) in units.iter().filter(|(_, unit)| unit.leader.is_alive()) {
            let heard = self.place.folder.join(format!("{name}.kept.log"));
            let left = heirs::leave(unit.leader.pid, &self.place.marker, &self.place.folder, &heard);
            // One that ended meanwhile has no pipes left, and needs nobody.
            let unheard_of = left.err().filter(|_| unit.leader.is_alive());
            unheard.extend(unheard_of.map(|error| {
                format!(
                    "`{name}` is left up with nobody to hear it: the next line it says may end it: {error}"
                )
            }));
        }
        drop(units);
        self.close_journals();
        unheard
    }

    fn remove(&self, keep: bool) -> BoxFuture<'_, Vec<Leftover>> {
        std::future::ready(()).map(move |()| self.take_away(keep)).boxed()
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // Nobody is left to tell; what could not be taken away stands in the run's state.
        let _left = self.take_away(false);
    }
}

fn provides_postgres(service: &Service) -> bool {
    service
        .native
        .as_ref()
        .is_some_and(|native| native.provides.as_deref() == Some("postgres"))
}

/// Send a signal to each of some processes. Whoever ended meanwhile needs none.
fn send<'a>(
    processes: impl Iterator<Item = &'a Resident>,
    signal: rustix::process::Signal,
) -> Result<(), Cause> {
    for one in processes {
        match one.id.send(signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
