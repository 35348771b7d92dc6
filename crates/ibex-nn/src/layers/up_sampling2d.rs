//! `UpSampling2D`: images enlarged.

use ibex_graph::Tensor;
use ibex_graph::ops::image::{Channels, Interpolation, resize};

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
    /// Enlarges images: each pixel becomes a block of `size`, or pixels are interpolated.
    ///
    /// Input `(batch, height, width, channels)`, output
    /// `(batch, height · size[0], width · size[1], channels)`.
    /// Source: <https://keras.io/api/layers/reshaping_layers/up_sampling2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, UpSampling2D};
    ///
    /// let y = UpSampling2D::new([2, 3]).call(&Input::new([4, 6, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 18, 3)");
    /// ```
    UpSampling2D {
        /// The factor along each spatial axis; 2 by default.
        size: into Extents<2> = Extents::from(2),
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// How new pixels follow from the old ones; each repeated by default.
        interpolation: is Interpolation = Interpolation::Nearest,
    }
}

impl UpSampling2D {
    /// Enlarges by this factor, or one for each axis.
    #[track_caller]
    pub fn new(size: impl Into<Extents<2>>) -> UpSampling2D {
        UpSampling2D { size: size.into(), ..UpSampling2D::default() }
    }
}

impl Layer for UpSampling2D {
    layer_facts!(UpSampling2D);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("size", &self.size.0, &mut found);
        found
    }

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        expect_spatial(&inputs[0].shape, 2, self.data_format)
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        if self.interpolation == Interpolation::Nearest {
            return vec![repeated(x, self.data_format, &self.size.0)];
        }
        let axes = self.data_format.spatial_axes(x.rank());
        let size = [0, 1].map(|i| x.shape()[axes[i]].saturating_mul(self.size.0[i]));
        let channels = match self.data_format {
            DataFormat::ChannelsLast => Channels::Last,
            DataFormat::ChannelsFirst => Channels::First,
        };
        vec![resize(x, size, self.interpolation, channels)]
    }
}
