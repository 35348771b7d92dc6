//! What `IntegerLookup` and `StringLookup` share: a vocabulary, what lies outside it, and how it
//! is found in data.

use std::collections::{HashMap, HashSet};

use ibex_graph::{Array, DType, Shape};
use serde::Serialize;
use serde_json::{Value, json};

use super::categorical::{OutputMode, check_sparse, encode_host};
use super::tokens::{OovMethod, Salt, Token};
use crate::layer::Assets;
use crate::object::ConfigError;

/// The index of a masked element in vectors: it is in none of them.
const DROPPED: i64 = i64::MAX;

/// The options of a lookup layer, whatever its tokens.
pub(super) struct Lookup<'a, T> {
    pub(super) invert: bool,
    pub(super) max_tokens: Option<usize>,
    pub(super) num_oov_indices: usize,
    pub(super) oov_token: Option<&'a T>,
    pub(super) mask_token: Option<&'a T>,
    pub(super) output_mode: OutputMode,
    pub(super) sparse: bool,
    pub(super) pad_to_max_tokens: bool,
    pub(super) idf_weights: Option<&'a [f64]>,
    pub(super) vocabulary: Option<&'a [T]>,
    pub(super) adapted: bool,
    pub(super) oov_method: OovMethod,
    pub(super) salt: Option<Salt>,
}

/// A vocabulary as `adapt` finds it.
pub(super) struct Found<T> {
    pub(super) vocabulary: Vec<T>,
    pub(super) idf_weights: Option<Vec<f64>>,
}

impl<'a, T: Token> Lookup<'a, T> {
    /// The first index of tokens outside the vocabulary.
    pub(super) fn oov_start(&self) -> usize {
        usize::from(self.mask_token.is_some() && self.output_mode == OutputMode::Int)
    }

    /// The index of the first token of the vocabulary.
    pub(super) fn token_start(&self) -> usize {
        self.oov_start() + self.num_oov_indices
    }

    /// Whether the vocabulary begins with the mask and the tokens for what is outside it.
    fn has_special_tokens(&self) -> bool {
        let special = [self.mask_token].into_iter().take(self.oov_start());
        let special = special.chain(std::iter::repeat_n(self.oov_token, self.num_oov_indices));
        let vocabulary = self.vocabulary.unwrap_or_default();
        vocabulary.len() >= self.token_start()
            && special.zip(vocabulary).all(|(special, token)| special == Some(token))
    }

