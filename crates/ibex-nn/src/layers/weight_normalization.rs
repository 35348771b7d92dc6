//! `WeightNormalization`: a layer whose kernel is a direction times a length.

use std::sync::Arc;

use ibex_graph::{DType, Tensor};

use super::wrapper::{LAYER, build_around, call_with_value, forward_as, inner_variable};
use crate::initializers::{Ones, Zeros};
use crate::inner_layer::InnerLayer;
use crate::instance::{Build, Instance, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::saving::{inner_layer_config, layer_from_config};
use crate::trace::Call;
use crate::{layer, layer_facts};

/// The weight that is normalised.
const KERNEL: [&str; 1] = ["kernel"];
/// Squares of lengths below this one count as it.
const EPSILON: f64 = 1e-12;

layer! {
    /// Trains the length and the direction of a layer's kernel apart: `kernel = g · v / |v|`.
    ///
    /// In its first step the lengths, and a bias, are set so that the layer gives numbers of mean
    /// 0 and variance 1 before its activation, or with `data_init` off so that nothing changes.
    /// Keras has no such layer: names and numbers are those of TensorFlow Addons.
    /// Input and output are those of the layer; its kernel is `v`, and there are also
    /// `g (filters,)` and the flag `initialized`.
    /// The first step has a program of its own, since a program has no branches.
    /// Source: Salimans and Kingma, "Weight normalization", 2016,
    /// <https://www.tensorflow.org/addons/api_docs/python/tfa/layers/WeightNormalization>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Dense, Input, WeightNormalization};
    ///
    /// let y = WeightNormalization::new(Dense::new(8)).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8)");
    /// ```
    WeightNormalization {
        /// The layer.
        layer: into InnerLayer = InnerLayer::default(),
        /// Whether lengths and bias follow from the first batch; they do by default.
        data_init: is bool = true,
    }
}

impl WeightNormalization {
    /// This layer, its kernel a direction times a length.
    #[track_caller]
    pub fn new(layer: impl Into<InnerLayer>) -> WeightNormalization {
        WeightNormalization { layer: layer.into(), ..WeightNormalization::default() }
    }

    /// The layer without its activation.
    fn naked(&self) -> Result<Arc<dyn Layer>, ConfigError> {
        let mut config = inner_layer_config(self.layer.layer());
        if let Some(activation) = config["config"].get_mut("activation") {
            *activation = "linear".into();
        }
        layer_from_config(&config)
    }

    /// The lengths and the bias of the first step.
    fn first(&self, call: &mut Call<'_>, x: &[Tensor], v: &Tensor) -> Option<[Tensor; 2]> {
        let outputs = forward_as(call, self.naked().ok()?.as_ref(), x)?;
        let axes: Vec<usize> = (0..outputs.rank().checked_sub(1)?).collect();
        let [mean, variance] = outputs.moments(&axes);
        let vector = |x: Tensor| x.reshape([v.dim(-1)]).cast(v.dtype()).stop_gradient();
        let scale = vector((variance + 1e-10).rsqrt());
        Some([call.weight("g") * &scale, -vector(mean) * scale])
    }

    /// The lengths, which the first step sets; it may set the bias too.
    fn lengths(&self, call: &mut Call<'_>, x: &[Tensor], v: &Tensor) -> Tensor {
        let (before, done) = (call.weight("g"), call.weight("initialized"));
        if self.is_initialized(call.instance()) {
            return before;
        }
        let bias = call.instance().child(LAYER).and_then(|child| child.weight("bias"));
        let bias = bias.and_then(|bias| bias.variable().cloned());
        let g = match self.data_init {
            true => match self.first(call, x, v) {
                None => before.clone(),
                Some([g, first_bias]) => {
                    if let Some(bias) = bias {
                        let old = call.trace().read(&bias);
                        call.trace().assign(&bias, done.select(&old, &first_bias));
                    }
                    g.stop_gradient()
                }
            },
            false => {
                let axes: Vec<usize> = (0..v.rank().saturating_sub(1)).collect();
                v.square().sum(&axes, false).sqrt().stop_gradient()
            }
        };
        let g = done.select(&before, &g);
        call.assign("g", g.clone());
        call.assign("initialized", Tensor::full(DType::Bool, done.shape(), 1.0));
        g
    }
}

impl Layer for WeightNormalization {
    layer_facts!(WeightNormalization);

    fn module(&self) -> Option<&'static str> {
        None
    }

    fn registered_name(&self) -> Option<&'static str> {
        Some("Addons>WeightNormalization")
    }

    fn check(&self) -> Vec<ConfigError> {
        self.layer.check()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let (inside, kernel) = build_around(build, &self.layer, inputs, &KERNEL)?;
        let filters = inside.weight(&kernel).and_then(|w| w.spec().shape.last().copied());
        self.naked()?;
        build.weight(WeightSpec::new("g", [filters.unwrap_or(1)], Ones));
        let flag = WeightSpec::new("initialized", [], Zeros).dtype(DType::Bool);
        build.weight(flag.not_trained());
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let Some(variable) = inner_variable(call, &KERNEL) else {
            return call.child(LAYER, inputs);
        };
        let v = call.trace().read(&variable);
        let g = self.lengths(call, inputs, &v);
        let axes: Vec<usize> = (0..v.rank().saturating_sub(1)).collect();
        let kernel = v.l2_normalize(&axes, EPSILON.sqrt()) * g;
        call_with_value(call, inputs, &variable, kernel)
    }

    fn is_initialized(&self, instance: &Instance) -> bool {
        let flag = instance.weight("initialized").and_then(|weight| weight.variable());
        flag.is_some_and(|flag| flag.read().bytes().first() == Some(&1))
    }

    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        vec![self.layer.layer().clone()]
    }
}
