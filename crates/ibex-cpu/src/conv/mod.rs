//! Convolutions of 1 to 3 dimensions over images with channels last, and both their gradients.
//!
//! All three are matrix products over windows that are packed on the fly, or read in place; the
//! input gradient is cut into phases, one per remainder of the stride, so that no work is spent
//! on zeros (`input_gradient`, `phase`).
//! A depthwise convolution multiplies channel by channel instead (`depthwise`), one of 3 × 3 takes
//! fewer multiplications (`winograd`), one of few channels reads whole lines (`lines`), and one of
//! small images leaves out what lies outside of them (`small`). Groups of channels are convolutions
//! of their own (`grouped`).
//! Images are `(batch, depth, height, width, channels)`, kernels `(depth, height, width,
//! input channels / groups, output channels)`; dimensions that are not there are 1, the first.
//! Must not know: padding names, layers, graphs.

mod depthwise;
mod grouped;
mod input_gradient;
mod lines;
mod phase;
mod small;
mod winograd;

#[cfg(test)]
mod tests;

pub use depthwise::{depthwise, depthwise_input_gradient, depthwise_kernel_gradient};
pub use input_gradient::convolution_input_gradient;

use crate::gemm::{Bias, Epilogue, Packed, Pointer, Product, View, Windows, gemm, gemm_packed};
use crate::pool::ThreadPool;
use grouped::Grouped;
use lines::Lines;
use small::{Results, Small};
use winograd::{Filters, Winograd};

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Images.
    pub batch: usize,
    /// Depth, height and width of the input.
    pub input: [usize; 3],
    /// Channels of the input: a multiple of `groups`.
    pub input_channels: usize,
    /// Depth, height and width of the kernel.
    pub kernel: [usize; 3],
    /// Depth, height and width of the output.
    pub output: [usize; 3],
    /// Channels of the output: a multiple of `groups`.
    pub output_channels: usize,
    /// Pixels from one window to the next.
    pub stride: [usize; 3],
    /// Pixels from one kernel position to the next within a window.
    pub dilation: [usize; 3],
    /// Zeros before the first pixel; those after the last follow from `output`.
    pub padding: [usize; 3],
    /// Groups of channels that do not meet.
    pub groups: usize,
}

impl Convolution {
    fn windows(&self) -> Windows {
        let signed = |sizes: [usize; 3]| sizes.map(usize::cast_signed);
        Windows {
            batch: self.batch,
            input: self.input,
            channels: self.group_inputs(),
            pixel: self.input_channels,
            output: self.output,
            kernel: self.kernel,
            stride: signed(self.stride),
            dilation: signed(self.dilation),
            origin: self.padding.map(|before| -before.cast_signed()),
        }
    }

    fn group_inputs(&self) -> usize {
        self.input_channels / self.groups.max(1)
    }

    fn group_outputs(&self) -> usize {
        self.output_channels / self.groups.max(1)
    }

    fn positions(&self) -> usize {
        self.batch * self.output.iter().product::<usize>()
    }

    /// Is every window one pixel, and every pixel a window? Then the image is a plain matrix.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1; 3]
            && self.stride == [1; 3]
            && self.padding == [0; 3]
            && self.input == self.output
    }
}

/// How much is known of a kernel.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// It is another one in every run.
    Changing,
    /// It stays the same from run to run, and this was made of it, if anything was.
    Kept(Option<&'a Prepared>),
}

/// What was made of a kernel, for convolutions of many images with it.
#[derive(Debug)]
pub struct Prepared(Way);

#[derive(Debug)]
enum Way {
    Packed(Packed),
    Transformed(Filters),
}

impl Prepared {
    /// Prepares a kernel for [`convolution`]; `None` if it is read as it lies.
    ///
    /// # Safety
    /// The kernel is valid for its size.
    pub unsafe fn new(pool: &ThreadPool, shape: &Convolution, kernel: *const f32) -> Option<Self> {
        if shape.groups != 1 {
            return None;
        }
        let windows = shape.windows();
        // SAFETY: as the caller promises; packing looks at no image.
        unsafe {
            match Route::new(&windows, shape.output_channels, true, &Epilogue::default()) {
                Route::Winograd(way) => Some(Self(Way::Transformed(way.transform(pool, kernel)))),
                Route::Lines(_) | Route::Small(_) => None,
                Route::Product => {
                    let (x, y) = (std::ptr::null(), std::ptr::null_mut());
                    let product = shape.product(&windows, (x, kernel, y), 0, Epilogue::default());
                    Packed::new(pool, &product).map(|packed| Self(Way::Packed(packed)))
                }
            }
        }
    }

    fn packed(&self) -> Option<&Packed> {
        match &self.0 {
            Way::Packed(packed) => Some(packed),
            Way::Transformed(_) => None,
        }
    }

    fn transformed(&self) -> Option<&Filters> {
        match &self.0 {
            Way::Transformed(filters) => Some(filters),
            Way::Packed(_) => None,
        }
    }
}

