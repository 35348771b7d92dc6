//! What an operation is: the trait that each implements and the one table that lists them.
//!
//! An operation is a plain struct of attributes (strides, axes, …) in a file under
//! [`crate::ops`], with every fact about it beside it: how shapes and dtypes follow
//! ([`Rule::infer`]), what it computes ([`Rule::reference`], naive and in `f64`), its gradient
//! ([`Rule::vjp`], written in operations again, so that it can be differentiated too), its
//! decomposition if it is a library operation, and the samples and mistakes that the table test
//! runs it with ([`Described`]).
//! One row in [`operations!`](crate::op) makes it a variant of [`Op`].

use std::fmt;

use crate::interpreter::Values;
use crate::{DType, OpError, Shape, Tensor};

/// The dtype and shape of one value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Type {
    /// Element type.
    pub dtype: DType,
    /// Extents.
    pub shape: Shape,
}

impl Type {
    /// A type of the given parts.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Type {
        Type { dtype, shape: shape.into() }
    }

    /// Bytes of a value of this type.
    pub fn bytes(&self) -> usize {
        self.shape.size() * self.dtype.size()
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dtype, self.shape)
    }
}

/// How an operation behaves.
pub trait Rule: fmt::Debug + Send + Sync {
    /// Name in snake case, such as `matmul`.
    fn name(&self) -> &'static str;

    /// The attributes as text for printed graphs, empty if there are none.
    fn attributes(&self) -> String {
        String::new()
    }

    /// The types of the outputs, or what is wrong with the inputs.
    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError>;

    /// The outputs, computed naively in `f64`; `outputs` are the inferred types.
    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values>;

    /// The gradients of the inputs as functions of those of the outputs.
    fn vjp(&self, node: &Forward<'_>) -> Vjp;

    /// The same operation without its last outputs, when only the first `used` are needed.
    ///
    /// `None` if it has no form that does less.
    fn without_last_outputs(&self, used: usize) -> Option<Op> {
        let _ = used;
        None
    }

    /// The same outputs from primitive operations; `None` for a primitive.
    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let _ = inputs;
        None
    }
}

/// A node seen by its gradient rule.
#[derive(Debug)]
pub struct Forward<'a> {
    /// The inputs.
    pub inputs: &'a [Tensor],
    /// The outputs.
    pub outputs: &'a [Tensor],
    /// The gradients of the outputs, `None` where the loss does not depend on one.
    pub grads: &'a [Option<Tensor>],
}

impl Forward<'_> {
    /// The gradient of output `index`; zeros if the loss does not depend on it.
    pub fn grad(&self, index: usize) -> Tensor {
        match &self.grads[index] {
            Some(grad) => grad.clone(),
            None => self.outputs[index].zeros_like(),
        }
    }
}

/// What a gradient rule says; there is no default.
#[derive(Debug)]
pub enum Vjp {
    /// One gradient for each input, `None` for inputs that have none (integers, say).
    Rule(Vec<Option<Tensor>>),
    /// The outputs are piecewise constant: the gradient is zero wherever it exists.
    ZeroAlmostEverywhere,
    /// There is no gradient, for the reason given.
    NotDifferentiable(&'static str),
}

/// Whether a backend must have an operation itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Inputs, variables and constants: nothing is computed.
    Leaf,
    /// Every backend implements it.
    Primitive,
    /// A backend may implement it, and otherwise runs its decomposition.
    Library,
}

/// The facts of an operation that do not depend on its attributes.
pub struct Info {
    /// Name in snake case; families of scalar functions carry the family's name.
    pub name: &'static str,
    /// Leaf, primitive or library operation.
    pub kind: Kind,
    /// One line: what it computes.
    pub summary: &'static str,
    /// Cases with which the table test runs it.
    pub samples: fn() -> Vec<Sample>,
    /// Wrong uses with the exact text of the error.
    pub errors: fn() -> Vec<BadSample>,
}

/// An operation that can stand in the table.
pub trait Described {
    /// Its row.
    const INFO: Info;
}

/// One case of the table test.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What is particular about it.
    pub label: String,
    /// The operation with its attributes.
    pub op: Op,
    /// Its inputs, inside the domain where gradients exist.
    pub inputs: Vec<Values>,
    /// Whether the gradients are compared with central differences.
    pub check_gradient: bool,
}

impl Sample {
    /// A sample whose gradients are checked.
    pub fn new(label: impl Into<String>, op: impl Into<Op>, inputs: Vec<Values>) -> Sample {
        Sample { label: label.into(), op: op.into(), inputs, check_gradient: true }
    }

