//! `SwapEMAWeights`: validates and saves with the moving averages of the weights.

use ibex_graph::Array;
use serde_json::{Value, json};

use super::{Callback, Event, Moment};
use crate::error::{Error, Result};

/// Puts the moving averages of the weights in the model for validation, and the weights back.
///
/// With [`SwapEMAWeights::swap_on_epoch`] they stay in the model at the end of an epoch, so that
/// callbacks after this one save them.
/// The optimizer must be made with `use_ema`.
///
/// Source: <https://keras.io/api/callbacks/swap_ema_weights/>.
#[derive(Debug, Default)]
pub struct SwapEMAWeights {
    swap_on_epoch: bool,
    in_model: bool,
}

impl SwapEMAWeights {
    /// Swaps for validation only.
    pub fn new() -> SwapEMAWeights {
        SwapEMAWeights::default()
    }

    /// Swaps at the end of each epoch, and back at the beginning of the next.
    pub fn swap_on_epoch(mut self) -> SwapEMAWeights {
        self.swap_on_epoch = true;
        self
    }

    fn swap(&mut self, event: &mut Event<'_>) -> Result<()> {
        if !event.model.optimizer()?.swap_ema() {
            return Err(Error::Callback {
                name: self.name().to_string(),
                reason: "the optimizer keeps no moving averages\n  help: make it with \
                         `use_ema(true)`"
                    .to_string(),
            });
        }
        self.in_model = !self.in_model;
        Ok(())
    }
}

impl Callback for SwapEMAWeights {
    fn name(&self) -> &'static str {
        "SwapEMAWeights"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::EpochBegin, Moment::TestBegin, Moment::TestEnd, Moment::EpochEnd]
    }

    fn on_epoch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        if self.swap_on_epoch && self.in_model { self.swap(event) } else { Ok(()) }
    }

    fn on_test_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        if self.in_model { Ok(()) } else { self.swap(event) }
    }

    fn on_test_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        if self.in_model { self.swap(event) } else { Ok(()) }
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        if !self.swap_on_epoch || self.in_model {
            return Ok(());
        }
        self.swap(event)?;
        // The end of the training puts the averages into the model; they must be these.
        if event.epoch + 1 == event.plan.epochs {
            event.model.optimizer()?.weights_to_ema();
        }
        Ok(())
    }

    fn state(&self) -> Value {
        json!(self.in_model)
    }

    fn restore(&mut self, state: &Value, _: Vec<Array>) {
        self.in_model = state.as_bool().unwrap_or(false);
    }
}
