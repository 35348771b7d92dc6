//! `IntegerLookup`: integers as indices of a vocabulary.

use ibex_graph::{Array, DType, Tensor};

use super::categorical::{OutputMode, encode, int_array};
use super::index_lookup::{Lookup, config_of, documents, lookup_layer};
use super::on_data;
use super::tokens::{OovMethod, Salt};
use crate::layer::{Assets, Layer};
use crate::layer_facts;
use crate::object::ConfigError;
use crate::text::integers;
use crate::trace::Call;

lookup_layer! {
    /// Integers as indices of a vocabulary, and back.
    ///
    /// The vocabulary is given, or found with [`IntegerLookup::adapt`] before the layer is used.
    /// Input of integers of any shape, output as [`OutputMode`] says.
    /// In a model an integer that is in no vocabulary gives -1 when `num_oov_indices` is 0.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/categorical/integer_lookup/>.
    ///
    /// ```
    /// use ibex_graph::Array;
    /// use ibex_nn::layers::IntegerLookup;
    ///
    /// let layer = IntegerLookup::of([12, 36, 1138]);
    /// let indices = layer.apply(&Array::from_slice([3], &[36i64, 7, 1138]).unwrap()).unwrap();
    /// assert_eq!(indices.to_f64_vec(), [2.0, 0.0, 3.0]);
    /// ```
    IntegerLookup, i64, oov: Some(-1),
    before {
        /// The type of the vocabulary; only `int64` is possible.
        vocabulary_dtype: into String = "int64".to_string(),
    }
    after {}
}

impl IntegerLookup {
    /// Finds the vocabulary: the integers in the data, the most frequent first.
    ///
    /// Each row is one document, and each element of a list.
    ///
    /// # Errors
    /// If the vocabulary is given, or there is no integer in the data.
    pub fn adapt(&mut self, data: &Array) -> Result<(), ConfigError> {
        self.adapt_to(&documents(&integers(data), data.shape()))
    }

    /// The tokens, in the order of their indices, those of the special indices included.
    pub fn get_vocabulary(&self) -> Vec<i64> {
        self.lookup().listed().into_iter().map(|token| token.copied().unwrap_or(-1)).collect()
    }

    /// Applies the layer to data.
    ///
    /// # Errors
    /// If there is no vocabulary, or an integer is outside it and has no index.
    pub fn apply(&self, data: &Array) -> Result<Array, ConfigError> {
        self.check_salt()?;
        let lookup = self.lookup();
        let table = lookup.table()?;
        match self.invert {
            false => table.encoded(&integers(data), data.shape()),
            true => Ok(int_array(&table.tokens(&integers(data))?, data.shape(), DType::I64)),
        }
    }

    fn check_salt(&self) -> Result<(), ConfigError> {
        match self.salt.is_some() && self.oov_method != OovMethod::Farmhash {
            false => Ok(()),
            true => Err(ConfigError::new("`salt` is for hashing")
                .expected("oov_method = farmhash with `salt`")
                .received("oov_method = floormod")),
        }
    }

    /// The index of each element.
    fn indices_of(&self, x: &Tensor) -> Tensor {
        let (lookup, start) = (self.lookup(), self.lookup().token_start());
        let mut pairs: Vec<(i64, i64)> =
            lookup.tokens().iter().copied().zip(start as i64..).collect();
        pairs.sort_unstable();
        let outside = match self.num_oov_indices {
            0 => constant(-1),
            1 => constant(lookup.oov_start() as i64),
            bins => {
                let bin = match self.oov_method {
                    OovMethod::Floormod => x.remainder(&constant(bins as i64)),
                    OovMethod::Farmhash => x.hash_bins(bins, self.salt.map(|salt| salt.0)),
                };
                bin + constant(lookup.oov_start() as i64)
            }
        };
        let found = match pairs.is_empty() {
            true => outside.broadcast_to(x.shape()),
            false => searched(x, &pairs, &outside),
        };
        let masked = if self.output_mode == OutputMode::Int { 0 } else { -1 };
        self.replaced(x, self.mask_token, masked, &found)
    }

