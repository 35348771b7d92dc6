//! `keras.ops.numpy` and `keras.ops.einops`: functions that move elements.

use ibex_graph::ops::composed::einops::rearrange;
use ibex_graph::ops::composed::padding::Filling;
use ibex_graph::ops::concatenate::{concatenate, stack};
use ibex_graph::{DType, Tensor};

use super::elementwise::converted;
use super::given::{Given, float_of};
use super::table::{Outcome, operations};
use crate::partial::{PartialShape, PartialType};

operations! {
    /// Shapes, order and repetition of elements, and tensors made of others.
    SHAPES, "numpy";
    Append [axis] (x1 x2) -> |g| {
        let [a, b] = g.pair(|dtype| dtype)?;
        match g.integer("axis")? {
            Some(axis) => Ok(concatenate(&[a, b], axis)),
            None => Ok(concatenate(&[a.flatten(), b.flatten()], 0)),
        }
    };
    Arange [dtype] (start stop step) -> |g| Err(g.wrong(
        "the shape of the result depends on values",
        "numbers",
        "a tensor",
    ));
    ArraySplit [indices_or_sections axis] (x) => |g| {
        let x = g.first()?;
        let axis = g.axis(0, x.rank())?;
        let parts = g.needed("indices_or_sections")?.max(1);
        let extent = x.dim(axis as isize);
        let ends = (1..parts).map(|part| {
            part * (extent / parts) + part.min(extent % parts)
        });
        Ok(x.split_at(&ends.collect::<Vec<usize>>(), axis as isize))
    };
    BroadcastTo [shape] (x) -> |g| {
        let x = g.first()?;
        Ok(x.broadcast_to(extents(g, "shape", &x)?))
    };
    Concatenate [axis] (xs) -> |g| {
        Ok(concatenate(&g.tensors("xs")?, g.integer("axis")?.unwrap_or(0)))
    };
    Diag [k] (x) -> |g| {
        let (x, k) = (g.first()?, g.integer("k")?.unwrap_or(0));
        if x.rank() == 1 { Ok(x.diag_at(k)) } else { Ok(x.diagonal_at(k, 0, 1)) }
    };
    Diagflat [k] (x) -> |g| Ok(g.first()?.flatten().diag_at(g.integer("k")?.unwrap_or(0)));
    Diagonal [offset axis1 axis2] (x) -> diagonal;
    Dsplit [indices_or_sections] (x) => |g| split(g, 2);
    Dstack [] (xs) -> |g| {
        let raised = g.tensors("xs")?.into_iter().map(|x| match x.rank() {
            0 => x.reshape([1, 1, 1]),
            1 => x.expand_dims(0).expand_dims(2),
            2 => x.expand_dims(2),
            _ => x,
        });
        Ok(concatenate(&raised.collect::<Vec<Tensor>>(), 2))
    };
    ExpandDims [axis] (x) -> |g| {
        let mut x = g.first()?;
        let axes = g.integers("axis")?.unwrap_or_default();
        let rank = x.rank() + axes.len();
        let mut axes: Vec<usize> =
            axes.iter().map(|&axis| g.axis_of("axis", axis, rank)).collect::<Outcome<_>>()?;
        axes.sort_unstable();
        for axis in axes {
            x = x.expand_dims(axis as isize);
        }
        Ok(x)
    };
    Flip [axis] (x) -> |g| {
        let x = g.first()?;
        let axes = g.axes("axis", x.rank())?.unwrap_or(x.all_axes());
        Ok(x.flip(&axes))
    };
    Fliplr [] (x) -> |g| g.one(|x| x.flip(&[1]));
    Flipud [] (x) -> |g| g.one(|x| x.flip(&[0]));
    Full [shape dtype] (fill_value) -> |g| {
        let x = g.first()?;
        let shape = extents(g, "shape", &x)?;
        Ok(x.cast(g.dtype("dtype")?.unwrap_or(x.dtype())).broadcast_to(shape))
    };
    Geomspace [num endpoint dtype axis] (start stop) -> |g| spaced(g, |a, b, steps| {
        let ratio = (b / a).log();
        a * (ratio * steps).exp()
    });
    Hsplit [indices_or_sections] (x) => |g| split(g, if g.first()?.rank() < 2 { 0 } else { 1 });
    Hstack [] (xs) -> |g| {
        let parts = g.tensors("xs")?;
        let axis = if parts[0].rank() < 2 { 0 } else { 1 };
        Ok(concatenate(&parts, axis))
    };
    Linspace [num endpoint retstep dtype axis] (start stop) => |g| {
        let values = spaced(g, |a, b, steps| a + (b - a) * steps)?;
        if !g.flag("retstep", false)? {
            return Ok(vec![values]);
        }
        let [a, b] = g.pair(float_of)?;
        Ok(vec![values, (b - a) / gaps(g)?])
    };
    Logspace [num endpoint base dtype axis] (start stop) -> |g| {
        let base = g.number("base")?.unwrap_or(10.0).ln();
        spaced(g, |a, b, steps| ((a + (b - a) * steps) * base).exp())
    };
    Meshgrid [indexing] (; any) => |g| {
        let first_is_column = g.choice("indexing", &[("xy", true), ("ij", false)])?;
        let vectors: Vec<Tensor> = g.everything()?.iter().map(Tensor::flatten).collect();
        let count = vectors.len();
        let mut axes: Vec<usize> = (0..count).collect();
        if first_is_column && count > 1 {
            axes.swap(0, 1);
        }
        let mut shape = vec![1; count];
        for (vector, &axis) in vectors.iter().zip(&axes) {
            shape[axis] = vector.dim(0);
        }
        let spread = vectors.iter().zip(&axes).map(|(vector, &axis)| {
            let mut own = vec![1; count];
            own[axis] = vector.dim(0);
            vector.reshape(own).broadcast_to(shape.clone())
        });
        Ok(spread.collect())
    };
    Moveaxis [source destination] (x) -> |g| {
        let x = g.first()?;
        let from = g.axes("source", x.rank())?.unwrap_or_default();
        let to = g.axes("destination", x.rank())?.unwrap_or_default();
        if from.len() != to.len() {
            return Err(g.wrong("axes cannot be moved", "as many destinations", to.len()));
        }
        let mut rest = x.all_axes().into_iter().filter(|axis| !from.contains(axis));
        let order = x.all_axes().into_iter().filter_map(|axis| {
            match to.iter().position(|&place| place == axis) {
                Some(moved) => from.get(moved).copied(),
                None => rest.next(),
            }
        });
        Ok(x.transpose(&order.collect::<Vec<usize>>()))
    };
    Ndim [] (x) -> |g| g.one(|x| Tensor::scalar(DType::I32, x.rank() as f64));
    Pad [pad_width mode] (x constant_values) -> pad;
    Ravel [] (x) -> |g| g.one(Tensor::flatten);
    Repeat [repeats axis] (x) -> |g| {
        let (x, axis) = g.along(g.first()?)?;
        let counts = g.integers("repeats")?.unwrap_or_default();
        let place = axis as isize;
        match counts.as_slice() {
            [count] if *count >= 0 => Ok(x.repeat(*count as usize, place)),
            counts if counts.len() == x.dim(place) && counts.iter().all(|&count| count >= 0) => {
                let parts: Vec<Tensor> = counts.iter().enumerate().map(|(at, &count)| {
                    let at = at as isize;
                    x.slice_axis(place, at..at + 1).repeat(count as usize, place)
                }).collect();
                Ok(concatenate(&parts, place))
            }
            counts => Err(g.wrong("the repeats do not fit", "one for each element", counts.len())),
        }
    };
    Reshape [newshape] (x) -> |g| {
        let x = g.first()?;
        let shape = extents(g, "newshape", &x)?;
        Ok(x.reshape(shape))
    };
    Roll [shift axis] (x) -> |g| {
        let x = g.first()?;
        let shifts = g.integers("shift")?.unwrap_or_default();
        let Some(axes) = g.integers("axis")? else {
            let shift = shifts.iter().sum();
            return Ok(x.flatten().roll(shift, 0).reshape(x.shape()));
        };
        let mut rolled = x;
        for (at, &axis) in axes.iter().enumerate() {
            let shift = shifts.get(at).or(shifts.first()).copied().unwrap_or(0);
            rolled = rolled.roll(shift, axis);
        }
        Ok(rolled)
    };
    Rot90 [k axes] (array) -> |g| {
        let x = g.first()?;
        let plane = g.axes("axes", x.rank())?.unwrap_or(vec![0, 1]);
        let [first, second] = plane[..] else {
            return Err(g.wrong("there is no plane to turn", "two axes", plane.len()));
        };
        let swapped = |x: &Tensor| x.swap_axes(first as isize, second as isize);
        Ok(match g.integer("k")?.unwrap_or(1).rem_euclid(4) {
            0 => x,
            1 => swapped(&x.flip(&[second])),
            2 => x.flip(&[first, second]),
            _ => swapped(&x).flip(&[second]),
        })
    };
    Size [] (x) -> |g| g.one(|x| Tensor::scalar(DType::I32, x.shape().size() as f64));
    Split [indices_or_sections axis] (x) => |g| {
        let rank = g.first()?.rank();
        split(g, g.axis(0, rank)?)
    };
    Squeeze [axis] (x) -> |g| {
        let mut x = g.first()?;
        let ones = || x.all_axes().into_iter().filter(|&axis| x.shape()[axis] == 1).collect();
        let mut axes: Vec<usize> = g.axes("axis", x.rank())?.unwrap_or_else(ones);
        axes.sort_unstable();
        for axis in axes.into_iter().rev() {
            x = x.squeeze(axis as isize);
        }
        Ok(x)
    };
    Stack [axis] (x) -> |g| Ok(stack(&g.tensors("x")?, g.integer("axis")?.unwrap_or(0)));
    Swapaxes [axis1 axis2] (x) -> |g| {
        let axis = |name| g.integer(name).map(|axis| axis.unwrap_or(0));
        Ok(g.first()?.swap_axes(axis("axis1")?, axis("axis2")?))
    };
    Tile [repeats] (x) -> |g| {
        let counts = g.integers("repeats")?.unwrap_or_default();
        let counts: Option<Vec<usize>> = counts.iter().map(|&n| usize::try_from(n).ok()).collect();
        match counts {
            Some(counts) => Ok(g.first()?.tile(&counts)),
            None => Err(g.wrong("the repeats do not fit", "at least 0", "a negative number")),
        }
    };
    Trace [offset axis1 axis2] (x) -> |g| {
        let diagonal = diagonal(g)?;
        let diagonal = match diagonal.dtype() {
            DType::Bool | DType::U8 => diagonal.cast(DType::I32),
            _ => diagonal,
        };
        Ok(diagonal.sum(&[diagonal.rank().max(1) - 1], false))
    };
    Transpose [axes] (x) -> |g| {
        let x = g.first()?;
        let axes = g.axes("axes", x.rank())?;
        Ok(x.transpose(&axes.unwrap_or_else(|| x.all_axes().into_iter().rev().collect())))
    };
    Tril [k] (x) -> |g| Ok(g.first()?.lower_triangle(g.integer("k")?.unwrap_or(0)));
    Triu [k] (x) -> |g| Ok(g.first()?.upper_triangle(g.integer("k")?.unwrap_or(0)));
    UnravelIndex [shape] (indices) => |g| {
        let indices = g.first()?;
        let shape = g.integers("shape")?.unwrap_or_default();
        let mut rest = indices;
        let mut found = Vec::new();
        for &extent in shape.iter().rev() {
            let extent = Tensor::scalar(rest.dtype(), extent.max(1) as f64);
            found.push(rest.remainder(&extent));
            rest = rest.floor_divide(&extent);
        }
        found.reverse();
        Ok(found)
    };
    Vander [N increasing] (x) -> |g| {
        let x = g.first()?;
        let count = g.count("N")?.unwrap_or(x.dim(0));
        let mut powers = vec![x.ones_like()];
        while powers.len() < count {
            powers.push(&powers[powers.len() - 1] * &x);
        }
        powers.truncate(count);
        if !g.flag("increasing", false)? {
            powers.reverse();
        }
        Ok(stack(&powers, -1))
    };
    Vsplit [indices_or_sections] (x) => |g| split(g, 0);
    Vstack [] (xs) -> |g| {
        let raised = g.tensors("xs")?.into_iter().map(|x| match x.rank() {
            0 => x.reshape([1, 1]),
            1 => x.expand_dims(0),
            _ => x,
        });
        Ok(concatenate(&raised.collect::<Vec<Tensor>>(), 0))
    };
}

