//! `Resizing`: images in another size.

use ibex_graph::Tensor;
use ibex_graph::ops::image::{Aspect, Interpolation, Resize, resize};

use super::options::DataFormat;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Images in another size.
    ///
    /// Input `(batch, height, width, channels)`, output of the same type with the new height and
    /// width; integers are rounded.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_preprocessing/resizing/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Resizing};
    ///
    /// let y = Resizing::new(32, 24).call(&Input::new([None, None, Some(3)]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 32, 24, 3)");
    /// ```
    Resizing {
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The new height.
        height: is usize = 1,
        /// The new width.
        width: is usize = 1,
        /// How values between pixels are found; bilinear by default.
        interpolation: is Interpolation = Interpolation::Bilinear,
        /// Whether images of another ratio are cut to it instead of stretched.
        crop_to_aspect_ratio: is bool = false,
        /// Whether images of another ratio get borders instead of being stretched.
        pad_to_aspect_ratio: is bool = false,
        /// What borders are made of; only `constant` is possible.
        fill_mode: into String = "constant".to_string(),
        /// The value of borders; 0 by default.
        fill_value: is f64 = 0.0,
        /// Whether images that become smaller are smoothed first.
        antialias: is bool = false,
    }
}

impl Resizing {
    /// Images of this height and width.
    #[track_caller]
    pub fn new(height: usize, width: usize) -> Resizing {
        Resizing { height, width, ..Resizing::default() }
    }
}

impl Layer for Resizing {
    layer_facts!(Resizing);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        if self.fill_mode != "constant" {
            found.push(
                ConfigError::new("borders can only be of one value")
                    .expected("fill_mode = constant")
                    .received(format!("fill_mode = {}", self.fill_mode)),
            );
        }
        if self.crop_to_aspect_ratio && self.pad_to_aspect_ratio {
            found.push(
                ConfigError::new("images are cut or get borders, not both")
                    .expected("one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio`")
                    .received("both"),
            );
        }
        found
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let aspect = match (self.crop_to_aspect_ratio, self.pad_to_aspect_ratio) {
            (true, _) => Aspect::Crop,
            (_, true) => Aspect::Pad(self.fill_value),
            _ => Aspect::Stretch,
        };
        let options =
            Resize { interpolation: self.interpolation, antialias: self.antialias, aspect };
        let size = [self.height, self.width];
        vec![resize(&inputs[0], size, options, self.data_format.image_channels())]
    }
}
