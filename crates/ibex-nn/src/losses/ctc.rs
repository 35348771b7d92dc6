//! `CTC`: minus the logarithm of the probability of a sequence of labels, however they lie in time.

use ibex_graph::{Array, DType, Tensor};

use super::{LossFunction, Reduction, loss_object, loss_options, shapes};
use crate::object::ConfigError;
use crate::partial::PartialType;

loss_options! {
    /// The cross-entropy of label sequences over all their alignments with the time steps.
    ///
    /// Targets `(batch, labels)` are class indices, 0 for "no more labels".
    /// Predictions `(batch, steps, classes)` are logits, of which class 0 is the blank between
    /// labels.
    /// The recursion over the steps is written out in the graph, which grows with their number.
    ///
    /// ```
    /// use ibex_nn::losses::{CTC, Loss};
    /// assert_eq!(Loss::from(CTC::new()).name(), "ctc");
    /// ```
    /// Source: <https://www.cs.toronto.edu/~graves/icml_2006.pdf>.
    CTC = "ctc" {}
}

/// The logarithm of a probability that counts as zero, as in Keras on JAX.
const IMPOSSIBLE: f64 = -1e5;

/// So small a logarithm that adding its probability changes nothing.
const NOTHING: f64 = -1e30;

impl LossFunction for CTC {
    loss_object!(CTC);

    fn takes_integers(&self) -> bool {
        true
    }

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        if y_true.rank() != 2 {
            // `check` refuses other shapes before a graph is made.
            return y_pred.bad_axis("ctc", 2);
        }
        let length = y_true.not_equal(&y_true.zeros_like()).cast(DType::I32).sum(&[1], false);
        ctc(y_true, y_pred, &length, None, 0)
    }

    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        if y_true.shape.rank() == 2 && y_pred.shape.rank() == 3 {
            return Ok(());
        }
        let expected = "targets (None, labels), predictions (None, steps, classes)";
        Err(shapes::misfit(&self.name, y_true, y_pred, expected))
    }

    fn check_labels(&self, y_true: &Array, y_pred: &PartialType) -> Result<(), ConfigError> {
        shapes::expect_classes(&self.name, y_true, y_pred.shape.dim(-1), None)
    }
}

/// The loss of each sample for labels `(batch, labels)`, of which the first `target_length` count,
/// and logits `(batch, steps, classes)`, of which the first `output_length` steps count, or all.
pub(crate) fn ctc(
    target: &Tensor,
    logits: &Tensor,
    target_length: &Tensor,
    output_length: Option<&Tensor>,
    blank: usize,
) -> Tensor {
    let ([batch, labels], [_, steps, classes]) = (target.shape().dims(), logits.shape().dims())
    else {
        return logits.bad_axis("ctc", 2);
    };
    let (batch, labels, steps, classes) = (*batch, *labels, *steps, *classes);
    if blank >= classes {
        return logits.bad_axis("ctc", 2);
    }
    let dtype = logits.dtype();
    let log = logits.log_softmax(-1);
    let indices = target.expand_dims(1).broadcast_to([batch, steps, labels]);
    let emitted = log.take_along_axis(&indices, -1);
    let blank = log.slice_axis(-1, blank as isize..blank as isize + 1);
    // Between two equal labels there must be a blank; between others there need not be.
    let next = target.slice_axis(1, 1..).pad(&[(0, 0), (0, 1)], -1.0);
    let same = target.equal(&next).cast(dtype) * IMPOSSIBLE;
    let differ = IMPOSSIBLE - &same;

    let full = |width: usize| Tensor::full(dtype, [batch, width], IMPOSSIBLE);
    let start = Tensor::full(dtype, [batch, 1], -IMPOSSIBLE).pad(&[(0, 0), (0, labels)], 0.0);
    // After a blank, or at the start; and after a label.
    let (mut after_blank, mut after_label) = (full(labels + 1) + start, full(labels));
    for step in 0..steps as isize {
        let at = |x: &Tensor| x.slice_axis(1, step..step + 1).squeeze(1);
        let (label, blank) = (at(&emitted), at(&blank));
        let before = advanced(&after_blank, &(&after_label + &same));
        let entered = before.slice_axis(1, ..-1) + &label;
        let stayed = &after_label + &label;
        let next_blank = advanced(&(before + &blank), &(&after_label + &blank + &differ));
        let next_label = log_add(&entered, &stayed);
        (after_blank, after_label) = match output_length {
            None => (next_blank, next_label),
            Some(length) => {
                let now = Tensor::full(length.dtype(), length.shape(), step as f64);
                let counts = length.greater(&now).expand_dims(1);
                let chosen =
                    |new: Tensor, old: &Tensor| counts.broadcast_to(new.shape()).select(&new, old);
                (chosen(next_blank, &after_blank), chosen(next_label, &after_label))
            }
        };
    }
    let ended = advanced(&after_blank, &after_label);
    -ended.take_along_axis(&target_length.expand_dims(1), 1).squeeze(1)
}

/// The most likely class of each step `(batch, steps)`, repetitions and blanks taken out and the
/// rest filled with -1, and minus the sum of its scores `(batch, 1)`.
pub(crate) fn greedy(
    logits: &Tensor,
    output_length: &Tensor,
    merges: bool,
    blank: usize,
) -> [Tensor; 2] {
    let [batch, steps, _] = logits.shape().dims() else {
        return [logits.bad_axis("ctc_decode", 2), logits.bad_axis("ctc_decode", 2)];
    };
    let shape = [*batch, *steps];
    let number = |value: f64| Tensor::full(DType::I32, shape, value);
    let blank = number(blank as f64);
    let place = Tensor::iota(DType::I32, shape, 1);
    let counts = output_length.cast(DType::I32).expand_dims(1).broadcast_to(shape).greater(&place);
    let scores = logits.max(&[2], false);
    let scores = counts.select(&scores, &scores.zeros_like());
    let mut classes = counts.select(&logits.arg_max(2).cast(DType::I32), &blank);
    if merges {
        let before = classes.slice_axis(1, ..-1).pad(&[(0, 0), (1, 0)], -1.0);
        classes = classes.equal(&before).select(&blank, &classes);
    }
    let dropped = classes.equal(&blank);
    let classes = dropped.select(&number(-1.0), &classes);
    let order = dropped.select(&number(*steps as f64), &place).arg_sort(1, false);
    let classes = classes.take_along_axis(&order, 1).expand_dims(0);
    [classes, -scores.sum(&[1], true)]
}

/// The logarithm of the sum of two probabilities given by their logarithms.
fn log_add(a: &Tensor, b: &Tensor) -> Tensor {
    // The larger one drops out of the result; without a gradient it cannot divide one at a tie.
    let largest = a.maximum(b).stop_gradient();
    ((a - &largest).exp() + (b - &largest).exp()).log() + largest
}

/// Adds to each place but the first the probability of what leads there.
fn advanced(places: &Tensor, arriving: &Tensor) -> Tensor {
    log_add(places, &arriving.pad(&[(0, 0), (1, 0)], NOTHING))
}
