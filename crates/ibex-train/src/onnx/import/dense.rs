//! Products of matrices and lookups in tables.

use ibex_format::onnx::OnnxNode;
use ibex_graph::Array;
use ibex_nn::models::SymbolicTensor;
use ibex_nn::ops;
use serde_json::json;

use super::node::{NodeSite, axis_of, one};
use super::value::{Extent, Value, from_extents};
use super::{NodeError, NodeRow, Outcome, rows, unsupported};

pub(super) const ROWS: &[NodeRow] = rows! {
    "MatMul" matmul;
    "Gemm" gemm;
    "Einsum" |site| {
        let equation = site.text("equation", "");
        one(ops::einsum(&equation, site.arguments()?))
    };
    "Gather" gather;
    "GatherElements" |site| {
        let axis = site.int("axis", 0);
        let (x, indices) = (site.argument(0)?, site.argument(1)?);
        one(ops::take_along_axis(x, indices).axis(axis))
    };
};

/// A matrix with its axes exchanged.
pub(super) fn transposed(matrix: &Array, axes: &[usize]) -> Result<Array, NodeError> {
    let raw = crate::arrays::to_raw(matrix)?;
    Ok(crate::arrays::from_raw(&crate::onnx::transposed(&raw, axes)?)?)
}

/// A product with a known matrix is a dense layer, with the bias that is added to it next.
fn matmul(site: &mut NodeSite<'_, '_>) -> Outcome {
    if let (Value::Open(x), Value::Known(kernel)) = (site.value(0)?, site.value(1)?)
        && kernel.shape().rank() == 2
        && x.shape().rank() >= 2
    {
        let units = kernel.shape()[1];
        return match bias_after(site, units)? {
            None => one(dense(site, x, kernel, None)?),
            Some((at, node, bias)) => {
                let y = dense(site, x, kernel, Some(bias))?;
                site.context.absorb(at, node, Value::Open(y.clone()));
                one(y)
            }
        };
    }
    let (a, b) = (site.argument(0)?, site.argument(1)?);
    one(ops::matmul(a, b))
}

/// The addition of a vector of `units` numbers that is the only use of this node's output.
fn bias_after<'a>(
    site: &mut NodeSite<'_, 'a>,
    units: usize,
) -> Result<Option<(usize, &'a OnnxNode, Array)>, NodeError> {
    let Some(output) = site.node.outputs.first().cloned() else { return Ok(None) };
    let Some((at, node)) = site.context.only_user(&output) else { return Ok(None) };
    if node.op_type != "Add" || node.inputs.len() != 2 {
        return Ok(None);
    }
    let other = if node.inputs[0] == output { &node.inputs[1] } else { &node.inputs[0] };
    let Ok(Value::Known(bias)) = site.context.value(other) else { return Ok(None) };
    Ok((bias.shape().dims() == [units]).then_some((at, node, bias)))
}

fn dense(
    site: &mut NodeSite<'_, '_>,
    x: SymbolicTensor,
    kernel: Array,
    bias: Option<Array>,
) -> Result<SymbolicTensor, NodeError> {
    let config = json!({"units": kernel.shape()[1], "use_bias": bias.is_some()});
    let weights = [kernel].into_iter().chain(bias).collect();
    Ok(site.layer("Dense", config, vec![x], weights)?.swap_remove(0))
}

/// Every number times a factor.
fn scaled(array: Array, factor: f64) -> Array {
    if factor == 1.0 {
        return array;
    }
    let numbers: Vec<f64> = array.to_f64_vec().into_iter().map(|x| x * factor).collect();
    Array::from_f64_slice(array.dtype(), array.shape(), &numbers)
}

/// `alpha A B + beta C`.
fn gemm(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (alpha, beta) = (site.float("alpha", 1.0), site.float("beta", 1.0));
    let (turn_a, turn_b) = (site.int("transA", 0) == 1, site.int("transB", 0) == 1);
    let bias = if site.has(2) { Some(site.value(2)?) } else { None };
    if let (Value::Open(x), Value::Known(b), false) = (site.value(0)?, site.value(1)?, turn_a)
        && b.shape().rank() == 2
    {
        let kernel = if turn_b { transposed(&b, &[1, 0])? } else { b };
        let units = kernel.shape()[1];
        let vector = match &bias {
            None => Some(None),
            Some(Value::Known(c)) if c.size() == units && c.shape().rank() <= 2 => {
                Some(Some(scaled(c.clone().reshape([units])?, beta)))
            }
            Some(_) => None,
        };
        if let Some(vector) = vector {
            return one(dense(site, x, scaled(kernel, alpha), vector)?);
        }
    }
    let (a, b) = (site.argument(0)?, site.argument(1)?);
    let turned = |x, turn: bool| if turn { ops::transpose(x).tensor().into() } else { x };
    let mut y = ops::matmul(turned(a, turn_a), turned(b, turn_b));
    if alpha != 1.0 {
        y = y * alpha;
    }
    if bias.is_some() {
        let c = site.argument(2)?;
        y = ops::add(y, if beta == 1.0 { c } else { ops::multiply(c, beta).into() });
    }
    one(y)
}

/// Rows of a table are an embedding; parts of a shape are followed.
fn gather(site: &mut NodeSite<'_, '_>) -> Outcome {
    let axis = site.int("axis", 0);
    match (site.value(0)?, site.value(1)?) {
        (Value::Extents(extents, true), indices) => match &indices {
            Value::Known(places) => pick(&extents, places),
            _ => unsupported("parts of a shape that depend on the data"),
        },
        (Value::Known(table), Value::Open(indices))
            if axis == 0 && table.shape().rank() == 2 && table.dtype().is_float() =>
        {
            let config = json!({"input_dim": table.shape()[0], "output_dim": table.shape()[1]});
            one(site.layer("Embedding", config, vec![indices], vec![table])?.swap_remove(0))
        }
        (x, _) => {
            let rank = match &x {
                Value::Open(tensor) => tensor.shape().rank(),
                Value::Known(array) => array.shape().rank(),
                Value::Extents(..) => 1,
            };
            let axis = axis_of(axis, rank)?;
            let (x, indices) = (site.argument(0)?, site.argument(1)?);
            one(ops::take(x, indices).axis(axis))
        }
    }
}

fn pick(extents: &[Extent], places: &Array) -> Outcome {
    let count = extents.len() as i64;
    let place = |at: f64| {
        let at = at as i64;
        let at = if at < 0 { at + count } else { at };
        usize::try_from(at).ok().and_then(|at| extents.get(at).copied())
    };
    let picked: Option<Vec<Extent>> = places.to_f64_vec().into_iter().map(place).collect();
    match picked {
        None => unsupported("a part of a shape beyond its end"),
        Some(picked) => Ok(vec![from_extents(picked, places.shape().rank() > 0)]),
    }
}
