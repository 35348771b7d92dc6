//! `TextVectorization`: texts as indices of the words in them.

use ibex_graph::{Array, Tensor};
use serde::{Deserialize, Serialize};

use super::StringLookup;
use super::categorical::{OutputMode, check_sparse};
use super::index_lookup::config_of;
use super::on_data;
use crate::layer::{Assets, Layer};
use crate::object::ConfigError;
use crate::text::{self, Split, Standardize, Strings};
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Texts as indices of the words in them, or as vectors of which words there are.
    ///
    /// A text is standardized, split into tokens and perhaps joined to n-grams.
    /// Index 0 is padding and 1 every token outside the vocabulary, which is given, or found with
    /// [`TextVectorization::adapt`].
    /// Graphs hold no strings: the layer is applied to data, before a model.
    /// Texts of shape `(batch,)` or `(batch, 1)`, output `(batch, tokens)`.
    /// Source:
    /// <https://keras.io/api/layers/preprocessing_layers/text/text_vectorization/>.
    ///
    /// ```
    /// use ibex_nn::layers::TextVectorization;
    ///
    /// let mut layer = TextVectorization::new().output_sequence_length(3);
    /// layer.adapt(["To be, or not to be"]).unwrap();
    /// assert_eq!(layer.get_vocabulary(), ["", "[UNK]", "to", "be", "or", "not"]);
    /// assert_eq!(layer.apply(["not now"]).unwrap().to_f64_vec(), [5.0, 1.0, 0.0]);
    /// ```
    TextVectorization {
        /// The most indices there are, special ones included; no limit by default.
        max_tokens: given usize = None,
        /// What is done to a text first.
        standardize: some Standardize = Some(Standardize::LowerAndStripPunctuation),
        /// How it becomes tokens; if not at all, the inputs are tokens.
        split: some Split = Some(Split::Whitespace),
        /// How many tokens are joined: up to a number, or those in a list; none by default.
        ngrams: some Ngrams = None,
        /// What the layer gives; the indices by default.
        output_mode: is OutputMode = OutputMode::Int,
        /// The length to which indices are cut and padded; that of the longest text by default.
        output_sequence_length: given usize = None,
        /// Whether vectors have `max_tokens` elements, however few tokens there are.
        pad_to_max_tokens: is bool = false,
        /// Whether outputs are sparse, which is not supported.
        sparse: is bool = false,
        /// Whether outputs are ragged, which is not supported.
        ragged: is bool = false,
        /// The tokens, in the order of their indices.
        vocabulary: some Vec<String> = None,
        /// The weight of each token of the vocabulary.
        idf_weights: some Vec<f64> = None,
        /// The encoding of the strings; only `utf-8` is possible.
        encoding: into String = "utf-8".to_string(),
        /// The number of indices, as files note it.
        vocabulary_size: given usize = None,
        /// Whether the vocabulary was found in data; files then have it beside the configuration.
        adapted: is bool = false,
    }
}

/// How many tokens are joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a whole number of 0 or more, or a list of them")]
pub enum Ngrams {
    /// From single tokens up to this many.
    UpTo(usize),
    /// These numbers of tokens.
    Of(Vec<usize>),
}

impl From<usize> for Ngrams {
    fn from(most: usize) -> Ngrams {
        Ngrams::UpTo(most)
    }
}

impl<const N: usize> From<[usize; N]> for Ngrams {
    fn from(widths: [usize; N]) -> Ngrams {
        Ngrams::Of(widths.to_vec())
    }
}

impl Ngrams {
    fn widths(&self) -> Vec<usize> {
        match self {
            Ngrams::UpTo(most) => (1..=*most).collect(),
            Ngrams::Of(widths) => widths.clone(),
        }
    }
}

impl TextVectorization {
    /// A layer that finds its vocabulary with `adapt`.
    #[track_caller]
    pub fn new() -> TextVectorization {
        TextVectorization::default()
    }

    /// A layer with this vocabulary.
    #[track_caller]
    pub fn of<S: Into<String>>(vocabulary: impl IntoIterator<Item = S>) -> TextVectorization {
        let vocabulary = vocabulary.into_iter().map(Into::into).collect();
        TextVectorization { vocabulary: Some(vocabulary), ..TextVectorization::default() }
    }

    /// Texts stay as they are.
    pub fn without_standardize(mut self) -> TextVectorization {
        self.standardize = None;
        self
    }

    /// Inputs are tokens already.
    pub fn without_split(mut self) -> TextVectorization {
        self.split = None;
        self
    }

    /// Finds the vocabulary: the tokens in the texts, the most frequent first.
    ///
    /// # Errors
    /// If the vocabulary is given, or there is not a token in the texts.
    pub fn adapt(&mut self, texts: impl Into<Strings>) -> Result<(), ConfigError> {
        let documents = self.tokens(&texts.into())?;
        let mut lookup = self.string_lookup();
        lookup.adapt_to(&documents)?;
        self.vocabulary = lookup.vocabulary;
        self.idf_weights = lookup.idf_weights;
        self.adapted = true;
        Ok(())
    }

