//! The arguments of a layer call: which tensor stands where, and what else was given.
//!
//! Keras layers are called with tensors one after the other, in lists and dictionaries, and under
//! names such as `initial_state`; numbers and flags may stand among them.
//! [`CallArguments`] keeps that arrangement, [`Bound`] looks at it by the layer's own names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::layer::Layer;
use crate::object::{ConfigError, nearest, shortened};

/// One argument of a call; `T` stands for its tensors.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument<T> {
    /// A tensor.
    Tensor(T),
    /// A list.
    List(Vec<Argument<T>>),
    /// A dictionary.
    Dict(BTreeMap<String, Argument<T>>),
    /// Anything that is no tensor: a number, a flag, a shape, a name.
    Value(Value),
}

impl<T> Argument<T> {
    /// A list of tensors.
    pub fn tensors_of(tensors: impl IntoIterator<Item = T>) -> Argument<T> {
        Argument::List(tensors.into_iter().map(Argument::Tensor).collect())
    }

    /// Every tensor in it, in the order in which Keras flattens arguments.
    pub fn tensors(&self) -> Vec<&T> {
        match self {
            Argument::Tensor(tensor) => vec![tensor],
            Argument::List(items) => items.iter().flat_map(Argument::tensors).collect(),
            Argument::Dict(items) => items.values().flat_map(Argument::tensors).collect(),
            Argument::Value(_) => Vec::new(),
        }
    }

    /// What it says if it is no tensor.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Argument::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The same arrangement of other tensors.
    pub fn map<U>(&self, f: &mut impl FnMut(&T) -> U) -> Argument<U> {
        match self {
            Argument::Tensor(tensor) => Argument::Tensor(f(tensor)),
            Argument::List(items) => Argument::List(items.iter().map(|item| item.map(f)).collect()),
            Argument::Dict(items) => {
                let mapped = items.iter().map(|(key, item)| (key.clone(), item.map(f)));
                Argument::Dict(mapped.collect())
            }
            Argument::Value(value) => Argument::Value(value.clone()),
        }
    }
}

/// As files have it, where each tensor is what it stands for.
impl From<Argument<Value>> for Value {
    fn from(argument: Argument<Value>) -> Value {
        match argument {
            Argument::Tensor(value) | Argument::Value(value) => value,
            Argument::List(items) => items.into_iter().map(Value::from).collect(),
            Argument::Dict(items) => {
                items.into_iter().map(|(key, item)| (key, Value::from(item))).collect()
            }
        }
    }
}

/// The arguments of a call, by position and by name.
#[derive(Clone, Debug, PartialEq)]
pub struct CallArguments<T> {
    /// Those without a name, in order.
    pub positional: Vec<Argument<T>>,
    /// Those with a name.
    pub named: BTreeMap<String, Argument<T>>,
}

impl<T> CallArguments<T> {
    /// Arguments without names.
    pub fn new(positional: Vec<Argument<T>>) -> CallArguments<T> {
        CallArguments { positional, named: BTreeMap::new() }
    }

    /// Adds an argument with a name.
    pub fn with(mut self, name: impl Into<String>, argument: Argument<T>) -> CallArguments<T> {
        self.named.insert(name.into(), argument);
        self
    }

    /// Every tensor, in the order in which Keras flattens arguments.
    pub fn tensors(&self) -> Vec<&T> {
        self.positional.iter().chain(self.named.values()).flat_map(Argument::tensors).collect()
    }

    /// The same arrangement of other tensors.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> CallArguments<U> {
        CallArguments {
            positional: self.positional.iter().map(|item| item.map(&mut f)).collect(),
            named: self.named.iter().map(|(key, item)| (key.clone(), item.map(&mut f))).collect(),
        }
    }

    /// The tensors, and the arrangement of their numbers.
    pub fn split(&self) -> (Vec<T>, CallArguments<usize>)
    where
        T: Clone,
    {
        let mut tensors = Vec::new();
        let slots = self.map(|tensor| {
            tensors.push(tensor.clone());
            tensors.len() - 1
        });
        (tensors, slots)
    }
}

