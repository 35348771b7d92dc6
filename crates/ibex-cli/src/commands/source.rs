//! Where data comes from: an `.npz` file, a table, or a folder of images, texts or sounds.
//!
//! The flags about data, the same for every command that takes `--data`, and what a model wants
//! of its data.

use std::path::Path;

use clap::Args;
use ibex::graph::ops::image::Interpolation;
use ibex::nn::ConfigError;
use ibex::train::data::ColorMode;
use ibex::train::data::source::{
    Choices, ImageChoices, Recipe, SeriesChoices, SoundChoices, Source, TableChoices, TextChoices,
};
use ibex::train::data::splits::{self, Split};
use ibex::train::data::table;
use ibex::train::{Model, Samples};

use super::{local, positive};
use crate::failure::Failure;
use crate::output::note;

/// What can be said about data.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataFlags {
    /// The column to be told, by name or by number from 0 (-1 is the last one)
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    target: Option<String>,
    /// What the target is: classes or a quantity [default: as its values look]
    #[arg(long, value_name = "classification|regression", value_parser = task)]
    task: Option<table::Task>,
    /// Columns of numbers that are names of categories
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    categories: Vec<String>,
    /// Columns to leave out
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    ignore: Vec<String>,
    /// The first line of the table holds values, not names
    #[arg(long)]
    no_header: bool,
    /// Take the rows of a table as a series, and this many of them as a sample
    #[arg(long, value_name = "N", value_parser = positive, requires = "target")]
    window: Option<usize>,
    /// How many rows after the window the target is
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    horizon: usize,
    /// Height and width of images [default: those of the model, or 128x128]
    #[arg(long, value_name = "HxW", value_parser = size)]
    image_size: Option<[usize; 2]>,
    /// What a pixel is made of [default: as the model takes it, or rgb]
    #[arg(long, value_name = "rgb|grayscale|rgba", value_parser = color_mode)]
    color_mode: Option<ColorMode>,
    /// How images are resized
    #[arg(long, value_name = "NAME", default_value = "bilinear", value_parser = interpolation)]
    interpolation: Interpolation,
    /// Cut images to the ratio of height and width instead of stretching them
    #[arg(long)]
    crop_to_aspect_ratio: bool,
    /// Words that are told apart in texts [default: as the model takes them, or 10000]
    #[arg(long, value_name = "N", value_parser = positive)]
    words: Option<usize>,
    /// Words of a text that are kept, in their order [default: only which words occur counts]
    #[arg(long, value_name = "N", value_parser = positive)]
    text_length: Option<usize>,
    /// Frames of a sound that are kept [default: those of the model, or of the longest file]
    #[arg(long, value_name = "N", value_parser = positive)]
    audio_length: Option<usize>,
    /// Threads that read files
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=256))]
    workers: u16,
}

impl DataFlags {
    /// The choices that the flags make.
    pub(crate) fn choices(&self, seed: u64) -> Choices {
        Choices {
            images: ImageChoices {
                size: self.image_size,
                color_mode: self.color_mode,
                interpolation: self.interpolation,
                crop_to_aspect_ratio: self.crop_to_aspect_ratio,
            },
            table: TableChoices {
                target: self.target.clone(),
                task: self.task.unwrap_or_default(),
                header: self.no_header.then_some(false),
                delimiter: None,
                features: table::Choices {
                    categories: self.categories.clone(),
                    ignored: self.ignore.clone(),
                    most_words: self.words.unwrap_or(table::Choices::default().most_words),
                    ..table::Choices::default()
                },
            },
            series: SeriesChoices {
                window: self.window,
                horizon: self.horizon,
                ..SeriesChoices::default()
            },
            texts: TextChoices { most_words: self.words, length: self.text_length },
            sounds: SoundChoices { length: self.audio_length },
            workers: self.workers.into(),
            seed,
        }
    }

    /// The number of threads that read files.
    pub(crate) fn workers(&self) -> usize {
        self.workers.into()
    }

    /// Opens data that is no `.npz` file.
    pub(crate) fn open(&self, path: &Path, seed: u64) -> Result<Source, Failure> {
        check_kind(path)?;
        let source = Source::open(&local(path)?, &self.choices(seed))?;
        source.notes().iter().for_each(|text| note(&format!("warning: {text}")));
        if let (Source::Table(_), None) = (&source, &self.target) {
            return Err(Failure::usage(format!(
                "`{}` is a table: which column is to be told?\n  expected  `--target COLUMN`",
                path.display()
            )));
        }
        Ok(source)
    }
}

