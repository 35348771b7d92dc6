//! [`Source`]: what a path holds, whatever it is, and [`Recipe`]: how it becomes arrays.
//!
//! A recipe is learned from the samples to train on, kept beside the trained model, and applied
//! to whatever comes later; so nothing of validation data gets into training.
//! It must not know models: what a model wants is said in [`Wanted`].

mod images;
mod series;
mod sounds;
mod tabular;
mod texts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;
use serde::{Deserialize, Serialize};

pub use images::ImageChoices;
pub use series::{SeriesChoices, SeriesRecipe};
pub use sounds::{SoundChoices, SoundRecipe};
pub use tabular::TableChoices;
pub use texts::{TextChoices, TextRecipe};

use super::folder::{
    AUDIO_ENDINGS, Files, Folder, IMAGE_ENDINGS, LabelMode, LabelledFile, TEXT_ENDINGS,
};
use super::table::{Csv, Encoder, Table};
use super::{Dataset, Items, Pass, Samples};
use crate::error::{Error, Result};
use crate::problem::Problem;

/// Everything that can be chosen about data, beside where it is.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Images.
    pub images: ImageChoices,
    /// Tables.
    pub table: TableChoices,
    /// Series.
    pub series: SeriesChoices,
    /// Texts.
    pub texts: TextChoices,
    /// Sounds.
    pub sounds: SoundChoices,
    /// Threads that read files; 0 reads on the caller's.
    pub workers: usize,
    /// The seed of the order of files.
    pub seed: u64,
}

/// What a model wants of its data, as far as it says so.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The shape of a sample, where it is known.
    pub shape: Option<Vec<Option<usize>>>,
    /// Whether the first layer looks words up, and how many it knows.
    pub words: Option<usize>,
    /// How labels are given.
    pub labels: LabelForm,
}

/// How the label of a class is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelForm {
    /// 0 or 1 for two classes, an index for more.
    #[default]
    Natural,
    /// An index.
    Index,
    /// 0 or 1.
    Bit,
    /// A one-hot vector.
    OneHot,
}

/// Data of one of the kinds there are.
#[derive(Clone, Debug)]
pub enum Source {
    /// Arrays.
    Arrays(Samples),
    /// A folder of images.
    Images(Files),
    /// A folder of texts.
    Texts(Files),
    /// A folder of audio files.
    Sounds(Files),
    /// A table.
    Table(Table),
    /// A table whose rows follow each other in time.
    Series(Table),
}

/// How samples are made of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Recipe {
    /// Arrays are used as they are.
    Arrays,
    /// Images.
    Images(images::ImageRecipe),
    /// Texts.
    Texts(TextRecipe),
    /// Sounds.
    Sounds(SoundRecipe),
    /// Tables.
    Table(Encoder),
    /// Windows of a table.
    Series(SeriesRecipe),
}

impl Source {
    /// Opens a folder of images, texts or audio files, or a table.
    ///
    /// # Errors
    /// If there is nothing there, or nothing that can be used.
    pub fn open(path: &Path, choices: &Choices) -> Result<Source> {
        if path.is_dir() {
            return Source::folder(path, choices);
        }
        let csv = Csv { header: choices.table.header, delimiter: choices.table.delimiter };
        let table = choices.table.complete(Table::read(path, &csv)?)?;
        let series = choices.series.window.is_some();
        Ok(if series { Source::Series(table) } else { Source::Table(table) })
    }

    fn folder(path: &Path, choices: &Choices) -> Result<Source> {
        let folder = Folder::new(path).seed(choices.seed as u32);
        let flat = |folder: &Folder, endings| folder.clone().without_labels().files(endings);
        let labelled = |endings| match folder.files(endings) {
            Ok(files) => Some(files),
            Err(_) => flat(&folder, endings).ok(),
        };
        // Of what there is most; an image beside a text is most often what the text is about.
        type Kind = fn(Files) -> Source;
        let kinds = [
            (IMAGE_ENDINGS, Source::Images as Kind),
            (TEXT_ENDINGS, Source::Texts as Kind),
            (AUDIO_ENDINGS, Source::Sounds as Kind),
        ];
        let mut best: Option<Source> = None;
        for (endings, kind) in kinds {
            let most = best.as_ref().map_or(0, Source::count);
            if let Some(files) = labelled(endings).filter(|files| files.count() > most) {
                best = Some(kind(files));
            }
        }
        match best {
            Some(source) => Ok(source),
            // What is there tells best what is missing.
            None => {
                let every = [IMAGE_ENDINGS, TEXT_ENDINGS, AUDIO_ENDINGS].concat();
                folder.files(&every).map(Source::Images)
            }
        }
    }

