//! Types of options that several layers have: extents, axes, formats, numbers.
//!
//! Each reads every form that Keras accepts in a file and is written as Keras writes it.

use ibex_graph::ops::image::Channels;
use ibex_graph::ops::window::Padding;
use ibex_graph::{Array, DType, Tensor, shape};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::object::ConfigError;
use crate::partial::PartialShape;

/// One number for each of `N` spatial axes; a single number stands for the same along all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extents<const N: usize>(pub [usize; N]);

impl<const N: usize> From<usize> for Extents<N> {
    fn from(extent: usize) -> Extents<N> {
        Extents([extent; N])
    }
}

impl<const N: usize> From<[usize; N]> for Extents<N> {
    fn from(extents: [usize; N]) -> Extents<N> {
        Extents(extents)
    }
}

impl<const N: usize> Serialize for Extents<N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(to)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Extents<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Extents<N>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a whole number of 0 or more, or one for each axis")]
        enum Form {
            One(usize),
            Many(Vec<usize>),
        }
        match Form::deserialize(from)? {
            Form::One(extent) => Ok(Extents::from(extent)),
            Form::Many(list) => {
                let wrong = |_| de::Error::custom(format!("expected a number or {N} of them"));
                list.try_into().map(Extents).map_err(wrong)
            }
        }
    }
}

/// Elements before and after each of `N` spatial axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Borders<const N: usize>(pub [[usize; 2]; N]);

impl<const N: usize> From<usize> for Borders<N> {
    fn from(width: usize) -> Borders<N> {
        Borders([[width; 2]; N])
    }
}

impl From<[usize; 2]> for Borders<1> {
    fn from(border: [usize; 2]) -> Borders<1> {
        Borders([border])
    }
}

impl From<[usize; 2]> for Borders<2> {
    fn from(widths: [usize; 2]) -> Borders<2> {
        Borders(widths.map(|width| [width; 2]))
    }
}

impl From<[usize; 3]> for Borders<3> {
    fn from(widths: [usize; 3]) -> Borders<3> {
        Borders(widths.map(|width| [width; 2]))
    }
}

impl<const N: usize> From<[[usize; 2]; N]> for Borders<N> {
    fn from(borders: [[usize; 2]; N]) -> Borders<N> {
        Borders(borders)
    }
}

impl<const N: usize> Serialize for Borders<N> {
    /// A pair of numbers for sequences, a pair for each axis otherwise.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [border] => border.serialize(to),
            borders => borders.serialize(to),
        }
    }
}

impl<'de, const N: usize> Deserialize<'de> for Borders<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Borders<N>, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected whole numbers of 0 or more: one, or one or two for \
                                       each axis"
        )]
        enum Form {
            One(usize),
            Many(Vec<Extents<2>>),
        }
        let borders: Vec<[usize; 2]> = match Form::deserialize(from)? {
            Form::One(width) => return Ok(Borders::from(width)),
            // A sequence has one axis: two numbers are before and after.
            Form::Many(pair) if N == 1 => match pair[..] {
                [Extents([before, _]), Extents([after, _])] => vec![[before, after]],
                _ => Vec::new(),
            },
            Form::Many(list) => list.into_iter().map(|extents| extents.0).collect(),
        };
        let wrong = |_| {
            de::Error::custom(match N {
                1 => "expected a number, or two of them".to_string(),
                _ => format!("expected a number, or one or two for each of {N} axes"),
            })
        };
        borders.try_into().map(Borders).map_err(wrong)
    }
}

/// One axis or several, counted from the end when negative; the batch is axis 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected an axis or a list of axes")]
pub enum Axes {
    /// One axis.
    One(isize),
    /// Several axes.
    Many(Vec<isize>),
}

impl Axes {
    /// The axes as Keras orders them.
    pub fn list(&self) -> Vec<isize> {
        match self {
            Axes::One(axis) => vec![*axis],
            Axes::Many(axes) => {
                let mut axes = axes.clone();
                axes.sort_unstable();
                axes
            }
        }
    }

    /// The indices of the axes among `rank`, in the order of [`Axes::list`].
    ///
    /// # Errors
    /// If there is no such axis, or one is named twice.
    pub fn resolve(&self, rank: usize) -> Result<Vec<usize>, ConfigError> {
        let mut resolved = Vec::new();
        for axis in self.list() {
            match shape::resolve_axis(axis, rank) {
                Some(index) if !resolved.contains(&index) => resolved.push(index),
                Some(_) => return Err(ConfigError::new(format!("axis {axis} is named twice"))),
                None => return Err(bad_axis(axis, rank)),
            }
        }
        Ok(resolved)
    }
}

impl From<isize> for Axes {
    fn from(axis: isize) -> Axes {
        Axes::One(axis)
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Axes {
        Axes::Many(axes.to_vec())
    }
}

/// The error for an axis that an input of `rank` axes does not have.
pub(super) fn bad_axis(axis: isize, rank: usize) -> ConfigError {
    ConfigError::new(format!("there is no axis {axis}"))
        .expected(format!("between -{rank} and {}", rank.saturating_sub(1)))
        .received(format!("axis = {axis} for an input of {rank} axes"))
}

/// Where images and sequences have their channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataFormat {
    /// `(batch, *spatial, channels)`.
    #[default]
    ChannelsLast,
    /// `(batch, channels, *spatial)`.
    ChannelsFirst,
}

