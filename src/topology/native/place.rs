//! Where one copy of the services stands, and how a service of the compose file becomes a command line there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    binaries::Binaries,
    cluster::Cluster,
    launch::{Launch, relocated, source_of},
    programs::{CLEAN_PATH, Programs},
};
use crate::{
    compose::model::{Mount, Native as Declared, Service},
    topology::{
        addresses::Addresses, error::Cause, goal::has_check, journal::Journal, run_folder::create_passable,
        substrate::Site,
    },
};

/// One copy's place.
pub(super) struct Place {
    /// Name of its folder below the run's: `live`, `scratch-1`.
    pub(super) label: String,
    pub(super) folder: PathBuf,
    /// What its processes are marked with.
    pub(super) marker: String,
    pub(super) site: Site,
    pub(super) addresses: Addresses,
    pub(super) programs: Arc<Programs>,
}

impl Place {
    /// How a service is started here; a cluster it needs is made by the way.
    pub(super) async fn launch(
        &self,
        name: &str,
        service: &Service,
        journal: &Journal,
    ) -> Result<Launch, Cause> {
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
            mounts.push((mount.target.clone(), self.mounted(mount, host)?));
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

    /// A mount's source, made if it is a volume, and within reach of the account.
    fn mounted(&self, mount: &Mount, host: PathBuf) -> Result<PathBuf, Cause> {
        if !mount.source.starts_with(['.', '/']) {
            self.make_own(&host)?;
        } else if host.is_file() {
            return Ok(self
                .programs
                .readable(&host.to_string_lossy(), Path::new("/"))?
                .into());
        } else if !self.programs.can_stand_in(&host) {
            return Err(format!("the account it runs under cannot enter `{}`", mount.source).into());
        }
        Ok(host)
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
    pub(super) fn argv(
        &self,
        words: &[String],
        environment: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, Cause> {
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
}
