//! The summary of a model: its layers, their outputs and weights, as Keras prints them.
//!
//! Read in this order: this file (what is shown), `table` (how a table is drawn).
//! It must not know values, devices or files.

mod table;

use std::collections::HashSet;
use std::sync::Arc;

use ibex_graph::Variable;
use ibex_nn::models::listed_layers;
use ibex_nn::models::symbolic::CallNode;
use ibex_nn::{Instance, PartialType};

use crate::model::Model;
use table::{Align, Column, Table};

/// What a summary shows.
#[derive(Clone, Debug)]
pub struct Summary {
    line_length: usize,
    expand_nested: bool,
    show_trainable: bool,
}

impl Default for Summary {
    fn default() -> Summary {
        Summary { line_length: 80, expand_nested: false, show_trainable: false }
    }
}

impl Summary {
    /// A table of 80 characters with one row for each layer.
    pub fn new() -> Summary {
        Summary::default()
    }

    /// The width of the table in characters, at least 40.
    pub fn line_length(mut self, characters: usize) -> Summary {
        self.line_length = characters.max(40);
        self
    }

    /// Shows the layers of models in the model too.
    pub fn expand_nested(mut self) -> Summary {
        self.expand_nested = true;
        self
    }

    /// Shows which layers training changes.
    pub fn show_trainable(mut self) -> Summary {
        self.show_trainable = true;
        self
    }

    /// The text for a model, with a line break at the end of each line.
    pub fn of(&self, model: &Model) -> String {
        let view = View { options: self, model, chain: is_chain(model) };
        format!("Model: \"{}\"\n{}{}", model.name(), view.table(), totals(model))
    }
}

impl Model {
    /// The layers with their outputs and numbers of weights, as `model.summary()` prints in Keras.
    ///
    /// [`Summary`] shows more.
    pub fn summary(&self) -> String {
        Summary::new().of(self)
    }
}

/// A summary that is being made.
struct View<'a> {
    options: &'a Summary,
    model: &'a Model,
    chain: bool,
}

impl View<'_> {
    fn table(&self) -> String {
        let mut table = Table::new(self.columns(), self.options.line_length);
        for layer in listed_layers(&self.model.instance).unwrap_or_default() {
            let types = match self.calls_of(layer).last() {
                Some(call) => call.outputs().to_vec(),
                None => layer.inputs().to_vec(),
            };
            self.add_rows(&mut table, layer, &types, 0);
        }
        table.to_string()
    }

    /// Titles and widths; the places of the right edges are Keras's shares of the line.
    fn columns(&self) -> Vec<Column> {
        let (left, right) = (Align::Left, Align::Right);
        let mut columns = vec![("Layer (type)", left), ("Output Shape", left), ("Param #", right)];
        let mut edges = vec![0.45, 0.80, 1.0];
        if !self.chain {
            columns.push(("Connected to", left));
            edges = vec![0.3, 0.56, 0.74, 1.0];
        }
        if self.options.show_trainable {
            columns.push(("Trainable", Align::Center));
            edges.iter_mut().for_each(|edge| *edge *= 0.90);
            edges.push(1.0);
        }
        let mut start = 0;
        let columns = columns.into_iter().zip(edges).map(|((title, align), edge)| {
            let end = (edge * self.options.line_length as f64) as usize;
            let width = end - start;
            start = end;
            Column { title, align, width }
        });
        columns.collect()
    }

    fn add_rows(
        &self,
        table: &mut Table,
        layer: &Arc<Instance>,
        types: &[PartialType],
        level: usize,
    ) {
        let prefix = if level > 0 { format!("{}└ ", "   ".repeat(level)) } else { String::new() };
        let variables = distinct(layer.all_weights().iter().filter_map(|w| w.variable()));
        let mut cells = vec![
            format!("{prefix}{} ({})", layer.name(), layer.layer().class_name()),
            shapes(types),
            grouped(count(&variables)),
        ];
        if !self.chain {
            cells.push(self.connections(layer));
        }
        if self.options.show_trainable {
            let mark = match (variables.is_empty(), layer.is_trainable()) {
                (true, _) => "-",
                (false, true) => "Y",
                (false, false) => "N",
            };
            cells.push(mark.to_string());
        }
        table.row(cells);
        if self.options.expand_nested {
            for inner in listed_layers(layer).unwrap_or_default() {
                let types = inner.output_types(inner.inputs()).unwrap_or_default();
                self.add_rows(table, inner, &types, level + 1);
            }
        }
    }

    /// The calls of a layer in the model, in the order in which they were written.
    fn calls_of(&self, layer: &Arc<Instance>) -> Vec<&Arc<CallNode>> {
        let calls = self.model.functional.calls().iter();
        let mut own: Vec<_> = calls.filter(|call| is_call_of(call, layer)).collect();
        own.sort_by_key(|call| call.sequence());
        own
    }

    /// Where the inputs come from: layer, number of its call, number of the output.
    fn connections(&self, layer: &Arc<Instance>) -> String {
        let calls = self.calls_of(layer);
        let sources = calls.iter().flat_map(|call| call.inputs()).filter_map(|input| {
            let from = input.call_node().instance()?;
            let position = |call: &&Arc<CallNode>| call.sequence() == input.call_node().sequence();
            let number = self.calls_of(from).iter().position(position)?;
            Some(format!("{}[{number}][{}]", from.name(), input.output_index()))
        });
        let sources: Vec<String> = sources.collect();
        if sources.is_empty() { "-".to_string() } else { sources.join(", ") }
    }
}

