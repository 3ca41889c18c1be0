//! Closure in a container of its own that shares network and processes with one of a service: told everything on its
//! standard input, heard until it ends, and removed whatever becomes of it.

use std::{sync::Arc, time::Duration};

use bollard::{
    container::{AttachContainerResults, LogOutput},
    errors::Error as Client,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder,
        StartContainerOptions, WaitContainerOptionsBuilder,
    },
};
use futures::StreamExt as _;
use tokio::{io::AsyncWriteExt as _, sync::oneshot, time::timeout};

use super::{
    engine::{Engine, ask},
    images::Image,
    names::Names,
    refusal::Refusal,
};
use crate::topology::{census::MARKER, substrate::Executed};

/// The most it may say: several times what a look may hold.
const LONGEST: usize = 64 << 20;

/// One look from inside.
pub(super) struct Look {
    pub(super) engine: Arc<Engine>,
    pub(super) names: Names,
    pub(super) image: Image,
    /// The service's name and its container.
    pub(super) service: String,
    pub(super) container: String,
    /// The account the service's container was made with.
    pub(super) user: Option<String>,
    pub(super) argv: Vec<String>,
    pub(super) input: Vec<u8>,
}

impl Look {
    /// Look, in bounded time, and no longer than somebody waits for it. Nothing of it is left when this returns.
    pub(super) async fn take(
        self,
        within: Duration,
        given_up: oneshot::Receiver<()>,
    ) -> Result<Executed, Refusal> {
        let name = self
            .names
            .of(&format!("{}-inside-{}", self.service, uuid::Uuid::new_v4()));
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        // Not to be broken off: what the engine is asked to make, it makes.
        ask(self
            .engine
            .client()
            .await?
            .create_container(Some(options), self.body()))
        .await?;
        let looked = tokio::select! {
            looked = timeout(within, self.look(&name)) => looked.unwrap_or_else(|_| {
                let words = format!("it did not answer within {} ms", within.as_millis());
                Err(Refusal::words(words))
            }),
            _ = given_up => Err(Refusal::words("nobody waits for it any more")),
        };
        let removed = self.remove(&name).await;
        let seen = looked?;
        removed.map(|()| seen)
    }

    async fn look(&self, name: &str) -> Result<Executed, Refusal> {
        let client = self.engine.client().await?;
        let options = AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        let voices = ask(client.attach_container(name, Some(options))).await?;
        ask(client.start_container(name, None::<StartContainerOptions>)).await?;
        let (stdout, stderr) = converse(voices, &self.input).await?;
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let mut ends = std::pin::pin!(client.wait_container(name, Some(options)));
        let code = match ends.next().await {
            Some(Ok(end)) => end.status_code,
            Some(Err(Client::DockerContainerWaitError { code, .. })) => code,
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Refusal::silence()),
        };
        Ok(Executed {
            exit_code: i32::try_from(code).unwrap_or(-1),
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    /// The service's network, processes and account, and nothing else of anybody's.
    fn body(&self) -> ContainerCreateBody {
        let shared = Some(format!("container:{}", self.container));
        // The service's first process is the first of all in there.
        let words = ["--pid", "1"].map(str::to_owned);
        ContainerCreateBody {
            image: Some(self.image.id.clone()),
            entrypoint: Some(vec!["/closure".to_owned()]),
            cmd: Some(self.argv.iter().cloned().chain(words).collect()),
            env: Some(vec![format!("{MARKER}={}", self.names.run)]),
            user: self.user.clone(),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            labels: Some(self.names.labels()),
            host_config: Some(HostConfig {
                network_mode: shared.clone(),
                pid_mode: shared,
                cap_drop: Some(vec!["ALL".to_owned()]),
                readonly_rootfs: Some(true),
                security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    async fn remove(&self, name: &str) -> Result<(), Refusal> {
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        match ask(self.engine.client().await?.remove_container(name, Some(options))).await {
            Err(refusal) if refusal.is_absence() => Ok(()),
            removed => removed,
        }
    }
}

/// Tell it everything and hear it to its end.
pub(super) async fn converse(
    voices: AttachContainerResults,
    input: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let AttachContainerResults {
        mut output,
        input: mut stdin,
    } = voices;
    let tell = async move {
        // Whoever ends without listening says why by other means.
        let _deaf = stdin.write_all(input).await;
        let _deaf = stdin.shutdown().await;
    };
    let hear = async {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while let Some(said) = output.next().await {
            match said? {
                LogOutput::StdErr { message } => err.extend_from_slice(&message),
                LogOutput::StdOut { message }
                | LogOutput::Console { message }
                | LogOutput::StdIn { message } => out.extend_from_slice(&message),
            }
            if out.len() + err.len() > LONGEST {
                return Err(Refusal::words(format!("it says more than {} MiB", LONGEST >> 20)));
            }
        }
        Ok((out, err))
    };
    tokio::join!(tell, hear).1
}
