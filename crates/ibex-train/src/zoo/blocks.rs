//! Layers with the options that PyTorch gives them.

use ibex_nn::LayerExt;
use ibex_nn::layers::{BatchNormalization, Conv2D, DepthwiseConv2D, ZeroPadding2D};
use ibex_nn::models::SymbolicTensor;

/// The epsilon of normalisations in PyTorch.
const EPSILON: f64 = 1e-5;

/// How much of the old statistics PyTorch keeps: its momentum of 0.1 is the rest.
const MOMENTUM: f64 = 0.9;

/// Zeros on every side, as PyTorch pads.
pub(super) fn padded(x: &SymbolicTensor, by: usize) -> SymbolicTensor {
    if by == 0 { x.clone() } else { ZeroPadding2D::new(by).call(x) }
}

/// A convolution: filters, kernel size, strides and padding as `nn.Conv2d` takes them.
pub(super) fn convolution(
    x: &SymbolicTensor,
    name: &str,
    [filters, size, strides, padding]: [usize; 4],
    use_bias: bool,
) -> SymbolicTensor {
    let layer = Conv2D::new(filters, size).strides(strides).use_bias(use_bias).name(name);
    layer.call(padded(x, padding))
}

/// A convolution of each channel by itself, without a bias.
pub(super) fn depthwise(x: &SymbolicTensor, name: &str, strides: usize) -> SymbolicTensor {
    DepthwiseConv2D::new(3).strides(strides).use_bias(false).name(name).call(padded(x, 1))
}

/// A normalisation by the statistics of the batch.
pub(super) fn normalized(x: &SymbolicTensor, name: &str) -> SymbolicTensor {
    BatchNormalization::new().epsilon(EPSILON).momentum(MOMENTUM).name(name).call(x)
}
