//! The cross-entropy of logits against integer labels, in one pass and without overflow.

use crate::interpreter::Values;
use crate::op::{
    BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs,
    vjp_of_decomposition,
};
use crate::ops::softmax::LogSoftmax;
use crate::{DType, OpError, Tensor, Type};

/// Logits `(…, C)` and labels `(…)` give losses `(…)`: `-log(softmax(logits)[label])`.
///
/// A label outside `0..C` belongs to no class: its loss and gradient are 0, as from a one-hot row
/// of zeros.
/// Data are checked before they get here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SparseSoftmaxCrossEntropy;

impl Tensor {
    /// The cross-entropy of these logits `(…, C)` against integer `labels` `(…)`: losses `(…)`.
    ///
    /// `keras.ops.sparse_categorical_crossentropy` with `from_logits=True`.
    ///
    /// ```
    /// use ibex_graph::{Array, Graph, Tensor, interpreter};
    ///
    /// let logits = Tensor::constant(Array::from_slice([2, 2], &[0f32, 0., 40., 0.])?);
    /// let labels = Tensor::constant(Array::from_slice([2], &[1i32, 1])?);
    /// let graph = Graph::new(&[], &[logits.sparse_softmax_cross_entropy(&labels)], &[])?;
    /// let losses = interpreter::run(&graph, &[])?.outputs.remove(0);
    /// assert_eq!(losses.to_f32_vec(), [2f32.ln(), 40.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn sparse_softmax_cross_entropy(&self, labels: &Tensor) -> Tensor {
        Tensor::apply(SparseSoftmaxCrossEntropy, &[self, labels])
    }
}

/// Whether each class is the label: `bool (…, C)`.
fn is_label(labels: &Tensor, logits: &Tensor) -> Tensor {
    // A byte cannot number more than 256 classes.
    let labels = match labels.dtype() {
        DType::U8 => labels.cast(DType::I32),
        _ => labels.clone(),
    };
    let classes = Tensor::iota(labels.dtype(), [logits.dim(-1)], 0);
    labels.expand_dims(-1).equal(&classes)
}

