//! The only training loop; `fit`, examples and the command line all call it.

use std::path::PathBuf;
use std::time::Instant;

use ibex_graph::Array;
use ibex_nn::ConfigError;

use crate::callbacks::{Backup, Callback, Event, Moment, Plan, ProgbarLogger, show_loop};
use crate::checkpoint::{Options, Position, Progressed, Setting};
use crate::data::{AnyDataset, Arrays, BatchBuffers, Dataset, Samples, epoch_order};
use crate::error::{Error, Result};
use crate::feed::{Feed, Order};
use crate::guard::{CheckpointEvery, Guard, Interrupt, StepTimes};
use crate::history::{History, Logs};
use crate::model::Model;
use crate::progress::say;
use crate::step::Mode;

/// How to train: what `keras.Model.fit` takes beside the data.
#[derive(Debug)]
pub struct Fit {
    pub(crate) epochs: usize,
    pub(crate) initial_epoch: usize,
    pub(crate) batch_size: usize,
    pub(crate) shuffle: bool,
    pub(crate) verbose: u8,
    pub(crate) validation: Validation,
    pub(crate) validation_freq: usize,
    pub(crate) steps_per_epoch: Option<usize>,
    pub(crate) sample_weight: Option<Arrays>,
    pub(crate) class_weight: Vec<(i64, f64)>,
    pub(crate) callbacks: Vec<Box<dyn Callback>>,
    pub(crate) history: History,
    pub(crate) checkpoint: Option<PathBuf>,
    pub(crate) checkpoint_every: CheckpointEvery,
    pub(crate) resume: bool,
    pub(crate) interrupt: Option<Interrupt>,
    pub(crate) memory_budget: Option<usize>,
}

/// Where validation data comes from.
#[derive(Debug, Default)]
pub(crate) enum Validation {
    #[default]
    None,
    Split(f64),
    Data(Samples),
    Dataset(AnyDataset),
}

impl Default for Fit {
    fn default() -> Fit {
        Fit {
            epochs: 1,
            initial_epoch: 0,
            batch_size: 32,
            shuffle: true,
            verbose: 1,
            validation: Validation::None,
            validation_freq: 1,
            steps_per_epoch: None,
            sample_weight: None,
            class_weight: Vec::new(),
            callbacks: Vec::new(),
            history: History::default(),
            checkpoint: None,
            checkpoint_every: CheckpointEvery::Epoch,
            resume: false,
            interrupt: None,
            memory_budget: None,
        }
    }
}

impl Fit {
    /// One epoch, batches of 32, shuffled, a progress bar: Keras's defaults.
    pub fn new() -> Fit {
        Fit::default()
    }

    /// Trains until this many epochs are done.
    pub fn epochs(mut self, epochs: usize) -> Fit {
        self.epochs = epochs;
        self
    }

    /// The number of the first epoch, to go on with an earlier training.
    pub fn initial_epoch(mut self, epoch: usize) -> Fit {
        self.initial_epoch = epoch;
        self
    }

    /// Samples in a batch; the last one of an epoch may have fewer.
    pub fn batch_size(mut self, size: usize) -> Fit {
        self.batch_size = size;
        self
    }

    /// Whether the samples are visited in another order in each epoch.
    pub fn shuffle(mut self, shuffle: bool) -> Fit {
        self.shuffle = shuffle;
        self
    }

    /// 0 silent, 1 a progress bar, 2 one line for each epoch.
    pub fn verbose(mut self, verbose: u8) -> Fit {
        self.verbose = verbose;
        self
    }

    /// Keeps the last part of the data, before shuffling, for validation.
    pub fn validation_split(mut self, fraction: f64) -> Fit {
        self.validation = Validation::Split(fraction);
        self
    }

    /// Evaluates on this data after each epoch.
    pub fn validation_data(mut self, x: impl Into<Arrays>, y: impl Into<Arrays>) -> Fit {
        let samples = Samples { x: x.into().0, y: y.into().0, weights: Vec::new() };
        self.validation = Validation::Data(samples);
        self
    }

    /// Evaluates on these samples, perhaps weighted, after each epoch.
    pub fn validation_samples(mut self, samples: Samples) -> Fit {
        self.validation = Validation::Data(samples);
        self
    }

