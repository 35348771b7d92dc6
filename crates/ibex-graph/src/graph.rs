//! A flat graph: what a program computes, as a list of nodes in order of creation.

use std::collections::HashMap;
use std::fmt;

use crate::{Error, Op, Origin, Tensor, Type, Variable};

/// The position of a node in its graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// The node at `index`.
    pub fn new(index: usize) -> NodeId {
        NodeId(index as u32)
    }

    /// The position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One output of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ValueId {
    /// The node.
    pub node: NodeId,
    /// Which of its outputs.
    pub output: usize,
}

/// One operation applied to values of earlier nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// Its inputs.
    pub inputs: Vec<ValueId>,
    /// The types of its outputs.
    pub types: Vec<Type>,
    /// Where it was written.
    pub origin: Origin,
}

/// Nodes in topological order, with inputs, outputs and updates of variables.
///
/// All variables are read before any is written: an update's value is the new one, and
/// [`Op::Read`] always gives the old one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    inputs: Vec<NodeId>,
    outputs: Vec<ValueId>,
    updates: Vec<(Variable, ValueId)>,
}

impl Graph {
    /// Flattens what `outputs` and `updates` need.
    ///
    /// `inputs` are the arguments in call order, each made by [`Tensor::input`]; one that nothing
    /// needs stays an argument.
    ///
    /// # Errors
    /// [`Error::Ops`] with every mistake that the outputs depend on; [`Error::Invalid`] if an
    /// output depends on an input that is not listed, or an update has another type than its
    /// variable.
    pub fn new(
        inputs: &[Tensor],
        outputs: &[Tensor],
        updates: &[(Variable, Tensor)],
    ) -> Result<Graph, Error> {
        let roots: Vec<Tensor> =
            outputs.iter().chain(updates.iter().map(|(_, value)| value)).cloned().collect();
        let mistakes = crate::tensor::errors(&roots);
        if !mistakes.is_empty() {
            return Err(Error::Ops(mistakes));
        }
        let mut graph = Graph::default();
        let mut placed = HashMap::new();
        for input in inputs {
            let id = graph.place(input, &mut placed);
            graph.inputs.push(id);
        }
        let reachable = crate::tensor::reachable(&roots);
        for tensor in &reachable {
            if matches!(tensor.op(), Op::Input(_)) && !placed.contains_key(&tensor.sequence()) {
                return Err(Error::Invalid(format!(
                    "an output depends on the input `{}`, which is not among the arguments",
                    tensor.op()
                )));
            }
            graph.place(tensor, &mut placed);
        }
        let value = |t: &Tensor| ValueId { node: placed[&t.sequence()], output: t.output_index() };
        graph.outputs = outputs.iter().map(value).collect();
        for (variable, tensor) in updates {
            if variable.ty() != tensor.ty() {
                return Err(Error::Invalid(format!(
                    "variable `{}` is {} but its update is {}",
                    variable.name(),
                    variable.ty(),
                    tensor.ty()
                )));
            }
            graph.updates.push((variable.clone(), value(tensor)));
        }
        Ok(graph)
    }

    fn place(&mut self, tensor: &Tensor, placed: &mut HashMap<u64, NodeId>) -> NodeId {
        if let Some(&id) = placed.get(&tensor.sequence()) {
            return id;
        }
        let inputs = tensor
            .inputs()
            .iter()
            .map(|t| ValueId { node: placed[&t.sequence()], output: t.output_index() })
            .collect();
        let id = NodeId::new(self.nodes.len());
        self.nodes.push(Node {
            op: tensor.op().clone(),
            inputs,
            types: tensor.types().to_vec(),
            origin: tensor.origin().clone(),
        });
        placed.insert(tensor.sequence(), id);
        id
    }

    /// A graph from its parts, for compiler passes; verified in debug builds.
    pub fn from_parts(
        nodes: Vec<Node>,
        inputs: Vec<NodeId>,
        outputs: Vec<ValueId>,
        updates: Vec<(Variable, ValueId)>,
    ) -> Graph {
        let graph = Graph { nodes, inputs, outputs, updates };
        debug_assert_eq!(graph.verify(), Ok(()));
        graph
    }

