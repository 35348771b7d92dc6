//! `Equalization`: spreads the values of images evenly.

use ibex_graph::DType;
use ibex_graph::Tensor;
use ibex_graph::ops::concatenate::concatenate;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, ImageSize, augmentation_layer, config_with, rescaled,
    sorted, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Spreads the values of each channel so that all are about equally frequent in the batch.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/equalization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Equalization};
    ///
    /// let y = Equalization::default().call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    Equalization {
        /// The smallest and the largest value of a pixel; 0 and 255 by default.
        value_range: is [f64; 2] = BYTES,
        /// How many values are told apart; 256 by default.
        bins: is usize = 256,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl Equalization {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> Equalization {
        Equalization::default()
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let wrong = || ConfigError::new("`bins` must be positive").received("bins = 0");
        (self.bins == 0).then(wrong).into_iter().collect()
    }
}

impl Augmentation for Equalization {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn draw(&self, _: &mut Draws<'_>, _: ImageSize) -> Drawn {
        Drawn::new()
    }

    fn transform(&self, images: &Tensor, _: &Drawn) -> Tensor {
        let axis = self.data_format.channel_axis(4);
        let range = sorted(self.value_range);
        let equalized = |at: usize| {
            let channel = images.slice_axis(axis as isize, at as isize..at as isize + 1);
            let bytes = rescaled(&channel, range, BYTES);
            rescaled(&equalized(&bytes, self.bins), BYTES, range)
        };
        let channels: Vec<Tensor> = (0..images.shape()[axis]).map(equalized).collect();
        match channels.is_empty() {
            true => images.clone(),
            false => concatenate(&channels, axis as isize),
        }
    }
}

/// The values of one channel, `0..=255`, spread by the share of values below them.
fn equalized(channel: &Tensor, bins: usize) -> Tensor {
    let last = bins.saturating_sub(1) as f64;
    let integer = |values: Tensor| values.clip(0.0, last).cast(DType::I32);
    let places = integer(channel * last / 255.0).flatten();
    let ones = Tensor::full(DType::F32, places.shape(), 1.0);
    let histogram = ones.add_along_axis(&places, 0, bins);
    let below = histogram.cumulative_sum(0);
    let number = |value: f64| Tensor::scalar(DType::F32, value);
    let total = histogram.sum_all();
    let first = below.greater(&number(0.0)).select(&below, &total).min(&[0], false);
    let span = &total - &first;
    let several = span.greater(&number(0.0));
    let divisor = several.select(&span, &span.ones_like());
    let table = ((below - first) * 255.0 / divisor).round().clip(0.0, 255.0);
    let spread = table.take(&integer(channel / 255.0 * last), 0).cast(channel.dtype());
    several.broadcast_to(channel.shape()).select(&spread, channel)
}

augmentation_layer!(Equalization, random = false, |layer| config_with(
    layer,
    &[("value_range", written(sorted(layer.value_range)))]
));
