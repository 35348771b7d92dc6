//! `Normalization`: features brought to mean 0 and variance 1 by the statistics of a data set.

use ibex_graph::shape::resolve_axis;
use ibex_graph::{Array, DType, Shape, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};

use super::options::{Axes, bad_axis, known_extent};
use crate::initializers::{Given, Initializer, Ones, Zeros};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::trace::Call;
use crate::{layer, layer_facts};

/// What the standard deviation is at least.
const EPSILON: f64 = 1e-7;

layer! {
    /// Brings features to mean 0 and variance 1 by the statistics of a data set.
    ///
    /// The statistics are given, or found with [`Normalization::adapt`] before the layer is used.
    /// Input and output have the same shape; integers become floats.
    /// Weights `mean`, `variance` and `count`, unless the statistics are given.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/numerical/normalization/>.
    ///
    /// ```
    /// use ibex_graph::Array;
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Normalization};
    ///
    /// let mut normalization = Normalization::new();
    /// normalization.adapt(&Array::from_slice([3, 1], &[1f32, 2., 3.]).unwrap()).unwrap();
    /// let y = normalization.call(&Input::new([1]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 1)");
    /// ```
    Normalization {
        /// The axes along which each position has its own statistics; the last by default.
        #[serde(with = "list_of_axes")]
        axis: into Axes = Axes::One(-1),
        /// Whether the layer undoes the normalisation.
        invert: is bool = false,
        /// The mean, if it is given; with as many axes as `axis` names, or fewer.
        mean: some Statistic = None,
        /// The variance, if it is given; of the shape of `mean`.
        variance: some Statistic = None,
        /// What `adapt` found.
        #[serde(skip)]
        adapted: some Adapted = None,
    }
}

/// The statistics of a data set, for the axes that are kept.
#[derive(Clone, Debug)]
pub struct Adapted {
    mean: Array,
    variance: Array,
}

/// Given statistics: a number, or nested lists of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistic {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl From<f64> for Statistic {
    fn from(value: f64) -> Statistic {
        Statistic { shape: vec![], values: vec![value] }
    }
}

impl<const N: usize> From<[f64; N]> for Statistic {
    fn from(values: [f64; N]) -> Statistic {
        Statistic { shape: vec![N], values: values.to_vec() }
    }
}

impl From<&Array> for Statistic {
    fn from(array: &Array) -> Statistic {
        Statistic { shape: array.shape().to_vec(), values: array.to_f64_vec() }
    }
}

impl Serialize for Statistic {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        fn nested(shape: &[usize], values: &[f64]) -> Value {
            let Some((&count, inner)) = shape.split_first() else {
                return json!(values.first());
            };
            let size: usize = inner.iter().product();
            (0..count).map(|i| nested(inner, &values[i * size..(i + 1) * size])).collect()
        }
        nested(&self.shape, &self.values).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Statistic {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Statistic, D::Error> {
        fn read(value: &Value) -> Option<Statistic> {
            let Value::Array(list) = value else { return value.as_f64().map(Statistic::from) };
            let parts = list.iter().map(read).collect::<Option<Vec<Statistic>>>()?;
            let inner = parts.first().map_or(Vec::new(), |part| part.shape.clone());
            let even = parts.iter().all(|part| part.shape == inner);
            let values = parts.into_iter().flat_map(|part| part.values).collect();
            even.then_some(Statistic { shape: [vec![list.len()], inner].concat(), values })
        }
        let value = Value::deserialize(from)?;
        let expected = || de::Error::custom("expected a number or even lists of numbers");
        read(&value).ok_or_else(expected)
    }
}

/// Axes as Keras writes them here: always a list, empty when all elements share statistics.
mod list_of_axes {
    use super::*;

