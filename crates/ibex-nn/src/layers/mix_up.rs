//! `MixUp`: mixes each image with another one of the batch.

use ibex_graph::DType;
use ibex_graph::Tensor;

use super::augmentation::{Augmentation, Drawn, Draws, ImageSize, augmentation_layer, mixed};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Mixes each image with another one of the batch, by a random weight.
    ///
    /// In a model images alone are mixed: [`MixUp::mix_labels`] does the same to labels.
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: Zhang et al., "mixup: beyond empirical risk minimization", 2018.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/mix_up/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, MixUp};
    ///
    /// let y = MixUp::new(0.2).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    MixUp {
        /// The parameter of the beta distribution of the weights; 0.2 by default.
        alpha: is f64 = 0.2,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl MixUp {
    /// Weights from a beta distribution of this parameter.
    #[track_caller]
    pub fn new(alpha: f64) -> MixUp {
        MixUp { alpha, ..MixUp::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let wrong = || {
            ConfigError::new("`alpha` must be positive").received(format!("alpha = {}", self.alpha))
        };
        (self.alpha.is_nan() || self.alpha <= 0.0).then(wrong).into_iter().collect()
    }

    /// The labels of a batch `(N, …)`, mixed as its images were by `drawn`.
    pub fn mix_labels(&self, labels: &Tensor, drawn: &Drawn) -> Tensor {
        mixed(labels, &drawn.get("mix_weight"), &drawn.get("permutation_order"))
    }
}

impl Augmentation for MixUp {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let alpha = Tensor::scalar(DType::F32, self.alpha);
        let order = draws.permutation(size.count);
        let weight = draws.symmetric_beta(&[size.count], &alpha);
        Drawn::new().with("permutation_order", order).with("mix_weight", weight)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        mixed(images, &drawn.get("mix_weight"), &drawn.get("permutation_order"))
    }
}

augmentation_layer!(MixUp, random = true, |layer| serde_json::to_value(layer).unwrap_or_default());
