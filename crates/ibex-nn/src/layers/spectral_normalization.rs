//! `SpectralNormalization`: a layer whose kernel is divided by its largest singular value.

use std::sync::Arc;

use ibex_graph::Tensor;

use super::options::check_positive;
use super::wrapper::{LAYER, build_around, call_with_value, inner_variable};
use crate::initializers::TruncatedNormal;
use crate::inner_layer::InnerLayer;
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

/// The weights that may be normalised, the first that there is.
const KERNELS: [&str; 2] = ["kernel", "embeddings"];
/// What a length is at least, as in Keras.
const EPSILON: f64 = 1e-7;

layer! {
    /// Divides the kernel of a layer by its spectral norm, its largest singular value, while
    /// training.
    ///
    /// The norm is found by power iterations, which go on from step to step.
    /// Input and output are those of the layer, and so are the weights but for
    /// `vector_u (1, filters)`.
    /// Source: Miyato et al., "Spectral normalization for generative adversarial networks", 2018,
    /// <https://keras.io/api/layers/normalization_layers/spectral_normalization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Conv2D, Input, SpectralNormalization};
    ///
    /// let layer = SpectralNormalization::new(Conv2D::new(8, 3));
    /// let y = layer.call(&Input::new([10, 10, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 8)");
    /// ```
    SpectralNormalization {
        /// The layer.
        layer: into InnerLayer = InnerLayer::default(),
        /// Power iterations in each step; 1 by default.
        power_iterations: is usize = 1,
    }
}

impl SpectralNormalization {
    /// This layer with a kernel of spectral norm 1 while training.
    #[track_caller]
    pub fn new(layer: impl Into<InnerLayer>) -> SpectralNormalization {
        SpectralNormalization { layer: layer.into(), ..SpectralNormalization::default() }
    }

    /// The new left singular vector and the kernel divided by its norm; a kernel of zeros, which
    /// has none, stays.
    fn normalized(&self, kernel: &Tensor, vector: &Tensor) -> [Tensor; 2] {
        let filters = kernel.dim(-1);
        let rows = kernel.shape().size() / filters.max(1);
        let matrix = kernel.reshape([rows, filters]);
        let (mut left, mut right) = (vector.clone(), vector.clone());
        for _ in 0..self.power_iterations {
            right = left.matmul(&matrix.matrix_transpose()).l2_normalize(&[0, 1], EPSILON);
            left = right.matmul(&matrix).l2_normalize(&[0, 1], EPSILON);
        }
        let (left, right) = (left.stop_gradient(), right.stop_gradient());
        let norm = right.matmul(&matrix).matmul(&left.matrix_transpose()).reshape([]);
        let shown = kernel.not_equal(&kernel.zeros_like()).any(&kernel.all_axes(), false);
        let norm = shown.select(&norm, &norm.ones_like());
        [shown.select(&left, vector), kernel / norm]
    }
}

impl Layer for SpectralNormalization {
    layer_facts!(SpectralNormalization);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = self.layer.check();
        check_positive("power_iterations", &[self.power_iterations], &mut found);
        found
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let (inside, kernel) = build_around(build, &self.layer, inputs, &KERNELS)?;
        build.share(LAYER, &kernel);
        let Some(spec) = inside.weight(&kernel).map(|weight| weight.spec()) else {
            return Ok(());
        };
        let vector = [1, spec.shape.last().copied().unwrap_or(1)];
        let initializer = TruncatedNormal::new(0.0, 0.02);
        let vector = WeightSpec::new("vector_u", vector, initializer).dtype(spec.dtype);
        build.weight(vector.not_trained());
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let variable = inner_variable(call, &KERNELS).filter(|_| call.training());
        let outputs = match variable {
            None => call.child(LAYER, inputs),
            Some(variable) => {
                // In Keras the divided kernel stays until the step ends: penalties and further
                // calls see it, the optimizer does not.
                let kernel = call.trace().penalized(&variable);
                let vector = call.weight("vector_u");
                let [vector, kernel] = self.normalized(&kernel, &vector);
                call.assign("vector_u", vector);
                match call.instance().child(LAYER).is_some_and(|inside| inside.is_trainable()) {
                    true => {
                        call.trace().penalize(&variable, kernel.clone());
                        call_with_value(call, inputs, &variable, kernel)
                    }
                    // As in Keras, what no optimizer overwrites stays as it is here.
                    false => {
                        call.trace().assign(&variable, kernel);
                        call.child(LAYER, inputs)
                    }
                }
            }
        };
        outputs.into_iter().map(|output| output.cast(inputs[0].dtype())).collect()
    }

    /// Each call goes on with the iteration.
    fn mixes_samples(&self) -> bool {
        true
    }

    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        vec![self.layer.layer().clone()]
    }
}
