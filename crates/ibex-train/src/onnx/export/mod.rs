//! A model as an ONNX graph.
//!
//! What is written is the graph of a prediction, not the layers: every layer, a user's own too, is
//! made of the operations of [`ibex_graph::op::OPS`], and [`ops`] says of each what it is in ONNX.
//! The prediction is traced for two batch sizes; where the results differ only by it, the batch of
//! the file is open ([`batch`]).
//! Read in this order: this file, `site`, `ops`, `builder`, `layout`, `sink`, `batch`.

mod batch;
mod builder;
mod layout;
mod ops;
mod sink;
mod site;

use ibex_compile::passes::optimise;
use ibex_format::error::Problem;
use ibex_format::onnx::{OnnxExtent, OnnxGraph, OnnxModel, OnnxNode, OnnxValue};
use ibex_graph::interpreter::Values;
use ibex_graph::op::Rule;
use ibex_graph::ops::broadcast::Broadcast;
use ibex_graph::{DType, Graph, Node, Op, Shape, Tensor, Type};

use super::OnnxOptions;
use crate::arrays::{from_raw, to_raw};
use crate::error::Result;
use crate::model::Model;
use crate::step::Mode;
use builder::Builder;
use site::{Outcome, Site, source};

/// The version of the operations that are written.
const OPSET: i64 = 23;

/// The version of the file format that goes with it.
const IR_VERSION: i64 = 11;

/// Two sizes that no layer has by chance in common with its batch; both differ from 1, the extent
/// that is repeated.
const BATCHES: [usize; 2] = [5, 7];

/// The most elements that are computed while a model is written: statistics of channels, biases.
const MAX_FOLDED: usize = 1 << 14;

/// The model as an ONNX file holds it.
pub(super) fn export(model: &Model, options: &OnnxOptions) -> Result<OnnxModel> {
    let names = Names::of(model);
    let fixed = |size: usize| Trace::of(model, options, size)?.written(&names);
    let mut graph = match options.batch_size {
        Some(size) => fixed(size)?,
        None if !has_batch(model) => fixed(1)?,
        None => {
            let [small, large] = BATCHES.map(fixed);
            match batch::merged(small?, large?, BATCHES) {
                Some(graph) => graph,
                None => return Err(bound_batch(&names.model).into()),
            }
        }
    };
    layout::share_constants(&mut graph);
    Ok(OnnxModel {
        ir_version: IR_VERSION,
        producer: "ibex".to_string(),
        producer_version: env!("CARGO_PKG_VERSION").to_string(),
        opsets: vec![(String::new(), OPSET)],
        graph,
        metadata: Vec::new(),
    })
}

/// Whether any input leaves its first extent open.
fn has_batch(model: &Model) -> bool {
    model.functional().inputs().iter().any(|input| input.shape().dim(0).is_none())
}

fn bound_batch(model: &str) -> ibex_format::FormatError {
    Problem::new(format!("the computation of `{model}` is another one for each batch size"))
        .help("choose one with `OnnxOptions::batch_size`")
        .unsupported()
}

/// What the parts of the file are called.
struct Names {
    model: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Names {
    fn of(model: &Model) -> Names {
        Names {
            model: model.name(),
            inputs: model.functional().input_names(),
            outputs: model.functional().output_names(),
        }
    }
}

/// The graph of a prediction.
struct Trace(Graph);

impl Trace {
    /// Traces a batch of `size`.
    ///
    /// # Errors
    /// If an extent beside the batch is open and not given, or the model cannot be traced.
    fn of(model: &Model, options: &OnnxOptions, size: usize) -> Result<Trace> {
        let inputs = model.functional().inputs();
        let mut types = Vec::with_capacity(inputs.len());
        for (at, input) in inputs.iter().enumerate() {
            let given = options.input_shapes.get(at);
            let mut extents = Vec::new();
            for (axis, extent) in input.shape().0.iter().enumerate() {
                let given = given.and_then(|shape| shape.get(axis).copied());
                extents.push(match (axis, extent) {
                    (_, Some(extent)) => *extent,
                    (0, None) => size,
                    (_, None) => given.ok_or_else(|| {
                        let name = &model.functional().input_names()[at];
                        open_extent(name, &input.shape().to_string())
                    })?,
                });
            }
            types.push(Type::new(input.dtype(), Shape::from(extents)));
        }
        let graph = model.graph(Mode::Predict, &types)?;
        let outputs = graph.outputs().to_vec();
        let inputs = graph.inputs().to_vec();
        // What a stateful layer would carry on is no part of a file.
        let graph = Graph::from_parts(graph.nodes().to_vec(), inputs, outputs, Vec::new());
        let half = |dtype: DType| matches!(dtype, DType::F16 | DType::BF16);
        Ok(Trace(optimise(graph, &|_, dtype| !half(dtype))))
    }

