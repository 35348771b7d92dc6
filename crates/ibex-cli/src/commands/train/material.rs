//! What a training is made of: the samples to train on, those to validate on, and the recipe that
//! both were made with.

use std::path::Path;

use ibex::train::data::Dataset;
use ibex::train::data::source::{Read, ReadAnew, Recipe, Source, Wanted};
use ibex::train::data::splits::Split;
use ibex::train::problem::Problem;
use ibex::train::starters::{self, Starter};
use ibex::train::{Fit, History, Model, Samples, npz};

use super::Arguments;
use crate::commands::source::{is_arrays, report, split};
use crate::failure::Failure;
use crate::output::note;

/// Images and sounds that take more bytes are read anew in each epoch.
const HELD_IN_MEMORY: usize = 2 << 30;

/// Samples in memory, or files that are read in every epoch.
enum Part {
    Arrays(Samples),
    Files(ReadAnew),
}

/// One of the two things that `fit` takes.
enum Feed {
    Arrays(Samples),
    Batches(Box<dyn Dataset<Item = Samples>>),
}

/// Everything that a training is made of.
pub(super) struct Material {
    pub(super) recipe: Recipe,
    train: Part,
    held: Option<Part>,
}

/// A new model for samples that a recipe gave.
pub(crate) fn new_model(
    starter: &Starter,
    recipe: &Recipe,
    samples: &Samples,
) -> Result<Model, Failure> {
    let shape = samples.x.first().map(|x| x.shape().dims()[1..].to_vec()).unwrap_or_default();
    built(starter, recipe, &shape, samples.y.first().map(Problem::of), samples.count())
}

fn built(
    starter: &Starter,
    recipe: &Recipe,
    shape: &[usize],
    problem: Option<Problem>,
    samples: usize,
) -> Result<Model, Failure> {
    let problem = match (recipe.class_names().len(), recipe.scale()) {
        (2, _) => Some(Problem::Binary),
        (0, None) => problem,
        (0, Some(_)) => Some(Problem::Regression { outputs: 1 }),
        (classes, _) => Some(Problem::Classes { classes }),
    };
    let Some(problem) = problem else {
        return Err(Failure::Work(
            "the data has no targets to learn\n  expected  a subfolder for each class".to_string(),
        ));
    };
    let pixels = recipe.image_shape().is_some();
    let (sound, words, scale) = (recipe.is_sound(), recipe.words(), recipe.scale());
    let data = starters::Data { shape, pixels, sound, words, problem, scale, samples };
    Ok(starter.build(&data)?)
}

impl Arguments {
    /// Opens the data and, if there are such, the validation data; `arrays` says how many inputs
    /// and outputs the model has.
    pub(super) fn material(
        &self,
        path: &Path,
        wanted: &Wanted,
        arrays: Option<(usize, usize)>,
    ) -> Result<Material, Failure> {
        let (inputs, outputs) = arrays.unwrap_or((1, 1));
        let open = |path: &Path| match is_arrays(path) {
            true => Ok(Source::Arrays(npz::read_samples(path, inputs, Some(outputs))?)),
            false => self.source.open(path, self.seed),
        };
        let source = open(path)?;
        let every = |source: &Source| (0..source.count() as u32).collect::<Vec<u32>>();
        let choices = self.source.choices(self.seed);
        let mut parts = Split { train: every(&source), held: Vec::new() };
        let plain = matches!(source, Source::Arrays(_));
        if let Some(fraction) = self.validation_split.filter(|f| *f > 0.0 && !plain) {
            parts = split(&source, &choices, fraction)?;
        }
        let recipe = source.learn(&parts.train, &choices, wanted)?;
        if !plain {
            self.tell(&source, &parts, &recipe);
        }
        let held = match &self.val {
            Some(path) => {
                let other = open(path)?;
                let places = every(&other);
                Some(self.part(other, &places, &recipe)?)
            }
            None if parts.held.is_empty() => None,
            None => Some(self.part(source.clone(), &parts.held, &recipe)?),
        };
        let train = self.part(source, &parts.train, &recipe)?;
        Ok(Material { recipe, train, held })
    }

