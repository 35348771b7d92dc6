//! [`Encoder`]: tables to arrays, as it was learned from the rows to train on.

use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;
use serde::{Deserialize, Serialize};

use super::features::{Choices, Feature};
use super::{Column, Table, shown};
use crate::data::Samples;
use crate::data::source::{LabelForm, labels_as};
use crate::error::{Error, Result};

/// Values of a target that are classes at most, where they are numbers.
const FEW: usize = 20;
/// Rows of a table for each class at least, where classes are numbers.
const ROWS_OF_A_CLASS: usize = 5;

/// What a target is to be taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Classes if the target is text or has few whole numbers; quantities otherwise.
    #[default]
    Guess,
    /// One of several classes.
    Classification,
    /// A quantity.
    Regression,
}

/// What the target became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// Class indices; the names of the classes in order.
    Classes {
        /// The names.
        names: Vec<String>,
    },
    /// A quantity, with its mean and deviation in the rows to train on.
    Quantity {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
}

/// How the columns of a table become arrays.
///
/// ```
/// use ibex_train::data::table::{Choices, Csv, Encoder, Task};
///
/// let text = b"size,color,price\n1,red,10.5\n3,blue,20.5\n,red,12.0\n";
/// let table = Csv::default().parse(text, "shop.csv")?;
/// let encoder = Encoder::learn(&table, Some("price"), Task::Guess, &Choices::default())?;
/// let samples = encoder.samples(&table)?;
/// // The size, whether it is missing, and three columns for the color.
/// assert_eq!(samples.x[0].shape().dims(), [3, 5]);
/// assert_eq!(samples.y[0].to_f64_vec(), [10.5, 20.5, 12.0]);
/// # Ok::<(), ibex_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    /// The columns that are inputs, in order.
    features: Vec<(String, Feature)>,
    /// The column that is the target.
    target: Option<(String, Target)>,
    /// How the label of a class is given.
    #[serde(default)]
    labels: LabelForm,
}

impl Encoder {
    /// Learns from the rows to train on.
    ///
    /// # Errors
    /// If a column that is named is not there, or nothing is left to learn from.
    pub fn learn(
        table: &Table,
        target: Option<&str>,
        task: Task,
        choices: &Choices,
    ) -> Result<Encoder> {
        for name in [&choices.categories, &choices.ignored, &choices.texts].into_iter().flatten() {
            table.column(name)?;
        }
        let target = match target {
            Some(name) => {
                let (name, column) = table.column(name)?;
                Some((name.clone(), Target::learn(name, column, task, table)?))
            }
            None => None,
        };
        let is_target = |name: &String| target.as_ref().is_some_and(|(own, _)| own == name);
        let features: Vec<(String, Feature)> = table
            .columns()
            .filter(|(name, _)| !is_target(name))
            .map(|(name, column)| (name.clone(), Feature::of(name, column, choices)))
            .collect();
        let encoder = Encoder { features, target, labels: LabelForm::Index };
        if encoder.width() == 0 {
            return Err(Error::Data(
                ConfigError::new(format!("`{}` has no column to learn from", table.source()))
                    .expected("a column of numbers or categories beside the target")
                    .received(table.names().join(", ")),
            ));
        }
        Ok(encoder)
    }

    /// The encoder of a target alone.
    pub(crate) fn of_target(table: &Table, target: &str, task: Task) -> Result<Encoder> {
        let (name, column) = table.column(target)?;
        let learned = Target::learn(name, column, task, table)?;
        let target = Some((name.clone(), learned));
        Ok(Encoder { features: Vec::new(), target, labels: LabelForm::Index })
    }

    /// The same encoder with labels of classes in another form.
    pub fn with_labels(mut self, form: LabelForm) -> Encoder {
        self.labels = form;
        self
    }

    /// The columns and what they become.
    pub fn features(&self) -> &[(String, Feature)] {
        &self.features
    }

    /// The target's column and what it became.
    pub fn target(&self) -> Option<&(String, Target)> {
        self.target.as_ref()
    }

    /// How many numbers a row becomes.
    pub fn width(&self) -> usize {
        self.features.iter().map(|(_, feature)| feature.width()).sum()
    }

    /// The inputs of a table, `(rows, width)` of `float32`.
    ///
    /// # Errors
    /// If a column is missing.
    pub fn inputs(&self, table: &Table) -> Result<Array> {
        let (rows, width) = (table.count(), self.width());
        let mut all = vec![0f32; rows * width];
        let mut start = 0;
        for (name, feature) in &self.features {
            let wide = feature.width();
            if wide == 0 {
                continue;
            }
            let values = feature.apply(table.column(name)?.1);
            for (to, from) in all.chunks_exact_mut(width).zip(values.chunks_exact(wide)) {
                to[start..start + wide].copy_from_slice(from);
            }
            start += wide;
        }
        Ok(Array::from_slice([rows, width], &all)?)
    }

