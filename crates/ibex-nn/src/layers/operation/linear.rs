//! `keras.ops.numpy` and `keras.ops.einops`: products of tensors and sums of products.

use ibex_graph::Tensor;
use ibex_graph::ops::concatenate::stack;
use ibex_graph::ops::einsum::einsum;

use super::given::{Given, float_of};
use super::table::{Outcome, operations};

operations! {
    /// Products of tensors.
    LINEAR, "numpy";
    Correlate [mode] (x1 x2) -> |g| {
        let [x, window] = g.pair(float_of)?;
        let how = g.choice("mode", &[("valid", 0), ("same", 1), ("full", 2)])?;
        Ok(correlation(&x, &window, how))
    };
    Cross [axisa axisb axisc axis] (x1 x2) -> |g| {
        let [a, b] = g.pair(|dtype| dtype)?;
        let all = g.integer("axis")?;
        let axis = |name| g.integer(name).map(|own| all.or(own).unwrap_or(-1));
        let last = |x: &Tensor, from| x.move_axis(from, -1);
        let (a, b) = (last(&a, axis("axisa")?), last(&b, axis("axisb")?));
        let product = cross(g, &a, &b)?;
        match (a.dim(-1), b.dim(-1)) {
            (2, 2) => Ok(product),
            _ => Ok(product.move_axis(-1, axis("axisc")?)),
        }
    };
    Dot [] (x1 x2) -> |g| g.two(Tensor::dot);
    Einsum [subscripts] (; any) -> |g| {
        let subscripts = g.text("subscripts")?.unwrap_or_default();
        Ok(einsum(&subscripts, &g.everything()?))
    };
    Inner [] (x1 x2) -> |g| g.two(|a, b| match (a.rank(), b.rank()) {
        (0, _) | (_, 0) => a * b,
        (rank, other) => a.tensordot(b, &[rank - 1], &[other - 1]),
    });
    Kron [] (x1 x2) -> |g| g.two(|a, b| {
        let rank = a.rank().max(b.rank());
        let dims = |x: &Tensor| [vec![1; rank - x.rank()], x.shape().to_vec()].concat();
        let (own, other) = (dims(a), dims(b));
        let apart: Vec<usize> = own.iter().flat_map(|&extent| [extent, 1]).collect();
        let inside: Vec<usize> = other.iter().flat_map(|&extent| [1, extent]).collect();
        let whole: Vec<usize> = own.iter().zip(&other).map(|(a, b)| a * b).collect();
        (a.reshape(apart) * b.reshape(inside)).reshape(whole)
    });
    Matmul [] (x1 x2) -> |g| g.two(matmul);
    Outer [] (x1 x2) -> |g| g.two(|a, b| {
        a.flatten().expand_dims(1) * b.flatten().expand_dims(0)
    });
    Tensordot [axes] (x1 x2) -> |g| {
        let [a, b] = g.pair(|dtype| dtype)?;
        let (own, other) = paired_axes(g, &a, &b)?;
        Ok(a.tensordot(&b, &own, &other))
    };
    Vdot [] (x1 x2) -> |g| g.two(|a, b| (a.flatten() * b.flatten()).sum_all());
}

/// The matrix product; vectors are rows on the left and columns on the right.
pub(super) fn matmul(a: &Tensor, b: &Tensor) -> Tensor {
    match (a.rank(), b.rank()) {
        (1, 1) => a.expand_dims(0).matmul(&b.expand_dims(1)).reshape([]),
        (1, _) => a.expand_dims(0).matmul(b).squeeze(-2),
        (_, 1) => a.matmul(&b.expand_dims(1)).squeeze(-1),
        _ => a.matmul(b),
    }
}

/// The cross product along the last axes, of 2 or 3 elements.
fn cross(g: &Given<'_>, a: &Tensor, b: &Tensor) -> Outcome<Tensor> {
    let fits = |x: &Tensor| matches!(x.dim(-1), 2 | 3);
    if !fits(a) || !fits(b) {
        let received = format!("{} and {}", a.shape(), b.shape());
        return Err(g.wrong("the vectors do not fit", "2 or 3 elements", received));
    }
    let at = |x: &Tensor, place: isize| match place < x.dim(-1) as isize {
        true => x.slice_axis(-1, place..place + 1).squeeze(-1),
        false => x.slice_axis(-1, 0..1).squeeze(-1).zeros_like(),
    };
    let part = |i, j| at(a, i) * at(b, j) - at(a, j) * at(b, i);
    match (a.dim(-1), b.dim(-1)) {
        (2, 2) => Ok(part(0, 1)),
        _ => Ok(stack(&[part(1, 2), part(2, 0), part(0, 1)], -1)),
    }
}

/// The axes that `axes` pairs: the last ones by number, or those of two lists.
fn paired_axes(g: &Given<'_>, a: &Tensor, b: &Tensor) -> Outcome<(Vec<usize>, Vec<usize>)> {
    use serde_json::Value;
    let resolve = |value: &Value, rank: usize| -> Outcome<Vec<usize>> {
        let items = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        items
            .iter()
            .map(|item| g.axis_of("axes", item.as_i64().unwrap_or(0) as isize, rank))
            .collect()
    };
    match g.value("axes") {
        Some(Value::Array(pair)) if pair.len() == 2 => {
            Ok((resolve(&pair[0], a.rank())?, resolve(&pair[1], b.rank())?))
        }
        _ => {
            let count = g.count("axes")?.unwrap_or(2);
            let first = a.rank().checked_sub(count);
            match first.filter(|_| count <= b.rank()) {
                Some(first) => Ok(((first..a.rank()).collect(), (0..count).collect())),
                None => Err(g.wrong("there are not so many axes", "fewer axes", count)),
            }
        }
    }
}

/// `y[k] = sum_n x[n + k] window[n]`, wholly inside, centred, or at every overlap.
fn correlation(x: &Tensor, window: &Tensor, how: usize) -> Tensor {
    let (long, short) = (x.dim(0).max(window.dim(0)), x.dim(0).min(window.dim(0)));
    if short == 0 {
        return x.clone();
    }
    let reversed = x.dim(0) < window.dim(0);
    let (signal, kernel) = if reversed { (window, x) } else { (x, window) };
    let before = match how {
        0 => 0,
        1 if reversed => (short - 1) / 2,
        1 => short / 2,
        _ => short - 1,
    };
    let after = match how {
        0 => 0,
        1 => short - 1 - before,
        _ => short - 1,
    };
    let padded = signal.pad(&[(before, after)], 0.0).reshape([1, long + before + after, 1]);
    let found = padded.convolution(
        &kernel.reshape([short, 1, 1]),
        &[1],
        ibex_graph::ops::window::Padding::Valid,
        &[1],
        1,
    );
    let found = found.flatten();
    if reversed { found.flip(&[0]) } else { found }
}
