//! A model as boxes and arrows: its layers, what they take and what they give.
//!
//! Pictures of models and the graphs of TensorBoard are made of it.
//! It must not know how anything is drawn.

use std::sync::Arc;

use ibex_nn::models::Functional;
use ibex_nn::models::symbolic::CallNode;
use ibex_nn::{Layer, PartialType};

/// The layers of a model, in the order in which they are first called.
#[derive(Clone, Debug)]
pub(crate) struct Diagram {
    pub(crate) boxes: Vec<LayerBox>,
}

/// A layer of a model.
#[derive(Clone, Debug)]
pub(crate) struct LayerBox {
    pub(crate) name: String,
    pub(crate) class: &'static str,
    /// The name of its activation, if it has one that does something.
    pub(crate) activation: Option<String>,
    pub(crate) trainable: bool,
    /// The number of its weights' elements.
    pub(crate) params: usize,
    /// The positions of the layers whose outputs it takes, each once.
    pub(crate) sources: Vec<usize>,
    pub(crate) inputs: Vec<PartialType>,
    pub(crate) outputs: Vec<PartialType>,
    /// The layers within, if it is a model.
    pub(crate) inner: Option<Diagram>,
}

impl Diagram {
    /// The boxes of a model; a chain has none for its input, as in Keras.
    pub(crate) fn of(model: &Functional) -> Diagram {
        let chain = model.kind() == "Sequential";
        let mut keys: Vec<usize> = Vec::new();
        let mut boxes: Vec<LayerBox> = Vec::new();
        let mut calls: Vec<&Arc<CallNode>> = model.calls().iter().collect();
        calls.sort_by_key(|call| call.sequence());
        for call in calls {
            if chain && call.layer().class_name() == "InputLayer" {
                continue;
            }
            let key = key_of(call);
            let found = keys.iter().position(|&known| known == key);
            let index = found.unwrap_or_else(|| {
                keys.push(key);
                boxes.push(LayerBox::of(call));
                boxes.len() - 1
            });
            for input in call.inputs() {
                let source = key_of(input.call_node());
                let Some(source) = keys.iter().position(|&known| known == source) else { continue };
                if !boxes[index].sources.contains(&source) {
                    boxes[index].sources.push(source);
                }
            }
        }
        Diagram { boxes }
    }
}

/// What tells layers apart; a call without a layer of its own is one by itself.
fn key_of(call: &Arc<CallNode>) -> usize {
    call.instance().map_or(Arc::as_ptr(call) as usize, |layer| Arc::as_ptr(layer) as usize)
}

impl LayerBox {
    fn of(call: &CallNode) -> LayerBox {
        let layer = call.layer();
        let instance = call.instance();
        let weights = instance.map(|i| i.all_weights()).unwrap_or_default();
        let variables = weights.iter().filter_map(|weight| weight.variable());
        let name = match instance {
            Some(instance) => instance.name().to_string(),
            None => layer.base().known_name().unwrap_or(layer.class_name()).to_string(),
        };
        LayerBox {
            name,
            class: layer.class_name(),
            activation: activation(layer.as_ref()),
            trainable: instance.is_none_or(|i| i.is_trainable()),
            params: variables.map(|variable| variable.shape().size()).sum(),
            sources: Vec::new(),
            inputs: call.inputs().iter().map(|input| input.ty()).collect(),
            outputs: call.outputs().to_vec(),
            inner: layer.as_model().map(Diagram::of),
        }
    }
}

/// The activation in a layer's configuration, unless it changes nothing.
fn activation(layer: &dyn Layer) -> Option<String> {
    let config = layer.config();
    let value = &config["activation"];
    let name = value.as_str().or(value["config"]["name"].as_str()).or(value["class_name"].as_str());
    name.filter(|name| *name != "linear").map(str::to_string)
}

/// The shape of one output, or a list of several.
pub(crate) fn shapes(types: &[PartialType]) -> String {
    let texts: Vec<String> = types.iter().map(|ty| ty.shape.to_string()).collect();
    match texts.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}
