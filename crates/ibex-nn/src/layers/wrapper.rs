//! What the layers share that compute the kernel of another layer.

use std::sync::Arc;

use ibex_graph::{Tensor, Variable};

use crate::inner_layer::InnerLayer;
use crate::instance::{Build, Instance};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;

/// The place of the layer in files.
pub(super) const LAYER: &str = "layer";

/// Builds the layer and gives the first of the weights `names` that it has.
pub(super) fn build_around(
    build: &mut Build<'_>,
    layer: &InnerLayer,
    inputs: &[PartialType],
    names: &[&str],
) -> Result<(Arc<Instance>, String), ConfigError> {
    build.child(LAYER, layer.layer(), inputs)?;
    let instance = Instance::of(layer.layer(), inputs)?;
    let found = names.iter().find(|name| instance.weight(name).is_some());
    match found.map(|name| name.to_string()) {
        Some(name) => Ok((instance, name)),
        None => Err(ConfigError::new("the layer inside has no weight that could be normalised")
            .expected(format!("a layer with `{}`", names.join("` or `")))
            .received(format!("a layer of class {}", layer.class_name()))),
    }
}

/// The variable behind the first of the weights `names` of the layer inside, once it has one.
pub(super) fn inner_variable(call: &Call<'_>, names: &[&str]) -> Option<Variable> {
    let child = call.instance().child(LAYER)?;
    names.iter().find_map(|name| child.weight(name)?.variable().cloned())
}

/// Calls the layer inside with another value of one of its variables.
pub(super) fn call_with_value(
    call: &mut Call<'_>,
    inputs: &[Tensor],
    variable: &Variable,
    value: Tensor,
) -> Vec<Tensor> {
    let before = call.trace().substitute(variable, value);
    let outputs = call.child(LAYER, inputs);
    call.trace().substitute(variable, before);
    outputs
}

/// What `layer` makes of the inputs with the weights of the layer inside.
pub(super) fn forward_as(
    call: &mut Call<'_>,
    layer: &dyn Layer,
    inputs: &[Tensor],
) -> Option<Tensor> {
    let masks = vec![None; inputs.len()];
    let outputs = call.inside(LAYER, inputs, &masks, |_, call| layer.forward(call, inputs))?;
    outputs.into_iter().next()
}
