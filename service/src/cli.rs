//! The command line: one role per process.

use std::{future::Future, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};
use tokio::runtime::{Builder, Runtime};

use crate::{
    log, roles,
    settings::{self, Environment, Role, SettingError},
};

/// What a process may be.
#[derive(Debug, Parser)]
#[command(
    name = "skeldir",
    version,
    about = "Take signed payments in, attribute their revenue, lose none of it",
    after_help = "Exit codes:\n  0  done, or ended by a signal with everything finished\n  1  the role failed\n  \
                  2  the command line or a setting is wrong; the setting is named"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the database, its roles and its extension, as a superuser
    Provision,
    /// Apply the migrations, as their owner
    Migrate,
    /// Take webhooks in
    Api,
    /// Do the queued work
    Worker,
    /// Show the worker's metrics
    Exporter,
    /// Play the outside world
    MockPlatform,
    /// Ask a role that runs here whether it is well
    Healthcheck {
        /// The role
        role: Checked,
    },
    /// Put one task on its queue and print its id
    Enqueue(roles::enqueue::Args),
    /// Compute for a task of the worker, which starts this itself
    #[command(hide = true)]
    Compute,
    /// Print the contract of the API, as `OpenAPI` 3.1
    Openapi,
    /// Print what a role is told, or what holds when it is told nothing; never a secret
    Settings(roles::settings::Args),
}

/// A role whose health can be asked.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Checked {
    /// `api`
    Api,
    /// `worker`
    Worker,
    /// `exporter`
    Exporter,
    /// `mock-platform`
    MockPlatform,
}

impl Command {
    const fn name(&self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Migrate => "migrate",
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Exporter => "exporter",
            Self::MockPlatform => "mock-platform",
            Self::Healthcheck { .. } => "healthcheck",
            Self::Enqueue(_) => "enqueue",
            Self::Compute => "compute",
            Self::Openapi => "openapi",
            Self::Settings(_) => "settings",
        }
    }
}

/// Reads the command line, plays the role, and says with its exit code how that ended.
pub fn run() -> ExitCode {
    let command = Cli::parse().command;
    let name = command.name();
    match play(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("skeldir {name}: {error:#}");
            ExitCode::from(if error.is::<SettingError>() { 2 } else { 1 })
        }
    }
}

fn play(command: Command) -> anyhow::Result<ExitCode> {
    let name = command.name();
    match command {
        Command::Provision => serve(name, |_| 1, roles::provision::run)?,
        Command::Migrate => serve(name, |_| 1, roles::migrate::run)?,
        Command::Api => serve(name, |settings: &settings::Api| settings.threads, roles::api::run)?,
        Command::Worker => serve(name, |_| 2, roles::worker::run)?,
        Command::Exporter => serve(name, |_| 1, roles::exporter::run)?,
        Command::MockPlatform => serve(name, |_| 1, roles::mock_platform::run)?,
        Command::Healthcheck { role } => runtime(1)?.block_on(roles::healthcheck::run(role))?,
        Command::Enqueue(args) => runtime(1)?.block_on(roles::enqueue::run(args))?,
        Command::Compute => roles::compute::run()?,
        Command::Openapi => roles::openapi::run()?,
        Command::Settings(args) => roles::settings::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the settings of a role, says what they are, and runs it.
fn serve<S: Role, F: Future<Output = anyhow::Result<()>>>(
    name: &str,
    threads: fn(&S) -> usize,
    run: fn(S) -> F,
) -> anyhow::Result<()> {
    let mut environment = Environment::of_this_process();
    let settings = S::read(&mut environment)?;
    log::start(&mut environment)?;
    log::started(name, environment.effective());
    runtime(threads(&settings))?.block_on(run(settings))
}

fn runtime(threads: usize) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
}
