//! Whole sequences through a recurrent cell (simple, LSTM, GRU) as one operation, and its gradient.
//!
//! The operation also projects its inputs (`x W + b`) and its gradient is that of every input, so
//! that what is as wide as all gates lives for some time steps only; projections may come in ready,
//! too.
//! Everything is time-major, `(time, batch, …)`: the rows of one step lie side by side, and the
//! states before and after each step are slices, so that weight gradients are products over many
//! time steps without a copy.
//! Read in this order: this file, `activation`, `forward`, `gradient`, `samples`.
//! Must not know: layers, input projections, how kernels go about it.

mod activation;
mod forward;
mod gradient;
mod samples;

pub use activation::Activation;

use crate::{DType, OpError, Shape, Tensor, Type};

/// What a step computes; gates stand in the order of Keras.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cell {
    /// `h' = activation(x + h U)`.
    Simple,
    /// Gates input, forget, candidate, output; states `h` and `c`.
    Lstm,
    /// Gates update, reset, candidate.
    Gru {
        /// Whether the reset gate is applied after the product with the recurrent kernel.
        ///
        /// Then there is a recurrent bias.
        reset_after: bool,
    },
}

impl Cell {
    /// Columns of the projection and of the recurrent kernel, in units.
    pub const fn gates(self) -> usize {
        match self {
            Cell::Simple => 1,
            Cell::Lstm => 4,
            Cell::Gru { .. } => 3,
        }
    }

    /// How many states go from step to step; the first one is also the output.
    pub const fn states(self) -> usize {
        match self {
            Cell::Simple | Cell::Gru { .. } => 1,
            Cell::Lstm => 2,
        }
    }

    /// Whether there is a bias beside the recurrent product.
    pub const fn has_recurrent_bias(self) -> bool {
        matches!(self, Cell::Gru { reset_after: true })
    }

    /// What is kept of each step for the gradient, as widths in units.
    ///
    /// LSTM: the four gates, and the cell state after the step.
    /// GRU: update, reset, candidate and, with `reset_after`, what the reset gate multiplied.
    pub const fn saved(self) -> &'static [usize] {
        match self {
            Cell::Simple => &[],
            Cell::Lstm => &[4, 1],
            Cell::Gru { reset_after: true } => &[4],
            Cell::Gru { reset_after: false } => &[3],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Cell::Simple => "simple",
            Cell::Lstm => "lstm",
            Cell::Gru { reset_after: true } => "gru",
            Cell::Gru { reset_after: false } => "gru, reset before",
        }
    }
}

/// What a recurrence takes at each time step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// The projection, `gates · units` wide.
    Projection,
    /// Features, with a kernel `(features, gates · units)` that projects them.
    Features {
        /// Whether there is a bias `(gates · units,)` of the projection.
        bias: bool,
    },
}

impl Input {
    /// How many inputs of the operation it is.
    const fn count(self) -> usize {
        match self {
            Input::Projection => 1,
            Input::Features { bias } => 2 + bias as usize,
        }
    }
}

/// A time-major sequence and what projects it.
#[derive(Clone, Copy, Debug)]
pub enum Sequence<'a> {
    /// Projections `(time, batch, gates · units)`.
    Projection(&'a Tensor),
    /// Features `(time, batch, features)`, a kernel `(features, gates · units)` and a bias
    /// `(gates · units,)`.
    Features(&'a Tensor, &'a Tensor, Option<&'a Tensor>),
}

/// What the operation and its gradient share.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Recurrence {
    /// What a step takes.
    pub input: Input,
    /// What a step computes.
    pub cell: Cell,
    /// The function of the candidate and of an LSTM's output.
    pub activation: Activation,
    /// The function of the gates; a simple cell has none.
    pub recurrent_activation: Activation,
    /// Whether the last time step comes first; results stay at their own time steps.
    pub reverse: bool,
    /// Whether there is a mask: where it is false, a step leaves the states as they are.
    pub masked: bool,
}

/// A sequence through a recurrent cell.
///
/// Inputs: what [`Input`] says (a projection, or features, kernel and perhaps a bias), the
/// recurrent kernel `(units, gates · units)`, the recurrent bias `(gates · units,)` if the cell has
/// one, the initial states `(batch, units)` each, and the mask `bool (time, batch)` if there is
/// one.
/// Outputs: the first state after each step `(time, batch, units)`, the last states
/// `(batch, units)` each, and, if the operation saves, [`Cell::saved`] as `(time, batch, …)`.
///
/// Backends that run it overwrite nothing and read the mask without branches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Recurrent {
    /// The cell and the order of steps.
    pub recurrence: Recurrence,
    /// Whether what the gradient needs is among the outputs.
    pub saves: bool,
}

