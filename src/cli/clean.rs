//! `closure clean`: remove what killed runs left behind.

use serde_json::json;

use super::{Exit, arguments::CleanWish};
use crate::topology;

pub(super) fn command(wish: &CleanWish) -> anyhow::Result<Exit> {
    let cleaned = topology::clean(&topology::state_root())?;
    if wish.json {
        println!("{:#}", json!(cleaned));
        return Ok(Exit::Pass);
    }
    for run in &cleaned {
        println!("{run}");
    }
    match cleaned.len() {
        0 => println!("nothing to clean"),
        1 => println!("1 run cleaned"),
        n => println!("{n} runs cleaned"),
    }
    Ok(Exit::Pass)
}
