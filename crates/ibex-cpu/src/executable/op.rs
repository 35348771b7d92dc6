//! The table of the operations that are not element-wise: which file runs which.

use ibex_compile::program::{Product, Step};
use ibex_graph::op::{Kind, Rule};
use ibex_graph::ops::unary::Unary;
use ibex_graph::{DType, Error, Op};

use super::memory::{Layout, Located, Memory};
use super::{
    Launch, attention, contraction, convolution, indexing, lines, matrices, movement, pooling,
    recurrent, sampling,
};
use crate::gemm::{Activation, Bias, Epilogue};
use crate::pool::ThreadPool;

/// Whether an operation has a kernel of its own here for a first result of a dtype.
///
/// Half precision is only stored and moved; nothing is asked about what moves it.
pub(crate) fn supports(op: &Op, dtype: DType) -> bool {
    let is_half = matches!(dtype, DType::F16 | DType::BF16);
    match (op.kind(), op) {
        (Kind::Primitive | Kind::Library, _) if is_half => false,
        (Kind::Leaf | Kind::Primitive, _) | (_, Op::Softmax(_) | Op::LogSoftmax(_)) => true,
        (_, Op::Attention(_) | Op::AttentionGradient(_)) => dtype == DType::F32,
        (_, Op::SamplePixels(_)) => dtype == DType::F32,
        (_, Op::Recurrent(_) | Op::RecurrentGradient(_)) => dtype == DType::F32,
        (_, Op::SparseSoftmaxCrossEntropy(_) | Op::SparseSoftmaxCrossEntropyGradient(_)) => {
            dtype == DType::F32
        }
        (Kind::Library, _) => false,
    }
}

/// Whether a `float32` operation may end with a bias and an activation.
pub(crate) fn ends(op: &Op) -> bool {
    match op {
        Op::MatMul(_) => true,
        // Convolutions in groups may run channel by channel, without an epilogue.
        Op::Convolution(op) => op.groups == 1,
        _ => false,
    }
}

/// The input and the output of an operation that may lie in the same place.
pub(crate) fn overwrites(op: &Op) -> Option<(usize, usize)> {
    match op {
        Op::Recurrent(op) => recurrent::forward_overwrites(op),
        Op::RecurrentGradient(op) => recurrent::backward_overwrites(op),
        // The logits are read before the gradient is written there.
        Op::SparseSoftmaxCrossEntropyGradient(_) => Some((0, 0)),
        _ => None,
    }
}

/// Resolves a step that ends with an epilogue.
pub(super) fn load_product(
    product: &Product,
    step: &Step,
    layout: &Layout,
) -> Result<Box<dyn Launch>, Error> {
    let epilogue = Ending::new(product, step, layout);
    match &product.op {
        Op::MatMul(_) => Ok(contraction::matmul(step, layout, epilogue)),
        Op::Convolution(op) => {
            Ok(convolution::forward(op, step, Places::new(step, layout), epilogue))
        }
        op => Err(Error::Invalid(format!("no kernel for `{op}` with an epilogue"))),
    }
}

/// The epilogue of a product, without the address of its bias.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ending {
    bias: Option<Located>,
    activation: Activation,
}

impl Ending {
    fn new(product: &Product, step: &Step, layout: &Layout) -> Ending {
        let bias = step.inputs.last().filter(|_| product.bias);
        let activation = match product.activation {
            None => Activation::None,
            Some(Unary::Relu) => Activation::Relu,
            Some(function) => {
                super::region::vector_loop(function).map_or(Activation::None, Activation::Function)
            }
        };
        Ending { bias: bias.map(|operand| layout.locate(operand)), activation }
    }

    /// The epilogue for one run.
    pub(super) fn at(&self, memory: &Memory) -> Epilogue {
        let bias = |place| Bias::Column(memory.at(place).cast_const().cast());
        let bias = self.bias.map_or(Bias::None, bias);
        Epilogue { bias, activation: self.activation, ..Epilogue::default() }
    }
}

