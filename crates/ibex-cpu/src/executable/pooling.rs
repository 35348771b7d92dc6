//! Pooling and sums of windows.

use ibex_compile::program::Step;
use ibex_graph::ops::pooling::Pool;
use ibex_graph::{DType, Element, with_element};

use super::Launch;
use super::op::{Places, function};
use super::taps::Taps;
use super::windows::{self, Fold};

/// Whether the vector kernels take a pooling.
fn fits(pool: &Pool, dtype: DType) -> bool {
    dtype == DType::F32 && pool.window.iter().product::<usize>() <= windows::TAPS
}

/// Batch, spatial elements and channels.
fn extents(shape: &[usize]) -> (usize, usize, usize) {
    let last = shape.len() - 1;
    (shape[0], shape[1..last].iter().product(), shape[last])
}

/// The largest elements of windows and their places.
pub(super) fn max_pool(pool: &Pool, step: &Step, places: Places) -> Box<dyn Launch> {
    let (x, y) = (&step.inputs[0], &step.outputs[0]);
    let (batch, volume, channels) = extents(&x.shape);
    let (_, positions, _) = extents(&y.shape);
    if fits(pool, x.dtype) {
        let windows = windows::windows(pool, &x.shape, &y.shape);
        // SAFETY: the sizes are those of the operands.
        return unsafe {
            function(move |memory, pool| {
                let x = memory.at(places.inputs[0]).cast();
                let fold = Fold::Largest(memory.at(places.outputs[1]).cast());
                let y = memory.at(places.outputs[0]).cast();
                windows::forward(pool, &windows, fold, x, y);
            })
        };
    }
    let spatial = &x.shape[1..x.shape.len() - 1];
    let taps = Taps::new(&pool.windows(), spatial, positions, |m| m.position);
    let dtype = x.dtype;
    // SAFETY: the meetings stay within the shapes.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let x = memory.read::<T>(places.inputs[0], batch * volume * channels);
                let size = batch * positions * channels;
                let values = memory.write::<T>(places.outputs[0], size);
                let indices = memory.write::<i32>(places.outputs[1], size);
                for to in 0..size {
                    let (rest, channel) = (to / channels, to % channels);
                    let (image, position) = (rest / positions, rest % positions);
                    let mut best = (f64::NEG_INFINITY, None);
                    for meeting in taps.of(position) {
                        let from = (image * volume + meeting.source) * channels + channel;
                        let value = x[from].to_f64();
                        let wins = best.1.is_none()
                            || value > best.0
                            || (value.is_nan() && !best.0.is_nan());
                        if wins {
                            best = (value, Some((meeting.source, from)));
                        }
                    }
                    // Padding is smaller than the window, so every window covers an element.
                    if let (_, Some((place, from))) = best {
                        (values[to], indices[to]) = (x[from], place as i32);
                    }
                }
            });
        })
    }
}

/// The sums of windows.
pub(super) fn window_sum(pool: &Pool, step: &Step, places: Places) -> Box<dyn Launch> {
    if fits(pool, step.inputs[0].dtype) {
        let windows = windows::windows(pool, &step.inputs[0].shape, &step.outputs[0].shape);
        // SAFETY: the sizes are those of the operands.
        return unsafe {
            function(move |memory, pool| {
                let x = memory.at(places.inputs[0]).cast();
                let y = memory.at(places.outputs[0]).cast();
                windows::forward(pool, &windows, Fold::Sum, x, y);
            })
        };
    }
    let spatial = &step.inputs[0].shape[1..step.inputs[0].shape.len() - 1];
    let (_, positions, _) = extents(&step.outputs[0].shape);
    let taps = Taps::new(&pool.windows(), spatial, positions, |m| m.position);
    sums(taps, |meeting| meeting.source, step, places)
}

/// The adjoint of the sums of windows.
pub(super) fn window_sum_gradient(pool: &Pool, step: &Step, places: Places) -> Box<dyn Launch> {
    if fits(pool, step.inputs[0].dtype) {
        let windows = windows::windows(pool, &step.outputs[0].shape, &step.inputs[0].shape);
        // SAFETY: the sizes are those of the operands.
        return unsafe {
            function(move |memory, pool| {
                let dy = memory.at(places.inputs[0]).cast();
                let dx = memory.at(places.outputs[0]).cast();
                windows::backward(pool, &windows, dy, dx);
            })
        };
    }
    let spatial = &step.outputs[0].shape[1..step.outputs[0].shape.len() - 1];
    let (_, volume, _) = extents(&step.outputs[0].shape);
    let taps = Taps::new(&pool.windows(), spatial, volume, |m| m.source);
    sums(taps, |meeting| meeting.position, step, places)
}

/// For each key of `taps`, the sum of the elements that `from` names.
fn sums(
    taps: Taps,
    from: fn(&super::taps::Meeting) -> usize,
    step: &Step,
    places: Places,
) -> Box<dyn Launch> {
    let (batch, inputs, channels) = extents(&step.inputs[0].shape);
    let dtype = step.inputs[0].dtype;
    let outputs = taps.len();
    // SAFETY: the meetings stay within the shapes.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let x = memory.read::<T>(places.inputs[0], batch * inputs * channels);
                let y = memory.write::<T>(places.outputs[0], batch * outputs * channels);
                for (to, y) in y.iter_mut().enumerate() {
                    let (rest, channel) = (to / channels, to % channels);
                    let (image, key) = (rest / outputs, rest % outputs);
                    let of = |m| x[(image * inputs + from(m)) * channels + channel].to_f64();
                    *y = T::from_f64(taps.of(key).iter().map(of).sum());
                }
            });
        })
    }
}
