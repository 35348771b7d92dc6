//! [`Folder`]: files in one subfolder for each class, as Keras's `*_dataset_from_directory` finds
//! them, and [`Files`] with their labels from anywhere else.
//!
//! Order, classes and split are Keras's, for the same seed.
//! It must not know what is in the files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;
use serde::{Deserialize, Serialize};

use super::dataset::Items;
use crate::error::{Error, Result};
use crate::numpy_random::RandomState;

/// How a label is given to a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelMode {
    /// The index of the class, `int32` of shape `(batch,)`.
    #[default]
    Int,
    /// 0 or 1, `float32` of shape `(batch, 1)`; for two classes.
    Binary,
    /// A one-hot vector, `float32` of shape `(batch, classes)`.
    Categorical,
    /// No label.
    None,
}

/// A folder with one subfolder for each class.
///
/// ```no_run
/// use ibex_train::data::{Dataset, Folder, ImageReader};
///
/// let files = Folder::new("cats_dogs/train").seed(1).images()?;
/// let (train, held) = files.split(0.2)?;
/// let images = ImageReader::new([128, 128]);
/// let data = train.items().shuffle().map(images.labelled(&train)).workers(2).batch(32);
/// # Ok::<(), ibex_train::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    class_names: Option<Vec<String>>,
    labels: Labels,
    label_mode: LabelMode,
    shuffle: bool,
    seed: u32,
    follow_links: bool,
}

/// Where labels come from.
#[derive(Clone, Debug)]
enum Labels {
    /// From the subfolders.
    Inferred,
    /// One for each file, in the order of the paths.
    Given(Vec<i64>),
    /// There are none.
    Absent,
}

/// The endings of files that are images.
pub const IMAGE_ENDINGS: &[&str] = &[".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp"];
/// The endings of files that are texts.
pub const TEXT_ENDINGS: &[&str] = &[".txt"];
/// The endings of files that are audio.
pub const AUDIO_ENDINGS: &[&str] = &[".flac", ".mp3", ".oga", ".ogg", ".wav"];

impl Folder {
    /// The folder at a path; its files are shuffled once, as in Keras.
    pub fn new(path: impl Into<PathBuf>) -> Folder {
        Folder {
            path: path.into(),
            class_names: None,
            labels: Labels::Inferred,
            label_mode: LabelMode::Int,
            shuffle: true,
            seed: 0,
            follow_links: false,
        }
    }

