//! Evaluation and prediction: programs that change no weight.

use ibex_graph::{Array, Type};

use crate::callbacks::Moment;
use crate::data::{Arrays, Dataset, Samples, fit_inputs};
use crate::error::{Error, Result};
use crate::feed::{Feed, Order};
use crate::history::Logs;
use crate::in_batches::{Calls, InBatches};
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
        self.evaluate_with(samples, InBatches::of(batch_size))
    }

    /// Losses and metrics on samples, perhaps weighted, with callbacks.
    ///
    /// # Errors
    /// As [`Model::evaluate`]; and what a callback fails with.
    pub fn evaluate_with(&mut self, samples: Samples, way: InBatches) -> Result<Logs> {
        let samples = self.prepare(samples)?;
        self.evaluate_feed(&mut Feed::Arrays(samples), way)
    }

    /// Losses and metrics on the batches of a dataset.
    ///
    /// # Errors
    /// As [`Model::evaluate`]; and what the dataset fails with.
    pub fn evaluate_dataset(
        &mut self,
        data: &(impl Dataset<Item = Samples> + ?Sized),
    ) -> Result<Logs> {
        self.evaluate_dataset_with(data, InBatches::default())
    }

    /// Losses and metrics on the batches of a dataset, with callbacks.
    ///
    /// # Errors
    /// As [`Model::evaluate_dataset`]; and what a callback fails with.
    pub fn evaluate_dataset_with(
        &mut self,
        data: &(impl Dataset<Item = Samples> + ?Sized),
        way: InBatches,
    ) -> Result<Logs> {
        self.evaluate_feed(&mut Feed::of(&data, None), way)
    }

    fn evaluate_feed(&mut self, feed: &mut Feed<'_>, way: InBatches) -> Result<Logs> {
        if let Some(judge) = self.judge(Mode::Evaluate) {
            judge.reset();
        }
        let mut calls = Calls::new(way, feed);
        calls.send(Moment::TestBegin, self, 0, &mut Logs::new(), &[])?;
        self.each_batch(Mode::Evaluate, feed, &mut calls, None)?;
        let mut logs = self.judge(Mode::Evaluate).map(|j| j.logs()).unwrap_or_default();
        calls.send(Moment::TestEnd, self, 0, &mut logs, &[])?;
        Ok(logs)
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
        self.predict_with(x, InBatches::of(batch_size))
    }

    /// Every output for inputs, with callbacks.
    ///
    /// # Errors
    /// If the inputs do not fit the model; and what a callback fails with.
    pub fn predict_with(&mut self, x: impl Into<Arrays>, way: InBatches) -> Result<Vec<Array>> {
        let names = self.functional.input_names();
        let types: Vec<_> = self.functional.inputs().iter().map(|t| t.ty()).collect();
        let x = fit_inputs(x.into().0, &names, &types)?;
        let samples = Samples { x, ..Samples::default() };
        samples.check()?;
        self.predict_feed(&mut Feed::Arrays(samples), way)
    }

    /// Every output for the inputs of a dataset; its targets are not looked at.
    ///
    /// # Errors
    /// If the inputs do not fit the model; and what the dataset fails with.
    pub fn predict_dataset(
        &mut self,
        data: &(impl Dataset<Item = Samples> + ?Sized),
    ) -> Result<Vec<Array>> {
        self.predict_dataset_with(data, InBatches::default())
    }

    /// Every output for the inputs of a dataset, with callbacks.
    ///
    /// # Errors
    /// As [`Model::predict_dataset`]; and what a callback fails with.
    pub fn predict_dataset_with(
        &mut self,
        data: &(impl Dataset<Item = Samples> + ?Sized),
        way: InBatches,
    ) -> Result<Vec<Array>> {
        self.predict_feed(&mut Feed::of(&data, None), way)
    }

    fn predict_feed(&mut self, feed: &mut Feed<'_>, way: InBatches) -> Result<Vec<Array>> {
        let samples = feed.arrays().map_or(0, Samples::count);
        let mut results = Results { samples, outputs: Vec::new() };
        let mut calls = Calls::new(way, feed);
        calls.send(Moment::PredictBegin, self, 0, &mut Logs::new(), &[])?;
        self.each_batch(Mode::Predict, feed, &mut calls, Some(&mut results))?;
        calls.send(Moment::PredictEnd, self, 0, &mut Logs::new(), &[])?;
        Ok(results.outputs.into_iter().map(Collected::finish).collect())
    }

    /// Runs the program of `mode` on one batch after the other, in order.
    fn each_batch(
        &mut self,
        mode: Mode,
        feed: &mut Feed<'_>,
        calls: &mut Calls,
        mut results: Option<&mut Results>,
    ) -> Result<()> {
        let (begin, end) = match mode {
            Mode::Predict => (Moment::PredictBatchBegin, Moment::PredictBatchEnd),
            Mode::Train | Mode::Evaluate => (Moment::TestBatchBegin, Moment::TestBatchEnd),
        };
        let (seed, batch_size) = (self.seed(), calls.plan.batch_size);
        let order = Order { seed, epoch: 0, shuffle: false, batch_size };
        let mut batches = feed.begin(mode, order);
        let mut batch = 0;
        while batches.advance(self)? {
            if calls.wants_batches() {
                calls.send(begin, self, batch, &mut Logs::new(), &[])?;
            }
            let mut outputs = Vec::new();
            match &mut results {
                None => batches.run(self, None)?,
                Some(results) => {
                    let types =
                        self.programs[batches.program()].executable.program().outputs.clone();
                    let mut room = results.room(&types, batches.count())?;
                    batches.run(self, Some(&mut room))?;
                    if calls.wants_outputs() {
                        let arrays = types.iter().zip(&room);
                        outputs = arrays
                            .map(|(ty, bytes)| Array::from_bytes(ty.dtype, ty.shape.clone(), bytes))
                            .collect::<Result<_, _>>()?;
                    }
                }
            }
            if calls.wants_batches() {
                let mut logs = match mode {
                    Mode::Predict => Logs::new(),
                    _ => self.judge(mode).map(|j| j.logs()).unwrap_or_default(),
                };
                calls.send(end, self, batch, &mut logs, &outputs)?;
            }
            if calls.stopped {
                break;
            }
            batch += 1;
        }
        Ok(())
    }
}

