//! `StringLookup`: strings as indices of a vocabulary.

use ibex_graph::{Array, Tensor};

use super::categorical::OutputMode;
use super::index_lookup::{Lookup, config_of, documents, lookup_layer};
use super::on_data;
use super::tokens::{OovMethod, Salt};
use crate::layer::{Assets, Layer};
use crate::layer_facts;
use crate::object::ConfigError;
use crate::text::{Strings, integers};
use crate::trace::Call;

lookup_layer! {
    /// Strings as indices of a vocabulary, and back.
    ///
    /// The vocabulary is given, or found with [`StringLookup::adapt`].
    /// Graphs hold no strings: the layer is applied to data, before or after a model.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/categorical/string_lookup/>.
    ///
    /// ```
    /// use ibex_nn::layers::StringLookup;
    ///
    /// let mut layer = StringLookup::new();
    /// layer.adapt(["cat", "dog", "dog"]).unwrap();
    /// assert_eq!(layer.get_vocabulary(), ["[UNK]", "dog", "cat"]);
    /// assert_eq!(layer.apply(["cat", "cow"]).unwrap().to_f64_vec(), [2.0, 0.0]);
    /// ```
    StringLookup, String, oov: Some("[UNK]".to_string()),
    before {}
    after {
        /// The encoding of the strings; only `utf-8` is possible.
        encoding: into String = "utf-8".to_string(),
    }
}

impl StringLookup {
    /// Finds the vocabulary: the strings in the data, the most frequent first.
    ///
    /// Each row is one document, and each element of a list.
    ///
    /// # Errors
    /// If the vocabulary is given, or there is no string in the data.
    pub fn adapt(&mut self, data: impl Into<Strings>) -> Result<(), ConfigError> {
        let data = data.into();
        self.adapt_to(&documents(data.values(), data.shape()))
    }

    /// The tokens, in the order of their indices, those of the special indices included.
    pub fn get_vocabulary(&self) -> Vec<String> {
        self.lookup().listed().into_iter().map(|token| token.cloned().unwrap_or_default()).collect()
    }

    /// The indices of strings, or vectors, as the output mode says.
    ///
    /// # Errors
    /// If the layer is inverted or has no vocabulary, or a string is outside it and has no index.
    pub fn apply(&self, data: impl Into<Strings>) -> Result<Array, ConfigError> {
        if self.invert {
            return Err(ConfigError::new("an inverted layer takes indices")
                .help("call `apply_inverse` with them"));
        }
        let data = data.into();
        self.lookup().table()?.encoded(data.values(), data.shape())
    }

    /// The strings of indices, for a layer with `invert`.
    ///
    /// # Errors
    /// If the layer is not inverted or has no vocabulary, or an index has no string.
    pub fn apply_inverse(&self, indices: &Array) -> Result<Strings, ConfigError> {
        if !self.invert {
            return Err(ConfigError::new("the layer is not inverted")
                .help("make it with `invert(true)` and the same vocabulary"));
        }
        let tokens = self.lookup().table()?.tokens(&integers(indices))?;
        Strings::new(indices.shape(), tokens)
    }
}

impl Layer for StringLookup {
    layer_facts!(StringLookup, |layer| config_of(layer, &layer.lookup()));

    fn check(&self) -> Vec<ConfigError> {
        let mut found = self.lookup().check();
        found.extend(on_data::check_encoding(&self.encoding));
        found
    }

    fn forward(&self, _: &mut Call<'_>, _: &[Tensor]) -> Vec<Tensor> {
        on_data::refused("StringLookup", "strings, which graphs do not hold")
    }

    fn assets(&self) -> Option<Assets> {
        self.lookup().assets()
    }
}
