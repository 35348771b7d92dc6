//! Reductions, extremes and order along axes.

use ibex_nn::models::SymbolicTensor;
use ibex_nn::ops::{self, OperationCall};

use super::node::{NodeSite, axis_of, one};
use super::value::Value;
use super::{NodeRow, Outcome, rows, unsupported};

pub(super) const ROWS: &[NodeRow] = rows! {
    "ReduceMax" |site| reduce(site, |x| ops::max(x));
    "ReduceMean" |site| reduce(site, |x| ops::mean(x));
    "ReduceMin" |site| reduce(site, |x| ops::min(x));
    "ReduceProd" |site| reduce(site, |x| ops::prod(x));
    "ReduceSum" |site| reduce(site, |x| ops::sum(x));
    "ReduceL1" |site| reduce(site, |x| ops::sum(ops::abs(x)));
    "ReduceSumSquare" |site| reduce(site, |x| ops::sum(ops::square(x)));
    "ReduceLogSumExp" |site| reduce(site, |x| ops::logsumexp(x));
    "ReduceL2" |site| {
        let values = reduce(site, |x| ops::sum(ops::square(x)))?;
        match values.into_iter().next() {
            Some(Value::Open(sum)) => one(ops::sqrt(sum)),
            _ => unsupported("a constant"),
        }
    };
    "ArgMax" |site| arg_reduce(site, |x| ops::argmax(x));
    "ArgMin" |site| arg_reduce(site, |x| ops::argmin(x));
    "CumSum" cumulative_sum;
    "TopK" top_k;
};

/// Without axes all are reduced, unless an option says that none is.
fn reduce(site: &mut NodeSite<'_, '_>, f: fn(SymbolicTensor) -> OperationCall) -> Outcome {
    let axes = site.axes("axes", 1)?.filter(|axes| !axes.is_empty());
    let keeps = site.int("keepdims", 1) == 1;
    let call = f(site.tensor(0)?).keepdims(keeps);
    match axes {
        Some(axes) => one(call.axis(axes)),
        None if site.int("noop_with_empty_axes", 0) == 1 => Ok(vec![site.value(0)?]),
        None => one(call),
    }
}

fn arg_reduce(site: &mut NodeSite<'_, '_>, f: fn(SymbolicTensor) -> OperationCall) -> Outcome {
    if site.int("select_last_index", 0) == 1 {
        return unsupported("the last of equal elements");
    }
    let (axis, keeps) = (site.int("axis", 0), site.int("keepdims", 1) == 1);
    let x = site.tensor(0)?;
    one(f(x).axis(axis).keepdims(keeps))
}

fn cumulative_sum(site: &mut NodeSite<'_, '_>) -> Outcome {
    if site.int("exclusive", 0) == 1 || site.int("reverse", 0) == 1 {
        return unsupported("running sums that are exclusive or reversed");
    }
    let axis = site.integers(1)?.first().copied().unwrap_or(0);
    let x = site.argument(0)?;
    one(ops::cumsum(x).axis(axis))
}

fn top_k(site: &mut NodeSite<'_, '_>) -> Outcome {
    let x = site.tensor(0)?;
    let rank = x.shape().rank();
    let last = axis_of(site.int("axis", -1), rank)? + 1 == rank;
    if !last || site.int("largest", 1) != 1 {
        return unsupported("the largest along another axis than the last, or the smallest");
    }
    let count = match site.ints("k").or(None) {
        Some(list) => list.first().copied().unwrap_or(1),
        None if site.has(1) => site.integers(1)?.first().copied().unwrap_or(1),
        None => site.int("k", 1),
    };
    Ok(ops::top_k(&x, count).tensors().into_iter().map(Value::Open).collect())
}
