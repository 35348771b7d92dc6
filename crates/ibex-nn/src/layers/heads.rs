//! What attention layers of several heads share: projections, the union of masks, weights.
//!
//! Must not know: which layer asks.

use ibex_graph::ops::attention::{AttentionOptions, dot_product_attention};
use ibex_graph::ops::einsum::einsum;
use ibex_graph::{DType, Tensor};

use super::options::Axes;
use super::{Dropout, EinsumDense, Softmax};
use crate::arguments::{Argument, Bound, CallArguments};
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::regularizers::Regularizer;
use crate::trace::Call;

/// The names of the arguments of a call, those of masks included.
pub(super) const SIGNATURE: &[&str] = &[
    "query",
    "value",
    "key",
    "query_mask",
    "value_mask",
    "key_mask",
    "attention_mask",
    "return_attention_scores",
    "training",
    "use_causal_mask",
];

/// The place of the projection that weighs the means, if there is one.
pub(super) const GATE: &str = "_gate_dense";

/// The arguments that are masks of others.
pub(super) const MASK_ARGUMENTS: &[&str] = &["query_mask", "value_mask", "key_mask"];

/// The shapes of queries, values and keys of a call.
pub(super) struct Shapes<'a> {
    pub(super) query: &'a PartialType,
    pub(super) value: &'a PartialType,
    pub(super) key: &'a PartialType,
}

impl<'a> Shapes<'a> {
    /// The shapes by the names of the arguments.
    ///
    /// # Errors
    /// If there are no queries or values, or keys and values differ along more than the last axis.
    pub(super) fn of(
        arguments: &Bound,
        inputs: &'a [PartialType],
    ) -> Result<Shapes<'a>, ConfigError> {
        let find = |name: &str| match arguments.get(name) {
            Some(Argument::Tensor(input)) => inputs.get(*input),
            _ => None,
        };
        let needed = |name: &str| {
            let missing = || ConfigError::new(format!("the call has no tensor for `{name}`"));
            find(name).ok_or_else(missing)
        };
        let (query, value) = (needed("query")?, needed("value")?);
        let key = find("key").unwrap_or(value);
        let all = [("query", query), ("value", value), ("key", key)];
        if let Some((name, ty)) = all.iter().find(|(_, ty)| ty.shape.rank() < 3) {
            return Err(ConfigError::new(format!("`{name}` has too few axes for attention"))
                .expected("(batch, …, features), three axes or more")
                .received(ty.shape.to_string()));
        }
        let positions = |ty: &'a PartialType| &ty.shape.0[1..ty.shape.rank() - 1];
        match positions(value) == positions(key) {
            true => Ok(Shapes { query, value, key }),
            false => Err(ConfigError::new("values and keys must be as many")
                .expected("one shape but for the last axis")
                .received(format!("values {} and keys {}", value.shape, key.shape))),
        }
    }
}

/// The equation of a projection and the axes of its bias: `free` axes stay, `bound` are summed
/// over, `made` come of it.
pub(super) fn projection(free: usize, bound: usize, made: usize) -> (String, String) {
    let letters = |from: usize, count: usize| -> String {
        (from..from + count)
            .filter_map(|i| u8::try_from(i).ok())
            .map(|i| (b'a' + i) as char)
            .collect()
    };
    let (stay, sum) = (letters(0, free), letters(free, bound));
    let new = letters(free + bound, made);
    (format!("{stay}{sum},{sum}{new}->{stay}{new}"), new)
}

/// Asks for projections with the options of the layer around them.
pub(super) struct Projections {
    /// What all projections have in common.
    pub(super) template: EinsumDense,
    /// Penalty on what each gives.
    pub(super) activity_regularizer: Option<Regularizer>,
    pub(super) use_bias: bool,
}