operations! {
    /// Axes by name.
    EINOPS, "einops";
    Rearrange [] (tensor pattern; any) -> |g| {
        let x = g.tensor("tensor")?;
        let pattern = g.text("pattern")?.unwrap_or_default();
        let mut lengths = Vec::new();
        for (name, _) in g.bound.arguments() {
            if !g.row.arguments.contains(&name) {
                lengths.push((name, g.needed(name)?));
            }
        }
        Ok(rearrange(&x, &pattern, &lengths))
    };
}

operations! {
    /// Functions of other modules that move elements.
    OTHER_SHAPES, "core";
    Cast [dtype] (x) -> converted;
    ConvertToTensor [dtype sparse ragged] (x) -> converted;
    SaturateCast [dtype] (x) -> |g| {
        let x = g.first()?;
        let dtype = g.dtype("dtype")?.unwrap_or(x.dtype());
        let range = match dtype {
            DType::U8 => (0.0, 255.0),
            DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            DType::F16 => (-65504.0, 65504.0),
            _ => return Ok(x.cast(dtype)),
        };
        match x.dtype() {
            DType::Bool => Ok(x.cast(dtype)),
            from => Ok(x.cast(DType::F64).clip(range.0, range.1).cast(from).cast(dtype)),
        }
    };
    StopGradient [] (variable) -> |g| g.one(Tensor::stop_gradient);
    Unstack [num axis] (x) => |g| {
        let x = g.first()?;
        let axis = g.axis(0, x.rank())? as isize;
        let at = |place: usize| {
            let place = place as isize;
            x.slice_axis(axis, place..place + 1).squeeze(axis)
        };
        Ok((0..x.dim(axis)).map(at).collect())
    };
}

