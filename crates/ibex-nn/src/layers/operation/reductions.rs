//! `keras.ops.numpy`: reductions, statistics, sorting, running sums.

use ibex_graph::ops::composed::statistics::Interpolation;
use ibex_graph::{DType, Tensor};

use super::given::{Given, float_of, truth};
use super::table::{Outcome, operations};
use super::unique::unique;

operations! {
    /// Reductions and what looks at all elements of an axis.
    REDUCTIONS, "numpy";
    All [axis keepdims] (x) -> |g| reduce(g, truth, Tensor::all);
    Amax [axis keepdims] (x) -> |g| reduce(g, Tensor::clone, Tensor::max);
    Amin [axis keepdims] (x) -> |g| reduce(g, Tensor::clone, Tensor::min);
    Any [axis keepdims] (x) -> |g| reduce(g, truth, Tensor::any);
    Argmax [axis keepdims] (x) -> |g| position(g, Tensor::clone, Tensor::arg_max);
    Argmin [axis keepdims] (x) -> |g| position(g, Tensor::clone, Tensor::arg_min);
    Argpartition [kth axis] (x) -> |g| {
        let (x, axis) = g.along(g.first()?)?;
        Ok(x.arg_sort(axis as isize, false))
    };
    Argsort [axis] (x) -> |g| {
        let (x, axis) = g.along(g.first()?)?;
        Ok(x.arg_sort(axis as isize, false))
    };
    Average [axis] (x weights) -> |g| {
        if !g.has("weights") {
            return reduce(g, floats, Tensor::mean);
        }
        let values = g.together(&["x", "weights"], float_of)?;
        let (x, weights) = (&values[0], &values[1]);
        let axes = g.axes("axis", x.rank())?.unwrap_or(x.all_axes());
        let weights = match (axes.as_slice(), weights.rank()) {
            ([axis], 1) if x.rank() > 1 => {
                let mut shape = vec![1; x.rank()];
                shape[*axis] = weights.dim(0);
                weights.reshape(shape)
            }
            _ => weights.clone(),
        };
        let weights = weights.broadcast_to(x.shape());
        Ok((x * &weights).sum(&axes, false) / weights.sum(&axes, false))
    };
    Bincount [weights minlength sparse] (x) -> |g| {
        let x = g.first()?;
        let count = g.count("minlength")?.unwrap_or(0);
        let last = x.rank().max(1) - 1;
        let hits = x.one_hot(count, -1, DType::I32);
        if !g.has("weights") {
            return Ok(hits.sum(&[last], false));
        }
        let weights = g.tensor("weights")?;
        Ok((hits.cast(weights.dtype()) * weights.expand_dims(-1)).sum(&[last], false))
    };
    Corrcoef [] (x) -> |g| g.of_float(|x| {
        let rows = if x.rank() < 2 { x.reshape([1, x.shape().size()]) } else { x.clone() };
        let centred = &rows - rows.mean(&[1], true);
        let covariance = centred.matmul(&centred.matrix_transpose());
        let deviation = covariance.diagonal().sqrt();
        let scale = deviation.expand_dims(1) * deviation.expand_dims(0);
        let coefficients = (covariance / scale).clip(-1.0, 1.0);
        if x.rank() < 2 { coefficients.reshape([]) } else { coefficients }
    });
    CountNonzero [axis] (x) -> |g| {
        let x = g.first()?;
        let axes = g.axes("axis", x.rank())?.unwrap_or(x.all_axes());
        Ok(truth(&x).cast(DType::I32).sum(&axes, false))
    };
    Cumprod [axis dtype] (x) -> |g| running(g, counted, |x, axis| x.cumulative_product(axis));
    Cumsum [axis dtype] (x) -> |g| running(g, counted, |x, axis| x.cumulative_sum(axis));
    Diff [n axis] (a) -> |g| {
        let mut x = g.first()?;
        let axis = g.axis(-1, x.rank())?;
        for _ in 0..g.count("n")?.unwrap_or(1).min(x.dim(axis as isize)) {
            let whole = x.dim(axis as isize) as isize;
            let later = x.slice_axis(axis as isize, 1..);
            let earlier = x.slice_axis(axis as isize, ..whole - 1);
            x = match x.dtype() {
                DType::Bool => later.logical_xor(&earlier),
                _ => later - earlier,
            };
        }
        Ok(x)
    };
    Digitize [] (x bins) -> |g| {
        let values = g.together(&["x", "bins"], |dtype| dtype)?;
        Ok(values[1].search_sorted(&values[0], true))
    };
    Histogram [bins range] (x) => |g| {
        let x = g.float()?.flatten();
        let bins = g.count("bins")?.unwrap_or(10).max(1);
        let (low, high) = match g.value("range").and_then(|range| {
            Some((range.get(0)?.as_f64()?, range.get(1)?.as_f64()?))
        }) {
            Some((low, high)) => {
                (Tensor::scalar(x.dtype(), low), Tensor::scalar(x.dtype(), high))
            }
            None => (x.min(&[0], false), x.max(&[0], false)),
        };
        let (counts, edges) = x.histogram(&low, &high, bins);
        Ok(vec![counts, edges])
    };
    Max [axis keepdims initial] (x) -> |g| extreme(g, Tensor::max, Tensor::maximum);
    Mean [axis keepdims] (x) -> |g| reduce(g, floats, Tensor::mean);
    Median [axis keepdims] (x) -> |g| {
        quantile(g, g.float()?, &Tensor::scalar(DType::F32, 0.5), Interpolation::Linear)
    };
    Min [axis keepdims initial] (x) -> |g| extreme(g, Tensor::min, Tensor::minimum);
    Nanargmax [axis keepdims] (x) -> |g| {
        position(g, |x| without_nan(x, f64::NEG_INFINITY), Tensor::arg_max)
    };
    Nanargmin [axis keepdims] (x) -> |g| {
        position(g, |x| without_nan(x, f64::INFINITY), Tensor::arg_min)
    };
    Nancumprod [axis dtype] (x) -> |g| {
        running(g, |x| counted(&without_nan(x, 1.0)), |x, axis| x.cumulative_product(axis))
    };
    Nancumsum [axis dtype] (x) -> |g| {
        running(g, |x| counted(&without_nan(x, 0.0)), |x, axis| x.cumulative_sum(axis))
    };
    Nanmax [axis keepdims] (x) -> |g| {
        reduce(g, |x| without_nan(x, f64::NEG_INFINITY), Tensor::max)
    };
    Nanmean [axis keepdims] (x) -> |g| nan_moment(g, |mean, _| mean);
    Nanmedian [axis keepdims] (x) -> |g| {
        nan_quantile(g, &Tensor::scalar(DType::F32, 0.5), Interpolation::Linear)
    };
    Nanmin [axis keepdims] (x) -> |g| reduce(g, |x| without_nan(x, f64::INFINITY), Tensor::min);
    Nanpercentile [axis method keepdims] (x q) -> |g| {
        nan_quantile(g, &(g.tensor("q")?.cast(DType::F32) / 100.0), method(g)?)
    };
    Nanprod [axis keepdims] (x) -> |g| {
        reduce(g, |x| counted(&without_nan(x, 1.0)), Tensor::product)
    };
    Nanquantile [axis method keepdims] (x q) -> |g| {
        nan_quantile(g, &g.tensor("q")?.cast(DType::F32), method(g)?)
    };
    Nanstd [axis keepdims] (x) -> |g| nan_moment(g, |_, variance| variance.sqrt());
    Nansum [axis keepdims] (x) -> |g| reduce(g, |x| counted(&without_nan(x, 0.0)), Tensor::sum);
    Nanvar [axis keepdims] (x) -> |g| nan_moment(g, |_, variance| variance);
    Percentile [axis method keepdims] (x q) -> |g| {
        quantile(g, g.float()?, &(g.tensor("q")?.cast(DType::F32) / 100.0), method(g)?)
    };
    Prod [axis keepdims dtype] (x) -> |g| {
        let product = reduce(g, counted, Tensor::product)?;
        Ok(match g.dtype("dtype")? {
            Some(dtype) => product.cast(dtype),
            None => product,
        })
    };
    Ptp [axis keepdims] (x) -> |g| {
        reduce(g, Tensor::clone, |x, axes, keep| x.max(axes, keep) - x.min(axes, keep))
    };
    Quantile [axis method keepdims] (x q) -> |g| {
        quantile(g, g.float()?, &g.tensor("q")?.cast(DType::F32), method(g)?)
    };
    SearchSorted [side] (sorted_sequence values) -> |g| {
        let right = g.choice("side", &[("left", false), ("right", true)])?;
        let [sorted, values] = g.pair(|dtype| dtype)?;
        Ok(sorted.search_sorted(&values, right))
    };
    Sort [axis] (x) -> |g| {
        let (x, axis) = g.along(g.first()?)?;
        Ok(x.sort(axis as isize, false))
    };
    Std [axis keepdims] (x) -> |g| {
        reduce(g, floats, |x, axes, keep| x.variance(axes, keep).sqrt())
    };
    Sum [axis keepdims] (x) -> |g| reduce(g, counted, Tensor::sum);
    Trapezoid [x dx axis] (y) -> |g| {
        let y = g.float()?;
        let axis = g.axis(-1, y.rank())?;
        let along = axis as isize;
        let last = y.dim(along) as isize - 1;
        let pairs = y.slice_axis(along, 1..) + y.slice_axis(along, ..last);
        let widths = match g.optional("x")? {
            None => Tensor::scalar(y.dtype(), g.number("dx")?.unwrap_or(1.0)),
            Some(x) => {
                let x = x.cast(y.dtype());
                let own = if x.rank() == 1 { 0 } else { along };
                let widths = x.slice_axis(own, 1..) - x.slice_axis(own, ..last);
                let mut shape = vec![1; y.rank()];
                shape[axis] = last.max(0) as usize;
                if x.rank() == 1 { widths.reshape(shape) } else { widths }
            }
        };
        Ok((pairs * widths).sum(&[axis], false) * 0.5)
    };
    Unique [sorted return_index return_inverse return_counts axis size fill_value] (x) => unique;
    Var [axis keepdims] (x) -> |g| reduce(g, floats, Tensor::variance);
}

