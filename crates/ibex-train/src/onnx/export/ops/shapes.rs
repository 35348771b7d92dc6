//! Operations that move elements.

use ibex_graph::ops::pad::Pad;
use ibex_graph::ops::slice::Slice;
use ibex_graph::{Array, DType, Shape};

use super::super::builder::{int, text};
use super::super::site::{Outcome, Site};
use crate::error::Result;

fn one(value: String) -> Result<Outcome> {
    Ok(Outcome::Values(vec![value]))
}

/// The same elements in another shape.
pub(super) fn reshape(site: &mut Site<'_>, shape: &Shape) -> Result<Outcome> {
    let x = site.x(0);
    let from = site.shape(0).clone();
    one(site.builder.reshape(&x, &from, shape)?)
}

/// Axes in another order.
pub(super) fn transpose(site: &mut Site<'_>, axes: &[usize]) -> Result<Outcome> {
    let x = site.x(0);
    one(site.builder.transpose(&x, axes)?)
}

/// Axes repeated.
pub(super) fn broadcast(site: &mut Site<'_>, shape: &Shape) -> Result<Outcome> {
    let extents = site.builder.counts(shape)?;
    one(site.builder.node("Expand", &[site.x(0), extents]))
}

impl Site<'_> {
    /// A slice along some axes: `(axis, start, stop, step)` each.
    fn sliced(&mut self, x: &str, cuts: &[(usize, i64, i64, i64)]) -> Result<String> {
        if cuts.is_empty() {
            return Ok(x.to_string());
        }
        let column = |f: fn(&(usize, i64, i64, i64)) -> i64| cuts.iter().map(f).collect::<Vec<_>>();
        let starts = self.builder.vector(&column(|cut| cut.1))?;
        let stops = self.builder.vector(&column(|cut| cut.2))?;
        let axes = self.builder.vector(&column(|cut| cut.0 as i64))?;
        let steps = self.builder.vector(&column(|cut| cut.3))?;
        Ok(self.builder.node("Slice", &[x, &starts, &stops, &axes, &steps]))
    }
}

/// Every n-th element between two positions.
pub(super) fn slice(site: &mut Site<'_>, op: &Slice) -> Result<Outcome> {
    let whole = Slice::whole(site.shape(0));
    let axes = (0..op.start.len()).filter(|&axis| {
        let cut = |s: &Slice| (s.start[axis], s.stop[axis], s.step[axis]);
        cut(op) != cut(&whole)
    });
    let cut = |axis: usize| {
        let [start, stop, step] = [op.start[axis], op.stop[axis], op.step[axis]];
        (axis, start as i64, stop as i64, step as i64)
    };
    let cuts: Vec<_> = axes.map(cut).collect();
    let x = site.x(0);
    one(site.sliced(&x, &cuts)?)
}

/// The opposite order along some axes.
pub(super) fn reverse(site: &mut Site<'_>, axes: &[usize]) -> Result<Outcome> {
    let cuts: Vec<_> = axes.iter().map(|&axis| (axis, -1, i64::MIN + 1, -1)).collect();
    let x = site.x(0);
    one(site.sliced(&x, &cuts)?)
}

/// Elements before, between and after those of a tensor.
pub(super) fn pad(site: &mut Site<'_>, op: &Pad) -> Result<Outcome> {
    let mut x = site.x(0);
    let mut shape = site.shape(0).to_vec();
    let dtype = site.dtype(0);
    let value = site.builder.scalar(dtype, op.value.value())?;
    // Elements between others: each gets company on a new axis, which is then joined with its own.
    for axis in 0..shape.len() {
        if op.interior[axis] == 0 || shape[axis] == 0 {
            continue;
        }
        let mut apart = shape.clone();
        apart.insert(axis + 1, 1);
        let lone = site.builder.reshape(&x, &shape, &apart)?;
        let mut widths = vec![0; 2 * apart.len()];
        widths[apart.len() + axis + 1] = op.interior[axis];
        let widths = site.builder.counts(&widths)?;
        let wide = site.builder.node("Pad", &[&lone, &widths, &value]);
        let width = shape[axis] * (op.interior[axis] + 1);
        apart[axis + 1] = op.interior[axis] + 1;
        shape[axis] = width;
        let joined = site.builder.reshape(&wide, &apart, &shape)?;
        shape[axis] = width - op.interior[axis];
        x = site.sliced(&joined, &[(axis, 0, shape[axis] as i64, 1)])?;
    }
    if op.low.iter().chain(&op.high).all(|&width| width == 0) {
        return one(x);
    }
    let widths: Vec<usize> = op.low.iter().chain(&op.high).copied().collect();
    let widths = site.builder.counts(&widths)?;
    one(site.builder.node("Pad", &[x, widths, value]))
}

