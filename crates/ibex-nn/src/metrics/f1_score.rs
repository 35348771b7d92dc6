//! `F1Score`: the harmonic mean of precision and recall.

use super::f_score::{Average, FScore, f_score_metric};
use super::metric_options;

metric_options! {
    /// `2 · precision · recall / (precision + recall)` of each class.
    ///
    /// Targets and predictions have the shape `(None, classes)`.
    /// In logs stands the mean over the classes, unless `average` says otherwise.
    ///
    /// ```
    /// use ibex_nn::metrics::{Average, F1Score, Metric};
    /// let metric = Metric::from(F1Score::new().average(Average::Macro).threshold(0.5));
    /// assert_eq!(metric.config()["average"], "macro");
    /// ```
    /// Source: <https://keras.io/api/metrics/classification_metrics/>.
    F1Score = "f1_score" {
        /// How the scores of the classes become one.
        average: Option<Average> = None,
        /// Predictions above it are ones; only the largest of a sample if `None`.
        threshold: Option<f64> = None,
    }
}

impl F1Score {
    fn score(&self) -> FScore<'_> {
        let F1Score { average, threshold, .. } = *self;
        FScore { name: &self.name, average, beta: 1.0, threshold }
    }
}

f_score_metric!(F1Score);
