//! What services want done before the first of them starts: building their programs, once each.

use std::{collections::BTreeSet, process::Stdio, sync::Arc};

use tokio::process::Command;

use crate::{
    compose::model::Model,
    topology::{
        census::MARKER,
        error::{Error, Result},
        journal::Journal,
        substrate::Site,
    },
};

/// Run each distinct `prepare` of a model once, one after another, in the compose file's folder. It is a build, not
/// a service: it runs as whoever runs us, with their environment, and is marked only so that it can be ended.
pub(crate) async fn prepare(model: &Model, site: &Site, marker: &str) -> Result<()> {
    let natives = model
        .services
        .values()
        .filter_map(|service| service.native.as_ref());
    let commands: BTreeSet<&[String]> = natives
        .map(|native| native.prepare.as_slice())
        .filter(|argv| !argv.is_empty())
        .collect();
    if commands.is_empty() {
        return Ok(());
    }
    let journal = Arc::new(Journal::open(
        &site.logs.join("prepare.log"),
        Arc::clone(&site.redact),
    )?);
    for argv in commands {
        journal.turn_over();
        run(argv, site, marker, &journal)
            .await
            .map_err(|ended| Error::Prepare {
                command: argv.join(" "),
                ended,
                last_words: journal.last_words(),
            })?;
    }
    Ok(())
}

/// Run one command to its end; an error says how it ended.
async fn run(argv: &[String], site: &Site, marker: &str, journal: &Arc<Journal>) -> Result<(), String> {
    let mut child = Command::new(&argv[0])
        .args(&argv[1..])
        .env(MARKER, marker)
        .current_dir(&site.folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("could not be started: {error}"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let heard = async {
        if let (Some(out), Some(err)) = (out, err) {
            tokio::join!(Arc::clone(journal).follow(out), Arc::clone(journal).follow(err));
        }
    };
    let ((), status) = tokio::join!(heard, child.wait());
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("ended with {status}")),
        Err(error) => Err(format!("was lost sight of: {error}")),
    }
}
