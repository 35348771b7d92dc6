//! `RandomGrayscale`: takes the colour out of images.

use ibex_graph::Tensor;
use ibex_graph::ops::image;

use super::augmentation::{Augmentation, Drawn, Draws, ImageSize, augmentation_layer, channels};
use super::options::{DataFormat, check_fraction};
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Takes the colour out of an image, with the given probability; the channels stay.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_grayscale/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomGrayscale};
    ///
    /// let y = RandomGrayscale::default().call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomGrayscale {
        /// The probability.
        factor: is f64 = 0.5,
        /// The layer's own seed, which files do not keep; the model's by default.
        #[serde(skip_serializing)]
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl RandomGrayscale {
    /// Takes the colour out with this probability.
    #[track_caller]
    pub fn new(factor: f64) -> RandomGrayscale {
        RandomGrayscale { factor, ..RandomGrayscale::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        check_fraction("factor", self.factor).into_iter().collect()
    }
}

impl Augmentation for RandomGrayscale {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let chance = draws.uniform(&[size.count, 1, 1, 1], [0.0, 1.0]);
        let gray = chance.less(&Tensor::scalar(chance.dtype(), self.factor));
        Drawn::new().with("should_apply", gray)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let gray = image::rgb_to_grayscale(images, channels(self.data_format));
        drawn.get("should_apply").select(&gray, images)
    }

    fn keeps_integers(&self) -> bool {
        true
    }
}

augmentation_layer!(RandomGrayscale, random = true, |layer| serde_json::to_value(layer)
    .unwrap_or_default());
