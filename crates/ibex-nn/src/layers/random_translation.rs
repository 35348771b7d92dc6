//! `RandomTranslation`: moves images.

use ibex_graph::DType;
use ibex_graph::Tensor;
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::image::{FillMode, Interpolation};

use super::augmentation::{
    Augmentation, Drawn, Draws, Factor, Filling, ImageSize, augmentation_layer,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Moves each image by a random share of its height and width.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_translation/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomTranslation};
    ///
    /// let y = RandomTranslation::new(0.1, [-0.2, 0.3]).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomTranslation {
        /// The range of the move down, as a share of the height; a number stands for both
        /// directions.
        height_factor: into Factor = Factor::One(0.0),
        /// The range of the move to the right, as a share of the width.
        width_factor: into Factor = Factor::One(0.0),
        /// What is beyond the borders: the mirror image about the border by default.
        fill_mode: is FillMode = FillMode::Reflect,
        /// How values between pixels are found; bilinear by default.
        interpolation: is Interpolation = Interpolation::Bilinear,
        /// The value beyond the borders in mode `constant`.
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

impl RandomTranslation {
    /// Moves by up to these shares of the height and the width.
    #[track_caller]
    pub fn new(
        height_factor: impl Into<Factor>,
        width_factor: impl Into<Factor>,
    ) -> RandomTranslation {
        let (height_factor, width_factor) = (height_factor.into(), width_factor.into());
        RandomTranslation { height_factor, width_factor, ..RandomTranslation::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let bounds = [-1.0, 1.0];
        let height = self.height_factor.check_within("height_factor", bounds);
        let width = self.width_factor.check_within("width_factor", bounds);
        height.into_iter().chain(width).chain(self.filling().check()).collect()
    }

    fn filling(&self) -> Filling {
        let (mode, value) = (self.fill_mode, self.fill_value);
        Filling { mode, value, interpolation: self.interpolation }
    }
}

impl Augmentation for RandomTranslation {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let dims = [size.count, 1];
        let down = draws.uniform(&dims, self.height_factor.range(-1.0)) * size.height as f64;
        let right = draws.uniform(&dims, self.width_factor.range(-1.0)) * size.width as f64;
        Drawn::new().with("translations", concatenate(&[right, down], 1))
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let moved = drawn.get("translations");
        let (right, down) = (moved.slice_axis(1, ..1), moved.slice_axis(1, 1..));
        let number = |value: f64| Tensor::full(DType::F32, [1, 1], value);
        let (zero, one) = (number(0.0), number(1.0));
        let matrix = [one.clone(), zero.clone(), -right, zero, one, -down];
        self.filling().affine(images, matrix, self.data_format)
    }
}

augmentation_layer!(RandomTranslation, random = true, |layer| serde_json::to_value(layer)
    .unwrap_or_default());
