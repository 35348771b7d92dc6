//! `CategoryEncoding`: integers as vectors.

use std::ops::RangeInclusive;

use ibex_graph::{DType, OpError, Tensor};

use super::categorical::{OutputMode, encode};
use super::options::check_positive;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Integers in `0..num_tokens` as vectors of `num_tokens` elements.
    ///
    /// Input of integers, output as [`OutputMode`] says; a second input of the same shape are the
    /// weights of the elements when they are counted.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/categorical/category_encoding/>.
    ///
    /// ```
    /// use ibex_graph::DType;
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{CategoryEncoding, Input};
    ///
    /// let x = Input::new([5]).dtype(DType::I32).tensor();
    /// let y = CategoryEncoding::new(8).call(&x);
    /// assert_eq!(y.shape().to_string(), "(None, 8)");
    /// ```
    CategoryEncoding {
        /// The number of categories.
        num_tokens: is usize = 0,
        /// What the layer gives; one vector for each sample by default.
        output_mode: is OutputMode = OutputMode::MultiHot,
    }
}

impl CategoryEncoding {
    /// Vectors of as many elements.
    #[track_caller]
    pub fn new(num_tokens: usize) -> CategoryEncoding {
        CategoryEncoding { num_tokens, ..CategoryEncoding::default() }
    }
}

impl Layer for CategoryEncoding {
    layer_facts!(CategoryEncoding);

    fn check(&self) -> Vec<ConfigError> {
        use OutputMode::{Count, MultiHot, OneHot};
        let mut found = Vec::new();
        check_positive("num_tokens", &[self.num_tokens], &mut found);
        found.extend(self.output_mode.check(&[OneHot, MultiHot, Count]));
        found
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let indices = match inputs[0].dtype() {
            DType::I64 => inputs[0].clone(),
            _ => inputs[0].cast(DType::I32),
        };
        let weights = inputs.get(1);
        let wrong = match weights {
            Some(_) if self.output_mode != OutputMode::Count => Some(OpError::new(
                "weights are for counting",
                "output_mode = count",
                "a second input in another output mode",
            )),
            Some(weights) if weights.shape() != indices.shape() => Some(OpError::new(
                "the weights have another shape than the elements",
                indices.shape().to_string(),
                weights.shape().to_string(),
            )),
            _ => None,
        };
        if let Some(error) = wrong.filter(|_| !inputs.iter().any(Tensor::is_poisoned)) {
            return vec![Tensor::poisoned(error)];
        }
        vec![encode(&indices, self.output_mode, self.num_tokens, self.base.dtype.compute(), weights)]
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        1..=2
    }

    fn signature(&self) -> &'static [&'static str] {
        &["inputs", "count_weights"]
    }

    fn arguments_of_build(&self) -> &'static [&'static str] {
        &["inputs"]
    }
}