    /// The tokens of the vocabulary, in the order of their indices from `token_start` on.
    pub(super) fn tokens(&self) -> &'a [T] {
        let vocabulary = self.vocabulary.unwrap_or_default();
        let special = if self.has_special_tokens() { self.token_start() } else { 0 };
        &vocabulary[special..]
    }

    /// The number of indices: of the mask, of what is outside, of the vocabulary.
    pub(super) fn vocabulary_size(&self) -> usize {
        self.token_start() + self.tokens().len()
    }

    /// The length of the vectors that the layer gives.
    pub(super) fn depth(&self) -> usize {
        match self.max_tokens.filter(|_| self.pad_to_max_tokens) {
            Some(count) => count,
            None => self.vocabulary_size(),
        }
    }

    /// The token of each index, special ones included; `None` if there is no such token.
    pub(super) fn listed(&self) -> Vec<Option<&'a T>> {
        let masked = [self.mask_token].into_iter().take(self.oov_start());
        let outside = std::iter::repeat_n(self.oov_token, self.num_oov_indices);
        masked.chain(outside).chain(self.tokens().iter().map(Some)).collect()
    }

    /// What is wrong with the options by themselves.
    pub(super) fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        let mut wrong = |is_wrong: bool, what: &str, expected: &str, received: String| {
            if is_wrong {
                found.push(ConfigError::new(what).expected(expected).received(received));
            }
        };
        let max = self.max_tokens.map_or("none".to_string(), |count| count.to_string());
        wrong(
            self.max_tokens.is_some_and(|count| count <= 1),
            "`max_tokens` leaves no room for a vocabulary",
            "more than 1, or none",
            format!("max_tokens = {max}"),
        );
        wrong(
            self.pad_to_max_tokens && self.max_tokens.is_none(),
            "there is no length to pad to",
            "`max_tokens` with `pad_to_max_tokens`",
            "no `max_tokens`".to_string(),
        );
        wrong(
            self.invert && self.output_mode != OutputMode::Int,
            "an inverted layer gives tokens, not vectors",
            "output_mode = int with `invert`",
            format!("{:?}", self.output_mode),
        );
        let weighs = self.output_mode == OutputMode::TfIdf;
        wrong(
            self.idf_weights.is_some() && !weighs,
            "`idf_weights` are for weighted counts",
            "output_mode = tf_idf",
            format!("{:?}", self.output_mode),
        );
        wrong(
            weighs && self.vocabulary.is_some() && self.idf_weights.is_none(),
            "the weights of the vocabulary are missing",
            "`idf_weights` with `vocabulary` and output_mode = tf_idf",
            "only `vocabulary`".to_string(),
        );
        found.extend(check_sparse(self.sparse));
        found.extend(self.check_vocabulary());
        found
    }

    /// The first thing that is wrong with the vocabulary.
    fn check_vocabulary(&self) -> Option<ConfigError> {
        let vocabulary = self.vocabulary?;
        let error = |what: &str, expected: String, received: String| {
            Some(ConfigError::new(what).expected(expected).received(received))
        };
        if vocabulary.is_empty() {
            return error("the vocabulary is empty", "a token or more".into(), "none".into());
        }
        let tokens = self.tokens();
        let mut seen = HashSet::new();
        if let Some(twice) = tokens.iter().find(|&token| !seen.insert(token)) {
            return error(
                "a token is twice in the vocabulary",
                "each once".into(),
                twice.to_string(),
            );
        }
        let oov = self.oov_token.filter(|_| self.invert);
        for (name, special) in [("mask_token", self.mask_token), ("oov_token", oov)] {
            if let Some(token) = special.filter(|token| seen.contains(token)) {
                let expected = format!(
                    "no special tokens, or {} of them in front of the others",
                    self.token_start()
                );
                let what = "a special token is at another place of the vocabulary";
                return error(what, expected, format!("{name} = {token}"));
            }
        }
        if let Some(max) = self.max_tokens.filter(|&max| self.vocabulary_size() > max) {
            return error(
                "the vocabulary is larger than `max_tokens`",
                format!("at most {max}, special tokens included"),
                self.vocabulary_size().to_string(),
            );
        }
        // Those of an adapted layer are padded as the outputs are.
        let weights = self.idf_weights.filter(|_| !self.adapted)?;
        if weights.len() != vocabulary.len() {
            return error(
                "each token needs one weight",
                format!("{} `idf_weights`", vocabulary.len()),
                weights.len().to_string(),
            );
        }
        None
    }

    /// What files have beside the configuration: the vocabulary, if it was found in data.
    pub(super) fn assets(&self) -> Option<Assets> {
        let text = |token: Option<&T>| token.map_or("None".to_string(), T::to_string);
        let tokens = || self.listed().into_iter().map(text).collect::<Vec<String>>();
        let is_asset = self.vocabulary.is_none() || self.adapted;
        is_asset.then(|| Assets {
            places: &[""],
            vocabulary: tokens().join("\n"),
            idf_weights: (self.output_mode == OutputMode::TfIdf).then(|| self.weights()),
        })
    }

    /// The weight of each index.
    pub(super) fn weights(&self) -> Vec<f64> {
        let given = self.idf_weights.unwrap_or_default();
        let (front, value) = match self.has_special_tokens() {
            true => (0, 0.0),
            false => (self.token_start(), given.iter().sum::<f64>() / given.len().max(1) as f64),
        };
        let mut weights = vec![value; front];
        weights.extend(given);
        weights.resize(self.depth(), 0.0);
        weights.into_iter().map(|weight| f64::from(weight as f32)).collect()
    }

    /// What it takes to look tokens up.
    ///
    /// # Errors
    /// If there is no vocabulary, or the options are wrong.
    pub(super) fn table(&self) -> Result<Table<'_, 'a, T>, ConfigError> {
        if let Some(mistake) = self.check().into_iter().next() {
            return Err(mistake);
        }
        if self.vocabulary.is_none() {
            return Err(ConfigError::new("the layer has no vocabulary")
                .help("give it one, or call `adapt` with data"));
        }
        let start = self.token_start() as i64;
        let index = self.tokens().iter().zip(start..).collect();
        Ok(Table { lookup: self, index })
    }

    /// Finds the vocabulary of documents: tokens that are frequent come first, among equally
    /// frequent ones the greater.
    ///
    /// # Errors
    /// If a vocabulary is given, or there is not a token in the documents.
    pub(super) fn adapt(&self, documents: &[Vec<T>]) -> Result<Found<T>, ConfigError> {
        if self.vocabulary.is_some() && !self.adapted {
            return Err(ConfigError::new("the vocabulary of the layer is given")
                .received("`adapt` on a layer with a vocabulary")
                .help("leave it out, and `adapt` finds it"));
        }
        let mut counts: HashMap<&T, (u64, u64)> = HashMap::new();
        for document in documents {
            let mut seen = HashSet::new();
            for token in document {
                let (all, in_documents) = counts.entry(token).or_default();
                *all += 1;
                *in_documents += u64::from(seen.insert(token));
            }
        }
        for special in [self.mask_token, self.oov_token].into_iter().flatten() {
            counts.remove(special);
        }
        let mut ranked: Vec<(u64, &T)> = counts.iter().map(|(&t, &(all, _))| (all, t)).collect();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(max) = self.max_tokens {
            ranked.truncate(max.saturating_sub(self.token_start()));
        }
        if ranked.is_empty() {
            return Err(ConfigError::new("there is not a token in the data")
                .help("`adapt` needs data with the tokens to come"));
        }
        let idf = |&(_, token): &(u64, &T)| {
            let in_documents = counts.get(token).map_or(0, |&(_, count)| count);
            (1.0 + documents.len() as f64 / (1 + in_documents) as f64).ln()
        };
        let idf_weights = (self.output_mode == OutputMode::TfIdf)
            .then(|| ranked.iter().map(|entry| f64::from(idf(entry) as f32)).collect());
        let vocabulary = ranked.into_iter().map(|(_, token)| token.clone()).collect();
        Ok(Found { vocabulary, idf_weights })
    }
}

