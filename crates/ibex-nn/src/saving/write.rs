//! From a model to Keras's JSON.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::arguments::Argument;
use crate::instance::Instance;
use crate::layer::Layer;
use crate::models::Functional;
use crate::models::symbolic::{CallNode, SymbolicTensor};
use crate::object::serialized;
use crate::partial::PartialType;

/// A model by itself, with class and module.
pub(super) fn model_object(model: &Functional) -> Value {
    let base = model.base();
    let name = base.name.clone().unwrap_or_else(|| model.stem());
    let inputs: Vec<PartialType> = model.inputs().iter().map(SymbolicTensor::ty).collect();
    object(model, &name, base.trainable, &inputs)
}

/// A layer of a model.
fn layer_object(instance: &Instance) -> Value {
    object(instance.layer().as_ref(), instance.name(), instance.is_trainable(), instance.inputs())
}

/// A layer by itself.
pub(super) fn object_of_layer(layer: &dyn Layer) -> Value {
    let base = layer.base();
    let name = base.name.clone().unwrap_or_else(|| layer.stem());
    class_object(layer, &name, base.trainable)
}

fn class_object(layer: &dyn Layer, name: &str, trainable: bool) -> Value {
    let config = Value::Object(layer.full_config(name, trainable));
    let module = layer.module();
    let mut object =
        serialized(module.unwrap_or_default(), layer.class_name(), config, layer.registered_name());
    if let Some(module) = module {
        object["module"] = json!(module);
    }
    object
}

fn object(layer: &dyn Layer, name: &str, trainable: bool, inputs: &[PartialType]) -> Value {
    let mut object = class_object(layer, name, trainable);
    if !layer.is_built_at_once() {
        let instance = layer.base().identity.instance();
        object["build_config"] = match instance {
            Some(instance) if layer.class_name() != "Functional" => built_shapes(instance),
            _ => json!({"input_shape": built_shape(layer, inputs)}),
        };
    }
    object
}

/// A layer that is an option of another, such as a wrapper's.
pub(super) fn object_of_inner(layer: &Arc<dyn Layer>) -> Value {
    if let Some(instance) = layer.base().identity.instance() {
        return layer_object(instance);
    }
    let name = layer.base().known_name().map_or_else(|| layer.stem(), str::to_string);
    class_object(layer.as_ref(), &name, layer.base().trainable)
}

/// The shapes for which a layer was built: of its only argument, or of each by its name.
fn built_shapes(instance: &Instance) -> Value {
    // Layers are not built for masks.
    let noted = instance.layer().arguments_of_build();
    if noted.is_empty() {
        return json!({});
    }
    let is_noted = |name: &str| !name.ends_with("mask") && noted.contains(&name);
    let arguments = instance.arguments().arguments();
    let arguments: Vec<_> =
        arguments.filter(|(name, item)| is_noted(name) && !item.tensors().is_empty()).collect();
    let inputs = instance.inputs();
    // A cell is built for its inputs alone, whatever states it is called with.
    if arguments.len() < 2 || instance.layer().as_cell().is_some() {
        let shapes = |ty: &[PartialType]| ty.iter().map(|ty| json!(ty.shape)).collect::<Value>();
        return match arguments.first() {
            Some((_, Argument::List(_))) => json!({"input_shape": shapes(inputs)}),
            _ => json!({"input_shape": built_shape(instance.layer().as_ref(), inputs)}),
        };
    }
    let shape = |input: &usize| inputs.get(*input).map(|ty| json!(ty.shape)).unwrap_or_default();
    let shapes = arguments.into_iter().map(|(name, item)| {
        let shapes = match item {
            Argument::Tensor(input) => shape(input),
            other => other.tensors().into_iter().map(shape).collect(),
        };
        (format!("{name}_shape"), shapes)
    });
    json!({"shapes_dict": shapes.collect::<Map<String, Value>>()})
}

/// The input shapes for which a layer was built, as Keras notes them.
fn built_shape(layer: &dyn Layer, inputs: &[PartialType]) -> Value {
    let shapes: Vec<Value> = inputs.iter().map(|ty| json!(ty.shape)).collect();
    match layer.class_name() {
        "Functional" => Value::Null,
        _ if layer.takes_list() => Value::Array(shapes),
        _ => shapes.into_iter().next().unwrap_or_default(),
    }
}

