//! The operations of which some augmentations are made, by the names under which they draw.
//!
//! `RandAugment` and `AugMix` choose among the same operations, in an order of their own.

use ibex_graph::ops::image::Interpolation;

use super::augmentation::{Augmentation, Factor};
use super::options::DataFormat;
use super::{
    AutoContrast, Equalization, RandomBrightness, RandomColorDegeneration, RandomContrast,
    RandomPosterization, RandomRotation, RandomSharpness, RandomShear, RandomTranslation,
    Solarization,
};
use crate::layer::Layer;

/// A layer that is a step of another one.
pub(super) trait Step: Layer + Augmentation {}

impl<T: Layer + Augmentation> Step for T {}

/// Steps with the names under which they draw.
pub(super) type Steps = Vec<(&'static str, Box<dyn Step>)>;

/// What the operations have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operations {
    pub strength: [f64; 2],
    pub value_range: [f64; 2],
    pub interpolation: Interpolation,
    pub data_format: DataFormat,
}

impl Operations {
    /// The operations of these names, in this order.
    pub(super) fn named(&self, names: &[&'static str]) -> Steps {
        names.iter().filter_map(|name| Some((*name, self.operation(name)?))).collect()
    }

    fn operation(&self, name: &str) -> Option<Box<dyn Step>> {
        let Operations { strength, value_range: range, interpolation, data_format: format } = *self;
        // One number: the largest count of bits, of which there is one at least.
        let bits = (8.0 * strength[1]).floor().max(1.0);
        Some(match name {
            "random_shear" => Box::new(
                RandomShear::new(strength, strength)
                    .interpolation(interpolation)
                    .data_format(format),
            ),
            "random_translation" => Box::new(
                RandomTranslation::new(strength, strength)
                    .interpolation(interpolation)
                    .data_format(format),
            ),
            "random_rotation" => Box::new(
                RandomRotation::new(strength).interpolation(interpolation).data_format(format),
            ),
            "random_brightness" => {
                Box::new(RandomBrightness::new(strength).value_range(range).data_format(format))
            }
            "random_color_degeneration" => Box::new(
                RandomColorDegeneration::new(strength).value_range(range).data_format(format),
            ),
            "random_contrast" => {
                Box::new(RandomContrast::new(strength).value_range(range).data_format(format))
            }
            "random_sharpness" => {
                Box::new(RandomSharpness::new(strength).value_range(range).data_format(format))
            }
            "random_posterization" => Box::new(
                RandomPosterization::new(Factor::One(bits)).value_range(range).data_format(format),
            ),
            "solarization" => Box::new(
                Solarization::new(strength, strength).value_range(range).data_format(format),
            ),
            "auto_contrast" => Box::new(AutoContrast::new().value_range(range).data_format(format)),
            "equalization" => Box::new(Equalization::new().value_range(range).data_format(format)),
            _ => return None,
        })
    }
}
