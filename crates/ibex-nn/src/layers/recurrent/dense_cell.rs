//! What the simple, LSTM and GRU cells share: weights, dropout, projection and the operation for
//! whole sequences.

use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::random;
use ibex_graph::ops::recurrent::{Activation as Function, Cell as Kind, Recurrence, Run, Sequence};
use ibex_graph::{Array, DType, Shape, Tensor};
use serde_json::{Value, json};

use super::{Cell, Pass, Shared};
use crate::activations::Activation;
use crate::constraints::Constraint;
use crate::initializers::{Initialize, Initializer, Ones, Seeds};
use crate::instance::{Build, WeightSpec};
use crate::object::ConfigError;
use crate::partial::PartialShape;
use crate::regularizers::Regularizer;
use crate::trace::Call;

/// The options of a cell of `units` units, whatever its kind.
pub(in super::super) struct Options<'a> {
    pub(in super::super) kind: Kind,
    pub(in super::super) units: usize,
    pub(in super::super) activation: &'a Activation,
    /// The activation of the gates; a simple cell has none.
    pub(in super::super) recurrent_activation: &'a Activation,
    pub(in super::super) use_bias: bool,
    /// Whether the biases of the second gate are one at first.
    pub(in super::super) unit_forget_bias: bool,
    pub(in super::super) weights: WeightOptions<'a>,
    pub(in super::super) dropout: Dropout,
    pub(in super::super) dtype: DType,
}

/// How the three weights of a cell begin and what holds them.
pub(in super::super) struct WeightOptions<'a> {
    pub(in super::super) initializers: [&'a Initializer; 3],
    pub(in super::super) regularizers: [&'a Option<Regularizer>; 3],
    pub(in super::super) constraints: [&'a Option<Constraint>; 3],
}

impl WeightOptions<'_> {
    /// The weight of that number: kernel, recurrent kernel, bias.
    pub(super) fn spec(&self, index: usize, shape: impl Into<Shape>) -> WeightSpec {
        let name = ["kernel", "recurrent_kernel", "bias"][index];
        WeightSpec::new(name, shape, self.initializers[index].clone())
            .regularizer(self.regularizers[index].clone())
            .constraint(self.constraints[index].clone())
    }

    /// The bias of an LSTM, whose forget gate begins with ones.
    pub(super) fn forget_bias(&self, units: usize) -> WeightSpec {
        let bias = self.initializers[2].clone();
        let spec = self.spec(2, [4 * units]);
        WeightSpec { initializer: Initializer::custom(ForgetBias { bias, units }), ..spec }
    }
}

/// The dropout inside a step.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Dropout {
    /// The rates for the input and for the first state.
    pub(in super::super) rates: [f64; 2],
    pub(in super::super) seed: Option<u64>,
    /// How many masks there are: one, or one for each gate.
    pub(in super::super) masks: usize,
    /// Whether a rate of 1 drops everything, not nothing.
    pub(in super::super) drops_all: bool,
}

impl Dropout {
    /// What the steps of one pass share: the masks are drawn once.
    pub(super) fn prepare(&self, call: &mut Call<'_>, input: &Tensor, state: &Tensor) -> Shared {
        let [input, state] = [(self.rates[0], input), (self.rates[1], state)]
            .map(|(rate, like)| self.factors(call, rate, like));
        Shared { input, state, cells: Vec::new() }
    }

    fn factors(&self, call: &mut Call<'_>, rate: f64, like: &Tensor) -> Vec<Tensor> {
        let acts = rate > 0.0 && (rate < 1.0 || self.drops_all);
        if !call.training() || !acts {
            return Vec::new();
        }
        if rate >= 1.0 {
            return vec![like.zeros_like(); self.masks];
        }
        let kept = 1.0 - rate;
        let mut draw = || {
            let (state, stream) = call.trace().next_random_of(self.seed);
            let keep = random::bernoulli(&state, like.shape(), stream, kept);
            keep.cast(like.dtype()) * (1.0 / kept)
        };
        (0..self.masks).map(|_| draw()).collect()
    }

    /// Whether the first state is dropped in this computation.
    fn drops_state(&self, call: &Call<'_>) -> bool {
        let rate = self.rates[1];
        call.training() && rate > 0.0 && (rate < 1.0 || self.drops_all)
    }
}

