//! `keras.ops.numpy` and `keras.ops.core`: elements chosen, and elements replaced, by position.

use ibex_graph::ops::composed::scatter::Combining;
use ibex_graph::ops::concatenate::stack;
use ibex_graph::{DType, Tensor};
use serde_json::Value;

use super::given::{Given, constant};
use super::table::{Outcome, operations};
use crate::arguments::Argument;

operations! {
    /// Elements by position.
    INDEXING, "numpy";
    GetItem [] (x key) -> get_item;
    Take [axis] (x indices) -> |g| {
        let (x, axis) = g.along(g.tensor("x")?)?;
        Ok(x.take(&indices(g.tensor("indices")?), axis as isize))
    };
    TakeAlongAxis [axis] (x indices) -> |g| {
        let places = indices(g.tensor("indices")?);
        let (x, axis) = g.along(g.tensor("x")?)?;
        let places = if g.has("axis") { places } else { places.flatten() };
        let mut shape = places.shape().to_vec();
        if shape.len() == x.rank() {
            // All axes but the one that is chosen along broadcast against each other.
            let mut own = x.shape().to_vec();
            for at in (0..x.rank()).filter(|&at| at != axis) {
                shape[at] = shape[at].max(own[at]);
                own[at] = shape[at];
            }
            let places = places.broadcast_to(shape);
            return Ok(x.broadcast_to(own).take_along_axis(&places, axis as isize));
        }
        Ok(x.take_along_axis(&places, axis as isize))
    };
}

operations! {
    /// Elements by position in tensors of several axes.
    SCATTERING, "core";
    Scatter [shape] (indices values) -> |g| {
        let values = g.tensor("values")?;
        let shape = counts(g, "shape")?;
        let zeros = Tensor::full(values.dtype(), shape, 0.0);
        Ok(zeros.scatter(&indices(g.tensor("indices")?), &values, Combining::Add))
    };
    ScatterUpdate [reduction] (inputs indices updates) -> |g| {
        let how = g.choice("reduction", &[
            ("", Combining::Replace),
            ("add", Combining::Add),
            ("max", Combining::Maximum),
            ("min", Combining::Minimum),
            ("mul", Combining::Multiply),
        ])?;
        let inputs = g.tensor("inputs")?;
        let updates = g.tensor("updates")?.cast(inputs.dtype());
        Ok(inputs.scatter(&indices(g.tensor("indices")?), &updates, how))
    };
    Slice [shape] (inputs start_indices) -> |g| {
        let x = g.tensor("inputs")?;
        let extents = g.integers("shape")?.unwrap_or_default();
        let starts = starts(g, &x)?;
        if extents.len() != x.rank() {
            return Err(g.wrong("the shape does not fit", "one extent for each axis", x.shape()));
        }
        let mut part = x;
        for (axis, (start, &extent)) in starts.iter().zip(&extents).enumerate() {
            let whole = part.dim(axis as isize);
            part = match start {
                Start::Known(start) => {
                    let start = (*start).clamp(0, whole as isize);
                    let stop = if extent < 0 { whole as isize } else { start + extent };
                    part.slice_axis(axis as isize, start..stop)
                }
                Start::Found(start) => {
                    let extent = if extent < 0 { whole } else { extent as usize };
                    let last = whole.saturating_sub(extent) as f64;
                    let first = start.clip(0.0, last);
                    let places = Tensor::iota(DType::I32, [extent], 0) + first;
                    part.take(&places, axis as isize)
                }
            };
        }
        Ok(part)
    };
    SliceUpdate [] (inputs start_indices updates) -> |g| {
        let x = g.tensor("inputs")?;
        let updates = g.tensor("updates")?.cast(x.dtype());
        let starts = starts(g, &x)?;
        let fits = updates.rank() == x.rank()
            && x.shape().iter().zip(updates.shape().iter()).all(|(whole, part)| part <= whole);
        if !fits {
            return Err(g.wrong("the updates do not fit", &x.shape().to_string(), updates.shape()));
        }
        let mut places = Vec::new();
        for (axis, start) in starts.iter().enumerate() {
            let extent = updates.dim(axis as isize);
            let last = (x.dim(axis as isize) - extent) as f64;
            let first = match start {
                Start::Known(start) => Tensor::scalar(DType::I32, (*start as f64).clamp(0.0, last)),
                Start::Found(start) => start.clip(0.0, last),
            };
            let along = Tensor::iota(DType::I32, updates.shape().to_vec(), axis);
            places.push(along + first);
        }
        let places = stack(&places, -1);
        Ok(x.scatter(&places, &updates, Combining::Replace))
    };
}

/// Positions as `int32`, whatever integers they are.
fn indices(x: Tensor) -> Tensor {
    match x.dtype() {
        DType::I32 | DType::I64 => x,
        _ => x.cast(DType::I32),
    }
}

fn counts(g: &Given<'_>, name: &str) -> Outcome<Vec<usize>> {
    let numbers = g.integers(name)?.unwrap_or_default();
    let counts: Option<Vec<usize>> = numbers.iter().map(|&n| usize::try_from(n).ok()).collect();
    counts.ok_or_else(|| g.wrong(&format!("the argument `{name}` does not fit"), "counts", "-1"))
}

/// Where a slice begins along an axis.
enum Start {
    Known(isize),
    Found(Tensor),
}

