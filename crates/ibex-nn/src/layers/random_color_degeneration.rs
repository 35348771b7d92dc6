//! `RandomColorDegeneration`: mixes images with their grey form.

use ibex_graph::Tensor;
use ibex_graph::ops::image;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, channels, clipped,
    config_with, sorted, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Mixes each image with its grey form: 0 changes nothing, 1 leaves grey.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_color_degeneration/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomColorDegeneration};
    ///
    /// let y = RandomColorDegeneration::new(0.2).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomColorDegeneration {
        /// The range of the share of grey; a number stands for both directions.
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

impl RandomColorDegeneration {
    /// Mixes in up to this share of grey.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomColorDegeneration {
        RandomColorDegeneration { factor: factor.into(), ..RandomColorDegeneration::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [-1.0, 1.0]).into_iter().collect()
    }
}

impl Augmentation for RandomColorDegeneration {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let share = draws.uniform(&[size.count, 1, 1, 1], self.factor.range(-1.0));
        Drawn::new().with("factor", share)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let gray = image::rgb_to_grayscale(images, channels(self.data_format));
        let changed = images + drawn.get("factor") * (gray - images);
        clipped(&changed, sorted(self.value_range))
    }
}

augmentation_layer!(RandomColorDegeneration, random = true, |layer| config_with(
    layer,
    &[
        ("factor", written(layer.factor.range(-1.0))),
        ("value_range", written(sorted(layer.value_range)))
    ]
));
