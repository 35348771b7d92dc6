//! Images: in the size and the colours that the model wants.

use ibex_graph::ops::image::Interpolation;
use ibex_nn::ConfigError;
use serde::{Deserialize, Serialize};

use super::{Wanted, label_mode};
use crate::data::folder::{Files, LabelMode};
use crate::data::image::{ColorMode, ImageReader};
use crate::error::{Error, Result};

/// The height and width where neither the user nor the model says any.
const SIZE: [usize; 2] = [128, 128];

/// What can be chosen about images.
#[derive(Clone, Debug, Default)]
pub struct ImageChoices {
    /// Height and width.
    pub size: Option<[usize; 2]>,
    /// What a pixel is made of.
    pub color_mode: Option<ColorMode>,
    /// How values between pixels are found.
    pub interpolation: Interpolation,
    /// Whether images are cut to the ratio instead of stretched.
    pub crop_to_aspect_ratio: bool,
}

/// How images become arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageRecipe {
    height: usize,
    width: usize,
    channels: usize,
    interpolation: Interpolation,
    crop_to_aspect_ratio: bool,
    class_names: Vec<String>,
    labels: LabelMode,
}

impl ImageChoices {
    pub(super) fn recipe(&self, files: &Files, wanted: &Wanted) -> Result<ImageRecipe> {
        let shape = wanted.shape.as_deref();
        let model = match shape {
            None => [None; 3],
            Some(&[height, width, channels]) => [height, width, channels],
            Some(other) => {
                let extent = |e: &Option<usize>| e.map_or("None".to_string(), |e| e.to_string());
                let text: Vec<String> = other.iter().map(extent).collect();
                return Err(Error::Data(
                    ConfigError::new("the model takes no images")
                        .expected("an input of height, width and channels")
                        .received(format!("({})", text.join(", "))),
                ));
            }
        };
        let size = self.size.unwrap_or([model[0].unwrap_or(SIZE[0]), model[1].unwrap_or(SIZE[1])]);
        let color_mode = match (self.color_mode, model[2]) {
            (Some(mode), _) => mode,
            (None, None) => ColorMode::Rgb,
            (None, Some(channels)) => ColorMode::of_channels(channels).ok_or_else(|| {
                Error::Data(
                    ConfigError::new("the model takes no images")
                        .expected("1, 3 or 4 channels")
                        .received(channels.to_string()),
                )
            })?,
        };
        let labels = label_mode(wanted.labels, files.class_names().len());
        Ok(ImageRecipe {
            height: size[0],
            width: size[1],
            channels: color_mode.channels(),
            interpolation: self.interpolation,
            crop_to_aspect_ratio: self.crop_to_aspect_ratio,
            class_names: files.class_names().to_vec(),
            labels,
        })
    }
}

impl ImageRecipe {
    /// Height, width and channels.
    pub(super) fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    pub(super) fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The files with labels as the recipe has them, and what reads them.
    pub(super) fn reading(&self, files: Files) -> Result<(Files, ImageReader)> {
        let files = super::known_classes(files, &self.class_names, self.labels)?;
        let mut reader = ImageReader::new([self.height, self.width])
            .interpolation(self.interpolation)
            .color_mode(ColorMode::of_channels(self.channels).unwrap_or_default());
        if self.crop_to_aspect_ratio {
            reader = reader.crop_to_aspect_ratio();
        }
        Ok((files, reader))
    }
}