impl DataFormat {
    /// The index of the channels among `rank` axes.
    pub fn channel_axis(self, rank: usize) -> usize {
        match self {
            DataFormat::ChannelsLast => rank.saturating_sub(1),
            DataFormat::ChannelsFirst => 1,
        }
    }

    /// The indices of the spatial axes among `rank` axes.
    pub fn spatial_axes(self, rank: usize) -> Vec<usize> {
        (1..rank).filter(|&axis| axis != self.channel_axis(rank)).collect()
    }

    /// The same for operations on images.
    pub(super) fn image_channels(self) -> Channels {
        match self {
            DataFormat::ChannelsLast => Channels::Last,
            DataFormat::ChannelsFirst => Channels::First,
        }
    }

    /// Runs `f`, which wants channels last, on a tensor of this format.
    pub(super) fn channels_last(self, x: &Tensor, f: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
        if self == DataFormat::ChannelsLast || x.is_poisoned() || x.rank() < 2 {
            return f(x);
        }
        let last = x.rank() - 1;
        let to_last: Vec<usize> = [0].into_iter().chain(2..=last).chain([1]).collect();
        let to_first: Vec<usize> = [0, last].into_iter().chain(1..last).collect();
        let y = f(&x.transpose(&to_last));
        match y.is_poisoned() {
            true => y,
            false => y.transpose(&to_first),
        }
    }
}

/// A number, or one for each element along the last axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number or a list of numbers")]
pub enum Numbers {
    /// The same for all.
    One(f64),
    /// One each.
    Many(Vec<f64>),
}

impl Numbers {
    /// As a tensor that broadcasts along the last axis.
    pub(super) fn tensor(&self, dtype: DType) -> Tensor {
        match self {
            Numbers::One(value) => Tensor::scalar(dtype, *value),
            Numbers::Many(values) => {
                Tensor::constant(Array::from_f64_slice(dtype, [values.len()], values))
            }
        }
    }
}

impl From<f64> for Numbers {
    fn from(value: f64) -> Numbers {
        Numbers::One(value)
    }
}

impl<const N: usize> From<[f64; N]> for Numbers {
    fn from(values: [f64; N]) -> Numbers {
        Numbers::Many(values.to_vec())
    }
}

/// [`Padding`] under Keras's names.
pub(super) mod padding {
    use super::*;

    const NAMES: [(Padding, &str); 3] =
        [(Padding::Valid, "valid"), (Padding::Same, "same"), (Padding::Causal, "causal")];

    pub(in super::super) fn serialize<S: Serializer>(
        padding: &Padding,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let name = NAMES.iter().find(|(p, _)| p == padding).map_or("valid", |(_, name)| name);
        to.serialize_str(name)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Padding, D::Error> {
        let text = String::deserialize(from)?.to_lowercase();
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(padding, _)| *padding);
        found.ok_or_else(|| de::Error::custom("expected valid, same or causal"))
    }
}

/// Checks that an option with one number for each axis has no zero.
pub(super) fn check_positive(name: &str, extents: &[usize], found: &mut Vec<ConfigError>) {
    if extents.contains(&0) {
        found.push(ConfigError::new(format!("`{name}` must be positive")).received(
            match extents {
                [one] => format!("{name} = {one}"),
                several => format!("{name} = {several:?}"),
            },
        ));
    }
}

/// Checks that an input has as many axes as the layer works on.
pub(super) fn expect_rank(
    shape: &PartialShape,
    rank: usize,
    axes: &str,
) -> Result<(), ConfigError> {
    match shape.rank() == rank {
        true => Ok(()),
        false => Err(ConfigError::new(format!("the input must have {rank} axes"))
            .expected(axes)
            .received(shape.to_string())),
    }
}

/// The extent of an axis that the layer must know to make its weights.
pub(super) fn known_extent(
    shape: &PartialShape,
    axis: usize,
    name: &str,
) -> Result<usize, ConfigError> {
    shape.0.get(axis).copied().flatten().ok_or_else(|| {
        ConfigError::new(format!("the extent of the {name} axis must be known"))
            .expected(format!("a number for axis {axis}"))
            .received(shape.to_string())
            .help("give it in the shape of the input")
    })
}

/// The error of an option that is negative, if it is.
pub(super) fn check_not_negative(name: &str, value: f64) -> Option<ConfigError> {
    let error = || {
        ConfigError::new(format!("`{name}` must not be negative"))
            .expected("a number of 0 or more")
            .received(format!("{name} = {value}"))
    };
    // NaN is not 0 or more either.
    (value.is_nan() || value < 0.0).then(error)
}

/// The error of an option that is no fraction, if it is none.
pub(super) fn check_fraction(name: &str, value: f64) -> Option<ConfigError> {
    let error = || {
        ConfigError::new(format!("`{name}` must be a fraction"))
            .expected("between 0 and 1")
            .received(format!("{name} = {value}"))
    };
    (!(0.0..=1.0).contains(&value)).then(error)
}
