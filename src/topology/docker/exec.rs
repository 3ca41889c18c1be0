//! A program run in a container that runs, by the engine: as the container's account, with its environment, in its
//! working folder. An engine lets nobody end what it started so: that is done from this host, where its processes
//! can be seen.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bollard::{
    container::AttachContainerResults,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::ExecInspectResponse,
};
use futures::FutureExt as _;
use rustix::process::Signal;
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    engine::{Engine, ask},
    inside::converse,
    ledger::{Act, Ledger},
    place::Place,
    refusal::Refusal,
};
use crate::topology::{
    census::{Census, Identity},
    error::Cause,
    readiness::EAGER,
    substrate::Executed,
    vitals::is_of_container,
};

/// How long the engine may take to notice that what it started has ended.
const NOTICING: Duration = Duration::from_secs(5);

/// One program in one container.
struct Program {
    engine: Arc<Engine>,
    ledger: Arc<Ledger>,
    container: String,
    argv: Vec<String>,
    input: Vec<u8>,
}

impl Place {
    pub(super) async fn exec(
        &self,
        name: &str,
        argv: &[String],
        input: &[u8],
        within: Duration,
    ) -> Result<Executed, Cause> {
        let container = self.units().get(name).map(|unit| unit.container.clone());
        let program = Program {
            engine: Arc::clone(&self.engine),
            ledger: Arc::clone(&self.events.ledger),
            container: container.ok_or("it was never started")?,
            argv: argv.to_vec(),
            input: input.to_vec(),
        };
        let (wanted, given_up) = oneshot::channel();
        let run = self
            .works
            .see_through(program.run(within, given_up).boxed())
            .await;
        drop(wanted);
        Ok(run?)
    }
}

impl Program {
    /// Run it, in bounded time, and no longer than somebody waits for it.
    async fn run(self, within: Duration, given_up: oneshot::Receiver<()>) -> Result<Executed, Refusal> {
        let options = CreateExecOptions {
            cmd: Some(self.argv.clone()),
            // Without a standard input it reads an end at once.
            attach_stdin: Some(!self.input.is_empty()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let client = self.engine.client().await?;
        let create = ask(client.create_exec(&self.container, options));
        let act = Act::exec(&self.argv.join(" "));
        let id = self.ledger.asking(&self.container, act, create).await?.id;
        let heard = tokio::select! {
            heard = timeout(within, self.hear(&id)) => heard.unwrap_or_else(|_| {
                let words = format!("it did not answer within {} ms", within.as_millis());
                Err(Refusal::words(words))
            }),
            _ = given_up => Err(Refusal::words("nobody waits for it any more")),
        };
        match heard {
            Ok(executed) => Ok(executed),
            Err(refusal) => Err(match self.end(&id).await {
                Ok(()) => refusal,
                Err(lives) => Refusal::words(format!("{refusal}; {lives}")),
            }),
        }
    }

    async fn hear(&self, id: &str) -> Result<Executed, Refusal> {
        let client = self.engine.client().await?;
        let StartExecResults::Attached { output, input } =
            ask(client.start_exec(id, None::<StartExecOptions>)).await?
        else {
            return Err(Refusal::silence());
        };
        let (stdout, stderr) = converse(AttachContainerResults { output, input }, &self.input).await?;
        let seen = self.ended(id).await?;
        // What was never a process says so itself, where the program would have spoken.
        if seen.pid.unwrap_or(0) == 0 {
            return Err(Refusal::words(Refusal::said(&String::from_utf8_lossy(&stdout))));
        }
        let code = seen.exit_code.and_then(|code| i32::try_from(code).ok());
        let code = code.ok_or_else(|| Refusal::words("the Docker engine did not say how it ended"))?;
        Ok(Executed {
            exit_code: code,
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    /// What the engine knows of it once it has ended: it says so a moment after the last word.
    async fn ended(&self, id: &str) -> Result<ExecInspectResponse, Refusal> {
        let client = self.engine.client().await?;
        let begin = Instant::now();
        loop {
            let seen = ask(client.inspect_exec(id)).await?;
            if seen.running != Some(true) {
                return Ok(seen);
            }
            if begin.elapsed() > NOTICING {
                return Err(Refusal::words("it fell silent, and goes on"));
            }
            sleep(EAGER).await;
        }
    }

    /// End it, and whatever it started.
    async fn end(&self, id: &str) -> Result<(), Refusal> {
        let client = self.engine.client().await?;
        let seen = ask(client.inspect_exec(id)).await?;
        let pid = seen.pid.and_then(|pid| u32::try_from(pid).ok());
        let Some(pid) = pid.filter(|pid| *pid != 0 && seen.running == Some(true)) else {
            return Ok(());
        };
        let leader = Identity::of(pid).filter(|_| is_of_container(pid, &self.container));
        let leader = leader.ok_or_else(|| {
            Refusal::words("its process cannot be seen from here, and lives on until the service ends")
        })?;
        for one in Census::take().family(leader) {
            // Whoever ended meanwhile need not be ended.
            let _gone = one.id.send(Signal::KILL);
        }
        self.ended(id).await.map(drop)
    }
}