impl Options<'_> {
    /// What is wrong with the options by themselves.
    pub(in super::super) fn check(&self) -> Vec<ConfigError> {
        let zero = || ConfigError::new("`units` must be positive").received("units = 0");
        (self.units == 0).then(zero).into_iter().collect()
    }

    /// Asks for the weights of a cell whose steps take such inputs.
    pub(in super::super) fn build(
        &self,
        build: &mut Build<'_>,
        input: &PartialShape,
    ) -> Result<(), ConfigError> {
        let Some(features) = (input.rank() == 2).then(|| input.dim(-1)).flatten() else {
            return Err(ConfigError::new("a step takes a vector of known length")
                .expected("(batch, features)")
                .received(input.to_string()));
        };
        let columns = self.kind.gates() * self.units;
        build.weight(self.weights.spec(0, [features, columns]));
        build.weight(self.weights.spec(1, [self.units, columns]));
        if self.use_bias {
            build.weight(match self.kind {
                Kind::Gru { reset_after: true } => self.weights.spec(2, [2, columns]),
                _ if self.unit_forget_bias => self.weights.forget_bias(self.units),
                _ => self.weights.spec(2, [columns]),
            });
        }
        Ok(())
    }

    pub(in super::super) fn state_shapes(&self) -> Vec<Shape> {
        vec![Shape::from([self.units]); self.kind.states()]
    }

    /// The masks of dropout.
    pub(in super::super) fn prepare(
        &self,
        call: &mut Call<'_>,
        input: &Tensor,
        states: &[Tensor],
    ) -> Shared {
        self.dropout.prepare(call, input, &states[0])
    }

    /// `x · kernel + bias` for all steps.
    pub(in super::super) fn project(
        &self,
        call: &mut Call<'_>,
        sequence: &Tensor,
        shared: &Shared,
    ) -> Tensor {
        let x = sequence.cast(self.dtype);
        let kernel = call.weight("kernel");
        let product = match shared.input.as_slice() {
            [] => x.matmul(&kernel),
            [one] => (x * one).matmul(&kernel),
            gates => {
                let kernels = kernel.split(self.kind.gates(), -1);
                let products = gates.iter().zip(&kernels).map(|(mask, k)| (&x * mask).matmul(k));
                concatenate(&products.collect::<Vec<_>>(), -1)
            }
        };
        match self.biases(call) {
            Some((bias, _)) => product + bias,
            None => product,
        }
    }

    /// The bias of the projection, and that of the recurrent product.
    fn biases(&self, call: &mut Call<'_>) -> Option<(Tensor, Option<Tensor>)> {
        let bias = call.optional_weight("bias")?;
        if !self.kind.has_recurrent_bias() {
            return Some((bias, None));
        }
        let rows = bias.split(2, 0);
        Some((rows[0].squeeze(0), Some(rows[1].squeeze(0))))
    }

    /// The products of the first state with the recurrent kernel, one for each of `gates` gates.
    pub(in super::super) fn recurrent_products(
        &self,
        state: &Tensor,
        kernel: &Tensor,
        gates: usize,
        shared: &Shared,
    ) -> Vec<Tensor> {
        match shared.state.as_slice() {
            [] => state.matmul(kernel).split(gates, -1),
            masks => {
                let kernels = kernel.split(gates, -1);
                let pairs = masks.iter().cycle().zip(&kernels);
                pairs.map(|(mask, kernel)| (state * mask).matmul(kernel)).collect()
            }
        }
    }

    /// The recurrent bias of each gate, if there is one.
    pub(in super::super) fn recurrent_biases(&self, call: &mut Call<'_>) -> Option<Vec<Tensor>> {
        let bias = self.biases(call)?.1?;
        Some(bias.split(self.kind.gates(), -1))
    }

    /// The whole sequence in one operation, if its activations are known there and the states are
    /// not dropped.
    pub(in super::super) fn run(
        &self,
        cell: &dyn Cell,
        call: &mut Call<'_>,
        pass: &Pass<'_>,
    ) -> Option<Run> {
        let (activation, gates) =
            (function(self.activation)?, function(self.recurrent_activation)?);
        if self.dropout.drops_state(call) {
            return None;
        }
        let input = super::sequence::at_step(pass.sequence, 0);
        let shared = cell.prepare(call, &input, pass.states);
        let (bias, recurrent_bias) = self.biases(call).unzip();
        let recurrent_bias = self.kind.has_recurrent_bias().then(|| {
            let zeros = || Tensor::full(self.dtype, [self.kind.gates() * self.units], 0.0);
            recurrent_bias.flatten().unwrap_or_else(zeros)
        });
        let recurrence = Recurrence::new(self.kind, activation, gates);
        let recurrence = Recurrence { reverse: pass.reverse, ..recurrence };
        let kernel = call.weight("kernel");
        let (recurrent, own) = (call.weight("recurrent_kernel"), recurrent_bias.as_ref());
        let run = |sequence: Sequence<'_>| {
            Some(recurrence.run(sequence, &recurrent, own, pass.states, pass.mask))
        };
        let x = pass.sequence.cast(self.dtype);
        match shared.input.as_slice() {
            [] => run(Sequence::Features(&x, &kernel, bias.as_ref())),
            [one] => run(Sequence::Features(&(x * one), &kernel, bias.as_ref())),
            // Each gate has its own features.
            _ => run(Sequence::Projection(&cell.project(call, pass.sequence, &shared))),
        }
    }
}