impl Projections {
    /// Builds the projection `name` at the place `place`; gives the type of its outputs.
    ///
    /// The last `made` extents follow `free` axes of the input.
    ///
    /// # Errors
    /// If an extent of the input that the weights need is unknown.
    pub(super) fn build(
        &self,
        build: &mut Build<'_>,
        (place, name): (&str, &str),
        input: &PartialType,
        bound: usize,
        made: &[usize],
    ) -> Result<PartialType, ConfigError> {
        let free = input.shape.rank() - bound;
        let (equation, bias_axes) = projection(free, bound, made.len());
        let mut output = vec![None; free - 1];
        output.extend(made.iter().copied().map(Some));
        let mut layer = self.template.clone();
        layer.equation = equation;
        layer.output_shape = output.into();
        layer.bias_axes = self.use_bias.then_some(bias_axes);
        let layer = match &self.activity_regularizer {
            Some(penalty) => layer.activity_regularizer(penalty.clone()),
            None => layer,
        };
        let outputs =
            build.child(place, &layer.name(name).shared(), std::slice::from_ref(input))?;
        outputs.into_iter().next().ok_or_else(|| ConfigError::new("a projection gives nothing"))
    }
}

/// The projections of a layer with the options that all such layers have.
macro_rules! projections_of {
    ($layer:expr) => {{
        let mut template = $crate::layers::EinsumDense::default().dtype($layer.base.dtype);
        template.kernel_initializer = $layer.kernel_initializer.clone();
        template.bias_initializer = $layer.bias_initializer.clone();
        template.kernel_regularizer = $layer.kernel_regularizer.clone();
        template.bias_regularizer = $layer.bias_regularizer.clone();
        template.kernel_constraint = $layer.kernel_constraint.clone();
        template.bias_constraint = $layer.bias_constraint.clone();
        $crate::layers::heads::Projections {
            template,
            activity_regularizer: $layer.base.activity_regularizer.clone(),
            use_bias: $layer.use_bias,
        }
    }};
}
pub(super) use projections_of;

/// How the products of queries and keys become weights.
pub(super) struct Weighing {
    /// The factor of the products.
    pub(super) scale: f64,
    /// The axes of the projected queries that attend and are attended to.
    pub(super) axes: Vec<usize>,
    /// The part of the weights that is dropped while training.
    pub(super) dropout: f64,
    pub(super) seed: Option<u64>,
    /// How far from its own position a query sees keys.
    pub(super) sliding_window: Option<usize>,
}

/// What a call hides.
struct Hidden {
    /// What each query sees: `bool`, broadcast to the scores.
    mask: Option<Tensor>,
    /// Whether all that is hidden are the keys behind a query.
    only_future: bool,
}

/// Projected queries, keys and values, `(batch, …, heads, dim)`.
struct Projected {
    query: Tensor,
    key: Tensor,
    value: Tensor,
}

impl Weighing {
    /// Builds the layers inside that have no weights, which Keras names and counts too.
    ///
    /// # Errors
    /// If the rate of dropout is no fraction.
    pub(super) fn build(&self, build: &mut Build<'_>, rank: usize) -> Result<(), ConfigError> {
        let scores = rank - 1 + self.axes.len();
        let axes = (scores - self.axes.len()..scores).map(|axis| axis as isize).collect::<Vec<_>>();
        let ty = PartialType::new(DType::F32, PartialShape(vec![None; scores]));
        let ty = std::slice::from_ref(&ty);
        build.child("_softmax", &Softmax::new().axis(Axes::Many(axes)).shared(), ty)?;
        let mut dropout = Dropout::new(self.dropout);
        dropout.seed = self.seed;
        build.child("_dropout_layer", &dropout.shared(), ty)?;
        Ok(())
    }

