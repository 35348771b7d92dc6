//! Operations that look at all elements along one axis: sorting, extremes' places, running sums,
//! softmax.

use std::cmp::Ordering;

use ibex_compile::program::Step;
use ibex_graph::ops::arg_reduce::{ArgReduce, ArgReduction};
use ibex_graph::ops::cumulative::CumulativeSum;
use ibex_graph::ops::sort::ArgSort;
use ibex_graph::{DType, Element, with_element};

use super::Launch;
use super::op::{Places, function, index_at};
use crate::gemm::Pointer;
use crate::reduce;

/// The lines along an axis: line `i` begins at `first(i)` and goes on every `inner` elements.
#[derive(Debug, Clone, Copy)]
struct Lines {
    outer: usize,
    length: usize,
    inner: usize,
}

impl Lines {
    fn new(shape: &[usize], axis: usize) -> Lines {
        Lines {
            outer: shape[..axis].iter().product(),
            length: shape[axis],
            inner: shape[axis + 1..].iter().product(),
        }
    }

    fn count(self) -> usize {
        self.outer * self.inner
    }

    fn size(self) -> usize {
        self.count() * self.length
    }

    fn first(self, line: usize) -> usize {
        line / self.inner * self.length * self.inner + line % self.inner
    }
}

/// The order of the elements along an axis.
pub(super) fn arg_sort(op: &ArgSort, step: &Step, places: Places) -> Box<dyn Launch> {
    let lines = Lines::new(&step.inputs[0].shape, op.axis);
    let (dtype, descending) = (step.inputs[0].dtype, op.descending);
    // SAFETY: the lines are those of both operands.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let x = memory.read::<T>(places.inputs[0], lines.size());
                let order = memory.write::<i32>(places.outputs[0], lines.size());
                crate::scratch::with(crate::scratch::Slot::Private, lines.length, |space| {
                    let space: *mut i32 = space.cast();
                    for line in 0..lines.count() {
                        let first = lines.first(line);
                        (0..lines.length).for_each(|i| *space.add(i) = i as i32);
                        let sorted = std::slice::from_raw_parts_mut(space, lines.length);
                        let value = |i: i32| x[first + i as usize * lines.inner].to_f64();
                        // Equal elements keep their order, as their places decide.
                        sorted.sort_unstable_by(|&i, &j| {
                            let (a, b) = (value(i), value(j));
                            let forward = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
                            let by_value = if descending { forward.reverse() } else { forward };
                            a.is_nan().cmp(&b.is_nan()).then(by_value).then(i.cmp(&j))
                        });
                        for (at, &i) in sorted.iter().enumerate() {
                            order[first + at * lines.inner] = i;
                        }
                    }
                });
            });
        })
    }
}

/// The place of the largest or smallest element along an axis.
pub(super) fn arg_reduce(op: &ArgReduce, step: &Step, places: Places) -> Box<dyn Launch> {
    let lines = Lines::new(&step.inputs[0].shape, op.axis);
    let (dtype, reduction) = (step.inputs[0].dtype, op.reduction);
    // SAFETY: the lines are those of the operand, and the output has one element for each.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let x = memory.read::<T>(places.inputs[0], lines.size());
                let found = memory.write::<i32>(places.outputs[0], lines.count());
                for (line, found) in found.iter_mut().enumerate() {
                    let first = lines.first(line);
                    let mut best = (0, f64::NAN);
                    for at in 0..lines.length {
                        let value = x[first + at * lines.inner].to_f64();
                        let beyond = match reduction {
                            ArgReduction::ArgMax => value > best.1,
                            ArgReduction::ArgMin => value < best.1,
                        };
                        // The first element is always taken; NaN wins over numbers, as in `max`.
                        if at == 0 || beyond || (value.is_nan() && !best.1.is_nan()) {
                            best = (at, value);
                        }
                    }
                    *found = best.0 as i32;
                }
            });
        })
    }
}