impl Rule for SparseSoftmaxCrossEntropy {
    fn name(&self) -> &'static str {
        "sparse_softmax_cross_entropy"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [logits, labels] = expect_inputs(self.name(), inputs)?;
        if !logits.dtype.is_float() || !labels.dtype.is_integer() {
            return Err(OpError::new(
                format!("`{}` takes logits and integer labels", self.name()),
                "a floating-point and an integer dtype",
                format!("{} and {}", logits.dtype, labels.dtype),
            )
            .help("cast labels that are whole numbers; one-hot labels need another loss"));
        }
        let Some((&classes, rows)) = logits.shape.split_last().filter(|(c, _)| **c > 0) else {
            return Err(OpError::new(
                format!("`{}` needs at least one class", self.name()),
                "logits (…, classes)",
                logits.shape.to_string(),
            ));
        };
        if rows != labels.shape.dims() {
            return Err(OpError::new(
                format!("the labels of `{}` do not fit its logits", self.name()),
                format!("{}, one for each row of {classes} logits", crate::Shape::from(rows)),
                labels.shape.to_string(),
            ));
        }
        Ok(vec![Type::new(logits.dtype, rows)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let (logits, labels) = (inputs[0], inputs[1]);
        let classes = logits.shape().last().copied().unwrap_or(1);
        let loss = |(row, &label): (&[f64], &f64)| {
            if !(0.0..classes as f64).contains(&label) {
                return 0.0;
            }
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
            sum.ln() - (row[label as usize] - largest)
        };
        let rows = logits.data.chunks_exact(classes);
        vec![Values::new(outputs[0].clone(), rows.zip(&labels.data).map(loss).collect())]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let [logits, labels] = node.inputs else { return Vjp::Rule(Vec::new()) };
        let op = SparseSoftmaxCrossEntropyGradient;
        Vjp::Rule(vec![Some(Tensor::apply(op, &[logits, labels, &node.grad(0)])), None])
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [logits, labels] = inputs else { return None };
        let axis = logits.rank().checked_sub(1)?;
        let logs = LogSoftmax { axis }.decompose(std::slice::from_ref(logits))?.pop()?;
        // Not a product: a class that is impossible has the logarithm -inf, and 0 · -inf is NaN.
        let chosen = is_label(labels, logits).select(&logs, &logs.zeros_like());
        Some(vec![-chosen.sum(&[axis], false)])
    }
}

/// Logits and labels with which the loss and its gradient are tried.
fn cases() -> Vec<(&'static str, Values, Values)> {
    let case = |label, dtype, rows: &[usize], classes: usize| {
        let mut dims = rows.to_vec();
        dims.push(classes);
        let labels = Values::integers(dtype, rows, 0, classes as i64, 2);
        (label, Values::uniform(dims, -3.0, 3.0, 1), labels)
    };
    let outside = Values::new(Type::new(DType::I32, [3]), vec![-1.0, 2.0, 1.0]);
    vec![
        case("batch", DType::I32, &[4], 5),
        case("sequence, int64", DType::I64, &[2, 3], 4),
        case("bytes", DType::U8, &[3], 300),
        case("one row", DType::I32, &[], 3),
        case("one class", DType::I32, &[2], 1),
        case("no rows", DType::I32, &[0], 3),
        ("labels outside", Values::uniform([3, 2], -3.0, 3.0, 1), outside),
    ]
}

impl Described for SparseSoftmaxCrossEntropy {
    const INFO: Info = Info {
        name: "sparse_softmax_cross_entropy",
        kind: Kind::Library,
        summary: "the cross-entropy of logits against integer labels",
        samples: || {
            let low = f64::NEG_INFINITY;
            let far = Values::of([2, 3], &[1000.0, -1000.0, 0.0, low, 1.0, 2.0]);
            let labels = Values::new(Type::new(DType::I32, [2]), vec![1.0, 2.0]);
            let sample = |(label, logits, labels)| {
                Sample::new(label, SparseSoftmaxCrossEntropy, vec![logits, labels])
            };
            let far = Sample::new("far apart", SparseSoftmaxCrossEntropy, vec![far, labels]);
            cases().into_iter().map(sample).chain([far.without_gradient()]).collect()
        },
        errors: || {
            let ty = |dtype, shape: &[usize]| Type::new(dtype, shape);
            vec![
                BadSample::new(
                    SparseSoftmaxCrossEntropy,
                    &[ty(DType::F32, &[4, 3]), ty(DType::F32, &[4])],
                    "`sparse_softmax_cross_entropy` takes logits and integer labels\n  expected  a \
                     floating-point and an integer dtype\n  received  float32 and float32\n  help: \
                     cast labels that are whole numbers; one-hot labels need another loss",
                ),
                BadSample::new(
                    SparseSoftmaxCrossEntropy,
                    &[ty(DType::F32, &[4, 3]), ty(DType::I32, &[4, 1])],
                    "the labels of `sparse_softmax_cross_entropy` do not fit its logits\n  \
                     expected  (4,), one for each row of 3 logits\n  received  (4, 1)",
                ),
                BadSample::new(
                    SparseSoftmaxCrossEntropy,
                    &[ty(DType::F32, &[4, 0]), ty(DType::I32, &[4])],
                    "`sparse_softmax_cross_entropy` needs at least one class\n  expected  logits \
                     (…, classes)\n  received  (4, 0)",
                ),
            ]
        },
    };
}

/// The gradient of [`SparseSoftmaxCrossEntropy`] by its logits: logits `(…, C)`, labels `(…)` and
/// the gradient of the losses `(…)` give `(softmax(logits) - one_hot(label)) · gradient`.
///
/// Nothing as large as the logits is kept from the forward pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SparseSoftmaxCrossEntropyGradient;

impl Rule for SparseSoftmaxCrossEntropyGradient {
    fn name(&self) -> &'static str {
        "sparse_softmax_cross_entropy_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [logits, labels, gradient] = expect_inputs(self.name(), inputs)?;
        let losses = SparseSoftmaxCrossEntropy.infer(&[logits.clone(), labels.clone()])?;
        if losses[0] != *gradient {
            return Err(OpError::new(
                format!("`{}` takes the gradient of the losses", self.name()),
                losses[0].to_string(),
                gradient.to_string(),
            ));
        }
        Ok(vec![logits.clone()])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let (logits, labels, gradient) = (inputs[0], inputs[1], inputs[2]);
        let classes = logits.shape().last().copied().unwrap_or(1);
        let mut data = vec![0.0; logits.data.len()];
        let rows = logits.data.chunks_exact(classes).zip(data.chunks_exact_mut(classes));
        for ((row, out), (&label, &factor)) in rows.zip(labels.data.iter().zip(&gradient.data)) {
            if !(0.0..classes as f64).contains(&label) {
                continue;
            }
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
            for (class, (x, out)) in row.iter().zip(out).enumerate() {
                let hit = f64::from(u8::from(class == label as usize));
                *out = ((x - largest).exp() / sum - hit) * factor;
            }
        }
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        vjp_of_decomposition(self, node)
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [logits, labels, gradient] = inputs else { return None };
        let chosen = is_label(labels, logits);
        let hit = chosen.cast(logits.dtype());
        let last = logits.rank().checked_sub(1)?;
        let known = chosen.any(&[last], true).cast(logits.dtype());
        let slope = logits.softmax(-1) * known - hit;
        Some(vec![slope * gradient.expand_dims(-1)])
    }
}

impl Described for SparseSoftmaxCrossEntropyGradient {
    const INFO: Info = Info {
        name: "sparse_softmax_cross_entropy_gradient",
        kind: Kind::Library,
        summary: "the gradient of the cross-entropy by its logits",
        samples: || {
            let sample = |(label, logits, labels): (&str, Values, Values)| {
                let gradient = Values::uniform(labels.shape(), -1.0, 1.0, 3);
                let inputs = vec![logits, labels, gradient];
                Sample::new(label, SparseSoftmaxCrossEntropyGradient, inputs)
            };
            cases().into_iter().map(sample).collect()
        },
        errors: || {
            let ty = |dtype, shape: &[usize]| Type::new(dtype, shape);
            vec![BadSample::new(
                SparseSoftmaxCrossEntropyGradient,
                &[ty(DType::F32, &[4, 3]), ty(DType::I32, &[4]), ty(DType::F32, &[4, 3])],
                "`sparse_softmax_cross_entropy_gradient` takes the gradient of the losses\n  \
                 expected  float32 (4,)\n  received  float32 (4, 3)",
            )]
        },
    };
}
