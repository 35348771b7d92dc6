//! `ibex train`: trains a model; without arguments a convnet on the bundled digits.

mod keep;
mod material;
mod overrides;
mod starter;
mod watch;

use std::path::{Path, PathBuf};

use clap::Args;
use ibex::train::data::source::Recipe;
use ibex::train::starters::Starter;
use ibex::train::{Error, Fit, History, Model, Position};

use super::source::{DataFlags, is_arrays};
use super::{Threads, byte_count, check_writable, open_model, positive, print_logs};
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::output::{note, print};
use material::Material;
pub(crate) use material::new_model;
use overrides::Overrides;
use watch::Watch;

/// What `ibex train` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model to train [default: a convnet for the bundled digits]
    #[arg(value_name = "MODEL.keras")]
    model: Option<PathBuf>,
    /// A new model sized by the data, instead of a file
    #[arg(long = "model", value_name = "mlp|cnn|logistic", value_parser = starter_name)]
    #[arg(conflicts_with = "model")]
    named: Option<&'static str>,
    /// The data: x0, x1, … and y0, y1, … in an .npz file; a .csv or .parquet file; or a folder of
    /// images, texts or sounds with a subfolder for each class
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Validation data, like --data
    #[arg(long, value_name = "FILE", conflicts_with = "validation_split")]
    val: Option<PathBuf>,
    /// Keep the last part of the data for validation
    #[arg(long, value_name = "F", value_parser = fraction, allow_negative_numbers = true)]
    validation_split: Option<f64>,
    /// Train until this many epochs are done [default: 1; for the digits 40]
    #[arg(long, value_name = "N", value_parser = positive)]
    epochs: Option<usize>,
    /// Samples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    batch_size: usize,
    /// Take the batches in the order of the file
    #[arg(long)]
    no_shuffle: bool,
    /// Seed of initial weights, random layers and shuffling
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    overrides: Overrides,
    /// Where the trained model goes [default: digits.keras for the built-in model]
    #[arg(long, value_name = "FILE.keras")]
    out: Option<PathBuf>,
    /// Where the history goes
    #[arg(long, value_name = "FILE.json")]
    history: Option<PathBuf>,
    #[command(flatten)]
    watch: Watch,
    /// Time each operation: a table, and a trace for a browser's trace viewer into this file
    #[arg(long, value_name = "FILE.json")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    threads: Threads,
    /// Most memory for the values between the layers, such as 512MB or 2GiB: what does not fit is
    /// computed twice
    #[arg(long, value_name = "SIZE", value_parser = byte_count)]
    memory_budget: Option<usize>,
    #[command(flatten)]
    source: DataFlags,
    /// Read images and sounds anew in each epoch [default: only where they do not fit into 2 GiB]
    #[arg(long)]
    stream: bool,
    /// 0 silent, 1 a progress bar, 2 one line for each epoch
    #[arg(long, value_name = "0|1|2", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=2))]
    verbose: u8,
    #[arg(skip)]
    signals: Signals,
}