/// The outputs of a prediction, batch after batch.
struct Results {
    /// The samples in all, as far as that is known.
    samples: usize,
    outputs: Vec<Collected>,
}

impl Results {
    /// Room for the outputs of the next batch, of so many samples, where they stay.
    fn room(&mut self, types: &[Type], count: usize) -> Result<Vec<&mut [u8]>> {
        if self.outputs.is_empty() {
            for ty in types {
                // Most outputs have a row for each sample.
                let rows = ty.shape.first().copied().unwrap_or(0);
                let rows = (rows * self.samples).div_ceil(count.max(1));
                self.outputs.push(Collected::new(ty, rows)?);
            }
        }
        self.outputs.iter_mut().zip(types).map(|(output, ty)| output.room(ty)).collect()
    }
}

/// The rows of one output: written once, where they stay, if their number is known.
struct Collected {
    rows: usize,
    array: Array,
}

impl Collected {
    /// Room for so many rows of an output.
    fn new(output: &Type, rows: usize) -> Result<Collected> {
        let mut dims = output.shape.to_vec();
        match dims.first_mut() {
            Some(first) => *first = rows,
            None => return Err(no_batch(output)),
        }
        Ok(Collected { rows: 0, array: Array::zeros(output.dtype, dims) })
    }

    /// Room for the rows of the next batch.
    fn room(&mut self, output: &Type) -> Result<&mut [u8]> {
        let (dims, own) = (&output.shape, self.array.shape());
        let (Some(&count), true) = (dims.first(), dims.get(1..) == own.get(1..)) else {
            return Err(no_batch(output));
        };
        if self.rows + count > own[0] {
            // A dataset that does not say how long it is.
            let more = Collected::new(output, 2 * (self.rows + count))?;
            let kept = std::mem::replace(&mut self.array, more.array);
            self.array.bytes_mut()[..kept.bytes().len()].copy_from_slice(kept.bytes());
        }
        let size = output.bytes();
        let start = self.rows * (size / count.max(1));
        self.rows += count;
        Ok(&mut self.array.bytes_mut()[start..start + size])
    }

    fn finish(self) -> Array {
        match self.rows == self.array.shape()[0] {
            true => self.array,
            false => self.array.rows(0, self.rows),
        }
    }
}

fn no_batch(output: &Type) -> Error {
    Error::Data(ibex_nn::ConfigError::new(format!(
        "the outputs have no batch axis, or other extents in each batch: {}",
        output.shape
    )))
}
