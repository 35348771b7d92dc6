//! Composed rearrangement of named axes, in the notation of einops.

use crate::{OpError, Tensor};

/// A side of a pattern: groups of names, one group for each axis.
type Side<'a> = Vec<Vec<&'a str>>;

/// The axes of `x` in another order, split and joined as `pattern` says.
///
/// `"a b (c d) -> a c (b d)"` names the axes before and after; `lengths` gives those that do not
/// follow from the shape. `keras.ops.rearrange`.
///
/// ```
/// # use ibex_graph::{DType, Tensor};
/// # use ibex_graph::ops::composed::einops::rearrange;
/// let x = Tensor::input("x", DType::F32, [2, 3, 8]);
/// let y = rearrange(&x, "a b (c d) -> a c (b d)", &[("d", 2)]);
/// assert_eq!(y.shape().dims(), [2, 4, 6]);
/// ```
#[track_caller]
pub fn rearrange(x: &Tensor, pattern: &str, lengths: &[(&str, usize)]) -> Tensor {
    if x.is_poisoned() {
        return x.clone();
    }
    rearranged(x, pattern, lengths).unwrap_or_else(|| {
        Tensor::poisoned(OpError::new(
            format!("`rearrange` cannot apply `{pattern}`"),
            "each axis of the input by name, and the same names after `->`",
            x.shape().to_string(),
        ))
    })
}

fn rearranged(x: &Tensor, pattern: &str, lengths: &[(&str, usize)]) -> Option<Tensor> {
    let (before, after) = pattern.split_once("->")?;
    let (before, after) = (side(before)?, side(after)?);
    if before.len() != x.rank() {
        return None;
    }
    let mut known: Vec<(&str, usize)> = Vec::new();
    for (group, &extent) in before.iter().zip(x.shape().iter()) {
        let given = |name: &str| lengths.iter().find(|(n, _)| *n == name).map(|(_, l)| *l);
        let product: usize = group.iter().filter_map(|name| given(name)).product();
        let open = group.iter().filter(|name| given(name).is_none()).count();
        let rest = extent.checked_div(product)?;
        if open > 1 || (open == 0 && product != extent) || rest * product != extent {
            return None;
        }
        known.extend(group.iter().map(|&name| (name, given(name).unwrap_or(rest))));
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let place = |name: &&str| names.iter().position(|known| known == name);
    let order: Vec<usize> = after.iter().flatten().map(place).collect::<Option<_>>()?;
    let repeated = order.iter().enumerate().any(|(at, axis)| order[..at].contains(axis));
    if repeated || order.len() != names.len() {
        return None;
    }
    let apart: Vec<usize> = known.iter().map(|(_, extent)| *extent).collect();
    let extent = |name: &&str| place(name).map(|axis| apart[axis]);
    let joined = |group: &Vec<&str>| group.iter().map(extent).product::<Option<usize>>();
    let whole: Vec<usize> = after.iter().map(joined).collect::<Option<_>>()?;
    Some(x.reshape(apart.clone()).transpose(&order).reshape(whole))
}

/// Names and groups of names in parentheses.
fn side(text: &str) -> Option<Side<'_>> {
    let mut groups = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (group, tail) = match rest.strip_prefix('(') {
            Some(inside) => inside.split_once(')')?,
            None => rest.split_at(rest.find([' ', '(']).unwrap_or(rest.len())),
        };
        groups.push(group.split_whitespace().collect());
        rest = tail.trim_start();
    }
    Some(groups)
}
