//! What the layers share that change images at random: drawing, and then a change that the drawn
//! numbers determine.
//!
//! [`Augmentation::draw`] gives named tensors, [`Augmentation::transform`] applies them; the names
//! are those of Keras's transformations, so that one can be tested without the other.
//! Numbers are drawn for each image, unless a layer says otherwise, and anew in each step.
//! This module knows no layer of its own.

use ibex_graph::ops::image::{self, Channels, FillMode, Interpolation};
use ibex_graph::{Array, DType, OpError, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use super::augmentation_draws::Draws;
use super::options::DataFormat;
use crate::object::ConfigError;
use crate::trace::Call;

/// How a layer changes images.
pub trait Augmentation {
    /// Where the images have their channels.
    fn data_format(&self) -> DataFormat;

    /// The layer's own seed, which replaces that of the model.
    fn own_seed(&self) -> Option<u64> {
        None
    }

    /// Draws what the change of images of this size depends on.
    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn;

    /// The change of a batch of float images (of four axes) that `drawn` determines.
    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor;

    /// Whether images are changed outside training too.
    fn acts_always(&self) -> bool {
        false
    }

    /// Whether integer images stay integers; others become floats.
    fn keeps_integers(&self) -> bool {
        false
    }
}

/// The extents of a batch of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// How many images there are.
    pub count: usize,
    /// How many rows each has.
    pub height: usize,
    /// How many columns each has.
    pub width: usize,
    /// How many channels each has.
    pub channels: usize,
}

impl ImageSize {
    /// The extents of a batch with four axes.
    pub fn of(images: &Tensor, format: DataFormat) -> ImageSize {
        let [height, width, channels] = match format {
            DataFormat::ChannelsLast => [1, 2, 3],
            DataFormat::ChannelsFirst => [2, 3, 1],
        };
        let extent = |axis| images.dim(axis);
        let count = extent(0);
        ImageSize {
            count,
            height: extent(height),
            width: extent(width),
            channels: extent(channels),
        }
    }
}

/// Where images have their channels, for the functions of images.
pub(super) fn channels(format: DataFormat) -> Channels {
    match format {
        DataFormat::ChannelsLast => Channels::Last,
        DataFormat::ChannelsFirst => Channels::First,
    }
}

/// What was drawn: tensors by name.
#[derive(Clone, Debug, Default)]
pub struct Drawn(Vec<(String, Tensor)>);

impl Drawn {
    /// Nothing.
    pub fn new() -> Drawn {
        Drawn::default()
    }

    /// The same and a tensor more.
    pub fn with(mut self, name: impl Into<String>, tensor: Tensor) -> Drawn {
        self.0.push((name.into(), tensor));
        self
    }

    /// The same and, as `part/…`, what another layer drew.
    pub fn with_part(mut self, part: &str, drawn: Drawn) -> Drawn {
        let named = drawn.0.into_iter().map(|(name, tensor)| (format!("{part}/{name}"), tensor));
        self.0.extend(named);
        self
    }

    /// What was drawn as `part/…`.
    pub fn part(&self, part: &str) -> Drawn {
        let own = self.0.iter().filter_map(|(name, tensor)| {
            let name = name.strip_prefix(part)?.strip_prefix('/')?;
            Some((name.to_string(), tensor.clone()))
        });
        Drawn(own.collect())
    }

    /// The tensors, in the order in which they were drawn.
    pub fn tensors(&self) -> &[(String, Tensor)] {
        &self.0
    }

    /// Whether there is a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(have, _)| have == name)
    }

    /// The tensor of that name; poisoned if there is none.
    #[track_caller]
    pub fn get(&self, name: &str) -> Tensor {
        match self.0.iter().find(|(have, _)| have == name) {
            Some((_, tensor)) => tensor.clone(),
            None => Tensor::poisoned(OpError::new(
                format!("the transformation has no `{name}`"),
                name,
                self.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
            )),
        }
    }

    /// A number for each image, to be multiplied with a batch.
    #[track_caller]
    pub fn per_image(&self, name: &str) -> Tensor {
        let tensor = self.get(name);
        tensor.reshape([tensor.shape().size(), 1, 1, 1])
    }
}

