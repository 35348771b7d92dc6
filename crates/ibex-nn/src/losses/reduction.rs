//! From the losses of samples to one number: weights, masks and reductions, exactly as in Keras.

use ibex_graph::{DType, Tensor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Loss, shapes};
use crate::object::{ConfigError, nearest, shortened};

/// How the losses of the samples become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Their sum over their number; weights do not change the number.
    #[default]
    SumOverBatchSize,
    /// Their sum.
    Sum,
    /// The same as [`Reduction::SumOverBatchSize`].
    Mean,
    /// Their weighted sum over the sum of the weights.
    MeanWithSampleWeight,
    /// No reduction: one value for each sample.
    None,
}

impl Reduction {
    const NAMES: [(&'static str, Reduction); 5] = [
        ("sum_over_batch_size", Reduction::SumOverBatchSize),
        ("sum", Reduction::Sum),
        ("mean", Reduction::Mean),
        ("mean_with_sample_weight", Reduction::MeanWithSampleWeight),
        ("none", Reduction::None),
    ];

    /// Whether the number of values divides their sum, so that a mask must not shrink the result.
    fn divides_by_count(self) -> bool {
        matches!(self, Reduction::SumOverBatchSize | Reduction::Mean)
    }
}

impl std::str::FromStr for Reduction {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Reduction, ConfigError> {
        let names = Reduction::NAMES.map(|(name, _)| name);
        let found = Reduction::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, reduction)| *reduction).ok_or_else(|| {
            let error = ConfigError::new(format!("unknown reduction `{name}`"))
                .expected(format!("one of {}", names.join(", ")));
            match nearest(name, names) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            }
        })
    }
}

impl<'de> Deserialize<'de> for Reduction {
    /// A name; `null` is `none`.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Reduction, D::Error> {
        let parsed = match Value::deserialize(from)? {
            Value::Null => Ok(Reduction::None),
            Value::String(name) => name.parse(),
            other => Err(ConfigError::new("a reduction is a name").received(shortened(&other))),
        };
        parsed.map_err(serde::de::Error::custom)
    }
}

impl Loss {
    /// The loss of a batch: one number, or one for each sample under [`Reduction::None`].
    ///
    /// `y_true` and `y_pred` may have any dtype; the loss is computed in `float32`, or in `float64`
    /// if `y_pred` is that.
    /// `sample_weight` must broadcast to the samples' losses as in NumPy; a last axis of extent 1
    /// is added or removed if that is all they differ by.
    /// `mask` is true (or not zero) where a value counts.
    #[track_caller]
    pub fn value(
        &self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) -> Tensor {
        let dtype = match y_pred.dtype() {
            DType::F64 => DType::F64,
            _ => DType::F32,
        };
        let y_pred = y_pred.cast(dtype);
        let y_true = y_true.cast(if self.takes_integers() { DType::I32 } else { dtype });
        let (y_true, y_pred) = shapes::same_rank(&y_true, &y_pred, true);
        let values = self.call(&y_true, &y_pred).cast(dtype);
        let mask = mask.map(|mask| mask.cast(DType::Bool));
        let mask = match (mask, self.valid(&y_true, &y_pred)) {
            (Some(mask), Some(valid)) => Some(mask.logical_and(&valid)),
            (mask, valid) => mask.or(valid),
        };
        let reduction = self.reduction();
        let weight = masked_weight(sample_weight, mask.as_ref(), dtype, reduction);
        match weight {
            None => reduced(&values, None, reduction),
            Some(weight) => {
                let (values, weight) = shapes::same_rank(&values, &weight, true);
                reduced(&(values * &weight), Some(&weight), reduction)
            }
        }
    }
}

/// Weights of samples and mask as one weight, of `dtype`.
///
/// Where the reduction divides by the number of values, the mask counts for more the less of it is
/// true, so that the mean is that of the values that count.
pub(crate) fn masked_weight(
    sample_weight: Option<&Tensor>,
    mask: Option<&Tensor>,
    dtype: DType,
    reduction: Reduction,
) -> Option<Tensor> {
    let sample_weight = sample_weight.map(|weight| weight.cast(dtype));
    let Some(mask) = mask else { return sample_weight };
    let mut mask = mask.cast(dtype);
    if reduction.divides_by_count() {
        let total = Tensor::scalar(dtype, mask.shape().size() as f64);
        mask = &mask * divide_no_nan(&total, &mask.sum_all());
    }
    match sample_weight {
        None => Some(mask),
        Some(weight) => {
            let (mask, weight) = shapes::same_rank(&mask, &weight, true);
            Some(weight * mask)
        }
    }
}

fn reduced(values: &Tensor, weight: Option<&Tensor>, reduction: Reduction) -> Tensor {
    if reduction == Reduction::None || values.rank() == 0 {
        return values.clone();
    }
    match (reduction, weight) {
        (Reduction::Sum, _) => values.sum_all(),
        // The mean of no values is 0.
        _ if values.shape().size() == 0 => values.sum_all(),
        (Reduction::MeanWithSampleWeight, Some(weight)) => {
            divide_no_nan(&values.sum_all(), &weight.sum_all())
        }
        _ => values.mean_all(),
    }
}

/// `a / b`, and 0 where `b` is 0.
pub(crate) fn divide_no_nan(a: &Tensor, b: &Tensor) -> Tensor {
    let zero = b.zeros_like();
    let is_zero = b.equal(&zero);
    let quotient = a / is_zero.select(&b.ones_like(), b);
    is_zero.select(&zero, &quotient)
}
