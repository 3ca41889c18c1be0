//! The native substrate: services as process groups of this host, under an unprivileged account, in folders of the
//! run. The only file that starts service processes.

mod account;
mod attend;
mod binaries;
mod cluster;
mod launch;
mod prepare;
mod programs;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::{BoxFuture, FutureExt as _};
use rustix::process::Pid;

use self::{
    account::Account,
    attend::Attendance,
    binaries::Binaries,
    cluster::Cluster,
    launch::{Launch, relocated, source_of},
    programs::{CLEAN_PATH, Programs},
};
use super::{
    addresses::Addresses,
    census::{Census, Identity, Resident, extinguish},
    error::{Cause, Error, Leftover, Result},
    journal::Journal,
    life::has_check,
    readiness::Readiness,
    run_folder::{RunFolder, VANISHING, create_passable, marks, remove, survivors_left},
    seen::Vitals,
    substrate::{LifeLine, Signal, Site, Substrate},
    vitals::{Sample, environment, measure},
};
use crate::compose::model::{Model, Native as Declared, Service};

/// One copy of the services on this host.
pub(crate) struct Native {
    run: Arc<RunFolder>,
    /// Name of this copy's folder below the run's: `live`, `scratch-1`.
    label: String,
    folder: PathBuf,
    marker: String,
    site: Site,
    addresses: Addresses,
    programs: Arc<Programs>,
    units: Mutex<BTreeMap<String, Unit>>,
    is_removed: AtomicBool,
}

