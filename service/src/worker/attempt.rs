//! One attempt at one task: within its limits, under its lease, to an end that is reported.

use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::time::Instant;

use super::{Shared, child, hold::Hold, watch::Watch};
use crate::{
    db,
    llm::Heard,
    queue::{self, Failure, Task, redacted},
    settings::Limits,
    tasks::{self, Computed, Computing, Job, Run, TaskError, Work, llm, refresh_all},
};

/// What it may take to write down what a computation came to, when that has used up its time.
const SETTLING: Limits = Limits::of_seconds(30, 40);

/// Makes the attempt, reports and logs how it ended. Nothing is returned: what could not even be reported is
/// redelivered when the lease ends. `claimed` is when the task was asked for.
pub(super) async fn make(shared: &Shared, task: &Task, claimed: Instant) {
    let began = Instant::now();
    log(task, "started", began, None);
    shared.shard.started(&task.name);
    shared.shard.write();
    let outcome = done(shared, task, claimed).await;
    end(shared, task, began, outcome).await;
}

/// Ends an attempt that broke off, and could not end itself.
pub(super) async fn broken(shared: &Shared, task: &Task, claimed: Instant) {
    let error = TaskError::Failed("the task panicked");
    end(shared, task, claimed, Err(error)).await;
}

async fn end(shared: &Shared, task: &Task, began: Instant, outcome: Result<Value, TaskError>) {
    match outcome {
        Ok(result) => {
            shared.shard.succeeded(&task.name, began.elapsed());
            for view in refresh_all::refreshed(&task.name, &result) {
                shared.shard.refreshed(&view);
            }
            log(task, "success", began, None);
        }
        Err(error) => {
            let told = (error.kind(), redacted(&error.to_string()));
            let fate = report(shared, task, &error, &told.1).await;
            shared.shard.failed(&task.name, began.elapsed());
            log(task, &fate, began, Some((told.0, &told.1)));
        }
    }
    shared.shard.write();
}

async fn done(shared: &Shared, task: &Task, claimed: Instant) -> Result<Value, TaskError> {
    let Some(entry) = tasks::entry(&task.name, shared.settings.stage) else {
        return Err(TaskError::Refused("there is no such task"));
    };
    let limits = (entry.limits)(&shared.settings);
    let mut watch = Watch::new(&shared.pool, task, claimed, shared.settings.lease, limits);
    let work = Attempt { shared, task, limits };
    match &entry.work {
        Work::Transaction(run) => work.part(Part::Whole(*run), &mut watch).await?.done(),
        Work::Steps(run) => work.part(Part::Steps(*run), &mut watch).await?.done(),
        Work::Computing(computing) => work.computed(computing, &mut watch).await,
        Work::Asking(asking) => work.asked(asking, &mut watch).await,
    }
}

struct Attempt<'a> {
    shared: &'a Shared,
    task: &'a Task,
    limits: Limits,
}

/// What of a task is done in one go.
enum Part<'p> {
    /// All of it, and the acknowledgement.
    Whole(Run),
    /// All of it in its own transactions, then the acknowledgement.
    Steps(Run),
    /// Reading what is to be computed.
    Input(Run),
    /// Writing what was computed, and the acknowledgement.
    Settle(for<'a> fn(Job<'a>, Computed) -> tasks::Ending<'a>, Computed),
    /// Everything up to a provider, and the acknowledgement when that is all.
    Open(&'p llm::Asking),
    /// Writing what a provider said, and the acknowledgement.
    Heard(&'p llm::Asking, &'p crate::llm::Asking, Heard),
}

/// What a part came to.
enum Came {
    /// It is done, for this part.
    Done(Value),
    /// The provider is to be asked next.
    Ask(Box<crate::llm::Asking>),
}

impl Came {
    /// The value of a part that asks nobody.
    fn done(self) -> Result<Value, TaskError> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Ask(_) => Err(TaskError::Failed(
                "a part of the task asked for a provider out of turn",
            )),
        }
    }
}

