//! The boundary: the one way to a provider, in its one order.
//!
//! Everything up to the provider is one transaction, and everything after it another: in between nothing of the database
//! is held. What was decided is on the books before the provider hears of it, and what it answered is on the books in the
//! transaction that ends the task. A worker that dies in between leaves a claim that its task, handed out again, resumes.

use std::time::{Duration, Instant};

use serde::Deserialize as _;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    books::{self, Call, Fate},
    complexity::Complexity,
    endpoint::Endpoint,
    policy::Choice,
    price::Price,
    prompt::Prompt,
    provider::Name,
    terms::Terms,
    wire::{Client, Fault, Message, Question, Said},
};
use crate::{queue::Task, settings::Llm};

/// The longest answer that is asked for, in tokens, and the shortest that is worth asking for.
const OUTPUT_TOKENS: (u64, u64) = (16, 4096);

/// Why the boundary could not even decide.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// What is asked for cannot be asked for, now or later.
    Refused(&'static str),
    /// The database did not do it this time.
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// What was decided.
pub(crate) enum Opened {
    /// Nobody is asked: it is blocked, answered from the cache, or was asked before.
    Done(Box<Call>),
    /// The provider is to be asked.
    Ask(Box<Asking>),
}

/// A question on its way. It has no `Debug`: a prompt is in it.
pub(crate) struct Asking {
    call: Uuid,
    request: Uuid,
    tenant: Uuid,
    user: Uuid,
    provider: Name,
    model: String,
    price: Price,
    messages: Vec<Message>,
    max_output_tokens: u32,
    is_cacheable: bool,
}

/// What came of a question, and how long it took.
pub(crate) struct Heard {
    said: Result<Said, Fault>,
    latency: Duration,
}

/// Everything up to the provider. The caller commits, whatever was decided.
pub(crate) async fn open(
    connection: &mut PgConnection,
    task: &Task,
    endpoint: Endpoint,
    llm: &Llm,
) -> Result<Opened, Trouble> {
    let (tenant, terms) = terms(task)?;
    books::become_user(connection, terms.user_id).await?;
    let prompt = read_prompt(connection, task, llm).await?;
    let budget = books::budget(connection, llm).await?;
    let complexity = Complexity::of(&prompt, endpoint);
    let choice = llm.policy.choose(complexity, budget);

    let claim = claim(&terms, &prompt, endpoint, complexity, &choice, llm);
    let claimed = books::claim(connection, task, terms.user_id, &claim).await?;
    let call = claimed.api_call_id;
    let decided = match claimed.fate {
        Fate::Foreign => return Err(Trouble::Refused("`request_id` belongs to another user")),
        Fate::Replay => Decided::End,
        Fate::Resumed => resumed(connection, call, &terms, llm).await?,
        Fate::Mine => decided(connection, call, &terms, llm).await?,
    };
    // Also of a resumed call: it goes where its own row says, not where today's budget would send it.
    let call = books::read(connection, call).await?;
    match decided {
        Decided::End => Ok(Opened::Done(Box::new(call))),
        Decided::Ask => Ok(Opened::Ask(Box::new(asking(
            &call, tenant, &terms, &prompt, llm,
        )?))),
    }
}

/// Where a claim stands after every guard was asked.
enum Decided {
    End,
    Ask,
}

async fn decided(
    connection: &mut PgConnection,
    call: Uuid,
    terms: &Terms,
    llm: &Llm,
) -> Result<Decided, sqlx::Error> {
    if llm.kill_switch || terms.provider_kill_switch {
        return blocked(connection, call, "provider_kill_switch").await;
    }
    if let Some(reason) = books::shutoff(connection).await? {
        return blocked(connection, call, &reason).await;
    }
    let cents = terms.max_cost_cents.unwrap_or(llm.max_cost_cents);
    if !books::reserve(connection, call, cents, llm).await? {
        return blocked(connection, call, "monthly_cap_exceeded").await;
    }
    if llm.is_cached && terms.cache_enabled && books::answer_from_cache(connection, call).await? {
        return Ok(Decided::End);
    }
    if !books::admit(connection, call, llm.breaker_open).await? {
        return blocked(connection, call, "breaker_open").await;
    }
    Ok(Decided::Ask)
}

async fn blocked(connection: &mut PgConnection, call: Uuid, reason: &str) -> Result<Decided, sqlx::Error> {
    books::block(connection, call, reason).await?;
    Ok(Decided::End)
}

/// What an attempt that broke off had been let through to is asked once more, unless nothing may be asked any longer.
async fn resumed(
    connection: &mut PgConnection,
    call: Uuid,
    terms: &Terms,
    llm: &Llm,
) -> Result<Decided, sqlx::Error> {
    if llm.kill_switch || terms.provider_kill_switch {
        books::give_up(connection, call, "provider_kill_switch").await?;
        return Ok(Decided::End);
    }
    books::resume(connection, call).await?;
    Ok(Decided::Ask)
}

/// The provider itself, and nothing else.
pub(crate) async fn ask(client: &Client, asking: &Asking, llm: &Llm) -> Heard {
    let question = Question {
        model: &asking.model,
        messages: &asking.messages,
        max_output_tokens: asking.max_output_tokens,
        request_id: asking.request,
        call: asking.call,
        tenant: asking.tenant,
    };
    let began = Instant::now();
    let said = client
        .ask(llm.provider(asking.provider), &question, llm.timeout)
        .await;
    Heard {
        said,
        latency: began.elapsed(),
    }
}

/// Everything after the provider. The caller acknowledges the task in the same transaction.
pub(crate) async fn settle(
    connection: &mut PgConnection,
    asking: &Asking,
    heard: &Heard,
    llm: &Llm,
) -> Result<Call, Trouble> {
    books::become_user(connection, asking.user).await?;
    match &heard.said {
        Ok(said) => {
            let entry = books::Entry {
                input_tokens: said.input_tokens,
                output_tokens: said.output_tokens,
                cost_cents: asking.price.cents(said.input_tokens, said.output_tokens),
                latency: heard.latency,
                // The one character that a database's text cannot have.
                output_text: &said.text.replace('\0', "\u{fffd}"),
                is_cacheable: asking.is_cacheable,
            };
            books::settle(connection, asking.call, &entry, llm).await?;
        }
        Err(Fault::TimedOut) => {
            books::fail(connection, asking.call, "provider_timeout", heard.latency, llm).await?;
        }
        Err(fault) => {
            let reason = format!("provider_error:{}", fault.word());
            books::fail(connection, asking.call, &reason, heard.latency, llm).await?;
        }
    }
    Ok(books::read(connection, asking.call).await?)
}

fn terms(task: &Task) -> Result<(Uuid, Terms), Trouble> {
    let tenant = task
        .tenant_id
        .ok_or(Trouble::Refused("it is done for a tenant"))?;
    let terms = Terms::deserialize(&task.args)
        .map_err(|_| Trouble::Refused("`args` are not the terms of a request: ask at POST /api/llm"))?;
    Ok((tenant, terms))
}

async fn read_prompt(connection: &mut PgConnection, task: &Task, llm: &Llm) -> Result<Prompt, Trouble> {
    let text = books::prompt(connection, task, &llm.box_key).await?;
    let text = text.ok_or(Trouble::Refused("its prompt is not there: ask at POST /api/llm"))?;
    serde_json::from_slice(&text).map_err(|_| Trouble::Refused("its prompt is not a prompt"))
}

fn claim(
    terms: &Terms,
    prompt: &Prompt,
    endpoint: Endpoint,
    complexity: Complexity,
    choice: &Choice<'_>,
    llm: &Llm,
) -> serde_json::Value {
    let model = choice.chosen.whole_model();
    json!({
        "request_id": terms.request_id,
        "endpoint": endpoint.as_str(),
        "cache_key": prompt.cache_key(endpoint, &model),
        "cache_watermark": terms.cache_watermark,
        "prompt_fingerprint": prompt.fingerprint(),
        "complexity_score": complexity.decimal(),
        "complexity_bucket": complexity.bucket(),
        "requested_model": choice.requested.whole_model(),
        "chosen_tier": choice.chosen.name,
        "chosen_provider": choice.chosen.provider.as_str(),
        "chosen_model": choice.chosen.model,
        "policy_id": llm.policy.id,
        "policy_version": llm.policy.version,
        "routing_reason": choice.reason,
        "reasoning_trace_ref": {
            "bucket": complexity.bucket(),
            "requested_tier": choice.requested.name,
            "chosen_tier": choice.chosen.name,
            "reason": choice.reason,
        },
    })
}

fn asking(call: &Call, tenant: Uuid, terms: &Terms, prompt: &Prompt, llm: &Llm) -> Result<Asking, Trouble> {
    let provider =
        Name::read(&call.chosen_provider).ok_or(Trouble::Refused("its provider is not known any longer"))?;
    let price = Price::of(&call.chosen_model).ok_or(Trouble::Refused("its model has no price any longer"))?;
    let affordable = price.affordable_output(call.budget_reservation_cents, prompt.tokens());
    let (least, most) = OUTPUT_TOKENS;
    let wanted = prompt.max_output_tokens.map_or(most, u64::from).min(affordable);
    Ok(Asking {
        call: call.id,
        request: call.request_id,
        tenant,
        user: terms.user_id,
        provider,
        model: call.chosen_model.clone(),
        price,
        messages: prompt.as_sent(),
        max_output_tokens: u32::try_from(wanted.clamp(least, most)).unwrap_or(u32::MAX),
        is_cacheable: llm.is_cached && terms.cache_enabled,
    })
}
