//! What this host has for services that run as its processes, and what it lacks. Nothing is started to find out.

use std::{env, path::Path};

use super::{CLEAN_PATH, Programs, account::Account, binaries::Binaries, provides_postgres};
use crate::compose::model::{Model, Service};

/// What a native run stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeSeen {
    /// In words, what is here.
    pub here: Vec<String>,
    /// In words, what is not, each with what to do.
    pub missing: Vec<String>,
}

/// Look for everything that the services of a model need on this host; paths are relative to the compose file's folder.
pub(crate) fn native(model: &Model, folder: &Path) -> NativeSeen {
    let mut seen = NativeSeen::default();
    if model.services.values().any(provides_postgres) {
        match Binaries::find() {
            Ok(binaries) => seen
                .here
                .push(format!("Postgres in `{}`", binaries.folder.display())),
            Err(error) => seen.missing.push(error.to_string()),
        }
    }
    match Account::unprivileged() {
        Ok(Some(account)) => seen.here.push(format!("services run as uid {}", account.uid())),
        Ok(None) => seen.here.push("services run as we do".to_owned()),
        Err(error) => seen.missing.push(error.to_string()),
    }
    let lacks = model
        .services
        .iter()
        .filter_map(|(name, service)| lack(name, service, folder));
    seen.missing.extend(lacks);
    seen
}

/// What keeps one service from running on this host.
fn lack(name: &str, service: &Service, folder: &Path) -> Option<String> {
    let Some(native) = &service.native else {
        return Some(format!(
            "service `{name}` has no `x-closure`: it runs in a container only"
        ));
    };
    // A program that is built before bring-up need not be there yet.
    let program = native.argv.first().filter(|_| native.prepare.is_empty())?;
    let cause = Programs::find(program, folder, CLEAN_PATH).err()?;
    Some(format!("service `{name}`: {cause}"))
}

/// What the builds before bring-up need and this host lacks, whatever the services run on.
pub(crate) fn unbuildable(model: &Model, folder: &Path) -> Vec<String> {
    let path = env::var("PATH").unwrap_or_default();
    let programs = model
        .services
        .values()
        .filter_map(|service| service.native.as_ref()?.prepare.first());
    let mut missing: Vec<String> = programs
        .filter_map(|program| Some(Programs::find(program, folder, &path).err()?.to_string()))
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{native, unbuildable};
    use crate::compose::model::{Model, Native, Service};

    fn model(natively: Option<Native>) -> Model {
        let service = Service {
            native: natively,
            ..Service::default()
        };
        Model {
            services: [("api".to_owned(), service)].into(),
            ..Model::default()
        }
    }

    fn runs(argv: &[&str], prepare: &[&str]) -> Model {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        model(Some(Native {
            argv: words(argv),
            prepare: words(prepare),
            ..Native::default()
        }))
    }

    #[test]
    fn what_is_missing_is_named_with_the_service_that_needs_it() {
        let root = Path::new("/");
        assert_eq!(
            native(&runs(&["/bin/sh"], &[]), root).missing,
            Vec::<String>::new()
        );
        assert_eq!(
            native(&runs(&["/nowhere/api"], &[]), root).missing,
            ["service `api`: there is no program `/nowhere/api`"]
        );
        assert_eq!(
            native(&model(None), root).missing,
            ["service `api` has no `x-closure`: it runs in a container only"]
        );
    }

    #[test]
    fn a_program_that_is_built_first_need_not_be_there_but_what_builds_it_must() {
        let root = Path::new("/");
        let built = runs(&["target/api"], &["/bin/sh", "-c", "true"]);
        assert_eq!(native(&built, root).missing, Vec::<String>::new());
        assert_eq!(unbuildable(&built, root), Vec::<String>::new());
        assert_eq!(
            unbuildable(&runs(&["target/api"], &["/nowhere/make"]), root),
            ["there is no program `/nowhere/make`"]
        );
    }
}