impl CallArguments<usize> {
    /// The arrangement of `count` inputs that a layer expects by default.
    pub fn of_inputs(layer: &dyn Layer, count: usize) -> CallArguments<usize> {
        CallArguments::new(layer.arrangement(count))
    }

    /// As files have it: `{"args": […], "kwargs": {…}}`.
    pub(crate) fn to_value(&self, tensors: &[Value]) -> Value {
        let filled = self.map(|&slot| tensors.get(slot).cloned().unwrap_or_default());
        let positional: Value = filled.positional.into_iter().map(Value::from).collect();
        let named: Map<String, Value> =
            filled.named.into_iter().map(|(key, item)| (key, Value::from(item))).collect();
        serde_json::json!({"args": positional, "kwargs": named})
    }
}

/// The arguments of a call by the names of the layer's signature.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// Which tensor of the call each input is: inputs are in the order of the signature, and masks
    /// are not among them.
    inputs: Vec<usize>,
    /// The arguments that hold inputs or values, by name; their tensors are numbers of inputs.
    named: Vec<(String, Argument<usize>)>,
    /// For each input where its mask comes from.
    masks: Vec<MaskSource>,
}

/// Where the mask of an input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaskSource {
    /// The layer is not told.
    None,
    /// The mask that the input carries.
    Carried,
    /// A tensor of the call.
    Given(usize),
}

impl Bound {
    /// Names the arguments of a call of `layer`.
    ///
    /// # Errors
    /// If an argument has a name that the layer does not know, or is given twice.
    pub(crate) fn of(
        layer: &dyn Layer,
        slots: &CallArguments<usize>,
    ) -> Result<Bound, ConfigError> {
        let mut given = ordered(layer, slots)?;
        let is_mask = |name: &str| layer.mask_arguments().contains(&name);
        let tensor_arguments = given.iter().filter(|(_, item)| !item.tensors().is_empty()).count();
        let masks: Vec<(String, Argument<usize>)> =
            given.extract_if(.., |(name, _)| is_mask(name)).collect();
        let mut bound = Bound::default();
        for (position, (name, argument)) in given.iter().enumerate() {
            let first = bound.inputs.len();
            let renumbered = argument.map(&mut |&slot| {
                bound.inputs.push(slot);
                bound.inputs.len() - 1
            });
            bound.named.push((name.clone(), renumbered));
            let own = format!("{name}_mask");
            let explicit =
                masks.iter().find(|(mask, _)| *mask == own || (mask == "mask" && position == 0));
            let automatic = match tensor_arguments {
                1 => is_mask("mask"),
                _ => is_mask(&own),
            };
            let explicit: Option<Vec<Option<usize>>> = explicit.map(|(_, mask)| match mask {
                Argument::List(items) => {
                    items.iter().map(|item| item.tensors().first().map(|slot| **slot)).collect()
                }
                other => other.tensors().into_iter().map(|&slot| Some(slot)).collect(),
            });
            for place in 0..bound.inputs.len() - first {
                bound.masks.push(match &explicit {
                    Some(given) => match given.get(place) {
                        Some(Some(slot)) => MaskSource::Given(*slot),
                        _ => MaskSource::None,
                    },
                    None if automatic => MaskSource::Carried,
                    None => MaskSource::None,
                });
            }
        }
        Ok(bound)
    }

    /// The tensors that the layer sees as inputs, in order.
    pub(crate) fn inputs<T: Clone>(&self, tensors: &[T]) -> Vec<T> {
        self.inputs.iter().filter_map(|&slot| tensors.get(slot).cloned()).collect()
    }

    /// Where the masks of the inputs come from.
    pub(crate) fn masks(&self) -> &[MaskSource] {
        &self.masks
    }

    /// How many inputs there are.
    pub(crate) fn count(&self) -> usize {
        self.inputs.len()
    }