/// As floats.
fn floats(x: &Tensor) -> Tensor {
    x.cast(float_of(x.dtype()))
}

/// As numbers that can be summed: small integers and truth values become `int32`.
fn counted(x: &Tensor) -> Tensor {
    if matches!(x.dtype(), DType::Bool | DType::U8) { x.cast(DType::I32) } else { x.clone() }
}

fn without_nan(x: &Tensor, instead: f64) -> Tensor {
    match x.dtype().is_float() {
        true => x.is_nan().select(&Tensor::full(x.dtype(), x.shape(), instead), x),
        false => x.clone(),
    }
}

/// A reduction along the axes that the option `axis` names, by default all.
fn reduce(
    g: &Given<'_>,
    prepare: impl Fn(&Tensor) -> Tensor,
    f: impl Fn(&Tensor, &[usize], bool) -> Tensor,
) -> Outcome<Tensor> {
    let x = prepare(&g.first()?);
    let axes = g.axes("axis", x.rank())?.unwrap_or(x.all_axes());
    Ok(f(&x, &axes, g.flag("keepdims", false)?))
}

/// The largest or smallest element, or `initial` if that is beyond it.
fn extreme(
    g: &Given<'_>,
    f: impl Fn(&Tensor, &[usize], bool) -> Tensor,
    both: fn(&Tensor, &Tensor) -> Tensor,
) -> Outcome<Tensor> {
    let found = reduce(g, Tensor::clone, f)?;
    Ok(match g.number("initial")? {
        Some(initial) => both(&found, &Tensor::scalar(found.dtype(), initial)),
        None => found,
    })
}