impl Arguments {
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        self.check()?;
        self.signals = Signals::watch();
        ibex::train::set_random_seed(self.seed);
        match (&self.model, self.named, &self.data) {
            (None, None, None) => self.starter(),
            (Some(model), _, Some(data)) => self.file(model, data),
            (None, Some(name), Some(data)) => self.named(name, data),
            (Some(_), _, None) | (None, Some(_), None) => Err(Failure::usage(
                "there is no data to train on\n  expected  `--data FILE.npz` with x0, x1, … and \
                 y0, y1, …\n  help: `ibex train` without arguments trains on bundled digits",
            )),
            (None, None, Some(_)) => Err(Failure::usage(
                "there is no model to train on this data\n  expected  `ibex train MODEL.keras \
                 --data FILE.npz`\n  help: `--model mlp` makes a new one, sized by the data",
            )),
        }
    }

    /// Finds out before the training what would lose it at its end.
    fn check(&self) -> Result<(), Failure> {
        if self.data.is_none()
            && self.model.is_none()
            && (self.val.is_some() || self.validation_split.is_some())
        {
            return Err(Failure::usage(
                "the built-in model has validation digits of its own\n  expected  `ibex train \
                 MODEL.keras --data FILE.npz` beside `--val` or `--validation-split`",
            ));
        }
        if let Some(out) = &self.out {
            keep::check_ending(out)?;
            if self.history.as_ref() == Some(out) {
                return Err(Failure::usage("`--out` and `--history` name the same file"));
            }
        }
        self.watch.check()?;
        let files = self.out.iter().chain(&self.history).chain(&self.profile);
        files.into_iter().try_for_each(|path| check_writable(path))
    }

    /// Trains a model file on a data file.
    fn file(&self, path: &Path, data: &Path) -> Result<(), Failure> {
        let mut model = open_model(path)?;
        model.set_seed(self.seed);
        self.threads.apply(&mut model);
        self.overrides.apply(&mut model, &format!("`{}`", path.display()))?;
        let wanted = if is_arrays(data) { Default::default() } else { model.wanted()? };
        let arrays = Some((model.functional().inputs().len(), model.functional().outputs().len()));
        let material = self.material(data, &wanted, arrays)?;
        self.train_on(model, material)
    }

    /// Trains a new model on data.
    fn named(&self, name: &str, data: &Path) -> Result<(), Failure> {
        let material = self.material(data, &Default::default(), None)?;
        let mut model = material.starter(name)?;
        model.set_seed(self.seed);
        self.threads.apply(&mut model);
        self.overrides.apply(&mut model, "the new model")?;
        note(&model.summary());
        self.train_on(model, material)
    }

    fn train_on(&self, mut model: Model, material: Material) -> Result<(), Failure> {
        let split = self.validation_split.filter(|fraction| *fraction > 0.0);
        let validates = material.has_held() || split.is_some();
        let (mut fit, recipe) = (self.fit(1, validates), material.recipe.clone());
        if let Some(fraction) = split.filter(|_| recipe == Recipe::Arrays) {
            // Arrays are split where they are trained on, as Keras does.
            fit = fit.validation_split(fraction);
        }
        let (fit, _server) = self.watch.show(fit, || material.shown(split))?;
        if self.out.is_none() {
            note("the trained model will not be kept: there is no `--out FILE.keras`");
        }
        let feeds = material.feeds(self.source.workers(), self.batch_size, !self.no_shuffle);
        let history =
            self.train(&mut model, fit, self.out.as_deref(), |model, fit| feeds.fit(model, fit))?;
        if let Some(out) = &self.out {
            keep::save(&mut model, out)?;
            if recipe != Recipe::Arrays {
                recipe.save(out)?;
            }
        }
        if let Some(logs) = history.logs.last() {
            print_logs(logs);
        }
        if let Some(out) = &self.out {
            print(&format!("saved {}", out.display()));
        }
        Ok(())
    }

    /// Trains the built-in convnet on the bundled digits.
    fn starter(&self) -> Result<(), Failure> {
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from(starter::OUT));
        check_writable(&out)?;
        let mut model = starter::model()?;
        self.threads.apply(&mut model);
        self.overrides.apply(&mut model, "the built-in model")?;
        note(&model.summary());
        let digits = starter::data()?;
        note(&format!(
            "Training on {} bundled digits (8×8 images), validating on {} others.",
            digits.train.count(),
            digits.test.count()
        ));
        let fit = self.fit(starter::EPOCHS, true);
        let (fit, _server) = self.watch.show(fit, || Some(digits.test.clone()))?;
        let fit = fit.validation_samples(digits.test);
        let history = self.train(&mut model, fit, Some(&out), |model, fit| {
            model.fit_samples(digits.train, fit)
        })?;
        keep::save(&mut model, &out)?;
        starter::tell(&history, &out);
        Ok(())
    }

    fn fit(&self, epochs: usize, validates: bool) -> Fit {
        let fit = Fit::new()
            .epochs(self.epochs.unwrap_or(epochs))
            .batch_size(self.batch_size)
            .shuffle(!self.no_shuffle)
            .verbose(self.verbose);
        let fit = match self.memory_budget {
            Some(bytes) => fit.memory_budget(bytes),
            None => fit,
        };
        self.watch.apply(fit, validates)
    }

    fn train(
        &self,
        model: &mut Model,
        fit: Fit,
        out: Option<&Path>,
        run: impl FnOnce(&mut Model, Fit) -> ibex::train::Result<History>,
    ) -> Result<History, Failure> {
        if self.profile.is_some() {
            model.start_profile();
        }
        let fit = fit.interrupt(self.signals.interrupt.clone());
        let begun = updates(model);
        let history = match run(model, fit) {
            Err(Error::Interrupted { position, checkpoint }) => {
                let kept = checkpoint.is_some();
                let text = self.interrupted(model, &position, kept, out);
                return Err(Failure::Interrupted { signal: self.signals.received(), text });
            }
            // Weights that are no numbers any more are worth nothing.
            Err(error @ Error::Diverged { .. }) => return Err(error.into()),
            Err(error) if updates(model) > begun => return Err(failed(model, &error, out)),
            other => other?,
        };
        // The model is worth more than what is told about it: go on, and save it.
        let warn = |error| note(&format!("warning: {error}"));
        if let Some(path) = &self.history {
            let written = ibex::train::write_text(path, &history.to_json().to_string());
            written.unwrap_or_else(warn);
        }
        if let (Some(path), Some(profile)) = (&self.profile, model.take_profile()) {
            note(&profile.to_string());
            profile.save_trace(path).unwrap_or_else(warn);
        }
        Ok(history)
    }

    /// Says where an interrupted training was and how it goes on; without a checkpoint, the model
    /// is kept as it is.
    fn interrupted(
        &self,
        model: &Model,
        at: &Position,
        has_checkpoint: bool,
        out: Option<&Path>,
    ) -> String {
        let what = format!("interrupted at {at}");
        if has_checkpoint {
            return format!("{what}\n  help: the same command with `--resume` goes on from there");
        }
        let failed = match self.watch.has_checkpoints() {
            true => "\n  note: the checkpoint could not be written; the one before is whole",
            false => "",
        };
        let fate = match out {
            Some(out) => keep::save_interrupted(model, out),
            None => "nothing was kept: there is no `--out FILE.keras`".to_string(),
        };
        let help = "with `--checkpoint-dir DIR` a training can go on where it was interrupted";
        format!("{what}{failed}\n  note: {fate}\n  help: {help}")
    }
}

/// The updates of its weights that a model has behind it.
fn updates(model: &Model) -> u64 {
    model.optimizer().map_or(0, |optimizer| optimizer.iterations())
}

/// Keeps a model whose training failed on the way.
fn failed(model: &Model, error: &Error, out: Option<&Path>) -> Failure {
    let fate = out.map(|out| format!("\n  note: {}", keep::save_interrupted(model, out)));
    Failure::Work(format!("{error}{}", fate.unwrap_or_default()))
}

/// The name of a new model.
pub(crate) fn starter_name(text: &str) -> Result<&'static str, String> {
    Starter::named(text).map(|starter| starter.name).map_err(|error| error.to_string())
}

/// A number between 0 and 1, without the end.
fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..1.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 up to, but not including, 1".to_string()),
    }
}
