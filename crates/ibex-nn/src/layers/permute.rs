//! `Permute`: the axes of a sample in another order.

use ibex_graph::Tensor;

use super::options::expect_rank;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The axes of a sample in another order.
    ///
    /// Input `(batch, …)`, output `(batch, …)`: its axis `i` is the input's axis `dims[i - 1]`.
    /// Source: <https://keras.io/api/layers/reshaping_layers/permute/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Permute};
    ///
    /// let y = Permute::new([2, 1]).call(&Input::new([10, 64]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 64, 10)");
    /// ```
    Permute {
        /// The axes of a sample, counted from 1, in their new order.
        dims: into Vec<usize> = Vec::new(),
    }
}

impl Permute {
    /// The axes in this order; the first of a sample is 1.
    #[track_caller]
    pub fn new(dims: impl Into<Vec<usize>>) -> Permute {
        Permute { dims: dims.into(), ..Permute::default() }
    }
}

impl Layer for Permute {
    layer_facts!(Permute);

    fn check(&self) -> Vec<ConfigError> {
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        let error = || {
            ConfigError::new("`dims` must name every axis of a sample once")
                .expected(format!("an order of 1 to {}", self.dims.len()))
                .received(format!("dims = {:?}", self.dims))
        };
        (!sorted.into_iter().eq(1..=self.dims.len())).then(error).into_iter().collect()
    }

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let axes =
            format!("{} axes, the batch included, for dims = {:?}", self.dims.len() + 1, self.dims);
        expect_rank(&inputs[0].shape, self.dims.len() + 1, &axes)
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let axes: Vec<usize> = [0].iter().chain(&self.dims).copied().collect();
        vec![inputs[0].transpose(&axes)]
    }
}
