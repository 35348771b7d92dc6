//! Values between the elements of a tensor, and beyond its borders.

use serde::{Deserialize, Serialize};

use super::{Interpolation, computed};
use crate::{DType, OpError, Tensor};

/// What is beyond the borders, under Keras's names.
///
/// The names mean what they mean in JAX: `wrap` is SciPy's `grid-wrap`, and `constant` its
/// `grid-constant`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillMode {
    /// A constant: `k k k | a b c d | k k k`.
    #[default]
    Constant,
    /// The last element: `a a a | a b c d | d d d`.
    Nearest,
    /// The opposite end: `b c d | a b c d | a b c`.
    Wrap,
    /// The mirror image about the last element: `d c b | a b c d | c b a`.
    Mirror,
    /// The mirror image about the border: `c b a | a b c d | d c b`.
    Reflect,
}

impl FillMode {
    /// Every mode, in the order of the type.
    pub const ALL: [FillMode; 5] = [
        FillMode::Constant,
        FillMode::Nearest,
        FillMode::Wrap,
        FillMode::Mirror,
        FillMode::Reflect,
    ];

    /// The element that stands at a whole-numbered place of an axis that has some; `None` for the
    /// constant.
    pub fn element(self, place: f64, extent: usize) -> Option<usize> {
        let (size, last) = (extent as f64, extent.saturating_sub(1) as f64);
        let found = match self {
            FillMode::Constant if !(0.0..size).contains(&place) => return None,
            FillMode::Constant | FillMode::Nearest => place,
            FillMode::Wrap => place.rem_euclid(size),
            FillMode::Mirror if last == 0.0 => 0.0,
            FillMode::Mirror => last - (place.rem_euclid(2.0 * last) - last).abs(),
            FillMode::Reflect => size - 0.5 - (place.rem_euclid(2.0 * size) - size + 0.5).abs(),
        };
        // NaN, which is nowhere, becomes the first.
        Some(found.clamp(0.0, last) as usize)
    }

    /// The elements that stand at whole-numbered `places` of an axis of `extent`.
    ///
    /// Floats hold them: exact up to 2^23, and without the division of integers.
    fn resolve(self, places: &Tensor, extent: usize) -> Tensor {
        let number = |value: f64| Tensor::scalar(places.dtype(), value);
        let (size, last) = (extent as f64, extent.saturating_sub(1) as f64);
        // A wave of this half-length, which is 0 at 0.
        let triangle = |x: &Tensor, half: f64| match half == 0.0 {
            true => x.zeros_like(),
            false => ((x + half).remainder(&number(2.0 * half)) - half).abs(),
        };
        let found = match self {
            FillMode::Constant | FillMode::Nearest => places.clone(),
            FillMode::Wrap => places.remainder(&number(size)),
            FillMode::Mirror => triangle(places, last),
            FillMode::Reflect => {
                ((triangle(&(places * 2.0 + 1.0), 2.0 * size) - 1.0) * 0.5).floor()
            }
        };
        found.clip(0.0, last)
    }
}

/// Where values come from: the mode of interpolation, and what is beyond the borders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    pub interpolation: Interpolation,
    pub mode: FillMode,
    pub value: f64,
}

impl Sampling {
    /// The error of `name` for an interpolation between more than two neighbours.
    pub(crate) fn between(&self, name: &str) -> Result<(), OpError> {
        match self.interpolation {
            Interpolation::Nearest | Interpolation::Bilinear => Ok(()),
            other => Err(OpError::new(
                format!("`{name}` interpolates between two neighbours at most"),
                "nearest or bilinear",
                format!("{other:?}").to_lowercase(),
            )),
        }
    }

    /// The same as a tensor that carries the error.
    #[track_caller]
    pub(crate) fn check(&self, name: &str) -> Result<(), Tensor> {
        // A closure would be the place that the error names.
        match self.between(name) {
            Ok(()) => Ok(()),
            Err(error) => Err(Tensor::poisoned(error)),
        }
    }
}

impl Sampling {
    /// The same for elements of a dtype: the constant of integers is one.
    pub(crate) fn for_dtype(self, dtype: DType) -> Sampling {
        let value = if dtype.is_float() { self.value } else { self.value.trunc() };
        Sampling { value, ..self }
    }
}

/// The values of a tensor at `coordinates`, whose first axis has a place along each of its axes.
///
/// The result has the other axes of `coordinates` and the dtype of `inputs`; integers are rounded.
/// Interpolation is nearest or bilinear. `keras.ops.image.map_coordinates`.
///
/// ```
/// use ibex_graph::ops::image::{FillMode, Interpolation, map_coordinates};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([3], &[1f32, 2., 4.])?);
/// let places = Tensor::constant(Array::from_slice([1, 2], &[1.5f32, -1.])?);
/// let y = map_coordinates(&x, &places, Interpolation::Bilinear, FillMode::Constant, 9.0);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [3., 9.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn map_coordinates(
    inputs: &Tensor,
    coordinates: &Tensor,
    interpolation: Interpolation,
    mode: FillMode,
    value: f64,
) -> Tensor {
    for tensor in [inputs, coordinates] {
        if tensor.is_poisoned() {
            return tensor.clone();
        }
    }
    let sampling = Sampling { interpolation, mode, value };
    if let Err(poisoned) = sampling.check("map_coordinates") {
        return poisoned;
    }
    let rank = inputs.rank();
    if coordinates.rank() < 2 || coordinates.dim(0) != rank || inputs.shape().contains(&0) {
        return Tensor::poisoned(OpError::new(
            format!(
                "`map_coordinates` cannot look up {coordinates} in {inputs}",
                coordinates = coordinates.shape(),
                inputs = inputs.shape()
            ),
            "at least one element, and coordinates whose first axis has as many elements as the \
             input has axes",
            coordinates.shape().to_string(),
        ));
    }
    let places = coordinates.cast(computed(inputs.dtype())).split(rank, 0);
    let places: Vec<Tensor> = places.iter().map(|place| place.squeeze(0)).collect();
    let strides = inputs.shape().strides();
    let axes: Vec<Axis<'_>> = (0..rank)
        .map(|i| Axis { extent: inputs.shape()[i], stride: strides[i], places: &places[i] })
        .collect();
    sample(&inputs.flatten(), None, &axes, sampling)
}

