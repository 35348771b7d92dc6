//! `RandomZoom`: makes images larger or smaller.

use ibex_graph::DType;
use ibex_graph::Tensor;
use ibex_graph::ops::image::{FillMode, Interpolation};

use super::augmentation::{
    Augmentation, Drawn, Draws, Factor, Filling, ImageSize, augmentation_layer,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Makes what each image shows larger (below 0) or smaller (above 0), about its middle.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_zoom/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomZoom};
    ///
    /// let y = RandomZoom::new(0.1).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomZoom {
        /// The range of the change of the height, a share; a number stands for both directions.
        height_factor: into Factor = Factor::One(0.0),
        /// The range of the change of the width; that of the height, with one draw for both, by
        /// default.
        width_factor: some Factor = None,
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

impl RandomZoom {
    /// Changes height and width alike, by up to this share.
    #[track_caller]
    pub fn new(height_factor: impl Into<Factor>) -> RandomZoom {
        RandomZoom { height_factor: height_factor.into(), ..RandomZoom::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        // From -1 the image would have no extent.
        let wrong = |name: &str, factor: Factor| {
            let lowest = match factor {
                Factor::One(number) => number,
                Factor::Range([first, second]) => first.min(second),
            };
            let error = || factor.error(name, "above -1 and up to 1");
            (lowest <= -1.0).then(error).or_else(|| factor.check_within(name, [-1.0, 1.0]))
        };
        let height = wrong("height_factor", self.height_factor);
        let width = self.width_factor.and_then(|factor| wrong("width_factor", factor));
        height.into_iter().chain(width).chain(self.filling().check()).collect()
    }

    fn filling(&self) -> Filling {
        let (mode, value) = (self.fill_mode, self.fill_value);
        Filling { mode, value, interpolation: self.interpolation }
    }
}

impl Augmentation for RandomZoom {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let mut zoom = |factor: Factor| {
            draws.uniform(&[size.count, 1], factor.range(-1.0).map(|share| 1.0 + share))
        };
        let height = zoom(self.height_factor);
        let width = self.width_factor.map_or_else(|| height.clone(), zoom);
        Drawn::new().with("height_zoom", height).with("width_zoom", width)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let (height, width) = (drawn.get("height_zoom"), drawn.get("width_zoom"));
        let size = ImageSize::of(images, self.data_format);
        let kept = |extent: usize, zoom: &Tensor| (1.0 - zoom) * ((extent as f64 - 1.0) / 2.0);
        let (right, down) = (kept(size.width, &width), kept(size.height, &height));
        let zero = Tensor::full(DType::F32, [1, 1], 0.0);
        let matrix = [width, zero.clone(), right, zero, height, down];
        self.filling().affine(images, matrix, self.data_format)
    }
}

augmentation_layer!(RandomZoom, random = true, |layer| serde_json::to_value(layer)
    .unwrap_or_default());
