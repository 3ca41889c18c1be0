//! `enqueue`: an operator's way to ask for one task.

use anyhow::bail;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    db, queue,
    settings::{Client, Environment, Role},
    tasks::{self, Work},
};

/// What is asked for.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  skeldir enqueue attribution.recompute_window --tenant 8a0e… --args '{\"day\":\"2026-11-20\"}'"
)]
pub(crate) struct Args {
    /// The task's name
    task: String,
    /// On whose behalf
    #[arg(long)]
    tenant: Option<Uuid>,
    /// With what, as a JSON object
    #[arg(long = "args", default_value = "{}", value_parser = object)]
    with: Value,
}

/// Enqueues the task and prints its id.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let settings = Client::read(&mut Environment::of_this_process())?;
    let Some(entry) = tasks::entry(&args.task, settings.stage) else {
        let known: Vec<&str> = tasks::catalogue(settings.stage).map(|entry| entry.name).collect();
        bail!(
            "there is no task `{}`\nhint: there are {}",
            args.task,
            known.join(", ")
        );
    };
    if let Work::Asking(asking) = &entry.work {
        bail!(
            "`{}` is asked for at `POST /api/llm/{}`, which encrypts its prompt",
            entry.name,
            asking.endpoint.as_str()
        );
    }
    let pool = db::pool(&settings.database, "skeldir enqueue")?;
    let id = queue::enqueue(&pool, entry.queue, entry.name, args.tenant, &args.with)
        .await
        .map_err(|error| anyhow::anyhow!("the task was not enqueued: {}", db::words(&error)))?;
    println!("{id}");
    Ok(())
}

fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("not an object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