    /// Evaluates on this dataset after each epoch; in the model's own batches, not shuffled by
    /// epoch.
    pub fn validation_dataset(mut self, data: impl Dataset<Item = Samples> + 'static) -> Fit {
        self.validation = Validation::Dataset(AnyDataset(Box::new(data)));
        self
    }

    /// Batches of a dataset in an epoch; the next epoch goes on where this one stopped.
    pub fn steps_per_epoch(mut self, steps: usize) -> Fit {
        self.steps_per_epoch = Some(steps);
        self
    }

    /// Evaluates after every this many epochs only.
    pub fn validation_freq(mut self, epochs: usize) -> Fit {
        self.validation_freq = epochs.max(1);
        self
    }

    /// The weight of each sample in the loss: one array, or one for each output.
    pub fn sample_weight(mut self, weights: impl Into<Arrays>) -> Fit {
        self.sample_weight = Some(weights.into());
        self
    }

    /// The weight of each class in the loss; classes that are not given have weight 1.
    pub fn class_weight(mut self, weights: impl IntoIterator<Item = (i64, f64)>) -> Fit {
        self.class_weight = weights.into_iter().collect();
        self
    }

    /// Adds a callback; callbacks run in the order in which they were added, unless their
    /// [`Callback::order`] says otherwise.
    pub fn callback(mut self, callback: impl Callback + 'static) -> Fit {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Writes a checkpoint into this folder after each epoch, and when the training is interrupted.
    pub fn checkpoint_dir(mut self, folder: impl Into<PathBuf>) -> Fit {
        self.checkpoint = Some(folder.into());
        self
    }

    /// Writes checkpoints within epochs too.
    pub fn checkpoint_every(mut self, every: CheckpointEvery) -> Fit {
        self.checkpoint_every = every;
        self
    }

    /// Ends with [`Error::Interrupted`] after the step in which this is requested.
    pub fn interrupt(mut self, interrupt: Interrupt) -> Fit {
        self.interrupt = Some(interrupt);
        self
    }

    /// Bounds the bytes that the intermediate values of a training step take: what the forward pass
    /// keeps for the gradients, for the most part.
    ///
    /// Where they do not suffice, values that are large for the work they take are computed a
    /// second time where the backward pass needs them: the numbers stay the same bit by bit, and
    /// a step takes longer.
    /// Weights, the optimizer's state and the batch are not counted.
    /// `ibex explain-plan` tells how many bytes a step takes, and what would be recomputed.
    ///
    /// # Errors
    /// [`Model::fit`] fails if so few bytes are not enough, and names the largest values.
    ///
    /// Source: Chen et al., [Training Deep Nets with Sublinear Memory
    /// Cost](https://arxiv.org/abs/1604.06174).
    ///
    /// ```
    /// use ibex_train::Fit;
    ///
    /// let fit = Fit::new().epochs(3).memory_budget(512 << 20);
    /// # let _ = fit;
    /// ```
    pub fn memory_budget(mut self, bytes: usize) -> Fit {
        self.memory_budget = Some(bytes);
        self
    }

    /// The training loop as text, with the callbacks of each moment in the order in which they are
    /// called.
    ///
    /// ```
    /// use ibex_train::Fit;
    /// use ibex_train::callbacks::TerminateOnNaN;
    ///
    /// let text = Fit::new().callback(TerminateOnNaN::new()).show_training_loop();
    /// assert!(text.contains("on_train_batch_end        TerminateOnNaN, ProgbarLogger"));
    /// ```
    pub fn show_training_loop(mut self) -> String {
        self.order_callbacks();
        show_loop(&self.callbacks)
    }

    /// Puts the callbacks into the order in which they are called, the progress bar among them.
    fn order_callbacks(&mut self) {
        let has_bar = self.callbacks.iter().any(|c| c.name() == ProgbarLogger::default().name());
        if self.verbose > 0 && !has_bar {
            self.callbacks.push(Box::new(ProgbarLogger::default()));
        }
        self.callbacks.sort_by_key(|callback| callback.order());
    }

    /// Where checkpoints go: the folder that was given, or that of a callback.
    fn backup(&self) -> Option<(Backup, bool)> {
        let own = self.checkpoint.clone().map(|folder| {
            (Backup { folder, every: self.checkpoint_every, delete: false }, self.resume)
        });
        own.or_else(|| self.callbacks.iter().find_map(|c| Some((c.backup()?, true))))
    }

    /// Goes on from the checkpoint, if there is one: with the bits of a training never stopped.
    pub fn resume(mut self, resume: bool) -> Fit {
        self.resume = resume;
        self
    }

    /// The history of the epochs before `initial_epoch`, to be continued.
    pub fn history(mut self, history: History) -> Fit {
        self.history = history;
        self
    }
}

impl Model {
    /// Trains the model; see [`Fit`].
    ///
    /// # Errors
    /// If the model is not compiled, the data does not fit, a loss becomes NaN, or a callback
    /// fails; the weights are those of the last step that was taken.
    pub fn fit(&mut self, x: impl Into<Arrays>, y: impl Into<Arrays>, fit: Fit) -> Result<History> {
        let weights = fit.sample_weight.clone().unwrap_or_default().0;
        let samples = Samples { x: x.into().0, y: y.into().0, weights };
        self.fit_samples(samples, fit)
    }

