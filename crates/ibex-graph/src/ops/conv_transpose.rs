//! Convolutions composed of [`super::conv`]: of each channel by itself, and transposed.

use crate::Tensor;
use crate::ops::conv::{Convolution, ConvolutionInputGradient};
use crate::ops::window::Padding;

impl Tensor {
    /// The convolution of each channel by itself: `kernel` `(*k, C, M)` gives `(N, *out, C · M)`.
    ///
    /// `keras.ops.depthwise_conv`.
    #[track_caller]
    pub fn depthwise_convolution(
        &self,
        kernel: &Tensor,
        strides: &[usize],
        padding: Padding,
        dilation: &[usize],
    ) -> Tensor {
        let mut dims = kernel.shape().to_vec();
        let channels = kernel.dim(-2);
        if let [.., c, filters] = dims.as_mut_slice() {
            (*c, *filters) = (1, *c * *filters);
        }
        self.convolution(&kernel.reshape(dims), strides, padding, dilation, channels)
    }

    /// The transposed convolution of this tensor `(N, *spatial, F)` with `kernel` `(*k, C, F)`:
    /// `(N, *out, C)`, the shape of an input from which a convolution would give this tensor.
    ///
    /// That shape is not unique under strides: `output_padding` chooses it as Keras does, and
    /// `None` gives `spatial · stride` elements for [`Padding::Same`].
    /// `keras.ops.conv_transpose`.
    #[track_caller]
    pub fn convolution_transpose(
        &self,
        kernel: &Tensor,
        strides: &[usize],
        padding: Padding,
        output_padding: Option<&[usize]>,
        dilation: &[usize],
    ) -> Tensor {
        let at = |values: &[usize], axis: usize| values.get(axis).copied().unwrap_or(1);
        let mut dims = vec![self.dim(0)];
        let mut explicit = Vec::with_capacity(strides.len());
        for axis in 0..strides.len() {
            let (extent, stride) = (self.dim(axis as isize + 1), strides[axis]);
            let taps = at(kernel.shape(), axis).saturating_sub(1);
            let span = taps.saturating_mul(at(dilation, axis)).saturating_add(1);
            let extra = output_padding.map(|extra| at(extra, axis));
            let (low, high) = transposed_padding(padding, span, stride, extra);
            let grown = extent.saturating_sub(1).saturating_mul(stride);
            let padded = grown.saturating_add(low).saturating_add(high).saturating_add(2);
            dims.push(padded.saturating_sub(span));
            explicit.push(((span - 1).saturating_sub(low), (span - 1).saturating_sub(high)));
        }
        dims.push(kernel.dim(-2));
        let (strides, dilation) = (strides.to_vec(), dilation.to_vec());
        let convolution = Convolution { strides, padding: explicit, dilation, groups: 1 };
        let op = ConvolutionInputGradient { convolution, input_shape: dims.into() };
        Tensor::apply(op, &[self, kernel])
    }
}

/// Zeros around the input of a transposed convolution, seen as a convolution of the input with
/// `stride - 1` zeros between its elements, for a kernel of `span` elements; Keras's rule.
fn transposed_padding(
    padding: Padding,
    span: usize,
    stride: usize,
    extra: Option<usize>,
) -> (usize, usize) {
    if padding != Padding::Same {
        let extra = extra.unwrap_or(stride.saturating_sub(span));
        return (span - 1, span - 1 + extra);
    }
    let total = match extra {
        None => (stride + span).saturating_sub(2),
        Some(extra) => (span + span % 2 + extra).saturating_sub(2),
    };
    let low = total.div_ceil(2).min(span - 1);
    (low, total - low)
}
