//! Which keys a suite, a gate and their parts have, and what each may hold. Kinds are in [`super::kinds`].

use super::types::{Choice, Key, Type, may, must, one_of};

pub(super) const SUITE: &[Key] = &[
    must("grammar", Type::Count),
    must("name", Type::Words),
    must("compose", Type::Words),
    must("artifact_dir", Type::Words),
    may("service", Type::Own),
    may("db", Type::Own),
    may("snapshot", Type::Own),
    may("seal", Type::Own),
    may("key", Type::Own),
    may("env", Type::Own),
    may("let", Type::Own),
    may("fn", Type::Own),
    may("template", Type::Own),
    may("profile", Type::Own),
];

pub(super) const ADDRESS: &[Key] = &[may("port", Type::Count), may("ready", Type::Words)];

pub(super) const DATABASE: &[Key] = &[
    must("service", Type::Service),
    must("database", Type::Words),
    must("user", Type::Words),
];

pub(super) const SNAPSHOT: &[Key] = &[must("db", Type::Database), must("after", Type::Words)];

pub(super) const SEALED: &[Key] = &[
    may("db", Type::Database),
    may("query", Type::Words),
    may("request", Type::Request),
];

/// A part of the seal is asked of a database, or fetched.
pub(super) const OF_A_SEAL: &[Choice] = &[one_of(&[&["db", "query"], &["request"]])];

pub(super) const KEY_PAIR: &[Key] = &[must("kind", Type::OneOf(&["rsa"])), may("bits", Type::Count)];

pub(super) const FUNCTION: &[Key] = &[must("of", Type::Own), must("is", Type::Own)];

pub(super) const PROFILE: &[Key] = &[
    may("demands", Type::Own),
    must("within", Type::Duration),
    may("let", Type::Own),
];

pub(super) const DEMANDS: &[Key] = &[
    may("cpus", Type::Number),
    may("mem_gib", Type::Number),
    may("steal_pct", Type::Number),
];

pub(super) const GATE: &[Key] = &[
    must("id", Type::Words),
    must("name", Type::Words),
    must("claim", Type::Words),
    may("needs", Type::Own),
    may("profiles", Type::Own),
    may("clone", Type::Own),
    may("let", Type::Own),
    may("probe", Type::Own),
    may("derive", Type::Own),
    may("assert", Type::Own),
    may("control", Type::Own),
    may("paper", Type::Own),
];

/// What every probe may say, whatever its kind.
pub(super) const PROBE: &[Key] = &[
    may("name", Type::Name),
    may("kind", Type::Words),
    may("step", Type::Own),
    may("for_each", Type::Loops),
    may("at_once", Type::Bool),
    may("until", Type::Own),
    may("within", Type::Duration),
    may("poll", Type::Duration),
    may("says", Type::Words),
    may("during", Type::Words),
    may("at", Type::Duration),
    may("every", Type::Duration),
    may("delay", Type::Own),
    may("once", Type::Bool),
];

pub(super) const ASSERTION: &[Key] = &[
    may("each", Type::Sentence),
    must("that", Type::Sentence),
    may("at_least", Type::Own),
    must("says", Type::Words),
    may("otherwise", Type::OneOf(&["inconclusive"])),
];

pub(super) const CONTROL: &[Key] = &[
    must("says", Type::Words),
    may("for_each", Type::Loops),
    must("sabotage", Type::Changes),
    may("witness", Type::Own),
    may("landed", Type::Sentence),
    may("rerun", Type::Own),
    must("must_fail", Type::Own),
    may("may_fail", Type::Own),
    may("because", Type::Sentence),
    may("profiles", Type::Own),
];

/// What every change says, whatever its kind.
pub(super) const CHANGE: &[Key] = &[
    must("kind", Type::Words),
    may("place", Type::OneOf(&["live", "rollback", "scratch"])),
];

pub(super) const PAPER: &[Key] = &[
    may("for_each", Type::Loops),
    may("file", Type::Own),
    may("summary", Type::Words),
    may("json", Type::Sentence),
    may("csv", Type::Sentence),
    may("text", Type::Sentence),
];