    /// Trains on samples that are already put together.
    ///
    /// # Errors
    /// As [`Model::fit`].
    pub fn fit_samples(&mut self, samples: Samples, mut fit: Fit) -> Result<History> {
        let (train, tail) = self.fit_data(samples, &mut fit)?;
        if fit.batch_size == 0 {
            return Err(Error::Config(
                ConfigError::new("`batch_size` must be positive").received("0"),
            ));
        }
        self.advise(&train, fit.verbose)?;
        self.fit_feed(Feed::Arrays(train), tail, fit)
    }

    /// Trains on the batches of a dataset; those of the next step are made while a step runs.
    ///
    /// The dataset decides about batches and order: [`Fit::batch_size`] and [`Fit::shuffle`] have
    /// no meaning here.
    ///
    /// # Errors
    /// As [`Model::fit`]; and what the dataset fails with.
    pub fn fit_dataset(
        &mut self,
        data: &(impl Dataset<Item = Samples> + ?Sized),
        mut fit: Fit,
    ) -> Result<History> {
        if matches!(fit.validation, Validation::Split(part) if part > 0.0) {
            return Err(Error::Config(
                ConfigError::new("`validation_split` needs arrays")
                    .expected("`validation_dataset` beside a dataset")
                    .help("split the files or rows before the dataset is made of them"),
            ));
        }
        let pass = crate::data::Pass { seed: self.seed(), epoch: fit.initial_epoch as u64 };
        if let Some(first) = data.pass(pass).next() {
            let first = self.prepare(first?)?;
            self.advise(&first, fit.verbose)?;
        }
        let feed = Feed::of(&data, fit.steps_per_epoch);
        let feed = feed.weighted(std::mem::take(&mut fit.class_weight));
        self.fit_feed(feed, None, fit)
    }

    /// Trains on a feed; `tail` is what was split off for validation.
    fn fit_feed(
        &mut self,
        mut train: Feed<'_>,
        tail: Option<Samples>,
        mut fit: Fit,
    ) -> Result<History> {
        self.memory_budget = fit.memory_budget;
        let held = std::mem::take(&mut fit.validation);
        let mut validation = match (&held, tail) {
            (Validation::Dataset(data), _) => Some(Feed::of(&*data.0, None)),
            (_, tail) => tail.map(Feed::Arrays),
        };
        let plan = Plan {
            epochs: fit.epochs,
            steps: train.steps(fit.batch_size),
            batch_size: fit.batch_size,
            verbose: fit.verbose,
            validates: validation.is_some(),
        };
        fit.order_callbacks();
        let backup = fit.backup();
        let resume = backup.as_ref().is_some_and(|(_, resume)| *resume);
        let mut callbacks = std::mem::take(&mut fit.callbacks);
        let mut guard = Guard::new(fit.interrupt.take(), backup.map(|(b, _)| b), || {
            let options = Options {
                seed: self.seed(),
                samples: train.samples(),
                batch_size: fit.batch_size,
                shuffle: fit.shuffle,
            };
            Setting::of(self, options)
        })?;
        let mut at = Progressed {
            position: Position { epoch: fit.initial_epoch, ..Position::default() },
            stopped: false,
            history: std::mem::take(&mut fit.history),
        };
        if resume && let Some(found) = guard.load(self, &mut callbacks)? {
            at = found;
        }
        let goes_on = at.position.step > 0 || at.position.epoch > fit.initial_epoch;
        at.position = Position { epochs: plan.epochs, steps: plan.steps, ..at.position };
        if goes_on && plan.verbose > 0 && at.position.epoch < plan.epochs {
            say(format_args!("going on from {}\n", at.position));
        }
        let mut run = Run { guard, callbacks, plan, at };
        run.train(self, &mut train, validation.as_mut(), &fit)?;
        Ok(run.at.history)
    }

