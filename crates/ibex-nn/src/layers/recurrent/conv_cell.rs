//! The cell of convolutional LSTMs, for one to three spatial axes.

use std::ops::RangeInclusive;

use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::window::Padding;
use ibex_graph::{Shape, Tensor};
use serde_json::json;

use super::dense_cell::{Dropout, WeightOptions};
use super::{Cell, Shared, Step, call_cell};
use crate::activations::Activation;
use crate::constraints::Constraint;
use crate::initializers::Initializer;
use crate::instance::Build;
use crate::layer::{Base, Layer};
use crate::layer_facts;
use crate::layers::convolution::Sliding;
use crate::layers::options::{DataFormat, known_extent};
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::regularizers::Regularizer;
use crate::trace::Call;

/// The number of gates.
const GATES: usize = 4;

/// One step of a convolutional LSTM; files know it only through the layers that repeat it.
#[derive(Clone, Debug)]
pub(in super::super) struct ConvLSTMCell {
    pub(in super::super) filters: usize,
    pub(in super::super) kernel_size: Vec<usize>,
    pub(in super::super) strides: Vec<usize>,
    pub(in super::super) padding: Padding,
    pub(in super::super) data_format: DataFormat,
    pub(in super::super) dilation_rate: Vec<usize>,
    pub(in super::super) activation: Activation,
    pub(in super::super) recurrent_activation: Activation,
    pub(in super::super) use_bias: bool,
    pub(in super::super) unit_forget_bias: bool,
    pub(in super::super) initializers: [Initializer; 3],
    pub(in super::super) regularizers: [Option<Regularizer>; 3],
    pub(in super::super) constraints: [Option<Constraint>; 3],
    pub(in super::super) dropout: Dropout,
    pub(in super::super) base: Base,
}

impl ConvLSTMCell {
    /// The convolution of the inputs.
    fn sliding(&self) -> Sliding<'_> {
        Sliding {
            kernel_size: &self.kernel_size,
            strides: &self.strides,
            padding: self.padding,
            data_format: self.data_format,
            dilation_rate: &self.dilation_rate,
        }
    }

    /// The spatial axes of a state for the input of a step.
    fn spatial(&self, input: &PartialShape) -> Vec<usize> {
        let axes = self.data_format.spatial_axes(input.rank());
        let extents = axes.into_iter().map(|axis| input.0[axis].unwrap_or(0));
        let along = extents.zip(&self.kernel_size).zip(&self.strides).zip(&self.dilation_rate);
        along.map(|(((extent, &k), &s), &d)| self.positions(extent, k, s, d)).collect()
    }

    fn positions(&self, extent: usize, kernel: usize, stride: usize, dilation: usize) -> usize {
        let window = dilation * kernel.saturating_sub(1) + 1;
        match self.padding {
            Padding::Valid => (extent + stride).saturating_sub(window) / stride.max(1),
            _ => extent.div_ceil(stride.max(1)),
        }
    }

    /// The axis of the channels of a step's tensors.
    fn channels(&self) -> isize {
        match self.data_format {
            DataFormat::ChannelsLast => -1,
            DataFormat::ChannelsFirst => 1,
        }
    }

    fn weights(&self) -> WeightOptions<'_> {
        WeightOptions {
            initializers: self.initializers.each_ref(),
            regularizers: self.regularizers.each_ref(),
            constraints: self.constraints.each_ref(),
        }
    }

    /// The product of the first state with the recurrent kernel, for each gate.
    fn recurrent_products(&self, kernel: &Tensor, state: &Tensor, shared: &Shared) -> Vec<Tensor> {
        let ones = vec![1; self.kernel_size.len()];
        let convolved = |x: &Tensor, kernel: &Tensor| {
            self.data_format
                .channels_last(x, |x| x.convolution(kernel, &ones, Padding::Same, &ones, 1))
        };
        match shared.state.as_slice() {
            [] => convolved(state, kernel).split(GATES, self.channels()),
            masks => {
                let kernels = kernel.split(GATES, -1);
                let pairs = masks.iter().zip(&kernels);
                pairs.map(|(mask, kernel)| convolved(&(state * mask), kernel)).collect()
            }
        }
    }
}

impl Layer for ConvLSTMCell {
    layer_facts!(ConvLSTMCell, |cell| json!({"filters": cell.filters}));

