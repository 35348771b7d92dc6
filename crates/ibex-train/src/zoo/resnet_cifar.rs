//! The residual networks for CIFAR-10 of the same paper, section 4.2, with shortcuts of option A:
//! every second pixel, and zeros for the channels that are missing.

use ibex_nn::LayerExt;
use ibex_nn::layers::{
    Add, Dense, GlobalAveragePooling2D, Input, MaxPooling2D, Permute, ReLU, ZeroPadding2D,
};
use ibex_nn::models::SymbolicTensor;

use super::Ends;
use super::blocks::{convolution, normalized};

/// A network of three stages of so many blocks.
pub(super) fn build(extent: usize, blocks: usize) -> Ends {
    let input = Input::new([extent, extent, 3]).tensor();
    let x = convolution(&input, "conv1", [16, 3, 1, 1], false);
    let mut x = ReLU::new().call(normalized(&x, "bn1"));
    for stage in 0..3 {
        let filters = 16 << stage;
        for index in 0..blocks {
            let strides = if stage > 0 && index == 0 { 2 } else { 1 };
            let name = format!("layer{}.{index}", stage + 1);
            let y = convolution(&x, &format!("{name}.conv1"), [filters, 3, strides, 1], false);
            let y = ReLU::new().call(normalized(&y, &format!("{name}.bn1")));
            let y = convolution(&y, &format!("{name}.conv2"), [filters, 3, 1, 1], false);
            let y = normalized(&y, &format!("{name}.bn2"));
            let shortcut = if strides == 2 { shortened(&x, filters / 4) } else { x };
            x = ReLU::new().call(Add::default().call([&y, &shortcut]));
        }
    }
    let pooled = GlobalAveragePooling2D::new().call(&x);
    (input, Dense::new(10).name("linear").call(&pooled))
}

/// Every second pixel, with channels of zeros on both sides.
fn shortened(x: &SymbolicTensor, zeros: usize) -> SymbolicTensor {
    let pixels = MaxPooling2D::new(1).strides(2).call(x);
    let columns = Permute::new([1, 3, 2]).call(&pixels);
    let padded = ZeroPadding2D::new([[0, 0], [zeros, zeros]]).call(&columns);
    Permute::new([1, 3, 2]).call(&padded)
}
