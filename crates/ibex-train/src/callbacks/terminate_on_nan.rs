//! `TerminateOnNaN`: ends the training at the first loss that is no number.

use super::{Callback, Event, Moment};
use crate::error::{Error, Result};

/// Ends the training at the first batch whose running loss is NaN or infinite.
///
/// Source: <https://keras.io/api/callbacks/terminate_on_nan/>.
#[derive(Debug, Default)]
pub struct TerminateOnNaN {
    raise_error: bool,
}

impl TerminateOnNaN {
    /// The callback.
    pub fn new() -> TerminateOnNaN {
        TerminateOnNaN::default()
    }

    /// Fails instead of ending quietly, so that nothing after the training runs.
    pub fn raise_error(mut self) -> TerminateOnNaN {
        self.raise_error = true;
        self
    }
}

impl Callback for TerminateOnNaN {
    fn name(&self) -> &'static str {
        "TerminateOnNaN"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::TrainBatchEnd]
    }

    fn wants_batches(&self) -> bool {
        true
    }

    fn on_train_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        if let Some(loss) = event.logs.get("loss").filter(|loss| !loss.is_finite()) {
            if self.raise_error {
                let help = "use a smaller learning rate, `clipnorm`, or normalised inputs";
                let (epoch, help) = (event.epoch + 1, help.to_string());
                return Err(Error::Diverged { epoch, value: loss, help });
            }
            crate::progress::say(format_args!(
                "Batch {}: Invalid loss, terminating training\n",
                event.batch
            ));
            *event.stop = true;
        }
        Ok(())
    }
}
