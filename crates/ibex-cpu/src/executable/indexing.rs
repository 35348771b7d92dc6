//! Operations that read or add where an index says.
//!
//! Every index goes through [`resolve_index`], so none leaves its axis.
//! Additions run in row-major order of the updates: sums come out the same everywhere.

use ibex_compile::program::Step;
use ibex_graph::ops::along_axis::resolve_index;
use ibex_graph::ops::hash_bins::HashBins;
use ibex_graph::{DType, Element, with_element};

use super::Launch;
use super::op::{Places, function, index_at};
use crate::gather::{Tables, gather_rows, row, scatter_add_rows};
use crate::gemm::{Pointer, run_if};

/// Extents before, along and after an axis.
fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// Adds `count` elements.
///
/// # Safety
/// Both places hold them.
unsafe fn add(dtype: DType, to: *mut u8, from: *const u8, count: usize) {
    if dtype == DType::F32 {
        let (to, from) = (to.cast::<f32>(), from.cast::<f32>());
        // SAFETY: as the caller promises.
        return (0..count).for_each(|i| unsafe { *to.add(i) += *from.add(i) });
    }
    with_element!(dtype, T => {
        let (to, from) = (to.cast::<T>(), from.cast::<T>());
        for i in 0..count {
            // SAFETY: as the caller promises.
            unsafe { *to.add(i) = T::from_f64((*to.add(i)).to_f64() + (*from.add(i)).to_f64()) };
        }
    });
}

/// Evaluates `$body` with `$indices` as a slice of the indices' own type.
///
/// The buffer holds `$count` indices.
macro_rules! with_indices {
    ($dtype:expr, $data:expr, $count:expr, $indices:ident => $body:expr) => {
        match $dtype {
            DType::I64 => {
                let $indices = std::slice::from_raw_parts($data.cast::<i64>(), $count);
                $body
            }
            DType::U8 => {
                let $indices = std::slice::from_raw_parts($data.cast::<u8>(), $count);
                $body
            }
            _ => {
                let $indices = std::slice::from_raw_parts($data.cast::<i32>(), $count);
                $body
            }
        }
    };
}

/// Slices chosen along an axis.
pub(super) fn gather(axis: usize, step: &Step, places: Places) -> Box<dyn Launch> {
    let (x, indices) = (&step.inputs[0], &step.inputs[1]);
    let (count, rows, inner) = around(&x.shape, axis);
    let tables = Tables { count, rows, width: inner * x.dtype.size() };
    let (count, dtype) = (indices.size(), indices.dtype);
    // SAFETY: indices are moved into the axis; blocks are those of the shapes.
    unsafe {
        function(move |memory, pool| {
            let (x, indices) = (memory.at(places.inputs[0]), memory.at(places.inputs[1]));
            let to = memory.at(places.outputs[0]);
            with_indices!(dtype, indices, count, indices => {
                gather_rows(pool, tables, x, indices, to);
            });
        })
    }
}

/// Slices added to zeros along an axis.
pub(super) fn scatter_add(axis: usize, step: &Step, places: Places) -> Box<dyn Launch> {
    let (updates, indices, output) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
    let (outer, extent, inner) = around(&output.shape, axis);
    let (count, index_dtype, dtype) = (indices.size(), indices.dtype, updates.dtype);
    let (row, bytes) = (inner * dtype.size(), output.size() * dtype.size());
    // SAFETY: indices are moved into the axis; blocks are those of the shapes.
    unsafe {
        if dtype == DType::F32 {
            let tables = Tables { count: outer, rows: extent, width: inner };
            return function(move |memory, pool| {
                let updates = memory.at(places.inputs[0]).cast::<f32>();
                let indices = memory.at(places.inputs[1]);
                let to = memory.at(places.outputs[0]).cast::<f32>();
                with_indices!(index_dtype, indices, count, indices => {
                    scatter_add_rows(pool, tables, updates, indices, to);
                });
            });
        }
        function(move |memory, _| {
            let (updates, indices) = (memory.at(places.inputs[0]), memory.at(places.inputs[1]));
            let to = memory.at(places.outputs[0]);
            to.write_bytes(0, bytes);
            for block in 0..outer {
                for at in 0..count {
                    let chosen = resolve_index(index_at(index_dtype, indices, at), extent);
                    let to = to.add((block * extent + chosen) * row);
                    add(dtype, to, updates.add((block * count + at) * row), inner);
                }
            }
        })
    }
}

