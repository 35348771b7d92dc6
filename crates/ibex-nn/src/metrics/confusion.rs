//! True and false positives and negatives at each of several thresholds.

use ibex_graph::{DType, OpError, Tensor};

use super::{MetricFunction, State, Thresholds, thresholds};
use crate::ConfigError;
use crate::losses::shapes::same_rank;

/// A prediction below any threshold: of classes that are not among the `k` likeliest.
const NEVER: f64 = -1e10;

/// One kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    TruePositives,
    FalsePositives,
    TrueNegatives,
    FalseNegatives,
}

impl Cell {
    /// All four, in the order in which AUC keeps them.
    pub(super) const ALL: [Cell; 4] =
        [Cell::TruePositives, Cell::FalsePositives, Cell::TrueNegatives, Cell::FalseNegatives];

    /// The name of the state.
    pub(super) fn name(self) -> &'static str {
        match self {
            Cell::TruePositives => "true_positives",
            Cell::FalsePositives => "false_positives",
            Cell::TrueNegatives => "true_negatives",
            Cell::FalseNegatives => "false_negatives",
        }
    }
}

/// What is counted.
#[derive(Clone, Debug)]
pub(super) struct Confusion {
    /// Predictions above one of them are positive at that threshold.
    pub(super) thresholds: Vec<f64>,
    /// Only the `k` largest predictions of a sample can be positive.
    pub(super) top_k: Option<usize>,
    /// The class that counts; all of them if `None`.
    pub(super) class_id: Option<usize>,
    /// Whether each label (the last axis) is counted apart.
    pub(super) multi_label: bool,
    /// The weight of each label.
    pub(super) label_weights: Option<Vec<f64>>,
}

impl Confusion {
    /// Counts at the given thresholds, or at the default of Keras.
    pub(super) fn at(
        given: Option<&Thresholds>,
        top_k: Option<usize>,
        class_id: Option<usize>,
    ) -> Confusion {
        let default = if top_k.is_some() { NEVER } else { 0.5 };
        let thresholds = given.map_or(vec![default], Thresholds::to_vec);
        Confusion { thresholds, top_k, class_id, multi_label: false, label_weights: None }
    }

    /// States for some kinds of answers, one count for each threshold.
    ///
    /// # Errors
    /// If a given threshold is out of range.
    pub(super) fn states(
        &self,
        metric: &dyn MetricFunction,
        given: Option<&Thresholds>,
        cells: &[Cell],
    ) -> Result<Vec<State>, ConfigError> {
        thresholds::checked(&metric.name(), given)?;
        let count = self.thresholds.len();
        Ok(cells.iter().map(|cell| State::zeros(cell.name(), [count])).collect())
    }

    /// The states after a batch: one for each of `cells`.
    pub(super) fn update(
        &self,
        states: &[Tensor],
        cells: &[Cell],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let counts = self.counts(cells, y_true, y_pred, weight);
        states.iter().zip(counts).map(|(state, count)| state + count).collect()
    }

    /// The counts of a batch: `(thresholds,)`, or `(thresholds, labels)` if labels count apart.
    fn counts(
        &self,
        cells: &[Cell],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let (y_true, y_pred) = (y_true.cast(DType::F32), y_pred.cast(DType::F32));
        let (mut y_pred, mut y_true) = same_rank(&y_pred, &y_true, true);
        let weight = weight.map(|weight| {
            let weight = weight.cast(DType::F32).expand_dims(-1);
            same_rank(&y_true, &weight, false).1
        });
        if let Some(k) = self.top_k {
            y_pred = only_top_k(&y_pred, k);
        }
        if let Some(class) = self.class_id {
            y_true = one_class(&y_true, class);
            y_pred = one_class(&y_pred, class);
        }
        let shape = y_pred.shape().clone();
        let mut weight = weight.map(|weight| weight.broadcast_to(&shape));
        if let Some(each) = &self.label_weights {
            let each =
                Tensor::constant(ibex_graph::Array::from_f64_slice(DType::F32, [each.len()], each));
            let each = each.broadcast_to(&shape);
            weight = Some(match weight {
                Some(weight) => weight * each,
                None => each,
            });
        }
        let positive = y_true.not_equal(&y_true.zeros_like()).cast(DType::F32);
        let (yes, no) = match &weight {
            Some(weight) => (&positive * weight, (1.0 - &positive) * weight),
            None => (positive.clone(), 1.0 - &positive),
        };
        // Labels that count together are one long list.
        let list = |x: Tensor| if self.multi_label { x } else { x.flatten() };
        let batch = Batch { yes: list(yes), no: list(no), y_pred: list(y_pred) };
        let above = match self.evenly() {
            Some(inclusive) => batch.above_even(self.thresholds.len(), inclusive),
            None => batch.above(&self.thresholds),
        };
        cells.iter().map(|&cell| batch.count(cell, &above)).collect()
    }