/// The position of an extreme.
fn position(
    g: &Given<'_>,
    prepare: impl Fn(&Tensor) -> Tensor,
    f: fn(&Tensor, isize) -> Tensor,
) -> Outcome<Tensor> {
    let whole = g.first()?;
    let keep = g.flag("keepdims", false)?;
    let (x, axis) = g.along(prepare(&whole))?;
    let found = f(&x, axis as isize);
    Ok(match (keep, g.has("axis")) {
        (false, _) => found,
        (true, true) => found.expand_dims(axis as isize),
        (true, false) => found.reshape(vec![1; whole.rank()]),
    })
}

/// A running sum or product.
fn running(
    g: &Given<'_>,
    prepare: impl Fn(&Tensor) -> Tensor,
    f: fn(&Tensor, isize) -> Tensor,
) -> Outcome<Tensor> {
    let x = g.first()?;
    let x = match g.dtype("dtype")? {
        Some(dtype) => x.cast(dtype),
        None => x,
    };
    let (x, axis) = g.along(prepare(&x))?;
    Ok(f(&x, axis as isize))
}

fn method(g: &Given<'_>) -> Outcome<Interpolation> {
    g.choice(
        "method",
        &[
            ("linear", Interpolation::Linear),
            ("lower", Interpolation::Lower),
            ("higher", Interpolation::Higher),
            ("midpoint", Interpolation::Midpoint),
            ("nearest", Interpolation::Nearest),
        ],
    )
}

