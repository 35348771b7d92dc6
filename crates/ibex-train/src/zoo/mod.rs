//! Architectures whose weights come from elsewhere: those of torchvision and timm, built as there.
//!
//! Paddings, strides and epsilons are PyTorch's, and layers have PyTorch's names, so that a state
//! dictionary fits by name; the models of `keras.applications` of the same names differ from them
//! and come in `.keras` files.
//! One file for each family, one row of [`ARCHITECTURES`] for each member.
//! It must not know files, nor where weights are.

mod blocks;
mod mobilenet_v2;
mod resnet;
mod resnet_cifar;
mod squeezenet;
mod vgg;

use ibex_nn::models::{Functional, ModelError, SymbolicTensor};

use crate::error::Result;
use crate::model::Model;

/// Inputs and outputs of a model that is being built.
type Ends = (SymbolicTensor, SymbolicTensor);

/// An architecture: its name, what it is, and how it is built.
#[derive(Debug)]
pub struct Architecture {
    /// The name in torchvision, or a descriptive one.
    pub name: &'static str,
    /// One line: what goes in and what comes out.
    pub summary: &'static str,
    build: fn() -> Ends,
}

impl Architecture {
    /// The model with fresh weights; its layers have PyTorch's names.
    ///
    /// # Errors
    /// None that a caller can cause: a mistake in the description itself.
    pub fn build(&self) -> Result<Model> {
        let functional = || -> std::result::Result<Functional, ModelError> {
            let (input, output) = (self.build)();
            Ok(Functional::new(vec![input], vec![output])?.name(self.name))
        };
        Model::from_functional(functional()?)
    }
}

const fn row(name: &'static str, summary: &'static str, build: fn() -> Ends) -> Architecture {
    Architecture { name, summary, build }
}

const IMAGES: &str = "images (224, 224, 3) as torchvision normalises them, to 1000 logits";
const SMALL: &str = "images (32, 32, 3) as torchvision normalises them, to 10 logits";

/// Every architecture.
pub const ARCHITECTURES: &[Architecture] = &[
    row("mobilenet_v2", IMAGES, mobilenet_v2::build),
    row("resnet18", IMAGES, || resnet::build([2, 2, 2, 2], false)),
    row("resnet20_cifar10", SMALL, || resnet_cifar::build(3)),
    row("resnet34", IMAGES, || resnet::build([3, 4, 6, 3], false)),
    row("resnet50", IMAGES, || resnet::build([3, 4, 6, 3], true)),
    row("resnet56_cifar10", SMALL, || resnet_cifar::build(9)),
    row("squeezenet1_0", IMAGES, || squeezenet::build(false)),
    row("squeezenet1_1", IMAGES, || squeezenet::build(true)),
    row("vgg11", IMAGES, || vgg::build([1, 1, 2, 2, 2], false)),
    row("vgg11_bn", IMAGES, || vgg::build([1, 1, 2, 2, 2], true)),
    row("vgg13", IMAGES, || vgg::build([2, 2, 2, 2, 2], false)),
    row("vgg13_bn", IMAGES, || vgg::build([2, 2, 2, 2, 2], true)),
    row("vgg16", IMAGES, || vgg::build([2, 2, 3, 3, 3], false)),
    row("vgg16_bn", IMAGES, || vgg::build([2, 2, 3, 3, 3], true)),
    row("vgg19", IMAGES, || vgg::build([2, 2, 4, 4, 4], false)),
    row("vgg19_bn", IMAGES, || vgg::build([2, 2, 4, 4, 4], true)),
];

/// The architecture of that name.
///
/// ```
/// let model = ibex_train::zoo::find("resnet20_cifar10").unwrap().build()?;
/// assert_eq!(model.weights().iter().map(|w| w.spec().shape.size()).sum::<usize>(), 271_098);
/// # Ok::<(), ibex_train::Error>(())
/// ```
pub fn find(name: &str) -> Option<&'static Architecture> {
    ARCHITECTURES.iter().find(|architecture| architecture.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_once_and_in_order() {
        let names: Vec<&str> = ARCHITECTURES.iter().map(|row| row.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}