    /// Whether the thresholds divide `[0, 1]` evenly, so that a prediction's place among them can
    /// be computed; if so, whether the first lies below 0.
    fn evenly(&self) -> Option<bool> {
        let (Some(first), Some(last)) = (self.thresholds.first(), self.thresholds.last()) else {
            return None;
        };
        let count = self.thresholds.len();
        let even = |(i, t): (usize, &f64)| (t - i as f64 / (count - 1) as f64).abs() <= 2e-6;
        let all_even = count >= 3 && self.thresholds.iter().enumerate().all(even);
        all_even.then_some(*first < 0.0 || *last > 1.0)
    }
}

/// Weights of targets that are 1 (`yes`) and 0 (`no`), and predictions.
struct Batch {
    yes: Tensor,
    no: Tensor,
    y_pred: Tensor,
}

/// The weights of targets of 1 and of 0 whose predictions are above each threshold.
struct Above {
    yes: Tensor,
    no: Tensor,
}

impl Batch {
    /// Compares each prediction with each threshold.
    fn above(&self, thresholds: &[f64]) -> Above {
        let mut shape = vec![1; self.y_pred.rank() + 1];
        shape[0] = thresholds.len();
        let thresholds = ibex_graph::Array::from_f64_slice(DType::F32, shape, thresholds);
        let above = self.y_pred.expand_dims(0).greater(&Tensor::constant(thresholds));
        let above = above.cast(DType::F32);
        let total = |weights: &Tensor| (&above * weights.expand_dims(0)).sum(&[1], false);
        Above { yes: total(&self.yes), no: total(&self.no) }
    }

    /// Puts each prediction in the bucket of the last threshold below it, and adds up from above.
    fn above_even(&self, count: usize, inclusive: bool) -> Above {
        let place = (self.y_pred.clip(0.0, 1.0) * (count as f64 - 1.0)).ceil() - 1.0;
        let zero = place.zeros_like();
        let bucket = place.maximum(&zero).cast(DType::I32);
        let total = |weights: &Tensor| {
            // A prediction of 0 is above no threshold, unless the first lies below 0.
            let weights = match inclusive {
                true => weights.clone(),
                false => place.greater_equal(&zero).select(weights, &zero),
            };
            let buckets = weights.add_along_axis(&bucket, 0, count);
            buckets.flip(&[0]).cumulative_sum(0).flip(&[0])
        };
        Above { yes: total(&self.yes), no: total(&self.no) }
    }

    fn count(&self, cell: Cell, above: &Above) -> Tensor {
        match cell {
            Cell::TruePositives => above.yes.clone(),
            Cell::FalsePositives => above.no.clone(),
            Cell::TrueNegatives => self.no.sum(&[0], true) - &above.no,
            Cell::FalseNegatives => self.yes.sum(&[0], true) - &above.yes,
        }
    }
}

/// Predictions of which all but the `k` largest along the last axis lie below any threshold.
fn only_top_k(y_pred: &Tensor, k: usize) -> Tensor {
    let classes = y_pred.dim(-1);
    let (_, places) = y_pred.top_k(k.min(classes));
    let chosen = places.one_hot(classes, -1, DType::F32);
    let Some(axis) = chosen.shape().axis(-2) else { return y_pred.bad_axis("top_k", -1) };
    let chosen = chosen.sum(&[axis], false);
    y_pred * &chosen + (1.0 - chosen) * NEVER
}

/// The predictions of one class; poisoned if there is none of that index.
fn one_class(x: &Tensor, class: usize) -> Tensor {
    if x.rank() < 2 || class >= x.dim(-1) {
        return Tensor::poisoned(
            OpError::new(
                format!("a metric counts class {class}, which predictions do not have"),
                format!("a last axis of at least {}", class + 1),
                x.shape().to_string(),
            )
            .help("change `class_id`"),
        );
    }
    x.slice_axis(-1, class as isize..class as isize + 1)
}