/// The gradients of the inputs of [`Recurrent`].
///
/// Inputs: features and kernel, if [`Recurrent`] took those; the recurrent kernel, the initial
/// states, the first output of [`Recurrent`], what it saved, the mask if there is one, the gradient
/// of the first output if the loss depends on it, and those of the last states.
/// Outputs: the gradients of the initial states, of the recurrent kernel and the recurrent bias, of
/// the kernel and the bias, as far as there are any, and last that of the features or of the
/// projection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RecurrentGradient {
    /// The cell and the order of steps.
    pub recurrence: Recurrence,
    /// Whether the gradient of the first output is among the inputs.
    pub sequence: bool,
    /// Whether the gradient of the features or of the projection is among the outputs.
    pub input: bool,
}

/// What a recurrence gives.
#[derive(Clone, Debug)]
pub struct Run {
    /// The first state after each time step, `(time, batch, units)`.
    pub sequence: Tensor,
    /// The states after the last step, `(batch, units)` each: `h`, and `c` of an LSTM.
    pub states: Vec<Tensor>,
}

impl Recurrence {
    /// A recurrence over projections that walks forwards, without a mask.
    pub const fn new(
        cell: Cell,
        activation: Activation,
        recurrent_activation: Activation,
    ) -> Recurrence {
        let input = Input::Projection;
        Recurrence { input, cell, activation, recurrent_activation, reverse: false, masked: false }
    }

    /// Runs a time-major sequence; what it is decides on `input`, the mask on `masked`.
    ///
    /// `recurrent_bias` is taken by a GRU with `reset_after` only, and then needed;
    /// `states` are the initial ones; `mask` is `bool (time, batch)`.
    /// Where the mask is false, the states stay and `sequence` repeats the one before.
    ///
    /// ```
    /// use ibex_graph::ops::recurrent::{Activation, Cell, Recurrence, Sequence};
    /// use ibex_graph::{Array, Tensor, interpreter::evaluate};
    ///
    /// let projection = Tensor::constant(Array::from_slice([3, 1, 1], &[1f32, 2., 3.])?);
    /// let kernel = Tensor::constant(Array::from_slice([1, 1], &[0.5f32])?);
    /// let start = Tensor::constant(Array::from_slice([1, 1], &[4f32])?);
    /// let cell = Recurrence::new(Cell::Simple, Activation::Linear, Activation::Linear);
    /// let run = cell.run(Sequence::Projection(&projection), &kernel, None, &[start], None);
    /// assert_eq!(evaluate(&run.sequence)?.to_f64_vec(), [3., 3.5, 4.75]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn run(
        &self,
        sequence: Sequence<'_>,
        recurrent_kernel: &Tensor,
        recurrent_bias: Option<&Tensor>,
        states: &[Tensor],
        mask: Option<&Tensor>,
    ) -> Run {
        let (input, mut inputs) = match sequence {
            Sequence::Projection(projection) => (Input::Projection, vec![projection]),
            Sequence::Features(x, kernel, bias) => {
                let given = [x, kernel].into_iter().chain(bias);
                (Input::Features { bias: bias.is_some() }, given.collect())
            }
        };
        inputs.push(recurrent_kernel);
        inputs.extend(recurrent_bias);
        inputs.extend(states);
        inputs.extend(mask);
        let recurrence = Recurrence { input, masked: mask.is_some(), ..*self };
        let first = Tensor::apply(Recurrent { recurrence, saves: true }, &inputs);
        if first.is_poisoned() {
            return Run { states: vec![first.clone(); self.cell.states()], sequence: first };
        }
        let mut outputs = first.siblings();
        outputs.truncate(1 + self.cell.states());
        let sequence = outputs.remove(0);
        Run { sequence, states: outputs }
    }

    /// The attributes as text.
    fn text(&self) -> String {
        let mut text = format!("{}, {}", self.cell.name(), self.activation.name());
        if self.cell != Cell::Simple {
            text.push_str(&format!(", {}", self.recurrent_activation.name()));
        }
        let bias = self.input == (Input::Features { bias: true });
        let flags = [
            (self.input != Input::Projection, ", features"),
            (bias, ", bias"),
            (self.reverse, ", reverse"),
            (self.masked, ", masked"),
        ];
        flags.iter().filter(|(set, _)| *set).for_each(|(_, flag)| text.push_str(flag));
        text
    }

    /// The time steps in the order of the recurrence.
    fn order(&self, time: usize) -> Vec<usize> {
        match self.reverse {
            false => (0..time).collect(),
            true => (0..time).rev().collect(),
        }
    }
}