    /// Says once what cannot be meant.
    fn advise(&mut self, train: &Samples, verbose: u8) -> Result<()> {
        let advised = self.compiled.as_ref().is_some_and(|compiled| compiled.advised);
        if verbose == 0 || advised {
            return Ok(());
        }
        for advice in self.advice_on(train)? {
            say(format_args!("warning: {advice}\n"));
        }
        if let Some(compiled) = &mut self.compiled {
            compiled.advised = true;
        }
        Ok(())
    }

    fn fit_data(&mut self, samples: Samples, fit: &mut Fit) -> Result<(Samples, Option<Samples>)> {
        let mut samples = self.prepare(samples)?;
        let (mut train, validation) = match std::mem::take(&mut fit.validation) {
            Validation::None => (samples, None),
            held @ Validation::Dataset(_) => {
                fit.validation = held;
                (samples, None)
            }
            Validation::Split(0.0) => (samples, None),
            Validation::Split(fraction) => {
                samples.share();
                let (train, tail) = samples.split_tail(fraction)?;
                (train, Some(tail))
            }
            Validation::Data(data) => (samples, Some(self.prepare(data)?)),
        };
        if !fit.class_weight.is_empty() && !train.weights.is_empty() {
            return Err(Error::Config(
                ConfigError::new("`class_weight` and `sample_weight` are given at the same time")
                    .help("multiply the weights of the samples by those of their classes"),
            ));
        }
        if !fit.class_weight.is_empty() {
            let weights = class_weights(&train, &fit.class_weight)?;
            train.weights = vec![weights];
        }
        Ok((train, validation))
    }

    /// One update on one batch; the logs are those of this batch alone.
    ///
    /// # Errors
    /// As [`Model::fit`].
    pub fn train_on_batch(&mut self, x: impl Into<Arrays>, y: impl Into<Arrays>) -> Result<Logs> {
        let samples = Samples { x: x.into().0, y: y.into().0, weights: Vec::new() };
        let samples = self.prepare(samples)?;
        if let Some(judge) = self.judge(Mode::Train) {
            judge.reset();
        }
        let mut buffers = BatchBuffers::new(&samples, samples.count());
        buffers.gather(&samples, &epoch_order(samples.count(), None));
        let program = self.program(Mode::Train, &buffers.types())?;
        self.run(program, buffers.arrays().iter(), None)?;
        Ok(self.judge(Mode::Train).map(|j| j.logs()).unwrap_or_default())
    }

    /// Runs a program; the outputs go into `room` if there is any.
    pub(crate) fn run<'a>(
        &mut self,
        program: usize,
        arrays: impl Iterator<Item = &'a Array> + Clone,
        room: Option<&mut [&mut [u8]]>,
    ) -> Result<()> {
        // Most models have few arrays; eight references fit on the stack of any.
        const FEW: usize = 8;
        let program = &mut self.programs[program];
        let run = |inputs: &[&Array]| match (room, &mut self.profile) {
            (None, None) => Ok(program.executable.run(inputs)?),
            (Some(room), None) => Ok(program.executable.run_into(inputs, room)?),
            (room, Some(profile)) => {
                profile.run(program, inputs)?;
                for (to, from) in room.into_iter().flatten().zip(program.executable.outputs()) {
                    to.copy_from_slice(from.bytes());
                }
                Ok(())
            }
        };
        let Some(first) = arrays.clone().next() else { return run(&[]) };
        let mut few = [first; FEW];
        let mut count = 0;
        for array in arrays.clone() {
            if let Some(place) = few.get_mut(count) {
                *place = array;
            }
            count += 1;
        }
        match count {
            0..=FEW => run(&few[..count]),
            _ => run(&arrays.collect::<Vec<&Array>>()),
        }
    }
}

