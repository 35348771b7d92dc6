//! The gradient of the input of a convolution, phase by phase of the stride.
//!
//! Each phase is a convolution over the gradient of the output, with the kernel turned round.
//! Must not know: how a convolution is computed.

use super::grouped::Grouped;
use super::phase::Phase;
use super::small::{Results, Small};
use super::{Convolution, Route, steps};
use crate::gemm::{Epilogue, Panel, Pointer, Product, View, Windows, gemm, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};

/// The gradient of the input from the kernel and the gradient of the output: also the forward
/// pass of a transposed convolution.
///
/// # Safety
/// The pointers are valid for the sizes; `dx` overlaps nothing.
pub unsafe fn convolution_input_gradient(
    pool: &ThreadPool,
    shape: &Convolution,
    dy: *const f32,
    kernel: *const f32,
    dx: *mut f32,
) {
    if let Some(grouped) = Grouped::new(shape) {
        // SAFETY: as the caller promises.
        return unsafe { grouped.input_gradient(pool, (dy, kernel, dx)) };
    }
    for group in 0..shape.groups {
        for phase in Phase::all(shape) {
            // SAFETY: as the caller promises.
            unsafe { input_phase(pool, shape, group, &phase, dy, kernel, dx) };
        }
    }
}

/// The pixels of one phase of one group.
///
/// # Safety
/// As for [`convolution_input_gradient`].
unsafe fn input_phase(
    pool: &ThreadPool,
    shape: &Convolution,
    group: usize,
    phase: &Phase,
    dy: *const f32,
    kernel: *const f32,
    dx: *mut f32,
) {
    let (inputs, outputs) = (shape.group_inputs(), shape.group_outputs());
    let windows = phase.windows(shape, outputs);
    let (m, n, k) = (windows.positions(), inputs, windows.columns());
    if k == 0 {
        // Pixels that no window reads.
        // SAFETY: the pixels have so many channels.
        unsafe {
            let dx = dx.add(group * inputs);
            at_pixels(pool, shape, phase, &windows, dx, |_, to| to.write_bytes(0, n));
        }
        return;
    }
    let route = Route::new(&windows, n, false, &Epilogue::default());
    if let Route::Small(small) = route {
        // SAFETY: as the caller promises.
        return unsafe { small_phase(pool, shape, phase, &small, (dy, kernel, dx)) };
    }
    let every_pixel = shape.stride == [1; 3];
    let floats = if every_pixel { 0 } else { m * n };
    scratch::with(Slot::Rearranged, k * n, |turned| {
        scratch::with(Slot::Phase, floats, |pixels| {
            // SAFETY: the buffers have these sizes; the rest is as the caller promises.
            unsafe {
                turn_kernel(pool, shape, group, phase, kernel, turned);
                let data = dy.add(group * outputs);
                let dx = dx.add(group * inputs);
                if every_pixel && let Route::Winograd(way) = route {
                    way.run(pool, (data, turned, dx), None, &Epilogue::default());
                    return;
                }
                let a = if shape.is_pointwise() {
                    View::rows(data, shape.output_channels)
                } else {
                    View::Windows { data, windows: &windows }
                };
                let (c, c_row) = if every_pixel { (dx, shape.input_channels) } else { (pixels, n) };
                let b = View::rows(turned, n);
                let epilogue = Epilogue::default();
                let product = Product { m, n, k, a, b, c, c_row, epilogue };
                match &route {
                    Route::Lines(lines) => lines.run(pool, data, &product),
                    _ => gemm(pool, &product),
                }
                if !every_pixel {
                    let pixels = Pointer(pixels);
                    at_pixels(pool, shape, phase, &windows, dx, |pixel, to| {
                        to.copy_from_nonoverlapping(pixels.get().add(pixel * n), n);
                    });
                }
            }
        });
    });
}

/// The pixels of one phase of small images, without groups.
///
/// # Safety
/// As for [`convolution_input_gradient`].
unsafe fn small_phase(
    pool: &ThreadPool,
    shape: &Convolution,
    phase: &Phase,
    small: &Small,
    (dy, kernel, dx): (*const f32, *const f32, *mut f32),
) {
    let (inputs, outputs) = (shape.input_channels, shape.output_channels);
    let matrix = Pointer(kernel.cast_mut());
    let pixel = steps(shape.input, inputs);
    let [d, h, w] = phase.pixel(shape, [0; 3]);
    let first = d * pixel[0] + h * pixel[1] + w * pixel[2];
    // SAFETY: kernel positions and pixels lie within their memory; the rest is as the caller
    // promises.
    unsafe {
        let view = |tap: usize| {
            let position = phase.kernel_position(shape, tap);
            View::columns(matrix.get().add(position * inputs * outputs), outputs)
        };
        let results = Results {
            data: dx.add(first),
            filters: inputs,
            steps: [0, 1, 2].map(|axis| shape.stride[axis] * pixel[axis]),
            image: pixel[0] * shape.input[0],
            epilogue: Epilogue::default(),
        };
        small.run(pool, dy, view, &results);
    }
}

/// Writes the kernel positions of a phase as a matrix of (position, output channel) rows and
/// input channel columns.
///
/// # Safety
/// `turned` has room; `kernel` is the whole kernel.
unsafe fn turn_kernel(
    pool: &ThreadPool,
    shape: &Convolution,
    group: usize,
    phase: &Phase,
    kernel: *const f32,
    turned: *mut f32,
) {
    /// Input channels of one task.
    const LANES: usize = 64;
    let (inputs, outputs) = (shape.group_inputs(), shape.group_outputs());
    let strips = inputs.div_ceil(LANES);
    let (kernel, turned) = (Pointer(kernel.cast_mut()), Pointer(turned));
    let pays = phase.taps() * inputs * outputs > 1 << 15;
    run_if(pool, pays, phase.taps() * strips, |task| {
        let (tap, strip) = (task / strips, task % strips);
        let from = phase.kernel_position(shape, tap) * inputs * shape.output_channels;
        // SAFETY: the position lies within the kernel; tasks write disjoint parts.
        unsafe {
            let data = kernel.get().add(from + group * outputs);
            let first = strip * LANES;
            Panel {
                view: View::rows(data, shape.output_channels),
                first,
                count: LANES.min(inputs - first),
                from: 0,
                steps: outputs,
                width: inputs,
                to: turned.get().add(tap * outputs * inputs + first),
            }
            .pack();
        }
    });
}

/// Calls `write` with the number and the place of every pixel of a phase.
///
/// # Safety
/// `dx` is the group's first channel.
unsafe fn at_pixels(
    pool: &ThreadPool,
    shape: &Convolution,
    phase: &Phase,
    windows: &Windows,
    dx: *mut f32,
    write: impl Fn(usize, *mut f32) + Sync,
) {
    let [depth, height, width] = windows.output;
    let dx = Pointer(dx);
    let pays = windows.positions() * shape.group_inputs() > 1 << 15;
    run_if(pool, pays, windows.batch * depth * height, |line| {
        let (rest, h) = (line / height, line % height);
        let (image, d) = (rest / depth, rest % depth);
        for w in 0..width {
            let [d, h, w_at] = phase.pixel(shape, [d, h, w]);
            let pixel = ((image * shape.input[0] + d) * shape.input[1] + h) * shape.input[2] + w_at;
            // SAFETY: the pixel lies within the image; tasks write disjoint lines.
            write(line * width + w, unsafe { dx.get().add(pixel * shape.input_channels) });
        }
    });
}
