//! The values of an ONNX graph, and the model that grows from it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ibex_format::RawArray;
use ibex_format::error::Problem;
use ibex_format::onnx::{OnnxExtent, OnnxModel, OnnxNode, OnnxValue};
use ibex_graph::{Array, DType};
use ibex_nn::layer::LayerExt;
use ibex_nn::layers::{Input, layer_loader};
use ibex_nn::models::symbolic::Arguments;
use ibex_nn::models::{Functional, SymbolicTensor};
use ibex_nn::{Instance, PartialShape, Weight, WeightSpec};
use serde_json::{Value as Json, json};

use super::value::{MAX_CLAIMED, Value};
use crate::arrays::from_raw;
use crate::error::Result;
use crate::model::Model;

/// Everything that the nodes share.
pub(super) struct Context<'a> {
    pub(super) file: &'a OnnxModel,
    /// The version of the operations.
    pub(super) opset: i64,
    values: HashMap<&'a str, Value>,
    known: HashMap<&'a str, &'a RawArray>,
    /// The nodes that take each value.
    users: HashMap<&'a str, Vec<usize>>,
    results: HashSet<&'a str>,
    lacking: HashSet<&'a str>,
    done: HashSet<usize>,
    names: HashSet<String>,
    inputs: Vec<SymbolicTensor>,
    /// Whether the file is for single samples, and the model is for any number.
    pub(super) opened: bool,
    /// Values that are zero, whatever their extents.
    zeros: HashSet<&'a str>,
    weights: Vec<(Arc<Instance>, Vec<Array>)>,
}

impl<'a> Context<'a> {
    /// The inputs of a file; one for single samples is opened for any number of them, if it may.
    ///
    /// # Errors
    /// If the shape or the element type of an input is not known.
    pub(super) fn new(file: &'a OnnxModel, may_open: bool) -> Result<Context<'a>> {
        let graph = &file.graph;
        let own = |(domain, _): &&(String, i64)| domain.is_empty() || domain == "ai.onnx";
        let mut context = Context {
            file,
            opset: file.opsets.iter().find(own).map_or(1, |(_, version)| *version),
            values: HashMap::new(),
            known: graph.initializers.iter().map(|(n, raw)| (n.as_str(), raw)).collect(),
            users: HashMap::new(),
            results: graph.outputs.iter().map(|value| value.name.as_str()).collect(),
            lacking: HashSet::new(),
            done: HashSet::new(),
            names: HashSet::new(),
            inputs: Vec::new(),
            opened: false,
            zeros: HashSet::new(),
            weights: Vec::new(),
        };
        for (at, node) in graph.nodes.iter().enumerate() {
            for input in &node.inputs {
                context.users.entry(input).or_default().push(at);
            }
        }
        let arguments: Vec<&OnnxValue> = graph
            .inputs
            .iter()
            .filter(|value| !context.known.contains_key(value.name.as_str()))
            .collect();
        // A file for single samples serves batches: nothing in a sample depends on their number.
        let single = |value: &&OnnxValue| {
            let first = value.shape.as_ref().and_then(|shape| shape.first());
            matches!(first, Some(OnnxExtent::Known(1)))
        };
        context.opened = may_open && !arguments.is_empty() && arguments.iter().all(single);
        for value in arguments {
            let name = context.layer_name(&value.name);
            let tensor = input(value, name, context.opened)?;
            context.inputs.push(tensor.clone());
            context.values.insert(&value.name, Value::Open(tensor));
        }
        Ok(context)
    }

    /// A name for a layer like `wanted`, which Keras allows and no other layer has.
    pub(super) fn layer_name(&mut self, wanted: &str) -> Option<String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let name: String = wanted.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
        let name = name.trim_matches('_');
        if name.is_empty() {
            return None;
        }
        let mut numbered = (1..).map(|n| format!("{name}_{n}"));
        let mut own = name.to_string();
        while !self.names.insert(own.clone()) {
            own = numbered.next()?;
        }
        Some(own)
    }

