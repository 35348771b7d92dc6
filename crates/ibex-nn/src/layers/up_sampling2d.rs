//! `UpSampling2D`: images enlarged.

use ibex_graph::Tensor;
use serde::{Deserialize, Serialize};

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
    /// Enlarges images: each pixel becomes a block of `size`.
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
        vec![repeated(&inputs[0], self.data_format, &self.size.0)]
    }
}

/// How the pixels of an enlarged image follow from those of the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Each pixel is repeated.
    #[default]
    Nearest,
}
