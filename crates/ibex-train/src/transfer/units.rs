//! The layers of a model that have weights, in the order in which they were written.

use std::collections::HashMap;
use std::sync::Arc;

use ibex_format::RawArray;
use ibex_graph::Variable;
use ibex_nn::models::Functional;
use ibex_nn::models::symbolic::CallNode;
use ibex_nn::{Instance, Weight};
use serde_json::Value;

use super::layout::{channels_first_rows, channels_last_rows};
use super::roles::{Rule, rule_of};
use super::source::Group;
use crate::model::Model;

/// A layer with weights.
#[derive(Debug)]
pub(super) struct Unit {
    /// Its name, below those of the models and wrappers around it.
    pub(super) path: String,
    pub(super) class: String,
    pub(super) weights: Vec<UnitWeight>,
    /// The extents that a layer before it flattened, channels last; `None` without such a layer.
    flattened: Option<Vec<usize>>,
    /// The unit whose output it receives, if it is one.
    pub(super) producer: Option<usize>,
}

/// A weight of a layer.
#[derive(Debug)]
pub(super) struct UnitWeight {
    /// Its name within the layer.
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) variable: Variable,
}

impl Unit {
    /// The values of all weights out of a group of arrays, if they are of such a layer.
    pub(super) fn values_in(&self, group: &Group) -> Option<Vec<RawArray>> {
        let own: Option<Vec<&RawArray>> =
            self.weights.iter().map(|weight| group.get(&weight.name)).collect();
        if let Some(arrays) = own.filter(|arrays| arrays.len() == group.arrays.len()) {
            let fits = arrays.iter().zip(&self.weights).all(|(a, w)| a.shape() == w.shape);
            return fits.then(|| arrays.into_iter().cloned().collect());
        }
        let rule = rule_of(&self.class)?;
        let mut used = 0;
        let values = self.weights.iter().map(|weight| {
            let part = rule.parts.iter().find(|part| part.keras == weight.name)?;
            let arrays: Option<Vec<&RawArray>> =
                part.torch.iter().map(|role| group.get(role)).collect();
            let arrays = arrays?;
            used += arrays.len();
            let value = part.arrangement.to_keras(&arrays, &weight.shape)?;
            match &self.flattened {
                Some(extents) if self.is_flat_kernel(weight) => channels_last_rows(&value, extents),
                _ => Some(value),
            }
        });
        let values = values.collect::<Option<Vec<_>>>()?;
        (used == group.arrays.len()).then_some(values)
    }

    /// The arrays of PyTorch that a weight is, with their names.
    pub(super) fn to_torch(&self, index: usize, raw: &RawArray) -> Option<Vec<(String, RawArray)>> {
        let weight = &self.weights[index];
        let rule: &Rule = rule_of(&self.class)?;
        let part = rule.parts.iter().find(|part| part.keras == weight.name)?;
        let turned = match &self.flattened {
            Some(extents) if self.is_flat_kernel(weight) => channels_first_rows(raw, extents)?,
            _ => raw.clone(),
        };
        let arrays = part.arrangement.to_torch(&turned)?;
        let path = self.path.replace('/', ".");
        // Only recurrent modules number their layers within.
        let layer = if self.class.ends_with("Cell") { "_l0" } else { "" };
        let names = part.torch.iter().map(|role| format!("{path}.{role}{layer}"));
        Some(names.zip(arrays).collect())
    }

    fn is_flat_kernel(&self, weight: &UnitWeight) -> bool {
        let rows: usize = self.flattened.iter().flatten().product();
        self.class == "Dense" && weight.name == "kernel" && weight.shape[0] == rows
    }
}

/// The layers of a model, in order.
pub(super) fn of(model: &Model) -> Vec<Unit> {
    let functional = model.functional();
    let mut calls: Vec<&Arc<CallNode>> = functional.calls().iter().collect();
    calls.sort_by_key(|call| call.sequence());
    let mut walk = Walk { units: Vec::new(), places: HashMap::new() };
    for call in calls {
        let Some(instance) = call.instance() else { continue };
        if walk.places.contains_key(&Arc::as_ptr(instance)) {
            continue;
        }
        let before = walk.units.len();
        walk.visit(instance, instance.name().to_string());
        let (producer, flattened) = walk.behind(call);
        for unit in &mut walk.units[before..] {
            unit.producer = producer;
            unit.flattened.clone_from(&flattened);
        }
    }
    // Layers that no call reaches would be lost without this: there are none in a sound model.
    for instance in Functional::layers(functional) {
        walk.visit(instance, instance.name().to_string());
    }
    walk.units
}

struct Walk {
    units: Vec<Unit>,
    /// Where each visited layer put its last unit.
    places: HashMap<*const Instance, Option<usize>>,
}

impl Walk {
    fn visit(&mut self, instance: &Arc<Instance>, path: String) {
        let pointer = Arc::as_ptr(instance);
        if self.places.contains_key(&pointer) {
            return;
        }
        self.places.insert(pointer, None);
        let class = instance.layer().class_name().to_string();
        let has_own = !instance.weights().is_empty();
        if rule_of(&class).is_some() || has_own && instance.children().is_empty() {
            let weights: Vec<UnitWeight> = instance.weights().iter().filter_map(known).collect();
            if !weights.is_empty() {
                let unit = Unit { path, class, weights, flattened: None, producer: None };
                self.units.push(unit);
                self.places.insert(pointer, Some(self.units.len() - 1));
            }
            return;
        }
        for (name, child) in instance.children() {
            // The cell of a recurrent layer is the layer itself; models name their layers.
            let path = match name.as_str() {
                "cell" | "layer" => path.clone(),
                _ if matches!(class.as_str(), "Functional" | "Sequential") => {
                    format!("{path}/{}", child.name())
                }
                name => format!("{path}/{name}"),
            };
            self.visit(child, path);
        }
        if has_own {
            let weights: Vec<UnitWeight> = instance.weights().iter().filter_map(known).collect();
            self.units.push(Unit { path, class, weights, flattened: None, producer: None });
        }
    }

    /// The unit whose output a call receives, and what was flattened on the way.
    fn behind(&self, call: &CallNode) -> (Option<usize>, Option<Vec<usize>>) {
        let mut flattened = None;
        let mut input = call.inputs().first();
        while let Some(tensor) = input {
            let node = tensor.call_node();
            if let Some(instance) = node.instance() {
                if let Some(Some(unit)) = self.places.get(&Arc::as_ptr(instance)) {
                    return (Some(*unit), flattened);
                }
                if flattened.is_none() && instance.layer().class_name() == "Flatten" {
                    flattened = extents(instance);
                }
            }
            // Behind a sum or a concatenation there is no single producer.
            if node.inputs().len() != 1 {
                return (None, flattened);
            }
            input = node.inputs().first();
        }
        (None, flattened)
    }
}

fn known(weight: &Weight) -> Option<UnitWeight> {
    let variable = weight.variable()?.clone();
    let spec = weight.spec();
    Some(UnitWeight { name: spec.name.clone(), shape: spec.shape.dims().to_vec(), variable })
}

/// What a layer flattens, if it has places and channels, in this order.
fn extents(instance: &Instance) -> Option<Vec<usize>> {
    let config = instance.layer().config();
    if config.get("data_format").and_then(Value::as_str) == Some("channels_first") {
        return None;
    }
    let shape = &instance.inputs().first()?.shape;
    let extents: Option<Vec<usize>> = (1..shape.rank()).map(|at| shape.dim(at as isize)).collect();
    extents.filter(|extents| extents.len() > 1)
}
