//! `keras.ops.unique` where the number of its results is given, so that shapes are known.

use ibex_graph::{DType, Tensor};

use super::given::Given;
use super::table::Outcome;

/// The different values of `x` in ascending order, and what else was asked for: where each is
/// first, which of them each element is, how often each is there.
pub(super) fn unique(g: &Given<'_>) -> Outcome<Vec<Tensor>> {
    let x = g.first()?;
    let Some(size) = g.count("size")? else {
        let reason = "the shape of its result depends on values";
        return Err(g.wrong("the number of results is not given", "`size`", reason));
    };
    if g.has("axis") {
        return Err(g.wrong("rows are not compared", "axis = null", "an axis"));
    }
    let flat = x.flatten();
    let count = flat.dim(0);
    if count == 0 {
        return Err(g.wrong("there are no values", "at least one", x.shape()));
    }
    let order = flat.arg_sort(0, false).cast(DType::I32);
    let sorted = flat.take(&order, 0);
    let changes = sorted.slice_axis(0, 1..).not_equal(&sorted.slice_axis(0, ..-1));
    let is_new = changes.cast(DType::I32).pad(&[(1, 0)], 1.0);
    let rank = is_new.cumulative_sum(0) - Tensor::scalar(DType::I32, 1.0);
    // Those for which there is no place share one that is cut off.
    let last = Tensor::scalar(DType::I32, size as f64);
    let place = rank.minimum(&last);
    let gathered = |values: &Tensor| {
        values.add_along_axis(&place, 0, size + 1).slice_axis(0, 0..size as isize)
    };
    let new = is_new.not_equal(&is_new.zeros_like());
    let firsts = |values: &Tensor| gathered(&new.select(values, &values.zeros_like()));
    let shown = Tensor::iota(DType::I32, [size], 0).less(&is_new.sum_all());
    let filled = |values: Tensor, fill: &Tensor| {
        let fill = fill.cast(values.dtype()).broadcast_to([size]);
        shown.select(&values, &fill)
    };
    let first = |values: &Tensor| values.slice_axis(0, 0..1).reshape([]);
    let fill = g.optional("fill_value")?;
    let mut results = vec![filled(firsts(&sorted), &fill.unwrap_or_else(|| first(&sorted)))];
    if g.flag("return_index", false)? {
        results.push(filled(firsts(&order), &first(&order)));
    }
    if g.flag("return_inverse", false)? {
        let back = order.arg_sort(0, false).cast(DType::I32);
        results.push(rank.take(&back, 0).reshape(x.shape()));
    }
    if g.flag("return_counts", false)? {
        results.push(gathered(&is_new.ones_like()));
    }
    Ok(results)
}