    /// The union of what `masks` of queries, values and keys, the call's own mask, the future and
    /// the window hide.
    fn hidden(
        &self,
        call: &Call<'_>,
        [query, value]: [&Tensor; 2],
        masks: [Option<Tensor>; 3],
    ) -> Hidden {
        let own = call.tensor("attention_mask").map(|mask| as_bool(&mask));
        let causal = call.flag("use_causal_mask");
        let positions = (query.dim(1), value.dim(1));
        if causal
            && own.is_none()
            && masks.iter().all(Option::is_none)
            && self.sliding_window.is_none()
        {
            return Hidden { mask: None, only_future: true };
        }
        let [by_query, by_value, by_key] = masks;
        let window = self.sliding_window.map(|size| near(positions, size));
        let all = [
            own,
            by_query.map(|mask| as_bool(&mask).expand_dims(-1)),
            by_value.map(|mask| as_bool(&mask).expand_dims(-2)),
            by_key.map(|mask| as_bool(&mask).expand_dims(-2)),
            causal.then(|| past(positions)),
            window,
        ];
        let mask = all.into_iter().flatten().reduce(|a, b| a.logical_and(&b));
        Hidden { mask, only_future: false }
    }

    /// The weighted means of the values, and the weights before dropout if they are wanted.
    fn attend(
        &self,
        call: &mut Call<'_>,
        projected: &Projected,
        hidden: Hidden,
        wants_scores: bool,
    ) -> (Tensor, Option<Tensor>) {
        let rank = projected.query.rank();
        let plain = self.axes == [1] || self.dropout == 0.0;
        match rank == 4 && plain && !wants_scores && self.dropout < 1.0 {
            true => (self.means(call, projected, hidden), None),
            false => {
                let (means, scores) = self.means_and_scores(call, projected, hidden);
                (means, Some(scores))
            }
        }
    }

    /// What a layer of several heads gives: the means after the last projection, and the scores if
    /// the call wants them.
    ///
    /// The projections lie at `{prefix}query_dense` and so on, where `build` put them; `masks` are
    /// those of queries, values and keys.
    pub(super) fn answer(
        &self,
        call: &mut Call<'_>,
        prefix: &str,
        [query, value, key]: [&Tensor; 3],
        masks: [Option<Tensor>; 3],
    ) -> Vec<Tensor> {
        let hidden = self.hidden(call, [query, value], masks);
        let mut project = |place: &str, x: &Tensor| {
            call.child(&format!("{prefix}{place}_dense"), std::slice::from_ref(x)).remove(0)
        };
        let projected = Projected {
            query: project("query", query),
            key: project("key", key),
            value: project("value", value),
        };
        let gate = call.instance().child(GATE).is_some();
        let gate = gate.then(|| call.child(GATE, std::slice::from_ref(query)).remove(0));
        let wants_scores = call.flag("return_attention_scores");
        let (means, scores) = self.attend(call, &projected, hidden, wants_scores);
        let means = match gate {
            Some(gate) => means * gate,
            None => means,
        };
        let mut outputs = call.child(&format!("{prefix}output_dense"), &[means]);
        outputs.extend(scores.filter(|_| wants_scores));
        outputs
    }

    /// The means by the operation that need not keep all scores.
    fn means(&self, call: &mut Call<'_>, projected: &Projected, hidden: Hidden) -> Tensor {
        let Projected { query, key, value } = projected;
        let mask = hidden.mask.map(|mask| self.expanded(mask, 4));
        let drawn =
            (call.training() && self.dropout > 0.0).then(|| call.trace().next_random_of(self.seed));
        let options = AttentionOptions {
            scale: Some(self.scale),
            mask: mask.as_ref(),
            causal: hidden.only_future,
            dropout: drawn.as_ref().map(|(state, stream)| (self.dropout, state, *stream)),
        };
        let means = dot_product_attention(query, key, value, &options);
        match mask.filter(|_| self.dropout > 0.0) {
            // Only without dropout does Keras give the mean of all values where all are hidden.
            Some(mask) => {
                let seen = mask.any(&[3], true).transpose(&[0, 2, 1, 3]);
                seen.select(&means, &means.zeros_like())
            }
            None => means,
        }
    }

