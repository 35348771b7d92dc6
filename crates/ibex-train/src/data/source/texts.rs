//! Texts: which of the most frequent words occur, or the words in their order.

use ibex_nn::ConfigError;
use ibex_nn::layers::{OutputMode, TextVectorization};
use ibex_nn::text::Strings;
use serde::{Deserialize, Serialize};

use super::{LabelForm, Read, Wanted, labels_as, text_of};
use crate::data::Samples;
use crate::data::folder::Files;
use crate::error::{Error, Result};

/// Words that are told apart, where nobody says how many.
const WORDS: usize = 10_000;
/// Words of a text that are kept, where their order counts and nobody says how many.
const LENGTH: usize = 200;

/// What can be chosen about texts.
#[derive(Clone, Debug, Default)]
pub struct TextChoices {
    /// Words that are told apart.
    pub most_words: Option<usize>,
    /// Words of a text that are kept; the order counts then.
    pub length: Option<usize>,
}

/// How texts become arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextRecipe {
    words: Vec<String>,
    /// How many numbers a text becomes.
    width: usize,
    /// Whether those are the words in their order, or which words occur.
    in_order: bool,
    class_names: Vec<String>,
    one_hot: bool,
    bits: bool,
}

impl TextChoices {
    pub(super) fn learn(&self, files: &Files, wanted: &Wanted) -> Result<TextRecipe> {
        let fixed = match wanted.shape.as_deref() {
            None => None,
            Some([width]) => *width,
            Some(_) => {
                return Err(Error::Data(
                    ConfigError::new("the model takes no texts")
                        .expected("an input of one axis: words, or which words occur"),
                ));
            }
        };
        let in_order = wanted.words.is_some() || self.length.is_some();
        let most = match in_order {
            true => self.most_words.or(wanted.words),
            false => self.most_words.or(fixed),
        };
        let mode = if in_order { OutputMode::Int } else { OutputMode::MultiHot };
        let mut layer =
            TextVectorization::new().max_tokens(most.unwrap_or(WORDS)).output_mode(mode);
        layer.adapt(texts(files)?).map_err(Error::Data)?;
        let words = layer.get_vocabulary();
        let special = |word: &&String| !word.is_empty() && *word != "[UNK]";
        let words: Vec<String> = words.iter().filter(special).cloned().collect();
        let width = match in_order {
            true => fixed.or(self.length).unwrap_or(LENGTH),
            false => fixed.unwrap_or(words.len() + 1),
        };
        let two = files.class_names().len() == 2;
        Ok(TextRecipe {
            words,
            width,
            in_order,
            class_names: files.class_names().to_vec(),
            one_hot: wanted.labels == LabelForm::OneHot,
            bits: wanted.labels == LabelForm::Bit || wanted.labels == LabelForm::Natural && two,
        })
    }
}

fn texts(files: &Files) -> Result<Strings> {
    // What cannot be read is reported with the samples.
    let items = files.items();
    let texts = items.as_slice().iter().filter_map(|item| text_of(item).ok());
    Ok(Strings::from(texts.collect::<Vec<String>>()))
}

impl TextRecipe {
    pub(super) fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Words that are told apart, if their order counts.
    pub fn vocabulary(&self) -> Option<usize> {
        // Padding and unknown words have an index each.
        self.in_order.then(|| self.words.len() + 2)
    }

    pub(super) fn samples(&self, files: &Files) -> Result<Read> {
        let layer = TextVectorization::of(self.words.clone());
        let layer = match self.in_order {
            true => layer.output_mode(OutputMode::Int).output_sequence_length(self.width),
            false => layer
                .output_mode(OutputMode::MultiHot)
                .max_tokens(self.width)
                .pad_to_max_tokens(true),
        };
        let (mut kept, mut broken, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for item in files.items().as_slice() {
            match text_of(item) {
                Ok(text) => {
                    kept.push(text);
                    labels.extend(item.1);
                }
                Err(error) => broken.push(error.to_string()),
            }
        }
        let x = layer.apply(kept).map_err(Error::Data)?;
        let form = match (self.one_hot, self.bits) {
            (true, _) => LabelForm::OneHot,
            (_, true) => LabelForm::Bit,
            _ => LabelForm::Index,
        };
        let y = match labels.is_empty() {
            true => Vec::new(),
            false => vec![labels_as(&labels, self.class_names.len(), form)],
        };
        Ok(Read { samples: Samples { x: vec![x], y, weights: Vec::new() }, broken })
    }
}
