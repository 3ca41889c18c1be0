//! What the engine did not do, in words of ours: what it said itself where that says something, and never how our
//! client spells it.

use std::{fmt, path::Path};

use bollard::errors::Error as Client;

/// The engine's no, or its silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The status of its answer; none when it gave none.
    status: Option<u16>,
    said: String,
}

const SILENCE: &str = "the Docker engine no longer answers";

/// What it puts in front of what it means.
const PREAMBLES: &[&str] = &[
    "OCI runtime create failed: ",
    "OCI runtime exec failed: ",
    "exec failed: ",
    "failed to create shim: ",
    "failed to create task for container: ",
    "failed to create shim task: ",
    "runc create failed: ",
    "unable to start container process: ",
    "Error response from daemon: ",
];

impl Refusal {
    pub(super) fn silence() -> Self {
        Self {
            status: None,
            said: SILENCE.to_owned(),
        }
    }

    /// What the engine said, without what it always says.
    pub(super) fn said(message: &str) -> String {
        plain(message)
    }

    pub(super) fn words(said: impl Into<String>) -> Self {
        Self {
            status: None,
            said: said.into(),
        }
    }

    /// The same, told by whoever tried to reach the engine for the first time.
    pub(super) fn at(self, socket: &Path) -> Self {
        if self.status.is_some() {
            return self;
        }
        Self::words(format!(
            "the Docker engine does not answer at `{}`\nhint: start it, or use `--substrate native`; \
             `scripts/setup` installs what is missing",
            socket.display()
        ))
    }

    /// True when there is no such thing.
    pub(super) fn is_absence(&self) -> bool {
        self.status == Some(404)
    }

    /// True when the engine said no, rather than nothing: it did not do what it was asked to.
    pub(super) fn is_answer(&self) -> bool {
        self.status.is_some()
    }

    /// True when the engine says that the container it was asked to do something to does not run.
    pub(super) fn is_of_the_dead(&self) -> bool {
        self.is_absence() || (self.status == Some(409) && self.said.contains("is not running"))
    }

    /// The port of this host that somebody else holds, when that is what the engine complains of.
    pub(super) fn taken_port(&self) -> Option<u16> {
        let is_taken = ["address already in use", "port is already allocated"]
            .iter()
            .any(|words| self.said.contains(words));
        let after = self.said.split("127.0.0.1:").nth(1).filter(|_| is_taken)?;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Refusal {}

impl From<Client> for Refusal {
    fn from(error: Client) -> Self {
        match error {
            Client::DockerResponseServerError { status_code, message } => Self {
                status: Some(status_code),
                said: plain(&message),
            },
            Client::DockerStreamError { error } | Client::DockerContainerWaitError { error, .. } => {
                Self::words(plain(&error))
            }
            Client::JsonDataError { .. } | Client::JsonSerdeError { .. } => {
                Self::words("the Docker engine answered something that cannot be read")
            }
            _ => Self::silence(),
        }
    }
}

/// What the engine must have said. An empty text would be equal to every other one, and nobody would notice.
pub(super) fn told(said: Option<String>, what: &str) -> Result<String, Refusal> {
    said.filter(|said| !said.is_empty())
        .ok_or_else(|| Refusal::words(format!("the Docker engine did not say {what}")))
}

/// What the engine said without what it always says, and with a hint where somebody can do something.
fn plain(message: &str) -> String {
    let mut said = message.trim();
    while let Some(rest) = PREAMBLES.iter().find_map(|preamble| said.strip_prefix(preamble)) {
        said = rest;
    }
    // `container_linux.go:380: starting container process caused: …`
    let caused = "starting container process caused: ";
    if let Some((_, cause)) = said.split_once(caused) {
        said = cause;
    }
    let said = said.trim_end_matches(": unknown");
    if said.contains("no space left on device") {
        return format!("the engine's disk is full: {said}\nhint: `docker system df` says what fills it");
    }
    said.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Client, Refusal};

    fn server(status_code: u16, message: &str) -> Refusal {
        let message = message.to_owned();
        Client::DockerResponseServerError { status_code, message }.into()
    }

    #[test]
    fn a_program_that_is_not_in_the_image_is_told_without_the_engines_preamble() {
        let refusal = server(
            400,
            "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"/nope\": \
             stat /nope: no such file or directory: unknown",
        );
        assert_eq!(
            refusal.to_string(),
            "exec: \"/nope\": stat /nope: no such file or directory"
        );
        let newer = server(
            400,
            "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create \
             failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or directory: unknown",
        );
        assert_eq!(newer.to_string(), refusal.to_string());
    }

    #[test]
    fn a_taken_port_is_read_from_what_either_kind_of_engine_says() {
        let by_a_process = "driver failed programming external connectivity on endpoint closure-r-live-api \
                            (4f0): Error starting userland proxy: listen tcp4 127.0.0.1:23456: bind: address already \
                            in use";
        let by_a_container = "driver failed programming external connectivity on endpoint closure-r-live-api (4f0): \
                              Bind for 127.0.0.1:23456 failed: port is already allocated";
        for said in [by_a_process, by_a_container] {
            assert_eq!(server(500, said).taken_port(), Some(23456));
        }
        assert_eq!(
            server(500, "listen on 127.0.0.1:23456: denied").taken_port(),
            None
        );
    }

    #[test]
    fn a_full_disk_is_called_one() {
        let refusal = server(500, "mkdir /var/lib/docker/x: no space left on device");
        assert!(
            refusal
                .to_string()
                .starts_with("the engine's disk is full: mkdir"),
            "{refusal}"
        );
    }

    #[test]
    fn what_is_not_an_answer_is_silence() {
        let broken = Client::IOError {
            err: std::io::Error::from(std::io::ErrorKind::ConnectionRefused),
        };
        assert_eq!(Refusal::from(broken), Refusal::silence());
        assert!(server(404, "No such container: x").is_absence());
        assert!(server(409, "Container x is not running").is_of_the_dead());
        assert!(!server(409, "Container x is already paused").is_of_the_dead());
    }
}
