//! Nodes that move elements, and those that compute extents.

use ibex_graph::{Array, DType, Shape};
use ibex_nn::arguments::Argument;
use ibex_nn::models::SymbolicTensor;
use ibex_nn::ops;
use ndarray::SliceInfoElem;
use serde_json::json;

use super::dense::transposed;
use super::node::{NodeSite, axis_of, one};
use super::value::{Extent, MAX_CLAIMED, MAX_ELEMENTS, Value, from_extents, integers};
use super::{NodeError, NodeRow, Outcome, rows, unsupported};

pub(super) const ROWS: &[NodeRow] = rows! {
    "Constant" constant;
    "ConstantOfShape" constant_of_shape;
    "Shape" shape;
    "Size" |site| {
        let mut extents = site.shape(0)?.into_iter();
        let size = extents.try_fold(1i64, |size, extent| size.checked_mul(extent? as i64));
        Ok(vec![from_extents(vec![size.map_or(Extent::Open, Extent::Known)], false)])
    };
    "Range" range;
    "Reshape" reshape;
    "Flatten" flatten;
    "Squeeze" squeeze;
    "Unsqueeze" unsqueeze;
    "Transpose" transpose;
    "Concat" concat;
    "Split" split;
    "Slice" slice;
    "Expand" expand;
    "Tile" |site| {
        let repeats = site.integers(1)?;
        one(ops::tile(site.argument(0)?, repeats))
    };
    "Pad" pad;
    "DepthToSpace" depth_to_space;
};

fn constant(site: &mut NodeSite<'_, '_>) -> Outcome {
    use ibex_format::onnx::OnnxAttribute::{Float, Floats, Int, Ints};
    if let Some(array) = site.array("value")? {
        return Ok(vec![Value::Known(array)]);
    }
    let value = |name: &str| site.node.attribute(name);
    let array = match (value("value_int"), value("value_ints")) {
        (Some(Int(number)), _) => integers(&[*number], false),
        (_, Some(Ints(list))) => integers(list, true),
        _ => match (value("value_float"), value("value_floats")) {
            (Some(Float(number)), _) => Array::scalar(*number),
            (_, Some(Floats(list))) => Array::from_slice([list.len()], list)?,
            _ => return unsupported("a constant of this kind"),
        },
    };
    Ok(vec![Value::Known(array)])
}

fn constant_of_shape(site: &mut NodeSite<'_, '_>) -> Outcome {
    let value = site.array("value")?.unwrap_or_else(|| Array::scalar(0f32));
    let number = value.to_f64_vec().first().copied().unwrap_or(0.0);
    let Some(target) = site.value(0)?.extents() else {
        return unsupported("a shape that depends on the data");
    };
    let known = |extent: &Extent| usize::try_from(extent.known()?).ok();
    let Some(shape) = target.iter().map(known).collect::<Option<Vec<usize>>>() else {
        let lone = Value::Known(Array::full(value.dtype(), (), number));
        return repeated(site, lone, &target);
    };
    let shape = Shape::from(shape);
    match shape.checked_size().is_some_and(|size| size <= MAX_ELEMENTS) {
        true => Ok(vec![Value::Known(Array::full(value.dtype(), shape, number))]),
        false => unsupported("a constant of this size"),
    }
}

fn shape(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (shape, value) = (site.shape(0)?, site.value(0)?);
    let rank = shape.len() as i64;
    let place = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
    let (start, end) = (place(site.int("start", 0)), place(site.int("end", rank)));
    let is_batch = |at: usize| match &value {
        Value::Open(tensor) => at == 0 && tensor.is_input(),
        Value::Known(_) | Value::Extents(..) => false,
    };
    let extent = |at: usize| match shape[at] {
        Some(extent) => Extent::Known(extent as i64),
        None if is_batch(at) => Extent::Batch,
        None => Extent::Open,
    };
    Ok(vec![from_extents((start..end.max(start)).map(extent).collect(), true)])
}

fn range(site: &mut NodeSite<'_, '_>) -> Outcome {
    let parts = [site.known(0)?, site.known(1)?, site.known(2)?];
    let [start, limit, step] = parts.each_ref().map(|part| part.to_f64_vec()[0]);
    let count = ((limit - start) / step).ceil().max(0.0);
    if count.is_nan() || count > MAX_ELEMENTS as f64 {
        return unsupported("a range of this length");
    }
    let numbers: Vec<f64> = (0..count as usize).map(|at| start + at as f64 * step).collect();
    let array = Array::from_f64_slice(parts[0].dtype(), [numbers.len()], &numbers);
    Ok(vec![Value::Known(array)])
}

