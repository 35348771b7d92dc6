//! Where the training loop takes its batches from: arrays, or a [`Dataset`].
//!
//! Batches of arrays are gathered into buffers that are made once, or lie where the arrays are if
//! they are taken in order; those of a dataset are made on another thread while the step before
//! runs.
//! It must not know callbacks or logs.

use ibex_nn::ConfigError;

use crate::data::workers::ahead;
use crate::data::{BatchBuffers, Dataset, Pass, Samples, Stream, epoch_order};
use crate::error::{Error, Result};
use crate::fit::class_weights;
use crate::model::Model;
use crate::step::Mode;

/// Batches that wait while a step runs.
const AHEAD: usize = 2;

/// What an epoch takes its batches from.
pub(crate) enum Feed<'a> {
    /// Arrays, prepared for the model.
    Arrays(Samples),
    /// A dataset of batches.
    Dataset(Streamed<'a>),
}

/// A dataset that is being passed over.
pub(crate) struct Streamed<'a> {
    data: &'a dyn Dataset<Item = Samples>,
    /// Batches in an epoch, where that is not a whole pass.
    steps: Option<usize>,
    class_weight: Vec<(i64, f64)>,
    /// The stream that goes on over the ends of epochs, with the batches taken and the next pass.
    going: Option<(Stream<Samples>, usize, u64)>,
}

impl<'a> Feed<'a> {
    /// The batches of a dataset, `steps` of them in each epoch or all.
    pub(crate) fn of(data: &'a dyn Dataset<Item = Samples>, steps: Option<usize>) -> Feed<'a> {
        Feed::Dataset(Streamed { data, steps, class_weight: Vec::new(), going: None })
    }

    /// Weighs the samples of a dataset by their classes.
    pub(crate) fn weighted(mut self, class_weight: Vec<(i64, f64)>) -> Feed<'a> {
        if let Feed::Dataset(streamed) = &mut self {
            streamed.class_weight = class_weight;
        }
        self
    }

    /// The number of batches in an epoch; 0 if it is not known.
    pub(crate) fn steps(&self, batch_size: usize) -> usize {
        match self {
            Feed::Arrays(samples) => samples.count().div_ceil(batch_size),
            Feed::Dataset(streamed) => streamed.steps.or(streamed.data.count()).unwrap_or(0),
        }
    }

    /// The number of samples, or of a dataset's batches.
    pub(crate) fn samples(&self) -> usize {
        match self {
            Feed::Arrays(samples) => samples.count(),
            Feed::Dataset(_) => self.steps(1),
        }
    }

    /// The arrays, if there are such.
    pub(crate) fn arrays(&self) -> Option<&Samples> {
        match self {
            Feed::Arrays(samples) => Some(samples),
            Feed::Dataset(_) => None,
        }
    }

    /// The batches of an epoch for steps of `mode`.
    pub(crate) fn begin(&mut self, mode: Mode, order: Order) -> Batches<'_, 'a> {
        let from = match self {
            Feed::Arrays(samples) => {
                if !order.shuffle {
                    samples.share();
                }
                let shuffle = order.shuffle.then_some((order.seed, order.epoch));
                let order = epoch_order(samples.count(), shuffle);
                From::Arrays { samples, order, buffers: BatchBuffers::default(), begun: 0 }
            }
            Feed::Dataset(streamed) => {
                streamed.open(order);
                From::Dataset { streamed, batch: Samples::default(), order }
            }
        };
        Batches { from, mode, size: order.batch_size, taken: 0, program: 0 }
    }
}

/// What the order of an epoch follows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) seed: u64,
    pub(crate) epoch: usize,
    pub(crate) shuffle: bool,
    pub(crate) batch_size: usize,
}

