//! `GlobalAveragePooling1D`: the mean of each channel of sequences; masked steps do not count.

use ibex_graph::Tensor;

use super::options::DataFormat;
use super::pooling::{expect_spatial, globally};
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The mean of each channel of sequences; masked steps do not count.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/global_average_pooling1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GlobalAveragePooling1D, Input};
    ///
    /// let y = GlobalAveragePooling1D::new().call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 4)");
    /// ```
    GlobalAveragePooling1D {
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// Whether the steps stay as an axis of one element.
        keepdims: is bool = false,
    }
}

impl GlobalAveragePooling1D {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> GlobalAveragePooling1D {
        GlobalAveragePooling1D::default()
    }
}

impl Layer for GlobalAveragePooling1D {
    layer_facts!(GlobalAveragePooling1D);

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        expect_spatial(&inputs[0].shape, 1, self.data_format)
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let Some(mask) = call.mask(0) else {
            return vec![globally(x, self.data_format, self.keepdims, Tensor::mean)];
        };
        let steps = self.data_format.spatial_axes(x.rank());
        let channels = self.data_format.channel_axis(x.rank());
        let mask = mask.expand_dims(channels as isize);
        let kept = mask.select(x, &x.zeros_like());
        let count = mask.cast(x.dtype()).sum(&steps, self.keepdims);
        vec![kept.sum(&steps, self.keepdims) / count]
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