/// A shape: 0 takes the extent of the input, -1 what is left.
fn reshape(site: &mut NodeSite<'_, '_>) -> Outcome {
    let target: Vec<Extent> = match site.ints("shape") {
        Some(list) => list.into_iter().map(Extent::Known).collect(),
        None => match site.value(1)?.extents() {
            Some(extents) => extents,
            None => return unsupported("a shape that depends on the data"),
        },
    };
    if let (Value::Extents(extents, _), 0..=1) = (site.value(0)?, target.len()) {
        return Ok(vec![Value::Extents(extents, target.len() == 1)]);
    }
    let keeps_zero = site.int("allowzero", 0) == 1;
    let x = site.tensor(0)?;
    let own = x.shape().0;
    let at = |at: usize| own.get(at).copied().flatten().map(|extent| extent as i64);
    let extent = |(axis, extent): (usize, &Extent)| match extent {
        Extent::Known(0) if !keeps_zero => at(axis),
        extent => extent.known(),
    };
    let resolved: Vec<Option<i64>> = target.iter().enumerate().map(extent).collect();
    let rest: Option<Vec<i64>> = resolved.get(1..).unwrap_or_default().iter().copied().collect();
    // A batch that stays the batch: Keras leaves it out.
    if let Some(rest) = rest.filter(|rest| keeps_batch(site, &own, resolved.first(), rest)) {
        return one(site.plain("Reshape", json!({"target_shape": rest}), x)?);
    }
    // What is open is found by itself, if it is one extent.
    let open = resolved.iter().filter(|extent| extent.is_none_or(|extent| extent < 0)).count();
    if open > 1 {
        return unsupported("a shape with several open extents");
    }
    let shape: Vec<i64> = resolved.into_iter().map(|extent| extent.unwrap_or(-1)).collect();
    one(ops::reshape(&x, shape))
}

/// Whether the first extent of a new shape is the batch, as is that of the old one.
fn keeps_batch(
    site: &NodeSite<'_, '_>,
    own: &[Option<usize>],
    first: Option<&Option<i64>>,
    rest: &[i64],
) -> bool {
    let opens = own.first().is_some_and(Option::is_none);
    let times = |size: i64, extent: Option<i64>| size.checked_mul(extent?);
    let inner = own.iter().skip(1).try_fold(1, |size, e| times(size, e.map(|e| e as i64)));
    let wanted = rest.iter().try_fold(1, |size, &extent| times(size, Some(extent)));
    let fits = inner.is_some() && inner == wanted;
    let free = rest.iter().filter(|&&extent| extent < 0).count();
    match first {
        // Single samples, where the file is for those.
        Some(Some(1)) => opens && site.context.opened,
        Some(Some(-1)) => opens && fits,
        Some(None) => opens && (fits || free == 1),
        _ => false,
    }
}

fn flatten(site: &mut NodeSite<'_, '_>) -> Outcome {
    let x = site.tensor(0)?;
    let rank = x.shape().rank();
    let axis = site.int("axis", 1);
    if axis == 1 {
        return one(site.plain("Flatten", json!({}), x)?);
    }
    let axis = if axis == rank as i64 { rank } else { axis_of(axis, rank)? };
    let times = |size: usize, extent: &Option<usize>| size.checked_mul((*extent)?);
    let product = |part: &[Option<usize>]| part.iter().try_fold(1, times);
    let shape = x.shape().0;
    match (product(&shape[..axis]), product(&shape[axis..])) {
        (Some(rows), _) => one(ops::reshape(&x, [rows as i64, -1])),
        (None, Some(columns)) => one(ops::reshape(&x, [-1, columns as i64])),
        (None, None) => unsupported("open extents on both sides"),
    }
}

fn squeeze(site: &mut NodeSite<'_, '_>) -> Outcome {
    let axes = site.axes("axes", 1)?;
    match site.value(0)? {
        Value::Extents(extents, _) => Ok(vec![Value::Extents(extents, false)]),
        Value::Known(array) => {
            let rank = array.shape().rank();
            let axes = match axes {
                Some(axes) => axes.iter().map(|&a| axis_of(a, rank)).collect::<Result<_, _>>()?,
                None => (0..rank).filter(|&axis| array.shape()[axis] == 1).collect::<Vec<_>>(),
            };
            let kept = (0..rank).filter(|axis| !axes.contains(axis));
            let shape: Vec<usize> = kept.map(|axis| array.shape()[axis]).collect();
            Ok(vec![Value::Known(array.reshape(shape)?)])
        }
        Value::Open(x) => match axes {
            Some(axes) => one(ops::squeeze(&x).axis(axes)),
            None => one(ops::squeeze(&x)),
        },
    }
}

