//! `Hashing`: strings and integers put into bins by their hash.

use ibex_graph::{Array, DType, Tensor};
use serde::{Deserialize, Serialize};

use super::categorical::{OutputMode, check_sparse, encode, encode_host, vectors_of};
use super::on_data;
use super::options::check_positive;
use super::tokens::{Salt, bin_of};
use crate::layer::{Base, Layer};
use crate::object::ConfigError;
use crate::text::Features;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Puts strings and integers into bins by their hash.
    ///
    /// The hash is that of Keras: FarmHash's `Fingerprint64`, or SipHash-2-4 with a salt.
    /// Strings are hashed before a model, by `apply`; numbers in a model too.
    /// Fractions of numbers are cut off.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/categorical/hashing/>.
    ///
    /// ```
    /// use ibex_nn::layers::Hashing;
    ///
    /// let bins = Hashing::new(3).apply(["A", "B", "C", "D", "E"]).unwrap();
    /// assert_eq!(bins.to_f64_vec(), [1.0, 0.0, 1.0, 1.0, 2.0]);
    /// ```
    Hashing {
        /// The number of bins, that of the mask included.
        num_bins: is usize = 0,
        /// The key of the hash.
        salt: some Salt = None,
        /// The value that stands for nothing and goes to bin 0.
        mask_value: some MaskValue = None,
        /// What the layer gives; the bins by default.
        output_mode: is OutputMode = OutputMode::Int,
        /// Whether outputs are sparse, which is not supported.
        sparse: is bool = false,
    }
}

/// A value that stands for nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number or a text")]
pub enum MaskValue {
    /// Among numbers.
    Number(f64),
    /// Among strings.
    Text(String),
}

impl From<i64> for MaskValue {
    fn from(value: i64) -> MaskValue {
        MaskValue::Number(value as f64)
    }
}

impl From<&str> for MaskValue {
    fn from(value: &str) -> MaskValue {
        MaskValue::Text(value.to_string())
    }
}

impl Hashing {
    /// As many bins.
    #[track_caller]
    pub fn new(num_bins: usize) -> Hashing {
        let base = Base { dtype: DType::I64.into(), ..Base::new() };
        Hashing { num_bins, base, ..Hashing::default() }
    }

    /// Applies the layer to strings or numbers.
    ///
    /// # Errors
    /// If the options are wrong, or the mask is a string among numbers or the opposite.
    pub fn apply(&self, data: impl Into<Features>) -> Result<Array, ConfigError> {
        let data = data.into();
        if let Some(mistake) = self.check().into_iter().next() {
            return Err(mistake);
        }
        let masked = self.masked(&data)?;
        let shift = usize::from(!masked.is_empty());
        let bins = data.texts();
        let bins = bins.iter().map(|text| bin_of(text, self.num_bins - shift, self.salt));
        let indices: Vec<i64> = match masked.is_empty() {
            true => bins.collect(),
            false => {
                bins.zip(&masked).map(|(bin, &masked)| if masked { 0 } else { bin + 1 }).collect()
            }
        };
        let dtype = match (self.output_mode, self.base.dtype.compute()) {
            (OutputMode::Int, dtype) => dtype,
            (_, dtype) => vectors_of(dtype),
        };
        Ok(encode_host(&indices, data.shape(), self.output_mode, self.num_bins, dtype))
    }

    /// Whether each element is the mask; nothing if there is no bin for it.
    fn masked(&self, data: &Features) -> Result<Vec<bool>, ConfigError> {
        let Some(mask) = self.mask_value.as_ref().filter(|_| self.num_bins > 1) else {
            return Ok(Vec::new());
        };
        match (data, mask) {
            (Features::Strings(strings), MaskValue::Text(mask)) => {
                Ok(strings.values().iter().map(|value| value == mask).collect())
            }
            (Features::Numbers(array), MaskValue::Number(mask)) => {
                Ok(array.to_f64_vec().iter().map(|value| value == mask).collect())
            }
            (data, mask) => Err(ConfigError::new("the mask is not of the kind of the data")
                .expected(format!("a mask for {} data", data.kind()))
                .received(format!("mask_value = {mask:?}"))),
        }
    }
}

impl Layer for Hashing {
    layer_facts!(Hashing);

    fn check(&self) -> Vec<ConfigError> {
        use OutputMode::{Count, Int, MultiHot, OneHot};
        let mut found = Vec::new();
        check_positive("num_bins", &[self.num_bins], &mut found);
        found.extend(self.output_mode.check(&[Int, OneHot, MultiHot, Count]));
        found.extend(check_sparse(self.sparse));
        let is_integer = matches!(self.base.dtype.compute(), DType::I32 | DType::I64);
        if self.output_mode == Int && !is_integer {
            found.push(
                ConfigError::new("bins are integers")
                    .expected("dtype = int32 or int64 with output_mode = int")
                    .received(format!("dtype = {}", self.base.dtype.name())),
            );
        }
        found
    }

    fn arguments_of_build(&self) -> &'static [&'static str] {
        &[]
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        if x.is_poisoned() {
            return vec![x.clone()];
        }
        let mask = match self.mask_value.as_ref().filter(|_| self.num_bins > 1) {
            Some(MaskValue::Text(_)) => {
                return on_data::refused("Hashing", "a mask that is a text, among numbers");
            }
            Some(MaskValue::Number(mask)) => Some(*mask),
            None => None,
        };
        if x.dtype() == DType::Bool {
            return on_data::refused("Hashing", "hashes of truth values");
        }
        let key = self.salt.map(|salt| salt.0);
        let bins = self.num_bins - usize::from(mask.is_some());
        let found = x.cast(DType::I64).hash_bins(bins, key);
        let found = match mask {
            None => found,
            Some(mask) => {
                let mask = Tensor::constant(Array::full(x.dtype(), [], mask));
                x.equal(&mask).select(&found.zeros_like(), &(&found + found.ones_like()))
            }
        };
        let dtype = self.base.dtype.compute();
        match self.output_mode {
            OutputMode::Int => vec![found.cast(dtype)],
            mode => vec![encode(&found, mode, self.num_bins, vectors_of(dtype), None)],
        }
    }
}
