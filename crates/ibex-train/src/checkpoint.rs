//! Everything a training needs to go on with the same bits after it was killed.
//!
//! One file, written atomically: weights, optimizer, random state, running means and metrics, the
//! position in the data, history and the states of the callbacks.

use std::fmt;
use std::path::{Path, PathBuf};

use ibex_format::npz::{Compression, NpzReader};
use ibex_format::{RawArray, RawDType};
use ibex_graph::{Array, Variable};
use ibex_nn::ConfigError;
use ibex_nn::object::shortened;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::arrays::{lent, to_raw};
use crate::callbacks::Callback;
use crate::error::{Error, Result};
use crate::history::History;
use crate::judge::Judge;
use crate::model::Model;
use crate::npz::to_array;
use crate::step::Mode;

/// The name of the file in the checkpoint folder.
const FILE: &str = "checkpoint.npz";

/// What must be the same for a training to be gone on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Setting {
    /// The digest of the layers' configuration.
    model: String,
    optimizer: Value,
    losses: Value,
    options: Options,
}

/// What the caller of `fit` chose, as far as it changes numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) samples: usize,
    pub(crate) batch_size: usize,
    pub(crate) shuffle: bool,
}

impl Setting {
    /// The setting of a training of `model`.
    pub(crate) fn of(model: &Model, options: Options) -> Result<Setting> {
        let compiled = model.compiled.as_ref().ok_or(Error::NotCompiled("fit"))?;
        let mut json = model.to_json();
        let losses = json["compile_config"]["loss"].take();
        let weights = json["compile_config"]["loss_weights"].take();
        let digest = Sha256::digest(json["config"].to_string().as_bytes());
        Ok(Setting {
            model: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            // As it was compiled: callbacks change the learning rate of the moment.
            optimizer: compiled.config.optimizer.to_value(),
            losses: Value::Array(vec![losses, weights]),
            options,
        })
    }

    /// What keeps a training with this setting from going on from a checkpoint of `other`.
    fn mismatch(&self, other: &Setting) -> Option<(&'static str, String, String)> {
        let options = |setting: &Setting| {
            let o = &setting.options;
            let shuffled = if o.shuffle { "shuffled" } else { "in order" };
            format!(
                "{} samples, {shuffled}, batch size {}, seed {}",
                o.samples, o.batch_size, o.seed
            )
        };
        if self.model != other.model {
            let layers = "the layers of this model".to_string();
            return Some(("of another model", layers, "other layers".to_string()));
        }
        if self.optimizer != other.optimizer {
            let text = |optimizer: &Value| {
                let class = optimizer["class_name"].as_str().unwrap_or_default();
                format!("{class} {}", shortened(&optimizer["config"]))
            };
            let texts = (text(&self.optimizer), text(&other.optimizer));
            return Some(("of a training with another optimizer", texts.0, texts.1));
        }
        if self.losses != other.losses {
            let texts = (shortened(&self.losses), shortened(&other.losses));
            return Some(("of a training with other losses", texts.0, texts.1));
        }
        let differs = self.options != other.options;
        differs.then(|| ("of another training", options(self), options(other)))
    }
}

/// The part of a checkpoint that is no array.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    setting: Setting,
    position: Position,
    stopped: bool,
    history: History,
    callbacks: Vec<(String, Value, usize)>,
}

/// Where in its epochs and its data a training is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The number of the epoch, counted from 0.
    pub epoch: usize,
    /// The number of epochs that were asked for.
    pub epochs: usize,
    /// The number of steps that were taken in the epoch.
    pub step: usize,
    /// The number of steps of an epoch.
    pub steps: usize,
    /// The seconds that the epoch has taken.
    pub seconds: f64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (epoch, epochs) = (self.epoch + 1, self.epochs);
        match self.step {
            0 => write!(f, "the beginning of epoch {epoch} of {epochs}"),
            step => write!(f, "step {step} of {} in epoch {epoch} of {epochs}", self.steps),
        }
    }
}

/// Where a training stands.
#[derive(Debug)]
pub(crate) struct Progressed {
    pub(crate) position: Position,
    pub(crate) stopped: bool,
    pub(crate) history: History,
}

