//! The model as TensorBoard shows it: its configuration, its graph and its summary.

use ibex_format::events::{EventFile, GraphNode};

use crate::diagram::Diagram;
use crate::error::Result;
use crate::model::Model;

/// Records the model.
pub(super) fn write(file: &mut EventFile, model: &Model) -> Result<()> {
    file.keras_model("keras", &model.to_json().to_string())?;
    let mut nodes = Vec::new();
    add(&mut nodes, &Diagram::of(&model.functional), "", &[]);
    file.graph(&nodes)?;
    file.text(0, "summary", &format!("```\n{}```\n", model.summary()))?;
    Ok(())
}

/// Adds the layers of a model under a group; gives the names of those that nothing in it takes.
fn add(
    nodes: &mut Vec<GraphNode>,
    diagram: &Diagram,
    group: &str,
    outside: &[String],
) -> Vec<String> {
    let mut ends: Vec<Vec<String>> = Vec::new();
    let mut taken = vec![false; diagram.boxes.len()];
    for layer in &diagram.boxes {
        let name = format!("{group}{}", layer.name);
        let mut inputs: Vec<String> = Vec::new();
        for &source in &layer.sources {
            taken[source] = true;
            // A layer may take what comes later, if it is called several times.
            inputs.extend(ends.get(source).into_iter().flatten().cloned());
        }
        if layer.sources.is_empty() {
            inputs.extend(outside.iter().cloned());
        }
        ends.push(match &layer.inner {
            Some(inner) => add(nodes, inner, &format!("{name}/"), &inputs),
            None => {
                let shape = |ty: &ibex_nn::PartialType| ty.shape.0.clone();
                let facts = vec![
                    ("params".to_string(), layer.params.to_string()),
                    ("trainable".to_string(), layer.trainable.to_string()),
                ];
                let shapes = layer.outputs.iter().map(shape).collect();
                let op = layer.class.to_string();
                nodes.push(GraphNode { name: name.clone(), op, inputs, shapes, facts });
                vec![name]
            }
        });
    }
    let last = ends.into_iter().zip(taken).filter(|(_, taken)| !taken);
    last.flat_map(|(names, _)| names).collect()
}
