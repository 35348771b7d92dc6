//! Operations that only move elements: padding and concatenation.
//!
//! Must not know: dtypes beyond their width.

use ibex_compile::program::Step;
use ibex_graph::interpreter::{for_each_index, offset};
use ibex_graph::ops::pad::Pad;

use super::Launch;
use super::op::{Places, function};
use super::region::bits;

/// Bytes of a concatenation that one task copies.
const CHUNK: usize = 1 << 18;

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
    let row = bytes(&output.shape);
    // SAFETY: a row of the output is as long as the rows of all inputs together, and tasks write
    // bytes of their own.
    unsafe {
        if row > CHUNK {
            return long_rows(outer * row, widths, places);
        }
        let together = CHUNK / row.max(1);
        function(move |memory, pool| {
            pool.run(outer.div_ceil(together), |task| {
                let first = task * together;
                let rows = together.min(outer - first);
                let mut to = memory.at(places.outputs[0]).add(first * row);
                for (&input, &width) in places.inputs.iter().zip(&widths) {
                    copy_rows(memory.at(input).add(first * width), to, (rows, row), width);
                    to = to.add(width);
                }
            });
        })
    }
}

/// A concatenation whose rows are cut anywhere into tasks, `size` bytes in all.
///
/// # Safety
/// All operands are there; those of the inputs are rows of these many bytes.
unsafe fn long_rows(size: usize, widths: Vec<usize>, places: Places) -> Box<dyn Launch> {
    let row: usize = widths.iter().sum();
    // SAFETY: as the caller promises; tasks write bytes of their own.
    unsafe {
        function(move |memory, pool| {
            pool.run(size.div_ceil(CHUNK), |task| {
                let (mut at, end) = (task * CHUNK, size.min((task + 1) * CHUNK));
                let to = memory.at(places.outputs[0]);
                let (mut index, mut input, mut skipped) = (at / row, 0, at % row);
                while at < end {
                    let width = widths[input];
                    if skipped < width {
                        let count = (width - skipped).min(end - at);
                        let from = memory.at(places.inputs[input]).add(index * width + skipped);
                        to.add(at).copy_from_nonoverlapping(from, count);
                        at += count;
                    }
                    skipped = skipped.saturating_sub(width);
                    input += 1;
                    if input == widths.len() {
                        (input, index) = (0, index + 1);
                    }
                }
            });
        })
    }
}

/// Copies rows of `width` bytes to places that are `stride` bytes apart.
///
/// # Safety
/// The rows are there and the places the caller's own.
unsafe fn copy_rows(from: *const u8, to: *mut u8, (rows, stride): (usize, usize), width: usize) {
    /// Rows that are moved one as a whole.
    unsafe fn whole<T: Copy>(from: *const u8, to: *mut u8, (rows, stride): (usize, usize)) {
        for i in 0..rows {
            // SAFETY: as the caller promises.
            unsafe {
                let row = from.cast::<T>().add(i).read_unaligned();
                to.add(i * stride).cast::<T>().write_unaligned(row);
            }
        }
    }
    // SAFETY: as the caller promises.
    unsafe {
        match width {
            4 => whole::<[u8; 4]>(from, to, (rows, stride)),
            8 => whole::<[u8; 8]>(from, to, (rows, stride)),
            16 => whole::<[u8; 16]>(from, to, (rows, stride)),
            32 => whole::<[u8; 32]>(from, to, (rows, stride)),
            64 => whole::<[u8; 64]>(from, to, (rows, stride)),
            _ => (0..rows).for_each(|i| {
                to.add(i * stride).copy_from_nonoverlapping(from.add(i * width), width);
            }),
        }
    }
}
