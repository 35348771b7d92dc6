//! Weights by name into models, and out of them: from PyTorch, `safetensors`, `.npz`.
//!
//! A layer and a group of arrays belong together when their names agree, or else when they come
//! in the same order and their shapes agree after what the layer's row in `roles` says about
//! axes, gates and biases.
//! It must not know file formats.
//!
//! Read in this order: this file, `roles` (one row for each class of layers), `layout` (axes and
//! gates), `source` (arrays in groups), `units` (layers in order), `matching`, `report`.

mod layout;
mod matching;
mod report;
mod roles;
mod source;
mod units;

use ibex_format::NamedArrays;
use ibex_format::error::Problem;

use crate::arrays::{from_raw, lent};
use crate::error::Result;
use crate::model::Model;
use crate::saving::Mismatch;

pub use report::{Match, Reason, TransferReport};

/// How weights are named and laid out outside a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As in Keras: `conv1/kernel`, channels last.
    Keras,
    /// As in PyTorch: `conv1.weight`, output channels first.
    Torch,
}

impl Model {
    /// Takes weights by name, from PyTorch or Keras, and says what belonged to what.
    ///
    /// Kernels are transposed, gates reordered, the two biases of recurrent layers joined, and
    /// the rows of a dense layer behind a flattened picture brought into the order of channels
    /// last.
    /// Nothing is changed when there is an error.
    ///
    /// # Errors
    /// With [`Mismatch::Refuse`], when a layer finds no arrays that fit; with [`Mismatch::Skip`],
    /// when no layer does.
    pub fn load_tensors(
        &mut self,
        tensors: &NamedArrays,
        mismatch: Mismatch,
    ) -> Result<TransferReport> {
        let units = units::of(self);
        let source = source::Source::of(tensors);
        let paired = matching::pair(&units, &source);
        let report = report::TransferReport::of(&units, &source, &paired);
        let none = report.matches.is_empty() && !units.is_empty();
        if none || mismatch == Mismatch::Refuse && !report.unmatched.is_empty() {
            return Err(report.error().into());
        }
        let mut values = Vec::new();
        for pair in &paired {
            let unit = &units[pair.unit];
            for (weight, array) in unit.weights.iter().zip(&pair.arrays) {
                values.push((&weight.variable, from_raw(array)?.cast(weight.variable.dtype())));
            }
        }
        for (variable, value) in values {
            variable.set(&value)?;
        }
        Ok(report)
    }

    /// The weights by name, in the model's order.
    ///
    /// # Errors
    /// With [`Layout::Torch`], for a layer that PyTorch has no layout for; it is named.
    pub fn tensors(&self, layout: Layout) -> Result<NamedArrays> {
        let mut arrays = Vec::new();
        for unit in units::of(self) {
            for (index, weight) in unit.weights.iter().enumerate() {
                let raw = lent(&weight.variable)?;
                match layout {
                    Layout::Keras => arrays.push((format!("{}/{}", unit.path, weight.name), raw)),
                    Layout::Torch => {
                        let named = unit.to_torch(index, &raw).ok_or_else(|| no_layout(&unit))?;
                        arrays.extend(named);
                    }
                }
            }
        }
        Ok(NamedArrays::new(arrays)?)
    }
}

fn no_layout(unit: &units::Unit) -> ibex_format::FormatError {
    Problem::new(format!("layer `{}` has no counterpart in PyTorch", unit.path))
        .expected("dense, convolution, normalisation, embedding and recurrent layers")
        .received(unit.class.clone())
        .help("write the weights in the layout of Keras")
        .unsupported()
}
