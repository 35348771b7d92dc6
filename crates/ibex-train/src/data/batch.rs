//! [`Batch`]: samples put together into batches.

use std::fmt;

use ibex_graph::Array;
use ibex_nn::ConfigError;

use super::Samples;
use super::dataset::{Dataset, Pass, Stream};
use crate::error::{Error, Result};

/// See [`Dataset::batch`].
#[derive(Clone)]
pub struct Batch<D> {
    source: D,
    size: usize,
    padded: bool,
    drop_remainder: bool,
}

impl<D: Dataset<Item = Samples>> Batch<D> {
    pub(super) fn new(source: D, size: usize) -> Batch<D> {
        Batch { source, size: size.max(1), padded: false, drop_remainder: false }
    }

    /// Fills shorter samples with zeros at their ends, up to the longest of their batch.
    pub fn padded(mut self) -> Batch<D> {
        self.padded = true;
        self
    }

    /// Leaves out a last batch that has fewer samples than the others.
    pub fn drop_remainder(mut self) -> Batch<D> {
        self.drop_remainder = true;
        self
    }
}

impl<D> fmt::Debug for Batch<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<D: Dataset<Item = Samples>> Dataset for Batch<D> {
    type Item = Samples;

    /// As if each item of the source were one sample.
    fn count(&self) -> Option<usize> {
        self.source.count().map(|count| match self.drop_remainder {
            true => count / self.size,
            false => count.div_ceil(self.size),
        })
    }

    fn pass(&self, pass: Pass) -> Stream<Samples> {
        let mut source = self.source.pass(pass);
        let (size, padded, whole) = (self.size, self.padded, self.drop_remainder);
        let mut held: Vec<Samples> = Vec::new();
        Box::new(std::iter::from_fn(move || {
            while held.iter().map(Samples::count).sum::<usize>() < size {
                match source.next() {
                    Some(Ok(samples)) => held.push(samples),
                    Some(Err(error)) => return Some(Err(error)),
                    None => break,
                }
            }
            let count: usize = held.iter().map(Samples::count).sum();
            if count == 0 || (whole && count < size) {
                return None;
            }
            let mut rest = Vec::new();
            if count > size
                && let Some(last) = held.pop()
            {
                let keep = last.count() - (count - size);
                rest.push(last.rows(keep, last.count()));
                held.push(last.rows(0, keep));
            }
            let batch = together(&held, padded);
            held = rest;
            Some(batch)
        }))
    }

    fn is_shuffled(&self) -> bool {
        self.source.is_shuffled()
    }
}

/// The samples of several parts one after the other.
fn together(parts: &[Samples], padded: bool) -> Result<Samples> {
    let [first, ..] = parts else { return Ok(Samples::default()) };
    type Field = fn(&Samples) -> &Vec<Array>;
    let joined = |kind: &str, field: Field| -> Result<Vec<Array>> {
        let count = field(first).len();
        if let Some(other) = parts.iter().find(|part| field(part).len() != count) {
            return Err(Error::Data(
                ConfigError::new("samples of a batch have different numbers of arrays")
                    .expected(format!("{count} of kind `{kind}`"))
                    .received(field(other).len().to_string()),
            ));
        }
        let column = |i: usize| parts.iter().map(|part| &field(part)[i]).collect::<Vec<&Array>>();
        (0..count).map(|i| stacked(&column(i), &format!("{kind}{i}"), padded)).collect()
    };
    Ok(Samples {
        x: joined("x", |s| &s.x)?,
        y: joined("y", |s| &s.y)?,
        weights: joined("sample_weight", |s| &s.weights)?,
    })
}

/// Arrays one after the other along the first axis.
fn stacked(parts: &[&Array], name: &str, padded: bool) -> Result<Array> {
    let first = parts[0];
    let mut extents = first.shape().to_vec();
    for part in parts {
        let dims = part.shape().dims();
        let same = dims.get(1..) == first.shape().dims().get(1..);
        let fits = same || padded && dims.len() == extents.len();
        if part.dtype() != first.dtype() || !fits {
            return Err(Error::Data(
                ConfigError::new(format!("samples of a batch differ in `{name}`"))
                    .expected(format!("{} {}", first.dtype(), sample_shape(first)))
                    .received(format!("{} {}", part.dtype(), sample_shape(part)))
                    .help("resize or pad the samples, or use batches of 1"),
            ));
        }
        for (extent, &dim) in extents.iter_mut().zip(dims).skip(1) {
            *extent = (*extent).max(dim);
        }
    }
    extents[0] = parts.iter().map(|part| part.shape()[0]).sum();
    // Padding is zeros, and nothing else is left out.
    let mut all = match padded {
        true => Array::zeros(first.dtype(), extents.clone()),
        false => Array::unset(first.dtype(), extents.clone()),
    };
    let size = first.dtype().size();
    let row: usize = extents[1..].iter().product::<usize>() * size;
    let mut start = 0;
    for part in parts {
        let target = &mut all.bytes_mut()[start..start + part.shape()[0] * row];
        place(target, &extents[1..], part.bytes(), &part.shape().dims()[1..], size);
        start += target.len();
    }
    Ok(all)
}

/// Copies rows of extents `from_dims` into rows of extents `to_dims`, at their beginnings.
fn place(to: &mut [u8], to_dims: &[usize], from: &[u8], from_dims: &[usize], size: usize) {
    let bytes = |dims: &[usize]| dims.iter().product::<usize>() * size;
    let (to_row, from_row) = (bytes(to_dims), bytes(from_dims));
    if to_dims == from_dims || to_row == 0 || from_row == 0 {
        let count = to.len().min(from.len());
        to[..count].copy_from_slice(&from[..count]);
        return;
    }
    for (to, from) in to.chunks_exact_mut(to_row).zip(from.chunks_exact(from_row)) {
        place(to, &to_dims[1..], from, &from_dims[1..], size);
    }
}

fn sample_shape(array: &Array) -> String {
    let dims = array.shape().dims().get(1..).unwrap_or_default();
    ibex_graph::Shape::from(dims.to_vec()).to_string()
}
