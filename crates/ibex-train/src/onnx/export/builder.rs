//! An ONNX graph that is being written: names, constants, nodes.
//!
//! It must not know the operations of Ibex, nor what a layer is.

use std::collections::{HashMap, HashSet};

use ibex_format::RawArray;
use ibex_format::onnx::{OnnxAttribute, OnnxNode};
use ibex_graph::{Array, DType};

use crate::arrays::to_raw;
use crate::error::Result;
use crate::onnx::transposed;

/// The options of a node.
pub(super) type Attributes = Vec<(String, OnnxAttribute)>;

/// An integer option.
pub(super) fn int(name: &str, value: usize) -> (String, OnnxAttribute) {
    (name.to_string(), OnnxAttribute::Int(value as i64))
}

/// An option of integers.
pub(super) fn ints(name: &str, values: impl IntoIterator<Item = usize>) -> (String, OnnxAttribute) {
    let values = values.into_iter().map(|value| value as i64).collect();
    (name.to_string(), OnnxAttribute::Ints(values))
}

/// An option that is a name.
pub(super) fn text(name: &str, value: &str) -> (String, OnnxAttribute) {
    (name.to_string(), OnnxAttribute::Text(value.to_string()))
}

/// An option that is a number.
pub(super) fn float(name: &str, value: f64) -> (String, OnnxAttribute) {
    (name.to_string(), OnnxAttribute::Float(value as f32))
}

/// Nodes and constants, in order.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) nodes: Vec<OnnxNode>,
    pub(super) initializers: Vec<(String, RawArray)>,
    places: HashMap<String, usize>,
    /// What each reshaped value was before, and its shape then.
    reshaped: HashMap<String, (String, Vec<usize>)>,
    taken: HashSet<String>,
    counts: HashMap<String, usize>,
    /// The layer whose operations are being written.
    pub(super) path: String,
}

impl Builder {
    /// A name that no other value has: `wanted`, or with a number behind it.
    pub(super) fn fresh(&mut self, wanted: &str) -> String {
        let count = self.counts.entry(wanted.to_string()).or_insert(0);
        loop {
            let name = match *count {
                0 => wanted.to_string(),
                n => format!("{wanted}_{n}"),
            };
            *count += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    fn place(&self, what: &str) -> String {
        match self.path.is_empty() {
            true => what.to_string(),
            false => format!("{}/{what}", self.path),
        }
    }

    /// Adds a node with `count` outputs and gives their names.
    pub(super) fn nodes<T: AsRef<str>>(
        &mut self,
        op_type: &str,
        inputs: &[T],
        count: usize,
        attributes: Attributes,
    ) -> Vec<String> {
        let place = self.place(op_type);
        let outputs: Vec<String> = (0..count).map(|_| self.fresh(&place)).collect();
        self.nodes.push(OnnxNode {
            op_type: op_type.to_string(),
            domain: String::new(),
            name: outputs[0].clone(),
            inputs: inputs.iter().map(|input| input.as_ref().to_string()).collect(),
            outputs: outputs.clone(),
            attributes,
        });
        outputs
    }

    /// Adds a node with one output and gives its name.
    pub(super) fn node_with<T: AsRef<str>>(
        &mut self,
        op_type: &str,
        inputs: &[T],
        attributes: Attributes,
    ) -> String {
        self.nodes(op_type, inputs, 1, attributes).swap_remove(0)
    }

    /// Adds a node with one output and without options.
    pub(super) fn node<T: AsRef<str>>(&mut self, op_type: &str, inputs: &[T]) -> String {
        self.node_with(op_type, inputs, Vec::new())
    }

    /// Adds a known array under a name like `wanted`.
    pub(super) fn constant(&mut self, wanted: &str, array: &Array) -> Result<String> {
        let raw = to_raw(array)?;
        Ok(self.raw(wanted, raw))
    }

    fn raw(&mut self, wanted: &str, raw: RawArray) -> String {
        let name = self.fresh(wanted);
        self.places.insert(name.clone(), self.initializers.len());
        self.initializers.push((name.clone(), raw));
        name
    }

    /// Adds a vector of integers, such as a shape.
    pub(super) fn vector(&mut self, values: &[i64]) -> Result<String> {
        let raw = RawArray::from_slice(&[values.len()], values)?;
        let place = self.place("extents");
        Ok(self.raw(&place, raw))
    }

    /// The same of counts.
    pub(super) fn counts(&mut self, values: &[usize]) -> Result<String> {
        let values: Vec<i64> = values.iter().map(|&value| value as i64).collect();
        self.vector(&values)
    }

    /// Adds a number.
    pub(super) fn scalar(&mut self, dtype: DType, value: f64) -> Result<String> {
        let place = self.place("number");
        self.constant(&place, &Array::full(dtype, (), value))
    }

    /// The array of that name, if it is known.
    pub(super) fn known(&self, name: &str) -> Option<&RawArray> {
        self.places.get(name).map(|&place| &self.initializers[place].1)
    }

    /// The value with its axes in another order; known arrays are reordered now.
    pub(super) fn transpose(&mut self, name: &str, axes: &[usize]) -> Result<String> {
        if axes.iter().copied().eq(0..axes.len()) {
            return Ok(name.to_string());
        }
        match self.known(name).map(|raw| transposed(raw, axes)) {
            Some(raw) => Ok(self.raw(&format!("{name}/transposed"), raw?)),
            None => Ok(self.node_with("Transpose", &[name], vec![ints("perm", axes.to_vec())])),
        }
    }

    /// The value, of shape `from`, in another shape; known arrays are reshaped now.
    ///
    /// What has another shape already is taken from where it got it.
    pub(super) fn reshape(&mut self, name: &str, from: &[usize], to: &[usize]) -> Result<String> {
        if from == to {
            return Ok(name.to_string());
        }
        if let Some(raw) = self.known(name) {
            let raw = RawArray::new(raw.dtype(), to.to_vec(), raw.data().to_vec())?;
            return Ok(self.raw(&format!("{name}/reshaped"), raw));
        }
        let own = (name.to_string(), from.to_vec());
        let (source, shape) = self.reshaped.get(name).cloned().unwrap_or(own);
        if shape == to {
            return Ok(source);
        }
        let extents = self.counts(to)?;
        let options = if to.contains(&0) { vec![int("allowzero", 1)] } else { Vec::new() };
        let value = self.node_with("Reshape", &[&source, &extents], options);
        self.reshaped.insert(value.clone(), (source, shape));
        Ok(value)
    }
}
