//! [`ImageReader`]: image files as arrays, as Keras's `image_dataset_from_directory` gives them.
//!
//! JPEG, PNG, WebP, BMP and GIF (its first frame). Unlike Keras, photos that were taken sideways
//! are turned upright, as every viewer shows them; [`ImageReader::as_stored`] leaves them.
//! It must not know folders or labels beyond the target of a sample.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use ibex_graph::ops::image::{Aspect, Interpolation};
use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;
use image::{DynamicImage, ImageDecoder, Limits};

use super::Samples;
use super::folder::{Files, LabelledFile};
use super::jpeg::with_photo;
use super::resample::Pixels;
use crate::error::{Error, Result};

/// The most pixels of an image: more are refused before memory is taken.
const MOST_PIXELS: u64 = 1 << 28;

/// What a pixel is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorMode {
    /// One channel of brightness.
    Grayscale,
    /// Red, green and blue.
    #[default]
    Rgb,
    /// Red, green, blue and opacity.
    Rgba,
}

impl ColorMode {
    /// The number of channels.
    pub fn channels(self) -> usize {
        match self {
            ColorMode::Grayscale => 1,
            ColorMode::Rgb => 3,
            ColorMode::Rgba => 4,
        }
    }

    /// The mode of so many channels.
    pub fn of_channels(channels: usize) -> Option<ColorMode> {
        [ColorMode::Grayscale, ColorMode::Rgb, ColorMode::Rgba]
            .into_iter()
            .find(|mode| mode.channels() == channels)
    }
}

impl std::str::FromStr for ColorMode {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<ColorMode, ConfigError> {
        match text {
            "grayscale" => Ok(ColorMode::Grayscale),
            "rgb" => Ok(ColorMode::Rgb),
            "rgba" => Ok(ColorMode::Rgba),
            _ => Err(ConfigError::new("unknown color mode")
                .expected("grayscale, rgb or rgba")
                .received(text)),
        }
    }
}

/// How image files become arrays `(1, height, width, channels)` of `float32`, 0 to 255.
///
/// Source: <https://keras.io/api/data_loading/image/>.
#[derive(Clone, Debug)]
pub struct ImageReader {
    size: [usize; 2],
    color_mode: ColorMode,
    interpolation: Interpolation,
    aspect: Aspect,
    upright: bool,
}

impl ImageReader {
    /// Images in this height and width.
    pub fn new(size: [usize; 2]) -> ImageReader {
        ImageReader {
            size,
            color_mode: ColorMode::Rgb,
            interpolation: Interpolation::Bilinear,
            aspect: Aspect::Stretch,
            upright: true,
        }
    }

    /// What a pixel is made of; red, green and blue by default.
    pub fn color_mode(mut self, mode: ColorMode) -> ImageReader {
        self.color_mode = mode;
        self
    }

    /// How values between pixels are found; bilinear by default.
    pub fn interpolation(mut self, interpolation: Interpolation) -> ImageReader {
        self.interpolation = interpolation;
        self
    }

    /// Cuts images of another ratio to it, the same on both sides, instead of stretching them.
    pub fn crop_to_aspect_ratio(mut self) -> ImageReader {
        self.aspect = Aspect::Crop;
        self
    }

    /// Gives images of another ratio black borders instead of stretching them.
    pub fn pad_to_aspect_ratio(mut self) -> ImageReader {
        self.aspect = Aspect::Pad(0.0);
        self
    }

    /// Takes photos as their pixels are stored, as Keras does, also where they say that they were
    /// taken sideways.
    pub fn as_stored(mut self) -> ImageReader {
        self.upright = false;
        self
    }

