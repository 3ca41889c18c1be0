//! What the likelihood of a gamma distribution needs, without the cancellation that plain logarithms of the gamma
//! function bring where the shape is large.

/// From here on the asymptotic series is exact to the last digits; below, the recurrence leads up to it.
const FAR: f64 = 12.0;

/// `k ln k - k - ln Γ(k)`, which grows as half the logarithm of `k`, and its derivative, `ln k - ψ(k)`.
pub(super) fn excess(k: f64) -> (f64, f64) {
    if k < FAR {
        return led_up(k);
    }
    let (r, s) = (k.recip(), (k * k).recip());
    let value = 0.5 * (k / std::f64::consts::TAU).ln()
        - r * (1.0 / 12.0 - s * (1.0 / 360.0 - s * (1.0 / 1260.0 - s * (1.0 / 1680.0 - s / 1188.0))));
    let slope =
        0.5 * r + s * (1.0 / 12.0 - s * (1.0 / 120.0 - s * (1.0 / 252.0 - s * (1.0 / 240.0 - s / 132.0))));
    (value, slope)
}

/// By `ln Γ(k) = ln Γ(k + 12) - ln k - … - ln (k + 11)`.
fn led_up(k: f64) -> (f64, f64) {
    let far = k + FAR;
    let (value, slope) = excess(far);
    let log_gamma_far = far * far.ln() - far - value;
    let digamma_far = far.ln() - slope;
    let mut at = k;
    let (mut logs, mut inverses) = (0.0, 0.0);
    while at < far - 0.5 {
        logs += at.ln();
        inverses += at.recip();
        at += 1.0;
    }
    (
        k * k.ln() - k - (log_gamma_far - logs),
        k.ln() - (digamma_far - inverses),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Euler's constant: `-ψ(1)`.
    const EULER: f64 = 0.577_215_664_901_532_9;

    #[test]
    fn it_is_what_tables_say() {
        // ln Γ at ½, 1, 2, 5, 20 is ln √π, 0, 0, ln 24, ln 19!; and ψ there.
        let half = (std::f64::consts::PI.sqrt().ln(), -EULER - 2.0 * 2.0_f64.ln());
        let up_to = |n: u32| (1..n).map(|i| f64::from(i).recip()).sum::<f64>() - EULER;
        let log_factorial = |n: u32| (1..=n).map(|i| f64::from(i).ln()).sum::<f64>();
        for (k, (log_gamma, digamma)) in [
            (0.5, half),
            (1.0, (0.0, up_to(1))),
            (2.0, (0.0, up_to(2))),
            (5.0, (log_factorial(4), up_to(5))),
            (20.0, (log_factorial(19), up_to(20))),
        ] {
            let (value, slope) = excess(k);
            assert!(
                (value - (k * k.ln() - k - log_gamma)).abs() < 1e-12,
                "at {k}: {value}"
            );
            assert!((slope - (k.ln() - digamma)).abs() < 1e-12, "at {k}: {slope}");
        }
    }

    #[test]
    fn the_two_ways_meet() {
        let (below, above) = (led_up(FAR), excess(FAR));
        assert!((below.0 - above.0).abs() < 1e-12 && (below.1 - above.1).abs() < 1e-12);
    }
}
