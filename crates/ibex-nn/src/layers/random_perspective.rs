//! `RandomPerspective`: shows images from elsewhere.

use ibex_graph::Tensor;
use ibex_graph::ops::image::{self, Interpolation};

use super::augmentation::{
    Augmentation, Drawn, Draws, Factor, ImageSize, augmentation_layer, channels,
    check_interpolation, config_with, numbers, written,
};
use super::options::{DataFormat, check_fraction};
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Moves the corners of an image at random, with a random probability, as if it were seen from
    /// elsewhere.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_perspective/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomPerspective};
    ///
    /// let y = RandomPerspective::new(0.5).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomPerspective {
        /// The range of the probability; a number is its upper end.
        factor: into Factor = Factor::One(1.0),
        /// How far a corner may move: by half this share of its distance from the first one.
        scale: is f64 = 1.0,
        /// How values between pixels are found; bilinear by default.
        interpolation: is Interpolation = Interpolation::Bilinear,
        /// The value beyond the borders.
        fill_value: is f64 = 0.0,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl RandomPerspective {
    /// Changes with a probability of up to this.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomPerspective {
        RandomPerspective { factor: factor.into(), ..RandomPerspective::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let factor = self.factor.check_meets("factor", [0.0, 1.0]);
        let scale = check_fraction("scale", self.scale);
        let interpolation = check_interpolation(self.interpolation);
        factor.into_iter().chain(scale).chain(interpolation).collect()
    }
}

impl Augmentation for RandomPerspective {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let change = draws.happens(size.count, self.factor.range(0.0));
        let half = 0.5 * self.scale;
        let moved = draws.uniform(&[size.count, 4, 2], [-half, half]);
        let (right, bottom) = (size.width as f64 - 1.0, size.height as f64 - 1.0);
        let corners = [0.0, 0.0, right, 0.0, 0.0, bottom, right, bottom];
        let corners = numbers(&[1, 4, 2], &corners).broadcast_to([size.count, 4, 2]);
        let end = &corners + &corners * moved;
        let drawn = Drawn::new().with("apply_perspective", change);
        drawn.with("start_points", corners).with("end_points", end)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let (start, end) = (drawn.get("start_points"), drawn.get("end_points"));
        let (between, value, format) =
            (self.interpolation, self.fill_value, channels(self.data_format));
        let seen = image::perspective_transform(images, &start, &end, between, value, format);
        drawn.per_image("apply_perspective").select(&seen, images)
    }
}

augmentation_layer!(RandomPerspective, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0)))]
));