/// A training that is going on.
struct Run {
    callbacks: Vec<Box<dyn Callback>>,
    plan: Plan,
    guard: Guard,
    at: Progressed,
}

impl Run {
    fn train(
        &mut self,
        model: &mut Model,
        train: &mut Feed<'_>,
        mut validation: Option<&mut Feed<'_>>,
        fit: &Fit,
    ) -> Result<()> {
        let mut logs = Logs::new();
        self.send(Moment::TrainBegin, model, 0, &mut logs)?;
        if self.guard.is_first() {
            self.save_checkpoint(model)?;
        }
        // An epoch that was begun is brought to its end, also if it was stopped.
        let goes_on = |at: &Progressed| !at.stopped || at.position.step > 0;
        while self.at.position.epoch < fit.epochs && goes_on(&self.at) {
            let epoch = self.at.position.epoch;
            // In the middle of an epoch, the beginning of the epoch lies before the checkpoint.
            if self.at.position.step == 0 {
                self.heed_interrupt(model)?;
                if let Some(judge) = model.judge(Mode::Train) {
                    judge.reset();
                }
                self.send(Moment::EpochBegin, model, 0, &mut Logs::new())?;
            }
            let step_seconds = self.epoch(model, train, fit)?;
            logs = model.judge(Mode::Train).map(|j| j.logs()).unwrap_or_default();
            if let Some(validation) = &mut validation
                && (epoch + 1).is_multiple_of(fit.validation_freq)
            {
                for (name, value) in self.validate(model, validation, fit.batch_size)?.iter() {
                    logs.set(format!("val_{name}"), value);
                }
                // Keras reports all names of an epoch in one alphabet.
                logs.sort();
            }
            self.send(Moment::EpochEnd, model, 0, &mut logs)?;
            let history = &mut self.at.history;
            history.epochs.push(epoch);
            history.logs.push(logs.clone());
            history.seconds.push(self.at.position.seconds);
            history.step_seconds_median.push(step_seconds);
            self.check_loss(&logs, epoch, train.arrays())?;
            let position = &mut self.at.position;
            (position.epoch, position.step, position.seconds) = (epoch + 1, 0, 0.0);
            self.save_checkpoint(model)?;
        }
        // A checkpoint holds the weights before they are averaged, the last one too.
        if !self.at.history.epochs.is_empty() {
            model.optimizer()?.finalize_ema();
        }
        self.at.position.epoch = fit.epochs.saturating_sub(1);
        self.send(Moment::TrainEnd, model, 0, &mut logs)?;
        self.guard.finish();
        Ok(())
    }

    /// Takes the steps of an epoch that are left; gives their median seconds.
    fn epoch(&mut self, model: &mut Model, train: &mut Feed<'_>, fit: &Fit) -> Result<f64> {
        let (started, before) = (Instant::now(), self.at.position.seconds);
        let (epoch, mut batch) = (self.at.position.epoch, self.at.position.step);
        let mut times = StepTimes::new();
        if self.at.stopped {
            return Ok(times.median());
        }
        let (seed, batch_size) = (model.seed(), fit.batch_size);
        let order = Order { seed, epoch, shuffle: fit.shuffle, batch_size };
        let mut batches = train.begin(Mode::Train, order);
        batches.skip(batch)?;
        while batches.advance(model)? {
            self.send_batch(Moment::TrainBatchBegin, model, batch)?;
            let begun = Instant::now();
            batches.run(model, None)?;
            times.push(begun.elapsed());
            self.send_batch(Moment::TrainBatchEnd, model, batch)?;
            batch += 1;
            self.at.position.step = batch;
            self.at.position.seconds = before + started.elapsed().as_secs_f64();
            if self.at.stopped {
                break;
            }
            if self.guard.is_due() {
                self.save_checkpoint(model)?;
            }
            self.heed_interrupt(model)?;
        }
        Ok(times.median())
    }

