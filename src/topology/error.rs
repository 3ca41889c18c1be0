//! What can go wrong between a compose file and running services. Every one of these means that the topology did
//! not come up, or did not go down, as it should.

use std::{fmt, io, path::Path, time::Duration};

/// What this room returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an act failed, as the thing that failed says it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// One failure of the topology.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine lacks a program that a service needs.
    #[error("found no `{program}` in {looked}\nhint: {hint}")]
    Missing {
        /// The program.
        program: String,
        /// Where it was looked for.
        looked: String,
        /// What to do about it.
        hint: String,
    },
    /// A service's `prepare` did not end well.
    #[error("`{command}`, which prepares the services, {ended}{}", spoken(.last_words))]
    Prepare {
        /// The command in words.
        command: String,
        /// How it ended: `exited with 101`.
        ended: String,
        /// Its last lines.
        last_words: String,
    },
    /// The image of a service cannot be had.
    #[error("there is no image `{image}` for `{service}`: {said}\nhint: {hint}")]
    Image {
        /// The image as the compose file names it.
        image: String,
        /// The service.
        service: String,
        /// What was said by whoever was asked for it.
        said: String,
        /// What to do about it.
        hint: String,
    },
    /// What holds the services cannot be used at all.
    #[error("nothing can be started: {0}")]
    Substrate(Cause),
    /// A service came to a state in which it, and what waits for it, can never be up.
    #[error("`{service}` {what}{}{}", who_waits(.waiting), spoken(.last_words))]
    NotUp {
        /// The service.
        service: String,
        /// What happened to it: `exited with 3`.
        what: String,
        /// The services that wait for it.
        waiting: Vec<String>,
        /// Its last lines.
        last_words: String,
    },
    /// The deadline passed.
    #[error("not ready within {}{}", in_words(*.within), listed(.last_seen))]
    Timeout {
        /// The deadline.
        within: Duration,
        /// Of each service that was not ready, what was last seen.
        last_seen: Vec<String>,
    },
    /// One act on one service failed.
    #[error("failed to {act} `{service}`")]
    Act {
        /// The act: `start`, `stop`, `kill`, `pause`, `unpause`, `disconnect`, `connect`, `look inside`, `run a
        /// program in`.
        act: &'static str,
        /// The service.
        service: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The compose file has no such service.
    #[error("there is no service `{service}`{}", suggested(.nearest.as_deref()))]
    Unknown {
        /// The name asked for.
        service: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// A folder or file of the run could not be used.
    #[error("failed to {act} `{path}`")]
    Folder {
        /// What was tried: `create`, `lock`, `write`.
        act: &'static str,
        /// The folder or file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Teardown could not take everything away.
    #[error("the run left something behind{}", listed(.0))]
    Left(Vec<Leftover>),
}

impl Error {
    pub(crate) fn act(act: &'static str, service: &str, cause: impl Into<Cause>) -> Self {
        Self::Act {
            act,
            service: service.to_owned(),
            cause: cause.into(),
        }
    }

    /// Turns an I/O error into one that names what was tried, and on what.
    pub(crate) fn folder(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Folder {
            act,
            path: path.display().to_string(),
            source,
        }
    }

    /// The error and its causes in one line, for places that keep words and not errors.
    pub(crate) fn whole(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.fold(self.to_string(), |line, cause| format!("{line}: {cause}"))
    }
}

/// Something a run should have taken away and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// A process that survived its kill.
    Process {
        /// Its id.
        pid: u32,
        /// Its command.
        command: String,
    },
    /// A port somebody still listens on.
    Port(u16),
    /// A folder that could not be removed, and why.
    Folder(String),
    /// A container, network, volume or image of an engine, and why it is still there.
    Engine(String),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, command } => write!(f, "process {pid} (`{command}`) lives"),
            Self::Port(port) => write!(f, "port {port} is still open"),
            Self::Folder(what) | Self::Engine(what) => write!(f, "{what}"),
        }
    }
}

fn spoken(words: &str) -> String {
    if words.is_empty() {
        "; it said nothing".to_owned()
    } else {
        format!("\n{}", indented(words))
    }
}

fn who_waits(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("; `{one}` waits for it"),
        many => format!("; `{}` wait for it", many.join("`, `")),
    }
}

fn suggested(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("\nhint: did you mean `{name}`?"))
}

fn listed(things: &[impl fmt::Display]) -> String {
    let lines = things.iter().map(|thing| indented(&thing.to_string()));
    lines.fold(String::new(), |list, lines| list + "\n" + &lines)
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn in_words(span: Duration) -> String {
    if span.subsec_millis() == 0 {
        format!("{} s", span.as_secs())
    } else {
        format!("{} ms", span.as_millis())
    }
}