    /// The classes in this order, instead of the alphabetic one; subfolders that are not named are
    /// left out.
    pub fn class_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Folder {
        self.class_names = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The labels of all files, in the order of their paths; the subfolders have no meaning then.
    pub fn labels(mut self, labels: impl IntoIterator<Item = i64>) -> Folder {
        self.labels = Labels::Given(labels.into_iter().collect());
        self
    }

    /// All files below the folder, without labels.
    pub fn without_labels(mut self) -> Folder {
        (self.labels, self.label_mode) = (Labels::Absent, LabelMode::None);
        self
    }

    /// How labels are given to a model.
    pub fn label_mode(mut self, mode: LabelMode) -> Folder {
        self.label_mode = mode;
        self
    }

    /// Whether the files are put into a random order, once.
    pub fn shuffle(mut self, shuffle: bool) -> Folder {
        self.shuffle = shuffle;
        self
    }

    /// The seed of that order.
    pub fn seed(mut self, seed: u32) -> Folder {
        self.seed = seed;
        self
    }

    /// Whether folders that are symbolic links are entered.
    pub fn follow_links(mut self, follow: bool) -> Folder {
        self.follow_links = follow;
        self
    }

    /// The images.
    ///
    /// # Errors
    /// As [`Folder::files`].
    pub fn images(&self) -> Result<Files> {
        self.files(IMAGE_ENDINGS)
    }

    /// The texts.
    ///
    /// # Errors
    /// As [`Folder::files`].
    pub fn texts(&self) -> Result<Files> {
        self.files(TEXT_ENDINGS)
    }

    /// The audio files.
    ///
    /// # Errors
    /// As [`Folder::files`].
    pub fn audio(&self) -> Result<Files> {
        self.files(AUDIO_ENDINGS)
    }

    /// The files with these endings, in lower case and with their dots.
    ///
    /// # Errors
    /// If the folder cannot be read, has no class or no such file, or labels do not fit.
    pub fn files(&self, endings: &[&str]) -> Result<Files> {
        let mut classes = vec![String::new()];
        if matches!(self.labels, Labels::Inferred) {
            classes = self.subfolders()?;
        }
        let (mut paths, mut labels, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for (label, class) in classes.iter().enumerate() {
            let found = self.below(&self.path.join(class), endings)?;
            if found.is_empty() && !class.is_empty() {
                notes.push(format!("the class `{class}` has no {} file", endings.join(", ")));
            }
            labels.extend(std::iter::repeat_n(label as u32, found.len()));
            paths.extend(found);
        }
        if paths.is_empty() {
            return Err(Error::Data(
                ConfigError::new(format!("there is no file to use in `{}`", self.path.display()))
                    .expected(format!("files that end in {}", endings.join(", ")))
                    .received(match classes.as_slice() {
                        [] => "no subfolder".to_string(),
                        [class] if class.is_empty() => "none".to_string(),
                        _ => format!("none in the subfolders {}", classes.join(", ")),
                    }),
            ));
        }
        match &self.labels {
            Labels::Inferred => {}
            Labels::Absent => (labels, classes) = (Vec::new(), Vec::new()),
            Labels::Given(given) => (labels, classes) = self.given(given, paths.len())?,
        }
        if self.shuffle {
            RandomState::new(self.seed).shuffle(&mut paths);
            RandomState::new(self.seed).shuffle(&mut labels);
        }
        Files::of(paths, labels, classes, self.label_mode, notes)
    }

    /// The names of the classes, in order.
    fn subfolders(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in self.entries(&self.path)? {
            let name = entry.file_name();
            let hidden = name.as_encoded_bytes().starts_with(b".");
            if is_folder(&entry) && !hidden {
                found.push(name.to_string_lossy().into_owned());
            }
        }
        found.sort();
        let Some(named) = &self.class_names else { return Ok(found) };
        match named.iter().find(|name| !found.contains(name)) {
            None => Ok(named.clone()),
            Some(missing) => Err(Error::Data(
                ConfigError::new(format!("there is no subfolder for the class `{missing}`"))
                    .expected(format!("names among {}", found.join(", ")))
                    .received(named.join(", ")),
            )),
        }
    }

    /// Labels of all files, as indices of the sorted labels.
    fn given(&self, given: &[i64], files: usize) -> Result<(Vec<u32>, Vec<String>)> {
        if given.len() != files {
            return Err(Error::Data(
                ConfigError::new(format!(
                    "the labels do not belong to the files of `{}`",
                    self.path.display()
                ))
                .expected(format!("{files} labels, one for each file"))
                .received(given.len().to_string()),
            ));
        }
        let mut classes = given.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let index = |label: &i64| classes.binary_search(label).unwrap_or(0) as u32;
        let labels = given.iter().map(index).collect();
        Ok((labels, classes.iter().map(i64::to_string).collect()))
    }

    /// The files below a folder: those of each folder by name, the folders by path.
    fn below(&self, folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
        let (mut folders, mut waiting) = (Vec::new(), vec![folder.to_path_buf()]);
        while let Some(folder) = waiting.pop() {
            let mut files = Vec::new();
            for entry in self.entries(&folder)? {
                let path = entry.path();
                if is_folder(&entry) {
                    let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                    if !link || self.follow_links {
                        waiting.push(path);
                    }
                } else if ends_in(entry.file_name().as_os_str(), endings) {
                    files.push(path);
                }
            }
            files.sort_by(|a, b| name(a).cmp(name(b)));
            folders.push((folder, files));
        }
        // As text, where Keras sorts them: `/` comes after `-` and before letters.
        folders.sort_by(|(a, _), (b, _)| a.as_os_str().cmp(b.as_os_str()));
        Ok(folders.into_iter().flat_map(|(_, files)| files).collect())
    }

    fn entries(&self, folder: &Path) -> Result<Vec<fs::DirEntry>> {
        let unreadable = |source| Error::Io { action: "read", path: folder.to_path_buf(), source };
        fs::read_dir(folder).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)
    }
}

/// Whether it is a folder, or a link to one; the file system is asked about links only, not about
/// each of a hundred thousand files.
fn is_folder(entry: &fs::DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if !kind.is_symlink() => kind.is_dir(),
        _ => entry.path().is_dir(),
    }
}

fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

fn ends_in(name: &OsStr, endings: &[&str]) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// A file and the index of its class, if it has one.
pub type LabelledFile = (PathBuf, Option<u32>);

/// Files with their labels.
#[derive(Clone, Debug)]
pub struct Files {
    items: Vec<LabelledFile>,
    class_names: Arc<Vec<String>>,
    label_mode: LabelMode,
    notes: Vec<String>,
}

impl Files {
    fn of(
        paths: Vec<PathBuf>,
        labels: Vec<u32>,
        classes: Vec<String>,
        label_mode: LabelMode,
        notes: Vec<String>,
    ) -> Result<Files> {
        let label_mode = if labels.is_empty() { LabelMode::None } else { label_mode };
        let labels = labels.into_iter().map(Some).chain(std::iter::repeat(None));
        let items = paths.into_iter().zip(labels).collect();
        Files { items, class_names: Arc::new(classes), label_mode: LabelMode::None, notes }
            .with_label_mode(label_mode)
    }

