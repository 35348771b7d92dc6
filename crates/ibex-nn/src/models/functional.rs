//! Functional models: a graph of layer calls between inputs and outputs.
//!
//! The order of layers, and with it the order of weights, is Keras's: by depth from the outputs,
//! then in the order in which a walk from the outputs meets them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::panic::Location;
use std::sync::Arc;

use ibex_graph::Tensor;
use serde_json::Value;

use crate::arguments::Argument;
use crate::instance::{Build, Instance};
use crate::layer::{Base, Layer, share_identity};
use crate::models::naming::name_layers;
use crate::models::structure::Structure;
use crate::models::symbolic::{CallNode, SymbolicTensor};
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;

/// A model: inputs, outputs and the layer calls between them. It is a layer too.
#[derive(Clone, Debug)]
pub struct Functional {
    base: Base,
    kind: &'static str,
    inputs: Vec<SymbolicTensor>,
    outputs: Vec<SymbolicTensor>,
    input_structure: Structure,
    output_structure: Structure,
    layers: Vec<Arc<Instance>>,
    calls: Vec<Arc<CallNode>>,
}

impl Functional {
    /// The model that computes `outputs` from `inputs`.
    ///
    /// # Errors
    /// Every mistake in the calls between them, an output that does not depend on the inputs
    /// alone, or two layers of one name.
    #[track_caller]
    pub fn new(
        inputs: Vec<SymbolicTensor>,
        outputs: Vec<SymbolicTensor>,
    ) -> Result<Functional, ModelError> {
        Functional::of_kind("Functional", inputs, outputs)
    }

    #[track_caller]
    pub(crate) fn of_kind(
        kind: &'static str,
        inputs: Vec<SymbolicTensor>,
        outputs: Vec<SymbolicTensor>,
    ) -> Result<Functional, ModelError> {
        let map = Map::of(&inputs, &outputs);
        let mistakes = map.mistakes(&inputs);
        if !mistakes.is_empty() {
            return Err(ModelError { mistakes });
        }
        let (layers, calls) = map.in_order(&inputs);
        name_layers(&layers);
        let duplicates = duplicate_names(&layers);
        if !duplicates.is_empty() {
            return Err(ModelError { mistakes: duplicates });
        }
        Ok(Functional {
            base: Base::new(),
            kind,
            input_structure: Structure::of_count(inputs.len()),
            output_structure: Structure::of_count(outputs.len()),
            inputs,
            outputs,
            layers,
            calls,
        })
    }

    /// Names the model.
    pub fn name(mut self, name: impl Into<String>) -> Functional {
        self.base.name = Some(name.into());
        self
    }

    /// Arranges inputs and outputs in another way than one tensor or a list; each of the structures
    /// must have as many tensors as there are.
    pub fn structures(mut self, inputs: Structure, outputs: Structure) -> Functional {
        self.input_structure = inputs;
        self.output_structure = outputs;
        self
    }

    /// The inputs.
    pub fn inputs(&self) -> &[SymbolicTensor] {
        &self.inputs
    }

    /// The outputs.
    pub fn outputs(&self) -> &[SymbolicTensor] {
        &self.outputs
    }

    /// The types of the outputs.
    pub fn output_types(&self) -> Vec<PartialType> {
        self.outputs.iter().map(SymbolicTensor::ty).collect()
    }

    /// How the inputs are arranged.
    pub fn input_structure(&self) -> &Structure {
        &self.input_structure
    }

    /// How the outputs are arranged.
    pub fn output_structure(&self) -> &Structure {
        &self.output_structure
    }

    /// The layers, in Keras's order.
    pub fn layers(&self) -> &[Arc<Instance>] {
        &self.layers
    }

    /// The calls, each after those that it needs.
    pub fn calls(&self) -> &[Arc<CallNode>] {
        &self.calls
    }

    /// The names of the outputs: those of the layers that give them.
    pub fn output_names(&self) -> Vec<String> {
        self.outputs
            .iter()
            .filter_map(|t| t.call_node().instance())
            .map(|i| i.name().to_string())
            .collect()
    }