    /// The tokens, in the order of their indices, padding and unknown tokens included.
    pub fn get_vocabulary(&self) -> Vec<String> {
        self.string_lookup().get_vocabulary()
    }

    /// The indices of the tokens in texts, or vectors, as the output mode says.
    ///
    /// # Errors
    /// If the options are wrong, there is no vocabulary, or texts have more than one axis.
    pub fn apply(&self, texts: impl Into<Strings>) -> Result<Array, ConfigError> {
        if let Some(mistake) = self.check().into_iter().next() {
            return Err(mistake);
        }
        let texts = texts.into();
        let (layer, rows) = (self.string_lookup(), self.tokens(&texts)?);
        let (lookup, split) = (layer.lookup(), self.split.is_some() || self.ngrams.is_some());
        let table = lookup.table()?;
        match self.output_mode {
            OutputMode::OneHot if split => {
                Err(ConfigError::new("texts of several lengths have no one-hot vectors")
                    .expected("another output mode, or inputs that are tokens (`split` = none)")
                    .received("output_mode = one_hot"))
            }
            OutputMode::OneHot => table.encoded(&rows.concat(), texts.shape()),
            // A list of tokens that are not split is one index for each.
            OutputMode::Int if !split && texts.shape().rank() < 2 => {
                table.encoded(&rows.concat(), texts.shape())
            }
            _ => table.encoded_rows(&rows, self.output_sequence_length),
        }
    }

    /// The tokens of each text.
    fn tokens(&self, texts: &Strings) -> Result<Vec<Vec<String>>, ConfigError> {
        let shape = texts.shape().dims();
        let clean = |text: &String| match self.standardize {
            Some(standardize) => standardize.apply(text),
            None => text.clone(),
        };
        let clean = texts.values().iter().map(clean);
        let rows: Vec<Vec<String>> = match (self.split, shape) {
            (Some(split), [] | [_] | [_, 1]) => clean.map(|text| split.apply(&text)).collect(),
            (None, [] | [_]) => clean.map(|token| vec![token]).collect(),
            (None, [_, length]) => {
                let tokens: Vec<String> = clean.collect();
                tokens.chunks((*length).max(1)).map(<[String]>::to_vec).collect()
            }
            (_, _) => {
                return Err(ConfigError::new("the inputs are not one text for each sample")
                    .expected("texts of shape (batch,) or (batch, 1)")
                    .received(texts.shape().to_string()));
            }
        };
        let Some(widths) = self.ngrams.as_ref().map(Ngrams::widths) else { return Ok(rows) };
        Ok(rows.iter().map(|row| text::ngrams(row, &widths)).collect())
    }

    /// The layer that looks tokens up.
    fn string_lookup(&self) -> StringLookup {
        let lookup = StringLookup::new().mask_token("").output_mode(self.output_mode);
        let mut lookup = lookup.sparse(self.sparse).pad_to_max_tokens(self.pad_to_max_tokens);
        lookup.max_tokens = self.max_tokens;
        lookup.idf_weights = self.idf_weights.clone();
        lookup.vocabulary = self.vocabulary.clone();
        lookup.adapted(self.adapted)
    }
}

impl Layer for TextVectorization {
    layer_facts!(TextVectorization, |layer| {
        let lookup = layer.string_lookup();
        let mut config = config_of(layer, &lookup.lookup());
        config["vocabulary_size"] = lookup.indices().into();
        config
    });

    fn check(&self) -> Vec<ConfigError> {
        let mut found = self.string_lookup().check();
        found.extend(on_data::check_encoding(&self.encoding));
        found.extend(check_sparse(self.sparse));
        if self.ragged {
            found.push(
                ConfigError::new("ragged outputs are not supported")
                    .expected("ragged = false")
                    .received("ragged = true"),
            );
        }
        if let Some(length) = self.output_sequence_length
            && self.output_mode != OutputMode::Int
        {
            found.push(
                ConfigError::new("vectors have no sequence length")
                    .expected("output_mode = int with `output_sequence_length`")
                    .received(format!("output_sequence_length = {length}")),
            );
        }
        if self.ngrams.as_ref().is_some_and(|ngrams| ngrams.widths().contains(&0)) {
            found.push(
                ConfigError::new("`ngrams` must be positive").received("an n-gram of 0 tokens"),
            );
        }
        found
    }

    fn forward(&self, _: &mut Call<'_>, _: &[Tensor]) -> Vec<Tensor> {
        on_data::refused("TextVectorization", "strings, which graphs do not hold")
    }

    fn assets(&self) -> Option<Assets> {
        // Keras writes and wants it at the place of the lookup inside, too.
        let places = &["", "_lookup_layer"];
        self.string_lookup().assets().map(|assets| Assets { places, ..assets })
    }
}
