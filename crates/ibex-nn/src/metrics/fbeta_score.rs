//! `FBetaScore`: the harmonic mean of precision and recall, recall weighing more or less.

use super::f_score::{Average, FScore, f_score_metric};
use super::metric_options;

metric_options! {
    /// `(1 + beta²) · precision · recall / (beta² · precision + recall)` of each class.
    ///
    /// Targets and predictions have the shape `(None, classes)`.
    /// In logs stands the mean over the classes, unless `average` says otherwise.
    ///
    /// ```
    /// use ibex_nn::metrics::{FBetaScore, Metric};
    /// let metric = Metric::from(FBetaScore::new().beta(2.0));
    /// assert_eq!(metric.config()["beta"], 2.0);
    /// ```
    /// Source: <https://keras.io/api/metrics/classification_metrics/>.
    FBetaScore = "fbeta_score" {
        /// How the scores of the classes become one.
        average: Option<Average> = None,
        /// How many times as much recall weighs.
        beta: f64 = 1.0,
        /// Predictions above it are ones; only the largest of a sample if `None`.
        threshold: Option<f64> = None,
    }
}

impl FBetaScore {
    fn score(&self) -> FScore<'_> {
        let FBetaScore { average, beta, threshold, .. } = *self;
        FScore { name: &self.name, average, beta, threshold }
    }
}

f_score_metric!(FBetaScore);