    /// The names by which losses and metrics are given for the outputs and metrics are shown: the
    /// keys of a dictionary of outputs, otherwise as [`Functional::output_names`].
    pub fn names_for_judging(&self) -> Vec<String> {
        self.output_structure.unpacked().names(&self.output_names())
    }

    /// The names under which the losses of several outputs are shown, without `_loss`.
    pub fn names_of_losses(&self) -> Vec<String> {
        self.output_structure.unpacked().paths(&self.output_names())
    }

    /// The names of the inputs.
    pub fn input_names(&self) -> Vec<String> {
        self.inputs
            .iter()
            .filter_map(|t| t.call_node().instance())
            .map(|i| i.name().to_string())
            .collect()
    }

    /// `Functional` or `Sequential`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

impl Layer for Functional {
    fn base(&self) -> &Base {
        &self.base
    }

    fn base_mut(&mut self) -> &mut Base {
        &mut self.base
    }

    fn class_name(&self) -> &'static str {
        self.kind
    }

    fn module(&self) -> Option<&'static str> {
        Some(if self.kind == "Sequential" { "keras" } else { "keras.src.models.functional" })
    }

    fn as_model(&self) -> Option<&Functional> {
        Some(self)
    }

    /// The configuration of a model lists layers and calls; see [`crate::saving`].
    fn config(&self) -> Value {
        let name = self.base.name.clone().unwrap_or_else(|| self.stem());
        Value::Object(self.full_config(&name, self.base.trainable))
    }

    fn shared(&self) -> Arc<dyn Layer> {
        let mut copy = self.clone();
        share_identity(&self.base, &mut copy.base);
        Arc::new(copy)
    }

    fn build(&self, build: &mut Build<'_>, _: &[PartialType]) -> Result<(), ConfigError> {
        for layer in &self.layers {
            build.adopt(layer.name(), layer);
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let mut values: HashMap<(u64, usize), Tensor> = HashMap::new();
        let key = |t: &SymbolicTensor| (t.call_node().sequence(), t.output_index());
        for (symbol, tensor) in self.inputs.iter().zip(inputs) {
            values.insert(key(symbol), tensor.clone());
        }
        for node in &self.calls {
            let Some(instance) = node.instance() else { continue };
            if values.contains_key(&(node.sequence(), 0)) {
                continue;
            }
            let arguments: Vec<Tensor> =
                node.inputs().iter().filter_map(|t| values.get(&key(t)).cloned()).collect();
            let results = instance.call_with(call.trace(), &arguments, node.slots());
            for (output, tensor) in results.into_iter().enumerate() {
                values.insert((node.sequence(), output), tensor);
            }
        }
        self.outputs.iter().filter_map(|t| values.get(&key(t)).cloned()).collect()
    }

    fn mask(&self, call: &mut Call<'_>, _: &[Tensor], _: &[Option<Tensor>]) -> Vec<Option<Tensor>> {
        // The calls inside have attached the masks of the outputs already.
        let _ = call;
        Vec::new()
    }

    fn takes_list(&self) -> bool {
        self.input_structure != Structure::Single
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        self.inputs.len()..=self.inputs.len()
    }

    fn registered_name(&self) -> Option<&'static str> {
        (self.kind == "Functional").then_some("Functional")
    }

    fn arrangement(&self, count: usize) -> Vec<Argument<usize>> {
        vec![self.input_structure.arranged(0..count)]
    }

    fn full_config(&self, name: &str, trainable: bool) -> serde_json::Map<String, Value> {
        crate::saving::config_of_model(self, name, trainable)
    }
}

/// The calls between inputs and outputs, as a walk from the outputs meets them.
struct Map {
    /// Each call after those that it needs.
    calls: Vec<Arc<CallNode>>,
    /// The order in which layers were met first.
    met: Vec<u64>,
}

/// Which layer a call calls.
fn layer_key(call: &CallNode) -> u64 {
    call.layer().base().identity.sequence()
}

