//! `Solarization`: inverts the light part of images.

use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, clipped, config_with,
    rescaled, sorted, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Adds a random number to each pixel, and inverts those that are not below a random threshold.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/solarization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Solarization};
    ///
    /// let y = Solarization::new(0.1, 0.5).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    Solarization {
        /// The range of what is added, as a share of 255; a number is its upper end.
        addition_factor: into Factor = Factor::One(0.0),
        /// The range of the threshold, as a share of 255; a number is its upper end.
        threshold_factor: into Factor = Factor::One(0.0),
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

impl Solarization {
    /// Adds up to the first share and inverts from up to the second one.
    #[track_caller]
    pub fn new(
        addition_factor: impl Into<Factor>,
        threshold_factor: impl Into<Factor>,
    ) -> Solarization {
        let (addition_factor, threshold_factor) = (addition_factor.into(), threshold_factor.into());
        Solarization { addition_factor, threshold_factor, ..Solarization::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let bounds = [0.0, 1.0];
        let addition = self.addition_factor.check_within("addition_factor", bounds);
        let threshold = self.threshold_factor.check_within("threshold_factor", bounds);
        addition.into_iter().chain(threshold).collect()
    }
}

impl Augmentation for Solarization {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let mut draw = |factor: Factor| {
            // The lower end is no share but the number itself, as in Keras.
            let [low, high] = factor.range(0.0);
            draws.uniform(&[size.count, 1, 1, 1], [low, high * 255.0])
        };
        let (added, threshold) = (draw(self.addition_factor), draw(self.threshold_factor));
        Drawn::new().with("additions", added).with("thresholds", threshold)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let range = sorted(self.value_range);
        let bytes = rescaled(images, range, BYTES) + drawn.get("additions");
        let bytes = clipped(&bytes, BYTES);
        let changed = bytes.less(&drawn.get("thresholds")).select(&bytes, &(255.0 - &bytes));
        rescaled(&changed, BYTES, range)
    }
}

augmentation_layer!(Solarization, random = true, |layer| config_with(
    layer,
    &[
        ("addition_factor", written(layer.addition_factor.range(0.0))),
        ("threshold_factor", written(layer.threshold_factor.range(0.0))),
        ("value_range", written(sorted(layer.value_range)))
    ]
));
