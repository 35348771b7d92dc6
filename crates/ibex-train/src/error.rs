//! Everything that can go wrong between a model and a trained file.

use std::path::PathBuf;

use ibex_nn::ConfigError;
use ibex_nn::models::ModelError;

/// The result of the public functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong; the text says what was expected, what was received, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The layers of a model do not fit together.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A name or an option is not known or does not fit.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The computation cannot be built or run.
    #[error(transparent)]
    Graph(#[from] ibex_graph::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    Format(#[from] ibex_format::FormatError),
    /// An array has other elements than those that are asked for.
    #[error(transparent)]
    Array(#[from] ibex_graph::array::ArrayError),
    /// A weight was assigned a value of another shape.
    #[error(transparent)]
    Variable(#[from] ibex_graph::variable::VariableError),
    /// A data set is not there.
    #[error(transparent)]
    Dataset(#[from] crate::datasets::DatasetError),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Plot(#[from] crate::plot::PlotError),
    /// The data does not fit the model.
    #[error("{0}")]
    Data(ConfigError),
    /// The loss is not a number any more.
    #[error("the loss became {value} in epoch {epoch}\n  help: {help}")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// What it became.
        value: f64,
        /// What to do about it.
        help: String,
    },
    /// The training was broken off by a request.
    #[error(
        "the training was interrupted at {position}{}",
        checkpoint.as_ref().map_or(String::new(), |path| format!(
            "\n  note: the checkpoint is `{}`\n  help: resume to go on from there", path.display()
        ))
    )]
    Interrupted {
        /// Where it was.
        position: crate::checkpoint::Position,
        /// The checkpoint of that moment, if there is one.
        checkpoint: Option<PathBuf>,
    },
    /// A model is used before `compile`.
    #[error("the model is not compiled\n  help: call `model.compile(…)` before `{0}`")]
    NotCompiled(&'static str),
    /// A file cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was to be done, such as `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be done.
        source: std::io::Error,
    },
    /// A callback failed.
    #[error("callback `{name}` failed: {reason}")]
    Callback {
        /// The callback's name.
        name: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// An error about data.
    pub fn data(error: ConfigError) -> Error {
        Error::Data(error)
    }
}