fn starts(g: &Given<'_>, x: &Tensor) -> Outcome<Vec<Start>> {
    if let Some(known) = g.value("start_indices").and(g.integers("start_indices")?) {
        if known.len() != x.rank() {
            return Err(g.wrong("the start does not fit", "one for each axis", known.len()));
        }
        let extent = |axis: usize| x.shape()[axis] as isize;
        let resolve = |(axis, &start): (usize, &isize)| {
            Start::Known(if start < 0 { start + extent(axis) } else { start })
        };
        return Ok(known.iter().enumerate().map(resolve).collect());
    }
    let found = indices(g.tensor("start_indices")?).cast(DType::I32);
    if found.shape().dims() != [x.rank()] {
        return Err(g.wrong("the start does not fit", "one for each axis", found.shape()));
    }
    let at = |axis: usize| {
        let axis = axis as isize;
        Start::Found(found.slice_axis(0, axis..axis + 1).squeeze(0))
    };
    Ok((0..x.rank()).map(at).collect())
}

/// One part of a key in brackets.
enum Key {
    /// A position, which removes the axis.
    At(isize),
    /// A new axis.
    New,
    /// All axes that no other part speaks of.
    Rest,
    /// Every n-th element between two positions.
    Range(Option<isize>, Option<isize>, isize),
    /// A tensor of positions.
    Places(Tensor),
}

fn get_item(g: &Given<'_>) -> Outcome<Tensor> {
    let x = g.tensor("x")?;
    let wrong = || g.wrong("the key does not fit", "positions, slices, None and …", x.shape());
    let keys: Vec<Key> = match g.bound.get("key") {
        Some(Argument::List(items)) => {
            items.iter().map(|item| key(g, item)).collect::<Option<_>>().ok_or_else(wrong)?
        }
        Some(argument) => vec![key(g, argument).ok_or_else(wrong)?],
        // A key that is `None` alone adds an axis.
        None => vec![Key::New],
    };
    let used = keys.iter().filter(|key| !matches!(key, Key::New | Key::Rest)).count();
    let rest = x.rank().checked_sub(used).ok_or_else(wrong)?;
    let mut result = x.clone();
    let mut axis = 0;
    let mut places = None;
    for key in &keys {
        let place = axis as isize;
        let extent = result.dim(place) as isize;
        match key {
            Key::New => {
                result = result.expand_dims(place);
                axis += 1;
            }
            Key::Rest => axis += rest,
            Key::At(at) => {
                let at = if *at < 0 { at + extent } else { *at };
                if !(0..extent).contains(&at) {
                    return Err(wrong());
                }
                result = result.slice_axis(place, at..at + 1).squeeze(place);
            }
            Key::Range(start, stop, step) => {
                result = ranged(&result, axis, (*start, *stop, *step));
                axis += 1;
            }
            Key::Places(found) => {
                if places.is_some() {
                    return Err(g.wrong("two keys are tensors", "one", "several"));
                }
                places = Some(());
                let rank = found.rank();
                result = result.take(&indices(found.clone()), place);
                axis += rank;
            }
        }
    }
    Ok(result)
}

fn key(g: &Given<'_>, argument: &Argument<usize>) -> Option<Key> {
    let whole = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_i64().map(|number| Some(number as isize)),
    };
    match argument {
        Argument::Tensor(index) => g.inputs.get(*index).cloned().map(Key::Places),
        Argument::List(items) => {
            let places = items.iter().map(|item| item.value()?.as_f64());
            let places = places.collect::<Option<Vec<f64>>>()?;
            let count = places.len();
            let places = ibex_graph::Array::from_f64_slice(DType::I32, [count], &places);
            Some(Key::Places(Tensor::constant(places)))
        }
        Argument::Value(Value::Null) => Some(Key::New),
        Argument::Value(Value::Number(number)) => Some(Key::At(number.as_i64()? as isize)),
        Argument::Value(value) => match value.get("class_name")?.as_str()? {
            "__ellipsis__" => Some(Key::Rest),
            "__slice__" => {
                let config = value.get("config")?;
                let (start, stop) = (whole(config.get("start"))?, whole(config.get("stop"))?);
                Some(Key::Range(start, stop, whole(config.get("step"))?.unwrap_or(1)))
            }
            _ => constant(value).map(Key::Places),
        },
        Argument::Dict(_) => None,
    }
}

/// `x[start:stop:step]` along an axis, as Python counts.
fn ranged(
    x: &Tensor,
    axis: usize,
    (start, stop, step): (Option<isize>, Option<isize>, isize),
) -> Tensor {
    let along = axis as isize;
    let extent = x.dim(along) as isize;
    let resolve = |place: isize| if place < 0 { place + extent } else { place };
    if step > 0 {
        let start = resolve(start.unwrap_or(0)).clamp(0, extent);
        let stop = resolve(stop.unwrap_or(extent)).clamp(start, extent);
        return x.slice_axis_by(along, start..stop, step as usize);
    }
    // Backwards: the same elements in the other order, from the end of the reversed axis.
    let first = start.map_or(extent - 1, resolve).clamp(-1, extent - 1);
    let last = stop.map_or(-1, resolve).clamp(-1, first);
    let (from, to) = (extent - 1 - first, extent - 1 - last);
    x.flip(&[axis]).slice_axis_by(along, from..to, step.unsigned_abs().max(1))
}
