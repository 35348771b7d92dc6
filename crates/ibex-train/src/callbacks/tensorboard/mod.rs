//! `TensorBoard`: what a training shows in TensorBoard.
//!
//! Read in this order: this file (when what is recorded), `weights` (histograms and pictures of
//! weights), `graph` (the model), `projector` (embeddings).
//! The bytes of the records are those of `ibex_format::events`.

mod graph;
mod projector;
mod weights;

use std::path::PathBuf;
use std::time::Instant;

use ibex_format::events::{EventFile, Span, write_profile};
use ibex_graph::Array;
use serde_json::{Value, json};

use super::record::warn_of_lost_record;
use super::{Callback, Event, Moment};
use crate::error::{Error, Result};

/// Records a training for TensorBoard, in the folders `train` and `validation` of its folder.
///
/// Numbers are recorded under Keras's names (`epoch_loss`, `batch_loss`,
/// `evaluation_loss_vs_iterations`), the model as a graph of layers, and on wish histograms and
/// pictures of the weights and the vectors of embeddings for the projector.
/// A training that goes on from a checkpoint declares what came after the checkpoint void.
///
/// Source: <https://keras.io/api/callbacks/tensorboard/>.
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    histogram_freq: usize,
    write_graph: bool,
    write_images: bool,
    write_steps_per_second: bool,
    update_freq: Option<usize>,
    profile_batch: Option<(i64, i64)>,
    profiled: Vec<Span>,
    profile_begun: Instant,
    /// When the step before ended, or the epoch began: from then on a step waits for its data.
    step_begun: Instant,
    embeddings_freq: usize,
    embeddings_metadata: Vec<(String, Vec<String>)>,
    train: Option<EventFile>,
    validation: Option<EventFile>,
    /// Where a training that goes on does so: epoch and step since the beginning.
    resumed: Option<(i64, i64)>,
    reached: (i64, i64),
    batch_begun: Instant,
    epoch_begun: Instant,
    epoch_iterations: u64,
    /// Whether a record failed, after which there are no more.
    lost: bool,
}

impl TensorBoard {
    /// Records into `folder`: numbers of each epoch, and the model's graph.
    pub fn new(folder: impl Into<PathBuf>) -> TensorBoard {
        TensorBoard {
            folder: folder.into(),
            histogram_freq: 0,
            write_graph: true,
            write_images: false,
            write_steps_per_second: false,
            update_freq: None,
            profile_batch: None,
            profiled: Vec::new(),
            profile_begun: Instant::now(),
            step_begun: Instant::now(),
            embeddings_freq: 0,
            embeddings_metadata: Vec::new(),
            train: None,
            validation: None,
            resumed: None,
            reached: (0, 0),
            batch_begun: Instant::now(),
            epoch_begun: Instant::now(),
            epoch_iterations: 0,
            lost: false,
        }
    }

    /// Records histograms of the weights every so many epochs; 0 for never.
    pub fn histogram_freq(mut self, epochs: usize) -> TensorBoard {
        self.histogram_freq = epochs;
        self
    }

    /// Whether the model is recorded as a graph.
    pub fn write_graph(mut self, write: bool) -> TensorBoard {
        self.write_graph = write;
        self
    }

    /// Whether weights are recorded as pictures where histograms are.
    pub fn write_images(mut self, write: bool) -> TensorBoard {
        self.write_images = write;
        self
    }

    /// Whether the speed is recorded, of each step and of each epoch.
    pub fn write_steps_per_second(mut self, write: bool) -> TensorBoard {
        self.write_steps_per_second = write;
        self
    }

    /// Records the running numbers every so many batches too.
    pub fn update_freq(mut self, batches: usize) -> TensorBoard {
        self.update_freq = Some(batches.max(1));
        self
    }

    /// Records how long the steps from the first to the last of these numbers take, counted from 1
    /// since the beginning, for the profiler: each with the wait for its data, and the computation.
    pub fn profile_batch(mut self, first: usize, last: usize) -> TensorBoard {
        self.profile_batch = Some((first as i64, last as i64));
        self
    }

    /// Records the vectors of embeddings every so many epochs; 0 for never.
    pub fn embeddings_freq(mut self, epochs: usize) -> TensorBoard {
        self.embeddings_freq = epochs;
        self
    }

    /// What each vector of an embedding layer stands for, such as its word.
    pub fn embeddings_metadata(
        mut self,
        layer: impl Into<String>,
        labels: impl IntoIterator<Item = impl Into<String>>,
    ) -> TensorBoard {
        let labels = labels.into_iter().map(Into::into).collect();
        self.embeddings_metadata.push((layer.into(), labels));
        self
    }

    fn iterations(event: &Event<'_>) -> Result<u64> {
        Ok(event.model.optimizer()?.iterations())
    }

    /// The file of the validation, made when there is something to record in it.
    fn validation(&mut self) -> Result<&mut EventFile> {
        if self.validation.is_none() {
            let mut file = EventFile::create(self.folder.join("validation"))?;
            if let Some((epoch, _)) = self.resumed {
                file.restart(epoch)?;
            }
            self.validation = Some(file);
        }
        // invariant: it was made above if it was not there.
        Ok(self.validation.as_mut().expect("made above"))
    }