    /// The value of a name.
    ///
    /// # Errors
    /// If there is none, or a known array cannot be used.
    pub(super) fn value(&mut self, name: &str) -> Result<Value> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        match self.known.get_key_value(name) {
            Some((&name, &raw)) => {
                let value = Value::Known(from_raw(raw)?);
                self.values.insert(name, value.clone());
                Ok(value)
            }
            None => Err(Problem::new("the graph uses a value that nothing gives")
                .received(format!("`{}`", name.escape_debug()))
                .help("export the model again")
                .damaged()
                .into()),
        }
    }

    /// Whether a name stands for something that could not be converted.
    pub(super) fn lacks(&self, name: &str) -> bool {
        self.lacking.contains(name)
    }

    /// Keeps the outputs of a node.
    pub(super) fn give(&mut self, node: &'a OnnxNode, values: Vec<Value>) {
        let count = values.len();
        for (name, value) in node.outputs.iter().zip(values) {
            self.values.insert(name, value);
        }
        self.lacking.extend(node.outputs.iter().skip(count).map(String::as_str));
    }

    /// Remembers that the outputs of a node could not be had.
    pub(super) fn give_nothing(&mut self, node: &'a OnnxNode) {
        self.give(node, Vec::new());
    }

    /// Remembers that a value is zero.
    pub(super) fn set_zero(&mut self, name: &str) {
        let outputs = self.file.graph.nodes.iter().flat_map(|node| &node.outputs);
        self.zeros.extend(outputs.map(String::as_str).filter(|output| *output == name));
    }

    /// Whether a value is zero for all that is known.
    pub(super) fn is_zero(&self, name: &str) -> bool {
        self.zeros.contains(name)
    }

    /// An input whose first extent is the batch.
    pub(super) fn batch(&self) -> Option<&SymbolicTensor> {
        self.inputs.iter().find(|input| input.shape().dim(0).is_none())
    }

    /// Whether a node was converted together with an earlier one.
    pub(super) fn is_done(&self, at: usize) -> bool {
        self.done.contains(&at)
    }

    /// The one node that uses a value, if there is one and the value is no result.
    pub(super) fn only_user(&self, name: &str) -> Option<(usize, &'a OnnxNode)> {
        match self.users.get(name)?.as_slice() {
            &[at] if !self.results.contains(name) => Some((at, self.file.graph.nodes.get(at)?)),
            _ => None,
        }
    }

    /// Marks a node as converted together with an earlier one, whose value it gives.
    pub(super) fn absorb(&mut self, at: usize, node: &'a OnnxNode, value: Value) {
        self.done.insert(at);
        self.give(node, vec![value]);
    }

    /// Calls a layer; its weights get the given values, in Keras's order.
    pub(super) fn layer(
        &mut self,
        class_name: &str,
        name: &str,
        mut config: Json,
        inputs: impl Arguments,
        weights: Vec<Array>,
    ) -> Result<Vec<SymbolicTensor>> {
        if let (Some(name), Some(config)) = (self.layer_name(name), config.as_object_mut()) {
            config.insert("name".to_string(), json!(name));
        }
        let layer = layer_loader(class_name, None)?(&config)?;
        let outputs = layer.call_all(inputs);
        if let Some(instance) = outputs.first().and_then(|t| t.call_node().instance())
            && !weights.is_empty()
        {
            self.weights.push((instance.clone(), weights));
        }
        Ok(outputs)
    }

    /// The model.
    ///
    /// # Errors
    /// Every mistake in its layers, and weights that do not fit.
    pub(super) fn model(mut self) -> Result<Model> {
        let mut outputs = Vec::new();
        for output in &self.file.graph.outputs {
            match self.value(&output.name)? {
                Value::Open(tensor) => outputs.push(tensor),
                Value::Known(_) | Value::Extents(..) => {
                    return Err(Problem::new("an output of the graph depends on no input")
                        .received(format!("`{}`", output.name.escape_debug()))
                        .unsupported()
                        .into());
                }
            }
        }
        let functional = Functional::new(self.inputs, outputs)?;
        let functional = match self.file.graph.name.as_str() {
            "" => functional,
            name => functional.name(name.replace('/', "_")),
        };
        let model = Model::without_weights(functional)?;
        // What the graph claims must be there before memory is taken for it.
        let mut given: Vec<(&Weight, &Array)> = Vec::new();
        let own: HashSet<*const Instance> = model.layers().iter().map(Arc::as_ptr).collect();
        // What no output depends on is left out.
        let used = self.weights.iter().filter(|(instance, _)| own.contains(&Arc::as_ptr(instance)));
        for (instance, values) in used {
            let weights = instance.all_weights();
            let fits = |(weight, value): (&&Weight, &Array)| weight.spec().shape == *value.shape();
            if weights.len() != values.len() || !weights.iter().zip(values).all(fits) {
                return Err(unfit_weights(instance, values).into());
            }
            given.extend(weights.into_iter().zip(values));
        }
        if let Some(weight) = model.weights().get(given.len()) {
            let name = weight.spec().name.clone();
            let what = format!("the graph gives no values for a weight `{name}`");
            return Err(Problem::new(what).damaged().into());
        }
        for (_, layer) in model.instance.children() {
            let mut zeros = |spec: &WeightSpec| Array::zeros(spec.dtype, &spec.shape);
            layer.materialize_with(layer.name(), &mut zeros);
        }
        for (weight, value) in given {
            if let Some(variable) = weight.variable() {
                variable.set(&value.cast(variable.dtype()))?;
            }
        }
        Ok(model)
    }
}