/// The last process that was started for a service.
struct Unit {
    leader: Identity,
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
        let (units, is_removed) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self {
            run,
            label,
            folder,
            marker,
            site,
            addresses,
            programs,
            units,
            is_removed,
        })
    }

    async fn start_process(&self, name: &str, service: &Service, life: LifeLine) -> Result<(), Cause> {
        let journal = self.journal(name)?;
        let launch = Arc::new(self.launch(name, service, &journal).await?);
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
                launch,
                journal,
                sample: Sample::begin(),
            },
        );
        self.run
            .note(|state| state.replace_group(format!("{}/{name}", self.label), leader))?;
        Ok(())
    }

    /// One log and one memory of last words for all processes of a service.
    fn journal(&self, name: &str) -> Result<Arc<Journal>> {
        if let Some(unit) = self.units().get(name) {
            unit.journal.turn_over();
            return Ok(Arc::clone(&unit.journal));
        }
        let path = self.site.logs.join(format!("{name}.log"));
        Ok(Arc::new(Journal::open(&path, Arc::clone(&self.site.redact))?))
    }

    async fn launch(&self, name: &str, service: &Service, journal: &Journal) -> Result<Launch, Cause> {
        let hint =
            "the compose file does not say how it runs natively\nhint: give it an `x-closure` with an `argv`";
        let native = service.native.as_ref().ok_or(hint)?;
        match native.provides.as_deref() {
            Some("postgres") => self.launch_postgres(name, service, native, journal).await,
            Some(other) => {
                Err(format!("nothing here provides `{other}`\nhint: `postgres` is provided").into())
            }
            None => self.launch_program(name, service, native),
        }
    }

    fn launch_program(&self, name: &str, service: &Service, native: &Declared) -> Result<Launch, Cause> {
        let mut environment = self.environment(name, service)?;
        if let Some(variable) = &native.listen {
            let port = self.port_of(name)?;
            environment.insert(variable.clone(), format!("127.0.0.1:{port}"));
        }
        let argv = self.argv(&native.argv, &environment)?;
        let digest = self.programs.digest(Path::new(&argv[0]))?;
        let health = self.health(service, &environment)?;
        let folder = if self.programs.can_stand_in(&self.site.folder) {
            &self.site.folder
        } else {
            &self.folder
        };
        Ok(Launch {
            argv,
            environment,
            folder: folder.clone(),
            account: self.programs.account.clone(),
            marker: self.marker.clone(),
            digest: format!("sha256:{digest}"),
            stop: rustix::process::Signal::TERM,
            health,
            keeps_environment: true,
        })
    }

    async fn launch_postgres(
        &self,
        name: &str,
        service: &Service,
        native: &Declared,
        journal: &Journal,
    ) -> Result<Launch, Cause> {
        if !native.argv.is_empty() {
            return Err("a service that provides `postgres` has no `argv`".into());
        }
        let binaries = Binaries::find()?;
        let home = self.folder.join(format!("cluster-{name}"));
        let port = self.port_of(name)?;
        let mut environment = service.environment.clone();
        // What a client beside it needs to find it: the health check of the compose file names no port.
        environment.insert("PGHOST".to_owned(), "127.0.0.1".to_owned());
        environment.insert("PGPORT".to_owned(), port.to_string());
        environment.insert(
            "PATH".to_owned(),
            format!("{}:{CLEAN_PATH}", binaries.folder.display()),
        );
        let launch = Launch {
            argv: Cluster::argv(&binaries, &home, port, service),
            folder: self.folder.clone(),
            account: self.programs.account.clone(),
            marker: self.marker.clone(),
            digest: format!("sha256:{}", self.programs.digest(&binaries.program("postgres"))?),
            // The fast shutdown: the default one waits until every client has left.
            stop: rustix::process::Signal::INT,
            health: self.health(service, &environment)?,
            keeps_environment: false,
            environment,
        };
        Cluster {
            binaries: &binaries,
            home,
            launch: &launch,
            journal,
        }
        .establish()
        .await?;
        Ok(launch)
    }

    /// What the compose file says, with every path that lies in a mount where it is on this host.
    fn environment(&self, name: &str, service: &Service) -> Result<BTreeMap<String, String>, Cause> {
        let mut mounts = Vec::new();
        for mount in &service.volumes {
            let host = source_of(mount, &self.site.folder, &self.folder.join("volumes"));
            if !mount.source.starts_with(['.', '/']) {
                self.make_own(&host)?;
            }
            mounts.push((mount.target.clone(), host));
        }
        for target in &service.tmpfs {
            // Options stand behind a colon: `/tmp:size=16m`.
            let target = target.split(':').next().unwrap_or_default();
            let host = self
                .folder
                .join("tmpfs")
                .join(name)
                .join(target.trim_start_matches('/'));
            self.make_own(&host)?;
            mounts.push((target.to_owned(), host));
        }
        let moved = |(key, value): (&String, &String)| (key.clone(), relocated(value, &mounts));
        let mut environment: BTreeMap<String, String> = service.environment.iter().map(moved).collect();
        environment
            .entry("PATH".to_owned())
            .or_insert_with(|| CLEAN_PATH.to_owned());
        Ok(environment)
    }

    fn health(
        &self,
        service: &Service,
        environment: &BTreeMap<String, String>,
    ) -> Result<Option<Vec<String>>, Cause> {
        let own = service
            .native
            .as_ref()
            .map(|native| native.health.as_slice())
            .filter(|argv| !argv.is_empty());
        let test = service.healthcheck.as_ref().map(|check| check.test.as_slice());
        let argv = own.or(test).filter(|_| has_check(service));
        argv.map(|argv| self.argv(argv, environment)).transpose()
    }

    /// An argv with its program found, and what the account cannot reach replaced by copies.
    fn argv(&self, words: &[String], environment: &BTreeMap<String, String>) -> Result<Vec<String>, Cause> {
        let (program, rest) = words.split_first().ok_or("the compose file gives it no `argv`")?;
        let search = environment.get("PATH").map_or(CLEAN_PATH, String::as_str);
        let found = Programs::find(program, &self.site.folder, search)?;
        let program = self.programs.within_reach(&found)?.to_string_lossy().into_owned();
        let rest = rest
            .iter()
            .map(|word| self.programs.readable(word, &self.site.folder));
        std::iter::once(Ok(program)).chain(rest).collect()
    }

    fn port_of(&self, name: &str) -> Result<u16, Cause> {
        let hint = "it listens, but no port was picked for it\nhint: name its port in the suite";
        self.addresses.first_of(name).ok_or_else(|| hint.into())
    }

    fn make_own(&self, folder: &Path) -> Result<(), Cause> {
        create_passable(folder)?;
        self.programs
            .account
            .as_ref()
            .map_or(Ok(()), |account| account.own(folder))?;
        Ok(())
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
            image: unit.launch.argv.first().cloned().unwrap_or_default(),
            image_id: unit.launch.digest.clone(),
            digest: unit.launch.digest.clone(),
            env: if unit.launch.keeps_environment {
                own()
            } else {
                declared()
            },
            sockets: measured.sockets,
            listens: measured.listens,
            rss_kib: measured.rss_kib,
            cpu_pct,
            fds: measured.fds,
            last_words: unit.journal.last_words(),
        }
    }

    /// End and remove this copy. Blocks until everything is gone.
    fn take_away(&self, keep: bool) -> Vec<Leftover> {
        if self.is_removed.swap(true, Ordering::SeqCst) {
            return Vec::new();
        }
        let leaders = self.run.leaders_below(&format!("{}/", self.label));
        let (_, survivors) = extinguish(marks(&self.folder, &self.marker, &leaders), VANISHING);
        let mut left = survivors_left(&survivors);
        left.extend(self.addresses.still_open().into_iter().map(Leftover::Port));
        if !keep {
            left.extend(remove(&self.folder));
        }
        left
    }

    fn units(&self) -> MutexGuard<'_, BTreeMap<String, Unit>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Substrate for Native {
    fn prepare<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, Result<()>> {
        prepare::prepare(model, &self.site, &self.marker).boxed()
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

    fn vitals<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Vitals> {
        std::future::ready(self.look(name)).boxed()
    }

    fn twin(&self, label: &str, addresses: Addresses) -> Result<Box<dyn Substrate>> {
        let run = Arc::clone(&self.run);
        let site = Site {
            logs: run.path().join(label).join("logs"),
            ..self.site.clone()
        };
        Ok(Box::new(Self::new(
            run,
            label,
            site,
            addresses,
            Arc::clone(&self.programs),
        )?))
    }

    fn disown(&self) {
        self.is_removed.store(true, Ordering::Relaxed);
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
