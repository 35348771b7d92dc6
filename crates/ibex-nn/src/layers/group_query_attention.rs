//! `GroupQueryAttention`: heads of queries that share heads of keys and values.

use ibex_graph::Tensor;

use super::heads::{
    GATE, MASK_ARGUMENTS, Projections, SIGNATURE, Shapes, Weighing, projections_of,
};
use super::options::check_fraction;
use crate::activations::Sigmoid;
use crate::constraints::Constraint;
use crate::initializers::{GlorotUniform, Initializer, Zeros};
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Attention whose keys and values have fewer heads than the queries: neighbouring heads of
    /// queries share one.
    ///
    /// Called as [`MultiHeadAttention`](super::MultiHeadAttention): queries
    /// `(batch, queries, features)`, values and keys `(batch, keys, features)`, output
    /// `(batch, queries, features)`, scores `(batch, query heads, queries, keys)`.
    /// Weights: kernels `(features, heads, dim)` and biases `(heads, dim)` of the projections
    /// `query`, `key`, `gate` and `value`, then those of `attention_output`.
    /// Source: Ainslie et al., "GQA: training generalized multi-query transformer models from
    /// multi-head checkpoints", 2023,
    /// <https://keras.io/api/layers/attention_layers/group_query_attention/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GroupQueryAttention, Input};
    ///
    /// let x = Input::new([10, 16]).tensor();
    /// let y = GroupQueryAttention::new(8, 4, 2).call([&x, &x]);
    /// assert_eq!(y.shape().to_string(), "(None, 10, 16)");
    /// ```
    GroupQueryAttention {
        /// Extent of each head.
        head_dim: is usize = 1,
        /// The number of heads of the queries.
        num_query_heads: is usize = 1,
        /// The number of heads of keys and values, a divisor of `num_query_heads`.
        num_key_value_heads: is usize = 1,
        /// The fraction of the weights that is dropped while training.
        dropout: is f64 = 0.0,
        /// Whether projections add a bias; they do by default.
        use_bias: is bool = true,
        /// Whether the means are multiplied by a projection of the queries between 0 and 1.
        use_gate: is bool = false,
        /// How many positions a query sees to either side, its own included; all by default.
        sliding_window: some usize = None,
        /// Initial values of the kernels; `GlorotUniform` by default.
        kernel_initializer: into Initializer = GlorotUniform::default().into(),
        /// Initial values of the biases; zeros by default.
        bias_initializer: into Initializer = Zeros.into(),
        /// Penalty on the kernels, added to the loss.
        kernel_regularizer: some Regularizer = None,
        /// Penalty on the biases, added to the loss.
        bias_regularizer: some Regularizer = None,
        /// Projection of the kernels after each update.
        kernel_constraint: some Constraint = None,
        /// Projection of the biases after each update.
        bias_constraint: some Constraint = None,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
    }
}

impl GroupQueryAttention {
    /// A layer of `num_query_heads` heads with `head_dim` numbers each, whose keys and values have
    /// `num_key_value_heads`.
    #[track_caller]
    pub fn new(
        head_dim: usize,
        num_query_heads: usize,
        num_key_value_heads: usize,
    ) -> GroupQueryAttention {
        GroupQueryAttention {
            head_dim,
            num_query_heads,
            num_key_value_heads,
            ..GroupQueryAttention::default()
        }
    }

    fn weighing(&self) -> Weighing {
        Weighing {
            scale: 1.0 / (self.head_dim as f64).sqrt(),
            axes: vec![1],
            dropout: self.dropout,
            seed: self.seed,
            sliding_window: self.sliding_window,
        }
    }

    fn projections(&self) -> Projections {
        projections_of!(self)
    }
}

impl Layer for GroupQueryAttention {
    layer_facts!(GroupQueryAttention);

    fn check(&self) -> Vec<ConfigError> {
        let counts = [
            ("head_dim", Some(self.head_dim)),
            ("num_query_heads", Some(self.num_query_heads)),
            ("num_key_value_heads", Some(self.num_key_value_heads)),
            ("sliding_window", self.sliding_window),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == Some(0)) {
            let error = ConfigError::new(format!("`{name}` must be positive"));
            return vec![error.received(format!("{name} = 0"))];
        }
        let (heads, shared) = (self.num_query_heads, self.num_key_value_heads);
        let uneven = || {
            ConfigError::new("the heads of the queries cannot share those of the keys evenly")
                .expected("`num_query_heads` a multiple of `num_key_value_heads`")
                .received(format!("num_query_heads = {heads}, num_key_value_heads = {shared}"))
        };
        let uneven = (heads % shared != 0).then(uneven);
        uneven.into_iter().chain(check_fraction("dropout", self.dropout)).collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let Shapes { query, value, key } = Shapes::of(build.arguments(), inputs)?;
        if query.shape.rank() != 3 || value.shape.rank() != 3 || key.shape.rank() != 3 {
            return Err(ConfigError::new("queries, values and keys must be sequences")
                .expected("(batch, positions, features)")
                .received(format!("{}, {} and {}", query.shape, value.shape, key.shape)));
        }
        if query.shape.dim(-1) != value.shape.dim(-1) {
            return Err(ConfigError::new("queries and values must have the same features")
                .expected("the same last axis")
                .received(format!("queries {} and values {}", query.shape, value.shape)));
        }
        let inner = self.projections();
        let (heads, shared, dim) = (self.num_query_heads, self.num_key_value_heads, self.head_dim);
        let asked = inner.build(build, ("_query_dense", "query"), query, 1, &[heads, dim])?;
        inner.build(build, ("_key_dense", "key"), key, 1, &[shared, dim])?;
        if self.use_gate {
            let template = self.projections().template.activation(Sigmoid);
            let gate = Projections { template, ..self.projections() };
            gate.build(build, (GATE, "gate"), query, 1, &[heads, dim])?;
        }
        inner.build(build, ("_value_dense", "value"), value, 1, &[shared, dim])?;
        self.weighing().build(build, 4)?;
        let output: Vec<usize> = query.shape.dim(-1).into_iter().collect();
        // Keras adds the penalty on the activity of this projection and that on the layer's own
        // output, which is the same.
        inner.build(build, ("_output_dense", "attention_output"), &asked, 2, &output)?;
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let (Some(query), Some(value)) = (call.tensor("query"), call.tensor("value")) else {
            return inputs.to_vec();
        };
        let given = call.tensor("key");
        let by_key = call.mask(2).filter(|_| given.is_some());
        let key = given.unwrap_or_else(|| value.clone());
        let masks = [call.mask(0), call.mask(1), by_key];
        self.weighing().answer(call, "_", [&query, &value, &key], masks)
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn input_count(&self) -> std::ops::RangeInclusive<usize> {
        2..=4
    }

    fn draws_random_numbers(&self) -> bool {
        self.dropout > 0.0
    }

    fn signature(&self) -> &'static [&'static str] {
        SIGNATURE
    }

    fn mask_arguments(&self) -> &'static [&'static str] {
        MASK_ARGUMENTS
    }

    /// Keras's class is `GroupedQueryAttention`, though files name it otherwise.
    fn stem(&self) -> String {
        "grouped_query_attention".to_string()
    }
}