/// One axis of a lookup: its extent, the distance of neighbours, and the places wanted along it.
pub(crate) struct Axis<'a> {
    pub extent: usize,
    pub stride: usize,
    pub places: &'a Tensor,
}

/// A neighbour along one axis: its place, whether it is inside (if that matters), its weight.
struct Neighbour {
    index: Tensor,
    inside: Option<Tensor>,
    weight: Option<Tensor>,
}

/// The values at places between the rows of `sites`, whose other axes all results have.
///
/// The row of a site is `base` plus the sum of index times stride; the axes have at least one
/// element each.
pub(crate) fn sample(
    sites: &Tensor,
    base: Option<&Tensor>,
    axes: &[Axis<'_>],
    sampling: Sampling,
) -> Tensor {
    let dtype = computed(sites.dtype());
    let rows = sites.cast(dtype);
    let value = Tensor::scalar(dtype, sampling.for_dtype(sites.dtype()).value);
    let choices: Vec<Vec<Neighbour>> = axes.iter().map(|axis| neighbours(axis, sampling)).collect();
    let corners: usize = choices.iter().map(Vec::len).product();
    let mut total: Option<Tensor> = None;
    for corner in 0..corners {
        let mut rest = corner;
        let (mut index, mut inside, mut weight) = (base.cloned(), None, None);
        for (axis, choice) in axes.iter().zip(&choices) {
            let neighbour = &choice[rest % choice.len()];
            rest /= choice.len();
            let step = match axis.stride {
                1 => neighbour.index.clone(),
                stride => &neighbour.index * stride as f64,
            };
            index = joined(index, Some(&step), |a, b| a + b);
            inside = joined(inside, neighbour.inside.as_ref(), Tensor::logical_and);
            weight = joined(weight, neighbour.weight.as_ref(), |a, b| a * b);
        }
        let Some(index) = index else { return rows };
        let mut found = rows.take(&index, 0);
        let aligned = |of: &Tensor| match rows.rank() {
            1 => of.clone(),
            _ => of.expand_dims(-1),
        };
        if let Some(inside) = inside {
            let shape = found.shape().clone();
            found =
                aligned(&inside).broadcast_to(&shape).select(&found, &value.broadcast_to(shape));
        }
        if let Some(weight) = weight {
            found = found * aligned(&weight);
        }
        total = joined(total, Some(&found), |a, b| a + b);
    }
    match total {
        Some(total) => rounded(&total, sites.dtype()),
        None => rows,
    }
}

/// What was found between elements of a dtype, in it: integers are rounded.
pub(crate) fn rounded(found: &Tensor, dtype: DType) -> Tensor {
    if dtype.is_float() { found.cast(dtype) } else { half_away_from_zero(found).cast(dtype) }
}

/// Both by `f`, or the one that there is.
fn joined(
    a: Option<Tensor>,
    b: Option<&Tensor>,
    f: impl FnOnce(&Tensor, &Tensor) -> Tensor,
) -> Option<Tensor> {
    match (a, b) {
        (Some(a), Some(b)) => Some(f(&a, b)),
        (a, b) => a.or(b.cloned()),
    }
}

/// The neighbours of all places along one axis.
fn neighbours(axis: &Axis<'_>, sampling: Sampling) -> Vec<Neighbour> {
    let neighbour = |place: &Tensor, weight: Option<Tensor>| {
        let number = |value: f64| Tensor::scalar(place.dtype(), value);
        let inside = (sampling.mode == FillMode::Constant).then(|| {
            let above = place.greater_equal(&number(0.0));
            above.logical_and(&place.less(&number(axis.extent as f64)))
        });
        let index = sampling.mode.resolve(place, axis.extent).cast(DType::I32);
        Neighbour { index, inside, weight }
    };
    if sampling.interpolation == Interpolation::Nearest {
        return vec![neighbour(&half_away_from_zero(axis.places), None)];
    }
    let lower = axis.places.floor();
    let upper_weight = axis.places - &lower;
    let lower_weight = 1.0 - &upper_weight;
    vec![neighbour(&lower, Some(lower_weight)), neighbour(&(&lower + 1.0), Some(upper_weight))]
}

/// The nearest integers, ties away from zero.
fn half_away_from_zero(x: &Tensor) -> Tensor {
    let size = x.abs();
    let whole = size.floor();
    // Adding one half first would round the number below one half up.
    let up = (&size - &whole).greater_equal(&Tensor::scalar(x.dtype(), 0.5));
    (whole + up.cast(x.dtype())) * x.sign()
}