impl Map {
    fn of(inputs: &[SymbolicTensor], outputs: &[SymbolicTensor]) -> Map {
        let mut map = Map { calls: Vec::new(), met: Vec::new() };
        let stops: HashSet<u64> = inputs.iter().map(|t| t.call_node().sequence()).collect();
        let mut seen = HashSet::new();
        for output in outputs {
            map.walk(output.call_node(), &stops, &mut seen);
        }
        for input in inputs {
            map.walk(input.call_node(), &stops, &mut seen);
        }
        map
    }

    /// Depth first, without recursion: models may be thousands of layers deep.
    fn walk(&mut self, from: &Arc<CallNode>, stops: &HashSet<u64>, seen: &mut HashSet<u64>) {
        let mut stack = vec![(from.clone(), 0)];
        while let Some((call, next)) = stack.pop() {
            if next == 0 {
                if !seen.insert(call.sequence()) {
                    continue;
                }
                let key = layer_key(&call);
                if !self.met.contains(&key) {
                    self.met.push(key);
                }
            }
            let parents = if stops.contains(&call.sequence()) { &[] } else { call.inputs() };
            match parents.get(next) {
                Some(parent) => {
                    let parent = parent.call_node().clone();
                    stack.push((call, next + 1));
                    stack.push((parent, 0));
                }
                None => self.calls.push(call),
            }
        }
    }

    fn mistakes(&self, inputs: &[SymbolicTensor]) -> Vec<ModelMistake> {
        let mut calls: Vec<&Arc<CallNode>> = self.calls.iter().collect();
        calls.sort_by_key(|call| call.sequence());
        let names = provisional_names(&calls);
        let mut found: Vec<ModelMistake> = calls
            .iter()
            .filter_map(|call| call.mistake().map(|m| ModelMistake::of_call(call, m, &names)))
            .collect();
        let known =
            |call: &CallNode| inputs.iter().any(|t| t.call_node().sequence() == call.sequence());
        for call in &calls {
            if call.inputs().is_empty() && !known(call) {
                let name = names.get(&layer_key(call)).cloned().unwrap_or_default();
                let error = ConfigError::new(format!(
                    "the outputs depend on the input `{name}`, which is no input of the model"
                ))
                .help("add it to the inputs of the model");
                found.push(ModelMistake { error, location: Some(call.location()) });
            }
        }
        found
    }

    /// Layers and calls by depth, as Keras's `map_graph` orders them.
    ///
    /// The order of calls is that of running: it decides what a layer that is called twice does to
    /// its statistics, and where a tensor has lost its mask already.
    fn in_order(self, inputs: &[SymbolicTensor]) -> (Vec<Arc<Instance>>, Vec<Arc<CallNode>>) {
        let stops: HashSet<u64> = inputs.iter().map(|t| t.call_node().sequence()).collect();
        let mut call_depth = Depths::default();
        let mut layer_depth: HashMap<u64, usize> = HashMap::new();
        for call in self.calls.iter().rev() {
            let own = call_depth.at_least(call.sequence(), 0);
            let depth = own.max(layer_depth.get(&layer_key(call)).copied().unwrap_or(0));
            layer_depth.insert(layer_key(call), depth);
            call_depth.at_least(call.sequence(), depth);
            let parents = if stops.contains(&call.sequence()) { &[] } else { call.inputs() };
            for parent in parents {
                call_depth.at_least(parent.call_node().sequence(), depth + 1);
            }
        }
        let position: HashMap<u64, usize> =
            self.met.iter().enumerate().map(|(i, &key)| (key, i)).collect();
        let mut layers: Vec<(usize, usize, Arc<Instance>)> = Vec::new();
        let mut listed = HashSet::new();
        for call in &self.calls {
            let key = layer_key(call);
            if let Some(instance) = call.instance()
                && listed.insert(key)
            {
                layers.push((layer_depth[&key], position[&key], instance.clone()));
            }
        }
        layers.sort_by_key(|(depth, position, _)| (std::cmp::Reverse(*depth), *position));
        let mut calls = self.calls;
        calls.sort_by_key(|call| call_depth.place(call.sequence()));
        (layers.into_iter().map(|(_, _, layer)| layer).collect(), calls)
    }
}

/// How far calls are from the outputs, and in which order they were met.
#[derive(Default)]
struct Depths(HashMap<u64, (usize, usize)>);