    pub(super) fn serialize<S: Serializer>(axes: &Axes, to: S) -> Result<S::Ok, S::Error> {
        match axes {
            Axes::One(axis) => [*axis].serialize(to),
            Axes::Many(axes) => axes.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Axes, D::Error> {
        Ok(Option::<Axes>::deserialize(from)?.unwrap_or(Axes::Many(Vec::new())))
    }
}

impl Normalization {
    /// Statistics for each position along the last axis.
    #[track_caller]
    pub fn new() -> Normalization {
        Normalization::default()
    }

    /// Finds mean and variance of the data; what was found before is forgotten.
    ///
    /// # Errors
    /// If the statistics are given, or the data lack an axis or fit no more to a layer in use.
    pub fn adapt(&mut self, data: &Array) -> Result<(), ConfigError> {
        self.adapt_batches([data])
    }

    /// As [`Normalization::adapt`], over data that come in batches.
    ///
    /// # Errors
    /// As [`Normalization::adapt`]; also if there is no batch, or one has other extents.
    pub fn adapt_batches<'a>(
        &mut self,
        batches: impl IntoIterator<Item = &'a Array>,
    ) -> Result<(), ConfigError> {
        if self.mean.is_some() || self.variance.is_some() {
            return Err(ConfigError::new("the statistics of the layer are given")
                .received("`adapt` on a layer with `mean` and `variance`")
                .help("leave them out, and `adapt` finds them"));
        }
        let mut total: Option<Moments> = None;
        for batch in batches {
            let kept = self.kept_axes(&PartialShape::from(batch.shape()))?;
            let moments = Moments::of(batch, &kept);
            total = Some(match total {
                None => moments,
                Some(total) => total.with(moments)?,
            });
        }
        let Some(total) = total.filter(|total| total.count > 0.0) else {
            return Err(ConfigError::new("there is no data to adapt to")
                .expected("at least one batch with a sample"));
        };
        let array = |values: &[f64]| Array::from_f64_slice(DType::F32, &total.shape[..], values);
        let adapted = Adapted { mean: array(&total.mean), variance: array(&total.variance) };
        self.hand_over(&adapted)?;
        self.adapted = Some(adapted);
        Ok(())
    }

    /// Gives the statistics to the weights, if the layer is already in a model.
    fn hand_over(&self, adapted: &Adapted) -> Result<(), ConfigError> {
        let Some(instance) = self.base.identity.instance() else { return Ok(()) };
        for (name, value) in [("mean", &adapted.mean), ("variance", &adapted.variance)] {
            let Some(weight) = instance.weight(name) else { continue };
            let Some(variable) = weight.variable() else {
                return Err(ConfigError::new("the layer was called, but is in no model yet")
                    .help("`adapt` before the first call, or after the model is made"));
            };
            variable.set(&value.cast(weight.spec().dtype)).map_err(|_| {
                ConfigError::new("the data have other extents than the inputs of the layer")
                    .expected(format!("statistics of shape {}", weight.spec().shape))
                    .received(format!("statistics of shape {}", value.shape()))
            })?;
        }
        Ok(())
    }

    /// The axes with statistics of their own, in order.
    fn kept_axes(&self, shape: &PartialShape) -> Result<Vec<usize>, ConfigError> {
        let mut kept = Vec::new();
        for axis in self.axis.list() {
            let index = resolve_axis(axis, shape.rank());
            let index = index.ok_or_else(|| bad_axis(axis, shape.rank()))?;
            known_extent(shape, index, "kept")?;
            kept.push(index);
        }
        kept.sort_unstable();
        kept.dedup();
        Ok(kept)
    }

    /// A given statistic with an axis for each of the input's.
    fn aligned(&self, statistic: &Statistic, kept: &[usize], rank: usize) -> Vec<usize> {
        let mut shape = vec![1; rank];
        for (&extent, &axis) in statistic.shape.iter().rev().zip(kept.iter().rev()) {
            shape[axis] = extent;
        }
        shape
    }
}

/// Mean and variance of the data so far, for the kept axes.
struct Moments {
    shape: Vec<usize>,
    mean: Vec<f64>,
    variance: Vec<f64>,
    /// How many elements each of them is of.
    count: f64,
}

impl Moments {
    fn of(data: &Array, kept: &[usize]) -> Moments {
        let dims = data.shape().dims();
        let shape: Vec<usize> = kept.iter().map(|&axis| dims[axis]).collect();
        let size: usize = shape.iter().product();
        let count = data.size().checked_div(size).unwrap_or(0) as f64;
        let place = |element: usize| {
            let (mut rest, mut place, mut stride) = (element, 0, 1);
            for axis in (0..dims.len()).rev() {
                if kept.contains(&axis) {
                    place += rest % dims[axis] * stride;
                    stride *= dims[axis];
                }
                rest /= dims[axis];
            }
            place
        };
        let values = data.to_f64_vec();
        let mut mean = vec![0.0; size];
        for (element, value) in values.iter().enumerate() {
            mean[place(element)] += value;
        }
        mean.iter_mut().for_each(|mean| *mean /= count);
        let mut variance = vec![0.0; size];
        for (element, value) in values.iter().enumerate() {
            let place = place(element);
            variance[place] += (value - mean[place]).powi(2);
        }
        variance.iter_mut().for_each(|variance| *variance /= count);
        Moments { shape, mean, variance, count }
    }