fn unsqueeze(site: &mut NodeSite<'_, '_>) -> Outcome {
    let Some(axes) = site.axes("axes", 1)? else { return unsupported("no axes") };
    match site.value(0)? {
        Value::Extents(extents, false) => Ok(vec![Value::Extents(extents, true)]),
        Value::Extents(..) => unsupported("further axes of a list of extents"),
        Value::Known(array) => {
            let rank = array.shape().rank() + axes.len();
            let axes: Vec<usize> =
                axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<_, _>>()?;
            let mut own = array.shape().to_vec().into_iter();
            let extent = |axis| if axes.contains(&axis) { 1 } else { own.next().unwrap_or(1) };
            let shape: Vec<usize> = (0..rank).map(extent).collect();
            Ok(vec![Value::Known(array.reshape(shape)?)])
        }
        Value::Open(x) => {
            let rank = x.shape().rank() + axes.len();
            let mut axes: Vec<usize> =
                axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<_, _>>()?;
            axes.sort_unstable();
            one(axes.into_iter().fold(x, |x, axis| ops::expand_dims(&x, axis)))
        }
    }
}

fn transpose(site: &mut NodeSite<'_, '_>) -> Outcome {
    let rank = site.shape(0)?.len();
    let axes: Vec<usize> = match site.ints("perm") {
        Some(axes) => axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..rank) {
        return unsupported(format!("`perm` = {axes:?}"));
    }
    match site.value(0)? {
        Value::Known(array) => Ok(vec![Value::Known(transposed(&array, &axes)?)]),
        Value::Open(x) if axes.first() == Some(&0) => {
            one(site.plain("Permute", json!({"dims": axes[1..]}), x)?)
        }
        Value::Open(x) => one(ops::transpose(&x).axes(axes)),
        extents => Ok(vec![extents]),
    }
}

fn concat(site: &mut NodeSite<'_, '_>) -> Outcome {
    let axis = site.int("axis", 0);
    let values: Vec<Value> =
        (0..site.node.inputs.len()).map(|input| site.value(input)).collect::<Result<_, _>>()?;
    if values.iter().any(|value| matches!(value, Value::Extents(..))) {
        let lists: Option<Vec<Vec<Extent>>> = values.iter().map(Value::extents).collect();
        return match lists {
            Some(lists) => Ok(vec![from_extents(lists.concat(), true)]),
            None => unsupported("extents beside data"),
        };
    }
    let open = |value: &Value| match value {
        Value::Open(tensor) => Some(tensor.clone()),
        _ => None,
    };
    if let Some(tensors) = values.iter().map(open).collect::<Option<Vec<SymbolicTensor>>>() {
        if tensors.len() == 1 {
            return Ok(values);
        }
        let axis = axis_of(axis, tensors[0].shape().rank())?;
        let layer = site.layer("Concatenate", json!({"axis": axis}), tensors, Vec::new())?;
        return one(layer.into_iter().next().map_or_else(|| unsupported("nothing"), Ok)?);
    }
    let list: Argument<SymbolicTensor> = Argument::List(site.arguments()?);
    one(ops::concatenate(list).axis(axis))
}

fn split(site: &mut NodeSite<'_, '_>) -> Outcome {
    let axis = site.int("axis", 0);
    let shape = site.shape(0)?;
    let axis = axis_of(axis, shape.len())?;
    let count = site.node.outputs.len();
    let parts = match site.axes("split", 1)? {
        Some(parts) => parts,
        None => {
            let Some(extent) = shape[axis] else { return unsupported("an open extent") };
            let width = extent.div_ceil(count.max(1));
            let part = |at: usize| width.min(extent.saturating_sub(at * width)) as i64;
            (0..count).map(part).collect()
        }
    };
    let mut ends = Vec::new();
    for part in &parts[..parts.len().saturating_sub(1)] {
        ends.push(i64::saturating_add(*ends.last().unwrap_or(&0), *part));
    }
    let x = site.argument(0)?;
    if ends.is_empty() {
        return Ok(vec![site.value(0)?]);
    }
    Ok(ops::split(x, ends).axis(axis).tensors().into_iter().map(Value::Open).collect())
}

