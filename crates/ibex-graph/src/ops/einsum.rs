//! Einstein's summation: products, sums, diagonals and transpositions named by letters.
//!
//! It is composed: each tensor is reduced to distinct letters, then the tensors are multiplied
//! one after another by elementwise or matrix products.
//! `subscripts` reads the letters.

use std::borrow::Borrow;

use crate::ops::subscripts::{Equation, Label};
use crate::{OpError, Origin, Shape, Tensor};

/// The sum of products that `subscripts` describe. `keras.ops.einsum`.
///
/// `"ij,jk->ik"` names the axes of each operand by letters, and after the arrow those of the
/// result.
/// A letter that the result does not have is summed over; one that an operand has twice takes a
/// diagonal; `...` stands for any further axes, which broadcast.
/// Without an arrow the result has the axes of `...` and then, in alphabetical order, the letters
/// that occur once.
///
/// Operands have one numeric dtype and the same extent for the same letter.
///
/// ```
/// # use ibex_graph::{Array, Tensor, interpreter::evaluate, ops::einsum::einsum};
/// let a = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
/// let x = Tensor::constant(Array::from_slice([2], &[1f32, 10.])?);
/// assert_eq!(evaluate(&einsum("ij,j->i", &[&a, &x]))?.to_f64_vec(), [21., 43.]);
/// assert_eq!(evaluate(&einsum("ii->", &[&a]))?.to_f64_vec(), [5.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn einsum<T: Borrow<Tensor>>(subscripts: &str, operands: &[T]) -> Tensor {
    let operands: Vec<&Tensor> = operands.iter().map(Borrow::borrow).collect();
    if let Some(poisoned) = operands.iter().find(|t| t.is_poisoned()) {
        return (*poisoned).clone();
    }
    let shapes: Vec<&Shape> = operands.iter().map(|t| t.shape()).collect();
    let equation = match Equation::parse(subscripts, &shapes) {
        Ok(equation) => equation,
        Err(error) => return Tensor::poisoned(error),
    };
    let dtype = operands[0].dtype();
    if let Some(other) = operands.iter().find(|t| t.dtype() != dtype) {
        let what = format!("`einsum` of \"{subscripts}\" needs operands of one dtype");
        let error = OpError::new(what, dtype.name(), other.dtype().name());
        return Tensor::poisoned(error.help("cast one of them"));
    }
    // Every node belongs to the caller's line, however deep it is made.
    let origin = match Origin::inherited() {
        Some(origin) => origin,
        None => Origin::here(),
    };
    origin.lend(|| contract(&equation, &operands))
}

/// The operands multiplied from left to right, each label summed as soon as nothing needs it.
fn contract(equation: &Equation, operands: &[&Tensor]) -> Tensor {
    let pairs = operands.iter().zip(&equation.operands);
    let factors: Vec<Factor> = pairs.map(|(tensor, labels)| Factor::new(tensor, labels)).collect();
    let mut product = factors[0].sum_all_but(|label| equation.needs(label, &factors[1..]));
    for (i, next) in factors.iter().enumerate().skip(1) {
        let needed = |label| equation.needs(label, &factors[i + 1..]);
        let next = next.sum_all_but(|label| needed(label) || product.labels.contains(&label));
        product = product.times(&next, needed);
    }
    product.ordered(&equation.result)
}

impl Equation {
    /// Whether the result or one of the remaining factors has the label.
    fn needs(&self, label: Label, rest: &[Factor]) -> bool {
        self.result.contains(&label) || rest.iter().any(|factor| factor.labels.contains(&label))
    }
}

/// A tensor with one label for each axis, none twice.
struct Factor {
    tensor: Tensor,
    labels: Vec<Label>,
}