    /// Leaves the gradients unchecked: at edge values they do not exist.
    pub fn without_gradient(mut self) -> Sample {
        self.check_gradient = false;
        self
    }
}

/// One wrong use and what must be said about it.
#[derive(Debug, Clone)]
pub struct BadSample {
    /// The operation with its attributes.
    pub op: Op,
    /// The types of its inputs.
    pub inputs: Vec<Type>,
    /// The message (see [`OpError::message`]).
    pub message: &'static str,
}

impl BadSample {
    /// A wrong use and the message it must get.
    pub fn new(op: impl Into<Op>, inputs: &[Type], message: &'static str) -> BadSample {
        BadSample { op: op.into(), inputs: inputs.to_vec(), message }
    }
}

/// A number that is an attribute: it equals itself, NaN included, bit by bit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number(u64);

impl Number {
    /// The number as an attribute.
    pub fn new(value: f64) -> Number {
        Number(value.to_bits())
    }

    /// The number.
    pub fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// The gradient rule of a library operation by way of its decomposition.
///
/// For operations whose gradient is rare, such as the gradients of others.
pub fn vjp_of_decomposition(rule: &dyn Rule, node: &Forward<'_>) -> Vjp {
    // Inputs may depend on each other; behind a node of its own each counts for itself, and the
    // gradients stay differentiable, which `stop_gradient` would prevent.
    let stand_in = |input: &Tensor| {
        let shape = input.shape().clone();
        Tensor::apply(crate::ops::reshape::Reshape { shape }, &[input])
    };
    let inputs: Vec<Tensor> = node.inputs.iter().map(stand_in).collect();
    let Some(outputs) = rule.decompose(&inputs) else {
        return Vjp::NotDifferentiable("it has no decomposition");
    };
    let pairs = outputs.into_iter().zip(node.grads);
    let weighted: Vec<(Tensor, Tensor)> =
        pairs.filter_map(|(output, grad)| Some((output, grad.clone()?))).collect();
    match crate::grad::gradients_from(&weighted, &inputs) {
        Ok(gradients) => Vjp::Rule(gradients),
        Err(_) => Vjp::NotDifferentiable("its decomposition is not differentiable"),
    }
}

/// Checks the number of inputs of an operation.
pub fn expect_inputs<'a, const N: usize>(
    name: &str,
    inputs: &'a [Type],
) -> Result<&'a [Type; N], OpError> {
    inputs.try_into().map_err(|_| {
        OpError::new(
            format!("`{name}` takes {N} input{}", if N == 1 { "" } else { "s" }),
            N.to_string(),
            inputs.len().to_string(),
        )
    })
}

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident($path:path),)*) => {
        /// Any operation, with its attributes.
        ///
        /// Backends match it exhaustively, so a new primitive cannot be forgotten.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum Op {
            $($(#[$doc])* $variant($path),)*
        }

        impl Op {
            /// The behaviour of the operation.
            pub fn rule(&self) -> &dyn Rule {
                match self { $(Op::$variant(op) => op,)* }
            }

            /// The row of the operation.
            pub fn info(&self) -> &'static Info {
                match self { $(Op::$variant(_) => const { &<$path as Described>::INFO },)* }
            }
        }

        $(impl From<$path> for Op {
            fn from(op: $path) -> Op { Op::$variant(op) }
        })*

        /// Every operation, one row each, in the order of [`Op`].
        pub static OPS: &[&Info] = &[$(&<$path as Described>::INFO,)*];
    };
}

