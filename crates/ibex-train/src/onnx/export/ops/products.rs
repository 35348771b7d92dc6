//! Products of matrices.

use ibex_graph::{Op, Shape, ValueId};

use super::super::site::{Outcome, Site};
use crate::error::Result;

/// A product; axes that were put together for it are kept apart, as ONNX takes any number of them.
pub(super) fn matmul(site: &mut Site<'_>) -> Result<Outcome> {
    let Some((operands, apart)) = apart(site) else { return site.direct("MatMul", Vec::new()) };
    let together = site.out(0).shape.clone();
    let product = site.builder.node("MatMul", &operands);
    Ok(Outcome::Values(vec![site.builder.reshape(&product, &apart, &together)?]))
}

/// What a value was before some of its first axes became one; the last `kept` are the same.
fn before_joining(site: &Site<'_>, value: ValueId, kept: usize) -> Option<(ValueId, Shape)> {
    let node = site.graph.node(value.node);
    let Op::Reshape(_) = node.op else { return None };
    let source = node.inputs[0];
    let (from, to) = (&site.graph.ty(source).shape, &site.graph.ty(value).shape);
    let last = |shape: &Shape| shape.len().checked_sub(kept).map(|at| shape[at..].to_vec());
    let joined = from.rank() > to.rank() && to.rank() == kept + 1;
    (joined && last(from)? == last(to)?).then(|| (source, from.clone()))
}

/// The operands with their axes apart, and the shape of their product.
fn apart(site: &Site<'_>) -> Option<([String; 2], Vec<usize>)> {
    let &[a, b] = site.node.inputs.as_slice() else { return None };
    let columns = *site.graph.ty(b).shape.last()?;
    if site.graph.ty(b).shape.rank() == 2 {
        let (source, shape) = before_joining(site, a, 1)?;
        let mut product = shape.to_vec();
        *product.last_mut()? = columns;
        return Some(([site.name(source), site.name(b)], product));
    }
    let ((a, left), (b, right)) = (before_joining(site, a, 2)?, before_joining(site, b, 2)?);
    let batch = left.len() - 2;
    if right.len() != left.len() || left[..batch] != right[..batch] {
        return None;
    }
    let mut product = left.to_vec();
    *product.last_mut()? = columns;
    Some(([site.name(a), site.name(b)], product))
}
