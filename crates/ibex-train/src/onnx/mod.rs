//! Models as ONNX files, and ONNX files as models.
//!
//! Read in this order: this file, `export`, `import`.
//! It must not know how bytes are laid out; [`ibex_format::onnx`] does.

mod export;
mod import;

use std::path::Path;

use ibex_format::RawArray;
use ibex_format::onnx::OnnxModel;
use ibex_graph::Shape;

use crate::error::Result;
use crate::model::Model;

/// How a model is written as ONNX.
#[derive(Clone, Debug, Default)]
pub struct OnnxOptions {
    /// The batch size of the file; by default it is open, if the model's computation is the same
    /// for all.
    pub batch_size: Option<usize>,
    /// The shapes of the inputs, batch included, for models that leave further extents open.
    pub input_shapes: Vec<Shape>,
}

impl OnnxOptions {
    /// The usual: an open batch.
    pub fn new() -> OnnxOptions {
        OnnxOptions::default()
    }

    /// Fixes the batch size.
    pub fn batch_size(mut self, size: usize) -> OnnxOptions {
        self.batch_size = Some(size);
        self
    }

    /// Fixes extents that the model leaves open; the first one of each shape is the batch.
    pub fn input_shapes<S: Into<Shape>>(
        mut self,
        shapes: impl IntoIterator<Item = S>,
    ) -> OnnxOptions {
        self.input_shapes = shapes.into_iter().map(Into::into).collect();
        self
    }
}

impl Model {
    /// Writes the prediction of the model as an ONNX file, its batch size open.
    ///
    /// # Errors
    /// As [`Model::to_onnx`], and if the file cannot be written.
    pub fn export_onnx(&self, path: impl AsRef<Path>) -> Result<()> {
        self.export_onnx_with(path, &OnnxOptions::new())
    }

    /// Writes the prediction of the model as an ONNX file.
    ///
    /// # Errors
    /// As [`Model::to_onnx`], and if the file cannot be written.
    pub fn export_onnx_with(&self, path: impl AsRef<Path>, options: &OnnxOptions) -> Result<()> {
        Ok(export::export(self, options)?.write(path)?)
    }

    /// The prediction of the model as the bytes of an ONNX file.
    ///
    /// Dropout and its like are left out, and states of stateful layers are those of now.
    /// Mixed precision is computed in `float32`.
    ///
    /// # Errors
    /// If ONNX lacks an operation: the text names the layers; if an extent beside the batch is
    /// open; if the batch size changes more than extents.
    ///
    /// ```
    /// use ibex_nn::layers::{Dense, Input};
    /// use ibex_nn::models::Sequential;
    /// use ibex_train::{BuildModel, OnnxOptions};
    ///
    /// let model = Sequential::new().add(Input::new([4])).add(Dense::new(2)).build()?;
    /// let bytes = model.to_onnx(&OnnxOptions::new())?;
    /// let file = ibex_format::onnx::OnnxModel::from_bytes(&bytes)?;
    /// let ops: Vec<&str> = file.graph.nodes.iter().map(|node| node.op_type.as_str()).collect();
    /// assert_eq!(ops, ["MatMul", "Add"]);
    /// # Ok::<(), ibex_train::Error>(())
    /// ```
    pub fn to_onnx(&self, options: &OnnxOptions) -> Result<Vec<u8>> {
        Ok(export::export(self, options)?.to_bytes()?)
    }
    /// Reads an ONNX file as a model of Keras layers, which trains and is saved as any other.
    ///
    /// Channels stay first, as in the file; a file for single samples takes batches of any size.
    ///
    /// # Errors
    /// If the file cannot be read; if it has nodes that are not supported: the text names them.
    pub fn from_onnx(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        let file = OnnxModel::read(path)?;
        import::import(&file).map_err(|error| crate::saving::in_file(error, path))
    }

    /// Reads the bytes of an ONNX file.
    ///
    /// # Errors
    /// As [`Model::from_onnx`].
    pub fn from_onnx_bytes(bytes: &[u8]) -> Result<Model> {
        import::import(&OnnxModel::from_bytes(bytes)?)
    }
}

/// An array with its axes in another order.
fn transposed(raw: &RawArray, axes: &[usize]) -> Result<RawArray> {
    let width = raw.dtype().size();
    let shape: Vec<usize> = axes.iter().map(|&axis| raw.shape()[axis]).collect();
    let own = Shape::from(raw.shape()).strides();
    let strides: Vec<usize> = axes.iter().map(|&axis| own[axis]).collect();
    let mut data = Vec::with_capacity(raw.data().len());
    ibex_graph::interpreter::for_each_index(&shape, |index| {
        let at = ibex_graph::interpreter::offset(index, &strides) * width;
        data.extend_from_slice(&raw.data()[at..at + width]);
    });
    Ok(RawArray::new(raw.dtype(), shape, data)?)
}
