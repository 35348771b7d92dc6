//! [`Feature`]: what a column is turned into, and how that is learned from the rows to train on.
//!
//! The kinds are those of Keras's `FeatureSpace`, and texts beside them.
//! Source: <https://keras.io/api/utils/feature_space/>.

use std::collections::HashMap;

use ibex_nn::text::Standardize;
use serde::{Deserialize, Serialize};

use super::Column;

/// Categories that a column may have before rare ones are left out.
const MOST_CATEGORIES: usize = 100;
/// Words of an average text.
const WORDS_OF_TEXTS: f64 = 4.0;
/// The share of values that are there once only which makes a column one of names.
const NAMES: f64 = 0.5;

/// What a column becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Feature {
    /// The number, less the mean and divided by the deviation; the mean where it is missing.
    ///
    /// With `marks_missing`, a second number is 1 where it is missing.
    Number {
        /// The mean of the rows to train on.
        mean: f64,
        /// Their standard deviation.
        deviation: f64,
        /// Whether a number was missing there.
        marks_missing: bool,
    },
    /// The number as it is; 0 where it is missing.
    Raw,
    /// One number for each category, and a first one for those that are not known.
    Category {
        /// The categories, the most frequent first.
        values: Vec<String>,
    },
    /// One number for each interval between boundaries, 1 for the one that holds the value.
    Bins {
        /// The boundaries, rising.
        boundaries: Vec<f64>,
    },
    /// So many numbers, of which the one that the value's hash tells is 1.
    Hash {
        /// The number of places.
        bins: usize,
    },
    /// One number for each of the most frequent words, 1 where it occurs.
    Text {
        /// The words, the most frequent first.
        words: Vec<String>,
    },
    /// Nothing: a name of the row.
    Ignored,
}

/// What to learn of columns, where that does not follow from their values.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Columns of numbers that are names of categories.
    pub categories: Vec<String>,
    /// Columns to leave out.
    pub ignored: Vec<String>,
    /// Columns of texts.
    pub texts: Vec<String>,
    /// Words of a text at most.
    pub most_words: usize,
    /// Whether numbers are normalised.
    pub normalize: bool,
}

impl Default for Choices {
    fn default() -> Choices {
        Choices {
            categories: Vec::new(),
            ignored: Vec::new(),
            texts: Vec::new(),
            most_words: 10_000,
            normalize: true,
        }
    }
}

impl Feature {
    /// What the column `name` becomes, as its values tell.
    pub(super) fn of(name: &str, column: &Column, choices: &Choices) -> Feature {
        let is_in = |names: &[String]| names.iter().any(|chosen| chosen == name);
        if is_in(&choices.ignored) {
            return Feature::Ignored;
        }
        if is_in(&choices.texts) {
            return Feature::text(column, choices.most_words);
        }
        match column {
            _ if is_in(&choices.categories) => Feature::category(column),
            Column::Numbers(values) if counts_rows(values) => Feature::Ignored,
            Column::Numbers(values) if choices.normalize => Feature::number(values),
            Column::Numbers(_) => Feature::Raw,
            Column::Texts(values) => {
                let there = || values.iter().flatten();
                let mut distinct: Vec<&String> = there().collect();
                distinct.sort_unstable();
                distinct.dedup();
                let count = there().count().max(1) as f64;
                let words = there().map(|text| text.split_whitespace().count()).sum::<usize>();
                let unique = distinct.len() as f64 / count > NAMES && count > 10.0;
                match words as f64 / count >= WORDS_OF_TEXTS {
                    true if unique => Feature::text(column, choices.most_words),
                    _ if unique => Feature::Ignored,
                    _ => Feature::category(column),
                }
            }
        }
    }

    /// Numbers to be normalised.
    pub fn number(values: &[f64]) -> Feature {
        let there: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let count = there.len().max(1) as f64;
        let mean = there.iter().sum::<f64>() / count;
        let variance = there.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        // A column of one value says nothing, and becomes 0.
        let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        Feature::Number { mean, deviation, marks_missing: there.len() < values.len() }
    }

