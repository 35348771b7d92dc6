//! `Bidirectional`: a recurrent layer in both directions of time.

use std::ops::RangeInclusive;
use std::sync::Arc;

use ibex_graph::Tensor;
use ibex_graph::ops::concatenate::concatenate;
use serde::{Deserialize, Serialize, Serializer};

use super::recurrent::sequence::{SIGNATURE, arrangement};
use super::recurrent::{Recurrent, SequenceOptions};
use crate::arguments::{Argument, Bound, CallArguments};
use crate::inner_layer::InnerLayer;
use crate::instance::{Build, Instance};
use crate::layer::{Base, Layer, share_identity};
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::trace::Call;
use crate::{layer_facts, layer_setters};

/// How the outputs of both directions become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMode {
    /// Side by side along the last axis.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Mul,
    /// Their mean.
    Ave,
}

/// A recurrent layer in both directions of time.
///
/// The layer itself goes forward, a second one with the same options and weights of its own goes
/// backward; its outputs are put back into the order of time.
/// Input as that of the layer; initial states are those of the forward layer, then those of the
/// backward one.
/// Output as that of the layer, merged; without a merge mode both outputs.
/// With `return_state` of the layer the last states of both follow.
/// Source: Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997,
/// <https://keras.io/api/layers/recurrent_layers/bidirectional/>.
///
/// ```
/// use ibex_nn::layer::LayerExt;
/// use ibex_nn::layers::{Bidirectional, Input, LSTM};
///
/// let layer = Bidirectional::new(LSTM::new(8).return_sequences(true));
/// assert_eq!(layer.call(&Input::new([5, 3]).tensor()).shape().to_string(), "(None, 5, 16)");
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, from = "Options")]
pub struct Bidirectional {
    /// How the outputs are merged; not at all if `None`.
    pub merge_mode: Option<MergeMode>,
    /// The layer that goes forward.
    layer: InnerLayer,
    /// The layer that goes backward; files may leave it out.
    #[serde(serialize_with = "recurrent_or_nothing")]
    backward_layer: InnerLayer,
    /// The layer that was given: automatic names are derived from its own.
    #[serde(skip)]
    given: InnerLayer,
    #[serde(skip)]
    base: Base,
}

/// A layer; nothing instead of the one that stands for no layer at all.
fn recurrent_or_nothing<S: Serializer>(layer: &InnerLayer, to: S) -> Result<S::Ok, S::Error> {
    layer.as_recurrent().map(|_| layer).serialize(to)
}

/// What files hold.
#[derive(Deserialize)]
#[serde(default)]
struct Options {
    merge_mode: Option<MergeMode>,
    layer: InnerLayer,
    backward_layer: Option<InnerLayer>,
}

impl Default for Options {
    fn default() -> Options {
        let layer = InnerLayer::default();
        Options { merge_mode: Some(MergeMode::Concat), layer, backward_layer: None }
    }
}

impl From<Options> for Bidirectional {
    fn from(options: Options) -> Bidirectional {
        let Options { merge_mode, layer, backward_layer } = options;
        let made = Bidirectional { merge_mode, ..Bidirectional::new(layer) };
        match backward_layer {
            Some(backward) => made.backward_layer(backward),
            None => made,
        }
    }
}

impl Default for Bidirectional {
    #[track_caller]
    fn default() -> Bidirectional {
        Bidirectional::new(InnerLayer::default())
    }
}

layer_setters!(Bidirectional);

impl Bidirectional {
    /// This layer in both directions.
    #[track_caller]
    pub fn new(layer: impl Into<InnerLayer>) -> Bidirectional {
        let given = layer.into();
        let turned = |options: SequenceOptions| SequenceOptions { go_backwards: true, ..options };
        Bidirectional {
            merge_mode: Some(MergeMode::Concat),
            layer: directed(&given, "forward_", |options| options),
            backward_layer: directed(&given, "backward_", turned),
            given,
            base: Base::new(),
        }
    }

    /// How the outputs are merged; `None` gives both.
    pub fn merge_mode(mut self, merge_mode: impl Into<Option<MergeMode>>) -> Bidirectional {
        self.merge_mode = merge_mode.into();
        self
    }

    /// Another layer to go backward; it must have been told to.
    pub fn backward_layer(mut self, layer: impl Into<InnerLayer>) -> Bidirectional {
        let layer = layer.into();
        let mut own = directed(&layer, "", |options| options).layer().clone();
        // It stays the layer that was given.
        if let Some(own) = Arc::get_mut(&mut own) {
            share_identity(layer.base(), own.base_mut());
        }
        self.backward_layer = own.into();
        self
    }

    /// The options of the layer that goes forward.
    fn options(&self) -> SequenceOptions {
        self.layer.as_recurrent().map(Recurrent::sequence_options).unwrap_or_default()
    }

    /// How many outputs there are before the states.
    fn outputs(&self) -> usize {
        if self.merge_mode.is_none() { 2 } else { 1 }
    }

    /// One output of what both directions gave.
    fn merged(&self, forward: &Tensor, backward: &Tensor) -> Vec<Tensor> {
        vec![match self.merge_mode {
            None => return vec![forward.clone(), backward.clone()],
            Some(MergeMode::Concat) => concatenate(&[forward, backward], -1),
            Some(MergeMode::Sum) => forward + backward,
            Some(MergeMode::Mul) => forward * backward,
            Some(MergeMode::Ave) => (forward + backward) / 2.0,
        }]
    }
}

