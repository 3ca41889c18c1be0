//! Haystacks that are files: what services say, as it was heard, and the record as it stands.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::{Blind, Planted, Site},
    Haystack,
    needles::Needles,
    sieve::Sieve,
};

/// What one service has said.
pub(super) struct Log {
    service: String,
    path: PathBuf,
}

/// The logs of some services, `*` for all of them.
pub(super) fn logs(names: &[String], site: &Site) -> Result<Vec<Log>, Blind> {
    let mut services = Vec::new();
    for name in names {
        match name.as_str() {
            "*" => services.extend(every_service(site)?),
            one => services.push(one.to_owned()),
        }
    }
    services.sort();
    services.dedup();
    let log = |service: String| {
        let path = site.ground.log(&service).map_err(Blind::because)?;
        Ok(Log { service, path })
    };
    services.into_iter().map(log).collect()
}

fn every_service(site: &Site) -> Result<Vec<String>, Blind> {
    let answer = site.ground.model(&[]).map_err(Blind::because)?;
    let services = answer["model"]["services"].as_object();
    let services = services.ok_or_else(|| Blind::because("nobody knows which services there are"))?;
    Ok(services.keys().cloned().collect())
}

/// Search what services said, and what was planted among it.
pub(super) fn search(
    logs: Vec<Log>,
    planted: &Planted,
    needles: &Arc<Needles>,
) -> Result<Vec<Haystack>, Blind> {
    let one = |log: Log| {
        let haystack = Haystack::new(format!("log:{}", log.service), "log");
        let opened = planted.open(&log.service, &log.path);
        let opened = opened.map_err(|error| unread(&haystack.name, &error))?;
        sifted(haystack, opened, needles)
    };
    logs.into_iter().map(one).collect()
}

/// Search every file of the record.
pub(super) fn record(folder: &Path, needles: &Arc<Needles>) -> Result<Vec<Haystack>, Blind> {
    let mut paths = Vec::new();
    below(folder, &mut paths).map_err(|error| unread("the record", &error))?;
    paths.sort();
    let mut haystacks = Vec::new();
    for path in paths {
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        let haystack = Haystack::new(format!("file:{}", relative.display()), "file");
        match File::open(&path) {
            Ok(opened) => haystacks.push(sifted(haystack, opened, needles)?),
            // A file is written under another name and then renamed: its other name was only passing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unread(&haystack.name, &error)),
        }
    }
    Ok(haystacks)
}

fn below(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            below(&entry.path(), paths)?;
        } else {
            paths.push(entry.path());
        }
    }
    Ok(())
}

fn sifted(mut haystack: Haystack, reader: impl Read, needles: &Arc<Needles>) -> Result<Haystack, Blind> {
    let sifted = Sieve::sift(needles, reader).map_err(|error| unread(&haystack.name, &error))?;
    if let Some(trouble) = sifted.trouble {
        return Err(Blind::because(format!("`{}`: {trouble}", haystack.name)));
    }
    haystack.bytes = sifted.bytes;
    haystack.add(sifted.found, |at| format!("byte {at}"));
    Ok(haystack)
}

fn unread(name: &str, error: &io::Error) -> Blind {
    Blind::because(format!("`{name}` cannot be read: {error}"))
}
