//! `RandomElasticTransform`: distorts images as if drawn on rubber.

use ibex_graph::Tensor;
use ibex_graph::ops::image::{self, Elasticity, FillMode, Interpolation};

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, channels,
    check_interpolation, clipped, config_with, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Distorts an image smoothly, with a random probability; the strength is the same for all
    /// images of a batch.
    ///
    /// As in Keras on JAX, a pixel moves as far down as to the right.
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_elastic_transform/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomElasticTransform};
    ///
    /// let y = RandomElasticTransform::new(0.5).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomElasticTransform {
        /// The range of the probability; a number is its upper end.
        factor: into Factor = Factor::One(1.0),
        /// The range of the strength; a number is its upper end.
        scale: into Factor = Factor::One(1.0),
        /// How values between pixels are found; bilinear by default.
        interpolation: is Interpolation = Interpolation::Bilinear,
        /// What is beyond the borders: the mirror image about the border by default.
        fill_mode: is FillMode = FillMode::Reflect,
        /// The value beyond the borders in mode `constant`.
        fill_value: is f64 = 0.0,
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

impl RandomElasticTransform {
    /// Distorts with a probability of up to this.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomElasticTransform {
        RandomElasticTransform { factor: factor.into(), ..RandomElasticTransform::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let bounds = [0.0, 1.0];
        let factor = self.factor.check_meets("factor", bounds);
        let scale = self.scale.check_meets("scale", bounds);
        let interpolation = check_interpolation(self.interpolation);
        factor.into_iter().chain(scale).chain(interpolation).collect()
    }
}

impl Augmentation for RandomElasticTransform {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let change = draws.happens(size.count, self.factor.range(0.0));
        let strength = draws.uniform(&[], self.scale.range(0.0));
        let noise = draws.normal(&[size.count, size.height, size.width]);
        let drawn = Drawn::new().with("apply_transform", change);
        drawn.with("distortion_factor", strength).with("noise", noise)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let strongest = self.scale.range(0.0)[1];
        if strongest == 0.0 || self.factor.range(0.0)[1] == 0.0 {
            return images.clone();
        }
        let size = ImageSize::of(images, self.data_format);
        let (longer, shorter) = (size.height.max(size.width), size.height.min(size.width));
        let strength = drawn.get("distortion_factor");
        let sigma = 0.05 * shorter as f64;
        let elasticity = Elasticity {
            alpha: &strength * (0.1 * longer as f64),
            sigma: strength * sigma,
            largest_sigma: sigma * strongest,
        };
        let noise = drawn.get("noise");
        let moved = image::elastic_transform(
            images,
            [&noise, &noise],
            &elasticity,
            self.interpolation,
            self.fill_mode,
            self.fill_value,
            channels(self.data_format),
        );
        let changed = drawn.per_image("apply_transform").select(&moved, images);
        clipped(&changed, self.value_range)
    }
}

augmentation_layer!(RandomElasticTransform, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0))), ("scale", written(layer.scale.range(0.0)))]
));