/// A shape in which one extent may be -1, or unknown for the batch.
fn extents(g: &Given<'_>, name: &str, x: &Tensor) -> Outcome<Vec<usize>> {
    let list = wanted_extents(g, name)?;
    let known = list.iter().flatten().try_fold(1usize, |size, &n| size.checked_mul(n));
    let missing = known.and_then(|known| x.shape().size().checked_div(known)).unwrap_or(0);
    Ok(list.into_iter().map(|extent| extent.unwrap_or(missing)).collect())
}

/// The extents of a new shape; `None` for the one that follows from the others.
fn wanted_extents(g: &Given<'_>, name: &str) -> Outcome<Vec<Option<usize>>> {
    let wrong = || g.wrong(&format!("the argument `{name}` does not fit"), "a shape", "another");
    let extent = |item: &serde_json::Value| item.as_i64().and_then(|n| usize::try_from(n).ok());
    let list: Vec<Option<usize>> = match &g.value(name) {
        Some(serde_json::Value::Array(items)) => items.iter().map(extent).collect(),
        Some(one) => vec![extent(one)],
        None => return Err(wrong()),
    };
    match list.iter().filter(|extent| extent.is_none()).count() {
        0 | 1 => Ok(list),
        _ => Err(wrong()),
    }
}

/// What `Reshape` makes of a type with open extents: as in Keras, the extent that is left over is
/// open then, so that an axis can be parted that no size taken for a trial would let be parted.
pub(super) fn type_of_reshape(g: &Given<'_>, x: &PartialType) -> Option<PartialType> {
    if g.row.class_name != "Reshape" || !x.shape.0.contains(&None) {
        return None;
    }
    let shape = wanted_extents(g, "newshape").ok()?;
    Some(PartialType::new(x.dtype, PartialShape(shape)))
}

