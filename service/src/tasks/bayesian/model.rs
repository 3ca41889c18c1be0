//! The model: what the payments of a window say about the shares of the channels in revenue to come.
//!
//! ```text
//!   events per channel      ~ multinomial(p)              p       ~ Dirichlet(1, …, 1)
//!   a payment of channel c  ~ gamma(shape k, mean m_c)    ln m_c  ~ normal(ln of the mean of all payments, 1)
//!                                                         k       ~ exponential(mean 10)
//!   share of channel c      = p_c m_c / (p_1 m_1 + …)
//! ```
//!
//! - A channel's share moves with how often it is paid through and with how much is paid, and both are uncertain: a few
//!   large payments say less than many small ones. That is what a sum of cents cannot tell.
//! - The mean of a gamma is estimated by the arithmetic mean, so the posterior stands around the revenue as it was
//!   booked, also where payments are no gamma.
//! - The prior of the means is worth one payment of average size, or so: it speaks only where a channel has few.
//! - A channel through which nothing was paid is left out, so the shares are those among the channels that were seen. Where
//!   a channel has a payment or two, its interval is therefore a little too narrow.
//! - The prior of the shape keeps it finite where all payments are equal.
//!
//! A point of the sampler's space holds, in this order: the log ratios of `p` to its last part; for each channel the
//! logarithm of its true mean over the observed one; the logarithm of `k`. Observed means taken out, all of it is small
//! numbers around zero however much was paid.

use super::{gamma, sampler::Density, seen::Takings, simplex};

/// The mean of the prior of the shape.
const SHAPE: f64 = 10.0;

/// The posterior density of the model, given what was seen.
#[derive(Clone, Debug)]
pub(super) struct Posterior {
    channels: Vec<Observed>,
    /// Events of all channels.
    events: f64,
    /// The same and one more for each channel: the powers of all frequencies together.
    powers: f64,
}

/// What the likelihood knows of a channel.
#[derive(Clone, Debug)]
struct Observed {
    events: f64,
    /// The logarithm of the mean payment.
    log_mean: f64,
    /// By how much that lies above the mean logarithm: zero where all payments are equal.
    gap: f64,
    /// By how much it lies above the logarithm of the mean of all payments.
    above_all: f64,
}

impl Observed {
    /// How badly a true mean, by its logarithm over the observed one, fits a payment under a shape of 1; and its slope.
    fn misfit(&self, mean: f64) -> (f64, f64) {
        let beyond = (-mean).exp_m1();
        (self.gap + mean + beyond, -beyond)
    }
}

impl Posterior {
    /// Of channels that have payments each.
    pub(super) fn of(channels: &[Takings]) -> Self {
        let events: f64 = channels.iter().map(|channel| real(channel.events)).sum();
        let cents: f64 = channels.iter().map(|channel| real(channel.revenue_cents)).sum();
        let observed = channels.iter().map(|channel| {
            let log_mean = (real(channel.revenue_cents) / real(channel.events)).ln();
            Observed {
                events: real(channel.events),
                log_mean,
                gap: (log_mean - channel.mean_log_cents).max(0.0),
                above_all: log_mean - (cents / events).ln(),
            }
        });
        Self {
            channels: observed.collect(),
            events,
            powers: channels.iter().map(|channel| real(channel.events) + 1.0).sum(),
        }
    }

    /// The shares of the channels in revenue at a point.
    pub(super) fn shares(&self, point: &[f64]) -> Vec<f64> {
        let at = self.split(point);
        let weights = self
            .channels
            .iter()
            .zip(at.ratios)
            .zip(at.means)
            .map(|((channel, ratio), mean)| ratio + channel.log_mean + mean);
        simplex::logs(weights).into_iter().map(f64::exp).collect()
    }

    fn split<'a>(&self, point: &'a [f64]) -> At<'a, impl Iterator<Item = f64>> {
        let (ratios, rest) = point.split_at(self.channels.len() - 1);
        At {
            ratios: ratios.iter().copied().chain([0.0]),
            means: &rest[..self.channels.len()],
            log_shape: rest[self.channels.len()],
        }
    }
}

/// The parts of a point.
struct At<'a, R> {
    ratios: R,
    means: &'a [f64],
    log_shape: f64,
}

impl Density for Posterior {
    fn dimensions(&self) -> usize {
        2 * self.channels.len()
    }