/// The `config` part of a model.
pub(super) fn config_of_model(
    model: &Functional,
    name: &str,
    trainable: bool,
) -> Map<String, Value> {
    match model.kind() {
        "Sequential" => sequential(model, name, trainable),
        _ => functional(model, name, trainable),
    }
}

fn sequential(model: &Functional, name: &str, trainable: bool) -> Map<String, Value> {
    let mut config = model.base().to_config(name, trainable);
    let layers = model.layers().iter().map(|layer| layer_object(layer)).collect();
    config.insert("layers".to_string(), layers);
    let input = model.inputs().first().map(|input| json!(input.shape()));
    config.insert("build_input_shape".to_string(), input.unwrap_or_default());
    config
}

fn functional(model: &Functional, name: &str, trainable: bool) -> Map<String, Value> {
    let nodes = Nodes::of(model);
    let layers: Vec<Value> = model.layers().iter().map(|layer| nodes.layer(layer)).collect();
    let inputs = model.input_structure().arranged(model.inputs().iter().map(|t| nodes.end(t)));
    let outputs = model.output_structure().arranged(model.outputs().iter().map(|t| nodes.end(t)));
    let pairs = [
        ("name", json!(name)),
        ("trainable", json!(trainable)),
        ("layers", Value::Array(layers)),
        ("input_layers", inputs.into()),
        ("output_layers", outputs.into()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

/// The calls in a model, numbered for each layer in order of writing.
struct Nodes {
    /// The calls of each layer, by the address of its instance.
    of_layer: HashMap<*const Instance, Vec<Arc<CallNode>>>,
    /// The number of a call among those of its layer.
    index: HashMap<u64, usize>,
}

impl Nodes {
    fn of(model: &Functional) -> Nodes {
        let mut calls: Vec<&Arc<CallNode>> = model.calls().iter().collect();
        calls.sort_by_key(|call| call.sequence());
        let mut nodes = Nodes { of_layer: HashMap::new(), index: HashMap::new() };
        for call in calls {
            let Some(instance) = call.instance() else { continue };
            let own = nodes.of_layer.entry(Arc::as_ptr(instance)).or_default();
            nodes.index.insert(call.sequence(), own.len());
            own.push(call.clone());
        }
        nodes
    }

    /// A layer with the calls of it.
    fn layer(&self, instance: &Arc<Instance>) -> Value {
        let mut object = layer_object(instance);
        let calls = self.of_layer.get(&Arc::as_ptr(instance)).into_iter().flatten();
        let inbound = calls.filter(|call| !call.inputs().is_empty()).map(|call| self.call(call));
        object["name"] = json!(instance.name());
        object["inbound_nodes"] = inbound.collect();
        object
    }

    fn call(&self, call: &CallNode) -> Value {
        let tensors: Vec<Value> = call.inputs().iter().map(|t| self.tensor(t)).collect();
        call.slots().to_value(&tensors)
    }

    /// Name of the layer, number of the call, number of the output.
    fn history(&self, tensor: &SymbolicTensor) -> (String, usize, usize) {
        let call = tensor.call_node();
        let name = call.instance().map(|instance| instance.name().to_string());
        let node = self.index.get(&call.sequence()).copied().unwrap_or(0);
        (name.unwrap_or_default(), node, tensor.output_index())
    }

    fn tensor(&self, tensor: &SymbolicTensor) -> Value {
        let ty = tensor.ty();
        json!({
            "class_name": "__keras_tensor__",
            "config": {
                "shape": ty.shape,
                "dtype": ty.dtype.name(),
                "keras_history": self.history(tensor),
            },
        })
    }

    /// An input or output of the model.
    fn end(&self, tensor: &SymbolicTensor) -> Value {
        let (name, node, output) = self.history(tensor);
        // Keras counts the calls of a functional model from one here, and only here.
        let shift = (tensor.call_node().layer().class_name() == "Functional") as usize;
        json!([name, node + shift, output])
    }
}
