//! `settings`: prints what a role is told.

use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::settings::{
    Api, Client, Environment, Exporter, Migrate, MockPlatform, Provision, Role, SettingError, Worker, table,
};

/// What is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  skeldir settings --defaults")]
pub(crate) struct Args {
    /// The role whose effective settings are printed, read from this environment
    #[arg(required_unless_present = "defaults")]
    role: Option<Told>,
    /// Print what holds in production when a setting is not given, for every setting that need not be
    #[arg(long, conflicts_with = "role")]
    defaults: bool,
}

/// A role that is told something.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Told {
    Provision,
    Migrate,
    Api,
    Worker,
    Exporter,
    MockPlatform,
    Enqueue,
}

/// Prints a JSON object: variable to value.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let shown = match args.role {
        Some(role) => effective(role)?,
        None => defaults(),
    };
    println!("{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}

fn defaults() -> Map<String, Value> {
    table::ALL
        .iter()
        .filter_map(|setting| Some((setting.name.to_owned(), Value::from(setting.default?))))
        .collect()
}

fn effective(role: Told) -> Result<Map<String, Value>, SettingError> {
    let mut environment = Environment::of_this_process();
    match role {
        Told::Provision => Provision::read(&mut environment).map(drop),
        Told::Migrate => Migrate::read(&mut environment).map(drop),
        Told::Api => Api::read(&mut environment).map(drop),
        Told::Worker => Worker::read(&mut environment).map(drop),
        Told::Exporter => Exporter::read(&mut environment).map(drop),
        Told::MockPlatform => MockPlatform::read(&mut environment).map(drop),
        Told::Enqueue => Client::read(&mut environment).map(drop),
    }?;
    Ok(environment.effective().clone())
}
