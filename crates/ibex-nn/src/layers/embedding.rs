//! `Embedding`: a table of vectors, looked up by index.

use ibex_graph::{DType, Tensor};

use super::options::check_positive;
use crate::constraints::Constraint;
use crate::initializers::{Initializer, RandomUniform};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// A table of vectors, looked up by index.
    ///
    /// Input `(batch, …)` of integers in `0..input_dim`, output `(batch, …, output_dim)`.
    /// Weight `embeddings (input_dim, output_dim)`.
    /// Source: <https://keras.io/api/layers/core_layers/embedding/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Embedding, Input};
    /// use ibex_graph::DType;
    ///
    /// let words = Input::new([100]).dtype(DType::I32).tensor();
    /// let y = Embedding::new(10_000, 64).call(&words);
    /// assert_eq!(y.shape().to_string(), "(None, 100, 64)");
    /// ```
    Embedding {
        /// Number of vectors.
        input_dim: is usize = 1,
        /// Length of a vector.
        output_dim: is usize = 1,
        /// Initial values of the table; `RandomUniform` by default.
        embeddings_initializer: into Initializer = RandomUniform::default().into(),
        /// Penalty on the table, added to the loss.
        embeddings_regularizer: some Regularizer = None,
        /// Projection of the table after each update.
        embeddings_constraint: some Constraint = None,
        /// Whether index 0 is padding, which layers after this one are to ignore.
        mask_zero: is bool = false,
    }
}

impl Embedding {
    /// A table of `input_dim` vectors of length `output_dim`.
    #[track_caller]
    pub fn new(input_dim: usize, output_dim: usize) -> Embedding {
        Embedding { input_dim, output_dim, ..Embedding::default() }
    }
}

impl Layer for Embedding {
    layer_facts!(Embedding);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("input_dim", &[self.input_dim], &mut found);
        check_positive("output_dim", &[self.output_dim], &mut found);
        found
    }

    fn build(&self, build: &mut Build<'_>, _: &[PartialType]) -> Result<(), ConfigError> {
        let shape = [self.input_dim, self.output_dim];
        build.weight(
            WeightSpec::new("embeddings", shape, self.embeddings_initializer.clone())
                .regularizer(self.embeddings_regularizer.clone())
                .constraint(self.embeddings_constraint.clone()),
        );
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![looked_up(&call.weight("embeddings"), &inputs[0])]
    }

    fn casts_inputs(&self) -> bool {
        false
    }

    fn supports_masking(&self) -> bool {
        self.mask_zero
    }

    fn mask(
        &self,
        _: &mut Call<'_>,
        inputs: &[Tensor],
        _: &[Option<Tensor>],
    ) -> Vec<Option<Tensor>> {
        vec![self.mask_zero.then(|| not_padding(&inputs[0]))]
    }
}

/// The rows of a table that `indices` choose.
pub(super) fn looked_up(table: &Tensor, indices: &Tensor) -> Tensor {
    match indices.dtype() {
        DType::I32 | DType::I64 => table.take(indices, 0),
        _ => table.take(&indices.cast(DType::I32), 0),
    }
}

/// The mask of a layer for which index 0 is padding.
pub(super) fn not_padding(indices: &Tensor) -> Tensor {
    indices.not_equal(&Tensor::scalar(indices.dtype(), 0.0))
}
