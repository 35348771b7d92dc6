//! `CutMix`: replaces a rectangle of each image by that of another one of the batch.

use ibex_graph::DType;
use ibex_graph::Tensor;

use super::augmentation::{
    Augmentation, Drawn, Draws, Factor, ImageSize, augmentation_layer, config_with, mixed, written,
};
use super::augmentation_draws::rectangles;
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Replaces a random rectangle of each image by that of another one of the batch.
    ///
    /// In a model images alone are mixed: [`CutMix::mix_labels`] does the same to labels.
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: Yun et al., "CutMix: regularization strategy to train strong classifiers with
    /// localizable features", 2019.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/cut_mix/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, CutMix};
    ///
    /// let y = CutMix::new(1.0).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    CutMix {
        /// The range of the parameter of the beta distribution of the areas; a number is its upper
        /// end.
        factor: into Factor = Factor::One(1.0),
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl CutMix {
    /// Areas from a beta distribution of up to this parameter.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> CutMix {
        CutMix { factor: factor.into(), ..CutMix::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        self.factor.check_meets("factor", [0.0, 1.0]).into_iter().collect()
    }

    /// The labels of a batch `(N, …)`, mixed as its images were by `drawn`.
    pub fn mix_labels(&self, labels: &Tensor, drawn: &Drawn) -> Tensor {
        mixed(labels, &drawn.get("mix_weight"), &drawn.get("permutation_order"))
    }
}

impl Augmentation for CutMix {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let alpha = draws.uniform(&[], self.factor.range(0.0)) + 1e-6;
        let kept = draws.symmetric_beta(&[size.count], &alpha);
        let ratio = (1.0 - kept).sqrt();
        let (mask, area) = rectangles(draws, size, [&ratio, &ratio], self.data_format);
        let order = draws.permutation(size.count);
        let drawn = Drawn::new().with("batch_masks", mask).with("mix_weight", 1.0 - area);
        drawn.with("permutation_order", order)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let others = images.take(&drawn.get("permutation_order").cast(DType::I32), 0);
        drawn.get("batch_masks").select(&others, images)
    }
}

augmentation_layer!(CutMix, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0)))]
));