/// An independent copy of a layer, named after it, whose masked steps give what merging needs.
fn directed(
    layer: &InnerLayer,
    prefix: &'static str,
    turn: impl FnOnce(SequenceOptions) -> SequenceOptions,
) -> InnerLayer {
    let Some(recurrent) = layer.as_recurrent() else { return layer.clone() };
    let options = recurrent.sequence_options();
    let zero_output_for_mask = options.return_sequences;
    let mut copy =
        recurrent.with_options(turn(SequenceOptions { zero_output_for_mask, ..options }));
    if let Some(copy) = Arc::get_mut(&mut copy) {
        match layer.base().name.as_deref().and_then(|name| name.strip_prefix(prefix)) {
            Some(rest) => copy.base_mut().name = Some(format!("{prefix}{rest}")),
            None => copy.base_mut().name_after(prefix, layer.base()),
        }
    }
    copy.into()
}

impl Layer for Bidirectional {
    layer_facts!(Bidirectional);

    fn check(&self) -> Vec<ConfigError> {
        let both = [&self.layer, &self.backward_layer];
        let [Some(forward), Some(backward)] = both.map(|layer| layer.as_recurrent()) else {
            let other = both.into_iter().find(|layer| layer.as_recurrent().is_none());
            let class = other.map_or("", |layer| layer.class_name());
            return vec![
                ConfigError::new("only a layer that goes through time has two directions")
                    .expected("a recurrent layer, such as LSTM")
                    .received(class),
            ];
        };
        let (a, b) = (forward.sequence_options(), backward.sequence_options());
        let mut found = Vec::new();
        if a.go_backwards == b.go_backwards {
            found.push(
                ConfigError::new("both layers go in the same direction")
                    .expected("`go_backwards` of one of them")
                    .received(format!("go_backwards = {} of both", a.go_backwards)),
            );
        }
        let common = [
            ("stateful", a.stateful, b.stateful),
            ("return_sequences", a.return_sequences, b.return_sequences),
            ("return_state", a.return_state, b.return_state),
        ];
        for (name, a, b) in common.into_iter().filter(|(_, a, b)| a != b) {
            found.push(
                ConfigError::new(format!("the layers of both directions differ in `{name}`"))
                    .expected("the same for both")
                    .received(format!("{a} forward, {b} backward")),
            );
        }
        found.extend(both.into_iter().flat_map(|layer| layer.check()));
        found
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let both = [("forward_layer", &self.layer), ("backward_layer", &self.backward_layer)];
        for (place, layer) in both {
            build.adopt(place, &Instance::of(layer.layer(), &inputs[..1])?);
        }
        match inputs.len() % 2 {
            1 => Ok(()),
            _ => Err(ConfigError::new("the initial states do not fit both directions")
                .expected("an even number: those forward, then those backward")
                .received((inputs.len() - 1).to_string())),
        }
    }

    fn own_types(&self, arguments: &Bound, inputs: &[PartialType]) -> Option<Vec<PartialType>> {
        let mut forward = self.layer.own_types(arguments, inputs)?;
        let mut backward = self.backward_layer.own_types(arguments, inputs)?;
        let states: Vec<PartialType> = forward.drain(1..).chain(backward.drain(1..)).collect();
        let (mut output, other) = (forward.pop()?, backward.pop()?);
        let merged = match self.merge_mode {
            None => vec![output, other],
            Some(MergeMode::Concat) => {
                let sum = output.shape.dim(-1)? + other.shape.dim(-1)?;
                let PartialShape(extents) = &mut output.shape;
                *extents.last_mut()? = Some(sum);
                vec![output]
            }
            Some(_) => vec![output],
        };
        Some(merged.into_iter().chain(states).collect())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let dtype = self.base.dtype.compute();
        let (sequences, states) = (&inputs[0], &inputs[1..]);
        let mask = call.mask(0);
        let halves = states.split_at(states.len() / 2);
        let arguments = |states: &[Tensor]| {
            let call = CallArguments::new(vec![Argument::Tensor(sequences.clone())]);
            let call = match &mask {
                Some(mask) => call.with("mask", Argument::Tensor(mask.clone())),
                None => call,
            };
            match states.is_empty() {
                true => call,
                false => call.with("initial_state", Argument::tensors_of(states.to_vec())),
            }
        };
        let mut forward = call.child_with("forward_layer", &arguments(halves.0));
        let mut backward = call.child_with("backward_layer", &arguments(halves.1));
        let (y, reversed) = (forward.remove(0).cast(dtype), backward.remove(0).cast(dtype));
        let reversed = match self.options().return_sequences {
            true => reversed.flip(&[1]),
            false => reversed,
        };
        let states = forward.into_iter().chain(backward);
        self.merged(&y, &reversed).into_iter().chain(states).collect()
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn mask(
        &self,
        _: &mut Call<'_>,
        _: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Vec<Option<Tensor>> {
        let passed = if self.options().return_sequences { self.outputs() } else { 0 };
        vec![masks.first().cloned().flatten(); passed]
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn signature(&self) -> &'static [&'static str] {
        SIGNATURE
    }

    fn arrangement(&self, count: usize) -> Vec<Argument<usize>> {
        arrangement(count)
    }

    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        let both = [&self.given, &self.backward_layer];
        both.map(|layer| layer.layer().clone()).into()
    }
}