    fn means_and_scores(
        &self,
        call: &mut Call<'_>,
        projected: &Projected,
        hidden: Hidden,
    ) -> (Tensor, Tensor) {
        let Projected { query, key, value } = projected;
        // Keys and values that several heads share are repeated.
        let group = query.dim(-2).checked_div(key.dim(-2)).unwrap_or(1);
        let heads = query.rank() as isize - 2;
        let [key, value] = [key, value].map(|x| match group {
            1 => x.clone(),
            _ => x.repeat(group, heads),
        });
        let (product, combination) = equations(query.rank(), &self.axes);
        let scores = einsum(&product, &[&key, &(query * self.scale)]);
        let mask = match hidden.only_future {
            true => Some(past((query.dim(1), key.dim(1)))),
            false => hidden.mask,
        };
        let rank = scores.rank();
        let mut arguments = CallArguments::new(vec![Argument::Tensor(scores)]);
        if let Some(mask) = mask {
            arguments = arguments.with("mask", Argument::Tensor(self.expanded(mask, rank)));
        }
        let scores = call.child_with("_softmax", &arguments).remove(0);
        let kept = call.child("_dropout_layer", std::slice::from_ref(&scores)).remove(0);
        (einsum(&combination, &[&kept, &value]), scores)
    }

    /// A mask with axes of extent 1 where the scores have their heads, and more of them before.
    fn expanded(&self, mask: Tensor, rank: usize) -> Tensor {
        let axis = -2 * self.axes.len() as isize - 1;
        (mask.rank()..rank).fold(mask, |mask, _| mask.expand_dims(axis))
    }
}

/// Whether each element counts, whatever the dtype.
pub(super) fn as_bool(mask: &Tensor) -> Tensor {
    mask.cast(DType::Bool)
}

/// The keys up to each query's position: `bool (1, queries, keys)`.
pub(super) fn past((queries, keys): (usize, usize)) -> Tensor {
    let [row, column] = [1, 2].map(|axis| Tensor::iota(DType::I32, [1, queries, keys], axis));
    row.greater_equal(&column)
}

/// The keys less than `size` positions from each query: `bool (1, queries, keys)`.
fn near((queries, keys): (usize, usize), size: usize) -> Tensor {
    let [row, column] = [1, 2].map(|axis| Tensor::iota(DType::I32, [1, queries, keys], axis));
    let limit = i32::try_from(size).unwrap_or(i32::MAX);
    (row - column).abs().less(&Tensor::scalar(DType::I32, f64::from(limit)))
}

/// The equations of scores (of keys and queries) and of means (of weights and values) for
/// projections of `rank` axes, of which `axes` attend.
fn equations(rank: usize, axes: &[usize]) -> (String, String) {
    let letter = |i: usize| u8::try_from(i).map_or('?', |i| (b'a' + i) as char);
    let target: Vec<char> = (0..rank).map(letter).collect();
    let mut source = target.clone();
    let fresh = (0..rank - 1).filter(|axis| axes.contains(axis));
    for (number, axis) in fresh.enumerate() {
        source[axis] = letter(rank + number);
    }
    let batch = (0..rank - 1).filter(|axis| !axes.contains(axis)).map(|axis| target[axis]);
    let asked = axes.iter().map(|&axis| target[axis]);
    let scores: String = batch.chain(asked).chain(axes.iter().map(|&axis| source[axis])).collect();
    let [target, source]: [String; 2] = [target, source].map(|axes| axes.into_iter().collect());
    (format!("{source},{target}->{scores}"), format!("{scores},{source}->{target}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_name_the_axes_as_keras_does() {
        // As `_build_attention_equation` and `_build_proj_equation` of Keras give them.
        let expected = ("aecd,abcd->acbe".to_string(), "acbe,aecd->abcd".to_string());
        assert_eq!(equations(4, &[1]), expected);
        let expected = ("afgde,abcde->adbcfg".to_string(), "adbcfg,afgde->abcde".to_string());
        assert_eq!(equations(5, &[1, 2]), expected);
        let expected = ("abfde,abcde->abdcf".to_string(), "abdcf,abfde->abcde".to_string());
        assert_eq!(equations(5, &[2]), expected);
        assert_eq!(projection(2, 1, 2), ("abc,cde->abde".to_string(), "de".to_string()));
        assert_eq!(projection(2, 2, 1), ("abcd,cde->abe".to_string(), "e".to_string()));
    }
}
