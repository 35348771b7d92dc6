//! Evaluation and prediction: programs that change no weight.

use ibex_graph::{Array, Type};

use crate::data::{Arrays, BatchBuffers, Samples, epoch_order, fit_inputs};
use crate::error::{Error, Result};
use crate::history::Logs;
use crate::model::Model;
use crate::step::Mode;

impl Model {
    /// Losses and metrics on data, in batches of 32.
    ///
    /// # Errors
    /// If the model is not compiled, or the data does not fit.
    pub fn evaluate(&mut self, x: impl Into<Arrays>, y: impl Into<Arrays>) -> Result<Logs> {
        let samples = Samples { x: x.into().0, y: y.into().0, weights: Vec::new() };
        self.evaluate_samples(samples, 32)
    }

    /// Losses and metrics on samples, perhaps weighted, in batches of `batch_size`.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn evaluate_samples(&mut self, samples: Samples, batch_size: usize) -> Result<Logs> {
        let samples = self.prepare(samples)?;
        self.evaluate_prepared(&samples, batch_size)
    }

    pub(crate) fn evaluate_prepared(
        &mut self,
        samples: &Samples,
        batch_size: usize,
    ) -> Result<Logs> {
        if let Some(judge) = self.judge(Mode::Evaluate) {
            judge.reset();
        }
        self.each_batch(Mode::Evaluate, samples, batch_size, |_| ())?;
        Ok(self.judge(Mode::Evaluate).map(|j| j.logs()).unwrap_or_default())
    }

    /// The outputs for inputs, in batches of 32; the first output of a model with several.
    ///
    /// # Errors
    /// If the inputs do not fit the model.
    pub fn predict(&mut self, x: impl Into<Arrays>) -> Result<Array> {
        Ok(self.predict_all(x, 32)?.swap_remove(0))
    }

    /// Every output for inputs, in batches of `batch_size`.
    ///
    /// # Errors
    /// If the inputs do not fit the model.
    pub fn predict_all(&mut self, x: impl Into<Arrays>, batch_size: usize) -> Result<Vec<Array>> {
        let names = self.functional.input_names();
        let types: Vec<_> = self.functional.inputs().iter().map(|t| t.ty()).collect();
        let x = fit_inputs(x.into().0, &names, &types)?;
        let samples = Samples { x, ..Samples::default() };
        samples.check()?;
        let mut collected: Vec<(Type, Vec<u8>)> = Vec::new();
        self.each_batch(Mode::Predict, &samples, batch_size, |outputs| {
            for (i, output) in outputs.iter().enumerate() {
                if collected.len() == i {
                    let mut dims = output.shape().to_vec();
                    if let Some(rows) = dims.first_mut() {
                        *rows = samples.count();
                    }
                    let ty = Type::new(output.dtype(), dims);
                    let bytes = Vec::with_capacity(ty.bytes());
                    collected.push((ty, bytes));
                }
                collected[i].1.extend_from_slice(output.bytes());
            }
        })?;
        let array = |(ty, bytes): (Type, Vec<u8>)| {
            Array::from_bytes(ty.dtype, ty.shape, &bytes).map_err(|e| {
                Error::Data(ibex_nn::ConfigError::new(format!(
                    "the outputs have no batch axis: {e}"
                )))
            })
        };
        collected.into_iter().map(array).collect()
    }

    /// Runs the program of `mode` on one batch after the other, in order.
    fn each_batch(
        &mut self,
        mode: Mode,
        samples: &Samples,
        batch_size: usize,
        mut with: impl FnMut(&[Array]),
    ) -> Result<()> {
        let order = epoch_order(samples.count(), None);
        for chunk in order.chunks(batch_size.max(1)) {
            let program = self.one_batch(mode, samples, chunk)?;
            with(self.programs[program].executable.outputs());
        }
        Ok(())
    }

    /// Runs the program of `mode` on the samples at `indices`; gives the position of the program.
    pub(crate) fn one_batch(
        &mut self,
        mode: Mode,
        samples: &Samples,
        indices: &[u32],
    ) -> Result<usize> {
        let mut buffers = BatchBuffers::new(samples, indices.len());
        buffers.gather(samples, indices);
        let program = self.program(mode, &buffers.types())?;
        self.run(program, &buffers)?;
        Ok(program)
    }
}
