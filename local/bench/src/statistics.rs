//! Medians and percentiles.

/// The value that a share of all values does not exceed; 0.5 is the median. 0 when there are none.
///
/// Nearest rank: the result is one of the values.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// A figure with this many decimals, for a report.
pub fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(median(&values), 2.0);
        assert_eq!(percentile(&values, 0.99), 4.0);
        assert_eq!(percentile(&values, 0.25), 1.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 0.99), 99.0);
    }

    #[test]
    fn figures_are_rounded_and_not_cut() {
        assert_eq!(rounded(0.98765, 3), 0.988);
        assert_eq!(rounded(1234.4, 0), 1234.0);
    }
}
