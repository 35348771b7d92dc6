//! `RandomFlip`: turns images over.

use ibex_graph::Tensor;
use serde::{Deserialize, Serialize};

use super::augmentation::{Augmentation, Drawn, Draws, ImageSize, augmentation_layer};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Turns each image over, left to right, top to bottom or both, with probability one half.
    ///
    /// With both, an image is turned over both ways or not at all, as in Keras.
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_flip/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomFlip};
    ///
    /// let y = RandomFlip::default().call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomFlip {
        /// Which way; both by default.
        mode: is FlipMode = FlipMode::HorizontalAndVertical,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl RandomFlip {
    /// Turns over this way.
    #[track_caller]
    pub fn new(mode: FlipMode) -> RandomFlip {
        RandomFlip { mode, ..RandomFlip::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        Vec::new()
    }
}

impl Augmentation for RandomFlip {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let chance = draws.uniform(&[size.count, 1, 1, 1], [0.0, 1.0]);
        let flips = chance.less_equal(&Tensor::scalar(chance.dtype(), 0.5));
        Drawn::new().with("flips", flips)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let flips = drawn.get("flips");
        let [vertical, horizontal] = match self.data_format {
            DataFormat::ChannelsLast => [1, 2],
            DataFormat::ChannelsFirst => [2, 3],
        };
        let axes = match self.mode {
            FlipMode::Horizontal => vec![horizontal],
            FlipMode::Vertical => vec![vertical],
            FlipMode::HorizontalAndVertical => vec![vertical, horizontal],
        };
        flips.select(&images.flip(&axes), images)
    }
}

/// Which way images are turned over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlipMode {
    /// Left to right.
    Horizontal,
    /// Top to bottom.
    Vertical,
    /// Both at once.
    #[default]
    HorizontalAndVertical,
}

augmentation_layer!(RandomFlip, random = true, |layer| serde_json::to_value(layer)
    .unwrap_or_default());
