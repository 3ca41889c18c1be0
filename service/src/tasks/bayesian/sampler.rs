//! Chains of a No-U-Turn sampler over a density: the one file that names the sampler.
//!
//! The chains run one after the other on one thread, so that an inference takes one core and no more, and one seed
//! has one result. What is kept of them is bounded, however many draws are asked for.

use std::{collections::HashMap, fmt::Debug};

use nuts_rs::{
    Chain as _, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings as _,
    rand::{Rng, RngExt as _, SeedableRng as _, rngs::ChaCha8Rng},
};
use serde::{Deserialize, Serialize};

/// Draws that are kept of a chain at most. Of a longer one every so-manieth is, as many as fit.
const KEPT: u64 = 2_000;

/// A density on the whole of a space of real numbers, known up to a factor.
pub(super) trait Density: Clone + Debug {
    /// How many numbers a point has.
    fn dimensions(&self) -> usize;

    /// The logarithm of the density at a point, and its gradient.
    fn at(&self, point: &[f64], gradient: &mut [f64]) -> f64;
}

/// How much is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// What all chance comes from.
    pub(super) seed: u64,
    /// Chains, each from a start of its own.
    pub(super) chains: u64,
    /// Draws of each chain, after those that tune it.
    pub(super) draws: u64,
}

/// What was drawn.
pub(super) struct Sample {
    /// Of each chain the draws that were kept, in their order.
    pub(super) chains: Vec<Vec<Vec<f64>>>,
    /// Draws, after tuning, whose path left the density: where they are many, a part of it was not seen.
    pub(super) divergences: u64,
}

/// Draws from a density. Of each draw that is kept, what `view` makes of it is kept.
pub(super) fn sample<D: Density>(
    density: &D,
    plan: Plan,
    view: impl Fn(&[f64]) -> Vec<f64>,
) -> Result<Sample, &'static str> {
    let mut sample = Sample {
        chains: Vec::new(),
        divergences: 0,
    };
    let every = plan.draws.div_ceil(KEPT);
    let settings = DiagNutsSettings::default();
    for number in 0..plan.chains {
        let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
        random.set_stream(number);
        let start: Vec<f64> = (0..density.dimensions())
            .map(|_| random.random_range(-1.0..1.0))
            .collect();
        let mut chain = settings
            .new_chain(number, CpuMath::new(Target(density.clone())), &mut random)
            .map_err(|_| "a chain was not made")?;
        chain.set_position(&start).map_err(|_| "a chain found no start")?;
        for _ in 0..settings.num_tune {
            chain.draw().map_err(|_| "a chain broke while it was tuned")?;
        }
        let mut kept = Vec::new();
        for draw in 0..plan.draws {
            let (point, progress) = chain.draw().map_err(|_| "a chain broke")?;
            sample.divergences += u64::from(progress.diverging);
            if draw % every == every - 1 {
                kept.push(view(&point));
            }
        }
        sample.chains.push(kept);
    }
    Ok(sample)
}

/// A density, as the sampler wants to see it.
#[derive(Debug)]
struct Target<D>(D);

impl<D: Density> HasDims for Target<D> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        // Under this name the sampler looks for the length of a point.
        let length = u64::try_from(self.0.dimensions()).unwrap_or(u64::MAX);
        HashMap::from([("unconstrained_parameter".to_owned(), length)])
    }
}

impl<D: Density> CpuLogpFunc for Target<D> {
    type LogpError = NotFinite;
    type FlowParameters = ();
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        self.0.dimensions()
    }

    fn logp(&mut self, point: &[f64], gradient: &mut [f64]) -> Result<f64, NotFinite> {
        let value = self.0.at(point, gradient);
        if value.is_finite() && gradient.iter().all(|slope| slope.is_finite()) {
            Ok(value)
        } else {
            Err(NotFinite)
        }
    }

    fn expand_vector<R: Rng + ?Sized>(&mut self, _: &mut R, point: &[f64]) -> Result<Vec<f64>, CpuMathError> {
        Ok(point.to_vec())
    }
}