    /// The nodes, each after those it needs.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of an id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The arguments, in call order.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// The results, in order.
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// The variables that the program writes at its end, with their new values.
    pub fn updates(&self) -> &[(Variable, ValueId)] {
        &self.updates
    }

    /// The type of a value.
    pub fn ty(&self, value: ValueId) -> &Type {
        &self.nodes[value.node.index()].types[value.output]
    }

    /// The variables that the graph reads or writes, in order of creation.
    pub fn variables(&self) -> Vec<Variable> {
        let reads = self.nodes.iter().filter_map(|node| match &node.op {
            Op::Read(read) => Some(read.variable.clone()),
            _ => None,
        });
        let mut all: Vec<Variable> =
            reads.chain(self.updates.iter().map(|(v, _)| v.clone())).collect();
        all.sort_by_key(Variable::id);
        all.dedup();
        all
    }

    /// Checks that a call's argument types are those of the inputs.
    ///
    /// # Errors
    /// [`Error::Call`] saying which argument differs and how.
    pub fn check_call(&self, types: &[Type]) -> Result<(), Error> {
        if types.len() != self.inputs.len() {
            return Err(Error::Call(format!(
                "wrong number of inputs\n  expected  {}\n  received  {}",
                self.inputs.len(),
                types.len()
            )));
        }
        for (&id, received) in self.inputs.iter().zip(types) {
            let node = self.node(id);
            if node.types[0] != *received {
                return Err(Error::Call(format!(
                    "input `{}` has the wrong type\n  expected  {}\n  received  {received}",
                    node.op.rule().attributes(),
                    node.types[0]
                )));
            }
        }
        Ok(())
    }

    /// Checks order, indices and types of every node against its operation's rule.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the first node that is wrong.
    pub fn verify(&self) -> Result<(), Error> {
        for (index, node) in self.nodes.iter().enumerate() {
            let fail =
                |why: String| Err(Error::Invalid(format!("node %{index} {}: {why}", node.op)));
            let mut types = Vec::with_capacity(node.inputs.len());
            for input in &node.inputs {
                let earlier = input.node.index() < index;
                match earlier.then(|| self.nodes[input.node.index()].types.get(input.output)) {
                    Some(Some(ty)) => types.push(ty.clone()),
                    _ => return fail(format!("uses {input}, which does not come before it")),
                }
            }
            match node.op.rule().infer(&types) {
                Ok(inferred) if inferred == node.types => {}
                Ok(inferred) => {
                    return fail(format!("has {:?}, rule says {inferred:?}", node.types));
                }
                Err(error) => return fail(error.message()),
            }
        }
        let ends = self.outputs.iter().chain(self.updates.iter().map(|(_, v)| v));
        for value in ends {
            let node = self.nodes.get(value.node.index());
            if node.is_none_or(|n| value.output >= n.types.len()) {
                return Err(Error::Invalid(format!("output {value} does not exist")));
            }
        }
        Ok(())
    }
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.output {
            0 => write!(f, "%{}", self.node.0),
            n => write!(f, "%{}.{n}", self.node.0),
        }
    }
}

impl fmt::Display for Graph {
    /// One line per node: `%3 = matmul(%1, %2) : float32 (2, 3)  # dense_1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &[ValueId]| {
            values.iter().map(ValueId::to_string).collect::<Vec<_>>().join(", ")
        };
        for (index, node) in self.nodes.iter().enumerate() {
            let types: Vec<String> = node.types.iter().map(Type::to_string).collect();
            write!(f, "%{index} = {}({}) : {}", node.op, list(&node.inputs), types.join(", "))?;
            match node.origin.path() {
                Some(path) => writeln!(f, "  # {path}")?,
                None => writeln!(f)?,
            }
        }
        for (variable, value) in &self.updates {
            writeln!(f, "{} <- {value}", variable.name())?;
        }
        write!(f, "return {}", list(&self.outputs))
    }
}
