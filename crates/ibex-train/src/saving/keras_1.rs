//! Weights of Keras 1 in the arrangement of today.
//!
//! Keras 1 held the gates of recurrent layers apart, gave kernels of images with channels first
//! another order of axes, and thought of one-dimensional kernels as flat images.
//! It must not know files.

use std::borrow::Cow;

use ibex_format::RawArray;
use ibex_nn::Instance;
use serde_json::Value;

use crate::arrays::{from_raw, to_raw};
use crate::error::Result;
use ibex_graph::Array;

/// The places of the gates' arrays among those of a layer: input kernels, recurrent ones, biases.
type Gates = [&'static [usize]; 3];

/// Keras 1 had the order input, cell, forget, output; today it is input, forget, cell, output.
const FOUR_GATES: Gates = [&[0, 6, 3, 9], &[1, 7, 4, 10], &[2, 8, 5, 11]];

const THREE_GATES: Gates = [&[0, 3, 6], &[1, 4, 7], &[2, 5, 8]];

/// Rearranges the arrays of one layer, if its class was arranged otherwise.
///
/// # Errors
/// If an array cannot be held.
pub(super) fn convert(layer: &Instance, arrays: &mut Vec<Cow<'_, RawArray>>) -> Result<()> {
    let class = layer.layer().class_name();
    if class == "TimeDistributed" {
        return match layer.children().first() {
            Some((_, inner)) => convert(inner, arrays),
            None => Ok(()),
        };
    }
    let config = layer.layer().config();
    let channels_first = config.get("data_format").is_some_and(|format| format == "channels_first");
    match (class, arrays.len()) {
        ("LSTM" | "ConvLSTM2D", 12) => joined(arrays, FOUR_GATES),
        ("GRU", 9) => joined(arrays, THREE_GATES),
        ("Conv1D", 1..) => flat_kernel(arrays, &config),
        ("Conv2D", 1..) if channels_first => permuted(arrays, &[2, 3, 1, 0]),
        ("Conv2DTranspose", 1..) if channels_first => permuted(arrays, &[2, 3, 0, 1]),
        ("Conv2DTranspose", 1..) => permuted(arrays, &[0, 1, 3, 2]),
        ("Conv3D", 1..) if channels_first => permuted(arrays, &[2, 3, 4, 1, 0]),
        _ => Ok(()),
    }
}

/// Puts the gates' arrays side by side.
fn joined(arrays: &mut Vec<Cow<'_, RawArray>>, gates: Gates) -> Result<()> {
    let mut all = Vec::new();
    for places in gates {
        let parts: Result<Vec<Array>> = places.iter().map(|&at| from_raw(&arrays[at])).collect();
        let Some(joined) = beside(&parts?) else { return Ok(()) };
        all.push(Cow::Owned(to_raw(&joined)?));
    }
    *arrays = all;
    Ok(())
}

/// The arrays side by side along their last axis; `None` if their other axes differ.
fn beside(parts: &[Array]) -> Option<Array> {
    let first = parts.first()?;
    let (&last, above) = first.shape().dims().split_last()?;
    let rows: usize = above.iter().product();
    let same = |part: &Array| part.shape() == first.shape() && part.dtype() == first.dtype();
    if !parts.iter().all(same) || last == 0 {
        return None;
    }
    let width = last * first.dtype().size();
    let mut bytes = Vec::with_capacity(rows * width * parts.len());
    for row in 0..rows {
        for part in parts {
            bytes.extend_from_slice(&part.bytes()[row * width..(row + 1) * width]);
        }
    }
    let mut shape = above.to_vec();
    shape.push(last * parts.len());
    Array::from_bytes(first.dtype(), shape, &bytes).ok()
}

/// Changes the order of the axes of the kernel.
fn permuted(arrays: &mut [Cow<'_, RawArray>], order: &[usize]) -> Result<()> {
    let Some(kernel) = arrays.first_mut() else { return Ok(()) };
    if kernel.shape().len() != order.len() {
        return Ok(());
    }
    let given = from_raw(kernel)?;
    let (from, values) = (given.shape().dims().to_vec(), given.to_f64_vec());
    let to: Vec<usize> = order.iter().map(|&axis| from[axis]).collect();
    let strides: Vec<usize> = order.iter().map(|&axis| from[axis + 1..].iter().product()).collect();
    let mut moved = Vec::with_capacity(values.len());
    for index in 0..values.len() {
        let (mut rest, mut offset) = (index, 0);
        for (&extent, &stride) in to.iter().zip(&strides).rev() {
            offset += rest % extent * stride;
            rest /= extent;
        }
        moved.push(values[offset]);
    }
    *kernel = Cow::Owned(to_raw(&Array::from_f64_slice(given.dtype(), to, &moved))?);
    Ok(())
}

/// A one-dimensional kernel, which was that of an image one pixel wide, perhaps with filters first.
fn flat_kernel(arrays: &mut [Cow<'_, RawArray>], config: &Value) -> Result<()> {
    let shape = arrays[0].shape().to_vec();
    let [rows, columns, _, filters] = shape[..] else { return Ok(()) };
    let size = config.pointer("/kernel_size/0").and_then(Value::as_u64);
    let own = config.get("filters").and_then(Value::as_u64);
    let is_of_today = size == Some(rows as u64) && columns == 1 && own == Some(filters as u64);
    if !is_of_today {
        permuted(arrays, &[2, 3, 1, 0])?;
    }
    let array = from_raw(&arrays[0])?;
    let [rows, 1, channels, filters] = array.shape().dims()[..] else { return Ok(()) };
    if let Ok(flat) = Array::from_bytes(array.dtype(), [rows, channels, filters], array.bytes()) {
        arrays[0] = Cow::Owned(to_raw(&flat)?);
    }
    Ok(())
}
