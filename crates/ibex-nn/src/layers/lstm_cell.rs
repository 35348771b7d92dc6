//! `LSTMCell`: one step of an [`LSTM`](super::LSTM).

use ibex_graph::Tensor;
use ibex_graph::ops::recurrent::Cell as Kind;

use super::recurrent::dense_cell::{Dropout, Options, WeightOptions, dense_cell, weight_options};
use super::recurrent::options::cell_options;
use super::recurrent::{Shared, Step};
use crate::activations::Activation;
use crate::trace::Call;

cell_options! {
    /// One step of a long short-term memory.
    ///
    /// Input `(batch, features)` and two states `(batch, units)`, `h` and `c`; gives the output
    /// and the states after the step.
    /// With gates `i`, `f`, `o` and candidate `g` of `x · kernel + bias + h · recurrent_kernel`:
    /// `c' = f · c + i · activation(g)`, `h' = o · activation(c')`, and the output is `h'`.
    /// Weights `kernel (features, 4 · units)`, `recurrent_kernel (units, 4 · units)` and
    /// `bias (4 · units,)`, in the order `i`, `f`, `g`, `o`.
    /// Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997,
    /// <https://keras.io/api/layers/recurrent_layers/lstm_cell/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, LSTMCell};
    ///
    /// let (h, c) = (Input::new([8]).tensor(), Input::new([8]).tensor());
    /// let y = LSTMCell::new(8).call_all([Input::new([3]).tensor(), h, c]);
    /// assert_eq!(y.len(), 3);
    /// ```
    LSTMCell {
        /// Applied to the gates; `Sigmoid` by default.
        recurrent_activation: into Activation = Activation::Sigmoid,
        /// Whether the biases of the forget gate begin with ones; they do by default.
        unit_forget_bias: is bool = true,
        /// 1 draws the masks of dropout for each gate, 2 one for all of them.
        implementation: is usize = 2,
    } {}
}

impl LSTMCell {
    fn options(&self) -> Options<'_> {
        let by_gate = self.implementation == 1 || self.recurrent_dropout > 0.0;
        Options {
            kind: Kind::Lstm,
            units: self.units,
            activation: &self.activation,
            recurrent_activation: &self.recurrent_activation,
            use_bias: self.use_bias,
            unit_forget_bias: self.unit_forget_bias,
            weights: weight_options!(self),
            dropout: Dropout {
                rates: [self.dropout, self.recurrent_dropout],
                seed: self.seed,
                masks: if by_gate { 4 } else { 1 },
                drops_all: false,
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
        let products = self.options().recurrent_products(&states[0], &kernel, 4, shared);
        let parts = input.split(4, -1);
        let gate = |at: usize| self.recurrent_activation.apply(&(&parts[at] + &products[at]));
        let candidate = self.activation.apply(&(&parts[2] + &products[2]));
        let c = gate(1) * &states[1] + gate(0) * candidate;
        let output = gate(3) * self.activation.apply(&c);
        Step { states: vec![output.clone(), c], output }
    }
}

dense_cell!(LSTMCell);
