//! `UpSampling1D`: each step of a sequence several times.

use ibex_graph::Tensor;

use super::options::{DataFormat, check_positive};
use super::pooling::expect_spatial;
use super::up_sampling::repeated;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Each step of a sequence `size` times in a row.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, steps · size, channels)`.
    /// Source: <https://keras.io/api/layers/reshaping_layers/up_sampling1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, UpSampling1D};
    ///
    /// let y = UpSampling1D::new(3).call(&Input::new([4, 2]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 12, 2)");
    /// ```
    UpSampling1D {
        /// How many times each step comes; 2 by default.
        size: is usize = 2,
    }
}

impl UpSampling1D {
    /// Each step this many times.
    #[track_caller]
    pub fn new(size: usize) -> UpSampling1D {
        UpSampling1D { size, ..UpSampling1D::default() }
    }
}

impl Layer for UpSampling1D {
    layer_facts!(UpSampling1D);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("size", &[self.size], &mut found);
        found
    }

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        expect_spatial(&inputs[0].shape, 1, DataFormat::ChannelsLast)
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![repeated(&inputs[0], DataFormat::ChannelsLast, &[self.size])]
    }
}