    /// How many inputs the first argument holds.
    pub(crate) fn first_count(&self) -> usize {
        self.named.first().map_or(0, |(_, first)| first.tensors().len())
    }

    /// The argument of that name; its tensors are numbers of inputs.
    pub fn get(&self, name: &str) -> Option<&Argument<usize>> {
        self.named.iter().find(|(known, _)| known == name).map(|(_, argument)| argument)
    }

    /// The arguments, in the order of the signature.
    pub fn arguments(&self) -> impl Iterator<Item = (&str, &Argument<usize>)> {
        self.named.iter().map(|(name, argument)| (name.as_str(), argument))
    }

    /// Whether the argument of that name is the flag `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Argument::value).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// The arguments with their names, in the order of the signature.
fn ordered(
    layer: &dyn Layer,
    slots: &CallArguments<usize>,
) -> Result<Vec<(String, Argument<usize>)>, ConfigError> {
    let signature = layer.signature();
    let name_at = |position: usize| match signature.get(position) {
        Some(name) => name.to_string(),
        None => format!("argument {position}"),
    };
    let mut given: Vec<(String, Argument<usize>)> =
        slots.positional.iter().enumerate().map(|(i, item)| (name_at(i), item.clone())).collect();
    for (name, argument) in &slots.named {
        // Keras notes that an argument was not given, and notes `training` too, which it
        // overrides whenever the model runs.
        if name == "training" || argument.value().is_some_and(Value::is_null) {
            continue;
        }
        let known = signature.contains(&name.as_str())
            || layer.mask_arguments().contains(&name.as_str())
            || layer.takes_any_argument();
        if !known {
            let error = ConfigError::new(format!("the call has no argument `{name}`"))
                .expected(signature.join(", "));
            let error = match argument.value() {
                Some(value) => error.received(format!("{name} = {}", shortened(value))),
                None => error.received(format!("a tensor for `{name}`")),
            };
            return Err(match nearest(name, signature.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
        }
        if given.iter().any(|(other, _)| other == name) {
            return Err(ConfigError::new(format!("the argument `{name}` is given twice"))
                .expected("it by position or by name"));
        }
        given.push((name.clone(), argument.clone()));
    }
    let place = |name: &str| signature.iter().position(|known| *known == name);
    // Arguments that are not in the signature stay behind it, in order.
    given.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
    Ok(given)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::layers::Dense;

    #[test]
    fn tensors_are_numbered_as_keras_flattens_them() {
        let call = CallArguments::new(vec![Argument::Tensor("x")])
            .with("value", Argument::Tensor("v"))
            .with("key", Argument::tensors_of(["k0", "k1"]));
        let (tensors, slots) = call.split();
        assert_eq!(tensors, ["x", "k0", "k1", "v"]);
        let written = slots.to_value(&["x", "k0", "k1", "v"].map(|name| json!(name)));
        assert_eq!(written, json!({"args": ["x"], "kwargs": {"key": ["k0", "k1"], "value": "v"}}));
    }

    #[test]
    fn an_argument_that_the_layer_does_not_know_is_refused() {
        let slots = CallArguments::new(vec![Argument::Tensor(0)])
            .with("initial_state", Argument::Tensor(1));
        let error = Bound::of(&Dense::new(2), &slots).unwrap_err().to_string();
        assert_eq!(
            error,
            "the call has no argument `initial_state`\n  expected  inputs\n  received  a tensor \
             for `initial_state`"
        );
    }

    #[test]
    fn a_mask_is_carried_unless_it_is_given() {
        let layer = Dense::new(2);
        let plain = CallArguments::new(vec![Argument::Tensor(0)]);
        assert_eq!(Bound::of(&layer, &plain).unwrap().masks(), [MaskSource::Carried]);
        let given = plain.with("mask", Argument::Tensor(1));
        let bound = Bound::of(&layer, &given).unwrap();
        assert_eq!((bound.masks(), bound.count()), (&[MaskSource::Given(1)][..], 1));
    }
}