    /// The number of samples; of a series, the number of rows.
    pub fn count(&self) -> usize {
        match self {
            Source::Arrays(samples) => samples.count(),
            Source::Images(files) | Source::Texts(files) | Source::Sounds(files) => files.count(),
            Source::Table(table) | Source::Series(table) => table.count(),
        }
    }

    /// What kind it is, in words.
    pub fn describe(&self) -> String {
        let classes = |files: &Files, what: &str| match files.class_names() {
            [] => format!("{} {what} without labels", files.count()),
            names => format!("{} {what} of {} classes", files.count(), names.len()),
        };
        match self {
            Source::Arrays(samples) => format!("{} samples", samples.count()),
            Source::Images(files) => classes(files, "images"),
            Source::Texts(files) => classes(files, "texts"),
            Source::Sounds(files) => classes(files, "sounds"),
            Source::Table(table) => {
                format!("a table of {} rows and {} columns", table.count(), table.names().len())
            }
            Source::Series(table) => {
                format!("a series of {} rows and {} columns", table.count(), table.names().len())
            }
        }
    }

    /// What is odd about it, though it can be used.
    pub fn notes(&self) -> Vec<String> {
        match self {
            Source::Images(files) | Source::Texts(files) | Source::Sounds(files) => {
                files.notes().to_vec()
            }
            Source::Arrays(_) | Source::Table(_) | Source::Series(_) => Vec::new(),
        }
    }

    /// The class of each sample, to deal classes out evenly; `None` for quantities.
    ///
    /// # Errors
    /// If the target of a table is not there.
    pub fn classes(&self, choices: &Choices) -> Result<Option<Vec<u32>>> {
        Ok(match self {
            Source::Series(_) => None,
            Source::Images(files) | Source::Texts(files) | Source::Sounds(files) => {
                Some(files.labels()).filter(|labels| !labels.is_empty())
            }
            Source::Table(table) => choices.table.classes(table)?,
            Source::Arrays(samples) => samples.y.first().and_then(|y| match Problem::of(y) {
                Problem::Binary | Problem::Classes { .. } if y.size() == samples.count() => {
                    Some(y.to_f64_vec().into_iter().map(|v| v as u32).collect())
                }
                _ => None,
            }),
        })
    }

    /// The recipe, learned from the samples at these places.
    ///
    /// # Errors
    /// If the data does not fit what is wanted.
    pub fn learn(&self, places: &[u32], choices: &Choices, wanted: &Wanted) -> Result<Recipe> {
        if let Source::Images(files) | Source::Texts(files) | Source::Sounds(files) = self
            && let [only] = files.class_names()
        {
            return Err(Error::Data(
                ConfigError::new("the folder has one class only")
                    .expected("two subfolders or more, each with the files of a class")
                    .received(format!("`{only}`")),
            ));
        }
        Ok(match self {
            Source::Arrays(_) => Recipe::Arrays,
            Source::Images(files) => Recipe::Images(choices.images.recipe(files, wanted)?),
            Source::Texts(files) => Recipe::Texts(choices.texts.learn(&files.at(places), wanted)?),
            Source::Sounds(files) => {
                Recipe::Sounds(choices.sounds.learn(&files.at(places), wanted)?)
            }
            Source::Table(table) => Recipe::Table(choices.table.learn(&table.at(places), wanted)?),
            Source::Series(table) => {
                Recipe::Series(choices.series.learn(&table.at(places), &choices.table)?)
            }
        })
    }

