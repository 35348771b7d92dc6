//! `TerminateOnNaN`: ends the training at the first loss that is no number.

use super::{Callback, Event};
use crate::error::Result;

/// Ends the training at the first batch whose running loss is NaN or infinite.
///
/// Source: <https://keras.io/api/callbacks/terminate_on_nan/>.
#[derive(Debug, Default)]
pub struct TerminateOnNaN {}

impl TerminateOnNaN {
    /// The callback.
    pub fn new() -> TerminateOnNaN {
        TerminateOnNaN::default()
    }
}

impl Callback for TerminateOnNaN {
    fn name(&self) -> &'static str {
        "TerminateOnNaN"
    }

    fn wants_batches(&self) -> bool {
        true
    }

    fn on_train_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        if event.logs.get("loss").is_some_and(|loss| !loss.is_finite()) {
            crate::progress::say(format_args!(
                "Batch {}: Invalid loss, terminating training\n",
                event.batch
            ));
            *event.stop = true;
        }
        Ok(())
    }
}
