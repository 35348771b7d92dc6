//! `UpSampling3D`: volumes enlarged.

use ibex_graph::Tensor;

use super::options::{DataFormat, Extents, check_positive};
use super::pooling::expect_spatial;
use super::up_sampling::repeated;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Enlarges volumes: each voxel becomes a block of `size`.
    ///
    /// Input `(batch, depth, height, width, channels)`, output
    /// `(batch, depth · size[0], height · size[1], width · size[2], channels)`.
    /// Source: <https://keras.io/api/layers/reshaping_layers/up_sampling3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, UpSampling3D};
    ///
    /// let y = UpSampling3D::new(2).call(&Input::new([2, 3, 4, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 4, 6, 8, 3)");
    /// ```
    UpSampling3D {
        /// The factor along each spatial axis; 2 by default.
        size: into Extents<3> = Extents::from(2),
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
    }
}

impl UpSampling3D {
    /// Enlarges by this factor, or one for each axis.
    #[track_caller]
    pub fn new(size: impl Into<Extents<3>>) -> UpSampling3D {
        UpSampling3D { size: size.into(), ..UpSampling3D::default() }
    }
}

impl Layer for UpSampling3D {
    layer_facts!(UpSampling3D);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("size", &self.size.0, &mut found);
        found
    }

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        expect_spatial(&inputs[0].shape, 3, self.data_format)
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![repeated(&inputs[0], self.data_format, &self.size.0)]
    }
}
