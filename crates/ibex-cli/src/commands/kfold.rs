//! `ibex kfold`: trains and measures a model on every fold of its data.

use std::path::{Path, PathBuf};

use clap::Args;
use ibex::train::data::source::{Read, Recipe, Source};
use ibex::train::data::splits::{self, KFold, Split};
use ibex::train::starters::Starter;
use ibex::train::{Fit, Logs, Model, npz};
use serde_json::json;

use super::source::{DataFlags, is_arrays, report};
use super::train::{new_model, starter_name};
use super::{Threads, open_model, positive};
use crate::failure::Failure;
use crate::output::{note, print};

/// What `ibex kfold` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model that each fold begins with
    #[arg(value_name = "MODEL.keras")]
    model: Option<PathBuf>,
    /// A new model sized by the data, instead of a file
    #[arg(long = "model", value_name = "mlp|cnn|logistic", value_parser = starter_name)]
    #[arg(conflicts_with = "model", required_unless_present = "model")]
    named: Option<&'static str>,
    /// The data, as `ibex train` takes it
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Parts of which each is kept apart once
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    folds: usize,
    /// How often the folds are made, in another order each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    rounds: usize,
    /// Deal samples out without regard to their classes
    #[arg(long)]
    no_stratify: bool,
    /// Epochs of each fold
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = positive)]
    epochs: usize,
    /// Samples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    batch_size: usize,
    /// Folds that are trained at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    jobs: usize,
    /// Seed of folds, initial weights, random layers and shuffling
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    source: DataFlags,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        ibex::train::set_random_seed(self.seed);
        let (source, choices) = (self.open()?, self.source.choices(self.seed));
        let classes = if self.no_stratify { None } else { source.classes(&choices)? };
        let folds = KFold::new(self.folds).rounds(self.rounds).seed(self.seed);
        let folds = folds.split(source.count(), classes.as_deref())?;
        let dealt = if classes.is_some() { ", each with its share of every class" } else { "" };
        note(&format!("data: {}, {} folds{dealt}", source.describe(), folds.len()));
        let all = splits::each(&folds, self.jobs, |i, fold| {
            let logs = self.fold(&source, fold)?;
            let numbers: Vec<String> =
                logs.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
            note(&format!("fold {}/{}: {}", i + 1, folds.len(), numbers.join(", ")));
            Ok::<Logs, Failure>(logs)
        })?;
        self.tell(&all);
        Ok(())
    }

    fn open(&self) -> Result<Source, Failure> {
        if !is_arrays(&self.data) {
            return self.source.open(&self.data, self.seed);
        }
        let (inputs, outputs) = match &self.model {
            Some(path) => {
                let model = open_model(path)?;
                (model.functional().inputs().len(), model.functional().outputs().len())
            }
            None => (1, 1),
        };
        Ok(Source::Arrays(npz::read_samples(&self.data, inputs, Some(outputs))?))
    }

    /// Trains on a fold and measures on what it keeps apart; nothing is learned from that.
    fn fold(&self, source: &Source, fold: &Split) -> Result<Logs, Failure> {
        let choices = self.source.choices(self.seed);
        let mut model = self.model.as_deref().map(open).transpose()?;
        let wanted = match &model {
            Some(model) if !matches!(source, Source::Arrays(_)) => model.wanted()?,
            _ => Default::default(),
        };
        let recipe: Recipe = source.learn(&fold.train, &choices, &wanted)?;
        let read = |places: &[u32]| -> Result<_, Failure> {
            let Read { samples, broken } =
                source.samples(places, &recipe, self.source.workers())?;
            report(&broken);
            Ok(samples)
        };
        let (train, held) = (read(&fold.train)?, read(&fold.held)?);
        if let (None, Some(name)) = (&model, self.named) {
            let starter = Starter::named(name).map_err(Failure::usage)?;
            model = Some(new_model(starter, &recipe, &train)?);
        }
        // invariant: the command line asks for one of the two.
        let Some(mut model) = model else { return Err(Failure::usage("there is no model")) };
        model.set_seed(self.seed);
        self.threads.apply_share(&mut model, self.jobs);
        let fit = Fit::new().epochs(self.epochs).batch_size(self.batch_size).verbose(0);
        model.fit_samples(train, fit)?;
        Ok(model.evaluate_samples(held, self.batch_size)?)
    }

    /// Mean and deviation over the folds.
    fn tell(&self, all: &[Logs]) {
        let Some(first) = all.first() else { return };
        let mut object = serde_json::Map::new();
        for (name, _) in first.iter() {
            let values: Vec<f64> = all.iter().filter_map(|logs| logs.get(name)).collect();
            let (mean, deviation) = mean_and_deviation(&values);
            match self.json {
                true => {
                    let value = json!({"folds": values, "mean": mean, "deviation": deviation});
                    object.insert(name.to_string(), value);
                }
                false => print(&format!("{name}: {mean:.6} ± {deviation:.6}")),
            }
        }
        if self.json {
            print(&serde_json::Value::Object(object).to_string());
        }
    }
}

fn open(path: &Path) -> Result<Model, Failure> {
    let model = open_model(path)?;
    match model.compile_config() {
        Some(_) => Ok(model),
        None => Err(Failure::Work(format!(
            "`{}` is not compiled: it has no loss to train by\n  help: compile the model before \
             saving it",
            path.display()
        ))),
    }
}

/// The mean, and the standard deviation of a sample of so many.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}
