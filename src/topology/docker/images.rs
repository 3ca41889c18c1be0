//! Which image a service is started from: built in this run, here already, pulled, or, for Postgres, the one that
//! this host's setup built.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::{
    body_full,
    models::ImageInspect,
    query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, CreateImageOptionsBuilder},
};
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;

use super::{
    context::{Context, labelled},
    engine::{Engine, ask},
    names::Names,
    refusal::{Refusal, told},
    works::Works,
};
use crate::{
    compose::model::{Build, Service},
    topology::{
        error::{Error, Result},
        journal::Journal,
        substrate::Site,
    },
};

/// The Postgres that `scripts/setup` builds from this system's packages.
pub(super) const OWN_POSTGRES: &str = "closure/postgres:15";

/// How long a registry may say nothing; and, when another image can stand in, how long it may take at all.
pub(super) const PULL: Duration = Duration::from_secs(10);

/// What is said of a service that nothing can be made from.
pub(super) const IMAGELESS: &str = "the compose file gives it neither `image` nor `build`";

/// An image that is here, as the engine knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// What it is called in the compose file, or what we called it.
    pub(super) reference: String,
    /// `sha256:` and 64 digits.
    pub(super) id: String,
    /// Its name in a registry with the digest it has there; empty for one that never was in a registry.
    pub(super) digest: String,
    /// What it wants to be asked to stop with, when it says so.
    pub(super) stop_signal: Option<String>,
    /// Paths it declares to be volumes.
    pub(super) volumes: Vec<String>,
}

/// The images of one run.
pub(super) struct Images {
    engine: Arc<Engine>,
    names: Names,
    site: Site,
    pub(super) works: Works,
    known: tokio::sync::Mutex<BTreeMap<String, Image>>,
    notices: Mutex<Vec<String>>,
}

impl Images {
    pub(super) fn new(engine: Arc<Engine>, names: Names, site: Site) -> Self {
        Self {
            engine,
            names,
            site,
            works: Works::default(),
            known: tokio::sync::Mutex::default(),
            notices: Mutex::default(),
        }
    }

    /// The image of a service: found once, and the same one for as long as the run lasts.
    pub(super) async fn of(&self, name: &str, service: &Service) -> Result<Image> {
        let key = format!("{:?} {:?}", service.build, service.image);
        let mut known = self.known.lock().await;
        if let Some(image) = known.get(&key) {
            return Ok(image.clone());
        }
        let image = match (&service.build, &service.image) {
            (Some(build), _) => self.built(name, build).await?,
            (None, Some(reference)) => self.named(name, service, reference).await?,
            (None, None) => {
                return Err(Error::act("start", name, IMAGELESS));
            }
        };
        known.insert(key, image.clone());
        Ok(image)
    }