impl Depths {
    /// Makes a call at least so deep; its depth now.
    fn at_least(&mut self, call: u64, depth: usize) -> usize {
        let met = self.0.len();
        let entry = self.0.entry(call).or_insert((depth, met));
        entry.0 = entry.0.max(depth);
        entry.0
    }

    /// The place of a call among all: deep ones first, then as they were met.
    fn place(&self, call: u64) -> (std::cmp::Reverse<usize>, usize) {
        let (depth, met) = self.0.get(&call).copied().unwrap_or_default();
        (std::cmp::Reverse(depth), met)
    }
}

/// The names that layers have or will get, for messages about models that cannot be made.
fn provisional_names(calls: &[&Arc<CallNode>]) -> HashMap<u64, String> {
    let mut layers: Vec<&Arc<dyn Layer>> = calls.iter().map(|call| call.layer()).collect();
    layers.sort_by_key(|l| l.base().identity.sequence());
    layers.dedup_by_key(|l| l.base().identity.sequence());
    let mut next: HashMap<String, usize> = HashMap::new();
    let mut names = HashMap::new();
    for layer in layers {
        let name = layer.base().known_name().map(str::to_string).unwrap_or_else(|| {
            let stem = layer.stem();
            let count = next.entry(stem.clone()).or_default();
            *count += 1;
            if *count == 1 { stem } else { format!("{stem}_{}", *count - 1) }
        });
        names.insert(layer.base().identity.sequence(), name);
    }
    names
}

fn duplicate_names(layers: &[Arc<Instance>]) -> Vec<ModelMistake> {
    let mut seen = HashSet::new();
    let repeated = layers.iter().filter(|layer| !seen.insert(layer.name().to_string()));
    let mistake = |layer: &Arc<Instance>| ModelMistake {
        error: ConfigError::new(format!("two layers of the model are named `{}`", layer.name()))
            .help("give each layer its own name"),
        location: Some(layer.layer().base().identity.location()),
    };
    repeated.map(mistake).collect()
}

/// Everything that is wrong with a model that was to be made.
#[derive(Debug, Clone)]
pub struct ModelError {
    /// The mistakes, in order of writing.
    pub mistakes: Vec<ModelMistake>,
}

/// One mistake in a model, and the line that wrote it.
#[derive(Debug, Clone)]
pub struct ModelMistake {
    /// What is wrong.
    pub error: ConfigError,
    /// The line, if known.
    pub location: Option<&'static Location<'static>>,
}

impl ModelMistake {
    /// A mistake about no line in particular.
    pub fn new(error: ConfigError) -> ModelMistake {
        ModelMistake { error, location: None }
    }

    fn of_call(
        call: &CallNode,
        mistake: &ConfigError,
        names: &HashMap<u64, String>,
    ) -> ModelMistake {
        let name = |call: &CallNode| names.get(&layer_key(call)).cloned().unwrap_or_default();
        let sources: Vec<String> = call
            .inputs()
            .iter()
            .filter(|t| !t.is_poisoned())
            .map(|t| format!("`{}`", name(t.call_node())))
            .collect();
        let what = match sources.is_empty() {
            true => format!("layer `{}`: {}", name(call), mistake.what),
            false => format!(
                "layer `{}` cannot be applied to {}: {}",
                name(call),
                sources.join(", "),
                mistake.what
            ),
        };
        ModelMistake {
            error: ConfigError { what, ..mistake.clone() },
            location: Some(call.location()),
        }
    }
}

impl fmt::Display for ModelMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfigError { what, expected, received, help } = &self.error;
        f.write_str(what)?;
        for (label, part) in [("expected  ", expected), ("received  ", received)] {
            if !part.is_empty() {
                write!(f, "\n  {label}{part}")?;
            }
        }
        if let Some(location) = self.location {
            write!(f, "\n  at {}:{}:{}", location.file(), location.line(), location.column())?;
        }
        if !help.is_empty() {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.mistakes.iter().enumerate() {
            let gap = if i > 0 { "\n" } else { "" };
            write!(f, "{gap}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ModelError {}