impl Attempt<'_> {
    async fn computed(&self, computing: &Computing, watch: &mut Watch<'_>) -> Result<Value, TaskError> {
        let input = self.part(Part::Input(computing.input), watch).await?.done()?;
        let computed = child::compute(&self.task.name, input, watch).await?;
        if computed.is_err() {
            watch.allow(SETTLING);
        }
        self.part(Part::Settle(computing.settle, computed), watch)
            .await?
            .done()
    }

    async fn asked(&self, asking: &llm::Asking, watch: &mut Watch<'_>) -> Result<Value, TaskError> {
        let question = match self.part(Part::Open(asking), watch).await? {
            Came::Done(result) => return Ok(result),
            Came::Ask(question) => question,
        };
        let Shared {
            providers, settings, ..
        } = self.shared;
        let heard = tokio::select! {
            heard = llm::ask(providers, settings, &question) => heard,
            // Nothing of it is left anywhere but the claim, which the next attempt resumes.
            stop = watch.soft() => return Err(stop.into()),
        };
        self.part(Part::Heard(asking, &question, heard), watch)
            .await?
            .done()
    }

    /// A part, until it ends or has to.
    async fn part(&self, part: Part<'_>, watch: &mut Watch<'_>) -> Result<Came, TaskError> {
        let pool = &self.shared.pool;
        let mut hold = Hold::take(pool).await?;
        let stop = tokio::select! {
            outcome = self.on(hold.connection(), part) => return outcome,
            stop = watch.soft() => stop,
        };
        Err(hold.put_down(pool, stop, watch).await.into())
    }

    async fn on(&self, connection: &mut PgConnection, part: Part<'_>) -> Result<Came, TaskError> {
        if let Part::Steps(run) = part {
            let result = run(self.job(connection)).await?;
            let transaction = self.begin(connection).await?;
            return self.acknowledged(transaction, result).await;
        }
        let mut transaction = self.begin(connection).await?;
        let job = self.job(&mut transaction);
        let result = match part {
            Part::Steps(run) | Part::Whole(run) => run(job).await?,
            Part::Settle(settle, computed) => settle(job, computed).await?,
            Part::Heard(asking, question, heard) => llm::settle(job, asking, question, &heard).await?,
            Part::Input(run) => {
                let input = run(job).await?;
                transaction.commit().await?;
                return Ok(Came::Done(input));
            }
            Part::Open(asking) => match llm::open(job, asking).await? {
                llm::Next::Done(result) => result,
                llm::Next::Ask(question) => {
                    transaction.commit().await?;
                    return Ok(Came::Ask(question));
                }
            },
        };
        self.acknowledged(transaction, result).await
    }

    async fn acknowledged(
        &self,
        mut transaction: Transaction<'_, Postgres>,
        result: Value,
    ) -> Result<Came, TaskError> {
        queue::finish(&mut transaction, self.task, &result).await?;
        transaction.commit().await?;
        Ok(Came::Done(result))
    }

    async fn begin<'c>(
        &self,
        connection: &'c mut PgConnection,
    ) -> Result<Transaction<'c, Postgres>, sqlx::Error> {
        queue::begin_on(connection, self.task.tenant_id, self.limits.hard).await
    }

    fn job<'c>(&'c self, connection: &'c mut PgConnection) -> Job<'c> {
        Job {
            connection,
            task: self.task,
            settings: &self.shared.settings,
            hard_limit: self.limits.hard,
        }
    }
}

async fn report(shared: &Shared, task: &Task, error: &TaskError, message: &str) -> String {
    let failure = Failure {
        error_type: error.kind(),
        message,
        max_retries: error.may_pass().then_some(shared.settings.max_retries),
        backoff: shared.settings.backoff,
    };
    match queue::fail(&shared.pool, task, &failure).await {
        Ok(fate) => fate,
        Err(error) => {
            tracing::warn!(task_id = %task.id, error = db::words(&error), "the failure was not recorded");
            "unrecorded".to_owned()
        }
    }
}

fn log(task: &Task, status: &str, began: Instant, error: Option<(&str, &str)>) {
    tracing::info!(
        task_id = %task.id,
        task_name = task.name,
        queue_name = task.queue,
        tenant_id = task.tenant_id.map(tracing::field::display),
        correlation_id = %task.correlation_id,
        attempt = task.attempts,
        retries = task.retry_count,
        status,
        duration_ms = millis(began),
        error_type = error.map(|(kind, _)| kind),
        error = error.map(|(_, words)| words),
        "task"
    );
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
