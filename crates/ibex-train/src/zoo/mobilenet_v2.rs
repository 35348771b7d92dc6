//! MobileNetV2: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018.

use ibex_nn::LayerExt;
use ibex_nn::layers::{Add, Dense, Dropout, GlobalAveragePooling2D, Input, ReLU};
use ibex_nn::models::SymbolicTensor;

use super::Ends;
use super::blocks::{convolution, depthwise, normalized};

/// Expansion, channels, blocks and strides of each stage: table 2 of the paper.
const STAGES: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];

/// The network.
pub(super) fn build(extent: usize) -> Ends {
    let input = Input::new([extent, extent, 3]).tensor();
    let x = convolution(&input, "features.0.0", [32, 3, 2, 1], false);
    let mut x = relu6(&normalized(&x, "features.0.1"));
    let (mut channels, mut place) = (32, 1);
    for [expansion, filters, count, strides] in STAGES {
        for index in 0..count {
            let strides = if index == 0 { strides } else { 1 };
            let name = format!("features.{place}.conv");
            let y = inverted(&x, &name, [channels, expansion, filters, strides]);
            x = match strides == 1 && channels == filters {
                true => Add::default().call([&x, &y]),
                false => y,
            };
            channels = filters;
            place += 1;
        }
    }
    let x = convolution(&x, "features.18.0", [1280, 1, 1, 0], false);
    let x = relu6(&normalized(&x, "features.18.1"));
    let x = Dropout::new(0.2).call(GlobalAveragePooling2D::new().call(&x));
    (input, Dense::new(1000).name("classifier.1").call(&x))
}

fn inverted(
    x: &SymbolicTensor,
    name: &str,
    [channels, expansion, filters, strides]: [usize; 4],
) -> SymbolicTensor {
    let mut x = x.clone();
    let mut place = 0;
    if expansion > 1 {
        x = convolution(&x, &format!("{name}.0.0"), [channels * expansion, 1, 1, 0], false);
        x = relu6(&normalized(&x, &format!("{name}.0.1")));
        place = 1;
    }
    x = depthwise(&x, &format!("{name}.{place}.0"), strides);
    x = relu6(&normalized(&x, &format!("{name}.{place}.1")));
    x = convolution(&x, &format!("{name}.{}", place + 1), [filters, 1, 1, 0], false);
    normalized(&x, &format!("{name}.{}", place + 2))
}

fn relu6(x: &SymbolicTensor) -> SymbolicTensor {
    ReLU::new().max_value(6.0).call(x)
}