    /// The height, the width and the channels of what comes out.
    pub fn shape(&self) -> [usize; 3] {
        [self.size[0], self.size[1], self.color_mode.channels()]
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no image.
    pub fn read(&self, path: &Path) -> Result<Array> {
        let unreadable = |source| Error::Io { action: "read", path: path.to_path_buf(), source };
        let bytes = fs::read(path).map_err(unreadable)?;
        self.decode(&bytes).map_err(|reason| {
            Error::Data(
                ConfigError::new(format!("`{}` is no image that can be used", path.display()))
                    .expected("a whole JPEG, PNG, WebP, BMP or GIF file")
                    .received(reason),
            )
        })
    }

    /// A function for [`Dataset::map`](super::Dataset::map): the image of a file and its label.
    pub fn labelled(
        &self,
        files: &Files,
    ) -> impl Fn(LabelledFile) -> Result<Samples> + Send + Sync + 'static {
        let (reader, target) = (self.clone(), files.target());
        move |(path, label)| {
            let x = vec![reader.read(&path)?];
            Ok(Samples { x, y: target(label), weights: Vec::new() })
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<Array, String> {
        if bytes.is_empty() {
            return Err("no bytes".to_string());
        }
        if self.color_mode == ColorMode::Rgb {
            let fit = |[height, width]: [usize; 2], pixels: &[u8]| {
                self.fitted(Pixels::new([height, width, 3], pixels))
            };
            if let Some(array) = with_photo(bytes, self.upright, fit) {
                return array;
            }
        }
        let wrong = |error: image::ImageError| error.to_string();
        let mut reader = image::ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|error| error.to_string())?;
        if reader.format().is_none() {
            return Err("bytes of another kind".to_string());
        }
        reader.limits(Limits::default());
        let mut decoder = reader.into_decoder().map_err(wrong)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(format!("{height} × {width} pixels, more than {MOST_PIXELS}"));
        }
        if width == 0 || height == 0 {
            return Err("an image without pixels".to_string());
        }
        let orientation = decoder.orientation().map_err(wrong)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(wrong)?;
        if self.upright {
            image.apply_orientation(orientation);
        }
        let extents = [image.height() as usize, image.width() as usize, self.color_mode.channels()];
        self.fitted(Pixels::new(extents, &self.bytes(image)))
    }

    /// The image in the wanted size.
    fn fitted(&self, image: Pixels<'_>) -> Result<Array, String> {
        let [height, width, channels] = self.shape();
        let mut array = Array::unset(DType::F32, [1, height, width, channels]);
        let values = array.as_mut_slice().map_err(|error| error.to_string())?;
        self.fit(image, values);
        Ok(array)
    }

    /// The channels of the pixels.
    fn bytes(&self, image: DynamicImage) -> Vec<u8> {
        match (self.color_mode, image) {
            (ColorMode::Grayscale, DynamicImage::ImageLuma8(gray)) => gray.into_raw(),
            (ColorMode::Grayscale, image) => {
                image.into_rgb8().pixels().map(|p| brightness(p.0)).collect()
            }
            (ColorMode::Rgb, image) => image.into_rgb8().into_raw(),
            (ColorMode::Rgba, image) => image.into_rgba8().into_raw(),
        }
    }

    /// Writes the image in the wanted size.
    fn fit(&self, image: Pixels<'_>, to: &mut [f32]) {
        let [height, width, channels] = image.extents;
        let [to_height, to_width] = self.size;
        match self.aspect {
            Aspect::Stretch => image.resize(self.size, self.interpolation, to),
            Aspect::Crop => {
                let part = |own: usize, other: usize, to: usize, to_other: usize| {
                    let wanted = (other * to) as f64 / to_other.max(1) as f64;
                    (wanted as usize).min(own).max(1)
                };
                let kept = [
                    part(height, width, to_height, to_width),
                    part(width, height, to_width, to_height),
                ];
                let start = [(height - kept[0]) / 2, (width - kept[1]) / 2];
                image.crop(start, kept).resize(self.size, self.interpolation, to);
            }
            Aspect::Pad(value) => {
                // As TensorFlow pads, whose function Keras calls here: the image is resized first.
                let ratio = (height as f64 / to_height as f64).max(width as f64 / to_width as f64);
                let inner = [height, width].map(|extent| extent as f64 / ratio);
                let border =
                    |to: usize, inner: f64| ((to as f64 - inner) / 2.0).floor().max(0.0) as usize;
                let at = [border(to_height, inner[0]), border(to_width, inner[1])];
                let inner = inner.map(|extent| (extent.floor() as usize).max(1));
                let mut small = vec![0.0; inner[0] * inner[1] * channels];
                image.resize(inner, self.interpolation, &mut small);
                to.fill(value as f32);
                let lines = to.chunks_exact_mut((to_width * channels).max(1)).skip(at[0]);
                for (to, from) in lines.zip(small.chunks_exact(inner[1] * channels)) {
                    let to = &mut to[at[1] * channels..];
                    let count = to.len().min(from.len());
                    to[..count].copy_from_slice(&from[..count]);
                }
            }
        }
    }
}

/// The brightness of a colour (ITU-R BT.601) in fifteen bits, cut off, as libpng computes it, which
/// Keras reads with.
fn brightness([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 9797 * u32::from(red) + 19_234 * u32::from(green) + 3737 * u32::from(blue);
    // The factors add up to 2^15.
    (sum >> 15) as u8
}
