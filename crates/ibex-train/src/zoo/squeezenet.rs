//! SqueezeNet 1.0 and 1.1: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer
//! parameters", 2016.

use ibex_nn::LayerExt;
use ibex_nn::layers::{
    Concatenate, Dropout, GlobalAveragePooling2D, Input, MaxPooling2D, ReLU, ZeroPadding2D,
};
use ibex_nn::models::SymbolicTensor;

use super::Ends;
use super::blocks::convolution;

/// The network, of version 1.0 or of the smaller version 1.1.
pub(super) fn build(extent: usize, is_smaller: bool) -> Ends {
    let input = Input::new([extent, extent, 3]).tensor();
    let first = if is_smaller { [64, 3, 2, 0] } else { [96, 7, 2, 0] };
    let mut x = relu(&convolution(&input, "features.0", first, true));
    // The places of the poolings, and the channels of the fire modules between them.
    let (pools, fires) = match is_smaller {
        true => ([2, 5, 8], [3, 4, 6, 7, 9, 10, 11, 12]),
        false => ([2, 6, 11], [3, 4, 5, 7, 8, 9, 10, 12]),
    };
    let channels = [16, 16, 32, 32, 48, 48, 64, 64];
    for place in 2..=12 {
        if pools.contains(&place) {
            x = pooled(&x);
        } else if let Some(at) = fires.iter().position(|&fire| fire == place) {
            x = fire(&x, &format!("features.{place}"), channels[at]);
        }
    }
    let x = Dropout::new(0.5).call(&x);
    let x = relu(&convolution(&x, "classifier.1", [1000, 1, 1, 0], true));
    (input, GlobalAveragePooling2D::new().call(&x))
}

fn fire(x: &SymbolicTensor, name: &str, squeezed: usize) -> SymbolicTensor {
    let x = relu(&convolution(x, &format!("{name}.squeeze"), [squeezed, 1, 1, 0], true));
    let wide = 4 * squeezed;
    let one = relu(&convolution(&x, &format!("{name}.expand1x1"), [wide, 1, 1, 0], true));
    let three = relu(&convolution(&x, &format!("{name}.expand3x3"), [wide, 3, 1, 1], true));
    Concatenate::new(-1).call([&one, &three])
}

/// A pooling whose last window may reach beyond the picture; zeros there change nothing behind an
/// activation that has no negative numbers.
fn pooled(x: &SymbolicTensor) -> SymbolicTensor {
    let surplus = |axis| x.shape().dim(axis).map_or(0, |extent| (extent + 1) % 2);
    let padding = [[0, surplus(1)], [0, surplus(2)]];
    let x = if padding == [[0, 0]; 2] { x.clone() } else { ZeroPadding2D::new(padding).call(x) };
    MaxPooling2D::new(3).strides(2).call(&x)
}

fn relu(x: &SymbolicTensor) -> SymbolicTensor {
    ReLU::new().call(x)
}