    /// The samples at these places, all in memory, with what could not be read.
    ///
    /// # Errors
    /// If the recipe is of another kind of data, or nothing can be read.
    pub fn samples(&self, places: &[u32], recipe: &Recipe, workers: usize) -> Result<Read> {
        let read = match (self, recipe) {
            (Source::Arrays(samples), Recipe::Arrays) => {
                samples.check()?;
                samples.at(places).into()
            }
            (Source::Images(_), Recipe::Images(_)) | (Source::Sounds(_), Recipe::Sounds(_)) => {
                match self.files(places, recipe)? {
                    Some(files) => collected(&files.items().map(files.read()).workers(workers))?,
                    None => Read::default(),
                }
            }
            (Source::Texts(files), Recipe::Texts(recipe)) => recipe.samples(&files.at(places))?,
            (Source::Table(table), Recipe::Table(encoder)) => {
                encoder.samples(&table.at(places))?.into()
            }
            (Source::Series(table), Recipe::Series(recipe)) => {
                recipe.samples(&table.at(places))?.into()
            }
            _ => {
                return Err(Error::Data(
                    ConfigError::new("the model was trained on data of another kind")
                        .expected(recipe.name())
                        .received(self.describe()),
                ));
            }
        };
        Ok(read)
    }

    /// The bytes that [`Source::samples`] takes for so many samples, as far as it can be large.
    pub fn bytes(&self, count: usize, recipe: &Recipe) -> usize {
        let numbers: usize = match recipe {
            Recipe::Images(recipe) => recipe.shape().iter().product(),
            Recipe::Sounds(recipe) => recipe.shape().iter().product(),
            _ => 0,
        };
        count.saturating_mul(numbers).saturating_mul(DType::F32.size())
    }

    /// The images or sounds at these places as files that are read in every pass anew, and how;
    /// `None` for other data.
    ///
    /// # Errors
    /// If the recipe was made for other classes.
    pub fn files(&self, places: &[u32], recipe: &Recipe) -> Result<Option<ReadAnew>> {
        Ok(match (self, recipe) {
            (Source::Images(files), Recipe::Images(recipe)) => {
                let (files, reader) = recipe.reading(files.at(places))?;
                let read = Arc::new(reader.labelled(&files));
                Some(ReadAnew { files, shape: recipe.shape().to_vec(), read })
            }
            (Source::Sounds(files), Recipe::Sounds(recipe)) => {
                let (files, reader) = recipe.reading(files.at(places))?;
                let read = Arc::new(reader.labelled(&files));
                Some(ReadAnew { files, shape: recipe.shape().to_vec(), read })
            }
            _ => None,
        })
    }
}

/// Files that are read in every pass anew.
#[derive(Clone)]
pub struct ReadAnew {
    files: Files,
    shape: Vec<usize>,
    read: Arc<ReadFile>,
}

/// What makes a sample of a file.
type ReadFile = dyn Fn(LabelledFile) -> Result<Samples> + Send + Sync;

impl ReadAnew {
    /// The files as a dataset.
    pub fn items(&self) -> Items<LabelledFile> {
        self.files.items()
    }

    /// A function for [`Dataset::map`]: the sample of a file.
    pub fn read(&self) -> impl Fn(LabelledFile) -> Result<Samples> + Send + Sync + 'static {
        let read = self.read.clone();
        move |file| read(file)
    }

    /// The shape of a sample.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of files.
    pub fn count(&self) -> usize {
        self.files.count()
    }
}

impl std::fmt::Debug for ReadAnew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadAnew").field("files", &self.count()).finish_non_exhaustive()
    }
}

/// Samples that were read, and what could not be.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The samples.
    pub samples: Samples,
    /// Why others were left out.
    pub broken: Vec<String>,
}

impl From<Samples> for Read {
    fn from(samples: Samples) -> Read {
        Read { samples, broken: Vec::new() }
    }
}

/// All samples of a dataset as one batch; what cannot be read is left out.
fn collected(data: &impl Dataset<Item = Samples>) -> Result<Read> {
    let most = data.count().unwrap_or(usize::MAX).max(1);
    let lenient = data.skip_broken();
    let whole = lenient.clone().batch(most).pass(Pass::default()).next();
    let broken = lenient.broken();
    match whole {
        Some(samples) => Ok(Read { samples: samples?, broken }),
        None => Err(Error::Data(
            ConfigError::new("none of the files can be used")
                .expected("at least one that can be read")
                .received(broken.first().cloned().unwrap_or_default()),
        )),
    }
}