/// Starts, ends, axes and steps are options in older files and inputs in newer ones.
fn slice(site: &mut NodeSite<'_, '_>) -> Outcome {
    let old = site.node.attribute("starts").is_some();
    let mut list = |name: &str, input: usize| match old {
        true => Ok(site.ints(name)),
        false if site.has(input) => site.integers(input).map(Some),
        false => Ok::<_, NodeError>(None),
    };
    let (starts, ends) = (list("starts", 1)?, list("ends", 2)?);
    let (axes, steps) = (list("axes", 3)?, list("steps", 4)?);
    let (Some(starts), Some(ends)) = (starts, ends) else { return unsupported("no positions") };
    let shape = site.shape(0)?;
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return unsupported("lists of different lengths");
    }
    let mut parts = vec![SliceInfoElem::Slice { start: 0, end: None, step: 1 }; shape.len()];
    for (at, &axis) in axes.iter().enumerate() {
        let axis = axis_of(axis, shape.len())?;
        let (start, end, step) = (starts[at] as isize, ends[at] as isize, steps[at] as isize);
        parts[axis] = match (step, shape[axis]) {
            (1.., None) => {
                let end = (end < isize::MAX / 2 && end < i32::MAX as isize).then_some(end);
                SliceInfoElem::Slice { start, end, step }
            }
            (1.., Some(extent)) => {
                let extent = extent as isize;
                let place =
                    |p: isize| (if p < 0 { p.saturating_add(extent) } else { p }).clamp(0, extent);
                SliceInfoElem::Slice { start: place(start), end: Some(place(end)), step }
            }
            (..=-1, Some(extent)) => {
                // Counted down from `start` to after `end`: the same range, turned round.
                let extent = extent as isize;
                let place = |p: isize| {
                    (if p < 0 { p.saturating_add(extent) } else { p }).clamp(-1, extent - 1)
                };
                let (start, end) = (place(start), place(end));
                SliceInfoElem::Slice { start: end + 1, end: Some(start + 1), step }
            }
            _ => return unsupported("a step of 0, or back along an open extent"),
        };
    }
    if let Value::Extents(extents, true) = site.value(0)? {
        let Some(&SliceInfoElem::Slice { start, end: Some(end), step: step @ 1.. }) = parts.first()
        else {
            return unsupported("part of a list of extents");
        };
        let picked = extents.get(start as usize..end.max(start) as usize).unwrap_or_default();
        let picked = picked.iter().step_by(step as usize).copied().collect();
        return Ok(vec![from_extents(picked, true)]);
    }
    one(site.tensor(0)?.slice(parts))
}

/// Both shapes are repeated to their common one.
fn expand(site: &mut NodeSite<'_, '_>) -> Outcome {
    let Some(target) = site.value(1)?.extents() else {
        return unsupported("a shape that depends on the data");
    };
    let value = site.value(0)?;
    repeated(site, value, &target)
}

/// A value repeated to extents, of which the first may be the batch.
fn repeated(site: &mut NodeSite<'_, '_>, value: Value, target: &[Extent]) -> Outcome {
    let is_zero = matches!(&value, Value::Known(a) if a.to_f64_vec().iter().all(|&x| x == 0.0));
    if let (true, Some(name)) = (is_zero, site.node.outputs.first().cloned()) {
        site.context.set_zero(&name);
    }
    let Some(argument) = value.argument() else {
        return unsupported("extents that depend on the data");
    };
    let own = site.shape_of(&value);
    let rank = own.len().max(target.len());
    let sizes = target.iter().filter_map(|extent| extent.known());
    let size = sizes.clone().try_fold(1i64, |size, extent| size.checked_mul(extent));
    if size.is_none_or(|size| size > MAX_CLAIMED) || sizes.clone().any(|extent| extent < 0) {
        return unsupported("repetition to this size");
    }
    let mut shape = Vec::with_capacity(rank);
    let mut spreads = false;
    for axis in 0..rank {
        let mine = axis.checked_sub(rank - own.len()).map_or(Some(1), |at| own[at]);
        let theirs =
            axis.checked_sub(rank - target.len()).map_or(Extent::Known(1), |at| target[at]);
        shape.push(match (mine, theirs) {
            (Some(1), Extent::Known(theirs)) => theirs,
            // The batch is added to in a second step.
            (Some(1), Extent::Batch) if axis == 0 => {
                spreads = true;
                1
            }
            (Some(1), Extent::Batch | Extent::Open) => {
                return unsupported("repetition to an extent that depends on the data");
            }
            (Some(mine), _) => mine as i64,
            // An extent that is open stays so, and cannot be named.
            (None, _) if axis == 0 && rank == own.len() => -1,
            (None, _) => return unsupported("repetition along open extents"),
        });
    }
    let same = |(own, shape): (&Option<usize>, &i64)| own.map_or(-1, |own| own as i64) == *shape;
    let y = match own.len() == rank && own.iter().zip(&shape).all(same) {
        true => argument,
        false if shape.contains(&-1) => {
            // The other axes are repeated by adding to nothing.
            let like = shape.iter().map(|&extent| extent.max(1)).collect::<Vec<i64>>();
            let zeros = ops::broadcast_to(Argument::from(&Array::scalar(0f32)), like);
            known(along(argument, known(zeros)?)?)?
        }
        false => known(ops::broadcast_to(argument, shape))?,
    };
    if !spreads {
        return match y {
            Argument::Tensor(y) => one(y),
            _ => one(ops::copy(y)),
        };
    }
    let Some(batch) = site.context.batch().cloned() else { return unsupported("no batch") };
    let axes: Vec<usize> = (1..batch.shape().rank()).collect();
    let zeros = ops::zeros_like(ops::cast(&batch, DType::F32)).tensor();
    let zeros = if axes.is_empty() { zeros } else { ops::sum(&zeros).axis(axes).tensor() };
    let shape: Vec<i64> = [-1].into_iter().chain(vec![1; rank - 1]).collect();
    one(along(y, ops::reshape(&zeros, shape).into())?)
}