    fn check(&self) -> Vec<ConfigError> {
        let sliding = self.sliding();
        let mut found = sliding.check(&[("filters", self.filters)]);
        found.extend(sliding.check_dilated_strides());
        found.extend(sliding.check_not_causal());
        found
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let input = &inputs[0].shape;
        let sliding = self.sliding();
        let columns = GATES * self.filters;
        let kernel = sliding.kernel_shape([sliding.channels(input)?, columns]);
        for axis in self.data_format.spatial_axes(input.rank()) {
            known_extent(input, axis, "spatial")?;
        }
        let weights = self.weights();
        build.weight(weights.spec(0, kernel));
        build.weight(weights.spec(1, sliding.kernel_shape([self.filters, columns])));
        if self.use_bias {
            build.weight(match self.unit_forget_bias {
                true => weights.forget_bias(self.filters),
                false => weights.spec(2, [columns]),
            });
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        call_cell(self, call, inputs)
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        1..=3
    }

    fn as_cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }
}

impl Cell for ConvLSTMCell {
    fn state_shapes(&self, input: &PartialShape) -> Vec<Shape> {
        let mut extents = self.spatial(input);
        match self.data_format {
            DataFormat::ChannelsLast => extents.push(self.filters),
            DataFormat::ChannelsFirst => extents.insert(0, self.filters),
        }
        vec![Shape::from(extents); 2]
    }

    fn prepare(&self, call: &mut Call<'_>, input: &Tensor, states: &[Tensor]) -> Shared {
        self.dropout.prepare(call, input, &states[0])
    }

    fn project(&self, call: &mut Call<'_>, sequence: &Tensor, shared: &Shared) -> Tensor {
        let kernel = call.weight("kernel");
        let bias = call.optional_weight("bias");
        let x = sequence.cast(self.base.dtype.compute());
        let (time, batch) = (x.dim(0), x.dim(1));
        // All steps are one batch of images.
        let convolved = |x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>| {
            let step = x.shape().get(2..).unwrap_or_default();
            let joined: Vec<usize> = [time * batch].iter().chain(step).copied().collect();
            let (strides, dilation) = (&self.strides, &self.dilation_rate);
            let y = self.sliding().forward(&x.reshape(joined), bias, |x| {
                x.convolution(kernel, strides, self.padding, dilation, 1)
            });
            let rest = y.shape().get(1..).unwrap_or_default();
            let extents: Vec<usize> = [time, batch].iter().chain(rest).copied().collect();
            if y.is_poisoned() { y } else { y.reshape(extents) }
        };
        if shared.input.is_empty() {
            return convolved(&x, &kernel, bias.as_ref());
        }
        let kernels = kernel.split(GATES, -1);
        let biases = bias.map(|bias| bias.split(GATES, -1));
        let gate = |(index, mask): (usize, &Tensor)| {
            let bias = biases.as_ref().and_then(|biases| biases.get(index));
            convolved(&(&x * mask), &kernels[index], bias)
        };
        let gates: Vec<Tensor> = shared.input.iter().take(GATES).enumerate().map(gate).collect();
        let channels = self.channels();
        concatenate(&gates, if channels < 0 { channels } else { channels + 1 })
    }

    fn step(
        &self,
        call: &mut Call<'_>,
        input: &Tensor,
        states: &[Tensor],
        shared: &Shared,
    ) -> Step {
        let kernel = call.weight("recurrent_kernel");
        let products = self.recurrent_products(&kernel, &states[0], shared);
        let parts = input.split(GATES, self.channels());
        let gate = |at: usize| self.recurrent_activation.apply(&(&parts[at] + &products[at]));
        let candidate = self.activation.apply(&(&parts[2] + &products[2]));
        let c = gate(1) * &states[1] + gate(0) * candidate;
        let output = gate(3) * self.activation.apply(&c);
        Step { states: vec![output.clone(), c], output }
    }
}

