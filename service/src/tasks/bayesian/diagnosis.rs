//! What chains are worth: whether they saw the same, and how many independent draws they amount to.
//!
//! Both are those of Gelman and others, *Bayesian Data Analysis*, 3rd edition, §11.4 and §11.5: each chain is cut in
//! half, so that one that drifts disagrees with itself.

/// How far the halves of the chains disagree: 1 when they do not.
pub(super) fn split_r_hat(chains: &[Vec<f64>]) -> f64 {
    let halves = Halves::of(chains);
    if halves.within <= 0.0 {
        // What never varies, such as the share of an only channel, agrees with itself.
        return 1.0;
    }
    (halves.pooled / halves.within).sqrt()
}

/// How many independent draws tell as much. Correlations count as long as the sum of two neighbours is positive (Geyer's
/// rule), and no later pair counts for more than an earlier one.
pub(super) fn effective_size(chains: &[Vec<f64>]) -> f64 {
    let halves = Halves::of(chains);
    let length = halves.chains.first().map_or(0, |half| half.len());
    let all = count(length * halves.chains.len());
    if halves.within <= 0.0 {
        return all;
    }
    let mut time = -1.0;
    let mut earlier = f64::INFINITY;
    for lag in (0..length.saturating_sub(1)).step_by(2) {
        let pair = halves.correlation(lag) + halves.correlation(lag + 1);
        if pair <= 0.0 {
            break;
        }
        earlier = pair.min(earlier);
        time += 2.0 * earlier;
    }
    // Draws that repel one another can be worth more than independent ones; more than this is chance.
    (all / time.max(all.log10().recip())).max(1.0)
}

/// The arithmetic mean.
pub(super) fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / count(numbers.len())
}

/// The number below which this part of them lies, between two neighbours in proportion.
pub(super) fn quantile(numbers: &[f64], part: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = part * count(sorted.len().saturating_sub(1));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the place is between nothing and the length"
    )]
    let below = place.floor() as usize;
    let (lower, upper) = (sorted[below], sorted[sorted.len().min(below + 2) - 1]);
    lower + (place - place.floor()) * (upper - lower)
}

/// A number of things.
#[expect(clippy::cast_precision_loss, reason = "a count of kept draws is small")]
fn count(things: usize) -> f64 {
    things as f64
}

struct Halves<'a> {
    chains: Vec<&'a [f64]>,
    means: Vec<f64>,
    /// The mean of their variances.
    within: f64,
    /// What they say about the variance together, also by how far their means lie apart.
    pooled: f64,
}

impl<'a> Halves<'a> {
    fn of(chains: &'a [Vec<f64>]) -> Self {
        let chains: Vec<&[f64]> = chains
            .iter()
            .flat_map(|chain| {
                let half = chain.len() / 2;
                [&chain[..half], &chain[chain.len() - half..]]
            })
            .collect();
        let length = count(chains.first().map_or(0, |half| half.len()));
        let means: Vec<f64> = chains.iter().map(|half| mean(half)).collect();
        let variances: Vec<f64> = chains.iter().map(|half| variance(half)).collect();
        let within = mean(&variances);
        let pooled = within * (length - 1.0) / length + variance(&means);
        Self {
            chains,
            means,
            within,
            pooled,
        }
    }

    /// How far draws this far apart hang together, over all halves.
    fn correlation(&self, lag: usize) -> f64 {
        let products: Vec<f64> = self
            .chains
            .iter()
            .zip(&self.means)
            .map(|(half, mean)| {
                let pairs = half.iter().zip(&half[lag..]);
                let sum: f64 = pairs.map(|(x, y)| (x - mean) * (y - mean)).sum();
                sum / (count(half.len()) - 1.0)
            })
            .collect();
        1.0 - (self.within - mean(&products)) / self.pooled
    }
}

/// The variance, as a sample estimates it.
fn variance(numbers: &[f64]) -> f64 {
    let around = mean(numbers);
    numbers.iter().map(|x| (x - around).powi(2)).sum::<f64>() / (count(numbers.len()) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four chains of even noise between -2 and 2, in which each draw keeps this part of the one before it.
    fn chains(kept: f64, apart: f64) -> Vec<Vec<f64>> {
        let mut state = 1_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f64::from(u32::try_from(state >> 32).expect("half of it")) / f64::from(1 << 30) - 2.0
        };
        (0..4)
            .map(|number| {
                let mut at = 0.0;
                (0..1_000)
                    .map(|_| {
                        at = kept * at + noise();
                        at + apart * f64::from(number)
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn independent_draws_are_worth_what_they_are() {
        let chains = chains(0.0, 0.0);
        assert!((split_r_hat(&chains) - 1.0).abs() < 0.01);
        let size = effective_size(&chains);
        assert!((3_000.0..5_500.0).contains(&size), "{size}");
    }

    #[test]
    fn draws_that_hang_together_are_worth_less_by_what_theory_says() {
        // (1 + 0.8) / (1 - 0.8) = 9 of them are worth one.
        let size = effective_size(&chains(0.8, 0.0));
        assert!((300.0..600.0).contains(&size), "{size}");
    }

    #[test]
    fn chains_that_saw_different_things_are_told() {
        let apart = chains(0.0, 2.0);
        assert!(split_r_hat(&apart) > 1.5);
        assert!(effective_size(&apart) < 20.0);
    }

    #[test]
    fn what_never_varies_agrees_with_itself() {
        let constant = vec![vec![1.0; 100]; 4];
        assert_eq!((split_r_hat(&constant), effective_size(&constant)), (1.0, 400.0));
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        let numbers = [4.0, 1.0, 3.0, 2.0];
        for (part, expected) in [(0.0, 1.0), (0.5, 2.5), (1.0, 4.0)] {
            let seen = quantile(&numbers, part);
            assert!((seen - expected).abs() < 1e-12, "{part}: {seen}");
        }
    }
}
