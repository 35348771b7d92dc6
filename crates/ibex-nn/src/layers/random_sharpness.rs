//! `RandomSharpness`: sharpens or blurs images.

use ibex_graph::Tensor;
use ibex_graph::ops::window::Padding;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, clipped, config_with,
    numbers, sorted, written,
};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Moves each image away from, or towards, its blurred form: 0.5 changes nothing, 0 blurs, 1
    /// sharpens.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_sharpness/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomSharpness};
    ///
    /// let y = RandomSharpness::new(0.2).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomSharpness {
        /// The range of the strength; a number is its upper end.
        factor: into Factor = Factor::One(0.0),
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

impl RandomSharpness {
    /// Sharpens by up to this much.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandomSharpness {
        RandomSharpness { factor: factor.into(), ..RandomSharpness::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [0.0, 1.0]).into_iter().collect()
    }
}

impl Augmentation for RandomSharpness {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        Drawn::new().with("factor", draws.uniform(&[size.count], self.factor.range(0.0)))
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let changed = self.data_format.channels_last(images, |images| {
            let channels = images.dim(3);
            let (edge, middle) = (1.0 / 13.0, 5.0 / 13.0);
            let kernel = [edge, edge, edge, edge, middle, edge, edge, edge, edge];
            let kernel = numbers(&[3, 3, 1, 1], &kernel).cast(images.dtype());
            let kernel = kernel.broadcast_to([3, 3, channels, 1]);
            let one = [1, 1];
            let smooth = images.depthwise_convolution(&kernel, &one, Padding::Same, &one);
            images + (1.0 - drawn.per_image("factor") * 2.0) * (smooth - images)
        });
        clipped(&changed, sorted(self.value_range))
    }
}

augmentation_layer!(RandomSharpness, random = true, |layer| config_with(
    layer,
    &[
        ("factor", written(layer.factor.range(0.0))),
        ("value_range", written(sorted(layer.value_range)))
    ]
));
