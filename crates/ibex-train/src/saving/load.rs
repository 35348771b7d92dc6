//! Reading models and weights from files.
//!
//! Nothing is assigned before everything in the file has been found to fit.

use std::path::Path;

use ibex_format::error::Problem;
use ibex_format::{FormatError, Hdf5Group, KerasArchive, KerasReader};
use ibex_graph::Array;
use ibex_nn::models::Functional;
use ibex_nn::policy::DTypePolicy;
use ibex_nn::saving::model_from_config;
use ibex_nn::{ConfigError, Layer, WeightSpec};
use serde_json::Value;

use super::legacy::{self, Pairing};
use super::source::{self, Source};
use super::weights::{self, Mismatch};
use super::{OPTIMIZER, assets, compile_config};
use crate::error::Result;
use crate::model::Model;

impl Model {
    /// Reads a model: layers with their weights, compiled as it was saved, its optimizer where it
    /// stopped.
    ///
    /// The file is a `.keras` archive or folder, or an `.h5` file of Keras 1, 2 or 3; what it is
    /// called does not matter.
    /// A configuration alone (`config.json`, `model.to_json()`) gives a model with fresh weights.
    ///
    /// As in Keras, an optimizer whose variables in the file are not those that it has starts
    /// afresh: models that were saved before any training hold none.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, names something that is not known (the text says
    /// how to register it), or lacks weights.
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        Model::open(path.as_ref(), true)
    }

    /// Reads a model without its compile configuration, as `load_model(compile=False)`.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_uncompiled(path: impl AsRef<Path>) -> Result<Model> {
        Model::open(path.as_ref(), false)
    }

    fn open(path: &Path, compile: bool) -> Result<Model> {
        let model = match Source::open(path)? {
            Source::Archive(reader) => Model::from_reader(*reader, compile),
            Source::Hdf5(tree) => Model::from_legacy(&tree, compile),
            Source::Config(config) => Model::from_json(&config, compile),
            Source::Shards(_) => Err(source::weights_alone(path).into()),
        };
        model.map_err(|error| in_file(error, path))
    }

    /// Makes the layers while the weights are read, unless weights belong to a vocabulary.
    fn from_reader(reader: KerasReader, compile: bool) -> Result<Model> {
        let layers = |rest: &KerasArchive| rest.assets.is_empty().then(|| functional(&rest.config));
        match reader.read_during(layers)? {
            (archive, Some(layers)) => Model::of_layers(layers?, &archive, compile),
            (archive, None) => Model::from_archive(&archive, compile),
        }
    }

    /// The model that an archive holds, compiled if `compile` and the archive say so.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_archive(archive: &KerasArchive, compile: bool) -> Result<Model> {
        let layers = functional(&assets::filled_config(archive)?)?;
        Model::of_layers(layers, archive, compile)
    }

    /// The layers of an archive with its weights.
    fn of_layers(mut layers: Functional, archive: &KerasArchive, compile: bool) -> Result<Model> {
        if compile && has_added_loss_scale(archive) {
            layers.base_mut().dtype = DTypePolicy::MIXED_FLOAT16;
        }
        let mut model = Model::without_weights(layers)?;
        // What the configuration claims must be there before memory is taken for it.
        weights::check(&model.instance, &archive.weights).map_err(in_weights)?;
        model.materialize_zeros();
        if compile {
            model.compile_as_saved(&archive.config)?;
        }
        model.read_weights(&archive.weights, Mismatch::Refuse).map_err(in_weights)?;
        Ok(model)
    }

    /// The model of an `.h5` file of the older kind.
    fn from_legacy(tree: &Hdf5Group, compile: bool) -> Result<Model> {
        let config = legacy::config(tree)?;
        let mut model = Model::without_weights(functional(&config)?)?;
        legacy::check(model.layers(), tree)?;
        model.materialize_zeros();
        if compile {
            model.compile_as_saved(&config)?;
        }
        model.read_legacy(tree, Pairing::Order, Mismatch::Refuse)?;
        Ok(model)
    }

    fn materialize_zeros(&self) {
        for (_, layer) in self.instance.children() {
            let mut zeros = |spec: &WeightSpec| Array::zeros(spec.dtype, &spec.shape);
            layer.materialize_with(layer.name(), &mut zeros);
        }
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

    /// Reads weights, and the optimizer's state if it fits.
    ///
    /// The file is a `.weights.h5` or `.keras` file, an index of shards (`.weights.json`), or an
    /// `.h5` file of Keras 1 or 2 with a model or with weights alone.
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
        let read = match Source::open(path)? {
            Source::Archive(reader) => {
                let archive = reader.read().map_err(|error| error.in_file(path))?;
                self.read_weights(&archive.weights, mismatch).map_err(in_weights)
            }
            Source::Hdf5(tree) if legacy::has_weights(&tree) => {
                self.read_legacy(&tree, Pairing::Order, mismatch)
            }
            Source::Hdf5(tree) | Source::Shards(tree) => self.read_weights(&tree, mismatch),
            Source::Config(_) => Err(source::no_weights(path).into()),
        };
        read.map_err(|error| in_file(error, path))
    }

    /// Reads the weights of the layers that have the same names in an `.h5` file of Keras 1 or 2,
    /// or of Keras 3 in that form, as `load_weights(by_name=True)`; others are left as they are.
    ///
    /// Gives the names of the layers that kept theirs because they do not fit.
    ///
    /// # Errors
    /// If the file cannot be read or is of another kind; with [`Mismatch::Refuse`], if the weights
    /// of a layer do not fit.
    pub fn load_weights_by_name(
        &mut self,
        path: impl AsRef<Path>,
        mismatch: Mismatch,
    ) -> Result<Vec<String>> {
        let path = path.as_ref();
        let read = match Source::open(path)? {
            Source::Hdf5(tree) if legacy::has_weights(&tree) => {
                self.read_legacy(&tree, Pairing::Name, mismatch)
            }
            _ => Err(Problem::new("weights are found by name in older files only")
                .expected("an `.h5` file of Keras 2, or of Keras 3 in that form")
                .help("`load_weights` reads this kind of file by the order of the layers")
                .unsupported()
                .into()),
        };
        read.map_err(|error| in_file(error, path))
    }

    fn read_legacy(
        &mut self,
        tree: &Hdf5Group,
        pairing: Pairing,
        mismatch: Mismatch,
    ) -> Result<Vec<String>> {
        let pairs = legacy::pairs(self.layers(), tree, pairing)?;
        let assignments = legacy::read(&pairs, mismatch)?;
        let optimizer = match (&self.compiled, pairing) {
            (Some(compiled), Pairing::Order) => legacy::optimizer(&compiled.optimizer, tree)?,
            _ => None,
        };
        let skipped = assignments.carry_out()?;
        // Slots that begin as copies of weights come after these.
        if let Some(optimizer) = optimizer {
            optimizer.carry_out()?;
        }
        Ok(skipped)
    }

    /// As [`Model::load_weights_with`], from the tree of such a file.
    pub(crate) fn read_weights(
        &mut self,
        tree: &Hdf5Group,
        mismatch: Mismatch,
    ) -> Result<Vec<String>> {
        let assignments = weights::read(&self.instance, tree, mismatch)?;
        let optimizer = match (&self.compiled, weights::read_group(tree, OPTIMIZER)) {
            (Some(compiled), Some(arrays)) => {
                let variables = compiled.optimizer.variables();
                match weights::paired(&variables, &arrays)? {
                    Some(found) => Some(found),
                    // A loss scale that has not been used is not in the file.
                    None if compiled.optimizer.has_loss_scale() => None,
                    // Keras 2 kept the learning rate elsewhere.
                    None => weights::paired(&legacy::without_rate(&variables), &arrays)?,
                }
            }
            _ => None,
        };
        if let Some(optimizer) = optimizer {
            optimizer.carry_out()?;
        }
        assignments.carry_out()
    }
}

/// Whether `compile` had put the optimizer inside a loss scale, which is how one sees the policy
/// of a functional model: its configuration does not have it.
fn has_added_loss_scale(archive: &KerasArchive) -> bool {
    let optimizer = &archive.config["compile_config"]["optimizer"]["class_name"];
    let scaled = archive.weights.group(&format!("{OPTIMIZER}/inner_optimizer")).is_some();
    scaled && optimizer != "LossScaleOptimizer"
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

pub(crate) fn in_file(error: crate::Error, path: &Path) -> crate::Error {
    match error {
        crate::Error::Format(error) => error.in_file(path).into(),
        other => other,
    }
}
