//! `RandAugment`: changes images by randomly chosen operations.

use ibex_graph::DType;
use ibex_graph::Tensor;
use ibex_graph::ops::image::Interpolation;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, config_with, written,
};
use super::augmentation_steps::{Operations, Steps};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Applies, one after the other, operations chosen at random for each batch.
    ///
    /// They are shearing, moving, turning, brightness, grey, contrast, sharpness, posterization,
    /// solarization, automatic contrast and equalization.
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: Cubuk et al., "RandAugment: practical automated data augmentation with a reduced
    /// search space", 2019.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/rand_augment/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandAugment};
    ///
    /// let y = RandAugment::new(0.3).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandAugment {
        /// The smallest and the largest value of a pixel; 0 and 255 by default.
        value_range: is [f64; 2] = BYTES,
        /// How many operations are applied; 2 by default.
        num_ops: is usize = 2,
        /// The range of the strength of all operations; a number is its upper end.
        factor: into Factor = Factor::One(0.5),
        /// How values between pixels are found; bilinear by default.
        interpolation: is Interpolation = Interpolation::Bilinear,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl RandAugment {
    /// Operations of up to this strength.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> RandAugment {
        RandAugment { factor: factor.into(), ..RandAugment::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let factor = self.factor.check_meets("factor", [0.0, 1.0]);
        let inner = self.steps().into_iter().flat_map(|(_, step)| step.check());
        factor.map_or_else(|| inner.collect(), |error| vec![error])
    }

    fn steps(&self) -> Steps {
        let strength = self.factor.range(0.0);
        let steps = Operations {
            strength,
            value_range: self.value_range,
            interpolation: self.interpolation,
            data_format: self.data_format,
        };
        steps.named(&NAMES)
    }
}

impl Augmentation for RandAugment {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let chosen = draws.integers(&[self.num_ops], 0, NAMES.len() as i64);
        let drawn = Drawn::new().with("layer_idxes", chosen);
        self.steps()
            .iter()
            .fold(drawn, |drawn, (name, step)| drawn.with_part(name, step.draw(draws, size)))
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let chosen = drawn.get("layer_idxes");
        let mut images = images.clone();
        for operation in 0..self.num_ops as isize {
            let index = chosen.slice_axis(0, operation..operation + 1).cast(DType::I32);
            let mut changed = images.clone();
            for (at, (name, step)) in self.steps().iter().enumerate() {
                let this = index.equal(&Tensor::full(DType::I32, [1], at as f64));
                let result = step.transform(&images, &drawn.part(name));
                changed = this.reshape([1, 1, 1, 1]).select(&result, &changed);
            }
            images = changed;
        }
        images
    }
}
/// The operations, in the order of their numbers.
const NAMES: [&str; 11] = [
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
];

augmentation_layer!(RandAugment, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0))), ("value_range", written(layer.value_range))]
));
