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
    /// Height and width of the images that it was trained on.
    pub extent: usize,
    build: fn(usize) -> Ends,
}

impl Architecture {
    /// The model with fresh weights; its layers have PyTorch's names.
    ///
    /// # Errors
    /// None that a caller can cause: a mistake in the description itself.
    pub fn build(&self) -> Result<Model> {
        self.build_for(self.extent)
    }

    /// The model for images of another height and width.
    ///
    /// # Errors
    /// If the images are too small for the network.
    pub fn build_for(&self, extent: usize) -> Result<Model> {
        Model::from_functional(self.functional(extent)?)
    }

    fn functional(&self, extent: usize) -> Result<Functional, ModelError> {
        let (input, output) = (self.build)(extent);
        Ok(Functional::new(vec![input], vec![output])?.name(self.name))
    }
}

/// A network for ImageNet.
const fn large(name: &'static str, build: fn(usize) -> Ends) -> Architecture {
    let summary = "images as torchvision normalises them, to 1000 logits";
    Architecture { name, summary, extent: 224, build }
}

/// A network for CIFAR-10.
const fn small(name: &'static str, build: fn(usize) -> Ends) -> Architecture {
    let summary = "images as torchvision normalises them, to 10 logits";
    Architecture { name, summary, extent: 32, build }
}

/// Every architecture.
pub const ARCHITECTURES: &[Architecture] = &[
    large("mobilenet_v2", mobilenet_v2::build),
    large("resnet18", |n| resnet::build(n, [2, 2, 2, 2], false)),
    small("resnet20_cifar10", |n| resnet_cifar::build(n, 3)),
    large("resnet34", |n| resnet::build(n, [3, 4, 6, 3], false)),
    large("resnet50", |n| resnet::build(n, [3, 4, 6, 3], true)),
    small("resnet56_cifar10", |n| resnet_cifar::build(n, 9)),
    large("squeezenet1_0", |n| squeezenet::build(n, false)),
    large("squeezenet1_1", |n| squeezenet::build(n, true)),
    large("vgg11", |n| vgg::build(n, [1, 1, 2, 2, 2], false)),
    large("vgg11_bn", |n| vgg::build(n, [1, 1, 2, 2, 2], true)),
    large("vgg13", |n| vgg::build(n, [2, 2, 2, 2, 2], false)),
    large("vgg13_bn", |n| vgg::build(n, [2, 2, 2, 2, 2], true)),
    large("vgg16", |n| vgg::build(n, [2, 2, 3, 3, 3], false)),
    large("vgg16_bn", |n| vgg::build(n, [2, 2, 3, 3, 3], true)),
    large("vgg19", |n| vgg::build(n, [2, 2, 4, 4, 4], false)),
    large("vgg19_bn", |n| vgg::build(n, [2, 2, 4, 4, 4], true)),
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

    /// The layers have the names and, up to the order of axes, the shapes of torchvision.
    #[test]
    fn the_weights_are_those_of_torchvision() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/goldens/torch/shapes.json");
        let golden = ibex_format::json::parse(&std::fs::read(folder).unwrap()).unwrap();
        for (name, shapes) in golden.as_object().unwrap() {
            let shapes = shapes.as_object().unwrap();
            let functional = find(name).unwrap().functional(224).unwrap();
            let weights = functional.layers().iter().flat_map(|layer| {
                layer.weights().iter().map(move |weight| (layer.name(), weight.spec()))
            });
            let mut count = 0;
            for (layer, spec) in weights {
                let role = match spec.name.as_str() {
                    "kernel" | "gamma" => "weight",
                    "beta" => "bias",
                    "moving_mean" => "running_mean",
                    "moving_variance" => "running_var",
                    other => other,
                };
                let shape = shapes[&format!("{layer}.{role}")].as_array().unwrap();
                let mut shape: Vec<u64> = shape.iter().map(|n| n.as_u64().unwrap()).collect();
                let mut own: Vec<u64> = spec.shape.iter().map(|&n| n as u64).collect();
                own.sort_unstable();
                shape.sort_unstable();
                assert_eq!(own, shape, "{name} {layer} {role}");
                count += 1;
            }
            assert_eq!(count, shapes.len(), "{name}");
        }
        let covered = |row: &&Architecture| row.extent == 32 || golden.get(row.name).is_some();
        assert!(ARCHITECTURES.iter().all(|row| covered(&row)));
    }

    #[test]
    fn names_are_there_once_and_in_order() {
        let names: Vec<&str> = ARCHITECTURES.iter().map(|row| row.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}
