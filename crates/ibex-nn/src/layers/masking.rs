//! `Masking`: steps of a certain value are padding.

use ibex_graph::Tensor;

use crate::layer::Layer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Masks the steps whose features all equal `mask_value`: layers after this one ignore them.
    ///
    /// Input and output `(batch, steps, features)`; masked steps are 0 in the output.
    /// Source: <https://keras.io/api/layers/core_layers/masking/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Masking};
    ///
    /// let y = Masking::new(-1.0).call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 10, 4)");
    /// ```
    Masking {
        /// The value of padding; 0 by default.
        mask_value: is f64 = 0.0,
    }
}

impl Masking {
    /// Masks steps of this value.
    #[track_caller]
    pub fn new(mask_value: f64) -> Masking {
        Masking { mask_value, ..Masking::default() }
    }

    /// Whether any feature of a step is not the value of padding.
    fn shown(&self, x: &Tensor, keep_dims: bool) -> Tensor {
        let last = x.rank().saturating_sub(1);
        x.not_equal(&Tensor::scalar(x.dtype(), self.mask_value)).any(&[last], keep_dims)
    }
}

impl Layer for Masking {
    layer_facts!(Masking);

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        vec![self.shown(x, true).select(x, &x.zeros_like())]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn mask(
        &self,
        _: &mut Call<'_>,
        inputs: &[Tensor],
        _: &[Option<Tensor>],
    ) -> Vec<Option<Tensor>> {
        vec![Some(self.shown(&inputs[0], false))]
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
