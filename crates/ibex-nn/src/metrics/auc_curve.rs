//! The curves whose area AUC measures, and how the area between their points is summed.

use serde::{Deserialize, Serialize};

use super::reduction::quotient;

/// Which curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AUCCurve {
    /// True positive rate over false positive rate.
    #[default]
    #[serde(alias = "roc")]
    ROC,
    /// Precision over recall.
    #[serde(alias = "pr")]
    PR,
    /// Precision gain over recall gain.
    #[serde(alias = "prgain")]
    PRGAIN,
}

/// How the area between two points is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AUCSummationMethod {
    /// By trapezoids, or for precision and recall by the interpolation of Davis and Goadrich.
    #[default]
    #[serde(alias = "Interpolation")]
    Interpolation,
    /// By the higher of the two points.
    #[serde(alias = "Majoring")]
    Majoring,
    /// By the lower of the two points.
    #[serde(alias = "Minoring")]
    Minoring,
}

/// The answers at one threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) true_positives: f64,
    pub(super) false_positives: f64,
    pub(super) true_negatives: f64,
    pub(super) false_negatives: f64,
}

impl Counts {
    fn positives(&self) -> f64 {
        self.true_positives + self.false_negatives
    }

    fn negatives(&self) -> f64 {
        self.true_negatives + self.false_positives
    }

    fn recall(&self) -> f64 {
        quotient(self.true_positives, self.positives())
    }

    /// The point of a curve.
    fn point(&self, curve: AUCCurve) -> (f64, f64) {
        match curve {
            AUCCurve::ROC => (quotient(self.false_positives, self.negatives()), self.recall()),
            AUCCurve::PR => {
                let predicted = self.true_positives + self.false_positives;
                (self.recall(), quotient(self.true_positives, predicted))
            }
            // Without true positives both gains diverge; Keras takes the lowest and the highest.
            AUCCurve::PRGAIN if self.true_positives == 0.0 => (0.0, 1.0),
            AUCCurve::PRGAIN => {
                let odds = quotient(self.positives(), self.negatives());
                let gain = |wrong: f64| 1.0 - odds * quotient(wrong, self.true_positives);
                (gain(self.false_negatives).max(0.0), gain(self.false_positives))
            }
        }
    }
}

/// The area under a curve through the points of increasing thresholds.
pub(super) fn area(counts: &[Counts], curve: AUCCurve, method: AUCSummationMethod) -> f64 {
    let pairs = counts.windows(2).map(|pair| (pair[0], pair[1]));
    if (curve, method) == (AUCCurve::PR, AUCSummationMethod::Interpolation) {
        return pairs.map(|(low, high)| interpolated(low, high)).sum();
    }
    let term = |(low, high): (Counts, Counts)| {
        let ((x0, y0), (x1, y1)) = (low.point(curve), high.point(curve));
        let height = match method {
            AUCSummationMethod::Interpolation => (y0 + y1) / 2.0,
            AUCSummationMethod::Minoring => y0.min(y1),
            AUCSummationMethod::Majoring => y0.max(y1),
        };
        (x0 - x1) * height
    };
    pairs.map(term).sum()
}

/// The area between two points of precision over recall, if true positives grow linearly with all
/// predicted positives between them.
///
/// Source: <https://ftp.cs.wisc.edu/machine-learning/shavlik-group/davis.icml06.pdf>.
fn interpolated(low: Counts, high: Counts) -> f64 {
    let predicted = |at: Counts| at.true_positives + at.false_positives;
    let gained = low.true_positives - high.true_positives;
    let slope = quotient(gained, (predicted(low) - predicted(high)).max(0.0));
    let intercept = high.true_positives - slope * predicted(high);
    let ratio = match predicted(low) > 0.0 && predicted(high) > 0.0 {
        true => predicted(low) / predicted(high),
        false => 1.0,
    };
    quotient(slope * (gained + intercept * ratio.ln()), high.positives().max(0.0))
}