    fn tell(&self, source: &Source, parts: &Split, recipe: &Recipe) {
        if self.verbose == 0 {
            return;
        }
        let held = parts.held.len();
        let apart = if held > 0 { format!(", {held} kept for validation") } else { String::new() };
        note(&format!("data: {}{apart}", source.describe()));
        let names = recipe.class_names();
        if !names.is_empty() && names.len() <= 20 {
            let numbered = names.iter().enumerate().map(|(i, name)| format!("{i} {name}"));
            note(&format!("classes: {}", numbered.collect::<Vec<_>>().join(", ")));
        }
    }

    fn part(&self, source: Source, places: &[u32], recipe: &Recipe) -> Result<Part, Failure> {
        let source = match source {
            // Whole as they are: `fit` says what is wrong with them.
            Source::Arrays(samples) => return Ok(Part::Arrays(samples)),
            source => source,
        };
        let large = source.bytes(places.len(), recipe) > HELD_IN_MEMORY;
        if (large || self.stream)
            && let Some(files) = source.files(places, recipe)?
        {
            return Ok(Part::Files(files));
        }
        let Read { samples, broken } = source.samples(places, recipe, self.source.workers())?;
        report(&broken);
        Ok(Part::Arrays(samples))
    }
}

impl Material {
    /// A new model for this data.
    pub(super) fn starter(&self, name: &str) -> Result<Model, Failure> {
        let starter = Starter::named(name).map_err(Failure::usage)?;
        match &self.train {
            Part::Arrays(samples) => new_model(starter, &self.recipe, samples),
            Part::Files(files) => built(starter, &self.recipe, files.shape(), None, files.count()),
        }
    }

    /// Whether there is data to validate on.
    pub(super) fn has_held(&self) -> bool {
        self.held.is_some()
    }

    /// Samples of which predictions can be shown: to validate on, if there are such, perhaps after
    /// a part is split off.
    pub(super) fn shown(&self, split: Option<f64>) -> Option<Samples> {
        match (&self.held, &self.train) {
            (Some(Part::Arrays(held)), _) => Some(held.clone()),
            (None, Part::Arrays(train)) => match split {
                Some(fraction) => train.split_tail(fraction).ok().map(|(_, tail)| tail),
                None => Some(train.clone()),
            },
            _ => None,
        }
    }

    /// What `fit` takes to train on and to validate on.
    pub(super) fn feeds(self, workers: usize, batch_size: usize, shuffle: bool) -> Feeds {
        let mut broken: Vec<Broken> = Vec::new();
        let mut feed = |part: Part, shuffle: bool| match part {
            Part::Arrays(samples) => Feed::Arrays(samples),
            Part::Files(files) => {
                if shuffle {
                    let items = files.items().shuffle().map(files.read());
                    let samples = items.workers(workers).skip_broken();
                    let left_out = samples.clone();
                    broken.push(Box::new(move || left_out.broken()));
                    return Feed::Batches(Box::new(samples.batch(batch_size)));
                }
                let samples = files.items().map(files.read()).workers(workers).skip_broken();
                let left_out = samples.clone();
                broken.push(Box::new(move || left_out.broken()));
                Feed::Batches(Box::new(samples.batch(batch_size)))
            }
        };
        let train = feed(self.train, shuffle);
        let held = self.held.map(|part| feed(part, false));
        Feeds { train, held, broken }
    }
}

/// Why files were left out so far.
type Broken = Box<dyn Fn() -> Vec<String>>;

/// What `fit` takes, and what was left out of it.
pub(super) struct Feeds {
    train: Feed,
    held: Option<Feed>,
    broken: Vec<Broken>,
}

impl Feeds {
    /// Trains on the one and validates on the other, and says what was left out of them.
    pub(super) fn fit(self, model: &mut Model, fit: Fit) -> ibex::train::Result<History> {
        let fit = match self.held {
            None => fit,
            Some(Feed::Arrays(held)) => fit.validation_samples(held),
            Some(Feed::Batches(held)) => fit.validation_dataset(held),
        };
        let history = match self.train {
            Feed::Arrays(train) => model.fit_samples(train, fit),
            Feed::Batches(train) => model.fit_dataset(&train, fit),
        };
        self.broken.iter().for_each(|left_out| report(&left_out()));
        history
    }
}
