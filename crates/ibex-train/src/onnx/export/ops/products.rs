//! Products of matrices.

use ibex_graph::{Op, ValueId};

use super::super::site::{Outcome, Site};
use crate::error::Result;

/// A product; axes that were put together for it are kept apart, as ONNX takes any number of them.
pub(super) fn matmul(site: &mut Site<'_>) -> Result<Outcome> {
    let Some((operands, apart)) = apart(site)? else { return site.direct("MatMul", Vec::new()) };
    let together = site.out(0).shape.clone();
    let product = site.builder.node("MatMul", &operands);
    Ok(Outcome::Values(vec![site.builder.reshape(&product, &apart, &together)?]))
}

/// What a value was before some of its axes became one: its source, and the shape in which only
/// the last `kept` axes are as they are now.
fn before_joining(site: &Site<'_>, value: ValueId, kept: usize) -> Option<(ValueId, Vec<usize>)> {
    let node = site.graph.node(value.node);
    let Op::Reshape(_) = node.op else { return None };
    let source = node.inputs[0];
    let (from, to) = (&site.graph.ty(source).shape, &site.graph.ty(value).shape);
    let last = to.len().checked_sub(kept).filter(|at| *at == 1).map(|at| &to[at..])?;
    let size: usize = last.iter().product();
    let split = (1..from.rank()).find(|&at| from[at..].iter().product::<usize>() == size)?;
    (split > 1).then(|| (source, [&from[..split], last].concat()))
}

/// The operands with their axes apart, and the shape of their product.
fn apart(site: &mut Site<'_>) -> Result<Option<([String; 2], Vec<usize>)>> {
    let &[a, b] = site.node.inputs.as_slice() else { return Ok(None) };
    let matrix = site.graph.ty(b).shape.clone();
    let Some(&columns) = matrix.last() else { return Ok(None) };
    let kept = matrix.rank().min(3) - 1;
    let Some((left, shape)) = before_joining(site, a, kept.max(1)) else { return Ok(None) };
    let mut product = shape.clone();
    if let Some(last) = product.last_mut() {
        *last = columns;
    }
    if kept == 1 {
        let left = as_shape(site, left, &shape)?;
        return Ok(Some(([left, site.name(b)], product)));
    }
    let Some((right, other)) = before_joining(site, b, kept) else { return Ok(None) };
    let batch = shape.len() - kept;
    if other.len() != shape.len() || other[..batch] != shape[..batch] {
        return Ok(None);
    }
    let operands = [as_shape(site, left, &shape)?, as_shape(site, right, &other)?];
    Ok(Some((operands, product)))
}

/// A value in another shape.
fn as_shape(site: &mut Site<'_>, value: ValueId, shape: &[usize]) -> Result<String> {
    let (name, from) = (site.name(value), site.graph.ty(value).shape.to_vec());
    site.builder.reshape(&name, &from, shape)
}