/// The forward function of an augmentation: the layer's change while training.
pub(super) fn augment(
    layer: &dyn Augmentation,
    dtype: DType,
    call: &mut Call<'_>,
    images: &Tensor,
) -> Tensor {
    if images.is_poisoned() {
        return images.clone();
    }
    let float = match images.dtype().is_float() || layer.keeps_integers() {
        true => images.clone(),
        false => images.cast(dtype),
    };
    if !call.training() && !layer.acts_always() {
        return float;
    }
    let batch = match float.rank() {
        3 => float.expand_dims(0),
        4 => float,
        _ => {
            return Tensor::poisoned(OpError::new(
                "the layer takes an image or a batch of images",
                "3 or 4 axes",
                images.shape().to_string(),
            ));
        }
    };
    let size = ImageSize::of(&batch, layer.data_format());
    let drawn = layer.draw(&mut Draws::new(call.trace(), layer.own_seed()), size);
    let changed = layer.transform(&batch, &drawn).cast(batch.dtype());
    match images.rank() {
        3 if !changed.is_poisoned() => changed.squeeze(0),
        _ => changed,
    }
}

/// A number, or the two ends of a range, as Keras takes the strength of a change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, or the two ends of a range")]
pub enum Factor {
    /// One number; each layer says of which range it is an end.
    One(f64),
    /// Both ends of the range.
    Range([f64; 2]),
}

impl From<f64> for Factor {
    fn from(factor: f64) -> Factor {
        Factor::One(factor)
    }
}

impl From<[f64; 2]> for Factor {
    fn from(range: [f64; 2]) -> Factor {
        Factor::Range(range)
    }
}

impl Factor {
    /// The range: of one number, from its negative, but at least `lowest`, to it.
    pub(super) fn range(self, lowest: f64) -> [f64; 2] {
        match self {
            Factor::One(factor) => [(-factor.abs()).max(lowest), factor.abs()],
            Factor::Range(range) => sorted(range),
        }
    }

    /// The error if the number, or the whole range, is outside of these bounds.
    pub(super) fn check_meets(self, name: &str, [low, high]: [f64; 2]) -> Option<ConfigError> {
        let fits = match self {
            Factor::One(factor) => low <= factor && factor <= high,
            // As Keras checks it: the range as written meets the bounds.
            Factor::Range([first, second]) => first <= high && second >= low,
        };
        (!fits).then(|| self.error(name, &format!("between {low} and {high}")))
    }

    /// The error if one of the numbers is outside of these bounds.
    pub(super) fn check_within(self, name: &str, [low, high]: [f64; 2]) -> Option<ConfigError> {
        let inside = |number: f64| low <= number && number <= high;
        let fits = match self {
            Factor::One(factor) => inside(factor),
            Factor::Range(range) => range.into_iter().all(inside),
        };
        (!fits).then(|| self.error(name, &format!("between {low} and {high}")))
    }

    pub(super) fn error(self, name: &str, bounds: &str) -> ConfigError {
        ConfigError::new(format!("`{name}` is out of bounds"))
            .expected(format!("a number or two, {bounds}"))
            .received(match self {
                Factor::One(factor) => format!("{name} = {factor}"),
                Factor::Range([low, high]) => format!("{name} = [{low}, {high}]"),
            })
    }
}

/// Two numbers in ascending order.
pub(super) fn sorted([a, b]: [f64; 2]) -> [f64; 2] {
    if a <= b { [a, b] } else { [b, a] }
}

/// The configuration of a layer with other values for some keys.
pub(super) fn config_with<T: Serialize>(layer: &T, values: &[(&str, Value)]) -> Value {
    // A struct of plain fields always serializes.
    let mut config = serde_json::to_value(layer).unwrap_or_default();
    if let Value::Object(config) = &mut config {
        for (key, value) in values {
            config.insert((*key).to_string(), value.clone());
        }
    }
    config
}

/// A range as Keras writes it: whole numbers as integers.
pub(super) fn written(range: [f64; 2]) -> Value {
    let number = |value: f64| match value.fract() == 0.0 && value.abs() < 1e9 {
        true => json!(value as i64),
        false => json!(value),
    };
    json!(range.map(number))
}