/// A folder with a checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, made if need be.
    pub(crate) fn open(path: &Path) -> Result<Folder> {
        std::fs::create_dir_all(path).map_err(|source| Error::Io {
            action: "make the checkpoint folder",
            path: path.to_path_buf(),
            source,
        })?;
        let folder = Folder { path: path.to_path_buf() };
        folder.sweep();
        Ok(folder)
    }

    /// Removes what a process that was killed while it wrote has left behind.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(&format!(".{FILE}.")) && name.ends_with(".tmp") {
                // It is only a waste of space: not being able to remove it does no harm.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// Removes the checkpoint, and the folder if nothing else is in it.
    pub(crate) fn remove(&self) {
        // The training is done; a file that stays behind does no harm.
        let _ = std::fs::remove_file(self.file());
        let _ = std::fs::remove_dir(&self.path);
    }

    /// Writes a checkpoint over the one before, whole or not at all.
    pub(crate) fn save(
        &self,
        model: &Model,
        setting: &Setting,
        at: &Progressed,
        callbacks: &[Box<dyn Callback>],
    ) -> Result<()> {
        let mut arrays = Vec::new();
        for (i, variable) in variables(model)?.iter().enumerate() {
            arrays.push((format!("variable{i}"), lent(variable)?));
        }
        let mut states = Vec::new();
        for callback in callbacks {
            let own = callback.arrays();
            for (i, array) in own.iter().enumerate() {
                arrays.push((format!("callback{}_{i}", states.len()), to_raw(array)?));
            }
            states.push((callback.name().to_string(), callback.state(), own.len()));
        }
        let state = State {
            setting: setting.clone(),
            position: at.position.clone(),
            stopped: at.stopped,
            history: at.history.clone(),
            callbacks: states,
        };
        let text = serde_json::to_vec(&state).map_err(|e| self.broken(&e.to_string()))?;
        arrays.push(("state".to_string(), RawArray::new(RawDType::U8, vec![text.len()], text)?));
        let members = arrays.iter().map(|(name, array)| (name.as_str(), array));
        Ok(ibex_format::npz::write(self.file(), members, Compression::Stored)?)
    }

    /// Takes up the checkpoint, if there is one; `None` before the first was written.
    ///
    /// Nothing is changed unless the whole checkpoint fits.
    pub(crate) fn load(
        &self,
        model: &Model,
        setting: &Setting,
        callbacks: &mut [Box<dyn Callback>],
    ) -> Result<Option<Progressed>> {
        let path = self.file();
        if !path.exists() {
            return Ok(None);
        }
        let mut reader = NpzReader::open(&path)?;
        let text = reader.read("state")?.into_data();
        let text = ibex_format::json::parse(&text)?;
        let state: State = serde_json::from_value(text).map_err(|e| self.broken(&e.to_string()))?;
        if let Some((what, expected, received)) = setting.mismatch(&state.setting) {
            return Err(Error::Config(
                ConfigError::new(format!("the checkpoint `{}` is {what}", path.display()))
                    .expected(expected)
                    .received(received)
                    .help("resume with the same model and options, or choose another folder"),
            ));
        }
        let variables = variables(model)?;
        let mut values = Vec::new();
        for (i, variable) in variables.iter().enumerate() {
            let name = format!("variable{i}");
            let value = to_array(&name, reader.read(&name)?, &path)?;
            if value.shape() != variable.shape() || value.dtype() != variable.dtype() {
                return Err(Error::Config(
                    ConfigError::new(format!("`{}` is of another model", path.display()))
                        .expected(format!("`{}` of type {}", variable.name(), variable.ty()))
                        .received(format!("{} {}", value.dtype(), value.shape()))
                        .help("resume with the same model, or choose another checkpoint folder"),
                ));
            }
            values.push(value);
        }
        let mut restored = Vec::new();
        for (i, (_, _, count)) in state.callbacks.iter().enumerate() {
            let names = (0..*count).map(|j| format!("callback{i}_{j}"));
            let arrays = names.map(|n| to_array(&n, reader.read(&n)?, &path));
            restored.push(arrays.collect::<Result<Vec<Array>>>()?);
        }
        for (variable, value) in variables.iter().zip(&values) {
            variable.set(value)?;
        }
        for ((callback, (name, value, _)), arrays) in
            callbacks.iter_mut().zip(&state.callbacks).zip(restored)
        {
            if callback.name() == name {
                callback.restore(value, arrays);
            }
        }
        let State { position, stopped, history, .. } = state;
        Ok(Some(Progressed { position, stopped, history }))
    }

    fn broken(&self, reason: &str) -> Error {
        Error::Config(
            ConfigError::new(format!("the checkpoint `{}` is damaged", self.file().display()))
                .received(reason.to_string())
                .help("choose another checkpoint folder, or start without `--resume`"),
        )
    }
}

/// Every variable that training changes: weights, optimizer, running means and metrics, random
/// state.
fn variables(model: &Model) -> Result<Vec<Variable>> {
    let mut all = model.variables();
    all.extend(model.states());
    all.extend(model.optimizer()?.variables());
    all.extend(model.judge(Mode::Train).into_iter().flat_map(Judge::variables));
    all.push(model.random.clone());
    Ok(all)
}
