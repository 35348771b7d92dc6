//! `StochasticDepth`: drops whole samples of a branch while training, as in ConvNeXt.

use ibex_graph::Tensor;

use super::layer_scale::CONVNEXT;
use super::noise::dropped;
use super::options::check_fraction;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Sets a fraction `drop_path_rate` of the samples to 0 while training and scales the others
    /// up: the residual branch before it is left out for these samples.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: Huang et al., "Deep networks with stochastic depth", 2016; the layer of
    /// `keras.applications.convnext`, <https://keras.io/api/applications/convnext/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, StochasticDepth};
    ///
    /// let y = StochasticDepth::new(0.1).call(&Input::new([8, 8, 16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 16)");
    /// ```
    StochasticDepth {
        /// The fraction of samples that are dropped.
        drop_path_rate: is f64 = 0.0,
    }
}

impl StochasticDepth {
    /// Drops this fraction of the samples.
    #[track_caller]
    pub fn new(drop_path_rate: f64) -> StochasticDepth {
        StochasticDepth { drop_path_rate, ..StochasticDepth::default() }
    }
}

impl Layer for StochasticDepth {
    layer_facts!(StochasticDepth);

    fn module(&self) -> Option<&'static str> {
        Some(CONVNEXT)
    }

    fn registered_name(&self) -> Option<&'static str> {
        Some(self.class_name())
    }

    fn signature(&self) -> &'static [&'static str] {
        &["x"]
    }

    fn check(&self) -> Vec<ConfigError> {
        check_fraction("drop_path_rate", self.drop_path_rate).into_iter().collect()
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        if !call.training() || self.drop_path_rate == 0.0 {
            return vec![x.clone()];
        }
        let mut shape = vec![1; x.rank()];
        shape[..1].copy_from_slice(&x.shape()[..1]);
        vec![dropped(call, x, self.drop_path_rate, None, shape)]
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
