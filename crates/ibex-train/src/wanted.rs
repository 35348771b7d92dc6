//! What a model wants of its data, as far as its layers and its losses say so.

use ibex_nn::PartialShape;

use crate::data::source::{LabelForm, Wanted};
use crate::error::Result;
use crate::model::Model;

impl Model {
    /// What the first input and the first output want.
    ///
    /// # Errors
    /// If the losses do not fit the outputs.
    pub fn wanted(&self) -> Result<Wanted> {
        let shape = self.functional().inputs().first().map(|input| {
            let PartialShape(dims) = input.shape();
            dims.iter().skip(1).copied().collect()
        });
        let words = self.layers().iter().find_map(|layer| {
            let layer = layer.layer();
            let is_lookup = layer.class_name() == "Embedding";
            let words = is_lookup.then(|| layer.config()["input_dim"].as_u64())??;
            usize::try_from(words).ok()
        });
        let types = self.functional().output_types();
        let takes_integers = match self.compile_config() {
            Some(config) => {
                let names = self.functional().names_for_judging();
                let losses = config.losses_for(&names, &types, &types)?;
                losses
                    .first()
                    .is_some_and(|loss| loss.as_ref().is_some_and(|loss| loss.takes_integers()))
            }
            None => false,
        };
        let labels = match types.first().and_then(|ty| ty.shape.dim(-1)) {
            Some(1) => LabelForm::Bit,
            _ if takes_integers => LabelForm::Index,
            _ => LabelForm::OneHot,
        };
        Ok(Wanted { shape, words, labels })
    }
}
