//! `RandomColorJitter`: changes brightness, contrast, saturation and hue at random.

use super::{RandomBrightness, RandomContrast, RandomHue, RandomSaturation};
use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, config_with, written,
};
use super::augmentation_steps::{Step, Steps};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Changes brightness, contrast, saturation and hue, in this order, as far as they are given.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_color_jitter/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomColorJitter};
    ///
    /// let jitter = RandomColorJitter::new().brightness_factor(0.2).hue_factor(0.1);
    /// let y = jitter.call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    RandomColorJitter {
        /// The smallest and the largest value of a pixel; 0 and 255 by default.
        value_range: is [f64; 2] = BYTES,
        /// The factor of [`RandomBrightness`].
        brightness_factor: some Factor = None,
        /// The factor of [`RandomContrast`].
        contrast_factor: some Factor = None,
        /// The factor of [`RandomSaturation`].
        saturation_factor: some Factor = None,
        /// The factor of [`RandomHue`].
        hue_factor: some Factor = None,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl RandomColorJitter {
    /// Changes nothing until factors are given.
    #[track_caller]
    pub fn new() -> RandomColorJitter {
        RandomColorJitter::default()
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.steps().into_iter().flat_map(|(_, step)| step.check()).collect()
    }

    /// The changes, with the names under which they draw.
    fn steps(&self) -> Steps {
        let (range, format) = (self.value_range, self.data_format);
        let mut steps: Steps = Vec::new();
        if let Some(factor) = self.brightness_factor {
            let step = RandomBrightness::new(factor).value_range(range).data_format(format);
            steps.push(("random_brightness", Box::new(step)));
        }
        if let Some(factor) = self.contrast_factor {
            let step = RandomContrast::new(factor).value_range(range).data_format(format);
            steps.push(("random_contrast", Box::new(step)));
        }
        if let Some(factor) = self.saturation_factor {
            let step = RandomSaturation::new(factor).value_range(range).data_format(format);
            steps.push(("random_saturation", Box::new(step)));
        }
        if let Some(factor) = self.hue_factor {
            let step = RandomHue::new(factor).value_range(range).data_format(format);
            steps.push(("random_hue", Box::new(step)));
        }
        steps
    }
}

impl Augmentation for RandomColorJitter {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        self.steps()
            .iter()
            .fold(Drawn::new(), |drawn, (name, step)| drawn.with_part(name, step.draw(draws, size)))
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let change = |images: Tensor, (name, step): &(&'static str, Box<dyn Step>)| {
            step.transform(&images, &drawn.part(name))
        };
        self.steps().iter().fold(images.clone(), change)
    }
}

augmentation_layer!(RandomColorJitter, random = true, |layer| config_with(
    layer,
    &[("value_range", written(layer.value_range))]
));