    /// Categories, of which there are at most a hundred.
    pub fn category(column: &Column) -> Feature {
        let texts = (0..column.len()).filter_map(|row| column.text(row));
        Feature::Category { values: frequent(texts, MOST_CATEGORIES) }
    }

    /// The most frequent words of texts.
    pub fn text(column: &Column, most: usize) -> Feature {
        let texts = (0..column.len()).filter_map(|row| column.text(row));
        let words = texts.flat_map(|text| words(&text));
        Feature::Text { words: frequent(words, most) }
    }

    /// Intervals that hold about as many of the values each.
    pub fn bins(values: &[f64], bins: usize) -> Feature {
        let mut there: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        there.sort_by(f64::total_cmp);
        let at = |i: usize| there.get(i * there.len() / bins.max(1)).copied();
        let mut boundaries: Vec<f64> = (1..bins).filter_map(at).collect();
        boundaries.dedup();
        Feature::Bins { boundaries }
    }

    /// How many numbers a value becomes.
    pub fn width(&self) -> usize {
        match self {
            Feature::Number { marks_missing, .. } => 1 + usize::from(*marks_missing),
            Feature::Raw => 1,
            Feature::Category { values } => values.len() + 1,
            Feature::Bins { boundaries } => boundaries.len() + 1,
            Feature::Hash { bins } => *bins,
            Feature::Text { words } => words.len(),
            Feature::Ignored => 0,
        }
    }

    /// The values of a column, as rows of [`Feature::width`] numbers; what is not of the kind that
    /// was learned counts as missing.
    pub(super) fn apply(&self, column: &Column) -> Vec<f32> {
        let width = self.width();
        let mut all = vec![0.0; width * column.len()];
        if width == 0 {
            return all;
        }
        let places: HashMap<&str, usize> = match self {
            Feature::Category { values: known } | Feature::Text { words: known } => {
                known.iter().enumerate().map(|(i, value)| (value.as_str(), i)).collect()
            }
            _ => HashMap::new(),
        };
        for (row, out) in all.chunks_exact_mut(width).enumerate() {
            let number = || match column {
                Column::Numbers(values) => values[row],
                Column::Texts(_) => f64::NAN,
            };
            match self {
                Feature::Number { mean, deviation, .. } => match number() {
                    value if value.is_finite() => out[0] = ((value - mean) / deviation) as f32,
                    _ => out.iter_mut().skip(1).for_each(|mark| *mark = 1.0),
                },
                Feature::Raw => out[0] = if number().is_nan() { 0.0 } else { number() as f32 },
                Feature::Category { .. } => {
                    let known = column.text(row).and_then(|text| places.get(text.as_str()));
                    out[known.map_or(0, |place| place + 1)] = 1.0;
                }
                Feature::Bins { boundaries } => {
                    let value = number();
                    out[boundaries.partition_point(|boundary| *boundary <= value)] = 1.0;
                }
                Feature::Hash { .. } => {
                    let hash = ibex_graph::hash::fingerprint(
                        column.text(row).unwrap_or_default().as_bytes(),
                    );
                    out[(hash % width as u64) as usize] = 1.0;
                }
                Feature::Text { .. } => {
                    for word in column.text(row).iter().flat_map(|text| words(text)) {
                        if let Some(&place) = places.get(word.as_str()) {
                            out[place] = 1.0;
                        }
                    }
                }
                Feature::Ignored => {}
            }
        }
        all
    }
}

/// Whether values number the rows.
fn counts_rows(values: &[f64]) -> bool {
    values.len() > 10 && values.windows(2).all(|pair| pair[1] == pair[0] + 1.0)
}

/// The words of a text, as `TextVectorization` finds them.
fn words(text: &str) -> Vec<String> {
    let clean = Standardize::LowerAndStripPunctuation.apply(text);
    clean.split_whitespace().map(str::to_string).collect()
}

/// The most frequent of some texts; equally frequent ones by the alphabet.
fn frequent(texts: impl Iterator<Item = String>, most: usize) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.into_iter().take(most).map(|(text, _)| text).collect()
}
