//! `CTC`: minus the logarithm of the probability of a sequence of labels, however they lie in time.

use ibex_graph::{Array, Tensor};

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
        let ([batch, labels], [_, steps, classes]) = (y_true.shape().dims(), y_pred.shape().dims())
        else {
            // `check` refuses other shapes before a graph is made.
            return y_pred.bad_axis("ctc", 2);
        };
        let (batch, labels, steps, classes) = (*batch, *labels, *steps, *classes);
        let dtype = y_pred.dtype();
        let log = y_pred.log_softmax(-1);
        let indices = y_true.expand_dims(1).broadcast_to([batch, steps, labels]);
        let emitted = match classes {
            0 => return y_pred.bad_axis("ctc", 2),
            _ => log.take_along_axis(&indices, -1),
        };
        let blank = log.slice_axis(-1, 0..1);
        // Between two equal labels there must be a blank; between others there need not be.
        let next = y_true.slice_axis(1, 1..).pad(&[(0, 0), (0, 1)], -1.0);
        let same = y_true.equal(&next).cast(dtype) * IMPOSSIBLE;
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
            after_blank = advanced(&(before + &blank), &(&after_label + &blank + &differ));
            after_label = log_add(&entered, &stayed);
        }
        let ended = advanced(&after_blank, &after_label);
        let length = y_true.not_equal(&y_true.zeros_like()).cast(y_true.dtype()).sum(&[1], true);
        -ended.take_along_axis(&length, 1).squeeze(1)
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
