//! `MultiHeadAttention`: several projections of queries attend to those of keys and values.

use ibex_graph::Tensor;

use super::einsum_dense::OutputShape;
use super::heads::{
    GATE, MASK_ARGUMENTS, Projections, SIGNATURE, Shapes, Weighing, projections_of,
};
use super::options::{Axes, check_fraction};
use crate::activations::Sigmoid;
use crate::constraints::Constraint;
use crate::initializers::{GlorotUniform, Initializer, Zeros};
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Each head projects queries, keys and values, and takes means of its values, weighted by
    /// the softmax of the products of its queries and keys; a projection joins the heads.
    ///
    /// Called on `[query, value]` or `[query, value, key]`: queries `(batch, queries, …)`, values
    /// and keys `(batch, keys, …)`, output `(batch, queries, features)` with the features of the
    /// queries unless `output_shape` says otherwise.
    /// A call may name `attention_mask (batch, queries, keys)`, which hides keys where it is
    /// false, `use_causal_mask`, and `return_attention_scores`, which adds an output
    /// `(batch, heads, queries, keys)`; masks of queries, values and keys hide what they mask.
    /// Weights: kernels `(features, heads, dim)` and biases `(heads, dim)` of the projections
    /// `query`, `key`, `gate` and `value`, then those of `attention_output`.
    /// Source: Vaswani et al., "Attention is all you need", 2017,
    /// <https://keras.io/api/layers/attention_layers/multi_head_attention/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, MultiHeadAttention};
    /// use ibex_nn::models::symbolic::with;
    ///
    /// let x = Input::new([10, 16]).tensor();
    /// let y = MultiHeadAttention::new(2, 8).call(with([&x, &x]).value("use_causal_mask", true));
    /// assert_eq!(y.shape().to_string(), "(None, 10, 16)");
    /// ```
    MultiHeadAttention {
        /// The number of heads.
        num_heads: is usize = 1,
        /// Extent of each head's queries and keys.
        key_dim: is usize = 1,
        /// Extent of each head's values; `key_dim` by default.
        value_dim: some usize = None,
        /// The fraction of the weights that is dropped while training.
        dropout: is f64 = 0.0,
        /// Whether projections add a bias; they do by default.
        use_bias: is bool = true,
        /// Whether the means are multiplied by a projection of the queries between 0 and 1.
        use_gate: is bool = false,
        /// The extents of the output after the positions; those of the queries by default.
        output_shape: some OutputShape = None,
        /// The axes of the queries that attend; all but batch and features by default.
        attention_axes: some Axes = None,
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

impl MultiHeadAttention {
    /// A layer of `num_heads` heads, whose queries and keys have `key_dim` numbers each.
    #[track_caller]
    pub fn new(num_heads: usize, key_dim: usize) -> MultiHeadAttention {
        MultiHeadAttention { num_heads, key_dim, ..MultiHeadAttention::default() }
    }

    fn value_extent(&self) -> usize {
        self.value_dim.unwrap_or(self.key_dim)
    }

    /// The axes that attend, for queries of `rank` axes.
    fn axes(&self, rank: usize) -> Result<Vec<usize>, ConfigError> {
        let Some(axes) = &self.attention_axes else { return Ok((1..rank - 1).collect()) };
        let listed = match axes {
            Axes::One(axis) => vec![*axis],
            Axes::Many(axes) => axes.clone(),
        };
        let place = |&axis: &isize| {
            let axis = if axis < 0 { axis + rank as isize } else { axis };
            usize::try_from(axis).ok().filter(|axis| (1..rank - 1).contains(axis))
        };
        listed.iter().map(place).collect::<Option<Vec<usize>>>().ok_or_else(|| {
            ConfigError::new("`attention_axes` must be axes between the batch and the features")
                .expected(format!("axes of an input of {rank} axes"))
                .received(format!("{listed:?}"))
        })
    }

    fn weighing(&self, axes: Vec<usize>) -> Weighing {
        Weighing {
            scale: 1.0 / (self.key_dim as f64).sqrt(),
            axes,
            dropout: self.dropout,
            seed: self.seed,
            sliding_window: self.sliding_window,
        }
    }

    fn projections(&self) -> Projections {
        projections_of!(self)
    }

    /// What is wrong with options that have to be positive.
    fn check_counts(&self) -> Option<ConfigError> {
        let counts = [
            ("num_heads", Some(self.num_heads)),
            ("key_dim", Some(self.key_dim)),
            ("value_dim", self.value_dim),
            ("sliding_window", self.sliding_window),
        ];
        let (name, _) = counts.into_iter().find(|(_, count)| *count == Some(0))?;
        let error = ConfigError::new(format!("`{name}` must be positive"));
        Some(error.received(format!("{name} = 0")))
    }
}

impl Layer for MultiHeadAttention {
    layer_facts!(MultiHeadAttention);

    fn check(&self) -> Vec<ConfigError> {
        let unknown = || {
            let open = |shape: &OutputShape| shape.0.contains(&None).then(|| shape.0.clone());
            let shape = PartialShape(self.output_shape.as_ref().and_then(open)?);
            let error = ConfigError::new("`output_shape` must be known");
            Some(error.received(format!("output_shape = {shape}")))
        };
        let rate = check_fraction("dropout", self.dropout);
        self.check_counts().into_iter().chain(rate).chain(unknown()).collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let Shapes { query, value, key } = Shapes::of(build.arguments(), inputs)?;
        let inner = self.projections();
        let (heads, dim) = (self.num_heads, self.key_dim);
        let values = self.value_extent();
        let asked = inner.build(build, ("query_dense", "query"), query, 1, &[heads, dim])?;
        inner.build(build, ("key_dense", "key"), key, 1, &[heads, dim])?;
        if self.use_gate {
            let template = self.projections().template.activation(Sigmoid);
            let gate = Projections { template, ..self.projections() };
            gate.build(build, (GATE, "gate"), query, 1, &[heads, values])?;
        }
        inner.build(build, ("value_dense", "value"), value, 1, &[heads, values])?;
        let rank = value.shape.rank();
        self.weighing(self.axes(rank)?).build(build, rank + 1)?;
        let mut joined = asked;
        if let Some(last) = joined.shape.0.last_mut() {
            *last = Some(values);
        }
        let output: Vec<usize> = match &self.output_shape {
            Some(shape) if !shape.0.is_empty() => shape.0.iter().copied().flatten().collect(),
            _ => query.shape.dim(-1).into_iter().collect(),
        };
        // The penalty on the activity of this projection is that on the layer's own output.
        let outer = Projections { activity_regularizer: None, ..inner };
        outer.build(build, ("output_dense", "attention_output"), &joined, 2, &output)?;
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let [query, value] = match (call.tensor("query"), call.tensor("value")) {
            (Some(query), Some(value)) => [query, value],
            _ => return inputs.to_vec(),
        };
        let key = call.tensor("key").unwrap_or_else(|| value.clone());
        let given = call.tensor("key").is_some();
        // Whatever the call says, Keras takes the mask that the queries carry.
        let by_query = call.trace().mask(&query);
        // As there, the tensors lose their masks for every later use too.
        [&query, &value, &key].into_iter().for_each(|x| call.trace().clear_mask(x));
        let masks = [by_query, call.mask(1), call.mask(2).filter(|_| given)];
        let axes = match self.axes(value.rank()) {
            Ok(axes) => axes,
            Err(_) => return inputs.to_vec(),
        };
        self.weighing(axes).answer(call, "", [&query, &value, &key], masks)
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
}