/// A vocabulary made ready to be searched.
pub(super) struct Table<'b, 'a, T> {
    lookup: &'b Lookup<'a, T>,
    index: HashMap<&'a T, i64>,
}

impl<T: Token> Table<'_, '_, T> {
    /// The index of each token.
    ///
    /// # Errors
    /// If one is outside the vocabulary and there is no index for such.
    pub(super) fn indices(&self, tokens: &[T]) -> Result<Vec<i64>, ConfigError> {
        let lookup = self.lookup;
        let masked = if lookup.output_mode == OutputMode::Int { 0 } else { DROPPED };
        let start = lookup.oov_start() as i64;
        let index = |token: &T| {
            if lookup.mask_token == Some(token) {
                return Ok(masked);
            }
            match (self.index.get(token), lookup.num_oov_indices) {
                (Some(&index), _) => Ok(index),
                (None, 0) => Err(ConfigError::new("a token is not in the vocabulary")
                    .expected("known tokens only, since `num_oov_indices` = 0")
                    .received(token.to_string())
                    .help("give unknown tokens an index with `num_oov_indices(1)`")),
                (None, 1) => Ok(start),
                (None, bins) => Ok(start + token.bin(bins, lookup.oov_method, lookup.salt)),
            }
        };
        tokens.iter().map(index).collect()
    }

