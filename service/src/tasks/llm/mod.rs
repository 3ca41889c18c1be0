//! `llm.*`: an answer is asked for at the boundary, and something is kept of it beside the books.

pub(in crate::tasks) mod budget_optimization;
pub(in crate::tasks) mod explanation;
pub(in crate::tasks) mod investigation;
pub(in crate::tasks) mod route;

use std::pin::Pin;

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Job, TaskError};
use crate::llm::{self, Call, Endpoint, Heard, Opened, Trouble, boundary, wire::Client};

/// Work that asks a provider.
pub(crate) struct Asking {
    /// At which door it was asked for.
    pub(crate) endpoint: Endpoint,
    /// What is kept of an answer beside the books: a field of the result, by name. Kept twice it is kept once.
    pub(crate) keep: for<'a> fn(&'a mut PgConnection, Answered<'a>) -> Keeping<'a>,
}

/// The future of what is kept.
pub(crate) type Keeping<'a> =
    Pin<Box<dyn Future<Output = Result<(&'static str, Value), sqlx::Error>> + Send + 'a>>;

/// An answer, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Answered<'a> {
    tenant: Uuid,
    user: Uuid,
    call: &'a Call,
    text: &'a str,
}

/// What is left to do when everything up to the provider is done.
pub(crate) enum Next {
    /// Nothing: this is the result.
    Done(Value),
    /// The provider is to be asked.
    Ask(Box<llm::Asking>),
}

/// Everything up to the provider, in one transaction.
pub(crate) async fn open(job: Job<'_>, asking: &Asking) -> Result<Next, TaskError> {
    let Job {
        connection,
        task,
        settings,
        ..
    } = job;
    match boundary::open(connection, task, asking.endpoint, &settings.llm).await? {
        Opened::Ask(question) => Ok(Next::Ask(question)),
        Opened::Done(call) => Ok(Next::Done(told(connection, task.tenant_id, asking, &call).await?)),
    }
}

/// The provider, with no connection of the database held.
pub(crate) async fn ask(
    client: &Client,
    settings: &crate::settings::Worker,
    question: &llm::Asking,
) -> Heard {
    boundary::ask(client, question, &settings.llm).await
}

/// Everything after it, in the transaction that acknowledges the task.
pub(crate) async fn settle(
    job: Job<'_>,
    asking: &Asking,
    question: &llm::Asking,
    heard: &Heard,
) -> Result<Value, TaskError> {
    let call = boundary::settle(job.connection, question, heard, &job.settings.llm).await?;
    told(job.connection, job.task.tenant_id, asking, &call).await
}

/// The result: how the request ended, and what was kept of its answer.
async fn told(
    connection: &mut PgConnection,
    tenant: Option<Uuid>,
    asking: &Asking,
    call: &Call,
) -> Result<Value, TaskError> {
    let status = match call.status.as_str() {
        "success" => "accepted",
        other => other,
    };
    let mut result = json!({
        "status": status,
        "request_id": call.request_id,
        "correlation_id": call.correlation_id,
        "api_call_id": call.id,
        "blocked_reason": call.block_reason,
        "failure_reason": call.failure_reason,
        "was_cached": call.was_cached,
    });
    if let (Some(text), Some(tenant)) = (&call.output_text, tenant) {
        let answered = Answered {
            tenant,
            user: call.user_id,
            call,
            text,
        };
        let (field, value) = (asking.keep)(connection, answered).await?;
        result[field] = value;
    }
    Ok(result)
}

impl From<Trouble> for TaskError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(why) => Self::Refused(why),
            Trouble::Database(error) => Self::Database(error),
        }
    }
}