    /// The token of each index.
    fn tokens_of(&self, x: &Tensor) -> Tensor {
        let (lookup, start) = (self.lookup(), self.lookup().token_start() as i64);
        let tokens = lookup.tokens();
        let outside = constant(self.oov_token.unwrap_or(-1));
        let last = constant(start + tokens.len() as i64 - 1);
        let known = x.greater_equal(&constant(start)).logical_and(&x.less_equal(&last));
        let place = x.maximum(&constant(start)).minimum(&last) - constant(start);
        let found = match tokens.is_empty() {
            true => outside.broadcast_to(x.shape()),
            false => {
                let table = Tensor::constant(int_array(tokens, &[tokens.len()].into(), DType::I64));
                known.select(&table.take(&place, 0), &outside.broadcast_to(x.shape()))
            }
        };
        match self.mask_token {
            Some(mask) => self.replaced(x, Some(0), mask, &found),
            None => found,
        }
    }

    /// `found`, but `value` where `x` is `key`.
    fn replaced(&self, x: &Tensor, key: Option<i64>, value: i64, found: &Tensor) -> Tensor {
        let Some(key) = key else { return found.clone() };
        let value = constant(value).broadcast_to(x.shape());
        x.equal(&constant(key)).select(&value, found)
    }
}

/// One integer, in a shape that broadcasts.
fn constant(value: i64) -> Tensor {
    Tensor::constant(Array::scalar(value))
}

/// The value beside the key that each element of `x` is, by binary search; `otherwise` if none is.
fn searched(x: &Tensor, pairs: &[(i64, i64)], otherwise: &Tensor) -> Tensor {
    // The last pair fills the table up to a power of two, so that no step leaves it.
    let size = pairs.len().next_power_of_two();
    let filled = pairs.iter().chain(std::iter::repeat(&pairs[pairs.len() - 1])).take(size);
    let (keys, values): (Vec<i64>, Vec<i64>) = filled.copied().unzip();
    let table = |column: &[i64]| Tensor::constant(int_array(column, &[size].into(), DType::I64));
    let (keys, values) = (table(&keys), table(&values));
    let mut place = x.zeros_like();
    let mut step = size / 2;
    while step > 0 {
        let further = &place + constant(step as i64);
        place = keys.take(&further, 0).less_equal(x).select(&further, &place);
        step /= 2;
    }
    let otherwise = otherwise.broadcast_to(x.shape());
    keys.take(&place, 0).equal(x).select(&values.take(&place, 0), &otherwise)
}

impl Layer for IntegerLookup {
    layer_facts!(IntegerLookup, |layer| config_of(layer, &layer.lookup()));

    fn check(&self) -> Vec<ConfigError> {
        let mut found = self.lookup().check();
        found.extend(self.check_salt().err());
        if self.vocabulary_dtype != "int64" {
            found.push(
                ConfigError::new("the vocabulary must be of `int64`")
                    .received(format!("vocabulary_dtype = {}", self.vocabulary_dtype)),
            );
        }
        found
    }

    fn arguments_of_build(&self) -> &'static [&'static str] {
        &[]
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        if inputs[0].is_poisoned() {
            return vec![inputs[0].clone()];
        }
        if self.vocabulary.is_none() {
            return on_data::without_vocabulary("IntegerLookup");
        }
        let x = inputs[0].cast(DType::I64);
        if self.invert {
            return vec![self.tokens_of(&x)];
        }
        let (lookup, indices) = (self.lookup(), self.indices_of(&x));
        let depth = lookup.depth();
        if self.output_mode != OutputMode::TfIdf {
            return vec![encode(&indices, self.output_mode, depth, DType::F32, None)];
        }
        let counts = encode(&indices, OutputMode::Count, depth, DType::F32, None);
        let weights = Array::from_f64_slice(DType::F32, [depth], &lookup.weights());
        vec![counts * Tensor::constant(weights)]
    }

    fn assets(&self) -> Option<Assets> {
        self.lookup().assets()
    }
}