/// The activation as operations for whole sequences know it.
fn function(activation: &Activation) -> Option<Function> {
    match activation {
        Activation::Custom(..) => None,
        own => Function::from_name(own.name()),
    }
}

/// Zeros, or what else the biases begin with, but ones for the forget gate.
#[derive(Clone, Debug)]
struct ForgetBias {
    bias: Initializer,
    units: usize,
}

impl Initialize for ForgetBias {
    fn class_name(&self) -> &'static str {
        "ForgetBias"
    }

    /// It is in no file: the layer writes the initializer of the other biases.
    fn config(&self) -> Value {
        json!({"units": self.units})
    }

    fn check(&self, _: &Shape) -> Result<(), ConfigError> {
        self.bias.check(&[self.units].into())?;
        self.bias.check(&[2 * self.units].into())
    }

    fn initialize(&self, _: &Shape, seeds: &mut Seeds) -> Array {
        let part = |initializer: &dyn Initialize, size: usize, seeds: &mut Seeds| {
            initializer.initialize(&[size].into(), seeds).to_f64_vec()
        };
        let mut values = part(&*self.bias, self.units, seeds);
        values.extend(part(&Ones, self.units, seeds));
        values.extend(part(&*self.bias, 2 * self.units, seeds));
        Array::from_f64_slice(DType::F32, [values.len()], &values)
    }
}

/// The options of the weights of a cell that has them as fields.
macro_rules! weight_options {
    ($cell:expr) => {{
        let cell = $cell;
        WeightOptions {
            initializers: [
                &cell.kernel_initializer,
                &cell.recurrent_initializer,
                &cell.bias_initializer,
            ],
            regularizers: [
                &cell.kernel_regularizer,
                &cell.recurrent_regularizer,
                &cell.bias_regularizer,
            ],
            constraints: [
                &cell.kernel_constraint,
                &cell.recurrent_constraint,
                &cell.bias_constraint,
            ],
        }
    }};
}
pub(in super::super) use weight_options;

/// Implements [`Layer`](crate::layer::Layer) and [`Cell`] for a cell of `units` units; the struct
/// has `options` and `advance`, the arithmetic of a step.
macro_rules! dense_cell {
    ($cell:ident) => {
        impl $crate::layer::Layer for $cell {
            $crate::layer_facts!($cell, |cell| $crate::options::config_without(
                cell,
                &["implementation"]
            ));

            fn check(&self) -> Vec<$crate::object::ConfigError> {
                self.options().check()
            }

            fn build(
                &self,
                build: &mut $crate::instance::Build<'_>,
                inputs: &[$crate::partial::PartialType],
            ) -> Result<(), $crate::object::ConfigError> {
                self.options().build(build, &inputs[0].shape)
            }

            fn forward(
                &self,
                call: &mut $crate::trace::Call<'_>,
                inputs: &[ibex_graph::Tensor],
            ) -> Vec<ibex_graph::Tensor> {
                super::recurrent::call_cell(self, call, inputs)
            }

            fn input_count(&self) -> std::ops::RangeInclusive<usize> {
                1..=1 + self.options().kind.states()
            }

            fn signature(&self) -> &'static [&'static str] {
                &["inputs", "states"]
            }

            fn arrangement(&self, count: usize) -> Vec<$crate::arguments::Argument<usize>> {
                super::recurrent::sequence::arrangement(count)
            }

            fn as_cell(&self) -> Option<&dyn super::recurrent::Cell> {
                Some(self)
            }
        }

        impl super::recurrent::Cell for $cell {
            fn state_shapes(&self, _: &$crate::partial::PartialShape) -> Vec<ibex_graph::Shape> {
                self.options().state_shapes()
            }

            fn prepare(
                &self,
                call: &mut $crate::trace::Call<'_>,
                input: &ibex_graph::Tensor,
                states: &[ibex_graph::Tensor],
            ) -> super::recurrent::Shared {
                self.options().prepare(call, input, states)
            }

            fn project(
                &self,
                call: &mut $crate::trace::Call<'_>,
                sequence: &ibex_graph::Tensor,
                shared: &super::recurrent::Shared,
            ) -> ibex_graph::Tensor {
                self.options().project(call, sequence, shared)
            }

            fn step(
                &self,
                call: &mut $crate::trace::Call<'_>,
                input: &ibex_graph::Tensor,
                states: &[ibex_graph::Tensor],
                shared: &super::recurrent::Shared,
            ) -> super::recurrent::Step {
                self.advance(call, input, states, shared)
            }

            fn run(
                &self,
                call: &mut $crate::trace::Call<'_>,
                pass: &super::recurrent::Pass<'_>,
            ) -> Option<ibex_graph::ops::recurrent::Run> {
                self.options().run(self, call, pass)
            }
        }
    };
}
pub(in super::super) use dense_cell;
