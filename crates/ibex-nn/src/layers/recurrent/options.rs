//! The options of cells of `units` units, and of the layers that repeat them.

/// Defines a layer or a cell with these options and its own; `{}` behind them are options of the
/// layer alone.
macro_rules! cell_options {
    ($(#[doc = $doc:literal])* $layer:ident { $($own:tt)* } { $($more:tt)* }) => {
        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                /// Number of units: the extent of the output and of each state.
                units: is usize = 1,
                /// Applied to the candidate and, in an LSTM, to the cell state; `Tanh` by default.
                activation: into $crate::activations::Activation =
                    $crate::activations::Activation::Tanh,
                /// Whether a bias is added; it is by default.
                use_bias: is bool = true,
                /// Initial values of the kernel; `GlorotUniform` by default.
                kernel_initializer: into $crate::initializers::Initializer =
                    $crate::initializers::GlorotUniform::default().into(),
                /// Initial values of the recurrent kernel; `Orthogonal` by default.
                recurrent_initializer: into $crate::initializers::Initializer =
                    $crate::initializers::Orthogonal::default().into(),
                /// Initial values of the bias; zeros by default.
                bias_initializer: into $crate::initializers::Initializer =
                    $crate::initializers::Zeros.into(),
                /// Penalty on the kernel, added to the loss.
                kernel_regularizer: some $crate::regularizers::Regularizer = None,
                /// Penalty on the recurrent kernel, added to the loss.
                recurrent_regularizer: some $crate::regularizers::Regularizer = None,
                /// Penalty on the bias, added to the loss.
                bias_regularizer: some $crate::regularizers::Regularizer = None,
                /// Projection of the kernel after each update.
                kernel_constraint: some $crate::constraints::Constraint = None,
                /// Projection of the recurrent kernel after each update.
                recurrent_constraint: some $crate::constraints::Constraint = None,
                /// Projection of the bias after each update.
                bias_constraint: some $crate::constraints::Constraint = None,
                /// Fraction of the input that is dropped while training, the same at every step.
                dropout: is f64 = 0.0,
                /// Fraction of the first state that is dropped while training, likewise.
                recurrent_dropout: is f64 = 0.0,
                /// The layer's own seed for dropout; the model's by default.
                seed: some u64 = None,
                $($own)*
                $($more)*
            }
        }

        impl $layer {
            /// A layer of that many units.
            #[track_caller]
            pub fn new(units: usize) -> $layer {
                $layer { units, ..$layer::default() }
            }
        }
    };
}
pub(in super::super) use cell_options;

