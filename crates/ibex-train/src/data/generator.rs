//! [`ImageDataGenerator`]: images turned, moved and stretched at random, as Keras's class of this
//! name does.
//!
//! What a transformation does to an image is Keras's, number for number; which transformation an
//! image gets follows from its place in the pass, so that it is the same for any number of
//! workers. Whitening (`zca_whitening`) is absent: it needs all images at once, as one matrix.
//! Source: <https://keras.io/2/api/preprocessing/image/>.

use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;

use super::Samples;
use super::adapters::Map;
pub use super::affine::FillMode;
use super::affine::{Affine, resampled};
use super::dataset::{Dataset, Items, Place};
use super::folder::{Files, LabelledFile};
use super::image::ImageReader;
use crate::error::{Error, Result};

/// What keeps deviations from being divided by nothing.
const EPSILON: f32 = 1e-6;

/// How far an image is moved along an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Shift {
    /// Up to this share of the extent, or so many pixels if it is 1 or more.
    UpTo(f64),
    /// One of these numbers of pixels, in either direction.
    OneOf(Vec<f64>),
}

/// Images changed at random, as `keras.preprocessing.image.ImageDataGenerator` does.
///
/// ```
/// use ibex_graph::{Array, DType};
/// use ibex_train::data::{Dataset, ImageDataGenerator, Pass};
/// use ibex_train::Samples;
///
/// let images = Array::full(DType::U8, [8, 16, 16, 3], 51.0);
/// let labels = Array::zeros(DType::I32, [8]);
/// let samples = Samples { x: vec![images], y: vec![labels], weights: Vec::new() };
/// let generator =
///     ImageDataGenerator::new().rotation_range(20.0).horizontal_flip().rescale(1.0 / 255.0);
/// let batch = generator.flow(&samples)?.batch(4).pass(Pass::default()).next().unwrap()?;
/// assert_eq!(batch.x[0].shape().dims(), [4, 16, 16, 3]);
/// assert!((batch.x[0].to_f64_vec()[0] - 0.2).abs() < 1e-6);
/// # Ok::<(), ibex_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ImageDataGenerator {
    rotation_range: f64,
    width_shift: Option<Shift>,
    height_shift: Option<Shift>,
    brightness_range: Option<[f64; 2]>,
    shear_range: f64,
    zoom_range: [f64; 2],
    channel_shift_range: f64,
    fill_mode: FillMode,
    cval: f64,
    horizontal_flip: bool,
    vertical_flip: bool,
    rescale: Option<f32>,
    samplewise_center: bool,
    samplewise_std_normalization: bool,
    featurewise_center: bool,
    featurewise_std_normalization: bool,
    interpolation_order: u8,
    /// Mean and deviation of each channel of the images that it was fitted to.
    mean: Option<Vec<f32>>,
    deviation: Option<Vec<f32>>,
}

impl Default for ImageDataGenerator {
    fn default() -> ImageDataGenerator {
        ImageDataGenerator {
            rotation_range: 0.0,
            width_shift: None,
            height_shift: None,
            brightness_range: None,
            shear_range: 0.0,
            zoom_range: [1.0; 2],
            channel_shift_range: 0.0,
            fill_mode: FillMode::Nearest,
            cval: 0.0,
            horizontal_flip: false,
            vertical_flip: false,
            rescale: None,
            samplewise_center: false,
            samplewise_std_normalization: false,
            featurewise_center: false,
            featurewise_std_normalization: false,
            interpolation_order: 1,
            mean: None,
            deviation: None,
        }
    }
}

/// What is done to an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// The angle in degrees.
    pub theta: f64,
    /// Keras's `tx`, drawn from the shift along the height; it moves along the width.
    pub tx: f64,
    /// Keras's `ty`, drawn from the shift along the width; it moves along the height.
    pub ty: f64,
    /// The angle of the shear in degrees.
    pub shear: f64,
    /// Keras's `zx`: the zoom along the width.
    pub zx: f64,
    /// Keras's `zy`: the zoom along the height.
    pub zy: f64,
    /// Whether left and right change places.
    pub flip_horizontal: bool,
    /// Whether top and bottom change places.
    pub flip_vertical: bool,
    /// What is added to every channel, within the range of the image.
    pub channel_shift_intensity: Option<f64>,
    /// The brightness, as a factor.
    pub brightness: Option<f64>,
}

impl Default for Transform {
    /// Nothing.
    fn default() -> Transform {
        Transform {
            theta: 0.0,
            tx: 0.0,
            ty: 0.0,
            shear: 0.0,
            zx: 1.0,
            zy: 1.0,
            flip_horizontal: false,
            flip_vertical: false,
            channel_shift_intensity: None,
            brightness: None,
        }
    }
}

macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])* pub fn $name(mut self) -> ImageDataGenerator {
            self.$name = true;
            self
        })*
    };
}

impl ImageDataGenerator {
    /// Images as they are.
    pub fn new() -> ImageDataGenerator {
        ImageDataGenerator::default()
    }

    /// Turns by up to so many degrees in either direction.
    pub fn rotation_range(mut self, degrees: f64) -> ImageDataGenerator {
        self.rotation_range = degrees;
        self
    }

    /// Moves along the width.
    pub fn width_shift(mut self, shift: Shift) -> ImageDataGenerator {
        self.width_shift = Some(shift);
        self
    }

    /// Moves along the width by up to this share of it.
    pub fn width_shift_range(self, share: f64) -> ImageDataGenerator {
        self.width_shift(Shift::UpTo(share))
    }

    /// Moves along the height.
    pub fn height_shift(mut self, shift: Shift) -> ImageDataGenerator {
        self.height_shift = Some(shift);
        self
    }

    /// Moves along the height by up to this share of it.
    pub fn height_shift_range(self, share: f64) -> ImageDataGenerator {
        self.height_shift(Shift::UpTo(share))
    }

    /// Multiplies the brightness by a factor from the first up to the second number.
    pub fn brightness_range(mut self, low: f64, high: f64) -> ImageDataGenerator {
        self.brightness_range = Some([low, high]);
        self
    }

    /// Shears by up to so many degrees in either direction.
    pub fn shear_range(mut self, degrees: f64) -> ImageDataGenerator {
        self.shear_range = degrees;
        self
    }

    /// Zooms by a factor from `1 - range` to `1 + range`, another one for height and width.
    pub fn zoom_range(self, range: f64) -> ImageDataGenerator {
        self.zoom_between(1.0 - range, 1.0 + range)
    }

    /// Zooms by a factor from the first up to the second number.
    pub fn zoom_between(mut self, low: f64, high: f64) -> ImageDataGenerator {
        self.zoom_range = [low, high];
        self
    }

    /// Adds up to so much to every channel, or takes it away.
    pub fn channel_shift_range(mut self, range: f64) -> ImageDataGenerator {
        self.channel_shift_range = range;
        self
    }

    /// What lies beyond the border of an image; its nearest pixel by default.
    pub fn fill_mode(mut self, mode: FillMode) -> ImageDataGenerator {
        self.fill_mode = mode;
        self
    }

    /// The value beyond the border for [`FillMode::Constant`].
    pub fn cval(mut self, value: f64) -> ImageDataGenerator {
        self.cval = value;
        self
    }

    /// Multiplies the pixels by this, after everything else.
    pub fn rescale(mut self, factor: f32) -> ImageDataGenerator {
        self.rescale = Some(factor);
        self
    }

    /// 1 for straight lines between pixels, 0 for the nearest one.
    pub fn interpolation_order(mut self, order: u8) -> ImageDataGenerator {
        self.interpolation_order = order;
        self
    }

    switches! {
        /// Turns left and right around, half of the time.
        horizontal_flip;
        /// Turns top and bottom around, half of the time.
        vertical_flip;
        /// Takes the mean of each image from it.
        samplewise_center;
        /// Divides each image by its deviation.
        samplewise_std_normalization;
        /// Takes the mean of the images that it was fitted to from each.
        featurewise_center;
        /// Divides by the deviation of the images that it was fitted to.
        featurewise_std_normalization;
    }

