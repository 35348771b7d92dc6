//! Round numbers along an axis, and how they are written.

/// Round numbers within `low..=high`: multiples of 1, 2 or 5 times a power of ten, at most about
/// `most` of them; whole numbers only, if `whole`.
pub(crate) fn ticks(low: f64, high: f64, most: usize, whole: bool) -> Vec<(f64, String)> {
    let rough = (high - low) / most.max(1) as f64;
    let mut exponent = rough.log10().floor() as i32;
    let base = 10_f64.powi(exponent);
    // A step just below a round number should take it in spite of rounding.
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| rough <= factor * base * (1.0 + 1e-9));
    let mut factor = factor.unwrap_or_else(|| {
        exponent += 1;
        1.0
    });
    if whole && exponent < 0 {
        (factor, exponent) = (1.0, 0);
    }
    let step = factor * 10_f64.powi(exponent);
    let slack = 1e-9;
    let first = (low / step - slack).ceil();
    let last = (high / step + slack).floor();
    // Far from zero a step can be lost in the rounding of the numbers themselves.
    let steps = last - first;
    if steps.is_nan() || steps > 2.0 * most as f64 {
        return Vec::new();
    }
    let count = steps as usize + 1;
    let values: Vec<f64> = (0..count).map(|index| (first + index as f64) * step).collect();
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let scientific = largest >= 1e6 || (largest > 0.0 && largest < 1e-3);
    let write = |value: f64| match scientific {
        true => write_scientific(value, exponent),
        false => format!("{:.*}", (-exponent).max(0) as usize, clean_zero(value, step)),
    };
    values.into_iter().map(|value| (value, write(value))).collect()
}

/// Zero without a sign, where rounding left a trace of one.
fn clean_zero(value: f64, step: f64) -> f64 {
    if value.abs() < step * 1e-6 { 0.0 } else { value }
}

/// `2e-5`: as many digits as a step of ten to the `exponent` needs.
fn write_scientific(value: f64, exponent: i32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let own = value.abs().log10().floor() as i32;
    let digits = (own - exponent).clamp(0, 15) as usize;
    format!("{value:.digits$e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(low: f64, high: f64, whole: bool, expected: &[&str]) {
        let labels: Vec<String> =
            ticks(low, high, 6, whole).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, expected, "{low} to {high}");
    }

    #[test]
    fn steps_are_round() {
        check(0.0, 1.0, false, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(0.03, 0.31, false, &["0.05", "0.10", "0.15", "0.20", "0.25", "0.30"]);
        check(-0.1, 0.5, false, &["-0.1", "0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        check(0.0, 1000.0, true, &["0", "200", "400", "600", "800", "1000"]);
        check(3.0, 47.0, false, &["10", "20", "30", "40"]);
    }

    #[test]
    fn epochs_are_whole() {
        check(1.0, 3.0, true, &["1", "2", "3"]);
        check(-0.5, 0.5, true, &["0"]);
        check(0.0, 9.0, true, &["0", "2", "4", "6", "8"]);
    }

    #[test]
    fn large_and_small_numbers_are_scientific() {
        check(0.0, 5e-5, false, &["0", "1e-5", "2e-5", "3e-5", "4e-5", "5e-5"]);
        check(
            1.5e7,
            2.1e7,
            false,
            &["1.5e7", "1.6e7", "1.7e7", "1.8e7", "1.9e7", "2.0e7", "2.1e7"],
        );
    }

    #[test]
    fn steps_lost_in_rounding_give_no_ticks() {
        assert!(ticks(1e300, 1e300 + 1.0, 6, false).len() <= 12);
        assert!(ticks(0.0, 0.0, 6, false).len() <= 12);
        assert!(ticks(f64::NAN, 1.0, 6, false).is_empty());
    }
}
