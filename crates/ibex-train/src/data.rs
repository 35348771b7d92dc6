//! Training data: arrays with a row for each sample, and datasets that give one batch after the
//! other.
//!
//! [`Samples`] are inputs, targets and weights; a [`Dataset`] makes them out of files or streams.

mod adapters;
mod affine;
mod audio;
mod batch;
mod dataset;
pub mod duplicates;
mod folder;
mod generator;
mod image;
mod jpeg;
pub mod report;
mod resample;
mod sequences;
pub mod source;
pub mod splits;
pub mod table;
mod text;
mod windows;
pub(crate) mod workers;

pub use adapters::{Cache, Map, Prefetch, Repeat, Shuffle, Skip, SkipBroken, Take};
pub use audio::{AudioReader, Wave};
pub use batch::Batch;
pub use dataset::{ArrayBatches, Dataset, Items, Pass, Place, Stream, Streamed};
pub use folder::{
    AUDIO_ENDINGS, Files, Folder, IMAGE_ENDINGS, LabelMode, LabelledFile, TEXT_ENDINGS,
};
pub use generator::{FillMode, ImageDataGenerator, Shift, Transform};
pub use image::{ColorMode, ImageReader};
pub use sequences::{End, PadSequences};
pub use text::TextReader;
pub use windows::{WindowBatches, Windows};

use ibex_graph::{Array, DType, Type};
use ibex_nn::{ConfigError, PartialType};

use crate::error::{Error, Result};

/// One or more arrays with a row for each sample.
#[derive(Clone, Debug, Default)]
pub struct Arrays(pub Vec<Array>);

impl From<&Arrays> for Arrays {
    fn from(arrays: &Arrays) -> Arrays {
        arrays.clone()
    }
}

impl From<&Array> for Arrays {
    fn from(array: &Array) -> Arrays {
        Arrays(vec![array.clone()])
    }
}

impl From<Array> for Arrays {
    fn from(array: Array) -> Arrays {
        Arrays(vec![array])
    }
}

impl From<Vec<Array>> for Arrays {
    fn from(arrays: Vec<Array>) -> Arrays {
        Arrays(arrays)
    }
}

impl<const N: usize> From<[&Array; N]> for Arrays {
    fn from(arrays: [&Array; N]) -> Arrays {
        Arrays(arrays.into_iter().cloned().collect())
    }
}

impl<const N: usize> From<[Array; N]> for Arrays {
    fn from(arrays: [Array; N]) -> Arrays {
        Arrays(arrays.into())
    }
}

impl<T: ibex_graph::Element, S: ndarray::Data<Elem = T>, D: ndarray::Dimension>
    From<&ndarray::ArrayBase<S, D>> for Arrays
{
    fn from(array: &ndarray::ArrayBase<S, D>) -> Arrays {
        Arrays(vec![Array::from(array)])
    }
}

macro_rules! tuples {
    ($(($($array:ident),*);)*) => {
        $(impl<$($array: Into<Arrays>),*> From<($($array,)*)> for Arrays {
            /// The arrays one after another, of any dtypes.
            fn from(tuple: ($($array,)*)) -> Arrays {
                #[allow(non_snake_case)] // One variable for each type, under its name.
                let ($($array,)*) = tuple;
                Arrays([$($array.into().0),*].concat())
            }
        })*
    };
}

tuples! {
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
}

/// Inputs, targets and weights of the same samples.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// The inputs, in the order of the model's inputs.
    pub x: Vec<Array>,
    /// The targets, in the order of the model's outputs; none for prediction.
    pub y: Vec<Array>,
    /// The weights of the samples: none, one for all outputs, or one for each.
    pub weights: Vec<Array>,
}

impl Samples {
    /// The arrays in the order in which programs take them.
    pub fn arrays(&self) -> impl Iterator<Item = &Array> + Clone {
        self.x.iter().chain(&self.y).chain(&self.weights)
    }

    /// The number of samples.
    pub fn count(&self) -> usize {
        self.arrays().next().and_then(|a| a.shape().first().copied()).unwrap_or(0)
    }

