//! `RandomContrast`: strengthens or weakens the contrast of images.

use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, clipped, config_with,
    written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Multiplies the distance of each pixel from the mean of its channel by a random number.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_contrast/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomContrast};
    ///
    /// let y = RandomContrast::new(0.2).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomContrast {
        /// How much is drawn below and above 1: two numbers, or one for above alone.
        factor: into Factor = Factor::One(0.0),
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

impl RandomContrast {
    /// Strengthens the contrast by up to this share.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomContrast {
        RandomContrast { factor: factor.into(), ..RandomContrast::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [0.0, 1.0]).into_iter().collect()
    }
}

impl Augmentation for RandomContrast {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let [low, high] = self.factor.range(0.0);
        let contrast = draws.uniform(&[size.count, 1, 1, 1], [1.0 - low, 1.0 + high]);
        Drawn::new().with("contrast_factor", contrast)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let mean = images.mean(&self.data_format.spatial_axes(4), true);
        let changed = (images - &mean) * drawn.get("contrast_factor") + &mean;
        clipped(&changed, self.value_range)
    }
}

augmentation_layer!(RandomContrast, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0)))]
));