/// Defines a layer that repeats a cell: the options of the cell and those of the way through time.
macro_rules! recurrent_options {
    ($(#[doc = $doc:literal])* $layer:ident { $($own:tt)* }) => {
        super::recurrent::options::cell_options! {
            $(#[doc = $doc])*
            $layer { $($own)* } {
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
    };
}
pub(in super::super) use recurrent_options;

/// The options of the way through time of a layer that has them as fields, both ways.
macro_rules! sequence_options {
    ($layer:ident) => {
        fn sequence_options(&self) -> super::recurrent::SequenceOptions {
            super::recurrent::SequenceOptions {
                return_sequences: self.return_sequences,
                return_state: self.return_state,
                go_backwards: self.go_backwards,
                stateful: self.stateful,
                unroll: self.unroll,
                zero_output_for_mask: self.zero_output_for_mask,
            }
        }

        fn with_options(
            &self,
            options: super::recurrent::SequenceOptions,
        ) -> std::sync::Arc<dyn $crate::layer::Layer> {
            let mut copy = self.clone();
            copy.return_sequences = options.return_sequences;
            copy.return_state = options.return_state;
            copy.go_backwards = options.go_backwards;
            copy.stateful = options.stateful;
            copy.unroll = options.unroll;
            copy.zero_output_for_mask = options.zero_output_for_mask;
            $crate::layer::Layer::renew_inner_layers(&mut copy);
            std::sync::Arc::new(copy)
        }
    };
}
pub(in super::super) use sequence_options;

/// What of [`Layer`](crate::layer::Layer) follows for a layer that repeats `repeated()`.
macro_rules! recurrent_facts {
    () => {
        fn build(
            &self,
            build: &mut $crate::instance::Build<'_>,
            inputs: &[$crate::partial::PartialType],
        ) -> Result<(), $crate::object::ConfigError> {
            self.expect_axes(&inputs[0].shape)?;
            let options = super::recurrent::Recurrent::sequence_options(self);
            super::recurrent::sequence::build(options, &self.repeated(), build, inputs)
        }

        fn own_types(
            &self,
            arguments: &$crate::arguments::Bound,
            inputs: &[$crate::partial::PartialType],
        ) -> Option<Vec<$crate::partial::PartialType>> {
            let options = super::recurrent::Recurrent::sequence_options(self);
            let (cell, dtype) = (self.repeated(), self.base.dtype.compute());
            super::recurrent::sequence::own_types(options, &*cell, dtype, arguments, inputs)
        }

        fn forward(
            &self,
            call: &mut $crate::trace::Call<'_>,
            inputs: &[ibex_graph::Tensor],
        ) -> Vec<ibex_graph::Tensor> {
            let options = super::recurrent::Recurrent::sequence_options(self);
            let dtype = self.base.dtype.compute();
            super::recurrent::sequence::forward(options, dtype, call, inputs)
        }

        fn mask(
            &self,
            _: &mut $crate::trace::Call<'_>,
            _: &[ibex_graph::Tensor],
            masks: &[Option<ibex_graph::Tensor>],
        ) -> Vec<Option<ibex_graph::Tensor>> {
            let options = super::recurrent::Recurrent::sequence_options(self);
            super::recurrent::sequence::mask(options, masks)
        }

        fn supports_masking(&self) -> bool {
            true
        }

        fn input_count(&self) -> std::ops::RangeInclusive<usize> {
            1..=usize::MAX
        }

        fn signature(&self) -> &'static [&'static str] {
            super::recurrent::sequence::SIGNATURE
        }

        fn arrangement(&self, count: usize) -> Vec<$crate::arguments::Argument<usize>> {
            super::recurrent::sequence::arrangement(count)
        }

        fn as_recurrent(&self) -> Option<&dyn super::recurrent::Recurrent> {
            Some(self)
        }
    };
}
pub(in super::super) use recurrent_facts;

/// Implements [`Layer`](crate::layer::Layer) and [`Recurrent`](super::Recurrent) for a layer whose
/// options include those of `$cell`, named `$name` in files.
macro_rules! recurrent_layer {
    ($layer:ident repeats $cell:ident $name:literal, without $absent:tt, $($own:ident)*) => {
        impl $layer {
            /// The cell that the layer repeats, with its options.
            fn repeated(&self) -> std::sync::Arc<dyn $crate::layer::Layer> {
                let mut cell = super::$cell::new(self.units)
                    .name($name)
                    .trainable(self.base.trainable)
                    .dtype(self.base.dtype);
                super::recurrent::options::copied!(self => cell: activation use_bias
                    kernel_initializer recurrent_initializer bias_initializer kernel_regularizer
                    recurrent_regularizer bias_regularizer kernel_constraint recurrent_constraint
                    bias_constraint dropout recurrent_dropout seed $($own)*);
                std::sync::Arc::new(cell)
            }

            fn expect_axes(
                &self,
                shape: &$crate::partial::PartialShape,
            ) -> Result<(), $crate::object::ConfigError> {
                super::options::expect_rank(shape, 3, "(batch, time, features)")
            }
        }

        impl $crate::layer::Layer for $layer {
            $crate::layer_facts!($layer, |layer| $crate::options::config_without(layer, &$absent));

            fn check(&self) -> Vec<$crate::object::ConfigError> {
                self.repeated().check()
            }

            super::recurrent::options::recurrent_facts!();
        }

        impl super::recurrent::Recurrent for $layer {
            super::recurrent::options::sequence_options!($layer);
        }
    };
}
pub(in super::super) use recurrent_layer;

/// Gives fields of one struct to another.
macro_rules! copied {
    ($from:ident => $to:ident: $($field:ident)*) => {
        $($to.$field = $from.$field.clone();)*
    };
}
pub(in super::super) use copied;