/// The ways to compute a convolution; where there are groups, a product for each.
#[derive(Clone, Copy, Debug)]
enum Route<'a> {
    Small(Small<'a>),
    Winograd(Winograd),
    Lines(Lines<'a>),
    Product,
}

impl<'a> Route<'a> {
    /// Depends on the sizes, on how it ends, and on whether the kernel stays the same.
    fn new(windows: &'a Windows, filters: usize, kept: bool, epilogue: &Epilogue) -> Self {
        let by_row = matches!(epilogue.bias, Bias::Row(_));
        let small = Small::new(windows).filter(|_| !by_row);
        if winograd::ends(epilogue)
            && let Some(way) = Winograd::new(windows, filters, kept)
            && small.is_none_or(|small| way.products() < small.products())
        {
            return Route::Winograd(way);
        }
        match (small, Lines::new(windows)) {
            (Some(small), _) => Route::Small(small),
            (None, Some(lines)) => Route::Lines(lines),
            (None, None) => Route::Product,
        }
    }
}

impl Convolution {
    /// The product that is one group of a convolution.
    ///
    /// # Safety
    /// The pointers are valid for the sizes, or are not used.
    unsafe fn product<'a>(
        &self,
        windows: &'a Windows,
        (x, kernel, y): (*const f32, *const f32, *mut f32),
        group: usize,
        epilogue: Epilogue,
    ) -> Product<'a> {
        let (inputs, outputs) = (group * self.group_inputs(), group * self.group_outputs());
        let bias = match epilogue.bias {
            Bias::Column(data) => Bias::Column(data.wrapping_add(outputs)),
            other => other,
        };
        let data = x.wrapping_add(inputs);
        let a = match self.is_pointwise() {
            true => View::rows(data, self.input_channels),
            false => View::Windows { data, windows },
        };
        Product {
            m: self.positions(),
            n: self.group_outputs(),
            k: windows.columns(),
            a,
            b: View::rows(kernel.wrapping_add(outputs), self.output_channels),
            c: y.wrapping_add(outputs),
            c_row: self.output_channels,
            epilogue: Epilogue { bias, ..epilogue },
        }
    }
}

/// `y = activation(alpha · x ∗ kernel + y? + bias)`; the bias is one value per output channel.
///
/// # Safety
/// The pointers are valid for the sizes; `y` overlaps nothing; what was prepared is of the kernel
/// as it is now.
pub unsafe fn convolution(
    pool: &ThreadPool,
    shape: &Convolution,
    (x, kernel, y): (*const f32, *const f32, *mut f32),
    weights: Weights,
    epilogue: Epilogue,
) {
    if !epilogue.accumulate
        && let Some(grouped) = Grouped::new(shape)
    {
        // SAFETY: as the caller promises.
        return unsafe { grouped.run(pool, (x, kernel, y), epilogue) };
    }
    let windows = shape.windows();
    let (is_kept, prepared) = match weights {
        Weights::Changing => (false, None),
        Weights::Kept(prepared) => (true, prepared),
    };
    // SAFETY: as the caller promises.
    unsafe {
        match Route::new(&windows, shape.output_channels, is_kept, &epilogue) {
            Route::Winograd(way) => {
                let kept = prepared.and_then(Prepared::transformed);
                way.run(pool, (x, kernel, y), kept, &epilogue);
            }
            Route::Lines(lines) => {
                lines.run(pool, x, &shape.product(&windows, (x, kernel, y), 0, epilogue));
            }
            Route::Small(small) => {
                let filters = shape.output_channels;
                let matrix = Pointer(kernel.cast_mut());
                let view = |tap: usize| {
                    View::rows(matrix.get().add(tap * shape.input_channels * filters), filters)
                };
                let steps = steps(shape.output, filters);
                let image = steps[0] * shape.output[0];
                small.run(pool, x, view, &Results { data: y, filters, steps, image, epilogue });
            }
            Route::Product => {
                let packed = prepared.and_then(Prepared::packed);
                for group in 0..shape.groups {
                    let product = shape.product(&windows, (x, kernel, y), group, epilogue);
                    gemm_packed(pool, &product, packed);
                }
            }
        }
    }
}

/// The gradient of the kernel from the input and the gradient of the output.
///
/// # Safety
/// The pointers are valid for the sizes; `kernel_gradient` overlaps nothing.
pub unsafe fn convolution_kernel_gradient(
    pool: &ThreadPool,
    shape: &Convolution,
    x: *const f32,
    dy: *const f32,
    kernel_gradient: *mut f32,
    epilogue: Epilogue,
) {
    if epilogue.is_plain()
        && let Some(grouped) = Grouped::new(shape)
    {
        // SAFETY: as the caller promises.
        return unsafe { grouped.kernel_gradient(pool, (x, dy, kernel_gradient)) };
    }
    let windows = shape.windows();
    if epilogue.is_plain() {
        let filters = shape.output_channels;
        // SAFETY: as the caller promises.
        unsafe {
            match Route::new(&windows, filters, false, &epilogue) {
                Route::Winograd(way) => {
                    return way.kernel_gradient(pool, (x, dy, kernel_gradient));
                }
                Route::Small(small) => {
                    return small.gradient(pool, (x, dy), filters, kernel_gradient);
                }
                _ => {}
            }
        }
    }
    let lines = Lines::of_gradient(&windows, shape.group_outputs());
    for group in 0..shape.groups {
        let (inputs, outputs) = (group * shape.group_inputs(), group * shape.group_outputs());
        // SAFETY: as the caller promises.
        unsafe {
            let data = x.add(inputs);
            let a = if shape.is_pointwise() {
                View::columns(data, shape.input_channels)
            } else {
                View::WindowsTransposed { data, windows: &windows }
            };
            let product = Product {
                m: windows.columns(),
                n: shape.group_outputs(),
                k: shape.positions(),
                a,
                b: View::rows(dy.add(outputs), shape.output_channels),
                c: kernel_gradient.add(outputs),
                c_row: shape.output_channels,
                epilogue,
            };
            match &lines {
                Some(lines) => lines.gradient(pool, x, &product),
                None => gemm(pool, &product),
            }
        }
    }
}

/// Floats from one pixel to the next along each axis of an image.
fn steps([_, height, width]: [usize; 3], channels: usize) -> [usize; 3] {
    [height * width * channels, width * channels, channels]
}
