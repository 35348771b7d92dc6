//! `AugMix`: mixes images with several chains of changes of them.

use ibex_graph::DType;
use ibex_graph::Tensor;
use ibex_graph::ops::image::Interpolation;

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, Factor, ImageSize, augmentation_layer, clipped, config_with,
    written,
};
use super::augmentation_steps::{Operations, Steps};
use super::options::DataFormat;
use crate::layer;
use crate::object::ConfigError;

layer! {
    /// Mixes each image with chains of randomly chosen operations on it, by random weights.
    ///
    /// The operations of the chains are chosen when the program is compiled, as in a compiled step
    /// of Keras; their strengths and the weights are drawn anew for each batch.
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: Hendrycks et al., "AugMix: a simple data processing method to improve robustness
    /// and uncertainty", 2020.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/aug_mix/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, AugMix};
    ///
    /// let y = AugMix::new(0.2).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    AugMix {
        /// The smallest and the largest value of a pixel; 0 and 255 by default.
        value_range: is [f64; 2] = BYTES,
        /// How many chains there are; 3 by default.
        num_chains: is usize = 3,
        /// How many operations a chain has at most; 3 by default.
        chain_depth: is usize = 3,
        /// The range of the strength of all operations; a number is its upper end.
        factor: into Factor = Factor::One(0.3),
        /// The parameter of the distributions of the weights, above 0; 1 by default.
        alpha: is f64 = 1.0,
        /// Whether brightness, grey, contrast and sharpness are among the operations too.
        all_ops: is bool = true,
        /// How values between pixels are found; bilinear by default.
        interpolation: is Interpolation = Interpolation::Bilinear,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl AugMix {
    /// Operations of up to this strength.
    #[track_caller]
    pub fn new(factor: impl Into<Factor>) -> AugMix {
        AugMix { factor: factor.into(), ..AugMix::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let alpha = (self.alpha.is_nan() || self.alpha <= 0.0).then(|| {
            ConfigError::new("`alpha` must be positive").received(format!("alpha = {}", self.alpha))
        });
        let factor = self.factor.check_meets("factor", [0.0, 1.0]);
        let inner = self.steps().into_iter().flat_map(|(_, step)| step.check());
        factor.map_or_else(|| alpha.into_iter().chain(inner).collect(), |error| vec![error])
    }

    fn steps(&self) -> Steps {
        let strength = self.factor.range(0.0);
        let steps = Operations {
            strength,
            value_range: self.value_range,
            interpolation: self.interpolation,
            data_format: self.data_format,
        };
        steps.named(if self.all_ops { &NAMES } else { &NAMES[..FEWER] })
    }
}

impl Augmentation for AugMix {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let alpha = Tensor::scalar(DType::F32, self.alpha);
        let weights = draws.dirichlet(self.num_chains, &alpha);
        let own = draws.symmetric_beta(&[], &alpha);
        let mut drawn = Drawn::new().with("chain_mixing_weights", weights);
        drawn = drawn.with("weight_sample", own);
        let steps = self.steps();
        for chain in 0..self.num_chains {
            for depth in 0..self.chain_depth {
                // One choice more than there are operations: none.
                let Some((name, step)) = steps.get(draws.choice(steps.len() + 1)) else {
                    continue;
                };
                let place = place(chain, depth, name);
                let mark = Tensor::scalar(DType::F32, 1.0);
                let part = step.draw(draws, size);
                drawn = drawn.with(place.clone(), mark).with_part(&place, part);
            }
        }
        drawn
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let steps = self.steps();
        let weights = drawn.get("chain_mixing_weights").cast(images.dtype());
        let mut mixed = images.zeros_like();
        for chain in 0..self.num_chains {
            let mut changed = images.clone();
            for depth in 0..self.chain_depth {
                for (name, step) in &steps {
                    let place = place(chain, depth, name);
                    if drawn.has(&place) {
                        changed = step.transform(&changed, &drawn.part(&place));
                    }
                }
            }
            let at = chain as isize;
            let weight = weights.slice_axis(0, at..at + 1).reshape([1, 1, 1, 1]);
            mixed = mixed + changed * weight;
        }
        let own = drawn.get("weight_sample").cast(images.dtype());
        clipped(&(images * &own + mixed * (1.0 - &own)), self.value_range)
    }
}
/// The operations; the first [`FEWER`] are those without `all_ops`.
const NAMES: [&str; 11] = [
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
];
const FEWER: usize = 7;

/// Where an operation of a chain keeps what it drew.
fn place(chain: usize, depth: usize, name: &str) -> String {
    format!("chain_{chain}/{depth}/{name}")
}

augmentation_layer!(AugMix, random = true, |layer| config_with(
    layer,
    &[("factor", written(layer.factor.range(0.0))), ("value_range", written(layer.value_range))]
));
