//! `RandomPosterization`: leaves fewer shades in images.

use ibex_graph::DType;
use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, config_with, numbers,
    rescaled, sorted, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Keeps the upper bits of each pixel, a random number of them.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_posterization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomPosterization};
    ///
    /// let y = RandomPosterization::new(4.0).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomPosterization {
        /// The range of the number of bits, the upper end excluded unless it is the lower one; a
        /// number is its upper end.
        factor: into Factor = Factor::One(8.0),
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

impl RandomPosterization {
    /// Keeps between one bit and this many.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomPosterization {
        RandomPosterization { factor: factor.into(), ..RandomPosterization::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [1.0, 8.0]).into_iter().collect()
    }
}

impl Augmentation for RandomPosterization {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let [low, high] = self.factor.range(1.0);
        let kept = match low == high {
            true => Tensor::full(DType::I32, [size.count], low),
            false => draws.integers(&[size.count], low as i64, high as i64),
        };
        Drawn::new().with("shift_factor", 8.0 - kept)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let lost = drawn.per_image("shift_factor").cast(DType::I32);
        let powers = numbers(&[9], &[1., 2., 4., 8., 16., 32., 64., 128., 256.]);
        let step = powers.take(&lost, 0).cast(images.dtype());
        // Through bytes, as the bits that are kept are those of bytes.
        let bytes = rescaled(images, sorted(self.value_range), BYTES);
        let bytes = bytes.cast(DType::U8).cast(images.dtype());
        rescaled(&((bytes / &step).floor() * step), BYTES, sorted(self.value_range))
    }
}

augmentation_layer!(RandomPosterization, random = true, |layer| config_with(
    layer,
    &[
        ("factor", written(layer.factor.range(1.0))),
        ("value_range", written(sorted(layer.value_range)))
    ]
));
