//! The callback that writes a run down while it goes on, and heeds what is asked of it.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::run::{Run, Sample};
use super::{Board, FILE, Request};
use crate::callbacks::{Callback, Event, Moment};
use crate::data::{Arrays, Samples};
use crate::error::Result;
use crate::model::Model;
use crate::pictures::{PlotModel, confusion_svg, judge, sample_tiles};
use crate::plot::{base64, colour_png};
use crate::progress::say;

/// How often a training is looked at while it takes steps.
const INTERVAL: Duration = Duration::from_millis(250);
/// How many samples are shown, and how many are judged for the matrix of confusion.
const SHOWN: usize = 24;
const JUDGED: usize = 512;

/// Writes down what there is to see of a run: on a [`Board`], and in a folder if it has one.
///
/// A folder or a model that cannot be written does not end the training; it is said once.
#[derive(Debug)]
pub struct RunRecorder {
    board: Board,
    folder: Option<PathBuf>,
    preview: Option<Samples>,
    labels: Vec<String>,
    run: Run,
    looked: Instant,
    /// When an epoch was shown last.
    shown: Option<Instant>,
    begun: Instant,
    warned: bool,
}

impl RunRecorder {
    /// Writes to a board.
    pub fn new(board: Board) -> RunRecorder {
        RunRecorder {
            board,
            folder: None,
            preview: None,
            labels: Vec::new(),
            run: Run::default(),
            looked: Instant::now(),
            shown: None,
            begun: Instant::now(),
            warned: false,
        }
    }

