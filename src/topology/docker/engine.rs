//! The engine of this host: found, asked which version it speaks, held to that version, and never waited for longer
//! than a bounded time.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::{sync::OnceCell, time::timeout};

use super::refusal::Refusal;

/// Where an engine listens unless `DOCKER_HOST` names another socket.
const SOCKET: &str = "/var/run/docker.sock";

/// How long an engine may take over one answer: on a busy machine a container is not made in a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long it may take over its first: whoever does not say its version at once is not there.
const GREETING: Duration = Duration::from_secs(10);

/// The engine behind one socket. Nothing is asked of it before somebody needs it.
pub(super) struct Engine {
    socket: PathBuf,
    client: OnceCell<Docker>,
}

impl Engine {
    /// The engine that the command line tool of this host would talk to, when that is one of this host.
    pub(super) fn of_this_host() -> Self {
        Self::at(socket_of(env::var("DOCKER_HOST").ok().as_deref()))
    }

    pub(super) fn at(socket: PathBuf) -> Self {
        Self {
            socket,
            client: OnceCell::new(),
        }
    }

    /// True once it has answered: before that nothing can have been made there.
    pub(super) fn was_reached(&self) -> bool {
        self.client.initialized()
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The engine, ready to be asked.
    pub(super) async fn client(&self) -> Result<&Docker, Refusal> {
        let greeted = || async {
            let greeted = timeout(GREETING, greet(&self.socket)).await;
            greeted
                .unwrap_or_else(|_| Err(Refusal::silence()))
                .map_err(|refusal| refusal.at(&self.socket))
        };
        self.client.get_or_try_init(greeted).await
    }
}

/// Wait for one answer, in bounded time.
pub(super) async fn ask<T>(
    question: impl Future<Output = Result<T, bollard::errors::Error>>,
) -> Result<T, Refusal> {
    match timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(Refusal::from),
        Err(_) => Err(Refusal::silence()),
    }
}

async fn greet(socket: &Path) -> Result<Docker, Refusal> {
    let path = socket.to_string_lossy();
    let client = Docker::connect_with_unix(&path, PATIENCE.as_secs(), API_DEFAULT_VERSION)?;
    let client = client.negotiate_version().await?;
    let version = client.client_version().to_string();
    // The client agrees on a version and then does not send it: an engine that is upgraded tomorrow would answer in
    // another one than was agreed on.
    Ok(client.with_request_modifier(move |mut request| {
        let pinned = format!("/v{version}");
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        if !path.starts_with("/v1.") {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = format!("{pinned}{path}").parse().ok();
            if let Ok(uri) = parts.try_into() {
                *request.uri_mut() = uri;
            }
        }
        request
    }))
}

fn socket_of(docker_host: Option<&str>) -> PathBuf {
    let named = docker_host.and_then(|host| host.strip_prefix("unix://"));
    PathBuf::from(named.filter(|path| !path.is_empty()).unwrap_or(SOCKET))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Engine, SOCKET, socket_of};

    #[test]
    fn a_socket_that_docker_host_names_is_used_and_no_engine_elsewhere() {
        assert_eq!(
            socket_of(Some("unix:///run/other.sock")),
            Path::new("/run/other.sock")
        );
        assert_eq!(socket_of(None), Path::new(SOCKET));
        assert_eq!(socket_of(Some("tcp://10.0.0.1:2375")), Path::new(SOCKET));
        assert_eq!(socket_of(Some("unix://")), Path::new(SOCKET));
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_told_with_its_socket_and_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        let refusal = Engine::at(socket.clone()).client().await.expect_err("nobody");
        let expected = format!(
            "the Docker engine does not answer at `{}`\nhint: start it, or use `--substrate native`; `scripts/setup` \
             installs what is missing",
            socket.display()
        );
        assert_eq!(refusal.to_string(), expected);
    }

    #[tokio::test]
    async fn an_engine_that_listens_but_never_speaks_is_told_as_well() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
        let refusal = Engine::at(socket).client().await.expect_err("silence");
        assert!(
            refusal
                .to_string()
                .starts_with("the Docker engine does not answer at `"),
            "{refusal}"
        );
    }
}
