//! `RepeatVector`: a vector as every step of a sequence.

use ibex_graph::Tensor;

use super::options::{check_positive, expect_rank};
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// A vector as every step of a sequence.
    ///
    /// Input `(batch, features)`, output `(batch, n, features)`.
    /// Source: <https://keras.io/api/layers/reshaping_layers/repeat_vector/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RepeatVector};
    ///
    /// let y = RepeatVector::new(3).call(&Input::new([32]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 3, 32)");
    /// ```
    RepeatVector {
        /// Number of steps.
        n: is usize = 1,
    }
}

impl RepeatVector {
    /// Sequences of `n` steps.
    #[track_caller]
    pub fn new(n: usize) -> RepeatVector {
        RepeatVector { n, ..RepeatVector::default() }
    }
}

impl Layer for RepeatVector {
    layer_facts!(RepeatVector);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("n", &[self.n], &mut found);
        found
    }

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        expect_rank(&inputs[0].shape, 2, "(batch, features)")
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![inputs[0].expand_dims(1).repeat(self.n, 1)]
    }
}
