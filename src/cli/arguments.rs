//! What may stand on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::exit;

/// Prove that a composed system is ready, and leave evidence anyone can check
#[derive(Parser)]
#[command(name = "closure", version, after_help = exit::help(), max_term_width = 110)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show what a run would do, with its estimate, without touching anything
    #[command(after_help = "Example:\n  closure plan --full-physics")]
    Plan(PlanWish),
    /// Bring the topology up, pass it through the gates, seal the evidence
    #[cfg(feature = "live")]
    #[command(after_help = "Example:\n  closure run --ci-subset --substrate native")]
    Run(RunWish),
    /// Check that a pack is whole, and judge it again from its own evidence
    #[command(after_help = "Example:\n  closure verify artifacts/b07-phase8/closure_pack_artifact.zip")]
    Verify(VerifyWish),
    /// List the gates, their claims and their controls
    #[command(after_help = "Example:\n  closure gates --suite gates")]
    Gates(GatesWish),
    /// Explain a claim from a pack: what was seen, the first cause, what to open, how to run it again
    ///
    /// For a gate that passed it says why that may be believed. The pack is that of the suite's last run, unless
    /// another one is named.
    #[command(after_help = "Example:\n  closure explain EG8.1")]
    Explain(ExplainWish),
    /// Remove what a killed run left behind; runs that live are not touched
    #[cfg(feature = "live")]
    #[command(after_help = "Example:\n  closure clean")]
    Clean(CleanWish),
    /// Tell what is here for a run, what is missing and what to do about it, without touching anything
    #[cfg(feature = "live")]
    #[command(after_help = "Example:\n  closure doctor")]
    Doctor(DoctorWish),
    /// Drive an open-model load at a local address, or at a target inside closure, and print its figures
    #[cfg(feature = "live")]
    #[command(after_help = "Example:\n  closure load null --rps 46 --seconds 60")]
    Load(LoadWish),
    /// Ask a question from inside a service, over the DSN of its running process
    ///
    /// Closure runs this by itself, in the namespaces of a service and under its account; the question comes on
    /// standard input.
    #[cfg(feature = "live")]
    #[command(hide = true, after_help = "Example:\n  closure sidecar --pid 1 < errand.json")]
    Sidecar(SidecarWish),
}

/// Which gates with which figures.
#[derive(Args, Clone)]
pub(super) struct Selection {
    /// Folder of the suite
    #[arg(long, value_name = "DIR", default_value = "gates")]
    pub(super) suite: PathBuf,
    /// Drive the figures of `ci_subset` (the default)
    #[arg(long, conflicts_with = "full_physics")]
    pub(super) ci_subset: bool,
    /// Drive the figures of `full_physics`
    #[arg(long)]
    pub(super) full_physics: bool,
    /// Run these gates only, those they need too when they are named; the rest is `not_run`, and the exit
    /// code 3 at best
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(super) only: Vec<String>,
    /// Print JSON instead of words
    #[arg(long)]
    pub(super) json: bool,
}

impl Selection {
    /// The profile asked for.
    pub(super) fn profile(&self) -> &'static str {
        if self.full_physics {
            "full_physics"
        } else {
            "ci_subset"
        }
    }

    /// As the plan takes it.
    pub(super) fn wish(&self) -> crate::plan::Wish {
        crate::plan::Wish {
            suite: self.suite.clone(),
            profile: self.profile().to_owned(),
            only: self.only.clone(),
        }
    }
}

#[derive(Args)]
pub(super) struct PlanWish {
    #[command(flatten)]
    pub(super) selection: Selection,
}

#[derive(Args)]
pub(super) struct ExplainWish {
    /// A gate, or one of its assertions or controls: `GATE.NAME`
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// A pack, the zip or the folder it was made from [default: where the suite says]
    #[arg(long, value_name = "PACK")]
    pub(super) pack: Option<PathBuf>,
    /// Folder of the suite
    #[arg(long, value_name = "DIR", default_value = "gates")]
    pub(super) suite: PathBuf,
    /// Print JSON instead of words
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
pub(super) struct GatesWish {
    /// Folder of the suite
    #[arg(long, value_name = "DIR", default_value = "gates")]
    pub(super) suite: PathBuf,
    /// Look for what is weak in it: claims without a control, sentences that cannot turn false, secrets with a
    /// fallback
    #[arg(long)]
    pub(super) lint: bool,
    /// With `--lint`: a pack of this suite, whose kill matrix tells what nothing could break
    #[arg(long, value_name = "PACK", requires = "lint")]
    pub(super) pack: Option<PathBuf>,
    /// Print JSON instead of words
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
pub(super) struct VerifyWish {
    /// A pack: the zip, or the folder it was made from
    #[arg(value_name = "PACK")]
    pub(super) pack: PathBuf,
    /// The suite as the reviewer's own checkout holds it; the gate text in the pack must be the same
    #[arg(long, value_name = "DIR")]
    pub(super) gates: Option<PathBuf>,
    /// The digest of the plan, as `closure plan --json` prints it
    #[arg(long, value_name = "SHA256")]
    pub(super) plan_digest: Option<String>,
    /// Print JSON instead of words
    #[arg(long)]
    pub(super) json: bool,
}

/// Where the services run.
#[cfg(feature = "live")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SubstrateWish {
    /// Containers where an engine answers and every image is there or can be had, else processes of this host; said
    /// in one line, and recorded
    Auto,
    /// Containers of this host's engine; the only ones whose pack can be authoritative
    Docker,
    /// Processes of this host, with a Postgres cluster of their own
    Native,
}

#[cfg(feature = "live")]
#[derive(Args)]
pub(super) struct RunWish {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Where the services run
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) substrate: SubstrateWish,
    /// Where the pack goes [default: what the suite says]
    #[arg(long, value_name = "DIR")]
    pub(super) artifact_dir: Option<PathBuf>,
    /// Variables for the compose file, besides those the suite mints; one NAME=VALUE a line
    #[arg(long, value_name = "FILE")]
    pub(super) env_file: Option<PathBuf>,
    /// Leave the topology up at the end; the pack is then never authoritative
    #[arg(long)]
    pub(super) keep: bool,
    /// Say nothing but the closing summary
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[cfg(feature = "live")]
#[derive(Args)]
pub(super) struct CleanWish {
    /// Print JSON instead of words
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(feature = "live")]
#[derive(Args)]
pub(super) struct DoctorWish {
    /// Folder of the suite
    #[arg(long, value_name = "DIR", default_value = "gates")]
    pub(super) suite: PathBuf,
    /// Print JSON instead of words
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(feature = "live")]
#[derive(Args)]
pub(super) struct LoadWish {
    /// `null`, or a URL on a loopback address
    #[arg(value_name = "TARGET", default_value = "null")]
    pub(super) target: String,
    /// Requests per second
    #[arg(long, default_value_t = 46.0)]
    pub(super) rps: f64,
    /// Seconds
    #[arg(long, default_value_t = 10.0)]
    pub(super) seconds: f64,
    /// Requests under way at once; one more is dropped, and counted
    #[arg(long, default_value_t = 256)]
    pub(super) in_flight: usize,
    /// Find the highest rate this target holds without error or lateness
    #[arg(long)]
    pub(super) find_max: bool,
    /// Print JSON instead of words
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(feature = "live")]
#[derive(Args)]
pub(super) struct SidecarWish {
    /// The process whose environment holds the DSN
    #[arg(long, value_name = "PID")]
    pub(super) pid: u32,
}
