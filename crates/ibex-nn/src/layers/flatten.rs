//! `Flatten`: all axes of a sample as one.

use ibex_graph::Tensor;

use super::options::DataFormat;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// All axes of a sample as one.
    ///
    /// Input `(batch, …)`, output `(batch, elements of a sample)`.
    /// Source: <https://keras.io/api/layers/reshaping_layers/flatten/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Flatten, Input};
    ///
    /// let y = Flatten::new().call(&Input::new([4, 4, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 48)");
    /// ```
    Flatten {
        /// Where the channels are; those that come first are moved to the end before flattening.
        data_format: is DataFormat = DataFormat::ChannelsLast,
    }
}

impl Flatten {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> Flatten {
        Flatten::default()
    }
}

impl Layer for Flatten {
    layer_facts!(Flatten);

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        match inputs[0].shape.rank() {
            0 => Err(ConfigError::new("the input has no batch axis")
                .expected("(batch, …)")
                .received(inputs[0].shape.to_string())),
            _ => Ok(()),
        }
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let rank = x.rank();
        let x = match self.data_format {
            DataFormat::ChannelsFirst if rank > 2 => {
                x.transpose(&[0].into_iter().chain(2..rank).chain([1]).collect::<Vec<usize>>())
            }
            _ => x.clone(),
        };
        let elements: usize = x.shape().iter().skip(1).product();
        vec![x.reshape([x.dim(0), elements])]
    }
}