    /// Whether the parameters can be meant.
    ///
    /// # Errors
    /// Naming the one that cannot.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str, expected: &str, received: String| {
            let error = ConfigError::new(what).expected(expected).received(received);
            Err(Error::Config(error))
        };
        if self.interpolation_order > 1 {
            let received = self.interpolation_order.to_string();
            return wrong("`interpolation_order` is not known", "0 or 1", received);
        }
        let [low, high] = self.zoom_range;
        if !(low > 0.0 && low <= high && high.is_finite()) {
            let received = format!("{low} to {high}");
            return wrong("`zoom_range` cannot be", "factors above 0, rising", received);
        }
        if let Some([low, high]) = self.brightness_range
            && !(low >= 0.0 && low <= high && high.is_finite())
        {
            let received = format!("{low} to {high}");
            return wrong("`brightness_range` cannot be", "factors of 0 or more, rising", received);
        }
        for (name, range) in [
            ("rotation_range", self.rotation_range),
            ("shear_range", self.shear_range),
            ("channel_shift_range", self.channel_shift_range),
        ] {
            if !(range >= 0.0 && range.is_finite()) {
                let what = format!("`{name}` cannot be");
                return wrong(&what, "a number of 0 or more", range.to_string());
            }
        }
        Ok(())
    }

    /// Learns mean and deviation of each channel, for [`ImageDataGenerator::featurewise_center`]
    /// and [`ImageDataGenerator::featurewise_std_normalization`].
    ///
    /// # Errors
    /// If these are no images `(batch, height, width, channels)`.
    pub fn fit(&mut self, images: &Array) -> Result<()> {
        let [count, height, width, channels] = images.shape().dims() else {
            return Err(no_images(images));
        };
        let scale = f64::from(self.rescale.unwrap_or(1.0));
        let values = images.to_f64_vec();
        let pixels = (count * height * width).max(1) as f64;
        let of = |channel: usize| values.iter().skip(channel).step_by(*channels);
        let means: Vec<f64> =
            (0..*channels).map(|c| of(c).map(|v| v * scale).sum::<f64>() / pixels).collect();
        let deviation = |c: usize| {
            let squares = of(c).map(|v| (v * scale - means[c]).powi(2)).sum::<f64>();
            (squares / pixels).sqrt() as f32
        };
        self.deviation = Some((0..*channels).map(deviation).collect());
        self.mean = Some(means.into_iter().map(|mean| mean as f32).collect());
        Ok(())
    }

    /// The transformation that belongs to a place, for images of this height and width.
    pub fn random_transform(&self, size: [usize; 2], place: Place) -> Transform {
        /// The stream of random numbers, apart from those of users' own functions.
        const STREAM: u32 = 0x1D6;
        let draw = place.draw(STREAM);
        let uniform = |index: u64| f64::from(draw.uniform(index));
        let between = |index: u64, low: f64, high: f64| low + (high - low) * uniform(index);
        let around = |index: u64, range: f64| between(index, -range, range);
        let shift = |index: u64, shift: &Option<Shift>, extent: usize| match shift {
            None => 0.0,
            Some(Shift::UpTo(range)) if *range < 1.0 => around(index, *range) * extent as f64,
            Some(Shift::UpTo(range)) => around(index, *range),
            Some(Shift::OneOf(steps)) => {
                let chosen = (uniform(index) * steps.len() as f64) as usize;
                let sign = if uniform(index + 1) < 0.5 { -1.0 } else { 1.0 };
                steps.get(chosen).copied().unwrap_or(0.0) * sign
            }
        };
        let zoom = |index: u64| between(index, self.zoom_range[0], self.zoom_range[1]);
        let shifted = self.channel_shift_range != 0.0;
        Transform {
            theta: around(0, self.rotation_range),
            tx: shift(1, &self.height_shift, size[0]),
            ty: shift(3, &self.width_shift, size[1]),
            shear: around(5, self.shear_range),
            zx: zoom(6),
            zy: zoom(7),
            flip_horizontal: self.horizontal_flip && uniform(8) < 0.5,
            flip_vertical: self.vertical_flip && uniform(9) < 0.5,
            channel_shift_intensity: shifted.then(|| around(10, self.channel_shift_range)),
            brightness: self.brightness_range.map(|[low, high]| between(11, low, high)),
        }
    }

    /// An image `(height, width, channels)` transformed; Keras's `apply_transform`.
    ///
    /// # Errors
    /// If this is no image.
    pub fn apply_transform(&self, image: &Array, transform: &Transform) -> Result<Array> {
        let &[height, width, channels] = image.shape().dims() else { return Err(no_images(image)) };
        let extents = [height, width, channels];
        let mut values = image.to_f32_vec();
        if let Some(affine) = Affine::of(transform, height, width) {
            let fill = (self.fill_mode, self.cval);
            values = resampled(&values, extents, &affine, fill, self.interpolation_order);
        }
        if let Some(intensity) = transform.channel_shift_intensity {
            let (low, high) = range(&values);
            values.iter_mut().for_each(|v| *v = (*v + intensity as f32).clamp(low, high));
        }
        if transform.flip_horizontal {
            for row in values.chunks_exact_mut((width * channels).max(1)) {
                let pixels = row.to_vec();
                let mirrored = pixels.chunks_exact(channels.max(1)).rev().flatten();
                row.iter_mut().zip(mirrored).for_each(|(to, from)| *to = *from);
            }
        }
        if transform.flip_vertical {
            let rows = values.clone();
            let line = (width * channels).max(1);
            let mirrored = rows.chunks_exact(line).rev().flatten();
            values.iter_mut().zip(mirrored).for_each(|(to, from)| *to = *from);
        }
        if let Some(factor) = transform.brightness {
            brighten(&mut values, factor as f32);
        }
        Ok(Array::from_slice(extents, &values)?)
    }

    /// Pixels rescaled and normalised, after they were transformed; Keras's `standardize`.
    fn standardize(&self, values: &mut [f32], channels: usize) {
        if let Some(factor) = self.rescale {
            values.iter_mut().for_each(|v| *v *= factor);
        }
        let count = values.len().max(1) as f64;
        let mean = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        if self.samplewise_center || self.samplewise_std_normalization {
            let mean = mean(values) as f32;
            values.iter_mut().for_each(|v| *v -= mean);
        }
        if self.samplewise_std_normalization {
            let middle = mean(values);
            let squares: f64 = values.iter().map(|&v| (f64::from(v) - middle).powi(2)).sum();
            let deviation = (squares / count).sqrt() as f32 + EPSILON;
            values.iter_mut().for_each(|v| *v /= deviation);
        }
        let per_channel = |known: &Option<Vec<f32>>, values: &mut [f32], f: fn(f32, f32) -> f32| {
            if let Some(known) = known {
                for pixel in values.chunks_exact_mut(channels.max(1)) {
                    pixel.iter_mut().zip(known).for_each(|(v, k)| *v = f(*v, *k));
                }
            }
        };
        if self.featurewise_center || self.featurewise_std_normalization {
            per_channel(&self.mean, values, |value, mean| value - mean);
        }
        if self.featurewise_std_normalization {
            per_channel(&self.deviation, values, |value, by| value / (by + EPSILON));
        }
    }

    /// A sample `(1, height, width, channels)` as the generator gives it at a place.
    fn generated(&self, image: &Array, place: Place) -> Result<Array> {
        let &[1, height, width, channels] = image.shape().dims() else {
            return Err(no_images(image));
        };
        let image = image.clone().reshape([height, width, channels])?;
        let transform = self.random_transform([height, width], place);
        let mut image = self.apply_transform(&image, &transform)?;
        self.standardize(image.as_mut_slice::<f32>()?, channels);
        Ok(image.reshape([1, height, width, channels])?)
    }

    fn ready(&self) -> Result<()> {
        self.check()?;
        let featurewise = self.featurewise_center || self.featurewise_std_normalization;
        if featurewise && self.mean.is_none() {
            return Err(Error::Config(
                ConfigError::new("the generator does not know the mean of the images yet")
                    .expected("`fit` before images are generated")
                    .received("`featurewise_center` or `featurewise_std_normalization`"),
            ));
        }
        Ok(())
    }

    /// The images and targets of some samples, one after the other, changed in each pass anew.
    ///
    /// # Errors
    /// If a parameter cannot be meant, or these are no images.
    pub fn flow(&self, samples: &Samples) -> Result<Map<super::Shuffle<Items<u32>>, Samples>> {
        self.ready()?;
        samples.check()?;
        match samples.x.as_slice() {
            [images] if images.shape().rank() == 4 => {}
            [other, ..] => return Err(no_images(other)),
            [] => return Err(no_images(&Array::zeros(DType::F32, [0]))),
        }
        let (generator, samples) = (self.clone(), samples.clone());
        let order = Items::new((0..samples.count() as u32).collect()).shuffle();
        Ok(order.map_at(move |row, place| {
            let mut sample = samples.at(&[row]);
            sample.x[0] = generator.generated(&sample.x[0], place)?;
            Ok(sample)
        }))
    }

    /// The images of files with their labels, changed in each pass anew; `flow_from_directory`.
    ///
    /// # Errors
    /// If a parameter cannot be meant.
    pub fn flow_from_files(
        &self,
        files: &Files,
        reader: &ImageReader,
    ) -> Result<Map<super::Shuffle<Items<LabelledFile>>, Samples>> {
        self.ready()?;
        let (generator, read) = (self.clone(), reader.labelled(files));
        Ok(files.items().shuffle().map_at(move |file, place| {
            let mut sample = read(file)?;
            sample.x[0] = generator.generated(&sample.x[0], place)?;
            Ok(sample)
        }))
    }
}

fn no_images(array: &Array) -> Error {
    Error::Data(
        ConfigError::new("these are no images")
            .expected("an array of height, width and channels")
            .received(array.shape().to_string()),
    )
}

fn range(values: &[f32]) -> (f32, f32) {
    values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
}

/// The brightness times a factor, as Pillow computes it on bytes.
fn brighten(values: &mut [f32], factor: f32) {
    let (low, high) = range(values);
    let outside = low < 0.0 || high > 255.0;
    let span = if high > low { high - low } else { 1.0 };
    for value in values.iter_mut() {
        let byte = if outside { (*value - low) / span * 255.0 } else { *value };
        let bright = (byte.trunc() * factor).clamp(0.0, 255.0).trunc();
        *value = if outside { bright / 255.0 * (high - low) + low } else { bright };
    }
}
