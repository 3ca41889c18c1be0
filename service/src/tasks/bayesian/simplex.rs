//! Parts of a whole, as logarithms.

/// The logarithms of the parts that stand to one another as the exponentials of these numbers.
pub(super) fn logs(numbers: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let numbers: Vec<f64> = numbers.into_iter().collect();
    // With the greatest taken out, no exponential overflows.
    let greatest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let whole = greatest + numbers.iter().map(|x| (x - greatest).exp()).sum::<f64>().ln();
    numbers.into_iter().map(|x| x - whole).collect()
}