    /// Checks that every array has the same number of samples, and at least one.
    ///
    /// # Errors
    /// Naming the array that differs.
    pub fn check(&self) -> Result<()> {
        let fail = |error: ConfigError| Err(Error::Data(error));
        let mut named = Vec::new();
        for (kind, arrays) in [("x", &self.x), ("y", &self.y), ("sample_weight", &self.weights)] {
            named.extend(arrays.iter().enumerate().map(|(i, a)| (format!("{kind}{i}"), a)));
        }
        for (name, array) in &named {
            let Some(&count) = array.shape().first() else {
                return fail(
                    ConfigError::new(format!("`{name}` has no batch axis"))
                        .expected("one row for each sample")
                        .received("a scalar"),
                );
            };
            if count == 0 {
                return fail(
                    ConfigError::new("there is no data: the arrays are empty")
                        .expected("at least one sample")
                        .received(format!("`{name}` of shape {}", array.shape())),
                );
            }
            if count != self.count() {
                return fail(
                    ConfigError::new("the arrays have different numbers of samples")
                        .expected(format!("{} rows, as in `{}`", self.count(), named[0].0))
                        .received(format!("`{name}` of shape {}", array.shape())),
                );
            }
        }
        Ok(())
    }

    /// Lets batches in order, and other parts of the samples, share their memory.
    pub(crate) fn share(&mut self) {
        let arrays = self.x.iter_mut().chain(&mut self.y).chain(&mut self.weights);
        arrays.for_each(Array::share);
    }

    /// The samples `start..end`.
    pub fn rows(&self, start: usize, end: usize) -> Samples {
        let cut = |arrays: &[Array]| arrays.iter().map(|a| a.rows(start, end)).collect();
        Samples { x: cut(&self.x), y: cut(&self.y), weights: cut(&self.weights) }
    }

    /// The samples at these indices, in this order.
    ///
    /// An index must be below [`Samples::count`].
    pub fn at(&self, indices: &[u32]) -> Samples {
        let mut buffers = BatchBuffers::new(self, indices.len());
        buffers.gather(self, indices);
        let mut arrays = buffers.arrays.into_iter();
        let mut next = |count: usize| arrays.by_ref().take(count).collect();
        Samples { x: next(self.x.len()), y: next(self.y.len()), weights: next(self.weights.len()) }
    }

    /// The types of the arrays, in the order in which programs take them.
    pub(crate) fn types(&self) -> Vec<Type> {
        self.arrays().map(|a| Type::new(a.dtype(), a.shape())).collect()
    }

    /// The first part and the last `fraction`, as Keras's `validation_split` cuts.
    ///
    /// # Errors
    /// If one of the parts would be empty.
    pub fn split_tail(&self, fraction: f64) -> Result<(Samples, Samples)> {
        let count = self.count();
        let at = (count as f64 * (1.0 - fraction)).floor() as usize;
        if !(0.0..1.0).contains(&fraction) || at == 0 || at >= count {
            return Err(Error::Data(
                ConfigError::new("the validation split leaves one part empty")
                    .expected("a fraction in (0, 1) that leaves samples on both sides")
                    .received(format!("{fraction} of {count} samples")),
            ));
        }
        Ok((self.rows(0, at), self.rows(at, count)))
    }
}

/// `float64` data as `float32`: what a model of `float32` inputs computes with anyway.
///
/// Done once, so that batches move half the bytes; other dtypes are cast inside the program.
pub(crate) fn narrowed(array: Array) -> Array {
    if array.dtype() == DType::F64 { array.cast(DType::F32) } else { array }
}

/// Checks inputs against a model's and gives a missing last axis of extent 1.
///
/// # Errors
/// Naming the input that does not fit.
pub(crate) fn fit_inputs(
    x: Vec<Array>,
    names: &[String],
    types: &[PartialType],
) -> Result<Vec<Array>> {
    if x.len() != types.len() {
        return Err(Error::Data(
            ConfigError::new("wrong number of inputs")
                .expected(format!("{} ({})", types.len(), names.join(", ")))
                .received(x.len().to_string()),
        ));
    }
    let fit = |((array, name), ty): ((Array, &String), &PartialType)| {
        let array = narrowed(array);
        // Arrays hold any number of batches, also where the batch has one size.
        let mut ty = ty.clone();
        ty.shape.0.iter_mut().take(1).for_each(|batch| *batch = None);
        if ty.shape.accepts(array.shape()) {
            return Ok(array);
        }
        let mut longer = array.shape().to_vec();
        longer.push(1);
        if ty.shape.accepts(&longer.clone().into()) && array.shape().rank() > 0 {
            return Ok(array.reshape(longer).unwrap_or_else(|_| Array::zeros(ty.dtype, [0])));
        }
        // Keras drops a trailing axis of 1 that the model does not have.
        if let [rest @ .., 1] = array.shape().dims()
            && ty.shape.accepts(&rest.into())
        {
            let rest = rest.to_vec();
            return Ok(array.reshape(rest).unwrap_or_else(|_| Array::zeros(ty.dtype, [0])));
        }
        Err(Error::Data(
            ConfigError::new(format!("input `{name}` has the wrong shape"))
                .expected(ty.shape.to_string())
                .received(array.shape().to_string()),
        ))
    };
    x.into_iter().zip(names).zip(types).map(fit).collect()
}