    /// The graph as ONNX.
    ///
    /// # Errors
    /// If it holds operations that ONNX lacks: each is named with its layer.
    fn written(&self, names: &Names) -> Result<OnnxGraph> {
        let graph = &self.0;
        let mut writer = Writer { model: names.model.clone(), ..Writer::default() };
        let arguments: Vec<String> =
            names.inputs.iter().map(|name| writer.builder.fresh(name)).collect();
        let outputs = writer.graph(graph, &arguments)?;
        writer.check()?;
        let mut results = Vec::new();
        for (value, wanted) in outputs.iter().zip(&names.outputs) {
            let name = writer.builder.fresh(wanted);
            writer.builder.nodes.push(OnnxNode {
                op_type: "Identity".to_string(),
                name: name.clone(),
                inputs: vec![value.clone()],
                outputs: vec![name.clone()],
                ..OnnxNode::default()
            });
            results.push(name);
        }
        let described = |names: &[String], types: Vec<&Type>| -> Result<Vec<OnnxValue>> {
            names.iter().zip(types).map(|(name, ty)| value(name, ty)).collect()
        };
        let inputs = graph.inputs().iter().map(|&id| &graph.node(id).types[0]).collect();
        let types = graph.outputs().iter().map(|&value| graph.ty(value)).collect();
        let Builder { nodes, initializers, .. } = writer.builder;
        let mut written = OnnxGraph {
            name: names.model.clone(),
            nodes,
            initializers,
            inputs: described(&arguments, inputs)?,
            outputs: described(&results, types)?,
        };
        layout::simplify(&mut written)?;
        Ok(written)
    }
}

fn open_extent(input: &str, shape: &str) -> ibex_format::FormatError {
    Problem::new(format!("an extent of the input `{input}` is open"))
        .expected("known extents beside the batch")
        .received(shape)
        .help("give the shapes of the inputs with `OnnxOptions::input_shapes`")
        .invalid()
}

/// The description of an argument or a result.
fn value(name: &str, ty: &Type) -> Result<OnnxValue> {
    let dtype = to_raw(&ibex_graph::Array::zeros(ty.dtype, [0]))?.dtype();
    let extents = ty.shape.iter().map(|&extent| OnnxExtent::Known(extent)).collect();
    Ok(OnnxValue { name: name.to_string(), dtype: Some(dtype), shape: Some(extents) })
}

/// A graph being written, and what in it cannot be.
#[derive(Default)]
struct Writer {
    model: String,
    builder: Builder,
    lacking: Vec<String>,
}

impl Writer {
    /// Writes every node and gives the names of the outputs.
    fn graph(&mut self, graph: &Graph, arguments: &[String]) -> Result<Vec<String>> {
        let mut names: Vec<Vec<String>> = Vec::with_capacity(graph.nodes().len());
        for (index, node) in graph.nodes().iter().enumerate() {
            let argument = graph.inputs().iter().position(|id| id.index() == index);
            if let Some(name) = argument.and_then(|at| arguments.get(at)) {
                names.push(vec![name.clone()]);
                continue;
            }
            if let Some(path) = node.origin.path() {
                self.builder.path = self.layer(path).to_string();
            }
            if let Some(values) = self.folded(graph, node, &names)? {
                names.push(values);
                continue;
            }
            let mut site = Site { builder: &mut self.builder, graph, names: &names, node };
            let values = match ops::write(&mut site)? {
                Outcome::Values(values) => values,
                Outcome::Parts => {
                    let given: Vec<String> = node
                        .inputs
                        .iter()
                        .map(|v| names[v.node.index()][v.output].clone())
                        .collect();
                    self.parts(graph, node, &given)?
                }
                Outcome::Lacking(reason) => self.lack(node, reason),
            };
            names.push(values);
        }
        let name = |v: &ibex_graph::ValueId| names[v.node.index()][v.output].clone();
        Ok(graph.outputs().iter().map(name).collect())
    }