fn diagonal(g: &Given<'_>) -> Outcome<Tensor> {
    let x = g.first()?;
    let first = g.axis_of("axis1", g.integer("axis1")?.unwrap_or(0), x.rank())?;
    let second = g.axis_of("axis2", g.integer("axis2")?.unwrap_or(1), x.rank())?;
    Ok(x.diagonal_at(g.integer("offset")?.unwrap_or(0), first as isize, second as isize))
}

/// Parts along an axis: a number of equal ones, or between positions.
fn split(g: &Given<'_>, axis: usize) -> Outcome<Vec<Tensor>> {
    let x = g.first()?;
    let axis = axis as isize;
    if let Some(serde_json::Value::Number(_)) = g.value("indices_or_sections") {
        return Ok(x.split(g.needed("indices_or_sections")?, axis));
    }
    let extent = x.dim(axis) as isize;
    let places = g.integers("indices_or_sections")?.unwrap_or_default();
    let resolve =
        |&place: &isize| (if place < 0 { place + extent } else { place }).clamp(0, extent) as usize;
    Ok(x.split_at(&places.iter().map(resolve).collect::<Vec<usize>>(), axis))
}

/// How many steps lie between the first and the last of evenly spaced numbers.
fn gaps(g: &Given<'_>) -> Outcome<f64> {
    let count = g.count("num")?.unwrap_or(50);
    Ok(if g.flag("endpoint", true)? { count.max(2) - 1 } else { count.max(1) } as f64)
}