    /// Adds a step to the profile, and writes the profile after its last one.
    fn profile(&mut self, step: i64) -> Result<()> {
        let Some((first, last)) = self.profile_batch else { return Ok(()) };
        if step == first {
            self.profile_begun = self.step_begun;
        }
        if !(first..=last).contains(&step) {
            return Ok(());
        }
        let (zero, end) = (self.profile_begun, Instant::now());
        let span = |name: &str, begin: Instant, step| Span {
            name: name.to_string(),
            begin: begin.saturating_duration_since(zero).as_nanos() as u64,
            duration: end.saturating_duration_since(begin).as_nanos() as u64,
            step,
        };
        self.profiled.push(span("train", self.step_begun, Some(step)));
        self.profiled.push(span("compute", self.batch_begun, None));
        if step == last {
            let (folder, name) = (self.folder.join("train"), format!("batch_{last}"));
            write_profile(folder, &name, "training", &std::mem::take(&mut self.profiled))?;
        }
        Ok(())
    }

    fn is_due(every: usize, epoch: usize) -> bool {
        every > 0 && epoch.is_multiple_of(every)
    }
}

/// The number of a step since the beginning of the training, counted from 1 as in Keras.
fn step_of(event: &Event<'_>) -> i64 {
    (event.epoch * event.plan.steps + event.batch + 1) as i64
}

impl Callback for TensorBoard {
    fn name(&self) -> &'static str {
        "TensorBoard"
    }

    fn moments(&self) -> &'static [Moment] {
        use Moment::{EpochBegin, EpochEnd, TestEnd, TrainBatchBegin, TrainBatchEnd};
        if self.lost {
            return &[];
        }
        &[
            Moment::TrainBegin,
            EpochBegin,
            TrainBatchBegin,
            TrainBatchEnd,
            TestEnd,
            EpochEnd,
            Moment::TrainEnd,
        ]
    }

    fn on_error(&mut self, error: Error) -> Result<()> {
        self.lost = true;
        (self.train, self.validation) = (None, None);
        warn_of_lost_record(self.name(), &error);
        Ok(())
    }

    fn wants_batches(&self) -> bool {
        if self.lost {
            return false;
        }
        let counts = self.update_freq.is_some() || self.write_steps_per_second;
        counts || self.profile_batch.is_some_and(|(_, last)| self.reached.1 < last)
    }

    fn on_train_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        projector::check(event.model, &self.embeddings_metadata)?;
        let mut file = EventFile::create(self.folder.join("train"))?;
        match self.resumed {
            Some((epoch, _)) => file.restart(epoch)?,
            None if self.write_graph => graph::write(&mut file, event.model)?,
            None => {}
        }
        file.flush()?;
        self.train = Some(file);
        Ok(())
    }

    fn on_epoch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        self.epoch_begun = Instant::now();
        self.step_begun = self.epoch_begun;
        self.epoch_iterations = TensorBoard::iterations(event)?;
        Ok(())
    }

    fn on_train_batch_begin(&mut self, _: &mut Event<'_>) -> Result<()> {
        self.batch_begun = Instant::now();
        Ok(())
    }

    fn on_train_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let step = step_of(event);
        self.reached = (event.epoch as i64, step);
        self.profile(step)?;
        self.step_begun = Instant::now();
        let Some(file) = &mut self.train else { return Ok(()) };
        let due = self.update_freq.is_some_and(|every| step % every as i64 == 0);
        if self.write_steps_per_second && (due || self.update_freq.is_none()) {
            let speed = 1.0 / self.batch_begun.elapsed().as_secs_f64();
            file.scalar(step, "batch_steps_per_second", speed as f32)?;
        }
        if due {
            for (name, value) in event.logs.iter() {
                file.scalar(step, &format!("batch_{name}"), value as f32)?;
            }
        }
        Ok(())
    }

    fn on_test_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let step = TensorBoard::iterations(event)? as i64;
        for (name, value) in event.logs.iter() {
            let tag = format!("evaluation_{name}_vs_iterations");
            self.validation()?.scalar(step, &tag, value as f32)?;
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let (epoch, step) = (event.epoch as i64, step_of(event));
        self.reached = (epoch + 1, step);
        let mut numbers: Vec<(String, f64)> = Vec::new();
        for (name, value) in event.logs.iter() {
            match name.strip_prefix("val_") {
                Some(name) => {
                    let tag = format!("epoch_{name}");
                    self.validation()?.scalar(epoch, &tag, value as f32)?;
                }
                None => numbers.push((name.to_string(), value)),
            }
        }
        if !numbers.iter().any(|(name, _)| name == "learning_rate") {
            let rate = event.model.optimizer()?.learning_rate();
            numbers.push(("learning_rate".to_string(), rate));
        }
        if self.write_steps_per_second {
            let steps = TensorBoard::iterations(event)?.saturating_sub(self.epoch_iterations);
            let speed = steps as f64 / self.epoch_begun.elapsed().as_secs_f64();
            numbers.push(("steps_per_second".to_string(), speed));
        }
        if let Some(file) = &mut self.train {
            for (name, value) in numbers {
                file.scalar(epoch, &format!("epoch_{name}"), value as f32)?;
            }
            if TensorBoard::is_due(self.histogram_freq, event.epoch) {
                weights::write(file, event.model, epoch, self.write_images)?;
            }
            file.flush()?;
        }
        if let Some(file) = &mut self.validation {
            file.flush()?;
        }
        if TensorBoard::is_due(self.embeddings_freq, event.epoch) {
            projector::write(&self.folder.join("train"), event.model, &self.embeddings_metadata)?;
        }
        Ok(())
    }

    fn on_train_end(&mut self, _: &mut Event<'_>) -> Result<()> {
        for file in [&mut self.train, &mut self.validation] {
            if let Some(mut file) = file.take() {
                file.flush()?;
            }
        }
        Ok(())
    }

    fn state(&self) -> Value {
        json!([self.reached.0, self.reached.1])
    }

    fn restore(&mut self, state: &Value, _: Vec<Array>) {
        let reached = |index: usize| state[index].as_i64().unwrap_or(0);
        self.reached = (reached(0), reached(1));
        self.resumed = Some(self.reached);
    }
}
