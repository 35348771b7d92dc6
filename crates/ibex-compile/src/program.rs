//! What a backend runs: steps over planned memory, without any choice left to make.
//!
//! Every value has its place before the first run; reshapes, transposes, broadcasts, slices and
//! reversals have become strides of [`Operand`]s.
//! This module knows no kernel: it says what a step computes, never how.

use std::sync::Arc;

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::compare::Compare;
use ibex_graph::ops::max_pool_gradient::Unpool;
use ibex_graph::ops::reduce::Reduction;
use ibex_graph::ops::unary::Unary;
use ibex_graph::{Array, DType, Op, Origin, Type, Variable};

/// A compiled graph: steps over planned memory.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The arguments, in call order.
    pub inputs: Vec<Argument>,
    /// The types of the results.
    pub outputs: Vec<Type>,
    /// The variables that are read or written, in order of creation.
    pub variables: Vec<Variable>,
    /// Known values that steps read from memory.
    pub constants: Vec<Arc<Array>>,
    /// Bytes of the arena in which intermediate values lie.
    pub arena_bytes: usize,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// How well the arena is used.
    pub memory: Memory,
}

/// An argument of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its name, for messages.
    pub name: String,
    /// Its dtype and shape.
    pub ty: Type,
}

/// The figures by which a memory plan is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of all intermediate values, had each its own place.
    pub values: usize,
    /// Bytes of the largest set of values alive at one step: no plan needs less.
    pub lower_bound: usize,
    /// What the arena may have, and what it would have if nothing were computed a second time.
    pub budget: Option<Budget>,
}

/// A bound on the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The bound, in bytes.
    pub bytes: usize,
    /// Bytes of the arena without it.
    pub unbounded: usize,
}

/// Where the elements of an operand lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the arena, from this byte on (a multiple of 64).
    Arena(usize),
    /// In an argument.
    Input(usize),
    /// In a result.
    Output(usize),
    /// In a variable.
    Variable(usize),
    /// In a constant.
    Constant(usize),
}

/// A strided view of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// Where the buffer begins.
    pub place: Place,
    /// Element type.
    pub dtype: DType,
    /// Extents.
    pub shape: Vec<usize>,
    /// Elements from one index to the next along each axis; 0 repeats.
    pub strides: Vec<isize>,
    /// Elements from the beginning of the buffer to the first element.
    pub offset: isize,
}

impl Operand {
    /// Number of elements that the view shows.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        is_contiguous(&self.shape, &self.strides)
    }
}

/// Whether strides are row-major without gaps; axes of extent 1 may have any stride.
pub(crate) fn is_contiguous(shape: &[usize], strides: &[isize]) -> bool {
    let mut expected = 1;
    for (&extent, &stride) in shape.iter().zip(strides).rev() {
        if extent != 1 && stride != expected {
            return shape.contains(&0);
        }
        expected *= extent as isize;
    }
    true
}

/// One piece of work.
#[derive(Debug, Clone)]
pub struct Step {
    /// What is computed.
    pub work: Work,
    /// What is read.
    pub inputs: Vec<Operand>,
    /// What is written; no two overlap.
    pub outputs: Vec<Operand>,
    /// Where the work was written.
    pub origin: Origin,
    /// The FLOPs that it costs, if an earlier step computed the same already: so its result took
    /// no memory in between.
    pub recomputed: Option<u64>,
}

/// What a step computes.
#[derive(Debug, Clone)]
pub enum Work {
    /// Functions of single elements, fused, with reductions at their edge.
    Elementwise(Region),
    /// One operation; its operands are contiguous, but those of a matrix product may have any
    /// strides.
    Op(Op),
    /// A matrix product or convolution whose result is changed element by element on its way to
    /// memory.
    Product(Product),
}

/// A matrix product or convolution with an epilogue: `activation(product + bias)`.
///
/// The inputs of the step are those of the operation, then the bias (one number for each column)
/// if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// The product.
    pub op: Op,
    /// Whether a bias is added to each row.
    pub bias: bool,
    /// The function applied at the end.
    pub activation: Option<Unary>,
}

/// A fused loop over an iteration space.
///
/// Axes are those of `space`, outermost first; the first `outer_axes` and the last ones after
/// `reduced_axes` are kept by reductions, those between are reduced.
/// Inputs and stored outputs have the shape of the space, with a parameter of an instruction
/// (the state of random numbers, the windows of a pooling) keeping its own; a reduced output has
/// the shape of the kept axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Extents of the loop.
    pub space: Vec<usize>,
    /// Kept axes before the reduced ones; all axes if nothing is reduced.
    pub outer_axes: usize,
    /// How many axes reductions run along; 0 if nothing is reduced.
    pub reduced_axes: usize,
    /// Each instruction defines the register of its own index.
    pub code: Vec<Instruction>,
    /// Which registers are written where.
    pub stores: Vec<Store>,
}

/// One instruction of a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instruction {
    /// The type of the register that it defines.
    pub dtype: DType,
    /// What it computes.
    pub kind: InstructionKind,
}

/// A register: the index of the instruction that defines it.
pub type Register = usize;

/// What an instruction computes for each element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InstructionKind {
    /// The element of an input of the step.
    Load(usize),
    /// A known number.
    Constant(f64),
    /// A function of one number.
    Unary(Unary, Register),
    /// A function of two numbers.
    Binary(Binary, Register, Register),
    /// A comparison.
    Compare(Compare, Register, Register),
    /// `condition ? a : b`.
    Select(Register, Register, Register),
    /// The same number as another dtype.
    Cast(Register),
    /// The index along one axis of the space: `position / inner % extent`.
    Iota {
        /// Elements from one index to the next.
        inner: usize,
        /// Where the index starts again.
        extent: usize,
    },
    /// A uniform random number in `[0, 1)`, keyed by the two numbers (seed, step) of an input of
    /// the step and by the position.
    RandomUniform {
        /// Which input is the state.
        state: usize,
        /// The number of the drawing operation.
        stream: u32,
    },
    /// The gradient of a maximum pooling at the position.
    Unpool {
        /// Which input holds the gradients of the windows.
        gradients: usize,
        /// Which input holds the places that the windows chose.
        places: usize,
        /// The windows.
        unpool: Unpool,
    },
}

impl InstructionKind {
    /// The registers that it reads.
    pub fn registers(self) -> impl Iterator<Item = Register> {
        let read = match self {
            InstructionKind::Unary(_, x) | InstructionKind::Cast(x) => [Some(x), None, None],
            InstructionKind::Binary(_, a, b) | InstructionKind::Compare(_, a, b) => {
                [Some(a), Some(b), None]
            }
            InstructionKind::Select(c, a, b) => [Some(c), Some(a), Some(b)],
            InstructionKind::Load(_)
            | InstructionKind::Constant(_)
            | InstructionKind::Iota { .. }
            | InstructionKind::RandomUniform { .. }
            | InstructionKind::Unpool { .. } => [None, None, None],
        };
        read.into_iter().flatten()
    }

    /// Whether the number depends on the position in the space, not only on what is loaded there.
    pub fn is_positional(self) -> bool {
        matches!(
            self,
            InstructionKind::Iota { .. }
                | InstructionKind::RandomUniform { .. }
                | InstructionKind::Unpool { .. }
        )
    }
}

/// A register that leaves the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Store {
    /// Which register.
    pub register: Register,
    /// Into which output of the step.
    pub output: usize,
    /// How it is combined along the reduced axes; `None` stores every element.
    pub reduction: Option<Reduction>,
}
