//! `LambdaCallback`: functions for the events one cares about.

use std::fmt;

use super::{Callback, Event};
use crate::error::Result;

/// A function of an event.
type Handler = Box<dyn FnMut(&mut Event<'_>) -> Result<()>>;

/// A callback made of functions, one for each event that matters.
///
/// Source: <https://keras.io/api/callbacks/lambda_callback/>.
#[derive(Default)]
pub struct LambdaCallback {
    train_begin: Option<Handler>,
    train_end: Option<Handler>,
    epoch_begin: Option<Handler>,
    epoch_end: Option<Handler>,
    batch_begin: Option<Handler>,
    batch_end: Option<Handler>,
    test_begin: Option<Handler>,
    test_batch_begin: Option<Handler>,
    test_batch_end: Option<Handler>,
    test_end: Option<Handler>,
    predict_begin: Option<Handler>,
    predict_batch_begin: Option<Handler>,
    predict_batch_end: Option<Handler>,
    predict_end: Option<Handler>,
}

macro_rules! handlers {
    ($($(#[$doc:meta])* $method:ident $field:ident;)*) => {
        impl LambdaCallback {
            $($(#[$doc])*
            pub fn $method(
                mut self,
                handler: impl FnMut(&mut Event<'_>) -> Result<()> + 'static,
            ) -> LambdaCallback {
                self.$field = Some(Box::new(handler));
                self
            })*
        }

        impl Callback for LambdaCallback {
            fn name(&self) -> &'static str {
                "LambdaCallback"
            }

            fn wants_batches(&self) -> bool {
                let of_batches = [
                    &self.batch_begin,
                    &self.batch_end,
                    &self.test_batch_begin,
                    &self.test_batch_end,
                    &self.predict_batch_begin,
                    &self.predict_batch_end,
                ];
                of_batches.into_iter().any(Option::is_some)
            }

            fn wants_outputs(&self) -> bool {
                self.predict_batch_end.is_some()
            }

            $(fn $method(&mut self, event: &mut Event<'_>) -> Result<()> {
                self.$field.as_mut().map_or(Ok(()), |handler| handler(event))
            })*
        }
    };
}

handlers! {
    /// Called before the first epoch.
    on_train_begin train_begin;
    /// Called after the last epoch.
    on_train_end train_end;
    /// Called before each epoch.
    on_epoch_begin epoch_begin;
    /// Called after each epoch.
    on_epoch_end epoch_end;
    /// Called before each batch.
    on_train_batch_begin batch_begin;
    /// Called after each batch.
    on_train_batch_end batch_end;
    /// Called before the validation of each epoch.
    on_test_begin test_begin;
    /// Called before each batch of validation.
    on_test_batch_begin test_batch_begin;
    /// Called after each batch of validation.
    on_test_batch_end test_batch_end;
    /// Called after the validation of each epoch.
    on_test_end test_end;
    /// Called before the first batch of a prediction.
    on_predict_begin predict_begin;
    /// Called before each batch of a prediction.
    on_predict_batch_begin predict_batch_begin;
    /// Called after each batch of a prediction.
    on_predict_batch_end predict_batch_end;
    /// Called after the last batch of a prediction.
    on_predict_end predict_end;
}

impl LambdaCallback {
    /// A callback without functions.
    pub fn new() -> LambdaCallback {
        LambdaCallback::default()
    }
}

impl fmt::Debug for LambdaCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LambdaCallback")
    }
}