/// Elements chosen along an axis, an index for each.
pub(super) fn take_along_axis(axis: usize, step: &Step, places: Places) -> Box<dyn Launch> {
    let (x, indices) = (&step.inputs[0], &step.inputs[1]);
    let (outer, extent, inner) = around(&x.shape, axis);
    let (count, dtype, width) = (indices.shape[axis], indices.dtype, x.dtype.size());
    // SAFETY: indices are moved into the axis; blocks are those of the shapes.
    unsafe {
        function(move |memory, _| {
            let (x, indices) = (memory.at(places.inputs[0]), memory.at(places.inputs[1]));
            let to = memory.at(places.outputs[0]);
            for block in 0..outer {
                for at in 0..count * inner {
                    let here = block * count * inner + at;
                    let chosen = resolve_index(index_at(dtype, indices, here), extent);
                    let from = x.add(((block * extent + chosen) * inner + at % inner) * width);
                    to.add(here * width).copy_from_nonoverlapping(from, width);
                }
            }
        })
    }
}

/// Adds the updates of one block: `extent` rows of `inner` elements at `to`, from zeros.
///
/// # Safety
/// All three hold the block's elements.
unsafe fn add_block<T: Copy + Into<i64>>(
    (to, extent, inner): (*mut f32, usize, usize),
    updates: *const f32,
    indices: *const T,
    count: usize,
) {
    // SAFETY: as the caller promises; indices are moved into the axis.
    unsafe {
        to.write_bytes(0, extent * inner);
        for place in 0..count {
            for column in 0..inner {
                let at = place * inner + column;
                let chosen = row(*indices.add(at), extent);
                *to.add(chosen * inner + column) += *updates.add(at);
            }
        }
    }
}

/// Elements added to zeros along an axis, an index for each.
pub(super) fn add_along_axis(axis: usize, step: &Step, places: Places) -> Box<dyn Launch> {
    let (updates, indices, output) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
    let (outer, extent, inner) = around(&output.shape, axis);
    let (count, index_dtype, dtype) = (indices.shape[axis], indices.dtype, updates.dtype);
    let (width, bytes) = (dtype.size(), output.size() * dtype.size());
    let block_size = count * inner;
    // SAFETY: indices are moved into the axis; blocks are those of the shapes.
    unsafe {
        if dtype == DType::F32 && index_dtype == DType::I32 {
            return function(move |memory, pool| {
                let updates = Pointer(memory.at(places.inputs[0]).cast::<f32>());
                let indices = Pointer(memory.at(places.inputs[1]).cast::<f32>());
                let to = Pointer(memory.at(places.outputs[0]).cast::<f32>());
                run_if(pool, outer * block_size > 1 << 14, outer, |block| {
                    let updates = updates.get().add(block * block_size);
                    let indices = indices.get().cast::<i32>().add(block * block_size);
                    let to = to.get().add(block * extent * inner);
                    add_block((to, extent, inner), updates, indices, count);
                });
            });
        }
        function(move |memory, _| {
            let (updates, indices) = (memory.at(places.inputs[0]), memory.at(places.inputs[1]));
            let to = memory.at(places.outputs[0]);
            to.write_bytes(0, bytes);
            for block in 0..outer {
                for at in 0..count * inner {
                    let here = block * count * inner + at;
                    let chosen = resolve_index(index_at(index_dtype, indices, here), extent);
                    let to = to.add(((block * extent + chosen) * inner + at % inner) * width);
                    add(dtype, to, updates.add(here * width), 1);
                }
            }
        })
    }
}

/// The bins of integers by their hash.
pub(super) fn hash_bins(op: HashBins, step: &Step, places: Places) -> Box<dyn Launch> {
    let count = step.outputs[0].size();
    let dtypes: Vec<DType> = step.inputs.iter().map(|input| input.dtype).collect();
    // SAFETY: all operands have as many elements, which the operation checks.
    unsafe {
        function(move |memory, _| {
            let bins = memory.write::<i64>(places.outputs[0], count);
            for (at, bin) in bins.iter_mut().enumerate() {
                let inputs = dtypes.iter().zip(&places.inputs);
                let values = inputs.map(|(&dtype, &place)| index_at(dtype, memory.at(place), at));
                *bin = op.bin(values);
            }
        })
    }
}
