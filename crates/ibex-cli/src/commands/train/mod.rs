//! `ibex train`: trains a model; without arguments a convnet on the bundled digits.

mod starter;

use std::path::{Path, PathBuf};

use clap::Args;
use ibex::nn::losses::Loss;
use ibex::nn::metrics::MetricChoice;
use ibex::nn::optimizers::Optimizer;
use ibex::train::compile::PerOutput;
use ibex::train::{Compile, Fit, History, Model, Samples};

use super::{Threads, check_writable, open_data, open_model, print};
use crate::failure::Failure;

/// What `ibex train` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model to train [default: a convnet for the bundled digits]
    #[arg(value_name = "MODEL.keras")]
    model: Option<PathBuf>,
    /// The data: x0, x1, … and y0, y1, … in an .npz file
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Validation data, like --data
    #[arg(long, value_name = "FILE", conflicts_with = "validation_split")]
    val: Option<PathBuf>,
    /// Keep the last part of the data for validation
    #[arg(long, value_name = "F", value_parser = fraction)]
    validation_split: Option<f64>,
    /// Train until this many epochs are done [default: 1; for the digits 15]
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
    /// Optimizer, such as adam, sgd or rmsprop [default: the file's]
    #[arg(long, value_name = "NAME")]
    optimizer: Option<String>,
    /// Learning rate [default: the file's or the optimizer's]
    #[arg(long, value_name = "X", value_parser = learning_rate)]
    learning_rate: Option<f64>,
    /// Loss, such as mse or sparse_categorical_crossentropy [default: the file's]
    #[arg(long, value_name = "NAME")]
    loss: Option<String>,
    /// Metrics, separated by commas, such as accuracy,auc [default: the file's]
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    metrics: Vec<String>,
    /// Where the trained model goes [default: digits.keras for the built-in model]
    #[arg(long, value_name = "FILE.keras")]
    out: Option<PathBuf>,
    /// Where the history goes
    #[arg(long, value_name = "FILE.json")]
    history: Option<PathBuf>,
    /// Write a checkpoint into this folder after each epoch
    #[arg(long, value_name = "DIR")]
    checkpoint_dir: Option<PathBuf>,
    /// Go on from the checkpoint
    #[arg(long, requires = "checkpoint_dir")]
    resume: bool,
    #[command(flatten)]
    threads: Threads,
    /// 0 silent, 1 a progress bar, 2 one line for each epoch
    #[arg(long, value_name = "0|1|2", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
    verbose: u8,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        ibex::train::set_random_seed(self.seed);
        for path in self.out.iter().chain(&self.history) {
            check_writable(path)?;
        }
        match (&self.model, &self.data) {
            (None, None) => self.starter(),
            (Some(model), Some(data)) => self.file(model, data),
            (Some(_), None) => Err(Failure::Usage(
                "there is no data to train on\n  expected  `--data FILE.npz` with x0, x1, … and \
                 y0, y1, …\n  help: `ibex train` without arguments trains on bundled digits"
                    .to_string(),
            )),
            (None, Some(_)) => Err(Failure::Usage(
                "there is no model to train on this data\n  expected  `ibex train MODEL.keras \
                 --data FILE.npz`"
                    .to_string(),
            )),
        }
    }

    /// Trains a model file on a data file.
    fn file(&self, path: &Path, data: &PathBuf) -> Result<(), Failure> {
        let mut model = open_model(path)?;
        model.set_seed(self.seed);
        self.threads.apply(&mut model);
        self.compile(&mut model, path)?;
        let samples = open_data(data, &model, true)?;
        let mut fit = self.fit(1);
        if let Some(validation) = &self.val {
            fit = fit.validation_samples(open_data(validation, &model, true)?);
        }
        if let Some(fraction) = self.validation_split {
            fit = fit.validation_split(fraction);
        }
        self.train(&mut model, samples, fit)?;
        if let Some(out) = &self.out {
            model.save(out)?;
            eprintln!("saved {}", out.display());
        }
        Ok(())
    }

    /// Trains the built-in convnet on the bundled digits.
    fn starter(&self) -> Result<(), Failure> {
        let digits = starter::data()?;
        let mut model = starter::model()?;
        self.threads.apply(&mut model);
        self.compile(&mut model, Path::new("the built-in model"))?;
        eprintln!("{}", model.summary());
        eprintln!(
            "Training on {} bundled digits (8×8 images), validating on {} others.",
            digits.train.count(),
            digits.test.count()
        );
        let fit = self.fit(starter::EPOCHS).validation_samples(digits.test);
        let history = self.train(&mut model, digits.train, fit)?;
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from("digits.keras"));
        model.save(&out)?;
        let accuracy = history.last("val_accuracy").unwrap_or(f64::NAN);
        let seconds: f64 = history.seconds.iter().sum();
        print(&format!("validation accuracy {accuracy:.4} after {seconds:.1} s of training"));
        print(&format!("saved {} (opens in Keras too: keras.models.load_model)", out.display()));
        print(&format!(
            "try next:\n  ibex summary {0}\n  ibex explain-plan {0}\n  ibex train {0} --data \
             FILE.npz --epochs 5",
            out.display()
        ));
        Ok(())
    }

    fn fit(&self, epochs: usize) -> Fit {
        let mut fit = Fit::new()
            .epochs(self.epochs.unwrap_or(epochs))
            .batch_size(self.batch_size)
            .shuffle(!self.no_shuffle)
            .verbose(self.verbose)
            .resume(self.resume);
        if let Some(folder) = &self.checkpoint_dir {
            fit = fit.checkpoint_dir(folder);
        }
        fit
    }

    fn train(&self, model: &mut Model, samples: Samples, fit: Fit) -> Result<History, Failure> {
        let history = model.fit_samples(samples, fit)?;
        if let Some(path) = &self.history {
            let text = history.to_json().to_string();
            ibex::train::write_text(path, &text)?;
        }
        Ok(history)
    }

    /// Compiles as the flags say, or as the file says where they say nothing.
    fn compile(&self, model: &mut Model, path: &Path) -> Result<(), Failure> {
        let changes = self.optimizer.is_some() || self.loss.is_some() || !self.metrics.is_empty();
        if changes || model.compile_config().is_none() {
            let config = self.configuration(model, path)?;
            model.compile(config)?;
        }
        if let Some(rate) = self.learning_rate {
            model.optimizer()?.set_learning_rate(rate)?;
        }
        Ok(())
    }

    fn configuration(&self, model: &Model, path: &Path) -> Result<Compile, Failure> {
        let own = model.compile_config().cloned();
        let missing = |what: &str| {
            Failure::Usage(format!(
                "`{}` is not compiled: it does not say which {what} to train with\n  help: add \
                 `--{what} NAME`",
                path.display()
            ))
        };
        let optimizer: Optimizer = match &self.optimizer {
            Some(name) => name.parse()?,
            None => {
                own.as_ref().map(|c| c.optimizer.clone()).ok_or_else(|| missing("optimizer"))?
            }
        };
        let losses = match &self.loss {
            Some(name) => PerOutput::Each(name.parse::<Loss>()?),
            None => own.as_ref().map(|c| c.losses.clone()).ok_or_else(|| missing("loss"))?,
        };
        let metrics: Vec<MetricChoice> =
            self.metrics.iter().map(|name| MetricChoice::from(name.as_str())).collect();
        let given = own.map(|c| (c.loss_weights, c.metrics, c.weighted_metrics));
        let (loss_weights, own_metrics, weighted_metrics) = given.unwrap_or_default();
        let metrics = if metrics.is_empty() { own_metrics } else { PerOutput::Each(metrics) };
        Ok(Compile { optimizer, losses, loss_weights, metrics, weighted_metrics })
    }
}

/// A whole number above zero.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number above 0".to_string()),
    }
}

/// A number between 0 and 1, without the ends.
fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number < 1.0 => Ok(number),
        _ => Err("expected a number above 0 and below 1".to_string()),
    }
}

/// A number above zero.
fn learning_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number above 0".to_string()),
    }
}