fn unfit_weights(instance: &Instance, values: &[Array]) -> ibex_format::FormatError {
    let listed = |shapes: Vec<String>| shapes.join(", ");
    let weights = instance.all_weights();
    let wanted = weights.iter().map(|weight| weight.spec().shape.to_string()).collect();
    let received = values.iter().map(|value| value.shape().to_string()).collect();
    Problem::new(format!("the weights of `{}` do not fit its input", instance.name()))
        .expected(listed(wanted))
        .received(listed(received))
        .damaged()
}

/// An input of the model.
fn input(value: &OnnxValue, name: Option<String>, opens: bool) -> Result<SymbolicTensor> {
    let unfit = |received: &str| {
        Problem::new(format!("the input `{}` has no known type", value.name.escape_debug()))
            .expected("an element type and a number of axes")
            .received(received)
            .help("export the model with the shapes of its inputs")
            .unsupported()
    };
    let dtype = match value.dtype {
        Some(raw) => from_raw(&RawArray::new(raw, vec![0], Vec::new())?)?.dtype(),
        None => return Err(unfit("no element type that is read").into()),
    };
    let Some(extents) = value.shape.as_ref().filter(|shape| !shape.is_empty()) else {
        return Err(unfit("a scalar, or a shape that is not known").into());
    };
    let mut shape: Vec<Option<usize>> = extents
        .iter()
        .map(|extent| match extent {
            OnnxExtent::Known(extent) => Some(*extent),
            OnnxExtent::Named(_) | OnnxExtent::Unknown => None,
        })
        .collect();
    let size = shape
        .iter()
        .flatten()
        .try_fold(1i64, |size, &extent| size.checked_mul(i64::try_from(extent).ok()?));
    if size.is_none_or(|size| size > MAX_CLAIMED) {
        return Err(unfit("more elements than memory has").into());
    }
    if opens {
        shape[0] = None;
    }
    let mut input = Input::with_batch_shape(PartialShape(shape));
    if dtype != DType::F32 {
        input = input.dtype(dtype);
    }
    if let Some(name) = name {
        input = input.name(name);
    }
    Ok(input.tensor())
}