/// A path went where the density is no number. It is broken off there, and counts as a divergence.
#[derive(Debug, thiserror::Error)]
#[error("the density is no number there")]
struct NotFinite;

impl LogpError for NotFinite {
    fn is_recoverable(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::bayesian::{
        diagnosis::{effective_size, mean, quantile, split_r_hat},
        simplex,
    };

    /// Dirichlet(3, 5, 2) in log ratios to the last part, where its density is the product of its parts to the power of
    /// these numbers. Everything about it is known.
    #[derive(Clone, Debug)]
    struct Dirichlet;

    const ALPHA: [f64; 3] = [3.0, 5.0, 2.0];

    impl Density for Dirichlet {
        fn dimensions(&self) -> usize {
            2
        }

        fn at(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
            let logs = simplex::logs(point.iter().copied().chain([0.0]));
            for ((slope, alpha), log) in gradient.iter_mut().zip(ALPHA).zip(&logs) {
                *slope = alpha - 10.0 * log.exp();
            }
            logs.iter().zip(ALPHA).map(|(log, alpha)| alpha * log).sum()
        }
    }

    fn parts(point: &[f64]) -> Vec<f64> {
        let logs = simplex::logs(point.iter().copied().chain([0.0]));
        logs.into_iter().map(f64::exp).collect()
    }

    fn drawn(seed: u64, draws: u64) -> Sample {
        let plan = Plan {
            seed,
            chains: 4,
            draws,
        };
        sample(&Dirichlet, plan, parts).expect("it is a plain density")
    }

    fn part(sample: &Sample, number: usize) -> Vec<Vec<f64>> {
        let of = |chain: &Vec<Vec<f64>>| chain.iter().map(|draw| draw[number]).collect();
        sample.chains.iter().map(of).collect()
    }

    #[test]
    fn a_dirichlet_is_recovered_in_its_means_spreads_and_tails() {
        let sample = drawn(1, 2_000);
        assert_eq!(sample.divergences, 0);
        // Of the marginals Beta(3, 7), Beta(5, 5), Beta(2, 8): the quantiles at 2.5 and 97.5 %.
        let tails = [(0.0749, 0.6001), (0.2120, 0.7880), (0.0281, 0.4825)];
        for (number, (lower, upper)) in tails.into_iter().enumerate() {
            let chains = part(&sample, number);
            let all = chains.concat();
            let expected = ALPHA[number] / 10.0;
            let spread = (expected * (1.0 - expected) / 11.0).sqrt();
            let around = mean(&all);
            let seen = mean(&all.iter().map(|x| (x - around).powi(2)).collect::<Vec<_>>()).sqrt();
            let (r_hat, size) = (split_r_hat(&chains), effective_size(&chains));
            assert!((around - expected).abs() < 0.01, "{number}: mean {around}");
            assert!((seen - spread).abs() < 0.01, "{number}: spread {seen}");
            assert!((quantile(&all, 0.025) - lower).abs() < 0.02, "{number}: lower");
            assert!((quantile(&all, 0.975) - upper).abs() < 0.02, "{number}: upper");
            assert!((0.99..1.01).contains(&r_hat), "{number}: {r_hat}");
            assert!(size > 1_000.0, "{number}: {size}");
        }
    }

    #[test]
    fn one_seed_has_one_result_and_another_has_another() {
        let (first, again, other) = (drawn(7, 200), drawn(7, 200), drawn(8, 200));
        assert_eq!(first.chains, again.chains);
        assert_ne!(first.chains, other.chains);
        assert_ne!(first.chains[0], first.chains[1], "two chains are one");
    }

    #[test]
    fn what_is_kept_does_not_grow_with_what_is_drawn() {
        for (draws, kept) in [(200, 200), (2_000, 2_000), (2_001, 1_000), (10_000, 2_000)] {
            let plan = Plan {
                seed: 1,
                chains: 1,
                draws,
            };
            let sample = sample(&Dirichlet, plan, parts).expect("it is a plain density");
            assert_eq!(sample.chains[0].len(), kept, "of {draws}");
        }
    }
}