fn is_call_of(call: &CallNode, layer: &Arc<Instance>) -> bool {
    call.instance().is_some_and(|instance| Arc::ptr_eq(instance, layer))
}

/// Whether every call takes what the one before it gave, so that connections need no column.
fn is_chain(model: &Model) -> bool {
    let calls = model.functional.calls();
    let follows = |pair: &[Arc<CallNode>]| match pair[1].inputs() {
        [input] => input.call_node().sequence() == pair[0].sequence(),
        _ => false,
    };
    let mut layers = HashSet::new();
    let mut once =
        |call: &Arc<CallNode>| call.instance().is_some_and(|i| layers.insert(Arc::as_ptr(i)));
    model.functional.kind() == "Sequential"
        || (calls.windows(2).all(follows) && calls.iter().all(&mut once))
}

/// The shape of the output, or a list of those of several.
fn shapes(types: &[PartialType]) -> String {
    let texts: Vec<String> = types.iter().map(|ty| ty.shape.to_string()).collect();
    match texts.as_slice() {
        [one] => one.replace(",)", ")"),
        many => format!("[{}]", many.join(", ")),
    }
}

fn totals(model: &Model) -> String {
    let trained = distinct(model.trainable_variables().iter());
    let ids: HashSet<u64> = trained.iter().map(Variable::id).collect();
    let all = distinct(model.variables().iter());
    let rest: Vec<Variable> = all.into_iter().filter(|v| !ids.contains(&v.id())).collect();
    let begun = model.compiled.as_ref().filter(|compiled| compiled.begun);
    let optimizer = begun.map(|compiled| compiled.optimizer.variables());
    let everything: Vec<Variable> =
        trained.iter().chain(&rest).chain(optimizer.iter().flatten()).cloned().collect();
    let mut text = total("Total", &everything);
    text += &total("Trainable", &trained);
    text += &total("Non-trainable", &rest);
    if let Some(optimizer) = &optimizer {
        text += &total("Optimizer", optimizer);
    }
    text
}

fn total(kind: &str, variables: &[Variable]) -> String {
    let bytes: usize = variables.iter().map(|v| v.ty().bytes()).sum();
    format!(" {kind} params: {} ({})\n", grouped(count(variables)), memory(bytes))
}

fn count(variables: &[Variable]) -> usize {
    variables.iter().map(|v| v.shape().size()).sum()
}

/// Each variable once: shared layers may be met several times.
fn distinct<'a>(variables: impl Iterator<Item = &'a Variable>) -> Vec<Variable> {
    let mut seen = HashSet::new();
    variables.filter(|v| seen.insert(v.id())).cloned().collect()
}

/// A number with a comma after every third digit from the right.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn memory(bytes: usize) -> String {
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in ["KB", "MB", "GB", "TB", "PB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.2} {unit}")
}
