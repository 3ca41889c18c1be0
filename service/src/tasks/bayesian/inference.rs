//! An inference: from what was seen to what it says, in the computing process.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    diagnosis::{effective_size, mean, quantile, split_r_hat},
    model::Posterior,
    sampler::{Plan, Sample, sample},
    seen::{Seen, Takings},
};
use crate::tasks::{TaskError, deaf};

/// What is handed to the child.
#[derive(Serialize, Deserialize)]
pub(super) struct Input {
    /// How much is drawn.
    pub(super) plan: Plan,
    /// Whether it is deaf to SIGTERM.
    pub(super) deaf: bool,
    /// What there is to go by.
    pub(super) seen: Seen,
}

/// What the child answers.
#[derive(Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum Inference {
    /// The posterior.
    Computed {
        /// What it is made of.
        seen: Seen,
        /// The shares of the channels.
        shares: Vec<Estimate>,
        /// How they were found.
        sampling: Sampling,
    },
    /// Nothing was paid, and about nothing there is nothing to say.
    NoData {
        /// The window.
        seen: Seen,
    },
}

/// What is known about a channel's share of the revenue.
#[derive(Serialize, Deserialize)]
pub(super) struct Estimate {
    /// The channel.
    channel: String,
    /// Payments that were seen.
    events: i64,
    /// What they come to.
    revenue_cents: i64,
    /// The mean of the posterior.
    mean_share: f64,
    /// With this and the next it holds 95 % of the posterior, and as much lies below as above.
    lower_95: f64,
    /// See above.
    upper_95: f64,
    /// How far the chains disagree about it: 1 when they do not.
    r_hat: f64,
    /// How many independent draws its mean is worth.
    effective_sample_size: f64,
}

/// How an inference was made.
#[derive(Serialize, Deserialize)]
pub(super) struct Sampling {
    #[serde(flatten)]
    plan: Plan,
    /// Draws of all chains that the figures are made of.
    kept: usize,
    /// Draws whose path left the density.
    divergences: u64,
    /// Of the shares, the one on which the chains disagree most.
    worst_r_hat: f64,
}

/// Computes an inference from an [`Input`].
pub(super) fn compute(input: &Value) -> Result<Value, &'static str> {
    let Input { plan, deaf, seen } = Input::deserialize(input).map_err(|_| "the input is none")?;
    if deaf {
        deaf::to_sigterm()?;
    }
    serde_json::to_value(of(seen, plan)?).map_err(|_| "the inference is no JSON")
}

fn of(seen: Seen, plan: Plan) -> Result<Inference, &'static str> {
    if seen.channels.is_empty() {
        return Ok(Inference::NoData { seen });
    }
    let posterior = Posterior::of(&seen.channels);
    let drawn = sample(&posterior, plan, |point| posterior.shares(point))?;
    let shares: Vec<Estimate> = seen
        .channels
        .iter()
        .enumerate()
        .map(|(place, channel)| Estimate::of(channel, &draws_of(&drawn, place)))
        .collect();
    let sampling = Sampling {
        plan,
        kept: drawn.chains.iter().map(Vec::len).sum(),
        divergences: drawn.divergences,
        worst_r_hat: shares.iter().map(|share| share.r_hat).fold(1.0, f64::max),
    };
    Ok(Inference::Computed {
        seen,
        shares,
        sampling,
    })
}

/// The draws of one share, chain by chain.
fn draws_of(drawn: &Sample, place: usize) -> Vec<Vec<f64>> {
    let of_chain = |chain: &Vec<Vec<f64>>| chain.iter().map(|draw| draw[place]).collect();
    drawn.chains.iter().map(of_chain).collect()
}

impl Estimate {
    fn of(channel: &Takings, chains: &[Vec<f64>]) -> Self {
        let all = chains.concat();
        Self {
            channel: channel.channel.clone(),
            events: channel.events,
            revenue_cents: channel.revenue_cents,
            mean_share: mean(&all),
            lower_95: quantile(&all, 0.025),
            upper_95: quantile(&all, 0.975),
            r_hat: split_r_hat(chains),
            effective_sample_size: effective_size(chains),
        }
    }
}

impl Inference {
    /// What the child answered.
    pub(super) fn read(answer: Value) -> Result<Self, TaskError> {
        serde_json::from_value(answer).map_err(|_| TaskError::Failed("the answer is no inference"))
    }
}
