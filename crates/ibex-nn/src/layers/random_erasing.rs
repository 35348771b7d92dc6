//! `RandomErasing`: erases a rectangle of images.

use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, clipped, config_with,
    written,
};
use super::augmentation_draws::rectangles;
use super::options::{DataFormat, Numbers};
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Erases a random rectangle of an image, with a random probability.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_erasing/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomErasing};
    ///
    /// let y = RandomErasing::new(0.5).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomErasing {
        /// The range of the probability; a number is its upper end.
        factor: into Factor = Factor::One(1.0),
        /// The range of the share of the area; a number is its upper end.
        scale: into Factor = Factor::Range([0.02, 0.33]),
        /// What the rectangle is filled with, one number or three; normal noise by default.
        fill_value: some Numbers = None,
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

impl RandomErasing {
    /// Erases with a probability of up to this.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomErasing {
        RandomErasing { factor: factor.into(), ..RandomErasing::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let bounds = [0.0, 1.0];
        let fill = match &self.fill_value {
            Some(Numbers::Many(values)) if values.len() != 3 => Some(
                ConfigError::new("`fill_value` must be a number or three")
                    .received(format!("fill_value = {values:?}")),
            ),
            _ => None,
        };
        let factor = self.factor.check_meets("factor", bounds);
        factor.into_iter().chain(self.scale.check_meets("scale", bounds)).chain(fill).collect()
    }
}

impl Augmentation for RandomErasing {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let share = draws.uniform(&[size.count, 2], self.scale.range(0.0)).sqrt();
        let of = |at: isize| share.slice_axis(1, at..at + 1).squeeze(1);
        let (mask, _) = rectangles(draws, size, [&of(0), &of(1)], self.data_format);
        let erase = draws.happens(size.count, self.factor.range(0.0));
        let ImageSize { count, height, width, channels } = size;
        let dims = match self.data_format {
            DataFormat::ChannelsLast => [count, height, width, channels],
            DataFormat::ChannelsFirst => [count, channels, height, width],
        };
        let fill = match &self.fill_value {
            None => draws.normal(&dims) * self.value_range[1],
            Some(value) => value.tensor(ibex_graph::DType::F32).broadcast_to(dims),
        };
        let fill = clipped(&fill, self.value_range);
        let drawn = Drawn::new().with("batch_masks", mask).with("apply_erasing", erase);
        drawn.with("fill_value", fill)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let erased = drawn.get("batch_masks").logical_and(
            &drawn.per_image("apply_erasing").broadcast_to(drawn.get("batch_masks").shape()),
        );
        erased.select(&drawn.get("fill_value").cast(images.dtype()), images)
    }
}

augmentation_layer!(RandomErasing, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0))), ("scale", written(layer.scale.range(0.0)))]
));