/// Resolves a step of one operation.
pub(super) fn load(op: &Op, step: &Step, layout: &Layout) -> Result<Box<dyn Launch>, Error> {
    let places = Places::new(step, layout);
    Ok(match op {
        Op::MatMul(_) => contraction::matmul(step, layout, Ending::default()),
        Op::Convolution(op) => convolution::forward(op, step, places, Ending::default()),
        Op::ConvolutionInputGradient(op) => convolution::input_gradient(op, step, places),
        Op::ConvolutionKernelGradient(op) => convolution::kernel_gradient(op, step, places),
        Op::MaxPool(op) => pooling::max_pool(&op.pool, step, places),
        Op::WindowSum(op) => pooling::window_sum(&op.pool, step, places),
        Op::WindowSumGradient(op) => pooling::window_sum_gradient(&op.pool, step, places),
        Op::TakeAlongAxis(op) => indexing::take_along_axis(op.axis, step, places),
        Op::AddAlongAxis(op) => indexing::add_along_axis(op.axis, step, places),
        Op::Gather(op) => indexing::gather(op.axis, step, places),
        Op::ScatterAdd(op) => indexing::scatter_add(op.axis, step, places),
        Op::Pad(op) => movement::pad(op, step, places),
        Op::Concatenate(op) => movement::concatenate(op.axis, step, places),
        Op::MatrixFunction(op) => matrices::matrix_function(*op, step, places),
        Op::ArgSort(op) => lines::arg_sort(op, step, places),
        Op::ArgReduce(op) => lines::arg_reduce(op, step, places),
        Op::CumulativeSum(op) => lines::cumulative_sum(op, step, places),
        Op::HashBins(op) => indexing::hash_bins(*op, step, places),
        Op::SamplePixels(op) => sampling::sample_pixels(*op, step, places),
        Op::Softmax(op) => lines::softmax(op.axis, false, step, places),
        Op::LogSoftmax(op) => lines::softmax(op.axis, true, step, places),
        Op::SparseSoftmaxCrossEntropy(_) => lines::cross_entropy(step, places),
        Op::SparseSoftmaxCrossEntropyGradient(_) => lines::cross_entropy_gradient(step, places),
        Op::Attention(op) => fitting(op.name(), attention::forward(&op.scoring, step, places))?,
        Op::AttentionGradient(op) => {
            fitting(op.name(), attention::backward(&op.scoring, step, places))?
        }
        Op::Recurrent(op) => recurrent::forward(op, step, places)?,
        Op::RecurrentGradient(op) => recurrent::backward(op, step, places)?,
        Op::Moments(_) | Op::Normalize(_) | Op::NormalizeGradient(_) | Op::Softplus(_) => {
            let text = format!("the library operation `{op}` was not decomposed");
            return Err(Error::Invalid(text));
        }
        Op::Input(_)
        | Op::Read(_)
        | Op::Constant(_)
        | Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Select(_)
        | Op::Cast(_)
        | Op::StopGradient(_)
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Slice(_)
        | Op::Reverse(_)
        | Op::Iota(_)
        | Op::RandomUniform(_)
        | Op::MaxPoolGradient(_)
        | Op::Reduce(_) => {
            let text = format!("the compiler left `{op}` as a step of its own");
            return Err(Error::Invalid(text));
        }
    })
}

/// A step whose operands the compiler has checked.
fn fitting(name: &str, step: Option<Box<dyn Launch>>) -> Result<Box<dyn Launch>, Error> {
    step.ok_or_else(|| Error::Invalid(format!("the operands of `{name}` do not fit each other")))
}

/// The places of a step's operands.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) inputs: Vec<Located>,
    pub(super) outputs: Vec<Located>,
}

impl Places {
    fn new(step: &Step, layout: &Layout) -> Places {
        Places {
            inputs: step.inputs.iter().map(|operand| layout.locate(operand)).collect(),
            outputs: step.outputs.iter().map(|operand| layout.locate(operand)).collect(),
        }
    }
}

/// A step that is a function of memory.
pub(super) struct Function<F>(F);

impl<F: Fn(&Memory, &ThreadPool) + Send> Launch for Function<F> {
    unsafe fn launch(&self, memory: &Memory, pool: &ThreadPool) {
        (self.0)(memory, pool);
    }
}

/// A step from a function.
///
/// # Safety
/// The function only touches what [`Launch::launch`] allows its step to touch.
pub(super) unsafe fn function<F>(f: F) -> Box<dyn Launch>
where
    F: Fn(&Memory, &ThreadPool) + Send + 'static,
{
    Box::new(Function(f))
}

/// The index at `at` in a buffer of `int32`, `int64` or `uint8`.
///
/// # Safety
/// The element is there.
pub(super) unsafe fn index_at(dtype: DType, data: *const u8, at: usize) -> i64 {
    // SAFETY: as the caller promises.
    unsafe {
        match dtype {
            DType::I64 => *data.cast::<i64>().add(at),
            DType::U8 => i64::from(*data.add(at)),
            _ => i64::from(*data.cast::<i32>().add(at)),
        }
    }
}
