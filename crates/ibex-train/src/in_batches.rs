//! [`InBatches`]: how data is passed over that is not learned from, and who is told about it.
//!
//! It must not know what is computed.

use ibex_graph::Array;

use crate::callbacks::{Callback, Event, Moment, Plan};
use crate::error::Result;
use crate::feed::Feed;
use crate::history::{History, Logs};
use crate::model::Model;

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

/// The callbacks of an evaluation or a prediction, with what their events say.
pub(crate) struct Calls {
    callbacks: Vec<Box<dyn Callback>>,
    pub(crate) plan: Plan,
    history: History,
    pub(crate) stopped: bool,
}

impl Calls {
    pub(crate) fn new(way: InBatches, feed: &Feed<'_>) -> Calls {
        let InBatches { size, callbacks } = way;
        let steps = feed.steps(size);
        let plan = Plan { epochs: 1, steps, batch_size: size, verbose: 0, validates: false };
        Calls { callbacks, plan, history: History::default(), stopped: false }
    }

    pub(crate) fn wants_batches(&self) -> bool {
        self.callbacks.iter().any(|callback| callback.wants_batches())
    }

    pub(crate) fn wants_outputs(&self) -> bool {
        self.callbacks.iter().any(|callback| callback.wants_outputs())
    }

    pub(crate) fn send(
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
