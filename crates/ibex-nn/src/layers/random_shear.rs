//! `RandomShear`: slants images.

use ibex_graph::DType;
use ibex_graph::Tensor;
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::image::{FillMode, Interpolation};

use super::augmentation::{
    Augmentation, Drawn, Draws, Factor, Filling, ImageSize, augmentation_layer, config_with,
    written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Slants each image, to either side with the same probability.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_shear/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomShear};
    ///
    /// let y = RandomShear::new(0.1, [0.0, 0.2]).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomShear {
        /// The range of the slant along the width, between 0 and 1; a number stands for both
        /// directions.
        x_factor: into Factor = Factor::One(0.0),
        /// The range of the slant along the height.
        y_factor: into Factor = Factor::One(0.0),
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

impl RandomShear {
    /// Slants by up to these amounts along the width and the height.
    #[track_caller]
    pub fn new(x_factor: impl Into<Factor>, y_factor: impl Into<Factor>) -> RandomShear {
        let (x_factor, y_factor) = (x_factor.into(), y_factor.into());
        RandomShear { x_factor, y_factor, ..RandomShear::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let wrong = |name: &str, factor: Factor| match factor {
            // What Keras writes for a number, though it refuses to read it.
            Factor::Range([low, high]) if low == -high => factor.check_within(name, [-1.0, 1.0]),
            _ => factor.check_within(name, [0.0, 1.0]),
        };
        let (x, y) = (wrong("x_factor", self.x_factor), wrong("y_factor", self.y_factor));
        x.into_iter().chain(y).chain(self.filling().check()).collect()
    }

    fn filling(&self) -> Filling {
        let (mode, value) = (self.fill_mode, self.fill_value);
        Filling { mode, value, interpolation: self.interpolation }
    }
}

impl Augmentation for RandomShear {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let dims = [size.count, 1];
        let chance = draws.uniform(&dims, [0.0, 1.0]);
        let one = chance.ones_like();
        let side = chance.greater(&(&one * 0.5)).select(&-&one, &one);
        let y = draws.uniform(&dims, self.y_factor.range(-1.0));
        let x = draws.uniform(&dims, self.x_factor.range(-1.0));
        Drawn::new().with("shear_factor", concatenate(&[x * &side, y * &side], 1))
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let shear = drawn.get("shear_factor");
        let (x, y) = (shear.slice_axis(1, ..1), shear.slice_axis(1, 1..));
        let number = |value: f64| Tensor::full(DType::F32, [1, 1], value);
        let (zero, one) = (number(0.0), number(1.0));
        let matrix = [one.clone(), x, zero.clone(), y, one, zero];
        self.filling().affine(images, matrix, self.data_format)
    }
}

augmentation_layer!(RandomShear, random = true, |layer| config_with(
    layer,
    &[
        ("x_factor", written(layer.x_factor.range(-1.0))),
        ("y_factor", written(layer.y_factor.range(-1.0)))
    ]
));
