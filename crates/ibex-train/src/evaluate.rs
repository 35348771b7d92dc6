//! Evaluation and prediction: programs that change no weight.

use ibex_graph::Array;

use crate::data::{Arrays, Dataset, Samples, fit_inputs};
use crate::error::{Error, Result};
use crate::feed::{Feed, Order};
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
        self.evaluate_feed(&mut Feed::Arrays(samples), batch_size)
    }

    /// Losses and metrics on the batches of a dataset.
    ///
    /// # Errors
    /// As [`Model::evaluate`]; and what the dataset fails with.
    pub fn evaluate_dataset(
        &mut self,
        data: &(impl Dataset<Item = Samples> + ?Sized),
    ) -> Result<Logs> {
        self.evaluate_feed(&mut Feed::of(&data, None), 1)
    }

    pub(crate) fn evaluate_feed(&mut self, feed: &mut Feed<'_>, batch_size: usize) -> Result<Logs> {
        if let Some(judge) = self.judge(Mode::Evaluate) {
            judge.reset();
        }
        self.each_batch(Mode::Evaluate, feed, batch_size, |_, _| Ok(()))?;
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
        self.predict_feed(&mut Feed::Arrays(samples), batch_size)
    }

    /// Every output for the inputs of a dataset; its targets are not looked at.
    ///
    /// # Errors
    /// If the inputs do not fit the model; and what the dataset fails with.
    pub fn predict_dataset(
        &mut self,
        data: &(impl Dataset<Item = Samples> + ?Sized),
    ) -> Result<Vec<Array>> {
        self.predict_feed(&mut Feed::of(&data, None), 1)
    }

    fn predict_feed(&mut self, feed: &mut Feed<'_>, batch_size: usize) -> Result<Vec<Array>> {
        let samples = feed.arrays().map_or(0, Samples::count);
        let mut collected: Vec<Collected> = Vec::new();
        self.each_batch(Mode::Predict, feed, batch_size, |outputs, count| {
            for (i, output) in outputs.iter().enumerate() {
                if collected.len() == i {
                    // Most outputs have a row for each sample.
                    let rows = output.shape().first().copied().unwrap_or(0);
                    collected
                        .push(Collected::new(output, (rows * samples).div_ceil(count.max(1)))?);
                }
                collected[i].add(output)?;
            }
            Ok(())
        })?;
        Ok(collected.into_iter().map(Collected::finish).collect())
    }

    /// Runs the program of `mode` on one batch after the other, in order.
    fn each_batch(
        &mut self,
        mode: Mode,
        feed: &mut Feed<'_>,
        batch_size: usize,
        mut with: impl FnMut(&[Array], usize) -> Result<()>,
    ) -> Result<()> {
        let batch_size = batch_size.max(1);
        let order = Order { seed: self.seed(), epoch: 0, shuffle: false, batch_size };
        let mut batches = feed.begin(mode, order);
        while batches.advance(self)? {
            let program = batches.run(self)?;
            with(self.programs[program].executable.outputs(), batches.count())?;
        }
        Ok(())
    }
}

/// The rows of one output, batch after batch: written once, where they stay, if their number is
/// known.
struct Collected {
    rows: usize,
    array: Array,
}

impl Collected {
    /// Room for so many rows of an output.
    fn new(output: &Array, rows: usize) -> Result<Collected> {
        let mut dims = output.shape().to_vec();
        match dims.first_mut() {
            Some(first) => *first = rows,
            None => return Err(no_batch(output)),
        }
        Ok(Collected { rows: 0, array: Array::zeros(output.dtype(), dims) })
    }

    fn add(&mut self, output: &Array) -> Result<()> {
        let (dims, own) = (output.shape(), self.array.shape());
        let (Some(&count), true) = (dims.first(), dims.get(1..) == own.get(1..)) else {
            return Err(no_batch(output));
        };
        if self.rows + count > own[0] {
            // A dataset that does not say how long it is.
            let more = Collected::new(&self.array, 2 * (self.rows + count))?;
            let kept = std::mem::replace(&mut self.array, more.array);
            self.array.bytes_mut()[..kept.bytes().len()].copy_from_slice(kept.bytes());
        }
        let size = output.bytes().len();
        let start = self.rows * (size / count.max(1));
        self.array.bytes_mut()[start..start + size].copy_from_slice(output.bytes());
        self.rows += count;
        Ok(())
    }

    fn finish(self) -> Array {
        match self.rows == self.array.shape()[0] {
            true => self.array,
            false => self.array.rows(0, self.rows),
        }
    }
}

fn no_batch(output: &Array) -> Error {
    Error::Data(ibex_nn::ConfigError::new(format!(
        "the outputs have no batch axis, or other extents in each batch: {}",
        output.shape()
    )))
}