/// What does not depend on the inputs, computed.
fn known(tensor: SymbolicTensor) -> Result<Argument<SymbolicTensor>, NodeError> {
    match Value::Open(tensor).folded()?.argument() {
        Some(argument) => Ok(argument),
        None => unsupported("extents that depend on the data"),
    }
}

/// A tensor of any dtype repeated along the axes of zeros.
fn along(
    x: Argument<SymbolicTensor>,
    zeros: Argument<SymbolicTensor>,
) -> Result<SymbolicTensor, NodeError> {
    let everywhere = known(ops::equal(zeros, 0.0))?;
    Ok(ops::where_(everywhere, x.clone(), x))
}

fn pad(site: &mut NodeSite<'_, '_>) -> Outcome {
    let mode = site.text("mode", "constant");
    if mode != "constant" && mode != "reflect" {
        return unsupported(format!("mode `{}`", mode.escape_debug()));
    }
    let widths = match site.ints("pads") {
        Some(widths) => widths,
        None => site.integers(1)?,
    };
    let value = match site.optional(2)? {
        Some(value) => value.to_f64_vec().first().copied().unwrap_or(0.0),
        None => site.float("value", 0.0),
    };
    let rank = site.shape(0)?.len();
    let axes: Vec<usize> = match site.has(3) {
        true => {
            let axes = site.integers(3)?;
            axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<_, _>>()?
        }
        false => (0..rank).collect(),
    };
    if widths.len() != 2 * axes.len() || widths.iter().any(|&width| width < 0) {
        return unsupported(format!("`pads` = {widths:?}"));
    }
    let mut pairs = vec![[0i64; 2]; rank];
    for (at, &axis) in axes.iter().enumerate() {
        pairs[axis] = [widths[at], widths[axes.len() + at]];
    }
    let x = site.argument(0)?;
    one(padded(x, pairs, &mode, value))
}

/// More elements around a tensor.
pub(super) fn padded(
    x: Argument<SymbolicTensor>,
    pairs: Vec<[i64; 2]>,
    mode: &str,
    value: f64,
) -> SymbolicTensor {
    let call = ops::pad(x, pairs).mode(mode);
    if mode == "constant" { call.constant_values(value).tensor() } else { call.tensor() }
}

/// Channels to blocks of pixels; Keras takes them in the one order with the channels first, and in
/// the other with the channels last.
fn depth_to_space(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (x, block) = (site.tensor(0)?, site.int("blocksize", 1));
    match site.text("mode", "DCR").as_str() {
        "CRD" => one(ops::depth_to_space(&x, block).data_format("channels_first")),
        "DCR" => {
            let last = ops::transpose(&x).axes([0, 2, 3, 1]).tensor();
            let y = ops::depth_to_space(&last, block).data_format("channels_last").tensor();
            one(ops::transpose(&y).axes([0, 3, 1, 2]))
        }
        mode => unsupported(format!("mode `{}`", mode.escape_debug())),
    }
}
