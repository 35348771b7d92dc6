//! Evaluation and prediction: programs that change no weight.

use ibex_graph::{Array, Type};

use crate::callbacks::{Callback, Event, Moment, Plan};
use crate::data::{Arrays, Dataset, Samples, fit_inputs};
use crate::error::{Error, Result};
use crate::feed::{Feed, Order};
use crate::history::{History, Logs};
use crate::model::Model;
use crate::step::Mode;

/// How to go over data that is not learned from: what `keras.Model.evaluate` and `predict` take
/// beside the data.
///
/// ```
/// use ibex_train::InBatches;
/// use ibex_train::callbacks::LambdaCallback;
///
/// let tell = LambdaCallback::new().on_test_batch_end(|event| {
///     println!("{} {:?}", event.batch, event.logs.get("loss"));
///     Ok(())
/// });
/// let way = InBatches::of(64).callback(tell);
/// ```
#[derive(Debug)]
pub struct InBatches {
    size: usize,
    callbacks: Vec<Box<dyn Callback>>,
}

impl Default for InBatches {
    fn default() -> InBatches {
        InBatches::of(32)
    }
}

impl InBatches {
    /// In batches of so many samples; a dataset has batches of its own.
    pub fn of(size: usize) -> InBatches {
        InBatches { size: size.max(1), callbacks: Vec::new() }
    }

    /// Adds a callback; callbacks run in the order in which they were added, unless their
    /// [`Callback::order`] says otherwise.
    pub fn callback(mut self, callback: impl Callback + 'static) -> InBatches {
        self.callbacks.push(Box::new(callback));
        self.callbacks.sort_by_key(|callback| callback.order());
        self
    }
}

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
        self.each_batch(Mode::Evaluate, feed, &mut calls, |_, _| ())?;
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
        let mut collected: Vec<(Type, usize, Vec<u8>)> = Vec::new();
        let mut calls = Calls::new(way, feed);
        calls.send(Moment::PredictBegin, self, 0, &mut Logs::new(), &[])?;
        self.each_batch(Mode::Predict, feed, &mut calls, |outputs, count| {
            for (i, output) in outputs.iter().enumerate() {
                if collected.len() == i {
                    let ty = Type::new(output.dtype(), output.shape());
                    let row = output.bytes().len() / count.max(1);
                    collected.push((ty, 0, Vec::with_capacity(row * samples)));
                }
                collected[i].1 += count;
                collected[i].2.extend_from_slice(output.bytes());
            }
        })?;
        calls.send(Moment::PredictEnd, self, 0, &mut Logs::new(), &[])?;
        let array = |(ty, rows, bytes): (Type, usize, Vec<u8>)| {
            let mut dims = ty.shape.to_vec();
            if let Some(first) = dims.first_mut() {
                *first = rows;
            }
            Array::from_bytes(ty.dtype, dims, &bytes).map_err(|e| {
                Error::Data(ibex_nn::ConfigError::new(format!(
                    "the outputs have no batch axis, or other extents in each batch: {e}"
                )))
            })
        };
        collected.into_iter().map(array).collect()
    }

    /// Runs the program of `mode` on one batch after the other, in order.
    fn each_batch(
        &mut self,
        mode: Mode,
        feed: &mut Feed<'_>,
        calls: &mut Calls,
        mut with: impl FnMut(&[Array], usize),
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
            let program = batches.run(self)?;
            with(self.programs[program].executable.outputs(), batches.count());
            if calls.wants_batches() {
                let outputs = match mode {
                    Mode::Predict => self.programs[program].executable.outputs().to_vec(),
                    Mode::Train | Mode::Evaluate => Vec::new(),
                };
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

/// The callbacks of an evaluation or a prediction, with what their events say.
struct Calls {
    callbacks: Vec<Box<dyn Callback>>,
    plan: Plan,
    history: History,
    stopped: bool,
}

impl Calls {
    fn new(way: InBatches, feed: &Feed<'_>) -> Calls {
        let InBatches { size, callbacks } = way;
        let steps = feed.steps(size);
        let plan = Plan { epochs: 1, steps, batch_size: size, verbose: 0, validates: false };
        Calls { callbacks, plan, history: History::default(), stopped: false }
    }

    fn wants_batches(&self) -> bool {
        self.callbacks.iter().any(|callback| callback.wants_batches())
    }

    fn send(
        &mut self,
        moment: Moment,
        model: &mut Model,
        batch: usize,
        logs: &mut Logs,
        outputs: &[Array],
    ) -> Result<()> {
        let mut event = Event {
            model,
            epoch: 0,
            batch,
            logs,
            outputs,
            history: &self.history,
            plan: &self.plan,
            stop: &mut self.stopped,
        };
        moment.send_all(&mut self.callbacks, &mut event)
    }
}