/// The sizes of a recurrence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extents {
    /// Time steps.
    pub time: usize,
    /// Sequences side by side.
    pub batch: usize,
    /// Elements of a state.
    pub units: usize,
    /// Elements of what a step takes: features, or all gates of a projection.
    pub features: usize,
}

impl Extents {
    /// The type of something that each time step has, `width` units wide.
    fn steps(&self, dtype: DType, width: usize) -> Type {
        Type::new(dtype, [self.time, self.batch, width * self.units])
    }

    /// The type of a state.
    fn state(&self, dtype: DType) -> Type {
        Type::new(dtype, [self.batch, self.units])
    }

    /// The sizes that follow from a tensor `(time, batch, …)`, the features if that is what they
    /// are, and a recurrent kernel.
    fn of(
        name: &str,
        recurrence: &Recurrence,
        steps: &Type,
        kernel: &Type,
    ) -> Result<Extents, OpError> {
        let floats = steps.dtype.is_float() && kernel.dtype == steps.dtype;
        match (steps.shape.dims(), kernel.shape.dims()) {
            (&[time, batch, width], &[units, _]) if floats && time > 0 && units > 0 => {
                let features = match recurrence.input {
                    Input::Projection => recurrence.cell.gates() * units,
                    Input::Features { .. } => width,
                };
                Ok(Extents { time, batch, units, features })
            }
            _ => Err(OpError::new(
                format!("`{name}` needs a sequence and a recurrent kernel"),
                "(time, batch, …) and (units, …) of one floating-point dtype, with at least one \
                 time step and one unit",
                format!("{steps} and {kernel}"),
            )),
        }
    }
}

/// A part that an operation takes, and its type.
type Role = (&'static str, Type);

impl Recurrence {
    /// What a step takes, and what projects it.
    fn input_roles(&self, extents: &Extents, dtype: DType) -> Vec<Role> {
        let Extents { time, batch, units, features } = *extents;
        let columns = self.cell.gates() * units;
        let steps = Type::new(dtype, [time, batch, features]);
        let kernel = Type::new(dtype, [features, columns]);
        match self.input {
            Input::Projection => vec![("projection", steps)],
            Input::Features { bias } => {
                let bias = bias.then(|| ("bias", Type::new(dtype, [columns])));
                [("sequence of features", steps), ("kernel", kernel)]
                    .into_iter()
                    .chain(bias)
                    .collect()
            }
        }
    }
}

/// Checks the inputs against what they must be.
fn expect_roles(name: &str, inputs: &[Type], roles: &[Role]) -> Result<(), OpError> {
    for (received, (role, expected)) in inputs.iter().zip(roles) {
        if received != expected {
            return Err(OpError::new(
                format!("the {role} of `{name}` does not fit"),
                expected.to_string(),
                received.to_string(),
            ));
        }
    }
    Ok(())
}

/// Checks the number of inputs of an operation that takes a varying number.
fn expect_count(name: &str, inputs: &[Type], count: usize) -> Result<(), OpError> {
    match inputs.len() == count {
        true => Ok(()),
        false => Err(OpError::new(
            format!("`{name}` takes {count} inputs"),
            count.to_string(),
            inputs.len().to_string(),
        )),
    }
}

/// The names of the states.
const STATES: [&str; 2] = ["initial state", "initial cell state"];

/// The row of one time step.
fn at_step(tensor: &Tensor, step: usize) -> Tensor {
    let step = step as isize;
    tensor.slice_axis(0, step..step + 1).squeeze(0)
}

/// Tensors of each time step, in order of time, as one `(time, …)`.
fn stacked(steps: &[Tensor]) -> Tensor {
    crate::ops::concatenate::stack(steps, 0)
}

/// A tensor `(time, batch, width)` as rows `(time · batch, width)`.
fn rows(tensor: &Tensor) -> Tensor {
    let [time, batch, width] = [0, 1, 2].map(|axis| tensor.dim(axis));
    tensor.reshape(Shape::from([time * batch, width]))
}