/// Refuses files of kinds that are not read, by their endings.
fn check_kind(path: &Path) -> Result<(), Failure> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match OTHER_TABLES.contains(&ending.as_str()) {
        false => Ok(()),
        true => Err(Failure::usage(format!(
            "`{}` is a table of a kind that is not read\n  expected  a .csv or .parquet file\n  \
             received  .{ending}\n  help: write the table as CSV or Parquet",
            path.display()
        ))),
    }
}

/// Endings of tables that are not read.
const OTHER_TABLES: &[&str] = &["feather", "arrow", "xls", "xlsx", "ods"];

/// Whether a path is an archive of arrays, made for a model already.
pub(crate) fn is_arrays(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    let table = ["csv", "tsv", "txt", "data", "gz", "parquet", "pq"];
    let mut table = table.iter().chain(OTHER_TABLES);
    let named = ending.is_some_and(|ending| table.any(|known| ending == *known));
    // A folder may be called anything; what is not there is best missed as an archive.
    !path.is_dir() && !named
}

/// Samples for a model from whatever is at a path, read as the model's own recipe says.
pub(crate) fn for_model(
    path: &Path,
    model_path: &Path,
    model: &Model,
    flags: &DataFlags,
) -> Result<Samples, Failure> {
    check_kind(path)?;
    let recipe = Recipe::load(model_path)?;
    let mut choices = flags.choices(0);
    if let Some(recipe) = &recipe {
        // The target need not be there: then there is nothing to measure, but all to predict.
        choices.table.target = None;
        if let Recipe::Series(series) = recipe {
            choices.series.window = Some(series.window());
        }
    }
    let source = Source::open(&local(path)?, &choices)?;
    let every: Vec<u32> = (0..source.count() as u32).collect();
    let recipe = match recipe {
        Some(recipe) => recipe,
        None => source.learn(&every, &choices, &model.wanted()?)?,
    };
    let read = source.samples(&every, &recipe, flags.workers())?;
    report(&read.broken);
    Ok(read.samples)
}

/// Says what was left out.
pub(crate) fn report(broken: &[String]) {
    const SHOWN: usize = 10;
    if broken.is_empty() {
        return;
    }
    note(&match broken.len() {
        1 => "warning: 1 file was left out".to_string(),
        count => format!("warning: {count} files were left out"),
    });
    broken.iter().take(SHOWN).for_each(|text| note(&format!("- {text}")));
    if broken.len() > SHOWN {
        note(&format!("- and {} more", broken.len() - SHOWN));
    }
}

/// The places to train on and those to validate on, in the way that fits the data.
pub(crate) fn split(source: &Source, choices: &Choices, fraction: f64) -> Result<Split, Failure> {
    let (count, seed) = (source.count(), choices.seed);
    let split = match source {
        Source::Arrays(_) | Source::Series(_) => splits::tail(count, fraction)?,
        // Files were shuffled when they were listed, as in Keras.
        Source::Images(_) | Source::Texts(_) | Source::Sounds(_) => {
            splits::tail_of_files(count, fraction)?
        }
        Source::Table(_) => match source.classes(choices)? {
            Some(classes) => splits::stratified(&classes, fraction, seed)?,
            None => splits::random(count, fraction, seed)?,
        },
    };
    Ok(split)
}

fn task(text: &str) -> Result<table::Task, String> {
    match text {
        "classification" => Ok(table::Task::Classification),
        "regression" => Ok(table::Task::Regression),
        _ => Err("expected classification or regression".to_string()),
    }
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let expected = || "expected a height and a width, such as 160x120, or one number".to_string();
    let number = |text: &str| match text.parse::<u16>() {
        Ok(number) if number > 0 => Ok(usize::from(number)),
        _ => Err(expected()),
    };
    match text.split_once(['x', 'X', '×']) {
        Some((height, width)) => Ok([number(height)?, number(width)?]),
        None => Ok([number(text)?; 2]),
    }
}

fn color_mode(text: &str) -> Result<ColorMode, String> {
    text.parse().map_err(|error: ConfigError| error.to_string())
}

fn interpolation(text: &str) -> Result<Interpolation, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "expected nearest, bilinear, bicubic, lanczos3 or lanczos5".to_string())
}