    /// The target of a table: class indices `(rows,)` of `int32`, unless they are wanted in
    /// another form, or quantities `(rows, 1)` of `float32`.
    ///
    /// # Errors
    /// If there is no target, or one is missing or of a class that is not known.
    pub fn targets(&self, table: &Table) -> Result<Array> {
        let Some((name, target)) = &self.target else {
            return Err(Error::Data(ConfigError::new("no column of the table is the target")));
        };
        let values = target.apply(name, table)?;
        Ok(match target {
            Target::Classes { names } => {
                let indices: Vec<u32> = values.iter().map(|&index| index as u32).collect();
                labels_as(&indices, names.len(), self.labels)
            }
            Target::Quantity { .. } => {
                Array::from_f64_slice(DType::F32, [values.len(), 1], &values)
            }
        })
    }

    /// The inputs of a table and, where it has that column, the target.
    ///
    /// # Errors
    /// As [`Encoder::inputs`] and [`Encoder::targets`].
    pub fn samples(&self, table: &Table) -> Result<Samples> {
        let x = vec![self.inputs(table)?];
        let has_target = |(name, _): &(String, Target)| table.names().contains(name);
        let y = match self.target.as_ref().is_some_and(has_target) {
            true => vec![self.targets(table)?],
            false => Vec::new(),
        };
        Ok(Samples { x, y, weights: Vec::new() })
    }
}

impl Target {
    fn learn(name: &str, column: &Column, task: Task, table: &Table) -> Result<Target> {
        let quantities = match column {
            Column::Numbers(values) => Some(values),
            Column::Texts(_) => None,
        };
        let distinct = distinct(column);
        let classes = match (task, quantities) {
            (Task::Classification, _) | (Task::Guess, None) => true,
            (Task::Regression, _) => false,
            (Task::Guess, Some(values)) => {
                let whole = values.iter().all(|v| v.is_nan() || v.fract() == 0.0);
                let often = distinct.len() * ROWS_OF_A_CLASS <= values.len();
                whole && distinct.len() <= FEW && (often || distinct.len() == 2)
            }
        };
        let wrong = |what: &str| {
            ConfigError::new(format!("the target `{name}` of `{}` {what}", table.source()))
        };
        if classes && distinct.len() < 2 {
            let found = distinct.first().map_or("none".to_string(), |one| shown(one));
            return Err(Error::Data(
                wrong("has one class only").expected("two classes or more").received(found),
            ));
        }
        if classes {
            return Ok(Target::Classes { names: distinct });
        }
        let Some(values) = quantities else {
            let example = distinct.first().map(|text| shown(text)).unwrap_or_default();
            return Err(Error::Data(wrong("is no quantity").expected("numbers").received(example)));
        };
        match Feature::number(values) {
            Feature::Number { mean, deviation, .. } => Ok(Target::Quantity { mean, deviation }),
            _ => Ok(Target::Quantity { mean: 0.0, deviation: 1.0 }),
        }
    }

    fn apply(&self, name: &str, table: &Table) -> Result<Vec<f64>> {
        let (name, column) = table.column(name)?;
        let rows = table.count();
        let wrong = |row: usize, expected: String, received: String| {
            let what = format!("`{}`: the target `{name}` of row {row}", table.source());
            let error = match received.is_empty() {
                true => ConfigError::new(format!("{what} is missing"))
                    .help("remove the rows without a target"),
                false => ConfigError::new(format!("{what} cannot be used")).received(received),
            };
            Error::Data(error.expected(expected))
        };
        let mut values = Vec::with_capacity(rows);
        for row in 0..rows {
            let text = column.text(row).unwrap_or_default();
            values.push(match (self, column) {
                (Target::Classes { names }, _) => {
                    let place = names.iter().position(|own| *own == text);
                    place.ok_or_else(|| wrong(row, names.join(", "), quoted(&text)))? as f64
                }
                (Target::Quantity { .. }, Column::Numbers(numbers)) if numbers[row].is_finite() => {
                    numbers[row]
                }
                _ => return Err(wrong(row, "a number".into(), quoted(&text))),
            });
        }
        Ok(values)
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { shown(text) }
}

/// The values of a column, each once: numbers by size, texts by the alphabet.
fn distinct(column: &Column) -> Vec<String> {
    match column {
        Column::Numbers(values) => {
            let mut values: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            values.iter().map(f64::to_string).collect()
        }
        Column::Texts(values) => {
            let mut values: Vec<String> = values.iter().flatten().cloned().collect();
            values.sort();
            values.dedup();
            values
        }
    }
}
