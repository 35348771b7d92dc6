//! `ActivityRegularization`: a penalty on what passes through.

use ibex_graph::Tensor;

use crate::layer::Layer;
use crate::object::ConfigError;
use crate::regularizers::{L1L2, Regularize};
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The input, unchanged; `l1 · sum(|x|) + l2 · sum(x²)`, divided by the batch size, is added to
    /// the loss.
    ///
    /// Source: <https://keras.io/api/layers/regularization_layers/activity_regularization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{ActivityRegularization, Input};
    ///
    /// let y = ActivityRegularization::new(0.0, 0.01).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    ActivityRegularization {
        /// The factor of the sum of absolute values; 0 by default.
        l1: is f64 = 0.0,
        /// The factor of the sum of squares; 0 by default.
        l2: is f64 = 0.0,
    }
}

impl ActivityRegularization {
    /// A penalty with these factors.
    #[track_caller]
    pub fn new(l1: f64, l2: f64) -> ActivityRegularization {
        ActivityRegularization { l1, l2, ..ActivityRegularization::default() }
    }
}

impl Layer for ActivityRegularization {
    layer_facts!(ActivityRegularization);

    fn check(&self) -> Vec<ConfigError> {
        L1L2::new(self.l1, self.l2).check().err().into_iter().collect()
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let penalty = L1L2::new(self.l1, self.l2).penalty(&inputs[0]);
        let batch = inputs[0].shape().first().map_or(1, |&batch| batch.max(1));
        call.trace().add_loss(penalty / batch as f64);
        vec![inputs[0].clone()]
    }

    /// The penalty is divided by the size of the batch.
    fn mixes_samples(&self) -> bool {
        true
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
