//! Softmax and its logarithm along one axis, without overflow.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Shape, Tensor, Type};

/// `exp(x) / sum(exp(x))` along `axis`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Softmax {
    /// The axis along which the results add up to 1.
    pub axis: usize,
}

/// `x - log(sum(exp(x)))` along `axis`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LogSoftmax {
    /// The axis along which the exponentials of the results add up to 1.
    pub axis: usize,
}

impl Tensor {
    /// `exp(x) / sum(exp(x))` along `axis`, counted from the end when negative.
    ///
    /// `keras.ops.softmax`.
    ///
    /// ```
    /// use ibex_graph::{Array, Graph, Tensor, interpreter};
    ///
    /// let x = Tensor::constant(Array::from_slice([2], &[1000f32, 1000.])?);
    /// let graph = Graph::new(&[], &[x.softmax(-1)], &[])?;
    /// assert_eq!(interpreter::run(&graph, &[])?.outputs[0].to_f64_vec(), [0.5, 0.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Tensor {
        match self.shape().axis(axis) {
            Some(axis) => Tensor::apply(Softmax { axis }, &[self]),
            None => self.bad_axis("softmax", axis),
        }
    }

    /// The logarithm of [`Tensor::softmax`], exact where softmax itself would round to zero.
    ///
    /// `keras.ops.log_softmax`.
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Tensor {
        match self.shape().axis(axis) {
            Some(axis) => Tensor::apply(LogSoftmax { axis }, &[self]),
            None => self.bad_axis("log_softmax", axis),
        }
    }
}

/// The type of a function of the lines along `axis`.
fn infer(name: &str, axis: usize, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
    let [x] = expect_inputs(name, inputs)?;
    if !x.dtype.is_float() {
        let what = format!("`{name}` does not apply to {}", x.dtype);
        let error = OpError::new(what, "a floating-point dtype", x.to_string());
        return Err(error.help("cast the input first"));
    }
    match x.shape.get(axis) {
        None => Err(OpError::new(
            format!("`{name}` has no axis {axis}"),
            format!("an axis of {}", x.shape),
            axis.to_string(),
        )),
        Some(0) => Err(OpError::new(
            format!("`{name}` of nothing is not defined"),
            format!("at least one element along axis {axis}"),
            x.shape.to_string(),
        )),
        Some(_) => Ok(vec![x.clone()]),
    }
}

/// Applies `f` to each line of elements along `axis`.
pub(crate) fn map_lines(shape: &Shape, axis: usize, data: &mut [f64], f: impl Fn(&mut [f64])) {
    let (length, stride) = (shape[axis], shape.strides()[axis]);
    let mut line = vec![0.0; length];
    for start in (0..data.len()).filter(|at| at / stride % length == 0) {
        for (i, element) in line.iter_mut().enumerate() {
            *element = data[start + i * stride];
        }
        f(&mut line);
        for (i, element) in line.iter().enumerate() {
            data[start + i * stride] = *element;
        }
    }
}

fn reference(
    axis: usize,
    inputs: &[&Values],
    outputs: &[Type],
    f: fn(f64, f64, f64) -> f64,
) -> Vec<Values> {
    let mut data = inputs[0].data.clone();
    map_lines(inputs[0].shape(), axis, &mut data, |line| {
        let largest = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = line.iter().map(|x| (x - largest).exp()).sum();
        line.iter_mut().for_each(|x| *x = f(*x, largest, sum));
    });
    vec![Values::new(outputs[0].clone(), data)]
}

/// The input minus its largest element, which changes neither the result nor its gradient.
fn shifted(x: &Tensor, axis: usize) -> Tensor {
    x - x.max(&[axis], true).stop_gradient()
}

impl Rule for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn attributes(&self) -> String {
        self.axis.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        infer(self.name(), self.axis, inputs)
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        reference(self.axis, inputs, outputs, |x, largest, sum| (x - largest).exp() / sum)
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (y, g) = (&node.outputs[0], node.grad(0));
        let weighted = &g * y;
        let total = weighted.sum(&[self.axis], true);
        Vjp::Rule(vec![Some(weighted - y * total)])
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let powers = shifted(inputs.first()?, self.axis).exp();
        Some(vec![&powers / powers.sum(&[self.axis], true)])
    }
}

impl Rule for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn attributes(&self) -> String {
        self.axis.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        infer(self.name(), self.axis, inputs)
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        reference(self.axis, inputs, outputs, |x, largest, sum| x - largest - sum.ln())
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (y, g) = (&node.outputs[0], node.grad(0));
        let total = g.sum(&[self.axis], true);
        Vjp::Rule(vec![Some(&g - y.exp() * total)])
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let low = shifted(inputs.first()?, self.axis);
        let sum = low.exp().sum(&[self.axis], true);
        Some(vec![&low - sum.log()])
    }
}

fn samples(op: fn(usize) -> crate::Op) -> Vec<Sample> {
    let x = |shape: &[usize]| vec![Values::uniform(shape, -3.0, 3.0, 1)];
    let edges = [1000.0, 999.0, -1000.0, 0.0, f64::NEG_INFINITY, 0.0, f64::NAN, 0.0];
    vec![
        Sample::new("rows", op(1), x(&[3, 5])),
        Sample::new("columns", op(0), x(&[3, 5])),
        Sample::new("middle axis", op(1), x(&[2, 3, 4])),
        Sample::new("line", op(0), x(&[7])),
        Sample::new("one class", op(1), x(&[3, 1])),
        Sample::new("many classes", op(1), x(&[2, 37])),
        Sample::new("no rows", op(1), x(&[0, 4])),
        Sample::new("far apart, infinite, NaN", op(1), vec![Values::of([4, 2], &edges)])
            .without_gradient(),
    ]
}

impl Described for Softmax {
    const INFO: Info = Info {
        name: "softmax",
        kind: Kind::Library,
        summary: "exponentials divided by their sum along an axis",
        samples: || samples(|axis| Softmax { axis }.into()),
        errors: || {
            vec![
                BadSample::new(
                    Softmax { axis: 2 },
                    &[Type::new(DType::F32, [2, 3])],
                    "`softmax` has no axis 2\n  expected  an axis of (2, 3)\n  received  2",
                ),
                BadSample::new(
                    Softmax { axis: 1 },
                    &[Type::new(DType::F32, [2, 0])],
                    "`softmax` of nothing is not defined\n  expected  at least one element along \
                     axis 1\n  received  (2, 0)",
                ),
            ]
        },
    };
}

impl Described for LogSoftmax {
    const INFO: Info = Info {
        name: "log_softmax",
        kind: Kind::Library,
        summary: "the logarithm of softmax along an axis",
        samples: || samples(|axis| LogSoftmax { axis }.into()),
        errors: || {
            vec![BadSample::new(
                LogSoftmax { axis: 1 },
                &[Type::new(DType::I32, [2, 3])],
                "`log_softmax` does not apply to int32\n  expected  a floating-point dtype\n  \
                 received  int32 (2, 3)\n  help: cast the input first",
            )]
        },
    };
}
