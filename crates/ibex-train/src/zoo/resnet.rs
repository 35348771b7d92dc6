//! ResNet-18, -34 and -50: He et al., "Deep residual learning for image recognition", 2015.
//!
//! As in torchvision: the 3×3 convolution of a bottleneck has the strides.

use ibex_nn::LayerExt;
use ibex_nn::layers::{Add, Dense, GlobalAveragePooling2D, Input, MaxPooling2D, ReLU};
use ibex_nn::models::SymbolicTensor;

use super::Ends;
use super::blocks::{convolution, normalized, padded};

/// A residual network of four stages of so many blocks.
pub(super) fn build(extent: usize, blocks: [usize; 4], bottleneck: bool) -> Ends {
    let input = Input::new([extent, extent, 3]).tensor();
    let x = convolution(&input, "conv1", [64, 7, 2, 3], false);
    let x = ReLU::new().call(normalized(&x, "bn1"));
    let mut x = MaxPooling2D::new(3).strides(2).call(padded(&x, 1));
    let expansion = if bottleneck { 4 } else { 1 };
    let mut channels = 64;
    for (stage, count) in blocks.into_iter().enumerate() {
        let filters = 64 << stage;
        for index in 0..count {
            let strides = if stage > 0 && index == 0 { 2 } else { 1 };
            let name = format!("layer{}.{index}", stage + 1);
            let branch = match bottleneck {
                true => narrow(&x, &name, filters, strides),
                false => basic(&x, &name, filters, strides),
            };
            let changes = strides > 1 || channels != filters * expansion;
            channels = filters * expansion;
            let shortcut = match changes {
                true => {
                    let options = [channels, 1, strides, 0];
                    let y = convolution(&x, &format!("{name}.downsample.0"), options, false);
                    normalized(&y, &format!("{name}.downsample.1"))
                }
                false => x,
            };
            x = ReLU::new().call(Add::default().call([&branch, &shortcut]));
        }
    }
    let pooled = GlobalAveragePooling2D::new().call(&x);
    (input, Dense::new(1000).name("fc").call(&pooled))
}

fn step(x: &SymbolicTensor, name: &str, index: usize, options: [usize; 4]) -> SymbolicTensor {
    let x = convolution(x, &format!("{name}.conv{index}"), options, false);
    normalized(&x, &format!("{name}.bn{index}"))
}

fn basic(x: &SymbolicTensor, name: &str, filters: usize, strides: usize) -> SymbolicTensor {
    let x = ReLU::new().call(step(x, name, 1, [filters, 3, strides, 1]));
    step(&x, name, 2, [filters, 3, 1, 1])
}

fn narrow(x: &SymbolicTensor, name: &str, filters: usize, strides: usize) -> SymbolicTensor {
    let x = ReLU::new().call(step(x, name, 1, [filters, 1, 1, 0]));
    let x = ReLU::new().call(step(&x, name, 2, [filters, 3, strides, 1]));
    step(&x, name, 3, [filters * 4, 1, 1, 0])
}