/// Values of one range as values of another.
pub(super) fn rescaled(images: &Tensor, from: [f64; 2], to: [f64; 2]) -> Tensor {
    if from == to {
        return images.clone();
    }
    (images - from[0]) / (from[1] - from[0]) * (to[1] - to[0]) + to[0]
}

/// The range of bytes, in which some layers compute.
pub(super) const BYTES: [f64; 2] = [0.0, 255.0];

/// The images cut off at the ends of a range.
pub(super) fn clipped(images: &Tensor, [low, high]: [f64; 2]) -> Tensor {
    images.clip(low, high)
}

/// What is beyond the borders of a transformed image, and what is between its pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling {
    pub mode: FillMode,
    pub value: f64,
    pub interpolation: Interpolation,
}

impl Filling {
    /// What is wrong with the options, as Keras's geometric layers check them.
    pub(super) fn check(&self) -> Vec<ConfigError> {
        let mode = (self.mode == FillMode::Mirror).then(|| {
            ConfigError::new("unknown `fill_mode`")
                .expected("reflect, wrap, constant or nearest")
                .received("fill_mode = mirror")
        });
        mode.into_iter().chain(check_interpolation(self.interpolation)).collect()
    }

    /// Images whose pixels come from elsewhere: `a0, a1, a2, b0, b1, b2` for each image.
    pub(super) fn affine(
        &self,
        images: &Tensor,
        matrix: [Tensor; 6],
        format: DataFormat,
    ) -> Tensor {
        let count = images.dim(0);
        let columns = matrix.map(|element| element.cast(DType::F32).broadcast_to([count, 1]));
        let mut columns = Vec::from(columns);
        columns.push(Tensor::full(DType::F32, [count, 2], 0.0));
        let matrix = ibex_graph::ops::concatenate::concatenate(&columns, 1);
        let Filling { mode, value, interpolation } = *self;
        image::affine_transform(images, &matrix, interpolation, mode, value, channels(format))
    }
}

/// The error for an interpolation between more than two neighbours.
pub(super) fn check_interpolation(interpolation: Interpolation) -> Option<ConfigError> {
    let known = matches!(interpolation, Interpolation::Nearest | Interpolation::Bilinear);
    (!known).then(|| {
        ConfigError::new("unknown `interpolation`")
            .expected("nearest or bilinear")
            .received(format!("interpolation = {interpolation:?}").to_lowercase())
    })
}

/// A known scalar or vector of `float32`.
pub(super) fn numbers(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::constant(Array::from_f64_slice(DType::F32, shape, values))
}

/// Implements [`Layer`](crate::layer::Layer) for an augmentation: its class facts and
/// configuration, its inherent `mistakes`, and whether it draws numbers.
macro_rules! augmentation_layer {
    ($layer:ident, random = $random:literal, |$this:ident| $config:expr) => {
        impl $crate::layer::Layer for $layer {
            $crate::layer_facts!($layer, |$this| $config);

            fn check(&self) -> Vec<$crate::object::ConfigError> {
                self.mistakes()
            }

            fn forward(
                &self,
                call: &mut $crate::trace::Call<'_>,
                inputs: &[::ibex_graph::Tensor],
            ) -> Vec<::ibex_graph::Tensor> {
                let dtype = self.base.dtype.compute();
                vec![super::augmentation::augment(self, dtype, call, &inputs[0])]
            }

            fn draws_random_numbers(&self) -> bool {
                $random
            }
        }
    };
}
pub(super) use augmentation_layer;

/// A batch mixed with itself in another order: a weight for each sample.
pub(super) fn mixed(samples: &Tensor, weight: &Tensor, order: &Tensor) -> Tensor {
    let others = samples.take(&order.cast(DType::I32), 0);
    let mut dims = vec![1; samples.rank().max(1)];
    dims[0] = weight.shape().size();
    let weight = weight.cast(samples.dtype()).reshape(dims);
    samples * &weight + others * (1.0 - &weight)
}