/// Buffers that one batch after the other is gathered into.
#[derive(Debug, Default)]
pub(crate) struct BatchBuffers {
    arrays: Vec<Array>,
    size: usize,
}

impl BatchBuffers {
    /// Buffers for batches of `size` of these samples.
    pub(crate) fn new(samples: &Samples, size: usize) -> BatchBuffers {
        let buffer = |array: &Array| {
            if size <= samples.count() {
                return array.rows(0, size);
            }
            let mut dims = array.shape().to_vec();
            dims[0] = size;
            Array::zeros(array.dtype(), dims)
        };
        BatchBuffers { arrays: samples.arrays().map(buffer).collect(), size }
    }

    /// Copies the samples at `indices` in; there must be as many as the buffers hold.
    ///
    /// Samples that follow one another are not copied where they share their memory.
    pub(crate) fn gather(&mut self, samples: &Samples, indices: &[u32]) {
        let first = indices.first().copied().unwrap_or(0);
        let in_order = (first..).zip(indices).all(|(expected, &index)| index == expected);
        for (to, from) in self.arrays.iter_mut().zip(samples.arrays()) {
            if in_order {
                to.set_rows(from, first as usize);
                continue;
            }
            let row = to.bytes().len() / indices.len().max(1);
            let (to, from) = (to.bytes_mut(), from.bytes());
            if row == 0 {
                continue;
            }
            for (target, &index) in to.chunks_exact_mut(row).zip(indices) {
                let start = index as usize * row;
                target.copy_from_slice(&from[start..start + row]);
            }
        }
    }

    /// The number of samples that they hold.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The buffers, in the order of the program's inputs.
    pub(crate) fn arrays(&self) -> &[Array] {
        &self.arrays
    }

    /// The types of the buffers.
    pub(crate) fn types(&self) -> Vec<Type> {
        self.arrays.iter().map(|a| Type::new(a.dtype(), a.shape())).collect()
    }
}

/// A dataset of batches whose type does not matter.
pub(crate) struct AnyDataset(pub(crate) Box<dyn Dataset<Item = Samples>>);

impl std::fmt::Debug for AnyDataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dataset").field("batches", &self.0.count()).finish_non_exhaustive()
    }
}

/// The order of samples in one epoch: a permutation that follows from the seed and the epoch.
pub(crate) fn epoch_order(count: usize, shuffle: Option<(u64, usize)>) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    if let Some((seed, epoch)) = shuffle {
        let draw = ibex_graph::rng::Draw::new(seed, epoch as u64, u32::MAX);
        // Fisher and Yates, with 64 random bits scaled to the range: the bias is below 2^-32.
        for i in (1..count).rev() {
            let [a, b, ..] = draw.block(i as u64);
            let bits = (u128::from(a) << 32 | u128::from(b)) * (i as u128 + 1);
            order.swap(i, (bits >> 64) as usize);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_visits_every_sample_once() {
        let mut order = epoch_order(1000, Some((7, 3)));
        assert_ne!(order, epoch_order(1000, Some((7, 4))));
        assert_eq!(order, epoch_order(1000, Some((7, 3))));
        order.sort_unstable();
        assert_eq!(order, epoch_order(1000, None));
    }

    #[test]
    fn the_validation_split_is_the_tail() {
        let x = Array::from_slice([5], &[0f32, 1., 2., 3., 4.]).unwrap();
        let samples = Samples { x: vec![x], ..Samples::default() };
        let (train, tail) = samples.split_tail(0.4).unwrap();
        assert_eq!(train.x[0].to_f64_vec(), [0., 1., 2.]);
        assert_eq!(tail.x[0].to_f64_vec(), [3., 4.]);
        assert!(samples.split_tail(0.01).is_ok());
        assert!(samples.split_tail(1.0).is_err());
    }
}
