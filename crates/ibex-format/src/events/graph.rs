//! A graph in the form that TensorBoard draws: `GraphDef` of TensorFlow.

use crate::wire::Message;

/// A node of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphNode {
    /// Its name; the parts before a `/` are groups.
    pub name: String,
    /// What it does, such as the class of a layer.
    pub op: String,
    /// The names of the nodes whose outputs it takes.
    pub inputs: Vec<String>,
    /// The shapes of its outputs; `None` for an extent that is not known.
    pub shapes: Vec<Vec<Option<usize>>>,
    /// More about it, by name.
    pub facts: Vec<(String, String)>,
}

/// The message of a graph.
pub(super) fn message(nodes: &[GraphNode]) -> Message {
    let mut graph = Message::default();
    for node in nodes {
        let mut message = Message::default();
        message.text(1, &node.name);
        message.text(2, &node.op);
        node.inputs.iter().for_each(|input| message.text(3, input));
        let mut list = Message::default();
        node.shapes.iter().for_each(|dims| list.message(7, shape(dims)));
        let mut value = Message::default();
        value.message(1, list);
        message.message(5, attribute("_output_shapes", value));
        for (name, text) in &node.facts {
            let mut value = Message::default();
            value.bytes(2, text.as_bytes());
            message.message(5, attribute(name, value));
        }
        graph.message(1, message);
    }
    let mut versions = Message::default();
    // Any producer that TensorBoard knows: the first one with shapes of outputs.
    versions.int(1, 22);
    graph.message(4, versions);
    graph
}

fn attribute(name: &str, value: Message) -> Message {
    let mut entry = Message::default();
    entry.text(1, name);
    entry.message(2, value);
    entry
}

fn shape(dims: &[Option<usize>]) -> Message {
    let mut shape = Message::default();
    for extent in dims {
        let mut dim = Message::default();
        dim.int(1, extent.map_or(-1, |extent| extent as i64));
        shape.message(2, dim);
    }
    shape
}
