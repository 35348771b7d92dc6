//! `RandomHue`: turns the colours of images around the colour wheel.

use ibex_graph::Tensor;
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::image;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, channels, clipped,
    config_with, rescaled, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Adds a random number to the hue of each image, to either side with the same probability.
    ///
    /// Images have red, green and blue.
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_hue/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomHue};
    ///
    /// let y = RandomHue::new(0.2).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomHue {
        /// The range of the turn, as a share of half the wheel; a number is its upper end.
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

impl RandomHue {
    /// Turns by up to this share of half the wheel.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomHue {
        RandomHue { factor: factor.into(), ..RandomHue::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [0.0, 1.0]).into_iter().collect()
    }
}

impl Augmentation for RandomHue {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let chance = draws.uniform(&[size.count], [0.0, 1.0]);
        let one = chance.ones_like();
        let side = chance.greater(&(&one * 0.5)).select(&-&one, &one);
        let turn = draws.uniform(&[size.count], self.factor.range(0.0)) * 0.5;
        Drawn::new().with("factor", turn * side)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let format = channels(self.data_format);
        let unit = rescaled(images, self.value_range, UNIT);
        let hsv = image::rgb_to_hsv(&unit, format);
        let axis = self.data_format.channel_axis(4) as isize;
        let hue = hsv.slice_axis(axis, ..1) + drawn.per_image("factor");
        let number = |value: f64| Tensor::scalar(hue.dtype(), value);
        let down = hue.greater(&number(1.0)).select(&(&hue - 1.0), &hue);
        let turned = down.less(&number(0.0)).select(&(&down + 1.0), &down);
        let hsv = concatenate(&[turned, hsv.slice_axis(axis, 1..)], axis);
        let changed = clipped(&image::hsv_to_rgb(&hsv, format), UNIT);
        rescaled(&changed, UNIT, self.value_range)
    }
}

/// The range of values for which hue is defined.
const UNIT: [f64; 2] = [0.0, 1.0];

augmentation_layer!(RandomHue, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0)))]
));