/// Running sums along an axis.
pub(super) fn cumulative_sum(op: &CumulativeSum, step: &Step, places: Places) -> Box<dyn Launch> {
    let lines = Lines::new(&step.inputs[0].shape, op.axis);
    let (dtype, reverse, exclusive) = (step.inputs[0].dtype, op.reverse, op.exclusive);
    // SAFETY: the lines are those of both operands.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let x = memory.read::<T>(places.inputs[0], lines.size());
                let y = memory.write::<T>(places.outputs[0], lines.size());
                for line in 0..lines.count() {
                    let mut sum = 0.0;
                    for step in 0..lines.length {
                        let at = if reverse { lines.length - 1 - step } else { step };
                        let at = lines.first(line) + at * lines.inner;
                        let before = sum;
                        sum += x[at].to_f64();
                        y[at] = T::from_f64(if exclusive { before } else { sum });
                    }
                }
            });
        })
    }
}

/// The softmax along an axis, or its logarithm.
pub(super) fn softmax(axis: usize, log: bool, step: &Step, places: Places) -> Box<dyn Launch> {
    let lines = Lines::new(&step.inputs[0].shape, axis);
    let dtype = step.inputs[0].dtype;
    // SAFETY: the lines are those of both operands.
    unsafe {
        if dtype == DType::F32 && lines.inner == 1 {
            let kernel = if log { reduce::log_softmax } else { reduce::softmax };
            return function(move |memory, pool| {
                let x = memory.at(places.inputs[0]).cast();
                let y = memory.at(places.outputs[0]).cast();
                kernel(pool, x, lines.outer, lines.length, y);
            });
        }
        function(move |memory, _| {
            with_element!(dtype, T => {
                let x = memory.read::<T>(places.inputs[0], lines.size());
                let y = memory.write::<T>(places.outputs[0], lines.size());
                for line in 0..lines.count() {
                    let at = |i: usize| lines.first(line) + i * lines.inner;
                    let value = |i: usize| x[at(i)].to_f64();
                    let all = 0..lines.length;
                    let largest = all.clone().map(value).fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = all.clone().map(|i| (value(i) - largest).exp()).sum();
                    for i in all {
                        let shifted = value(i) - largest;
                        let result = if log { shifted - sum.ln() } else { shifted.exp() / sum };
                        y[at(i)] = T::from_f64(result);
                    }
                }
            });
        })
    }
}

/// The cross-entropy of logits against labels.
pub(super) fn cross_entropy(step: &Step, places: Places) -> Box<dyn Launch> {
    let (rows, columns) = rows_of(&step.inputs[0].shape);
    let dtype = step.inputs[1].dtype;
    // SAFETY: there is a label and a loss for each row of logits, which the operation checks.
    unsafe {
        function(move |memory, pool| {
            let x = memory.at(places.inputs[0]).cast_const().cast();
            let labels = Pointer(memory.at(places.inputs[1]));
            let losses = memory.at(places.outputs[0]).cast();
            let label = |row| index_at(dtype, labels.get(), row);
            reduce::cross_entropy(pool, x, &label, rows, columns, losses);
        })
    }
}

/// The gradient of the cross-entropy by its logits.
pub(super) fn cross_entropy_gradient(step: &Step, places: Places) -> Box<dyn Launch> {
    let (rows, columns) = rows_of(&step.inputs[0].shape);
    let dtype = step.inputs[1].dtype;
    // SAFETY: there is a label and a gradient for each row of logits, which the operation checks;
    // only the logits may lie where the result does.
    unsafe {
        function(move |memory, pool| {
            let x = memory.at(places.inputs[0]).cast_const().cast();
            let labels = Pointer(memory.at(places.inputs[1]));
            let gradient = memory.at(places.inputs[2]).cast_const().cast();
            let out = memory.at(places.outputs[0]).cast();
            let label = |row| index_at(dtype, labels.get(), row);
            reduce::cross_entropy_backward(pool, x, &label, gradient, rows, columns, out);
        })
    }
}

/// The rows of a shape, and the elements of each.
fn rows_of(shape: &[usize]) -> (usize, usize) {
    let (columns, rows) = shape.split_last().unwrap_or((&1, &[]));
    (rows.iter().product(), *columns)
}
