//! How often each class was predicted as each class, and the overlap of targets and predictions
//! that follows from it.

use ibex_graph::{Array, DType, Tensor, Type};

use super::State;
use crate::ConfigError;

/// What is counted, and which classes the result is about.
#[derive(Clone, Debug)]
pub(super) struct ConfusionMatrix {
    pub(super) name: String,
    /// The dtype of the counts: with `int32`, Keras's default, weights lose their fractions.
    pub(super) dtype: String,
    pub(super) num_classes: usize,
    /// The classes whose overlaps are averaged.
    pub(super) target_class_ids: Vec<usize>,
    /// The target whose samples do not count.
    pub(super) ignore_class: Option<i64>,
    /// Whether targets are class indices.
    pub(super) sparse_y_true: bool,
    /// Whether predictions are class indices.
    pub(super) sparse_y_pred: bool,
    /// The axis of the classes of what is no index.
    pub(super) axis: isize,
    /// Predictions of at least this are class 1, others class 0; `None` if they name classes.
    pub(super) threshold: Option<f64>,
}

impl ConfusionMatrix {
    /// The only state.
    ///
    /// # Errors
    /// If a class is out of range, or the dtype is no dtype of numbers.
    pub(super) fn states(&self) -> Result<Vec<State>, ConfigError> {
        let count = self.num_classes;
        let wrong = |what: &str| ConfigError::new(format!("the metric `{}` {what}", self.name));
        if let Some(class) = self.target_class_ids.iter().find(|class| **class >= count) {
            return Err(wrong("is about a class that is out of range")
                .expected(format!("`target_class_ids` below `num_classes` = {count}"))
                .received(class.to_string()));
        }
        if self.target_class_ids.is_empty() {
            return Err(wrong("is about no class").expected("at least one of `target_class_ids`"));
        }
        let dtype = self.dtype.parse::<DType>().ok().filter(|dtype| *dtype != DType::Bool);
        let Some(dtype) = dtype else {
            return Err(wrong("cannot count in this dtype")
                .expected("`int32` or `float32`")
                .received(&self.dtype));
        };
        let ty = Type::new(dtype, [count, count]);
        Ok(vec![State { name: "total_confusion_matrix".to_string(), ty, initial: 0.0 }])
    }

    /// The state after a batch.
    pub(super) fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let [total] = states else { return states.to_vec() };
        let dtype = total.dtype();
        let indices = |x: &Tensor, sparse: bool| match sparse {
            true => x.cast(dtype).flatten(),
            false => x.arg_max(self.axis).cast(dtype).flatten(),
        };
        let y_true = indices(y_true, self.sparse_y_true);
        let y_pred = match self.threshold {
            Some(threshold) => {
                let y_pred = y_pred.cast(DType::F32);
                indices(&y_pred.greater_equal(&Tensor::scalar(DType::F32, threshold)), true)
            }
            None => indices(y_pred, self.sparse_y_pred),
        };
        let weight = match weight {
            Some(weight) if weight.rank() > 1 => weight.cast(dtype).flatten(),
            Some(weight) => weight.cast(dtype),
            None => Tensor::scalar(dtype, 1.0),
        };
        let weight = weight.broadcast_to(y_true.shape());
        let count = Tensor::scalar(dtype, self.num_classes as f64);
        let zero = y_true.zeros_like();
        let known = |x: &Tensor| x.greater_equal(&zero).logical_and(&x.less(&count));
        let mut counted = known(&y_true).logical_and(&known(&y_pred));
        if let Some(class) = self.ignore_class {
            let ignored = Tensor::scalar(dtype, class as f64);
            counted = counted.logical_and(&y_true.not_equal(&ignored));
        }
        let class = |x: &Tensor| counted.select(x, &zero).cast(DType::I32);
        let count = self.num_classes;
        let stride = Tensor::scalar(DType::I32, count as f64);
        let cells = class(&y_true) * stride + class(&y_pred);
        let added = counted.select(&weight, &zero).add_along_axis(&cells, 0, count * count);
        vec![total + added.reshape([count, count])]
    }

    /// The mean over the target classes of their overlap: right answers over those that are the
    /// class or were taken for it.
    pub(super) fn result(&self, states: &[Array]) -> f64 {
        let Some(total) = states.first() else { return 0.0 };
        let (cells, count) = (total.to_f64_vec(), self.num_classes);
        let overlap = |class: usize| {
            let right = cells[class * count + class];
            let row: f64 = cells[class * count..][..count].iter().sum();
            let column: f64 = cells.iter().skip(class).step_by(count).sum();
            let all = row + column - right;
            // Classes that never came do not count.
            (all > 1e-9).then(|| right / (all + 1e-7))
        };
        let overlaps: Vec<f64> =
            self.target_class_ids.iter().filter_map(|class| overlap(*class)).collect();
        overlaps.iter().sum::<f64>() / (overlaps.len() as f64 + 1e-7)
    }
}

/// Implements a metric that is the result of its `matrix`.
macro_rules! confusion_matrix_metric {
    ($member:ident) => {
        impl $crate::metrics::MetricFunction for $member {
            $crate::metrics::metric_object!($member);

            fn states(
                &self,
                _: &$crate::PartialType,
                _: &$crate::PartialType,
            ) -> Result<Vec<$crate::metrics::State>, $crate::ConfigError> {
                self.matrix().states()
            }

            fn update(
                &self,
                states: &[::ibex_graph::Tensor],
                y_true: &::ibex_graph::Tensor,
                y_pred: &::ibex_graph::Tensor,
                weight: Option<&::ibex_graph::Tensor>,
            ) -> Vec<::ibex_graph::Tensor> {
                self.matrix().update(states, y_true, y_pred, weight)
            }

            fn result(&self, states: &[::ibex_graph::Array]) -> f64 {
                self.matrix().result(states)
            }
        }
    };
}

pub(super) use confusion_matrix_metric;
