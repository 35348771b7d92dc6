//! `RandomInvert`: makes negatives of images.

use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, config_with, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Subtracts an image from the largest value, with a random probability.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_invert/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomInvert};
    ///
    /// let y = RandomInvert::new(0.2).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomInvert {
        /// The range of the probability; a number is its upper end.
        factor: into Factor = Factor::One(1.0),
        /// The smallest and the largest value of a pixel; 0 and 255 by default.
        value_range: is [f64; 2] = BYTES,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl RandomInvert {
    /// Inverts with a probability of up to this.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomInvert {
        RandomInvert { factor: factor.into(), ..RandomInvert::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [0.0, 1.0]).into_iter().collect()
    }
}

impl Augmentation for RandomInvert {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let invert = draws.happens(size.count, self.factor.range(0.0));
        Drawn::new().with("apply_inversion", invert)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        drawn.per_image("apply_inversion").select(&(self.value_range[1] - images), images)
    }
}

augmentation_layer!(RandomInvert, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0)))]
));
