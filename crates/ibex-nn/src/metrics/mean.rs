//! `Mean`: the weighted mean of the predictions themselves.

use ibex_graph::Tensor;

use super::{mean_metric, metric_options};

metric_options! {
    /// The weighted mean of values, which are given as predictions; targets do not matter.
    ///
    /// Source: <https://keras.io/api/metrics/reduction_metrics/>.
    Mean = "mean" {}
}

mean_metric!(Mean, |_, _: &Tensor, values| values.clone().into());