    fn at(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
        let at = self.split(point);
        let frequencies = simplex::logs(at.ratios);
        let shape = at.log_shape.exp();
        let (excess, excess_slope) = gamma::excess(shape);
        let (of_frequencies, rest) = gradient.split_at_mut(self.channels.len() - 1);
        let (of_means, of_shape) = rest.split_at_mut(self.channels.len());

        // The prior of the shape, with the factor that its logarithm brings.
        let mut value = at.log_shape - shape / SHAPE + self.events * excess;
        let mut misfit_of_all = 0.0;
        for (place, channel) in self.channels.iter().enumerate() {
            let (frequency, mean) = (frequencies[place], at.means[place]);
            let (misfit, misfit_slope) = channel.misfit(mean);
            let from_prior = channel.above_all + mean;
            // One power more than events: the Dirichlet's is none, and the log ratios bring one.
            value += (channel.events + 1.0) * frequency;
            value -= channel.events * shape * misfit + 0.5 * from_prior.powi(2);
            misfit_of_all += channel.events * misfit;
            of_means[place] = -channel.events * shape * misfit_slope - from_prior;
            // The last frequency is what the others leave.
            if let Some(slope) = of_frequencies.get_mut(place) {
                *slope = channel.events + 1.0 - self.powers * frequency.exp();
            }
        }
        of_shape[0] = shape * (self.events * excess_slope - misfit_of_all) + 1.0 - shape / SHAPE;
        value
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "events and cents of a window stay below 2^53, and this is no place where a cent counts"
)]
fn real(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::bayesian::{
        diagnosis::{mean, quantile},
        sampler::{Plan, sample},
    };

    fn channel(events: i64, revenue_cents: i64, mean_log_cents: f64) -> Takings {
        Takings {
            channel: "direct".to_owned(),
            events,
            revenue_cents,
            mean_log_cents,
        }
    }

    /// Three channels with payments of 20.00, 50.00 and 10.00 on average, spread as an exponential is: there the mean
    /// logarithm lies below the logarithm of the mean by Euler's constant.
    fn three() -> Vec<Takings> {
        [(500, 2_000), (300, 5_000), (200, 1_000)]
            .map(|(events, cents)| channel(events, events * cents, real(cents).ln() - 0.577_215_664_9))
            .into()
    }

    fn plan(draws: u64) -> Plan {
        Plan {
            seed: 1,
            chains: 4,
            draws,
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_density() {
        let posterior = Posterior::of(&three());
        let point = [0.3, -0.2, 0.1, -0.3, 0.2, 0.4];
        let mut gradient = [0.0; 6];
        posterior.at(&point, &mut gradient);
        for (place, slope) in gradient.iter().enumerate() {
            let near = |by: f64| {
                let mut point = point;
                point[place] += by;
                posterior.at(&point, &mut [0.0; 6])
            };
            let seen = (near(1e-5) - near(-1e-5)) / 2e-5;
            assert!(
                (seen - slope).abs() < 1e-3 * (1.0 + slope.abs()),
                "{place}: {seen}, not {slope}"
            );
        }
    }

    #[test]
    fn how_often_a_channel_is_paid_through_is_a_dirichlet() {
        let posterior = Posterior::of(&three());
        let frequencies = |point: &[f64]| -> Vec<f64> {
            let logs = simplex::logs([point[0], point[1], 0.0]);
            logs.into_iter().map(f64::exp).collect()
        };
        let drawn = sample(&posterior, plan(1_000), frequencies)
            .expect("a density")
            .chains
            .concat();
        for (number, events) in [500.0, 300.0, 200.0].into_iter().enumerate() {
            let of_it: Vec<f64> = drawn.iter().map(|draw| draw[number]).collect();
            let expected = (events + 1.0) / 1_003.0;
            let spread = (expected * (1.0 - expected) / 1_004.0_f64).sqrt();
            assert!(
                (mean(&of_it) - expected).abs() < spread / 5.0,
                "{number}: {}",
                mean(&of_it)
            );
            let width = quantile(&of_it, 0.975) - quantile(&of_it, 0.025);
            assert!((width / (3.92 * spread) - 1.0).abs() < 0.1, "{number}: {width}");
        }
    }

    /// Means and widths of the intervals of the shares, and the divergences.
    fn shares(channels: &[Takings]) -> (Vec<(f64, f64)>, u64) {
        let posterior = Posterior::of(channels);
        let drawn = sample(&posterior, plan(500), |point| posterior.shares(point)).expect("a density");
        let all = drawn.chains.concat();
        let told = (0..channels.len()).map(|number| {
            let of_it: Vec<f64> = all.iter().map(|draw| draw[number]).collect();
            (mean(&of_it), quantile(&of_it, 0.975) - quantile(&of_it, 0.025))
        });
        (told.collect(), drawn.divergences)
    }

    #[test]
    fn the_more_is_seen_the_closer_it_stands_around_the_revenue_as_it_was_booked() {
        let mut widest = f64::INFINITY;
        for times in [1, 100, 10_000] {
            let mut channels = three();
            for channel in &mut channels {
                channel.events *= times;
                channel.revenue_cents *= times;
            }
            let (told, divergences) = shares(&channels);
            assert_eq!(divergences, 0, "{times} times");
            for ((share, width), booked) in told.iter().zip([10.0 / 27.0, 15.0 / 27.0, 2.0 / 27.0]) {
                assert!(
                    (share - booked).abs() < width / 3.0,
                    "{times} times: {share}, not {booked}"
                );
            }
            assert!(told[0].1 < widest / 5.0, "{times} times: {}", told[0].1);
            widest = told[0].1;
        }
    }

    #[test]
    fn odd_data_has_a_posterior_too() {
        let equal = vec![
            channel(500, 500_000, 1_000.0_f64.ln()),
            channel(10, 20_000, 2_000.0_f64.ln()),
        ];
        let single = vec![
            channel(1, 1, 0.0),
            channel(1, 999_999_999_999, 999_999_999_999.0_f64.ln()),
        ];
        let only = vec![channel(3, 300, 100.0_f64.ln())];
        for (what, channels) in [
            ("equal payments", equal),
            ("one each", single),
            ("an only channel", only),
        ] {
            let (told, _) = shares(&channels);
            let whole: f64 = told.iter().map(|(share, _)| share).sum();
            assert!((whole - 1.0).abs() < 1e-9, "{what}: {told:?}");
        }
    }
}
