//! `Rescaling`: `x · scale + offset`.

use ibex_graph::Tensor;

use super::options::Numbers;
use crate::layer::Layer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// `x · scale + offset`, such as pixels from `0..=255` to `0..=1`.
    ///
    /// Input and output have the same shape; integers become floats.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_preprocessing/rescaling/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Rescaling};
    ///
    /// let y = Rescaling::new(1.0 / 255.0).call(&Input::new([28, 28, 1]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 28, 28, 1)");
    /// ```
    Rescaling {
        /// The factor, or one for each channel.
        scale: into Numbers = Numbers::One(1.0),
        /// What is added, or one for each channel.
        offset: into Numbers = Numbers::One(0.0),
    }
}

impl Rescaling {
    /// Multiplies by `scale`.
    #[track_caller]
    pub fn new(scale: impl Into<Numbers>) -> Rescaling {
        Rescaling { scale: scale.into(), ..Rescaling::default() }
    }
}

impl Layer for Rescaling {
    layer_facts!(Rescaling);

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let dtype = self.base.dtype.compute();
        let scaled = inputs[0].cast(dtype) * self.scale.tensor(dtype);
        vec![match self.offset {
            Numbers::One(0.0) => scaled,
            _ => scaled + self.offset.tensor(dtype),
        }]
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