    /// Both together.
    fn with(mut self, other: Moments) -> Result<Moments, ConfigError> {
        if self.shape != other.shape {
            return Err(ConfigError::new("the batches have different extents")
                .expected(format!("{:?} along the kept axes", self.shape))
                .received(format!("{:?}", other.shape)));
        }
        let count = self.count + other.count;
        let (old, new) = (self.count / count, other.count / count);
        for place in 0..self.mean.len() {
            let (a, b) = (self.mean[place], other.mean[place]);
            let mean = a * old + b * new;
            self.variance[place] = (self.variance[place] + (a - mean).powi(2)) * old
                + (other.variance[place] + (b - mean).powi(2)) * new;
            self.mean[place] = mean;
        }
        Ok(Moments { count, ..self })
    }
}

impl Layer for Normalization {
    layer_facts!(Normalization);

    fn check(&self) -> Vec<ConfigError> {
        let (Some(mean), Some(variance)) = (&self.mean, &self.variance) else {
            let alone = self.mean.is_some() != self.variance.is_some();
            let given = if self.mean.is_some() { "mean" } else { "variance" };
            let error = || {
                ConfigError::new("mean and variance must be given together")
                    .expected("both of them, or neither")
                    .received(format!("only `{given}`"))
            };
            return alone.then(error).into_iter().collect();
        };
        let mut found = Vec::new();
        if mean.shape != variance.shape {
            found.push(
                ConfigError::new("mean and variance must have the same shape")
                    .expected(format!("a variance of shape {}", Shape::from(&mean.shape[..])))
                    .received(Shape::from(&variance.shape[..]).to_string()),
            );
        }
        if mean.shape.len() > self.axis.list().len() {
            found.push(
                ConfigError::new("the mean has more axes than are kept")
                    .expected(format!("at most {} axes", self.axis.list().len()))
                    .received(format!("a mean of shape {}", Shape::from(&mean.shape[..]))),
            );
        }
        found
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        let kept = self.kept_axes(shape)?;
        let dims: Vec<usize> = kept.iter().filter_map(|&axis| shape.0[axis]).collect();
        if let Some(mean) = &self.mean {
            let given = self.aligned(mean, &kept, shape.rank());
            let fits = |&axis: &usize| given[axis] == 1 || shape.0[axis] == Some(given[axis]);
            let fits = kept.iter().all(fits);
            return match fits {
                true => Ok(()),
                false => Err(ConfigError::new("the given mean does not fit the input")
                    .expected(format!("what broadcasts to {}", Shape::from(&dims[..])))
                    .received(format!("a mean of shape {}", Shape::from(&mean.shape[..])))),
            };
        }
        if let Some(adapted) = self.adapted.as_ref().filter(|a| a.mean.shape().dims() != dims) {
            return Err(ConfigError::new("the layer is adapted to data of other extents")
                .expected(format!("an input with {} along the kept axes", adapted.mean.shape()))
                .received(shape.to_string()));
        }
        let (mean, variance): (Initializer, Initializer) = match &self.adapted {
            Some(found) => (Given(found.mean.clone()).into(), Given(found.variance.clone()).into()),
            None => (Zeros.into(), Ones.into()),
        };
        let dims = Shape::from(dims);
        build.weight(WeightSpec::new("mean", &dims, mean).not_trained());
        build.weight(WeightSpec::new("variance", &dims, variance).not_trained());
        // Files have it; nothing reads it.
        let count = WeightSpec::new("count", Shape::scalar(), Zeros).dtype(DType::I32);
        build.weight(count.not_trained());
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let dtype = self.base.dtype.compute();
        let x = inputs[0].cast(dtype);
        let Ok(kept) = self.kept_axes(&PartialShape::from(x.shape())) else { return vec![x] };
        let mut statistic = |name: &str, given: &Option<Statistic>| match given {
            Some(given) => {
                let shape = self.aligned(given, &kept, x.rank());
                Tensor::constant(Array::from_f64_slice(dtype, shape, &given.values))
            }
            None => {
                let mut shape = vec![1; x.rank()];
                kept.iter().for_each(|&axis| shape[axis] = x.shape()[axis]);
                call.weight(name).cast(dtype).reshape(shape)
            }
        };
        let mean = statistic("mean", &self.mean);
        let variance = statistic("variance", &self.variance);
        let deviation = variance.sqrt().maximum(&Tensor::scalar(dtype, EPSILON));
        vec![match self.invert {
            true => mean + x * deviation,
            false => (x - mean) / deviation,
        }]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        false
    }
}