    /// Writes into a folder too, where `ibex board` and `ibex report` find the run.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> RunRecorder {
        self.folder = Some(folder.into());
        self
    }

    /// Shows what the model says about the first of these samples after each epoch.
    pub fn preview(mut self, samples: &Samples) -> RunRecorder {
        self.preview = Some(samples.rows(0, samples.count().min(JUDGED)));
        self
    }

    /// The names of the classes.
    pub fn labels(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> RunRecorder {
        self.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Shows the run as it is now.
    fn publish(&mut self) {
        self.run.updated = now();
        let text = serde_json::to_string(&self.run).unwrap_or_default();
        if let Some(folder) = &self.folder {
            let written = std::fs::create_dir_all(folder).map_err(|e| e.to_string());
            let written = written.and_then(|()| {
                crate::write_text(folder.join(FILE), &text).map_err(|e| e.to_string())
            });
            if let Err(error) = written {
                self.warn(&format!("the run cannot be recorded: {error}"));
            }
        }
        self.board.show(text);
    }

    fn warn(&mut self, text: &str) {
        if !std::mem::replace(&mut self.warned, true) {
            say(format_args!("warning: {text}\n"));
        }
    }

    /// Does what was asked.
    fn heed(&mut self, event: &mut Event<'_>) {
        if let Some(folder) = &self.folder {
            self.board.heed(folder);
        }
        if self.board.take(Request::Stop) {
            *event.stop = true;
        }
        if self.board.take(Request::Save) {
            let folder = self.folder.clone().unwrap_or_default();
            let path = folder.join(format!("{}-saved.keras", event.model.name()));
            match event.model.save(&path) {
                Ok(()) => self.run.saved = path.display().to_string(),
                Err(error) => {
                    self.run.saved = format!("failed: {error}");
                    self.warn(&format!("the model cannot be saved: {error}"));
                }
            }
        }
    }

    /// Looks at samples with the model as it is.
    fn look(&mut self, model: &mut Model) {
        // A look must not change what stateful layers carry on.
        let Some(samples) = self.preview.as_ref().filter(|_| !model.carries_states) else { return };
        let label =
            |class: usize| self.labels.get(class).cloned().unwrap_or_else(|| class.to_string());
        let tiles = samples.x.first().and_then(|x| sample_tiles(x, SHOWN)).unwrap_or_default();
        let image = |index: usize| {
            let png = tiles.get(index).and_then(|tile| colour_png(tile.size, &tile.pixels).ok());
            png.map_or(String::new(), |png| format!("data:image/png;base64,{}", base64(&png)))
        };
        let count = samples.count().min(SHOWN);
        if let Ok(judged) = judge(model, samples, 64) {
            let sample = |index: usize| Sample {
                image: image(index),
                truth: label(judged.truth[index]),
                predicted: label(judged.predicted[index]),
                right: Some(judged.truth[index] == judged.predicted[index]),
            };
            self.run.samples = (0..count).map(sample).collect();
            self.run.confusion = confusion_svg(&judged.confusion(), &self.labels);
            return;
        }
        let first = samples.rows(0, count);
        let Ok(outputs) = model.predict_all(Arrays(first.x.clone()), 64) else { return };
        let (Some(output), Some(truth)) = (outputs.first(), first.y.first()) else { return };
        let (output, truth) = (output.to_f64_vec(), truth.to_f64_vec());
        let sample = |index: usize| Sample {
            image: image(index),
            truth: numbers(&truth, index, count),
            predicted: numbers(&output, index, count),
            right: None,
        };
        self.run.samples = (0..count).map(sample).collect();
    }
}

/// The first numbers of a row as text.
fn numbers(values: &[f64], row: usize, rows: usize) -> String {
    let width = values.len() / rows.max(1);
    let row = &values[row * width..(row + 1) * width];
    let mut texts: Vec<String> = row.iter().take(4).map(|value| format!("{value:.4}")).collect();
    if row.len() > 4 {
        texts.push("…".to_string());
    }
    texts.join(", ")
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl Callback for RunRecorder {
    fn name(&self) -> &'static str {
        "RunRecorder"
    }

    fn moments(&self) -> &'static [Moment] {
        use Moment::{EpochBegin, EpochEnd, TestBatchEnd, TrainBatchEnd, TrainBegin, TrainEnd};
        &[TrainBegin, EpochBegin, TrainBatchEnd, TestBatchEnd, EpochEnd, TrainEnd]
    }

    fn order(&self) -> i32 {
        95
    }

    fn wants_batches(&self) -> bool {
        self.looked.elapsed() >= INTERVAL || self.board.has_requests()
    }

    fn on_train_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let plan = event.plan;
        self.run.model = event.model.name();
        self.run.summary = event.model.summary();
        self.run.graph = PlotModel::new().show_shapes(true).to_svg(event.model);
        self.run.epochs = plan.epochs;
        self.run.steps = plan.steps;
        self.run.batch_size = plan.batch_size;
        self.run.state = "running".to_string();
        self.run.started = now();
        self.run.set_history(event.history);
        self.publish();
        Ok(())
    }

    fn on_epoch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        self.begun = Instant::now();
        (self.run.epoch, self.run.step) = (event.epoch, 0);
        Ok(())
    }

    fn on_train_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        self.looked = Instant::now();
        (self.run.epoch, self.run.step) = (event.epoch, event.batch + 1);
        self.run.add_batch(event.epoch * event.plan.steps + event.batch + 1, event.logs);
        self.heed(event);
        self.publish();
        Ok(())
    }

    fn on_test_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        self.looked = Instant::now();
        self.heed(event);
        Ok(())
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        self.run.step = event.plan.steps;
        self.run.add_epoch(event.epoch, event.logs, self.begun.elapsed().as_secs_f64());
        // Epochs of milliseconds must not spend seconds on being looked at.
        if self.shown.is_none_or(|last| last.elapsed() >= INTERVAL) {
            self.look(event.model);
            self.heed(event);
            self.publish();
            self.shown = Some(Instant::now());
        }
        Ok(())
    }

    fn on_train_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        // Callbacks may have brought back other weights, and averages may have taken their place.
        self.look(event.model);
        self.run.state = "ended".to_string();
        self.publish();
        Ok(())
    }
}
