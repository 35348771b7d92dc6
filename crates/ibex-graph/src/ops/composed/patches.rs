//! Composed sliding windows as columns of a matrix, and back.

use crate::ops::composed::scatter::Combining;
use crate::{Array, DType, OpError, Tensor};

/// Windows over the two last axes of `(batch, channels, height, width)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches {
    /// The extents of a window.
    pub size: [usize; 2],
    /// The distance of the elements of a window.
    pub dilation: [usize; 2],
    /// Zeros before and after each axis.
    pub padding: [usize; 2],
    /// The distance of windows.
    pub stride: [usize; 2],
}

impl Patches {
    /// How many windows fit along each axis.
    fn counts(&self, extents: [usize; 2]) -> Option<[usize; 2]> {
        if [self.size, self.stride].concat().contains(&0) {
            return None;
        }
        let count = |axis: usize| {
            let span = self.dilation[axis] * (self.size[axis] - 1) + 1;
            let room = (extents[axis] + 2 * self.padding[axis]).checked_sub(span)?;
            Some(room / self.stride[axis] + 1)
        };
        Some([count(0)?, count(1)?])
    }

    /// The places in the padded, flattened plane: one row for each element of the window, one
    /// column for each window.
    fn places(&self, extents: [usize; 2], counts: [usize; 2]) -> Tensor {
        let width = extents[1] + 2 * self.padding[1];
        let mut places = Vec::new();
        for i in 0..self.size[0] {
            for j in 0..self.size[1] {
                for row in 0..counts[0] {
                    for column in 0..counts[1] {
                        let y = row * self.stride[0] + i * self.dilation[0];
                        let x = column * self.stride[1] + j * self.dilation[1];
                        places.push((y * width + x) as f64);
                    }
                }
            }
        }
        let shape = [self.size[0] * self.size[1], counts[0] * counts[1]];
        Tensor::constant(Array::from_f64_slice(DType::I32, shape, &places))
    }

    fn error(&self, name: &str, x: &Tensor) -> Tensor {
        Tensor::poisoned(OpError::new(
            format!("`{name}` cannot place windows of {:?}", self.size),
            "windows that fit into the image",
            x.shape().to_string(),
        ))
    }
}

impl Tensor {
    /// The windows of `(batch, channels, height, width)` as columns:
    /// `(batch, channels · size, windows)`. `keras.ops.unfold`.
    ///
    /// ```
    /// # use ibex_graph::ops::composed::patches::Patches;
    /// # use ibex_graph::{DType, Tensor};
    /// let x = Tensor::input("x", DType::F32, [2, 3, 4, 4]);
    /// let patches = Patches { size: [2, 2], dilation: [1, 1], padding: [0, 0], stride: [2, 2] };
    /// assert_eq!(x.unfold(&patches).shape().dims(), [2, 12, 4]);
    /// ```
    #[track_caller]
    pub fn unfold(&self, patches: &Patches) -> Tensor {
        let [batch, channels, height, width] = *self.shape().dims() else {
            return patches.error("unfold", self);
        };
        let Some(counts) = patches.counts([height, width]) else {
            return patches.error("unfold", self);
        };
        let [top, left] = patches.padding;
        let padded = self.pad(&[(0, 0), (0, 0), (top, top), (left, left)], 0.0);
        let plane = (height + 2 * top) * (width + 2 * left);
        let columns = padded
            .reshape([batch, channels, plane])
            .take(&patches.places([height, width], counts), 2);
        let size = patches.size[0] * patches.size[1];
        columns.reshape([batch, channels * size, counts[0] * counts[1]])
    }

    /// The sums of windows at their places, the adjoint of [`Tensor::unfold`].
    ///
    /// `(batch, channels · size, windows)` becomes `(batch, channels, *output_size)`.
    /// `keras.ops.fold`.
    ///
    /// ```
    /// # use ibex_graph::ops::composed::patches::Patches;
    /// # use ibex_graph::{DType, Tensor};
    /// let x = Tensor::input("x", DType::F32, [2, 12, 4]);
    /// let patches = Patches { size: [2, 2], dilation: [1, 1], padding: [0, 0], stride: [2, 2] };
    /// assert_eq!(x.fold(&[4, 4], &patches).shape().dims(), [2, 3, 4, 4]);
    /// ```
    #[track_caller]
    pub fn fold(&self, output_size: &[usize], patches: &Patches) -> Tensor {
        let size = patches.size[0] * patches.size[1];
        let (&[batch, rows, windows], &[height, width]) = (self.shape().dims(), output_size) else {
            return patches.error("fold", self);
        };
        let counts = patches.counts([height, width]);
        let Some(counts) = counts.filter(|n| n[0] * n[1] == windows && rows % size == 0) else {
            return patches.error("fold", self);
        };
        let channels = rows / size;
        let [top, left] = patches.padding;
        let plane = (height + 2 * top) * (width + 2 * left);
        let places = patches.places([height, width], counts).reshape([size * windows, 1]);
        let updates = self.reshape([batch * channels, size * windows]).transpose(&[1, 0]);
        let zeros = Tensor::full(self.dtype(), [plane, batch * channels], 0.0);
        let summed = zeros.scatter(&places, &updates, Combining::Add).transpose(&[1, 0]);
        summed
            .reshape([batch, channels, height + 2 * top, width + 2 * left])
            .slice_axis(2, top as isize..(top + height) as isize)
            .slice_axis(3, left as isize..(left + width) as isize)
    }
}
