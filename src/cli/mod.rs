//! The only voice: arguments, progress, words, exit codes. Nothing else in the house prints.

mod arguments;
mod columns;
mod exit;
mod explain;
mod gates;
mod looked;
mod opened;
mod plan;
mod told;
mod verify;

#[cfg(feature = "live")]
mod clean;
#[cfg(feature = "live")]
mod doctor;
#[cfg(feature = "live")]
mod load;
#[cfg(feature = "live")]
mod progress;
#[cfg(feature = "live")]
mod run;
#[cfg(feature = "live")]
mod sidecar;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
pub use exit::Exit;

/// Do what the command line says, and come to one exit code. A panic is a bug of ours and says so: whatever it held is
/// dropped on the way, which ends the services and removes the run's folder.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exit = std::panic::catch_unwind(|| obey(arguments)).unwrap_or_else(|_| {
        eprintln!("error: closure panicked, which is a bug; the record it was writing is marked unfinished");
        Exit::Bug
    });
    ExitCode::from(exit.code())
}

fn obey(arguments: Arguments) -> Exit {
    let outcome = match arguments.command {
        Command::Verify(wish) => verify::command(&wish),
        Command::Gates(wish) => gates::command(&wish),
        Command::Explain(wish) => explain::command(&wish),
        Command::Plan(wish) => plan::command(&wish),
        #[cfg(feature = "live")]
        Command::Run(wish) => run::command(&wish),
        #[cfg(feature = "live")]
        Command::Clean(wish) => clean::command(&wish),
        #[cfg(feature = "live")]
        Command::Doctor(wish) => doctor::command(&wish),
        #[cfg(feature = "live")]
        Command::Load(wish) => load::command(&wish),
        #[cfg(feature = "live")]
        Command::Sidecar(wish) => sidecar::command(&wish),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Exit::of(&error)
    })
}

/// How a command ends that was refused before there was a record.
#[cfg(feature = "live")]
fn refused(refusal: crate::run::Refusal) -> anyhow::Error {
    use crate::run::Kind;
    let exit = match refusal.kind() {
        Kind::Usage => Exit::Usage,
        Kind::NotUp => Exit::NotUp,
        Kind::Unwritten => Exit::Unwritten,
        Kind::Bug => Exit::Bug,
    };
    exit.because(refusal)
}
