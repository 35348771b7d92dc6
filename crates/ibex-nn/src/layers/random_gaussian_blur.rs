//! `RandomGaussianBlur`: blurs images.

use ibex_graph::Tensor;
use ibex_graph::ops::image;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, channels, clipped,
    config_with, written,
};
use super::options::{DataFormat, Extents};
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Blurs an image, with a random probability, by a Gaussian of random width, the same for all
    /// images of a batch.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_gaussian_blur/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomGaussianBlur};
    ///
    /// let y = RandomGaussianBlur::new(0.5).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomGaussianBlur {
        /// The range of the probability; a number is its upper end.
        factor: into Factor = Factor::One(1.0),
        /// The width and the height of the kernel, odd; 3 by default.
        kernel_size: into Extents<2> = Extents::from(3),
        /// The range of the two standard deviations, up to 1; a number is its upper end.
        sigma: into Factor = Factor::One(1.0),
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

impl RandomGaussianBlur {
    /// Blurs with a probability of up to this.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomGaussianBlur {
        RandomGaussianBlur { factor: factor.into(), ..RandomGaussianBlur::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let even = self.kernel_size.0.iter().any(|extent| extent % 2 == 0).then(|| {
            ConfigError::new("`kernel_size` must be odd")
                .received(format!("kernel_size = {:?}", self.kernel_size.0))
        });
        let bounds = [0.0, 1.0];
        let factor = self.factor.check_meets("factor", bounds);
        factor.into_iter().chain(self.sigma.check_meets("sigma", bounds)).chain(even).collect()
    }
}

impl Augmentation for RandomGaussianBlur {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let blur = draws.happens(size.count, self.factor.range(0.0));
        let sigma = draws.uniform(&[2], self.sigma.range(0.0)) + 1e-6;
        Drawn::new().with("should_apply_blur", blur).with("blur_factor", sigma)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let (size, sigma) = (self.kernel_size.0, drawn.get("blur_factor"));
        let blurred = image::gaussian_blur(images, size, &sigma, channels(self.data_format));
        let changed = drawn.per_image("should_apply_blur").select(&blurred, images);
        clipped(&changed, self.value_range)
    }
}

augmentation_layer!(RandomGaussianBlur, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0))), ("sigma", written(layer.sigma.range(0.0)))]
));