impl Streamed<'_> {
    fn pass(&self, seed: u64, epoch: u64) -> Stream<Samples> {
        ahead(self.data.pass(Pass { seed, epoch }), AHEAD)
    }

    /// Makes the stream stand before the first batch of an epoch.
    fn open(&mut self, order: Order) {
        let first = self.steps.map_or(0, |steps| steps * order.epoch);
        if let (Some(_), Some((_, taken, _))) = (self.steps, &self.going)
            && *taken == first
        {
            return;
        }
        // Steps go on over the ends of passes: so they do for an epoch that is not the first.
        let pass = if self.steps.is_some() { 0 } else { order.epoch as u64 };
        self.going = Some((self.pass(order.seed, pass), 0, pass + 1));
        for _ in 0..first {
            if !matches!(self.next(order.seed), Some(Ok(_))) {
                break;
            }
        }
    }

    fn next(&mut self, seed: u64) -> Option<Result<Samples>> {
        let (stream, taken, next_pass) = self.going.as_mut()?;
        if let Some(batch) = stream.next() {
            *taken += 1;
            return Some(batch);
        }
        let (taken, pass) = (*taken, *next_pass);
        // A pass without a batch would be followed by others without end.
        if self.steps.is_none() || taken == 0 {
            return None;
        }
        let mut stream = self.pass(seed, pass);
        let batch = stream.next();
        self.going = Some((stream, taken + usize::from(batch.is_some()), pass + 1));
        batch
    }
}

/// The batches of one epoch, one after the other.
pub(crate) struct Batches<'f, 'a> {
    from: From<'f, 'a>,
    mode: Mode,
    size: usize,
    taken: usize,
    program: usize,
}

enum From<'f, 'a> {
    Arrays { samples: &'f Samples, order: Vec<u32>, buffers: BatchBuffers, begun: usize },
    Dataset { streamed: &'f mut Streamed<'a>, batch: Samples, order: Order },
}

impl Batches<'_, '_> {
    /// Goes on to the next batch, and makes its program if need be; `false` at the end.
    pub(crate) fn advance(&mut self, model: &mut Model) -> Result<bool> {
        match &mut self.from {
            From::Arrays { samples, order, buffers, begun } => {
                *begun = self.taken * self.size;
                let count = order.len().saturating_sub(*begun).min(self.size);
                if count == 0 {
                    return Ok(false);
                }
                if buffers.size() != count {
                    *buffers = BatchBuffers::new(samples, count);
                    self.program = model.program(self.mode, &buffers.types())?;
                }
            }
            From::Dataset { streamed, batch, order } => {
                if streamed.steps.is_some_and(|steps| self.taken >= steps) {
                    return Ok(false);
                }
                let Some(next) = streamed.next(order.seed) else {
                    return match self.taken {
                        0 => Err(no_batch()),
                        _ => Ok(false),
                    };
                };
                *batch = match self.mode {
                    Mode::Predict => model.prepare_inputs(next?)?,
                    Mode::Train | Mode::Evaluate => model.prepare_next(next?, self.taken)?,
                };
                if !streamed.class_weight.is_empty() {
                    batch.weights = vec![class_weights(batch, &streamed.class_weight)?];
                }
                self.program = model.program(self.mode, &batch.types())?;
            }
        }
        self.taken += 1;
        Ok(true)
    }

    /// Passes over the first batches, which were taken before a training was broken off.
    pub(crate) fn skip(&mut self, count: usize) -> Result<()> {
        if let From::Dataset { streamed, order, .. } = &mut self.from {
            for _ in 0..count {
                streamed.next(order.seed).transpose()?;
            }
        }
        self.taken += count;
        Ok(())
    }

    /// The number of samples in the batch.
    pub(crate) fn count(&self) -> usize {
        match &self.from {
            From::Arrays { buffers, .. } => buffers.size(),
            From::Dataset { batch, .. } => batch.count(),
        }
    }

    /// The position of the program that runs on the batch.
    pub(crate) fn program(&self) -> usize {
        self.program
    }

    /// Runs the step on the batch; the outputs go into `room` if there is any.
    pub(crate) fn run(&mut self, model: &mut Model, room: Option<&mut [&mut [u8]]>) -> Result<()> {
        match &mut self.from {
            From::Arrays { samples, order, buffers, begun } => {
                let chunk = &order[*begun..*begun + buffers.size()];
                buffers.gather(samples, chunk);
                model.run(self.program, buffers.arrays().iter(), room)
            }
            From::Dataset { batch, .. } => model.run(self.program, batch.arrays(), room),
        }
    }
}

fn no_batch() -> Error {
    Error::Data(
        ConfigError::new("the dataset gave no batch")
            .expected("at least one sample")
            .received("the end")
            .help("look for what was skipped or filtered out"),
    )
}
