//! VGG-11 to -19, with and without normalisation: Simonyan and Zisserman, "Very deep
//! convolutional networks for large-scale image recognition", 2014.

use ibex_nn::LayerExt;
use ibex_nn::layers::{Dense, Dropout, Flatten, Input, MaxPooling2D, ReLU};

use super::Ends;
use super::blocks::{convolution, normalized};

/// A network of five stages of so many convolutions.
pub(super) fn build(extent: usize, stages: [usize; 5], normalizes: bool) -> Ends {
    let input = Input::new([extent, extent, 3]).tensor();
    let mut x = input.clone();
    // torchvision counts convolutions, normalisations, activations and poolings alike.
    let mut place = 0;
    for (stage, count) in stages.into_iter().enumerate() {
        let filters = (64 << stage).min(512);
        for _ in 0..count {
            x = convolution(&x, &format!("features.{place}"), [filters, 3, 1, 1], true);
            if normalizes {
                x = normalized(&x, &format!("features.{}", place + 1));
            }
            x = ReLU::new().call(&x);
            place += if normalizes { 3 } else { 2 };
        }
        x = MaxPooling2D::new(2).call(&x);
        place += 1;
    }
    x = Flatten::new().call(&x);
    for name in ["classifier.0", "classifier.3"] {
        x = ReLU::new().call(Dense::new(4096).name(name).call(&x));
        x = Dropout::new(0.5).call(&x);
    }
    (input, Dense::new(1000).name("classifier.6").call(&x))
}