    /// Files whose labels a function of their names gives; the classes are sorted.
    ///
    /// # Errors
    /// If there is no file.
    ///
    /// ```
    /// use ibex_train::data::Files;
    ///
    /// let pets = ["Bombay_1.jpg", "beagle_3.jpg"];
    /// let is_cat = |name: &str| name.starts_with(char::is_uppercase).to_string();
    /// let files = Files::by_name(pets, is_cat)?;
    /// assert_eq!(files.class_names(), ["false", "true"]);
    /// # Ok::<(), ibex_train::Error>(())
    /// ```
    pub fn by_name<P: Into<PathBuf>>(
        paths: impl IntoIterator<Item = P>,
        label: impl Fn(&str) -> String,
    ) -> Result<Files> {
        let labelled = paths.into_iter().map(|path| {
            let path = path.into();
            let label = label(&name(&path).to_string_lossy());
            (path, label)
        });
        Files::from_list(labelled)
    }

    /// Files with the names of their classes; the classes are sorted.
    ///
    /// # Errors
    /// If there is no file.
    pub fn from_list<P: Into<PathBuf>, S: Into<String>>(
        list: impl IntoIterator<Item = (P, S)>,
    ) -> Result<Files> {
        let list: Vec<(PathBuf, String)> =
            list.into_iter().map(|(path, label)| (path.into(), label.into())).collect();
        if list.is_empty() {
            return Err(Error::Data(ConfigError::new("the list of files is empty")));
        }
        let mut classes: Vec<String> = list.iter().map(|(_, label)| label.clone()).collect();
        classes.sort();
        classes.dedup();
        let index = |label: &String| classes.binary_search(label).unwrap_or(0) as u32;
        let labels = list.iter().map(|(_, label)| index(label)).collect();
        let paths = list.into_iter().map(|(path, _)| path).collect();
        Files::of(paths, labels, classes, LabelMode::Int, Vec::new())
    }

    /// The same files with labels given in another way.
    ///
    /// # Errors
    /// If there are not two classes for [`LabelMode::Binary`], or no labels at all.
    pub fn with_label_mode(mut self, mode: LabelMode) -> Result<Files> {
        let classes = self.class_names.len();
        if mode == LabelMode::Binary && classes != 2 {
            return Err(Error::Data(
                ConfigError::new("labels of 0 and 1 need two classes")
                    .expected("2 classes")
                    .received(format!("{classes} ({})", self.class_names.join(", "))),
            ));
        }
        if mode != LabelMode::None && self.items.iter().any(|(_, label)| label.is_none()) {
            return Err(Error::Data(
                ConfigError::new("the files have no labels")
                    .expected("one subfolder for each class, or a list of labels"),
            ));
        }
        self.label_mode = mode;
        Ok(self)
    }

    /// The number of files.
    pub fn count(&self) -> usize {
        self.items.len()
    }

    /// The paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.items.iter().map(|(path, _)| path.as_path())
    }

    /// The indices of the classes, in the order of the files; empty without labels.
    pub fn labels(&self) -> Vec<u32> {
        self.items.iter().filter_map(|(_, label)| *label).collect()
    }

    /// The names of the classes, in the order of their indices.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// What is odd about the folder, though it can be used: a class without files.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The files before the last `fraction`, and those: Keras's `training` and `validation`.
    ///
    /// # Errors
    /// If one of the parts would be empty.
    pub fn split(&self, fraction: f64) -> Result<(Files, Files)> {
        let held = (self.items.len() as f64 * fraction) as usize;
        if !(0.0..1.0).contains(&fraction) || held == 0 {
            return Err(Error::Data(
                ConfigError::new("the validation split leaves one part empty")
                    .expected("a fraction in (0, 1) that leaves files on both sides")
                    .received(format!("{fraction} of {} files", self.items.len())),
            ));
        }
        let at = self.items.len() - held;
        let part = |items: &[LabelledFile]| Files { items: items.to_vec(), ..self.clone() };
        Ok((part(&self.items[..at]), part(&self.items[at..])))
    }

    /// The files at these places, such as those of a fold.
    ///
    /// A place must be below [`Files::count`].
    pub fn at(&self, places: &[u32]) -> Files {
        let items = places.iter().map(|&i| self.items[i as usize].clone()).collect();
        Files { items, ..self.clone() }
    }

    /// The files as a dataset.
    pub fn items(&self) -> Items<LabelledFile> {
        Items::new(self.items.clone())
    }

    /// The label of one sample as targets of a model; none without labels.
    pub fn target(&self) -> impl Fn(Option<u32>) -> Vec<Array> + Send + Sync + 'static {
        let (mode, classes) = (self.label_mode, self.class_names.len());
        move |label| {
            let Some(label) = label else { return Vec::new() };
            let value = f64::from(label);
            vec![match mode {
                LabelMode::None => return Vec::new(),
                LabelMode::Int => Array::from_f64_slice(DType::I32, [1], &[value]),
                LabelMode::Binary => Array::from_f64_slice(DType::F32, [1, 1], &[value]),
                LabelMode::Categorical => {
                    let mut hot = vec![0.0; classes];
                    if let Some(one) = hot.get_mut(label as usize) {
                        *one = 1.0;
                    }
                    Array::from_f64_slice(DType::F32, [1, classes], &hot)
                }
            }]
        }
    }
}
