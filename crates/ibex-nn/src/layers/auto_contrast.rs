//! `AutoContrast`: spreads the values of images over their whole range.

use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, ImageSize, augmentation_layer, clipped, config_with,
    rescaled, sorted, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Spreads the values of each channel of an image over the whole range.
    ///
    /// Input and output have the same shape.
    /// It acts outside training too, and a channel of a single value stays as it is.
    /// As in Keras, the extremes are those along the second and third axis, whatever the format.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/auto_contrast/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, AutoContrast};
    ///
    /// let y = AutoContrast::default().call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    AutoContrast {
        /// The smallest and the largest value of a pixel; 0 and 255 by default.
        value_range: is [f64; 2] = BYTES,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl AutoContrast {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> AutoContrast {
        AutoContrast::default()
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        Vec::new()
    }
}

impl Augmentation for AutoContrast {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn draw(&self, _: &mut Draws<'_>, _: ImageSize) -> Drawn {
        Drawn::new()
    }

    fn transform(&self, images: &Tensor, _: &Drawn) -> Tensor {
        let range = sorted(self.value_range);
        let bytes = rescaled(images, range, BYTES);
        let (low, high) = (bytes.min(&[1, 2], true), bytes.max(&[1, 2], true));
        let width = &high - &low;
        let flat = width.equal(&width.zeros_like());
        let scale = 255.0 / flat.select(&width.ones_like(), &width);
        let spread = clipped(&(&bytes * &scale - low * &scale), BYTES);
        flat.select(images, &rescaled(&spread, BYTES, range))
    }

    fn acts_always(&self) -> bool {
        true
    }
}

augmentation_layer!(AutoContrast, random = false, |layer| config_with(
    layer,
    &[("value_range", written(sorted(layer.value_range)))]
));
