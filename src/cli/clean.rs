//! `closure clean`: remove what killed runs left behind.

use serde_json::json;

use super::{Exit, arguments::CleanWish, columns::count};
use crate::topology;

pub(super) fn command(wish: &CleanWish) -> anyhow::Result<Exit> {
    let cleaned = topology::clean(&topology::default_root()).map_err(|error| Exit::NotUp.because(error))?;
    if wish.json {
        println!("{:#}", json!(cleaned.iter().map(as_json).collect::<Vec<_>>()));
        return Ok(Exit::Pass);
    }
    for run in &cleaned {
        println!("run {}, which was killed", run.run);
        for (pid, command) in &run.processes {
            println!("  ended process {pid}: {command}");
        }
        for thing in &run.things {
            println!("  removed {thing}");
        }
        println!("  removed {}", run.folder.display());
    }
    match cleaned.len() {
        0 => println!("nothing to clean: no run that was killed has left anything behind"),
        n => println!("{} cleaned", count(n, "killed run")),
    }
    Ok(Exit::Pass)
}

fn as_json(run: &topology::Cleaned) -> serde_json::Value {
    json!({
        "run": run.run,
        "processes": run.processes,
        "engine": run.things,
        "ports": run.ports,
        "folder": run.folder,
    })
}