    /// What the layer gives for tokens of this shape.
    ///
    /// # Errors
    /// As [`Table::indices`].
    pub(super) fn encoded(&self, tokens: &[T], shape: &Shape) -> Result<Array, ConfigError> {
        let lookup = self.lookup;
        let indices = self.indices(tokens)?;
        let depth = lookup.depth();
        Ok(match lookup.output_mode {
            OutputMode::Int => encode_host(&indices, shape, OutputMode::Int, depth, DType::I64),
            OutputMode::TfIdf => {
                let counts = encode_host(&indices, shape, OutputMode::Count, depth, DType::F32);
                self.weighted(counts)
            }
            mode => encode_host(&indices, shape, mode, depth, DType::F32),
        })
    }

    /// Counts, each times the weight of its token.
    fn weighted(&self, counts: Array) -> Array {
        let weights = self.lookup.weights();
        let values = counts.to_f64_vec().into_iter().zip(weights.iter().cycle());
        let values: Vec<f64> = values.map(|(count, weight)| count * weight).collect();
        Array::from_f64_slice(DType::F32, counts.shape(), &values)
    }

    /// What the layer gives for rows of several lengths; indices are padded with 0.
    ///
    /// # Errors
    /// As [`Table::indices`].
    pub(super) fn encoded_rows(
        &self,
        rows: &[Vec<T>],
        length: Option<usize>,
    ) -> Result<Array, ConfigError> {
        let lookup = self.lookup;
        let found = rows.iter().map(|row| self.indices(row));
        let mut found = found.collect::<Result<Vec<Vec<i64>>, ConfigError>>()?;
        let longest = found.iter().map(Vec::len).max().unwrap_or(0);
        let length = length.unwrap_or(longest);
        let pad = if lookup.output_mode == OutputMode::Int { 0 } else { DROPPED };
        found.iter_mut().for_each(|row| row.resize(length, pad));
        let (indices, shape) = (found.concat(), Shape::from([rows.len(), length]));
        let (mode, depth) = (lookup.output_mode, lookup.depth());
        Ok(match mode {
            OutputMode::Int => encode_host(&indices, &shape, mode, depth, DType::I64),
            OutputMode::TfIdf => {
                let counts = encode_host(&indices, &shape, OutputMode::Count, depth, DType::F32);
                self.weighted(counts)
            }
            mode => encode_host(&indices, &shape, mode, depth, DType::F32),
        })
    }

    /// The tokens of indices.
    ///
    /// # Errors
    /// If there is no token for what is outside the vocabulary.
    pub(super) fn tokens(&self, indices: &[i64]) -> Result<Vec<T>, ConfigError> {
        let (lookup, start) = (self.lookup, self.lookup.token_start());
        let tokens = lookup.tokens();
        let token = |&index: &i64| {
            let place = usize::try_from(index).ok().and_then(|index| index.checked_sub(start));
            let found = match lookup.mask_token.filter(|_| index == 0) {
                Some(mask) => Some(mask),
                None => place.and_then(|place| tokens.get(place)).or(lookup.oov_token),
            };
            found.cloned().ok_or_else(|| {
                ConfigError::new("an index has no token")
                    .expected(format!("{start} to {}", start + tokens.len()))
                    .received(index.to_string())
                    .help("give unknown indices a token with `oov_token`")
            })
        };
        indices.iter().map(token).collect()
    }
}

/// Documents: the rows of tokens of this shape; each element of a list is one of its own.
pub(super) fn documents<T: Clone>(tokens: &[T], shape: &Shape) -> Vec<Vec<T>> {
    let length = match shape.dims() {
        [] | [_] => 1,
        [_, inner @ ..] => inner.iter().product(),
    };
    tokens.chunks(length.max(1)).map(<[T]>::to_vec).collect()
}

