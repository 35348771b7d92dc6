//! `RandomRotation`: turns images around their middle.

use ibex_graph::DType;
use ibex_graph::Tensor;
use ibex_graph::ops::image::{FillMode, Interpolation};

use super::augmentation::{
    Augmentation, Drawn, Draws, Factor, Filling, ImageSize, augmentation_layer, config_with,
    written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Turns each image around its middle by a random angle.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_rotation/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomRotation};
    ///
    /// let y = RandomRotation::new(0.1).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomRotation {
        /// The range of angles as a share of a full turn; a number stands for both directions.
        factor: into Factor = Factor::One(0.0),
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

impl RandomRotation {
    /// Turns by up to this share of a full turn.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomRotation {
        RandomRotation { factor: factor.into(), ..RandomRotation::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let bounds = self.factor.check_meets("factor", [-1.0, 1.0]);
        bounds.into_iter().chain(self.filling().check()).collect()
    }

    fn filling(&self) -> Filling {
        let (mode, value) = (self.fill_mode, self.fill_value);
        Filling { mode, value, interpolation: self.interpolation }
    }
}

impl Augmentation for RandomRotation {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let range = self.factor.range(-1.0).map(|share| share * 360.0);
        Drawn::new().with("angle", draws.uniform(&[size.count], range))
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let angle = drawn.get("angle");
        let angle = (&angle * (std::f64::consts::PI / 180.0)).reshape([angle.shape().size(), 1]);
        let size = ImageSize::of(images, self.data_format);
        let middle = |extent: usize| (extent as f64 - 1.0) * 0.5;
        let (x, y) = (middle(size.width), middle(size.height));
        let (cos, sin) = (angle.cast(DType::F32).cos(), angle.cast(DType::F32).sin());
        let right = x - &cos * x + &sin * y;
        let down = y - &sin * x - &cos * y;
        let matrix = [cos.clone(), -&sin, right, sin, cos, down];
        self.filling().affine(images, matrix, self.data_format)
    }
}

augmentation_layer!(RandomRotation, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(-1.0)))]
));
