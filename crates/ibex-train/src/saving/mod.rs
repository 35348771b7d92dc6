//! Models as files that Keras reads and writes: `.keras` and `.weights.h5`; older ones are read.
//!
//! Read in this order: this file (what an archive holds), `source` (what a path holds), `load`,
//! `weights` (which array lies where), `compile_config` (optimizer, losses, metrics as JSON),
//! `legacy` and `keras_1` (the `.h5` files of Keras 1, 2 and 3).
//! It must not know how bytes are laid out, nor what layers compute.
//!
//! Files are data: nothing in them is executed, and what they name is looked up in the tables of
//! this library and among what the program has registered.

mod assets;
mod compile_config;
mod keras_1;
mod legacy;
mod load;
mod source;
mod text;
mod weights;

use std::path::Path;

use ibex_format::error::Problem;
use ibex_format::{FormatError, Hdf5Group, KerasArchive, hdf5, sharded};
use ibex_nn::saving::model_config;
use serde_json::{Value, json};

use crate::error::Result;
use crate::model::Model;

pub(crate) use load::in_file;
pub use text::TextLayer;
pub use weights::Mismatch;

/// The version of Keras whose files are written.
const KERAS_VERSION: &str = "3.15.1";

/// The date in every file, that of its members: the same model gives the same bytes on any day.
///
/// Nothing reads it, in Keras neither.
const DATE_SAVED: &str = "1980-01-01@00:00:00";

/// Where a weights file holds the optimizer's variables.
const OPTIMIZER: &str = "optimizer";

impl Model {
    /// Writes the whole model as a `.keras` file: layers, weights, compile configuration and the
    /// state of the optimizer.
    ///
    /// Keras 3 loads it without custom objects, unless layers of one's own are in it.
    /// The file is written whole or not at all.
    ///
    /// # Errors
    /// If the path does not end in `.keras`, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        check_ending(path, ".keras", "save_weights")?;
        Ok(self.to_archive()?.write(path)?)
    }

    /// The model as a `.keras` file holds it.
    ///
    /// # Errors
    /// If a name cannot be one in a file.
    pub fn to_archive(&self) -> Result<KerasArchive> {
        let mut weights = self.weights_tree()?;
        let assets = assets::write(&self.instance, &mut weights)?;
        Ok(KerasArchive {
            metadata: json!({"keras_version": KERAS_VERSION, "date_saved": DATE_SAVED}),
            config: self.to_json(),
            weights,
            assets,
        })
    }

    /// The model as Keras's `config.json`.
    pub fn to_json(&self) -> Value {
        let mut object = model_config(&self.functional);
        object["config"]["trainable"] = json!(self.instance.is_trainable());
        object["compile_config"] = self.compiled.as_ref().map_or(json!({}), |compiled| {
            compile_config::to_json(&compiled.config, &compiled.optimizer, &self.functional)
        });
        object
    }

    /// Writes weights and optimizer state as a `.weights.h5` file, whole or not at all.
    ///
    /// # Errors
    /// If the path does not end in `.weights.h5`, or the file cannot be written.
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        check_ending(path, ".weights.h5", "save")?;
        Ok(hdf5::write(path, self.weights_tree()?)?)
    }

    /// Writes weights and optimizer state as files of at most `max_bytes` bytes of arrays each,
    /// beside an index whose name ends in `.weights.json`, as Keras does with `max_shard_size`.
    ///
    /// # Errors
    /// If the path has another ending, a weight alone is larger, or the files cannot be written.
    pub fn save_weights_sharded(&self, path: impl AsRef<Path>, max_bytes: u64) -> Result<()> {
        Ok(sharded::write(path, self.weights_tree()?, max_bytes)?)
    }

    fn weights_tree(&self) -> Result<Hdf5Group> {
        let mut tree = Hdf5Group::new();
        weights::write(&self.instance, &self.name(), &mut tree)?;
        if let Some(compiled) = &self.compiled {
            let state = &compiled.optimizer;
            weights::write_group(&mut tree, OPTIMIZER, state.name(), state.variables().iter())?;
            if state.has_loss_scale() {
                // Keras writes the variables of the inner optimizer twice.
                let name = &state.optimizer().options().name;
                let inner = format!("{OPTIMIZER}/inner_optimizer");
                weights::write_group(&mut tree, &inner, name, state.inner_variables().iter())?;
            }
        }
        Ok(tree)
    }
}

/// Keras refuses other endings, and so would refuse the file.
fn check_ending(path: &Path, ending: &str, other: &str) -> Result<(), FormatError> {
    if path.to_string_lossy().ends_with(ending) {
        return Ok(());
    }
    Err(Problem::new(format!("the name of the file must end in `{ending}`"))
        .received(path.display().to_string())
        .help(format!("add the ending; `{other}` writes the other kind of file"))
        .invalid())
}
