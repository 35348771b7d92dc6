//! `CenterCrop`: the middle of images.

use ibex_graph::Tensor;
use ibex_graph::ops::image::{Aspect, Interpolation, Resize, resize};

use super::options::DataFormat;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{Build, layer, layer_facts};

layer! {
    /// The middle of images; images that are too small are enlarged first.
    ///
    /// Input `(batch, height, width, channels)`, output the same with the new height and width;
    /// integers become floats.
    /// Source:
    /// <https://keras.io/api/layers/preprocessing_layers/image_preprocessing/center_crop/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{CenterCrop, Input};
    ///
    /// let y = CenterCrop::new(20, 20).call(&Input::new([32, 24, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 20, 20, 3)");
    /// ```
    CenterCrop {
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The height of the result.
        height: is usize = 1,
        /// The width of the result.
        width: is usize = 1,
    }
}

impl CenterCrop {
    /// The middle of this height and width.
    #[track_caller]
    pub fn new(height: usize, width: usize) -> CenterCrop {
        CenterCrop { height, width, ..CenterCrop::default() }
    }
}

impl Layer for CenterCrop {
    layer_facts!(CenterCrop);

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        match inputs[0].shape.rank() {
            3 | 4 => Ok(()),
            _ => Err(ConfigError::new("the inputs are no images")
                .expected("(batch, height, width, channels)")
                .received(inputs[0].shape.to_string())),
        }
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = inputs[0].cast(self.base.dtype.compute());
        let axes: [isize; 2] = match self.data_format {
            DataFormat::ChannelsLast => [-3, -2],
            DataFormat::ChannelsFirst => [-2, -1],
        };
        let size = [self.height, self.width];
        let fits = axes.iter().zip(size).all(|(&axis, extent)| x.dim(axis) >= extent);
        if !fits {
            let interpolation = Interpolation::Bilinear;
            let options = Resize { interpolation, antialias: false, aspect: Aspect::Crop };
            return vec![resize(&x, size, options, self.data_format.image_channels())];
        }
        let mut cropped = x;
        for (axis, extent) in axes.into_iter().zip(size) {
            let start = ((cropped.dim(axis) - extent) / 2) as isize;
            cropped = cropped.slice_axis(axis, start..start + extent as isize);
        }
        vec![cropped]
    }
}