/// Tensors one after another.
pub(super) fn concatenate(site: &mut Site<'_>, axis: usize) -> Result<Outcome> {
    site.direct("Concat", vec![int("axis", axis)])
}

/// Slices chosen by indices.
pub(super) fn gather(site: &mut Site<'_>, axis: usize) -> Result<Outcome> {
    site.direct("Gather", vec![int("axis", axis)])
}

/// Elements chosen by an index for each result.
///
/// Along the other axes the extents are equal, as both sides need.
pub(super) fn take_along_axis(site: &mut Site<'_>, axis: usize) -> Result<Outcome> {
    site.direct("GatherElements", vec![int("axis", axis)])
}

impl Site<'_> {
    /// Zeros of the type of the result.
    fn zeros(&mut self, shape: &[usize]) -> Result<String> {
        let zero = self.builder.scalar(self.out(0).dtype, 0.0)?;
        let extents = self.builder.counts(shape)?;
        Ok(self.builder.node("Expand", &[zero, extents]))
    }
}

/// Additions to zeros at an index for each update.
pub(super) fn add_along_axis(site: &mut Site<'_>, axis: usize) -> Result<Outcome> {
    let shape = site.out(0).shape.to_vec();
    let zeros = site.zeros(&shape)?;
    let options = vec![int("axis", axis), text("reduction", "add")];
    let inputs = [zeros, site.x(1), site.x(0)];
    one(site.builder.node_with("ScatterElements", &inputs, options))
}

/// Slices added to zeros: ONNX does so along the first axis only.
pub(super) fn scatter_add(site: &mut Site<'_>, axis: usize) -> Result<Outcome> {
    let (rank, count) = (site.out(0).shape.rank(), site.rank(1));
    // The axis of the slices, or those of the indices, first.
    let first = |axes: std::ops::Range<usize>, rank: usize| -> Vec<usize> {
        let others = (0..rank).filter(|other| !axes.contains(other));
        axes.clone().chain(others).collect()
    };
    let order = first(axis..axis + 1, rank);
    let shape: Vec<usize> = order.iter().map(|&axis| site.out(0).shape[axis]).collect();
    let zeros = site.zeros(&shape)?;
    let updates = site.x(0);
    let updates = site.builder.transpose(&updates, &first(axis..axis + count, rank - 1 + count))?;
    let own = site.shape(1).to_vec();
    let each: Vec<usize> = own.iter().copied().chain([1]).collect();
    let indices = site.x(1);
    let indices = site.builder.reshape(&indices, &own, &each)?;
    let indices = site.cast_to(&indices, DType::I64);
    let options = vec![text("reduction", "add")];
    let sum = site.builder.node_with("ScatterND", &[zeros, indices, updates], options);
    let mut back = vec![0; rank];
    for (to, &from) in order.iter().enumerate() {
        back[from] = to;
    }
    one(site.builder.transpose(&sum, &back)?)
}

/// Numbers that count along an axis.
pub(super) fn iota(site: &mut Site<'_>, axis: usize) -> Result<Outcome> {
    let ty = site.out(0).clone();
    let extent = ty.shape[axis];
    let numbers: Vec<f64> = (0..extent).map(|number| number as f64).collect();
    let mut lone = vec![1; ty.shape.rank()];
    lone[axis] = extent;
    let place = format!("{}/numbers", site.builder.path);
    let array = Array::from_f64_slice(ty.dtype, lone.clone(), &numbers);
    let numbers = site.builder.constant(place.trim_start_matches('/'), &array)?;
    if lone == ty.shape.dims() {
        return one(numbers);
    }
    let extents = site.builder.counts(&ty.shape)?;
    one(site.builder.node("Expand", &[numbers, extents]))
}
