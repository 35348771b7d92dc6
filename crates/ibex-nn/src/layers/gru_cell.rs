//! `GRUCell`: one step of a [`GRU`](super::GRU).

use ibex_graph::Tensor;
use ibex_graph::ops::recurrent::Cell as Kind;

use super::recurrent::dense_cell::{Dropout, Options, WeightOptions, dense_cell, weight_options};
use super::recurrent::options::cell_options;
use super::recurrent::{Shared, Step};
use crate::activations::Activation;
use crate::trace::Call;

cell_options! {
    /// One step of a gated recurrent unit.
    ///
    /// Input `(batch, features)` and one state `(batch, units)`; gives the output and the state
    /// after the step, which are the same.
    /// With gates `z` and `r` and a candidate `g`: `h' = z · h + (1 - z) · activation(g)`, where
    /// `r` multiplies `h` before its product with the recurrent kernel or, with `reset_after`, the
    /// product.
    /// Weights `kernel (features, 3 · units)`, `recurrent_kernel (units, 3 · units)` and
    /// `bias (3 · units,)`, with `reset_after` `(2, 3 · units)`, in the order `z`, `r`, `g`.
    /// Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for
    /// statistical machine translation", 2014,
    /// <https://keras.io/api/layers/recurrent_layers/gru_cell/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GRUCell, Input};
    ///
    /// let (x, state) = (Input::new([3]).tensor(), Input::new([8]).tensor());
    /// let y = GRUCell::new(8).call_all([x, state]);
    /// assert_eq!(y[1].shape().to_string(), "(None, 8)");
    /// ```
    GRUCell {
        /// Applied to the gates; `Sigmoid` by default.
        recurrent_activation: into Activation = Activation::Sigmoid,
        /// Whether the reset gate multiplies after the product with the recurrent kernel; it does
        /// by default.
        reset_after: is bool = true,
        /// 1 draws the masks of dropout for each gate, 2 one for all of them.
        implementation: is usize = 2,
    } {}
}

impl GRUCell {
    fn options(&self) -> Options<'_> {
        let by_gate = self.implementation == 1 || self.recurrent_dropout > 0.0;
        Options {
            kind: Kind::Gru { reset_after: self.reset_after },
            units: self.units,
            activation: &self.activation,
            recurrent_activation: &self.recurrent_activation,
            use_bias: self.use_bias,
            unit_forget_bias: false,
            weights: weight_options!(self),
            dropout: Dropout {
                rates: [self.dropout, self.recurrent_dropout],
                seed: self.seed,
                masks: if by_gate { 3 } else { 1 },
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
        let options = self.options();
        let kernel = call.weight("recurrent_kernel");
        let h = &states[0];
        let parts = input.split(3, -1);
        let gate =
            |at: usize, product: &Tensor| self.recurrent_activation.apply(&(&parts[at] + product));
        let (z, product) = if self.reset_after {
            let mut products = options.recurrent_products(h, &kernel, 3, shared);
            if let Some(biases) = options.recurrent_biases(call) {
                products = products.iter().zip(&biases).map(|(p, bias)| p + bias).collect();
            }
            (gate(0, &products[0]), gate(1, &products[1]) * &products[2])
        } else {
            let kernels = kernel.split_at(&[2 * self.units], -1);
            let products = options.recurrent_products(h, &kernels[0], 2, shared);
            let reset = gate(1, &products[1]) * h;
            let reset = match shared.state.get(2) {
                Some(mask) => reset * mask,
                None => reset,
            };
            (gate(0, &products[0]), reset.matmul(&kernels[1]))
        };
        let candidate = self.activation.apply(&(&parts[2] + product));
        let output = &z * h + (1.0 - &z) * candidate;
        Step { states: vec![output.clone()], output }
    }
}

dense_cell!(GRUCell);
