//! What is here, what is missing, and what to do about it, before a run finds out. Nothing is started, pulled, written
//! or removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::Path,
};

use serde::Serialize;

use super::{
    order::{Kind, Refusal},
    stage, subject,
    substrate::sketch,
};
use crate::{
    compose::Model,
    evidence::physics::Physics,
    plan::{self, Drawn, Wish},
    topology::{self, On},
};

/// Room a record and its archive should find.
const ROOM_GIB: f64 = 2.0;

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is here.
    Here,
    /// It is here, but something about it will show in the pack.
    Note,
    /// It is not here.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is about: `engine`, `image`, `disk`.
    pub about: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// In words; what to do stands on lines of its own.
    pub says: String,
}

/// Everything that was looked at, and what can run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// One thing each.
    pub items: Vec<Item>,
    /// The substrates a run could use now.
    pub can_run: Vec<On>,
}

/// Look at everything a run of this suite would need.
///
/// # Errors
/// When the suite, a gate or the compose file is wrong.
pub fn examine(wish: &Wish) -> Result<Checkup, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::new(Kind::Bug, format!("no runtime: {error}")))?;
    let drawn = plan::draw(wish).map_err(|refusal| Refusal::new(Kind::Usage, refusal.to_string()))?;
    let given = stage::given(None)?;
    Ok(runtime.block_on(all(&drawn, &given)))
}

async fn all(drawn: &Drawn, given: &BTreeMap<String, String>) -> Checkup {
    let mut checkup = Checkup::default();
    let folder = stage::compose_folder(&drawn.suite);
    let Some(model) = sketch(drawn, given) else {
        let says = "the compose file cannot be told before a run: a value that is minted decides its form";
        checkup.add("compose", Standing::Note, says);
        return checkup;
    };
    let buildable = checkup.missing("build", topology::unbuildable(&model, &folder));
    if checkup.docker(&model).await && buildable {
        checkup.can_run.push(On::Docker);
    }
    let native = topology::native(&model, &folder);
    for here in &native.here {
        checkup.add("native", Standing::Here, here);
    }
    if checkup.missing("native", native.missing) && buildable {
        checkup.can_run.push(On::Native);
    }
    checkup.machine(drawn);
    checkup.disk(&drawn.suite.artifact_dir);
    checkup.git(&folder);
    checkup.runs();
    checkup
}

impl Checkup {
    fn add(&mut self, about: &'static str, standing: Standing, says: impl Into<String>) {
        self.items.push(Item {
            about,
            standing,
            says: says.into(),
        });
    }

    /// List what is missing; true when nothing is.
    fn missing(&mut self, about: &'static str, missing: Vec<String>) -> bool {
        let nothing = missing.is_empty();
        for says in missing {
            self.add(about, Standing::Missing, says);
        }
        nothing
    }

    /// The engine and the images; true when services could run in containers.
    async fn docker(&mut self, model: &Model) -> bool {
        let seen =
            async { Ok::<_, topology::Cause>((topology::engine().await?, topology::images(model).await?)) };
        let (engine, images) = match seen.await {
            Ok(seen) => seen,
            Err(cause) => {
                self.add("engine", Standing::Missing, cause.to_string());
                return false;
            }
        };
        let says = format!(
            "Docker {} at `{}`, API {}, control groups v{}, {}",
            engine.version,
            engine.socket.display(),
            engine.api,
            engine.cgroup,
            engine.storage
        );
        self.add("engine", Standing::Here, says);
        let mut told = BTreeSet::new();
        for image in images.iter().filter(|image| told.insert(&image.reference)) {
            match &image.standing {
                Ok(how) => self.add("image", Standing::Here, format!("`{}` {how}", image.reference)),
                Err(hint) => {
                    let says = format!(
                        "`{}` is not here and cannot be pulled\nhint: {hint}",
                        image.reference
                    );
                    self.add("image", Standing::Missing, says);
                }
            }
        }
        images.iter().all(|image| image.standing.is_ok())
    }

    /// Processors and memory against what each profile demands.
    fn machine(&mut self, drawn: &Drawn) {
        let host = Physics::capture(Path::new("/"), &drawn.plan.profile, |_| None).host;
        let mem_gib = host.mem_total_kib.map(|kib| gib(kib / 1024));
        let cpus = f64::from(u32::try_from(host.cpu_count).unwrap_or(u32::MAX));
        let memory = mem_gib.map_or_else(|| "unknown memory".to_owned(), |gib| format!("{gib:.1} GiB"));
        self.add(
            "machine",
            Standing::Here,
            format!("{} processors, {memory}", host.cpu_count),
        );
        for (profile, said) in &drawn.suite.profiles {
            let demanded = |demand: &str| said.demands.get(demand).and_then(serde_json::Value::as_f64);
            let short = [("cpus", Some(cpus)), ("mem_gib", mem_gib)]
                .into_iter()
                .filter(|(demand, seen)| {
                    demanded(demand).is_some_and(|wanted| seen.is_none_or(|seen| seen < wanted))
                });
            for (demand, _) in short {
                let wanted = demanded(demand).unwrap_or_default();
                let says = format!(
                    "`{profile}` demands {demand} = {wanted}: it runs here, and is not authoritative"
                );
                self.add("machine", Standing::Note, says);
            }
        }
    }

    /// Room where the pack and the services' own folders go.
    fn disk(&mut self, artifacts: &Path) {
        let artifacts = std::path::absolute(artifacts).unwrap_or_else(|_| artifacts.to_owned());
        for place in [artifacts, topology::default_root()] {
            let Some(there) = place.ancestors().find(|folder| folder.is_dir()) else {
                continue;
            };
            let Ok(disk) = rustix::fs::statvfs(there) else {
                self.add(
                    "disk",
                    Standing::Note,
                    format!("`{}` cannot be asked for its room", there.display()),
                );
                continue;
            };
            let free = gib(disk.f_bavail.saturating_mul(disk.f_frsize) / 1024 / 1024);
            let standing = if free < ROOM_GIB {
                Standing::Note
            } else {
                Standing::Here
            };
            self.add(
                "disk",
                standing,
                format!("{free:.1} GiB free for `{}`", place.display()),
            );
        }
    }

    fn git(&mut self, folder: &Path) {
        let (standing, says) = match (subject::commit(folder), subject::is_dirty(folder, None)) {
            (Some(sha), Some(false)) => (Standing::Here, format!("commit {sha}, clean")),
            (Some(sha), _) => (
                Standing::Note,
                format!("commit {sha}, with changes: the pack is not authoritative"),
            ),
            (None, _) => (
                Standing::Note,
                "no commit is known here: the pack is not authoritative".to_owned(),
            ),
        };
        self.add("git", standing, says);
        let ci = env::var("GITHUB_RUN_ID").is_ok_and(|id| !id.is_empty());
        if !ci {
            self.add(
                "git",
                Standing::Note,
                "no CI identity: the pack is not authoritative",
            );
        }
    }

    /// Ports for runs, and runs that died.
    fn runs(&mut self) {
        let (from, to) = topology::port_range();
        self.add("ports", Standing::Here, format!("127.0.0.1:{from} to {}", to - 1));
        let stale = topology::stale(&topology::default_root());
        if stale.is_empty() {
            self.add("runs", Standing::Here, "no killed run has left anything");
        }
        for run in stale {
            let says =
                format!("run {run} was killed\nhint: `closure clean`, or the next run, removes what it left");
            self.add("runs", Standing::Note, says);
        }
    }
}

/// MiB in GiB.
fn gib(mib: u64) -> f64 {
    f64::from(u32::try_from(mib).unwrap_or(u32::MAX)) / 1024.0
}
