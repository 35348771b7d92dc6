//! `RandomSaturation`: makes the colours of images stronger or paler.

use ibex_graph::Tensor;
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::image;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, channels, clipped,
    config_with, sorted, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Multiplies the saturation of each image by `f / (1 - f)` for a random `f`: 0.5 changes
    /// nothing, 0 leaves grey.
    ///
    /// Images have red, green and blue in `0..=1`; other ranges are taken as they are, as in Keras.
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_saturation/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomSaturation};
    ///
    /// let y = RandomSaturation::new([0.4, 0.6]).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomSaturation {
        /// The range of `f`; a number stands for both directions.
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

impl RandomSaturation {
    /// Draws `f` from `-factor` to `factor`.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomSaturation {
        RandomSaturation { factor: factor.into(), ..RandomSaturation::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [-1.0, 1.0]).into_iter().collect()
    }
}

impl Augmentation for RandomSaturation {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let factor = draws.uniform(&[size.count], self.factor.range(-1.0));
        let factor = &factor / (1.0 - &factor + 1e-7);
        Drawn::new().with("factor", factor)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let format = channels(self.data_format);
        let hsv = image::rgb_to_hsv(images, format);
        let axis = self.data_format.channel_axis(4) as isize;
        let strength = hsv.slice_axis(axis, 1..2) * drawn.per_image("factor");
        let strength = clipped(&strength, sorted(self.value_range));
        let parts = [hsv.slice_axis(axis, ..1), strength, hsv.slice_axis(axis, 2..)];
        image::hsv_to_rgb(&concatenate(&parts, axis), format)
    }
}

augmentation_layer!(RandomSaturation, random = true, |layer| config_with(
    layer,
    &[
        ("factor", written(layer.factor.range(-1.0))),
        ("value_range", written(sorted(layer.value_range)))
    ]
));
