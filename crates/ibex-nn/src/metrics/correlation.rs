//! `PearsonCorrelation` and `ConcordanceCorrelation`: how far predictions follow targets.

use ibex_graph::{DType, Tensor};

use super::{mean_metric, metric_options};
use crate::losses::shapes::same_rank;

metric_options! {
    /// The mean over the samples of the correlation of targets and predictions along `axis`: 1 if
    /// one is a rising line of the other.
    ///
    /// ```
    /// use ibex_nn::metrics::{Metric, PearsonCorrelation};
    /// let metric = Metric::from(PearsonCorrelation::new().axis(0));
    /// assert_eq!(metric.name(), "pearson_correlation");
    /// ```
    /// Source: <https://keras.io/api/metrics/regression_metrics/>.
    PearsonCorrelation = "pearson_correlation" {
        /// The axis along which values are compared.
        axis: isize = -1,
    }
}

mean_metric!(PearsonCorrelation, |metric, y_true: &Tensor, y_pred| {
    let (y_true, y_pred) = floats(y_true, y_pred);
    let Some(axis) = y_pred.shape().axis(metric.axis) else {
        return y_pred.bad_axis("pearson_correlation", metric.axis).into();
    };
    let standard = |x: &Tensor| {
        let x = x - x.mean(&[axis], true);
        &x / x.variance(&[axis], true).sqrt()
    };
    (standard(&y_true) * standard(&y_pred)).mean(&[axis], false).into()
});

metric_options! {
    /// The mean over the samples of how near targets and predictions along `axis` are to equal: as
    /// their correlation, lowered for differences in mean and spread.
    ///
    /// Keras compares targets with the mean of the predictions; so does this.
    ///
    /// ```
    /// use ibex_nn::metrics::{ConcordanceCorrelation, Metric};
    /// let metric = Metric::from(ConcordanceCorrelation::new());
    /// assert_eq!(metric.name(), "concordance_correlation");
    /// ```
    /// Source: <https://keras.io/api/metrics/regression_metrics/>.
    ConcordanceCorrelation = "concordance_correlation" {
        /// The axis along which values are compared.
        axis: isize = -1,
    }
}

mean_metric!(ConcordanceCorrelation, |metric, y_true: &Tensor, y_pred| {
    let (y_true, y_pred) = floats(y_true, y_pred);
    let Some(axis) = y_pred.shape().axis(metric.axis) else {
        return y_pred.bad_axis("concordance_correlation", metric.axis).into();
    };
    let mean = |x: &Tensor| x.mean(&[axis], true);
    let spread = |x: &Tensor| x.variance(&[axis], true);
    let (centre, other) = (mean(&y_pred), mean(&y_true));
    let product = (&y_true - &centre) * (&y_pred - &centre);
    let size = spread(&y_true) + spread(&y_pred) + (other - centre).square();
    (product * 2.0 / (size + 1e-7)).mean(&[axis], false).into()
});

fn floats(y_true: &Tensor, y_pred: &Tensor) -> (Tensor, Tensor) {
    same_rank(&y_true.cast(DType::F32), &y_pred.cast(DType::F32), true)
}