    /// The outputs of a node of small, known inputs, computed now.
    fn folded(
        &mut self,
        graph: &Graph,
        node: &Node,
        names: &[Vec<String>],
    ) -> Result<Option<Vec<String>>> {
        let small = |ty: &Type| ty.shape.size() <= MAX_FOLDED;
        let repeats = matches!(node.op, Op::Broadcast(_));
        if node.inputs.is_empty() || repeats || !node.types.iter().all(small) {
            return Ok(None);
        }
        let (mut inputs, mut largest) = (Vec::with_capacity(node.inputs.len()), 0);
        for &value in &node.inputs {
            let (from, ty) = (source(graph, value), graph.ty(value));
            let raw = self.builder.known(&names[from.node.index()][from.output]);
            let Some(raw) = raw.filter(|_| small(ty)) else { return Ok(None) };
            let own = Values::from(&from_raw(raw)?);
            let repeat = Broadcast { shape: ty.shape.clone() };
            largest = largest.max(own.data.len());
            inputs.extend(repeat.reference(&[&own], std::slice::from_ref(ty)));
        }
        // What is only repeated stays so: its extents may be those of the batch.
        if node.types.iter().any(|ty| ty.shape.size() > largest) {
            return Ok(None);
        }
        let inputs: Vec<&Values> = inputs.iter().collect();
        let outputs = node.op.rule().reference(&inputs, &node.types);
        let name = format!("{}/constant", self.builder.path);
        let place = |values: &Values| self.builder.constant(&name, &values.to_array());
        outputs.iter().map(place).collect::<Result<Vec<String>>>().map(Some)
    }

    /// Writes the decomposition of a node.
    fn parts(&mut self, graph: &Graph, node: &Node, given: &[String]) -> Result<Vec<String>> {
        let argument = |v: &ibex_graph::ValueId| {
            let ty = graph.ty(*v);
            Tensor::input("argument", ty.dtype, &ty.shape)
        };
        let arguments: Vec<Tensor> = node.inputs.iter().map(argument).collect();
        match node.origin.lend(|| node.op.rule().decompose(&arguments)) {
            Some(outputs) => self.graph(&Graph::new(&arguments, &outputs, &[])?, given),
            None => Ok(self.lack(node, "it has no parts")),
        }
    }

    /// The path of a layer without the name of the model that holds all of them.
    fn layer<'p>(&self, path: &'p str) -> &'p str {
        let inner = path.strip_prefix(&self.model).and_then(|rest| rest.strip_prefix('/'));
        inner.unwrap_or(path)
    }

    fn lack(&mut self, node: &Node, reason: &str) -> Vec<String> {
        let layer = node.origin.path().map_or("the model", |path| self.layer(path));
        let text = format!("`{layer}`: operation `{}`: {reason}", node.op.name());
        if !self.lacking.contains(&text) {
            self.lacking.push(text);
        }
        vec![String::new(); node.types.len()]
    }

    /// # Errors
    /// If something could not be written.
    fn check(&self) -> Result<()> {
        if self.lacking.is_empty() {
            return Ok(());
        }
        Err(Problem::new(format!("`{}` cannot be written as ONNX", self.model))
            .expected("layers of operations that ONNX has")
            .received(self.lacking.join("\n            "))
            .help("replace these layers, or export the part of the model before them")
            .unsupported()
            .into())
    }
}