/// Numbers between two, as a function of steps from 0 to 1 along a new axis.
fn spaced(g: &Given<'_>, f: impl Fn(&Tensor, &Tensor, &Tensor) -> Tensor) -> Outcome<Tensor> {
    let [a, b] = g.pair(float_of)?;
    let Some(shape) = a.shape().broadcast(b.shape()) else { return Ok(&a + &b) };
    let axis = g.axis_of("axis", g.integer("axis")?.unwrap_or(0), shape.rank() + 1)?;
    let count = g.count("num")?.unwrap_or(50);
    let mut along = vec![1; shape.rank() + 1];
    along[axis] = count;
    let steps = Tensor::iota(a.dtype(), along, axis) / gaps(g)?;
    let raised = |x: &Tensor| x.broadcast_to(&shape).expand_dims(axis as isize);
    let values = f(&raised(&a), &raised(&b), &steps);
    Ok(match g.dtype("dtype")? {
        Some(dtype) if dtype.is_integer() => values.floor().cast(dtype),
        Some(dtype) => values.cast(dtype),
        None => values,
    })
}

/// The widths for each axis that `pad_width` means.
fn widths(g: &Given<'_>, rank: usize) -> Outcome<Vec<(usize, usize)>> {
    use serde_json::Value;
    let value = g.value("pad_width").unwrap_or_default();
    let one = |value: &Value| usize::try_from(value.as_i64()?).ok();
    let pair = |value: &Value| match value {
        Value::Array(items) => match items.as_slice() {
            [both] => one(both).map(|n| (n, n)),
            [low, high] => one(low).zip(one(high)),
            _ => None,
        },
        both => one(both).map(|n| (n, n)),
    };
    let all = match &value {
        Value::Array(items) if items.iter().all(Value::is_array) => {
            let pairs: Option<Vec<(usize, usize)>> = items.iter().map(pair).collect();
            match pairs {
                Some(pairs) if pairs.len() == 1 => Some(vec![pairs[0]; rank]),
                other => other,
            }
        }
        other => pair(other).map(|both| vec![both; rank]),
    };
    let wrong = || g.wrong("the widths do not fit", "a width, or a pair for each axis", &value);
    all.filter(|pairs| pairs.len() == rank).ok_or_else(wrong)
}

fn pad(g: &Given<'_>) -> Outcome<Tensor> {
    let x = g.first()?;
    let widths = widths(g, x.rank())?;
    let mode = g.choice(
        "mode",
        &[
            ("constant", None),
            ("reflect", Some(Filling::Reflect)),
            ("symmetric", Some(Filling::Symmetric)),
            ("edge", Some(Filling::Edge)),
            ("wrap", Some(Filling::Wrap)),
        ],
    )?;
    match mode {
        None => Ok(x.pad(&widths, g.number("constant_values")?.unwrap_or(0.0))),
        Some(filling) => Ok(x.pad_with(&widths, filling)),
    }
}