    /// Losses and metrics on the data for validation.
    fn validate(
        &mut self,
        model: &mut Model,
        held: &mut Feed<'_>,
        batch_size: usize,
    ) -> Result<Logs> {
        if let Some(judge) = model.judge(Mode::Evaluate) {
            judge.reset();
        }
        self.send(Moment::TestBegin, model, 0, &mut Logs::new())?;
        let order = Order { seed: model.seed(), epoch: 0, shuffle: false, batch_size };
        let mut batches = held.begin(Mode::Evaluate, order);
        let mut batch = 0;
        while batches.advance(model)? {
            self.send_batch(Moment::TestBatchBegin, model, batch)?;
            batches.run(model, None)?;
            self.send_batch(Moment::TestBatchEnd, model, batch)?;
            batch += 1;
            // A validation that is broken off is done again, which must not change any state.
            if !model.carries_states {
                self.heed_interrupt(model)?;
            }
        }
        let mut logs = model.judge(Mode::Evaluate).map(|j| j.logs()).unwrap_or_default();
        self.send(Moment::TestEnd, model, 0, &mut logs)?;
        Ok(logs)
    }

    /// Sends an event of a batch to those who want it now.
    fn send_batch(&mut self, moment: Moment, model: &mut Model, batch: usize) -> Result<()> {
        if !self.callbacks.iter().any(|c| c.wants_batches()) {
            return Ok(());
        }
        let logs = |mode| model.judge(mode).map(|j| j.logs()).unwrap_or_default();
        let mut logs = match moment {
            Moment::TrainBatchEnd => logs(Mode::Train),
            Moment::TestBatchEnd => logs(Mode::Evaluate),
            _ => Logs::new(),
        };
        self.send(moment, model, batch, &mut logs)
    }

    fn send(
        &mut self,
        moment: Moment,
        model: &mut Model,
        batch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        let mut event = Event {
            model,
            epoch: self.at.position.epoch,
            batch,
            logs,
            outputs: &[],
            history: &self.at.history,
            plan: &self.plan,
            stop: &mut self.at.stopped,
        };
        moment.send_all(&mut self.callbacks, &mut event)
    }

    fn save_checkpoint(&mut self, model: &Model) -> Result<()> {
        self.guard.save(model, &self.at, &self.callbacks)
    }

    /// Breaks the training off if that was requested.
    fn heed_interrupt(&mut self, model: &Model) -> Result<()> {
        match self.guard.is_interrupted() {
            true => Err(self.guard.break_off(model, &self.at, &self.callbacks)),
            false => Ok(()),
        }
    }

    /// A loss that is no number ends the training, unless a callback has ended it already.
    fn check_loss(&self, logs: &Logs, epoch: usize, train: Option<&Samples>) -> Result<()> {
        let loss = logs.get("loss").unwrap_or(0.0);
        if !loss.is_nan() || self.at.stopped {
            return Ok(());
        }
        let bad = train.into_iter().flat_map(Samples::arrays).find(|array| {
            array.dtype().is_float() && array.to_f64_vec().iter().any(|v| !v.is_finite())
        });
        let help = match bad {
            Some(_) => "the data holds NaN or infinite values: remove or replace them",
            None => "use a smaller learning rate, `clipnorm`, or normalised inputs",
        };
        Err(Error::Diverged { epoch: epoch + 1, value: loss, help: help.to_string() })
    }
}

/// The weight of each sample from that of its class.
pub(crate) fn class_weights(train: &Samples, weights: &[(i64, f64)]) -> Result<Array> {
    let [y] = train.y.as_slice() else {
        return Err(Error::Config(ConfigError::new(
            "`class_weight` is only for models with a single output",
        )));
    };
    let values = y.to_f64_vec();
    let width = values.len() / train.count().max(1);
    let class = |row: &[f64]| match row {
        [one] => *one as i64,
        many => {
            let best = (0..many.len()).max_by(|&a, &b| many[a].total_cmp(&many[b]).then(b.cmp(&a)));
            best.unwrap_or(0) as i64
        }
    };
    let weight = |class: i64| weights.iter().find(|(c, _)| *c == class).map_or(1.0, |(_, w)| *w);
    let own = values.chunks_exact(width.max(1)).map(|row| weight(class(row)));
    let all: Vec<f64> = own.collect();
    Ok(Array::from_f64_slice(ibex_graph::DType::F32, [train.count()], &all))
}