operations! {
    /// An argument of the graph.
    Input(crate::ops::leaf::Input),
    /// The value of a variable when the program starts.
    Read(crate::ops::leaf::Read),
    /// A known value.
    Constant(crate::ops::leaf::Constant),
    /// A function of one number, applied to each element.
    Unary(crate::ops::unary::Unary),
    /// A function of two numbers, applied to each pair of elements.
    Binary(crate::ops::binary::Binary),
    /// A comparison of each pair of elements.
    Compare(crate::ops::compare::Compare),
    /// One of two values for each element, by a condition.
    Select(crate::ops::select::Select),
    /// The same numbers as another dtype.
    Cast(crate::ops::cast::Cast),
    /// The same values, through which no gradient flows.
    StopGradient(crate::ops::stop_gradient::StopGradient),
    /// The same elements in another shape.
    Reshape(crate::ops::reshape::Reshape),
    /// Axes in another order.
    Transpose(crate::ops::transpose::Transpose),
    /// Axes of extent 1 repeated.
    Broadcast(crate::ops::broadcast::Broadcast),
    /// Sum, product, maximum or minimum along axes.
    Reduce(crate::ops::reduce::Reduce),
    /// Matrix product, batched over leading axes.
    MatMul(crate::ops::matmul::MatMul),
    /// Elements chosen along one axis by an index for each result.
    TakeAlongAxis(crate::ops::along_axis::TakeAlongAxis),
    /// Additions to zeros along one axis, at an index for each update.
    AddAlongAxis(crate::ops::along_axis::AddAlongAxis),
    /// Convolution, channels last.
    Convolution(crate::ops::conv::Convolution),
    /// The gradient of a convolution by its input.
    ConvolutionInputGradient(crate::ops::conv::ConvolutionInputGradient),
    /// The gradient of a convolution by its kernel.
    ConvolutionKernelGradient(crate::ops::conv::ConvolutionKernelGradient),
    /// The largest elements of windows and their places.
    MaxPool(crate::ops::pooling::MaxPool),
    /// The gradient of the largest elements of windows.
    MaxPoolGradient(crate::ops::max_pool_gradient::MaxPoolGradient),
    /// The sums of windows.
    WindowSum(crate::ops::pooling::WindowSum),
    /// The adjoint of the sums of windows.
    WindowSumGradient(crate::ops::pooling::WindowSumGradient),
    /// Slices chosen along one axis by indices of any shape.
    Gather(crate::ops::gather::Gather),
    /// Slices added to zeros along one axis, at indices of any shape.
    ScatterAdd(crate::ops::gather::ScatterAdd),
    /// Every n-th element between two positions along each axis.
    Slice(crate::ops::slice::Slice),
    /// Constant elements before, after and between those of a tensor.
    Pad(crate::ops::pad::Pad),
    /// The opposite order along some axes.
    Reverse(crate::ops::reverse::Reverse),
    /// Tensors one after another along an axis.
    Concatenate(crate::ops::concatenate::Concatenate),
    /// Exponentials divided by their sum.
    Softmax(crate::ops::softmax::Softmax),
    /// The logarithm of softmax.
    LogSoftmax(crate::ops::softmax::LogSoftmax),
    /// The cross-entropy of logits against integer labels.
    SparseSoftmaxCrossEntropy(crate::ops::cross_entropy::SparseSoftmaxCrossEntropy),
    /// The gradient of the cross-entropy of logits by them.
    SparseSoftmaxCrossEntropyGradient(
        crate::ops::cross_entropy::SparseSoftmaxCrossEntropyGradient
    ),
    /// Mean and variance.
    Moments(crate::ops::moments::Moments),
    /// Means of values, weighted by the softmax of products of queries and keys.
    Attention(crate::ops::attention::Attention),
    /// The gradient of attention.
    AttentionGradient(crate::ops::attention::AttentionGradient),
    /// Mean 0, variance 1, then a scale and an offset.
    Normalize(crate::ops::normalize::Normalize),
    /// The gradient of the normalisation.
    NormalizeGradient(crate::ops::normalize::NormalizeGradient),
    /// A sequence through a recurrent cell.
    Recurrent(crate::ops::recurrent::Recurrent),
    /// The gradient of a recurrence through time.
    RecurrentGradient(crate::ops::recurrent::RecurrentGradient),
    /// Uniform random numbers.
    RandomUniform(crate::ops::random::RandomUniform),
    /// Factorizations of matrices, linear equations, determinants.
    MatrixFunction(crate::ops::linalg::MatrixFunction),
    /// The order of the elements along an axis.
    ArgSort(crate::ops::sort::ArgSort),
    /// The position of the largest or smallest element along an axis.
    ArgReduce(crate::ops::arg_reduce::ArgReduce),
    /// Running sums along an axis.
    CumulativeSum(crate::ops::cumulative::CumulativeSum),
    /// The bins of integers by their hash.
    HashBins(crate::ops::hash_bins::HashBins),
    /// Pixels of images at places between them.
    SamplePixels(crate::ops::sample_pixels::SamplePixels),
    /// Numbers that count along an axis.
    Iota(crate::ops::iota::Iota),
    /// `log(1 + e^x)` for each element.
    Softplus(crate::ops::softplus::Softplus),
}

impl Op {
    /// Name of the operation, such as `matmul` or `exp`.
    pub fn name(&self) -> &'static str {
        self.rule().name()
    }

    /// Leaf, primitive or library operation.
    pub fn kind(&self) -> Kind {
        self.info().kind
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.rule().attributes();
        match attributes.is_empty() {
            true => f.write_str(self.name()),
            false => write!(f, "{}[{attributes}]", self.name()),
        }
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}): {}", self.name, self.kind, self.summary)
    }
}
