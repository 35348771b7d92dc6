//! The moments at which callbacks are called, in one table.
//!
//! It must not know what any callback does.

use super::{Callback, Event};
use crate::error::Result;

macro_rules! moments {
    ($($(#[$doc:meta])* $moment:ident $method:ident;)*) => {
        /// A moment of a training, an evaluation or a prediction; each has a method of
        /// [`Callback`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Moment {
            $($(#[$doc])* $moment,)*
        }

        impl Moment {
            /// Every moment, those of a training in the order in which they come.
            pub const ALL: &'static [Moment] = &[$(Moment::$moment,)*];

            /// The name of the method, as in Keras.
            pub fn name(self) -> &'static str {
                match self { $(Moment::$moment => stringify!($method),)* }
            }

            /// Calls the method of this moment.
            fn send(
                self,
                callback: &mut dyn Callback,
                event: &mut Event<'_>,
            ) -> Result<()> {
                match self { $(Moment::$moment => callback.$method(event),)* }
            }
        }
    };
}

moments! {
    /// Before the first epoch.
    TrainBegin on_train_begin;
    /// Before an epoch.
    EpochBegin on_epoch_begin;
    /// Before a batch of training.
    TrainBatchBegin on_train_batch_begin;
    /// After a batch of training.
    TrainBatchEnd on_train_batch_end;
    /// Before the validation of an epoch.
    TestBegin on_test_begin;
    /// Before a batch of validation.
    TestBatchBegin on_test_batch_begin;
    /// After a batch of validation.
    TestBatchEnd on_test_batch_end;
    /// After the validation of an epoch.
    TestEnd on_test_end;
    /// After an epoch and its validation.
    EpochEnd on_epoch_end;
    /// After the last epoch.
    TrainEnd on_train_end;
    /// Before the first batch of a prediction.
    PredictBegin on_predict_begin;
    /// Before a batch of a prediction.
    PredictBatchBegin on_predict_batch_begin;
    /// After a batch of a prediction.
    PredictBatchEnd on_predict_batch_end;
    /// After the last batch of a prediction.
    PredictEnd on_predict_end;
}

impl Moment {
    /// Whether it comes with every batch, so that it is sent only to those who want it.
    pub(crate) fn is_batch(self) -> bool {
        use Moment::{PredictBatchBegin, PredictBatchEnd};
        use Moment::{TestBatchBegin, TestBatchEnd, TrainBatchBegin, TrainBatchEnd};
        let learns = matches!(self, TrainBatchBegin | TrainBatchEnd);
        let predicts = matches!(self, PredictBatchBegin | PredictBatchEnd);
        learns || predicts || matches!(self, TestBatchBegin | TestBatchEnd)
    }

    /// Calls those who want this moment, one after the other.
    pub(crate) fn send_all(
        self,
        callbacks: &mut [Box<dyn Callback>],
        event: &mut Event<'_>,
    ) -> Result<()> {
        for callback in callbacks {
            let unwanted = self.is_batch() && !callback.wants_batches();
            if !unwanted && callback.moments().contains(&self) {
                match self.send(callback.as_mut(), event) {
                    // A record that cannot even be begun is a mistake of who asks for it.
                    Err(error) if self != Moment::TrainBegin => callback.on_error(error)?,
                    other => other?,
                }
            }
        }
        Ok(())
    }
}

/// The loop as text, with the callbacks of each moment in the order in which they are called.
pub(crate) fn show_loop(callbacks: &[Box<dyn Callback>]) -> String {
    let mut text = String::from("fit\n");
    let mut moments = Moment::ALL.iter();
    let mut line = |depth: usize, what: &str, whom: &str| {
        let indented = format!("{}{what}", "  ".repeat(depth));
        text.push_str(format!("{indented:<32}{whom}").trim_end());
        text.push('\n');
    };
    let mut moment = |line: &mut dyn FnMut(usize, &str, &str), depth: usize| {
        let Some(&moment) = moments.next() else { return };
        let called = callbacks.iter().filter(|c| c.moments().contains(&moment));
        line(depth, moment.name(), &called.map(|c| c.name()).collect::<Vec<_>>().join(", "));
    };
    moment(&mut line, 1);
    line(1, "for each epoch", "");
    moment(&mut line, 2);
    line(2, "for each batch", "");
    moment(&mut line, 3);
    line(3, "step", "forward, loss, gradients, optimizer and metrics, as one program");
    moment(&mut line, 3);
    line(2, "validation, if there is data for it", "");
    moment(&mut line, 3);
    line(3, "for each batch", "");
    moment(&mut line, 4);
    line(4, "step", "forward, loss and metrics, as one program");
    moment(&mut line, 4);
    moment(&mut line, 3);
    moment(&mut line, 2);
    line(2, "checkpoint, if there is a folder for it", "");
    moment(&mut line, 1);
    text
}
