//! Reading models and weights from files.
//!
//! Nothing is assigned before everything in the file has been found to fit.

use std::path::Path;

use ibex_format::error::Problem;
use ibex_format::{FormatError, Hdf5Group, KerasArchive, hdf5};
use ibex_graph::Array;
use ibex_nn::models::Functional;
use ibex_nn::saving::model_from_config;
use ibex_nn::{ConfigError, WeightSpec};
use serde_json::Value;

use super::weights::{self, Mismatch};
use super::{OPTIMIZER, assets, compile_config};
use crate::error::Result;
use crate::model::Model;

impl Model {
    /// Reads a `.keras` file: the model with its weights, compiled as it was saved, its optimizer
    /// where it stopped.
    ///
    /// As in Keras, an optimizer whose variables in the file are not those that it has starts
    /// afresh: models that were saved before any training hold none.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, names something that is not known (the text says
    /// how to register it), or lacks weights.
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        let archive = KerasArchive::read(path)?;
        Model::from_archive(&archive, true).map_err(|error| in_file(error, path))
    }

    /// Reads a `.keras` file without its compile configuration, as `load_model(compile=False)`.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_uncompiled(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        let archive = KerasArchive::read(path)?;
        Model::from_archive(&archive, false).map_err(|error| in_file(error, path))
    }

    /// The model that an archive holds, compiled if `compile` and the archive say so.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_archive(archive: &KerasArchive, compile: bool) -> Result<Model> {
        let mut model = Model::without_weights(functional(&assets::filled_config(archive)?)?)?;
        // What the configuration claims must be there before memory is taken for it.
        weights::check(&model.instance, &archive.weights).map_err(in_weights)?;
        for (_, layer) in model.instance.children() {
            let mut zeros = |spec: &WeightSpec| Array::zeros(spec.dtype, &spec.shape);
            layer.materialize_with(layer.name(), &mut zeros);
        }
        if compile {
            model.compile_as_saved(&archive.config)?;
        }
        model.read_weights(&archive.weights, Mismatch::Refuse).map_err(in_weights)?;
        Ok(model)
    }

    /// The model of a `config.json`, with fresh weights.
    ///
    /// # Errors
    /// If it names something that is not known, or has another form.
    pub fn from_json(config: &Value, compile: bool) -> Result<Model> {
        let mut model = Model::from_functional(functional(config)?)?;
        if compile {
            model.compile_as_saved(config)?;
        }
        Ok(model)
    }

    /// Compiles as the `config.json` of a file says, if it does.
    fn compile_as_saved(&mut self, config: &Value) -> Result<()> {
        let saved = config.get("compile_config").unwrap_or(&Value::Null);
        let outputs = self.functional.output_structure().unpacked();
        let read = compile_config::from_json(saved, outputs).map_err(|error| {
            let help = "`Model::load_uncompiled` loads the model without it";
            let error = if error.help.is_empty() { error.help(help) } else { error };
            unsupported(error).in_member("compile_config").in_member("config.json")
        })?;
        if let Some(read) = read {
            self.compile(read)?;
            if let Some(compiled) = &mut self.compiled {
                compiled.begun = true;
            }
        }
        Ok(())
    }

    /// Reads weights, and the optimizer's state if it fits, from a `.weights.h5` or `.keras` file.
    ///
    /// Nothing is changed when there is an error.
    ///
    /// # Errors
    /// If the file cannot be read, or its weights are not those of the model: the text names the
    /// layer, the weight and both shapes.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.load_weights_with(path, Mismatch::Refuse).map(|_| ())
    }

    /// As [`Model::load_weights`]; gives the names of the layers that kept the weights they had.
    ///
    /// # Errors
    /// If the file cannot be read; with [`Mismatch::Refuse`], if its weights do not fit.
    pub fn load_weights_with(
        &mut self,
        path: impl AsRef<Path>,
        mismatch: Mismatch,
    ) -> Result<Vec<String>> {
        let path = path.as_ref();
        if path.to_string_lossy().ends_with(".keras") {
            let archive = KerasArchive::read(path)?;
            let read = self.read_weights(&archive.weights, mismatch).map_err(in_weights);
            return read.map_err(|error| in_file(error, path));
        }
        let tree = hdf5::read(path)?;
        self.read_weights(&tree, mismatch).map_err(|error| in_file(error, path))
    }

    fn read_weights(&mut self, tree: &Hdf5Group, mismatch: Mismatch) -> Result<Vec<String>> {
        let assignments = weights::read(&self.instance, tree, mismatch)?;
        let optimizer = match (&self.compiled, weights::read_group(tree, OPTIMIZER)) {
            (Some(compiled), Some(arrays)) => {
                weights::paired(&compiled.optimizer.variables(), &arrays)?
            }
            _ => None,
        };
        if let Some(optimizer) = optimizer {
            optimizer.carry_out()?;
        }
        assignments.carry_out()
    }
}

/// The layers that a `config.json` describes.
pub(super) fn functional(config: &Value) -> Result<Functional> {
    let in_config = |error: ConfigError| unsupported(error).in_member("config.json");
    Ok(Functional::clone(&*model_from_config(config).map_err(in_config)?))
}

/// An unknown or unfitting part of a configuration, as an error about a file.
pub(super) fn unsupported(error: ConfigError) -> FormatError {
    let ConfigError { what, expected, received, help } = error;
    let some = |text: String| (!text.is_empty()).then_some(text);
    let problem = Problem {
        what,
        expected: some(expected),
        received: some(received),
        location: Default::default(),
        help: some(help),
    };
    problem.unsupported()
}

fn in_weights(error: crate::Error) -> crate::Error {
    match error {
        crate::Error::Format(error) => error.in_member("model.weights.h5").into(),
        other => other,
    }
}

pub(super) fn in_file(error: crate::Error, path: &Path) -> crate::Error {
    match error {
        crate::Error::Format(error) => error.in_file(path).into(),
        other => other,
    }
}
