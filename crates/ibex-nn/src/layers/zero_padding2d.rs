//! `ZeroPadding2D`: zeros around images.

use ibex_graph::Tensor;
use serde::{Deserialize, Deserializer, Serialize};

use super::options::DataFormat;
use super::pooling::expect_spatial;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Zeros around images.
    ///
    /// Input `(batch, height, width, channels)`, output with the rows and columns added.
    /// Source: <https://keras.io/api/layers/reshaping_layers/zero_padding2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, ZeroPadding2D};
    ///
    /// let y = ZeroPadding2D::new([[1, 1], [2, 0]]).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 10, 10, 3)");
    /// ```
    ZeroPadding2D {
        /// Rows before and after, columns before and after; 1 everywhere by default.
        padding: into Borders = Borders([[1, 1], [1, 1]]),
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
    }
}

impl ZeroPadding2D {
    /// This many zeros: one number, rows and columns, or each side by itself.
    #[track_caller]
    pub fn new(padding: impl Into<Borders>) -> ZeroPadding2D {
        ZeroPadding2D { padding: padding.into(), ..ZeroPadding2D::default() }
    }
}

impl Layer for ZeroPadding2D {
    layer_facts!(ZeroPadding2D);

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        expect_spatial(&inputs[0].shape, 2, self.data_format)
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let mut widths = vec![(0, 0); inputs[0].rank()];
        let axes = self.data_format.spatial_axes(inputs[0].rank());
        for (axis, [low, high]) in axes.into_iter().zip(self.padding.0) {
            widths[axis] = (low, high);
        }
        vec![inputs[0].pad(&widths, 0.0)]
    }

}

/// Zeros before and after the rows, before and after the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Borders(pub [[usize; 2]; 2]);

impl From<usize> for Borders {
    fn from(width: usize) -> Borders {
        Borders([[width; 2]; 2])
    }
}

impl From<[usize; 2]> for Borders {
    fn from([rows, columns]: [usize; 2]) -> Borders {
        Borders([[rows; 2], [columns; 2]])
    }
}

impl From<[[usize; 2]; 2]> for Borders {
    fn from(borders: [[usize; 2]; 2]) -> Borders {
        Borders(borders)
    }
}

impl<'de> Deserialize<'de> for Borders {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Borders, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            One(usize),
            Two([usize; 2]),
            Four([[usize; 2]; 2]),
        }
        Ok(match Form::deserialize(from)? {
            Form::One(width) => width.into(),
            Form::Two(widths) => widths.into(),
            Form::Four(borders) => borders.into(),
        })
    }
}