impl Recipe {
    /// What samples are made of, in words.
    pub fn name(&self) -> &'static str {
        match self {
            Recipe::Arrays => "arrays in an .npz file",
            Recipe::Images(_) => "a folder of images",
            Recipe::Texts(_) => "a folder of texts",
            Recipe::Sounds(_) => "a folder of audio files",
            Recipe::Table(_) => "a table",
            Recipe::Series(_) => "a table and a window of rows",
        }
    }

    /// The shape of a sample of these images; `None` for other data.
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        match self {
            Recipe::Images(recipe) => Some(recipe.shape()),
            _ => None,
        }
    }

    /// Whether samples are waves.
    pub fn is_sound(&self) -> bool {
        matches!(self, Recipe::Sounds(_))
    }

    /// The number of different words, where samples are words in their order.
    pub fn words(&self) -> Option<usize> {
        match self {
            Recipe::Texts(recipe) => recipe.vocabulary(),
            _ => None,
        }
    }

    /// The names of the classes; none for quantities.
    pub fn class_names(&self) -> &[String] {
        match self {
            Recipe::Arrays | Recipe::Series(_) => &[],
            Recipe::Images(recipe) => recipe.class_names(),
            Recipe::Texts(recipe) => recipe.class_names(),
            Recipe::Sounds(recipe) => recipe.class_names(),
            Recipe::Table(encoder) => encoder.class_names(),
        }
    }

    /// Mean and deviation of a quantity to be told.
    pub fn scale(&self) -> Option<(f64, f64)> {
        match self {
            Recipe::Table(encoder) => encoder.scale(),
            Recipe::Series(recipe) => Some(recipe.scale()),
            Recipe::Arrays | Recipe::Images(_) | Recipe::Texts(_) | Recipe::Sounds(_) => None,
        }
    }

    /// Where the recipe of a model's file is kept: beside it.
    pub fn path(model: &Path) -> PathBuf {
        model.with_extension("data.json")
    }

    /// Writes the recipe beside a model's file, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, model: &Path) -> Result<()> {
        let text = serde_json::to_string(self).unwrap_or_default();
        crate::write_text(Recipe::path(model), &text)
    }

    /// The recipe beside a model's file, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load(model: &Path) -> Result<Option<Recipe>> {
        let path = Recipe::path(model);
        if !path.is_file() {
            return Ok(None);
        }
        let text = std::fs::read(&path).map_err(|source| Error::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            Error::Data(
                ConfigError::new(format!("`{}` does not say how data is read", path.display()))
                    .expected("what `ibex train` wrote")
                    .received(error.to_string())
                    .help("remove the file, and give the choices anew"),
            )
        })
    }
}

/// How files of so many classes are labelled for a model.
fn label_mode(form: LabelForm, classes: usize) -> LabelMode {
    match form {
        _ if classes == 0 => LabelMode::None,
        LabelForm::Natural if classes == 2 => LabelMode::Binary,
        LabelForm::Natural | LabelForm::Index => LabelMode::Int,
        LabelForm::Bit => LabelMode::Binary,
        LabelForm::OneHot => LabelMode::Categorical,
    }
}

/// The files with labels of this kind, if they have the classes that were trained on or none.
fn known_classes(files: Files, known: &[String], labels: LabelMode) -> Result<Files> {
    if files.class_names().is_empty() {
        return files.with_label_mode(LabelMode::None);
    }
    if files.class_names() != known {
        return Err(Error::Data(
            ConfigError::new("the folder has other classes than those that were trained on")
                .expected(known.join(", "))
                .received(files.class_names().join(", ")),
        ));
    }
    files.with_label_mode(labels)
}

/// Class indices in the form that a model wants.
pub(crate) fn labels_as(indices: &[u32], classes: usize, form: LabelForm) -> Array {
    let values: Vec<f64> = indices.iter().map(|&index| f64::from(index)).collect();
    let count = values.len();
    match form {
        LabelForm::Bit => Array::from_f64_slice(DType::F32, [count, 1], &values),
        LabelForm::Natural if classes == 2 => {
            Array::from_f64_slice(DType::F32, [count, 1], &values)
        }
        LabelForm::Natural | LabelForm::Index => {
            Array::from_f64_slice(DType::I32, [count], &values)
        }
        LabelForm::OneHot => {
            let mut hot = vec![0.0; count * classes];
            for (row, &index) in indices.iter().enumerate() {
                if (index as usize) < classes {
                    hot[row * classes + index as usize] = 1.0;
                }
            }
            Array::from_f64_slice(DType::F32, [count, classes], &hot)
        }
    }
}

/// The text of a file, for folders of texts.
pub(super) fn text_of((path, _): &LabelledFile) -> Result<String> {
    super::text::read(path, None)
}
