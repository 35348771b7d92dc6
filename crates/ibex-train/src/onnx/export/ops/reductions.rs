//! Operations along axes: sums and extremes, moments, softmax, order.

use ibex_graph::DType;
use ibex_graph::ops::arg_reduce::{ArgReduce, ArgReduction};
use ibex_graph::ops::cumulative::CumulativeSum;
use ibex_graph::ops::normalize::Normalize;
use ibex_graph::ops::reduce::{Reduce, Reduction};
use ibex_graph::ops::sort::ArgSort;

use super::super::builder::{float, int};
use super::super::site::{Outcome, Site, source};
use crate::error::Result;

fn one(value: String) -> Result<Outcome> {
    Ok(Outcome::Values(vec![value]))
}

/// A function of the lines along an axis.
pub(super) fn along(site: &mut Site<'_>, op_type: &str, axis: usize) -> Result<Outcome> {
    site.direct(op_type, vec![int("axis", axis)])
}

impl Site<'_> {
    fn reduced(&mut self, op_type: &str, x: &str, axes: &[usize], keep: bool) -> Result<String> {
        if axes.is_empty() {
            return Ok(x.to_string());
        }
        let axes = self.builder.counts(axes)?;
        let options = vec![int("keepdims", usize::from(keep))];
        Ok(self.builder.node_with(op_type, &[x, &axes], options))
    }
}

/// Sums, products and extremes along axes.
pub(super) fn reduce(site: &mut Site<'_>, op: &Reduce) -> Result<Outcome> {
    let op_type = match op.reduction {
        Reduction::Sum => "ReduceSum",
        Reduction::Product => "ReduceProd",
        Reduction::Maximum => "ReduceMax",
        Reduction::Minimum => "ReduceMin",
    };
    let (x, dtype) = (site.x(0), site.dtype(0));
    if dtype != DType::Bool && dtype != DType::U8 {
        return one(site.reduced(op_type, &x, &op.axes, op.keep_dims)?);
    }
    let wide = site.cast_to(&x, DType::I32);
    let reduced = site.reduced(op_type, &wide, &op.axes, op.keep_dims)?;
    one(site.cast_to(&reduced, dtype))
}

/// Mean, deviations from it and variance.
fn deviations(site: &mut Site<'_>, axes: &[usize]) -> Result<[String; 3]> {
    let x = site.x(0);
    let mean = site.reduced("ReduceMean", &x, axes, true)?;
    let deviation = site.builder.node("Sub", &[&x, &mean]);
    let square = site.builder.node("Mul", &[&deviation, &deviation]);
    let variance = site.reduced("ReduceMean", &square, axes, true)?;
    Ok([mean, deviation, variance])
}

/// Mean and variance.
pub(super) fn moments(site: &mut Site<'_>, axes: &[usize]) -> Result<Outcome> {
    let [mean, _, variance] = deviations(site, axes)?;
    Ok(Outcome::Values(vec![mean, variance]))
}

/// Mean 0 and variance 1, then a scale and an offset.
pub(super) fn normalize(site: &mut Site<'_>, op: &Normalize) -> Result<Outcome> {
    if let Some(value) = layer_normalization(site, op)? {
        // The moments are not at hand: nothing but training asks for them.
        return Ok(Outcome::Values(vec![value, String::new(), String::new()]));
    }
    let epsilon = site.builder.scalar(site.dtype(0), op.epsilon.value())?;
    let [mean, deviation, variance] = deviations(site, &op.axes)?;
    let [scale, offset] = [1, 2].map(|at| site.name(source(site.graph, site.node.inputs[at])));
    let b = &mut *site.builder;
    let sum = b.node("Add", &[&variance, &epsilon]);
    let root = b.node("Sqrt", &[sum]);
    let standard = b.node("Div", &[deviation, root]);
    let scaled = b.node("Mul", &[standard, scale]);
    let value = b.node("Add", &[scaled, offset]);
    Ok(Outcome::Values(vec![value, mean, variance]))
}

/// As one node, if the moments are those of the last axes and nobody else wants them.
fn layer_normalization(site: &mut Site<'_>, op: &Normalize) -> Result<Option<String>> {
    let rank = site.rank(0);
    let Some(&first) = op.axes.first() else { return Ok(None) };
    let wanted = |value: &ibex_graph::ValueId| {
        std::ptr::eq(site.graph.node(value.node), site.node) && value.output > 0
    };
    let used = site.graph.nodes().iter().flat_map(|node| &node.inputs).any(wanted)
        || site.graph.outputs().iter().any(wanted);
    if used || !op.axes.iter().copied().eq(first..rank) {
        return Ok(None);
    }
    // Scale and offset must be those of the last axes alone.
    let shape = site.shape(0).clone();
    let fits = |at: usize| {
        let factor = site.shape(at);
        factor[..first].iter().all(|&d| d == 1) && factor[first..] == shape[first..]
    };
    if !fits(1) || !fits(2) {
        return Ok(None);
    }
    let mut inputs = vec![site.x(0)];
    for at in [1, 2] {
        let name = site.x(at);
        let from = site.shape(at).clone();
        inputs.push(site.builder.reshape(&name, &from, &shape[first..])?);
    }
    let options = vec![
        ("axis".to_string(), ibex_format::onnx::OnnxAttribute::Int(first as i64 - rank as i64)),
        float("epsilon", op.epsilon.value()),
    ];
    Ok(Some(site.builder.node_with("LayerNormalization", &inputs, options)))
}

/// The order of the elements along an axis.
pub(super) fn arg_sort(site: &mut Site<'_>, op: &ArgSort) -> Result<Outcome> {
    let mut x = site.x(0);
    if matches!(site.dtype(0), DType::Bool | DType::U8) {
        x = site.cast_to(&x, DType::I32);
    }
    let count = site.builder.counts(&[site.shape(0)[op.axis]])?;
    let options =
        vec![int("axis", op.axis), int("largest", usize::from(op.descending)), int("sorted", 1)];
    let order = site.builder.nodes("TopK", &[x, count], 2, options).swap_remove(1);
    one(site.cast_to(&order, DType::I32))
}

/// The position of an extreme.
pub(super) fn arg_reduce(site: &mut Site<'_>, op: &ArgReduce) -> Result<Outcome> {
    let op_type = match op.reduction {
        ArgReduction::ArgMax => "ArgMax",
        ArgReduction::ArgMin => "ArgMin",
    };
    let mut x = site.x(0);
    if !matches!(site.dtype(0), DType::F32 | DType::F64 | DType::I32) {
        x = site.cast_to(&x, DType::I32);
    }
    let options = vec![int("axis", op.axis), int("keepdims", 0)];
    let place = site.builder.node_with(op_type, &[x], options);
    one(site.cast_to(&place, DType::I32))
}

/// Running sums.
pub(super) fn cumulative_sum(site: &mut Site<'_>, op: &CumulativeSum) -> Result<Outcome> {
    let axis = site.builder.scalar(DType::I64, op.axis as f64)?;
    let options =
        vec![int("exclusive", usize::from(op.exclusive)), int("reverse", usize::from(op.reverse))];
    one(site.builder.node_with("CumSum", &[site.x(0), axis], options))
}