/// Quantiles along the axes of the option `axis`, with an axis of quantiles first.
fn quantile(g: &Given<'_>, x: Tensor, q: &Tensor, how: Interpolation) -> Outcome<Tensor> {
    let axes = g.axes("axis", x.rank())?.unwrap_or(x.all_axes());
    let kept = x.shape().reduce(&axes, true);
    let found = x.axes_last(&axes).quantile(q, how);
    Ok(restored(g, found, q, &kept)?.cast(x.dtype()))
}

fn nan_quantile(g: &Given<'_>, q: &Tensor, how: Interpolation) -> Outcome<Tensor> {
    let x = g.float()?;
    let axes = g.axes("axis", x.rank())?.unwrap_or(x.all_axes());
    let kept = x.shape().reduce(&axes, true);
    let found = x.axes_last(&axes).quantile_of_numbers(q, how);
    Ok(restored(g, found, q, &kept)?.cast(x.dtype()))
}

/// Puts the reduced axes back if they are to be kept.
fn restored(g: &Given<'_>, found: Tensor, q: &Tensor, kept: &ibex_graph::Shape) -> Outcome<Tensor> {
    Ok(match g.flag("keepdims", false)? {
        true => found.reshape([q.shape().dims(), kept.dims()].concat()),
        false => found,
    })
}

/// Mean and variance of the elements that are numbers.
fn nan_moment(g: &Given<'_>, f: impl Fn(Tensor, Tensor) -> Tensor) -> Outcome<Tensor> {
    let x = g.float()?;
    let axes = g.axes("axis", x.rank())?.unwrap_or(x.all_axes());
    let keep = g.flag("keepdims", false)?;
    let number = x.is_nan().logical_not();
    let count = number.cast(x.dtype()).sum(&axes, true);
    let zero = x.zeros_like();
    let filled = number.select(&x, &zero);
    let mean = filled.sum(&axes, true) / &count;
    let centred = number.select(&(&filled - &mean), &zero);
    let variance = centred.square().sum(&axes, true) / &count;
    let shape = x.shape().reduce(&axes, keep);
    Ok(f(mean.reshape(&shape), variance.reshape(&shape)))
}
