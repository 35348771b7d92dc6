//! `RandomBrightness`: makes images lighter or darker.

use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, clipped, config_with,
    sorted, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Adds a random number, the same for all pixels of an image, and cuts off at the ends of the
    /// range of values.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_brightness/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomBrightness};
    ///
    /// let y = RandomBrightness::new(0.2).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomBrightness {
        /// The range of what is added, as a share of the range of values; a number stands for both
        /// directions.
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

impl RandomBrightness {
    /// Adds up to this share of the range of values.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomBrightness {
        RandomBrightness { factor: factor.into(), ..RandomBrightness::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [-1.0, 1.0]).into_iter().collect()
    }
}

impl Augmentation for RandomBrightness {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let [low, high] = sorted(self.value_range);
        let shift = draws.uniform(&[size.count, 1, 1, 1], self.factor.range(-1.0)) * (high - low);
        Drawn::new().with("rgb_delta", shift)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let shift = drawn.get("rgb_delta").cast(images.dtype());
        clipped(&(images + shift), sorted(self.value_range))
    }

    fn keeps_integers(&self) -> bool {
        true
    }
}

augmentation_layer!(RandomBrightness, random = true, |layer| config_with(
    layer,
    &[
        ("factor", written(layer.factor.range(-1.0))),
        ("value_range", written(sorted(layer.value_range)))
    ]
));
