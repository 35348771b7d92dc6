//! Operations that only move elements: padding and concatenation.
//!
//! Must not know: dtypes beyond their width.

use ibex_compile::program::Step;
use ibex_graph::interpreter::{for_each_index, offset};
use ibex_graph::ops::pad::Pad;

use super::Launch;
use super::op::{Places, function};
use super::region::bits;

/// A block of bytes that moves as one.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: usize,
    to: usize,
    bytes: usize,
}

/// Elements before, after and between.
pub(super) fn pad(op: &Pad, step: &Step, places: Places) -> Box<dyn Launch> {
    let (input, output) = (&step.inputs[0], &step.outputs[0]);
    let width = output.dtype.size();
    let own = ibex_graph::Shape::from(&*output.shape).strides();
    let strides: Vec<usize> = own.iter().zip(&op.interior).map(|(s, gap)| s * (gap + 1)).collect();
    let first = offset(&op.low, &own);
    // Rows of the innermost axis move as one, unless elements are put between theirs.
    let last = input.shape.len().saturating_sub(1);
    let rows = input.shape.last().is_some() && op.interior[last] == 0;
    let length = if rows { input.shape[last] } else { 1 };
    let outer = if rows { &input.shape[..last] } else { &input.shape[..] };
    let mut runs: Vec<Run> = Vec::new();
    for_each_index(outer, |index| {
        let to = (first + offset(index, &strides)) * width;
        let run = Run { from: runs.len() * length * width, to, bytes: length * width };
        runs.push(run);
    });
    if length == 0 {
        runs.clear();
    }
    let value = bits(output.dtype, op.value.value());
    let size = output.size();
    // SAFETY: the runs stay within the shapes of both operands; nothing else is written.
    unsafe {
        function(move |memory, _| {
            let from = memory.at(places.inputs[0]);
            let to = memory.at(places.outputs[0]);
            if value == [0; 8] {
                to.write_bytes(0, size * width);
            } else {
                (0..size).for_each(|i| {
                    to.add(i * width).copy_from_nonoverlapping(value.as_ptr(), width);
                });
            }
            for run in &runs {
                to.add(run.to).copy_from_nonoverlapping(from.add(run.from), run.bytes);
            }
        })
    }
}

/// One after another along an axis.
pub(super) fn concatenate(axis: usize, step: &Step, places: Places) -> Box<dyn Launch> {
    let output = &step.outputs[0];
    let outer: usize = output.shape[..axis].iter().product();
    let width = output.dtype.size();
    let bytes = |shape: &[usize]| shape[axis..].iter().product::<usize>() * width;
    let widths: Vec<usize> = step.inputs.iter().map(|input| bytes(&input.shape)).collect();
    // SAFETY: a block of the output is as long as the blocks of all inputs together.
    unsafe {
        function(move |memory, _| {
            let mut to = memory.at(places.outputs[0]);
            for block in 0..outer {
                for (&input, &bytes) in places.inputs.iter().zip(&widths) {
                    let from = memory.at(input).add(block * bytes);
                    to.copy_from_nonoverlapping(from, bytes);
                    to = to.add(bytes);
                }
            }
        })
    }
}