    /// What is used in place of what the compose file names.
    pub(super) fn notices(&self) -> Vec<String> {
        self.notices
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn named(&self, name: &str, service: &Service, reference: &str) -> Result<Image> {
        let missing = |said: String, hint: String| Error::Image {
            image: reference.to_owned(),
            service: name.to_owned(),
            said,
            hint,
        };
        let plain = |refusal: Refusal| missing(refusal.to_string(), unknown_hint(reference));
        if let Some(image) = self.here(reference).await.map_err(plain)? {
            return Ok(image);
        }
        let is_postgres = is_postgres(service);
        let own = if is_postgres {
            self.here(OWN_POSTGRES).await.map_err(plain)?
        } else {
            None
        };
        let said = match self.pulled(reference, own.is_some()).await {
            Ok(()) => match self.here(reference).await.map_err(plain)? {
                Some(image) => return Ok(image),
                None => "it was pulled, and is not there".to_owned(),
            },
            Err(refusal) => refusal.to_string(),
        };
        let Some(own) = own else {
            let hint = if is_postgres {
                format!("run `scripts/setup`, which builds `{OWN_POSTGRES}` to stand in for it")
            } else {
                unknown_hint(reference)
            };
            return Err(missing(said, hint));
        };
        let notice =
            format!("`{name}` runs `{OWN_POSTGRES}`, because `{reference}` could not be had: {said}");
        self.notices
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(notice);
        Ok(own)
    }

    /// An image that is on this host; absent when it is not.
    async fn here(&self, reference: &str) -> Result<Option<Image>, Refusal> {
        let client = self.engine.client().await?;
        match ask(client.inspect_image(reference)).await {
            Ok(seen) => Ok(Some(image(reference, seen)?)),
            Err(refusal) if refusal.is_absence() => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    async fn pulled(&self, reference: &str, is_replaceable: bool) -> Result<(), Refusal> {
        let pull = async {
            let client = self.engine.client().await?;
            let (name, tag) = name_and_tag(reference);
            let options = CreateImageOptionsBuilder::default()
                .from_image(name)
                .tag(tag)
                .build();
            let mut steps = std::pin::pin!(client.create_image(Some(options), None, None));
            loop {
                match timeout(PULL, steps.next()).await {
                    Ok(None) => return Ok(()),
                    Ok(Some(Ok(step))) => {
                        if let Some(message) = step.error_detail.and_then(|detail| detail.message) {
                            return Err(Refusal::words(Refusal::said(&message)));
                        }
                    }
                    Ok(Some(Err(error))) => return Err(Refusal::from(error)),
                    Err(_) => return Err(too_late()),
                }
            }
        };
        if is_replaceable {
            let in_time = timeout(PULL, pull).await;
            return in_time.unwrap_or_else(|_| Err(too_late()));
        }
        pull.await
    }

    /// Build an image of this run, and of this run only: it carries the run's labels, and no name that anybody else
    /// uses is moved to it.
    async fn built(&self, name: &str, build: &Build) -> Result<Image> {
        let log = self.site.logs.join("images.log");
        let journal = Arc::new(Journal::open(&log, Arc::clone(&self.site.redact))?);
        let failed = |why: Refusal| Error::Prepare {
            command: format!("build {}", build.context),
            ended: format!("failed: {why}"),
            last_words: journal.last_words(),
        };
        let context = context(&self.site.folder.join(&build.context), build, &self.names).map_err(failed)?;
        let reference = self.names.image(name);
        let recipe = recipe_of(build);
        let args: HashMap<String, String> = build.args.clone().into_iter().collect();
        let options = BuildImageOptionsBuilder::default()
            .dockerfile(&recipe)
            .t(&reference)
            .buildargs(&args)
            .target(build.target.as_deref().unwrap_or_default())
            .rm(true)
            .forcerm(true)
            .build();
        self.build(context, options, Some(Arc::clone(&journal)))
            .await
            .map_err(failed)?;
        let found = self.here(&reference).await.map_err(failed)?;
        found.ok_or_else(|| {
            failed(Refusal::words(
                "the engine says that it built it, and does not have it",
            ))
        })
    }

    /// The image that holds closure itself.
    pub(super) async fn sidecar(&self, closure: &Path) -> Result<Image, Refusal> {
        let mut known = self.known.lock().await;
        let reference = self.names.image("sidecar");
        if let Some(image) = known.get(&reference) {
            return Ok(image.clone());
        }
        let labels: Vec<_> = self.names.labels().into_iter().collect();
        let recipe = labelled("FROM scratch\nCOPY closure /closure\n", &labels);
        let context = std::fs::read(closure).and_then(|program| {
            let mut context = Context::new();
            context.file("Dockerfile", 0o644, recipe.as_bytes())?;
            context.file("closure", 0o755, &program)?;
            context.into_bytes()
        });
        let context = context.map_err(|error| {
            Refusal::words(format!(
                "closure cannot read itself at `{}`: {error}",
                closure.display()
            ))
        })?;
        let options = BuildImageOptionsBuilder::default()
            .t(&reference)
            .rm(true)
            .forcerm(true)
            .build();
        self.build(context, options, None).await?;
        let image = self.here(&reference).await?;
        let image = image.ok_or_else(|| Refusal::words("the image that holds closure is not there"))?;
        known.insert(reference, image.clone());
        Ok(image)
    }

    async fn build(
        &self,
        context: Vec<u8>,
        options: BuildImageOptions,
        journal: Option<Arc<Journal>>,
    ) -> Result<(), Refusal> {
        let engine = Arc::clone(&self.engine);
        let work = async move {
            let client = engine.client().await?;
            let context = body_full(context.into());
            let mut steps = std::pin::pin!(client.build_image(options, None, Some(context)));
            while let Some(step) = steps.next().await {
                let step = step?;
                if let Some(message) = step.error_detail.and_then(|detail| detail.message) {
                    return Err(Refusal::words(Refusal::said(&message)));
                }
                if let (Some(journal), Some(said)) = (&journal, step.stream) {
                    let lines = said.lines().filter(|line| !line.trim().is_empty());
                    lines.for_each(|line| journal.line(line.as_bytes()));
                }
            }
            Ok(())
        };
        self.works.see_through_while_wanted(work.boxed()).await
    }
}

fn image(reference: &str, seen: ImageInspect) -> Result<Image, Refusal> {
    let config = seen.config.unwrap_or_default();
    Ok(Image {
        reference: reference.to_owned(),
        id: told(seen.id, &format!("the id of the image `{reference}`"))?,
        digest: seen
            .repo_digests
            .unwrap_or_default()
            .into_iter()
            .next()
            .unwrap_or_default(),
        stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
        volumes: config.volumes.unwrap_or_default(),
    })
}

fn context(folder: &Path, build: &Build, names: &Names) -> Result<Vec<u8>, Refusal> {
    let unusable = |what: &Path, error: std::io::Error| {
        Refusal::words(format!(
            "`{}` cannot be sent to the engine: {error}",
            what.display()
        ))
    };
    let path = PathBuf::from(recipe_of(build));
    let recipe =
        std::fs::read_to_string(folder.join(&path)).map_err(|error| unusable(&folder.join(&path), error))?;
    let mut labels: Vec<_> = names.labels().into_iter().collect();
    labels.sort();
    let recipe = labelled(&recipe, &labels).into_bytes();
    let context = Context::of_folder(folder, &(path, recipe)).and_then(Context::into_bytes);
    context.map_err(|error| unusable(folder, error))
}

fn recipe_of(build: &Build) -> String {
    let path = build.dockerfile.as_deref().unwrap_or("Dockerfile");
    path.trim_start_matches("./").to_owned()
}

/// An image reference as the engine wants to be asked for it: without a tag it would pull all there are.
fn name_and_tag(reference: &str) -> (&str, &str) {
    let name_begins = reference.rfind('/').map_or(0, |at| at + 1);
    match reference[name_begins..].rfind([':', '@']) {
        Some(at) if reference.as_bytes()[name_begins + at] == b':' && !reference.contains('@') => {
            let at = name_begins + at;
            (&reference[..at], &reference[at + 1..])
        }
        _ if reference.contains('@') => (reference, ""),
        _ => (reference, "latest"),
    }
}

pub(super) fn is_postgres(service: &Service) -> bool {
    let provides = service
        .native
        .as_ref()
        .and_then(|native| native.provides.as_deref());
    provides == Some("postgres")
}

fn too_late() -> Refusal {
    Refusal::words(format!(
        "its registry did not deliver within {} s",
        PULL.as_secs()
    ))
}

pub(super) fn unknown_hint(reference: &str) -> String {
    if reference.starts_with("closure/") {
        "run `scripts/setup`, which builds the images of this repository".to_owned()
    } else {
        format!("build it (`docker build --tag {reference} …`), or make its registry reachable")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Build, ImageInspect, Names, context, image, name_and_tag};

    #[test]
    fn a_reference_is_asked_for_with_its_tag_its_digest_or_the_latest() {
        let cases = [
            ("postgres:15-alpine", ("postgres", "15-alpine")),
            ("postgres", ("postgres", "latest")),
            ("127.0.0.1:5000/tiny", ("127.0.0.1:5000/tiny", "latest")),
            ("127.0.0.1:5000/a/tiny:1", ("127.0.0.1:5000/a/tiny", "1")),
            ("tiny@sha256:00", ("tiny@sha256:00", "")),
            ("tiny:1@sha256:00", ("tiny:1@sha256:00", "")),
        ];
        for (reference, expected) in cases {
            assert_eq!(name_and_tag(reference), expected, "{reference}");
        }
    }

    #[test]
    fn an_image_without_an_id_is_none() {
        let seen = |id: Option<&str>| ImageInspect {
            id: id.map(str::to_owned),
            ..ImageInspect::default()
        };
        assert_eq!(
            image("tiny:1", seen(Some("sha256:aa"))).expect("said").id,
            "sha256:aa"
        );
        for id in [None, Some("")] {
            let refusal = image("tiny:1", seen(id)).expect_err("not said");
            assert_eq!(
                refusal.to_string(),
                "the Docker engine did not say the id of the image `tiny:1`"
            );
        }
    }

    #[test]
    fn a_context_without_its_recipe_is_told_by_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let build = Build {
            dockerfile: Some("./deep/Dockerfile".to_owned()),
            ..Build::default()
        };
        let names = Names {
            run: "r1".to_owned(),
            copy: "live".to_owned(),
        };
        let refusal = context(folder.path(), &build, &names).expect_err("nothing there");
        let expected = format!(
            "`{}` cannot be sent",
            folder.path().join("deep/Dockerfile").display()
        );
        assert!(refusal.to_string().starts_with(&expected), "{refusal}");
        fs::create_dir(folder.path().join("deep")).expect("made");
        fs::write(folder.path().join("deep/Dockerfile"), "FROM scratch\n").expect("written");
        assert!(!context(folder.path(), &build, &names).expect("packed").is_empty());
    }
}
