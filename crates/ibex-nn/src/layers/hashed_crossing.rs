//! `HashedCrossing`: combinations of features put into bins by their hash.

use std::ops::RangeInclusive;

use ibex_graph::ops::hash_bins::{HashBins, Hashed};
use ibex_graph::{Array, DType, OpError, Shape, Tensor};
use serde_json::{Map, Value, json};

use super::categorical::{OutputMode, check_sparse, encode, encode_host, vectors_of};
use super::options::check_positive;
use crate::layer::{Base, Layer};
use crate::object::ConfigError;
use crate::text::{Features, hash, integers};
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Puts combinations of features into bins by their hash.
    ///
    /// Inputs of strings or integers of one shape, `()`, `(batch,)` or `(batch, 1)`.
    /// Strings are combined before a model, by `apply`; integers in a model too.
    /// Source:
    /// <https://keras.io/api/layers/preprocessing_layers/categorical/hashed_crossing/>.
    ///
    /// ```
    /// use ibex_nn::layers::HashedCrossing;
    /// use ibex_nn::text::Features;
    ///
    /// let letters = Features::from(["A", "B", "A", "B", "A"]);
    /// let numbers = Features::from([101, 101, 101, 102, 102]);
    /// let bins = HashedCrossing::new(5).apply([letters, numbers]).unwrap();
    /// assert_eq!(bins.to_f64_vec(), [1.0, 4.0, 1.0, 1.0, 3.0]);
    /// ```
    HashedCrossing {
        /// The number of bins.
        num_bins: is usize = 0,
        /// What the layer gives; the bins by default.
        output_mode: is OutputMode = OutputMode::Int,
        /// Whether outputs are sparse, which is not supported.
        sparse: is bool = false,
    }
}

impl HashedCrossing {
    /// As many bins.
    #[track_caller]
    pub fn new(num_bins: usize) -> HashedCrossing {
        let base = Base { dtype: DType::I64.into(), ..Base::new() };
        HashedCrossing { num_bins, base, ..HashedCrossing::default() }
    }

    /// Applies the layer to two features or more.
    ///
    /// # Errors
    /// If the options are wrong, or the features are too few, of different shapes, or fractions.
    pub fn apply<F: Into<Features>>(
        &self,
        features: impl IntoIterator<Item = F>,
    ) -> Result<Array, ConfigError> {
        if let Some(mistake) = self.check().into_iter().next() {
            return Err(mistake);
        }
        let features: Vec<Features> = features.into_iter().map(Into::into).collect();
        let shape = common_shape(&features)?;
        let columns: Vec<Vec<u64>> = features.iter().map(hashes).collect();
        let hash = |row: usize| hash::combination(columns.iter().map(|column| column[row]));
        let bins = self.num_bins as u64;
        let indices: Vec<i64> = (0..shape.size()).map(|row| (hash(row) % bins) as i64).collect();
        let dtype = match (self.output_mode, self.base.dtype.compute()) {
            (OutputMode::Int, dtype) => dtype,
            (_, dtype) => vectors_of(dtype),
        };
        Ok(encode_host(&indices, &shape, self.output_mode, self.num_bins, dtype))
    }
}

/// The hash of each element of a feature; integers stand for themselves.
fn hashes(feature: &Features) -> Vec<u64> {
    match feature {
        Features::Strings(strings) => {
            strings.values().iter().map(|text| hash::fingerprint(text.as_bytes())).collect()
        }
        Features::Numbers(array) => integers(array).iter().map(|&value| value as u64).collect(),
    }
}

/// Integers of fewer bits as those that are hashed; what is no integer stays, to be refused.
fn widened(input: &Tensor) -> Tensor {
    if input.dtype().is_integer() { input.cast(DType::I64) } else { input.clone() }
}

/// The shape that all features have.
fn common_shape(features: &[Features]) -> Result<Shape, ConfigError> {
    let [first, _, ..] = features else {
        return Err(ConfigError::new("there is nothing to combine")
            .expected("two features or more")
            .received(features.len().to_string()));
    };
    let shape = first.shape();
    if !matches!(shape.dims(), [] | [_] | [_, 1]) {
        return Err(ConfigError::new("features are one value for each sample")
            .expected("inputs of shape (), (batch,) or (batch, 1)")
            .received(shape.to_string()));
    }
    if let Some(other) = features.iter().find(|other| other.shape() != shape) {
        return Err(ConfigError::new("the features have different shapes")
            .expected(shape.to_string())
            .received(other.shape().to_string()));
    }
    let fraction = features
        .iter()
        .find(|feature| matches!(feature, Features::Numbers(array) if !array.dtype().is_integer()));
    match fraction {
        None => Ok(shape.clone()),
        Some(feature) => Err(ConfigError::new("features are strings or integers")
            .received(format!("a {} feature", feature.kind()))),
    }
}

impl Layer for HashedCrossing {
    layer_facts!(HashedCrossing);

    fn full_config(&self, name: &str, _: bool) -> Map<String, Value> {
        let mut config = self.config().as_object().cloned().unwrap_or_default();
        config.insert("name".to_string(), json!(name));
        config.insert("dtype".to_string(), json!(self.base.dtype.name()));
        config
    }

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("num_bins", &[self.num_bins], &mut found);
        found.extend(self.output_mode.check(&[OutputMode::Int, OutputMode::OneHot]));
        found.extend(check_sparse(self.sparse));
        found
    }

    fn takes_list(&self) -> bool {
        true
    }

    fn arguments_of_build(&self) -> &'static [&'static str] {
        &[]
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        2..=usize::MAX
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        if let Some(wrong) = inputs.iter().find(|input| input.is_poisoned()) {
            return vec![wrong.clone()];
        }
        let x = &inputs[0];
        if !matches!(x.shape().dims(), [] | [_] | [_, 1]) {
            return vec![Tensor::poisoned(OpError::new(
                "features are one value for each sample",
                "inputs of shape (), (batch,) or (batch, 1)",
                x.shape().to_string(),
            ))];
        }
        let inputs: Vec<Tensor> = inputs.iter().map(widened).collect();
        let operation = HashBins { bins: self.num_bins, hashed: Hashed::Combination };
        let found = Tensor::apply(operation, &inputs.iter().collect::<Vec<_>>());
        let dtype = self.base.dtype.compute();
        match self.output_mode {
            OutputMode::Int => vec![found.cast(dtype)],
            mode => vec![encode(&found, mode, self.num_bins, vectors_of(dtype), None)],
        }
    }
}