/// Defines a convolutional LSTM of `$rank` spatial axes.
macro_rules! conv_lstm_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal, $axes:literal) => {
        use std::sync::Arc;

        use ibex_graph::ops::window::Padding;

        use super::options::{DataFormat, Extents, expect_rank};
        use super::recurrent::Recurrent;
        use super::recurrent::conv_cell::ConvLSTMCell;
        use super::recurrent::dense_cell::Dropout;
        use super::recurrent::options::{recurrent_facts, sequence_options};
        use $crate::activations::Activation;
        use $crate::constraints::Constraint;
        use $crate::initializers::{GlorotUniform, Initializer, Orthogonal, Zeros};
        use $crate::layer::{Base, Layer};
        use $crate::object::ConfigError;
        use $crate::partial::PartialShape;
        use $crate::regularizers::Regularizer;

        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                /// Number of filters: the channels of output and states.
                filters: is usize = 1,
                /// Extents of the kernel.
                kernel_size: into Extents<$rank> = Extents::from(1),
                /// Distance between two windows on the input; 1 by default.
                strides: into Extents<$rank> = Extents::from(1),
                /// How the borders of the input are padded; not at all by default.
                #[serde(with = "super::options::padding")]
                padding: is Padding = Padding::Valid,
                /// Where the channels are; last by default.
                data_format: is DataFormat = DataFormat::ChannelsLast,
                /// Distance between two elements of the input under the kernel; 1 by default.
                dilation_rate: into Extents<$rank> = Extents::from(1),
                /// Applied to the candidate and to the cell state; `Tanh` by default.
                activation: into Activation = Activation::Tanh,
                /// Applied to the gates; `Sigmoid` by default.
                recurrent_activation: into Activation = Activation::Sigmoid,
                /// Whether a bias is added; it is by default.
                use_bias: is bool = true,
                /// Initial values of the kernel; `GlorotUniform` by default.
                kernel_initializer: into Initializer = GlorotUniform::default().into(),
                /// Initial values of the recurrent kernel; `Orthogonal` by default.
                recurrent_initializer: into Initializer = Orthogonal::default().into(),
                /// Initial values of the bias; zeros by default.
                bias_initializer: into Initializer = Zeros.into(),
                /// Whether the biases of the forget gate begin with ones; they do by default.
                unit_forget_bias: is bool = true,
                /// Penalty on the kernel, added to the loss.
                kernel_regularizer: some Regularizer = None,
                /// Penalty on the recurrent kernel, added to the loss.
                recurrent_regularizer: some Regularizer = None,
                /// Penalty on the bias, added to the loss.
                bias_regularizer: some Regularizer = None,
                /// Projection of the kernel after each update.
                kernel_constraint: some Constraint = None,
                /// Projection of the recurrent kernel after each update.
                recurrent_constraint: some Constraint = None,
                /// Projection of the bias after each update.
                bias_constraint: some Constraint = None,
                /// Fraction of the input that is dropped while training, the same at every step.
                dropout: is f64 = 0.0,
                /// Fraction of the first state that is dropped while training, likewise.
                recurrent_dropout: is f64 = 0.0,
                /// The layer's own seed for dropout; the model's by default.
                seed: some u64 = None,
                /// Whether the outputs of all steps are given, not only the last.
                return_sequences: is bool = false,
                /// Whether the last states are given too.
                return_state: is bool = false,
                /// Whether the last time step comes first; the outputs then are in that order too.
                go_backwards: is bool = false,
                /// Whether a batch begins with the states that the one before left; see
                /// [`Instance::reset_states`](crate::instance::Instance::reset_states).
                stateful: is bool = false,
                /// Whether the steps are written out one by one.
                unroll: is bool = false,
                /// Whether a masked step gives zeros, not the output before it.
                zero_output_for_mask: is bool = false,
            }
        }

        impl $layer {
            /// A layer of `filters` filters of this size.
            #[track_caller]
            pub fn new(filters: usize, kernel_size: impl Into<Extents<$rank>>) -> $layer {
                $layer { filters, kernel_size: kernel_size.into(), ..$layer::default() }
            }

            fn repeated(&self) -> Arc<dyn Layer> {
                let base = Base {
                    name: Some("conv_lstm_cell".to_string()),
                    dtype: self.base.dtype,
                    ..Base::new()
                };
                Arc::new(ConvLSTMCell {
                    filters: self.filters,
                    kernel_size: self.kernel_size.0.to_vec(),
                    strides: self.strides.0.to_vec(),
                    padding: self.padding,
                    data_format: self.data_format,
                    dilation_rate: self.dilation_rate.0.to_vec(),
                    activation: self.activation.clone(),
                    recurrent_activation: self.recurrent_activation.clone(),
                    use_bias: self.use_bias,
                    unit_forget_bias: self.unit_forget_bias,
                    initializers: [
                        self.kernel_initializer.clone(),
                        self.recurrent_initializer.clone(),
                        self.bias_initializer.clone(),
                    ],
                    regularizers: [
                        self.kernel_regularizer.clone(),
                        self.recurrent_regularizer.clone(),
                        self.bias_regularizer.clone(),
                    ],
                    constraints: [
                        self.kernel_constraint.clone(),
                        self.recurrent_constraint.clone(),
                        self.bias_constraint.clone(),
                    ],
                    dropout: Dropout {
                        rates: [self.dropout, self.recurrent_dropout],
                        seed: self.seed,
                        masks: 4,
                        drops_all: false,
                    },
                    base,
                })
            }

            fn expect_axes(&self, shape: &PartialShape) -> Result<(), ConfigError> {
                expect_rank(shape, $rank + 3, $axes)
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn check(&self) -> Vec<ConfigError> {
                self.repeated().check()
            }

            recurrent_facts!();
        }

        impl Recurrent for $layer {
            sequence_options!($layer);
        }
    };
}
pub(in super::super) use conv_lstm_layer;