/// The configuration as files have it: a vocabulary that was found in data is not in it.
pub(super) fn config_of<T: Token>(layer: &impl Serialize, lookup: &Lookup<'_, T>) -> Value {
    // A struct of plain fields always serializes.
    let mut config = serde_json::to_value(layer).unwrap_or_default();
    if let Value::Object(config) = &mut config {
        config.shift_remove("adapted");
        if lookup.adapted {
            config.insert("vocabulary".to_string(), Value::Null);
            config.insert("idf_weights".to_string(), Value::Null);
        }
        if lookup.vocabulary.is_some() {
            config.insert("vocabulary_size".to_string(), json!(lookup.vocabulary_size()));
        }
    }
    config
}

/// Defines a lookup layer over tokens of type `$token`.
macro_rules! lookup_layer {
    (
        $(#[doc = $doc:literal])*
        $layer:ident, $token:ty, oov: $oov:expr,
        before { $($before:tt)* } after { $($after:tt)* }
    ) => {
        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                /// Whether indices become tokens.
                invert: is bool = false,
                /// The most indices there are, special ones included; no limit by default.
                max_tokens: given usize = None,
                /// How many indices tokens outside the vocabulary share; 1 by default.
                num_oov_indices: is usize = 1,
                /// What an index outside the vocabulary becomes.
                oov_token: some $token = $oov,
                /// The token that stands for nothing: index 0, and in no vector.
                mask_token: some $token = None,
                /// What the layer gives; the indices by default.
                output_mode: is OutputMode = OutputMode::Int,
                /// Whether outputs are sparse, which is not supported.
                sparse: is bool = false,
                /// Whether vectors have `max_tokens` elements, however few tokens there are.
                pad_to_max_tokens: is bool = false,
                $($before)*
                /// The weight of each token of the vocabulary.
                idf_weights: some Vec<f64> = None,
                /// The tokens, in the order of their indices.
                vocabulary: some Vec<$token> = None,
                /// The number of indices, as files note it.
                vocabulary_size: given usize = None,
                /// How integers outside the vocabulary are spread over several indices.
                oov_method: is OovMethod = OovMethod::Floormod,
                /// The key of the hash for tokens outside the vocabulary.
                salt: some Salt = None,
                $($after)*
                /// Whether the vocabulary was found in data; files then have it beside the
                /// configuration.
                adapted: is bool = false,
            }
        }

        impl $layer {
            /// A layer that finds its vocabulary with `adapt`.
            #[track_caller]
            pub fn new() -> $layer {
                $layer::default()
            }

            /// A layer with this vocabulary.
            #[track_caller]
            pub fn of<S: Into<$token>>(vocabulary: impl IntoIterator<Item = S>) -> $layer {
                let vocabulary = vocabulary.into_iter().map(Into::into).collect();
                $layer { vocabulary: Some(vocabulary), ..$layer::default() }
            }

            /// The number of indices: of the mask, of what is outside, of the vocabulary.
            pub fn indices(&self) -> usize {
                self.lookup().vocabulary_size()
            }

            pub(super) fn lookup(&self) -> Lookup<'_, $token> {
                Lookup {
                    invert: self.invert,
                    max_tokens: self.max_tokens,
                    num_oov_indices: self.num_oov_indices,
                    oov_token: self.oov_token.as_ref(),
                    mask_token: self.mask_token.as_ref(),
                    output_mode: self.output_mode,
                    sparse: self.sparse,
                    pad_to_max_tokens: self.pad_to_max_tokens,
                    idf_weights: self.idf_weights.as_deref(),
                    vocabulary: self.vocabulary.as_deref(),
                    adapted: self.adapted,
                    oov_method: self.oov_method,
                    salt: self.salt,
                }
            }

            pub(super) fn adapt_to(
                &mut self,
                documents: &[Vec<$token>],
            ) -> Result<(), ConfigError> {
                let found = self.lookup().adapt(documents)?;
                self.vocabulary = Some(found.vocabulary);
                self.idf_weights = found.idf_weights;
                self.adapted = true;
                Ok(())
            }
        }
    };
}
pub(super) use lookup_layer;
