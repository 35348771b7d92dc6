//! `SimpleRNNCell`: one step of a [`SimpleRNN`](super::SimpleRNN).

use ibex_graph::Tensor;
use ibex_graph::ops::recurrent::Cell as Kind;

use super::recurrent::dense_cell::{Dropout, Options, WeightOptions, dense_cell, weight_options};
use super::recurrent::options::cell_options;
use super::recurrent::{Shared, Step};
use crate::activations::Activation;
use crate::trace::Call;

cell_options! {
    /// One step of a simple recurrent layer: `h' = activation(x · kernel + bias + h · recurrent)`.
    ///
    /// Input `(batch, features)` and one state `(batch, units)`; gives the output and the state
    /// after the step, which are the same.
    /// Weights `kernel (features, units)`, `recurrent_kernel (units, units)`, `bias (units,)`.
    /// Source: <https://keras.io/api/layers/recurrent_layers/simple_rnn_cell/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, SimpleRNNCell};
    ///
    /// let (x, state) = (Input::new([3]).tensor(), Input::new([8]).tensor());
    /// let y = SimpleRNNCell::new(8).call_all([x, state]);
    /// assert_eq!(y[0].shape().to_string(), "(None, 8)");
    /// ```
    SimpleRNNCell {} {}
}

impl SimpleRNNCell {
    fn options(&self) -> Options<'_> {
        Options {
            kind: Kind::Simple,
            units: self.units,
            activation: &self.activation,
            recurrent_activation: &Activation::Linear,
            use_bias: self.use_bias,
            unit_forget_bias: false,
            weights: weight_options!(self),
            dropout: Dropout {
                rates: [self.dropout, self.recurrent_dropout],
                seed: self.seed,
                masks: 1,
                drops_all: true,
            },
            dtype: self.base.dtype.compute(),
        }
    }

    fn advance(
        &self,
        call: &mut Call<'_>,
        input: &Tensor,
        states: &[Tensor],
        shared: &Shared,
    ) -> Step {
        let kernel = call.weight("recurrent_kernel");
        let product = self.options().recurrent_products(&states[0], &kernel, 1, shared).remove(0);
        let output = self.activation.apply(&(input + product));
        Step { states: vec![output.clone()], output }
    }
}

dense_cell!(SimpleRNNCell);