impl Factor {
    /// The diagonal of `tensor` along all axes that share a label.
    fn new(tensor: &Tensor, labels: &[Label]) -> Factor {
        let (mut tensor, mut labels) = (tensor.clone(), labels.to_vec());
        let mut second = 1;
        while second < labels.len() {
            let found = labels[..second].iter().position(|label| *label == labels[second]);
            let Some(first) = found else {
                second += 1;
                continue;
            };
            // Both axes to the end, the diagonal there, and the axis that is left back in place.
            let mut axes: Vec<usize> = tensor.all_axes();
            axes.retain(|axis| ![first, second].contains(axis));
            axes.extend([first, second]);
            tensor = tensor.transpose(&axes).diagonal();
            labels.remove(second);
            let moved = labels.remove(first);
            labels.push(moved);
            second = 1;
        }
        Factor { tensor, labels }
    }

    fn sum_all_but(&self, keep: impl Fn(Label) -> bool) -> Factor {
        let (kept, summed): (Vec<usize>, Vec<usize>) =
            (0..self.labels.len()).partition(|&axis| keep(self.labels[axis]));
        if summed.is_empty() {
            return Factor { tensor: self.tensor.clone(), labels: self.labels.clone() };
        }
        let labels = kept.iter().map(|&axis| self.labels[axis]).collect();
        Factor { tensor: self.tensor.sum(&summed, false), labels }
    }

    /// The product of two factors, summed over what both have and nothing else `needs`.
    fn times(&self, other: &Factor, needs: impl Fn(Label) -> bool) -> Factor {
        let (shared, left): (Vec<Label>, Vec<Label>) =
            self.labels.iter().partition(|label| other.labels.contains(label));
        let (batch, summed): (Vec<Label>, Vec<Label>) =
            shared.into_iter().partition(|&label| needs(label));
        let is_right = |label: &Label| !self.labels.contains(label);
        let right: Vec<Label> = other.labels.iter().copied().filter(is_right).collect();
        let labels = [batch.clone(), left.clone(), right.clone()].concat();
        if summed.is_empty() {
            let (a, b) = (self.spread(&labels), other.spread(&labels));
            return Factor { tensor: a.multiply(&b), labels };
        }
        let extents = |of: &Factor, labels: &[Label]| -> Vec<usize> {
            labels.iter().map(|&label| of.extent(label)).collect()
        };
        let common = |label: &Label| match self.extent(*label) {
            1 => other.extent(*label),
            extent => extent,
        };
        let batch_extents: Vec<usize> = batch.iter().map(common).collect();
        // Three groups of axes each; `matmul` multiplies the last two.
        let grouped = |of: &Factor, rows: &[Label], columns: &[Label]| {
            let order = [&batch, rows, columns].concat();
            let sizes = [rows, columns].map(|group| extents(of, group).iter().product::<usize>());
            let own = [&extents(of, &batch)[..], &sizes].concat();
            let whole = [&batch_extents[..], &sizes].concat();
            of.ordered(&order).reshape(own).broadcast_to(whole)
        };
        let product = grouped(self, &left, &summed).matmul(&grouped(other, &summed, &right));
        let dims = [batch_extents.clone(), extents(self, &left), extents(other, &right)].concat();
        Factor { tensor: product.reshape(dims), labels }
    }

    /// The extent of a label; 1 if the factor does not have it.
    fn extent(&self, label: Label) -> usize {
        let axis = self.labels.iter().position(|&own| own == label);
        axis.map_or(1, |axis| self.tensor.dim(axis as isize))
    }

    /// The tensor with its axes in the order of `labels`, which are its own.
    fn ordered(&self, labels: &[Label]) -> Tensor {
        let axis = |label: &Label| self.labels.iter().position(|own| own == label);
        self.tensor.transpose(&labels.iter().filter_map(axis).collect::<Vec<_>>())
    }

    /// The tensor with its axes in the order of `labels`, of extent 1 where it has no such axis.
    fn spread(&self, labels: &[Label]) -> Tensor {
        let own: Vec<Label> =
            labels.iter().copied().filter(|label| self.labels.contains(label)).collect();
        let dims: Vec<usize> = labels.iter().map(|&label| self.extent(label)).collect();
        self.ordered(&own).reshape(dims)
    }
}
