//! What cannot be read from the tables: names that are something else here, or left out, and why.

/// The head of the page.
pub(crate) const HEAD: &str = "\
# What of Keras is in Ibex

Every public name of Keras 3.15.1, module by module.
This page is generated from the tables of `ibex-nn` and from the golden files; \
a test fails when it is not up to date.

- **yes**: there, under the same name in files; with the folders under `tests/goldens` that hold \
its cases from real Keras, and how many.
- **elsewhere**: the same thing under another name or in another form, given in the last column.
- **no**: left out, with the reason.

| module | here | yes | elsewhere | no | names |
| --- | --- | --- | --- | --- | --- |
";

/// A name of the catalogue that is no row of a table.
pub(crate) struct Note {
    pub(crate) name: &'static str,
    pub(crate) state: &'static str,
    pub(crate) text: &'static str,
}

const fn elsewhere(name: &'static str, text: &'static str) -> Note {
    Note { name, state: "elsewhere", text }
}

const fn no(name: &'static str, text: &'static str) -> Note {
    Note { name, state: "no", text }
}

/// Names of the catalogue's modules that are no rows.
pub(crate) const NAMES: &[Note] = &[
    elsewhere("keras.activations.deserialize", "`Activation::from_value`, `serde`"),
    elsewhere("keras.activations.get", "`\"relu\".parse::<Activation>()`"),
    elsewhere("keras.activations.serialize", "`serde`"),
    elsewhere("keras.activations.hard_swish", "the alias of `hard_silu`"),
    elsewhere("keras.activations.swish", "the alias of `silu`"),
    elsewhere(
        "keras.activations.threshold",
        "`activations::threshold::threshold`; as a layer's option Keras refuses it, whose \
         arguments a name cannot give",
    ),
    elsewhere("keras.constraints.Constraint", "the trait `constraints::Constrain`"),
    elsewhere("keras.constraints.deserialize", "`Constraint::from_value`, `serde`"),
    elsewhere("keras.constraints.get", "`\"max_norm\".parse::<Constraint>()`"),
    elsewhere("keras.constraints.serialize", "`Constraint::to_value`, `serde`"),
    elsewhere("keras.initializers.Initializer", "the trait `initializers::Initialize`"),
    elsewhere("keras.initializers.deserialize", "`Initializer::from_value`, `serde`"),
    elsewhere("keras.initializers.get", "`\"zeros\".parse::<Initializer>()`"),
    elsewhere("keras.initializers.serialize", "`Initializer::to_value`, `serde`"),
    no("keras.layers.MaxNumBoundingBoxes", "works on dictionaries of bounding boxes"),
    elsewhere("keras.layers.add", "`layers::add`"),
    elsewhere("keras.layers.average", "`layers::average`"),
    elsewhere("keras.layers.concatenate", "`layers::concatenate`"),
    elsewhere("keras.layers.dot", "`layers::Dot`"),
    elsewhere("keras.layers.maximum", "`layers::maximum`"),
    elsewhere("keras.layers.minimum", "`layers::minimum`"),
    elsewhere("keras.layers.multiply", "`layers::multiply`"),
    elsewhere("keras.layers.subtract", "`layers::subtract`"),
    elsewhere("keras.layers.Input", "`layers::Input`, which makes an `InputLayer`"),
    elsewhere("keras.layers.InputLayer", "`layers::InputLayer`, `layers::Input`"),
    elsewhere("keras.layers.InputSpec", "each layer checks its inputs in `Layer::build`"),
    elsewhere("keras.layers.Layer", "the trait `layer::Layer`"),
    elsewhere("keras.layers.Wrapper", "a layer with an `InnerLayer` among its options"),
    elsewhere("keras.layers.deserialize", "`saving::layer_from_config`"),
    elsewhere("keras.layers.serialize", "`saving::layer_config`"),
    no("keras.layers.TFSMLayer", "runs a TensorFlow SavedModel: there is no TensorFlow here"),
    no("keras.layers.TorchModuleWrapper", "runs Python code of PyTorch"),
    no("keras.layers.FlaxLayer", "runs Python code of Flax"),
    no("keras.layers.JaxLayer", "runs Python code of JAX"),
    elsewhere("keras.losses.Loss", "the trait `losses::LossFunction`"),
    elsewhere("keras.losses.deserialize", "`Loss::from_value`, `serde`"),
    elsewhere("keras.losses.get", "`\"mse\".parse::<Loss>()`"),
    elsewhere("keras.losses.serialize", "`Loss::to_value`, `serde`"),
    elsewhere("keras.metrics.Metric", "the trait `metrics::MetricFunction`"),
    elsewhere("keras.metrics.deserialize", "`Metric::from_value`, `serde`"),
    elsewhere("keras.metrics.get", "`\"mae\".parse::<Metric>()`"),
    elsewhere("keras.metrics.serialize", "`Metric::to_value`, `serde`"),
    elsewhere("keras.ops.bartlett", "a constant: `Tensor::constant`"),
    elsewhere("keras.ops.blackman", "a constant: `Tensor::constant`"),
    elsewhere("keras.ops.convert_to_numpy", "values are outside the graph: `Variable::get`"),
    elsewhere("keras.ops.custom_gradient", "`ibex::train::with_derivative`"),
    elsewhere("keras.ops.dtype", "`Tensor::dtype`"),
    elsewhere("keras.ops.empty", "a constant: `Tensor::full`"),
    elsewhere("keras.ops.eye", "a constant: `Tensor::constant`"),
    elsewhere("keras.ops.hamming", "a constant: `Tensor::constant`"),
    elsewhere("keras.ops.hanning", "a constant: `Tensor::constant`"),
    elsewhere("keras.ops.identity", "a constant: `Tensor::constant`"),
    elsewhere("keras.ops.is_tensor", "the type says so"),
    elsewhere("keras.ops.kaiser", "a constant: `Tensor::constant`"),
    elsewhere("keras.ops.ones", "a constant: `Tensor::full`"),
    elsewhere("keras.ops.shape", "`Tensor::shape`: shapes are known when a graph is written"),
    elsewhere("keras.ops.tri", "a constant: `Tensor::constant`"),
    no("keras.ops.vectorize", "calls Python functions"),
    elsewhere("keras.ops.zeros", "a constant: `Tensor::full`"),
    no(
        "keras.optimizers.MultiOptimizer",
        "not in the catalogue: one optimizer for each model; Keras chooses them by Python's \
         regular expressions",
    ),
    no("keras.optimizers.OptimizerMap", "not in the catalogue: the choices of `MultiOptimizer`"),
    elsewhere("keras.optimizers.Optimizer", "the trait `optimizers::OptimizerRule`"),
    elsewhere("keras.optimizers.deserialize", "`Optimizer::from_value`, `serde`"),
    elsewhere("keras.optimizers.get", "`\"adam\".parse::<Optimizer>()`"),
    elsewhere("keras.optimizers.serialize", "`Optimizer::to_value`, `serde`"),
    elsewhere(
        "keras.optimizers.schedules.LearningRateSchedule",
        "the trait `schedules::ScheduleFunction`",
    ),
    elsewhere("keras.optimizers.schedules.deserialize", "`Schedule::from_value`, `serde`"),
    elsewhere("keras.optimizers.schedules.serialize", "`Schedule::to_value`, `serde`"),
    elsewhere("keras.regularizers.Regularizer", "the trait `regularizers::Regularize`"),
    elsewhere("keras.regularizers.deserialize", "`Regularizer::from_value`, `serde`"),
    elsewhere("keras.regularizers.get", "`\"l2\".parse::<Regularizer>()`"),
    elsewhere("keras.regularizers.serialize", "`Regularizer::to_value`, `serde`"),
];

/// Modules outside the catalogue: the first prefix that fits counts.
pub(crate) const MODULES: &[(&str, &str)] = &[
    ("keras.applications", "not yet built here; files of these models are to be read"),
    ("keras.backend", "`ibex::graph::DType`; there is one backend, and a device is a value"),
    (
        "keras.callbacks",
        "`ibex::train::callbacks`: ModelCheckpoint, EarlyStopping, ReduceLROnPlateau, \
         LearningRateScheduler, CSVLogger, TensorBoard, BackupAndRestore, SwapEMAWeights, \
         RemoteMonitor, TerminateOnNaN, LambdaCallback (`Lambda`), ProgbarLogger, Callback (a \
         trait), CallbackList (`Fit::callback`, `Fit::show_training_loop`), History (what `fit` \
         gives); no OrbaxCheckpoint",
    ),
    ("keras.config", "dtype policies: `DTypePolicy::scope`; no other global settings"),
    (
        "keras.datasets",
        "`ibex::train::datasets`: boston_housing, fashion_mnist, mnist; more to come",
    ),
    ("keras.distillation", "no: a training step of one's own does it"),
    ("keras.distribution", "no: one device"),
    ("keras.dtype_policies", "`ibex::nn::policy::DTypePolicy`; no quantized policies"),
    ("keras.export", "no: a model runs from its `.keras` file"),
    ("keras.legacy", "`serde`"),
    ("keras.mixed_precision", "`ibex::nn::policy::DTypePolicy`, `optimizers::LossScaleOptimizer`"),
    (
        "keras.models",
        "`ibex::train::Model`, `Sequential`; `Model::load`, `Model::save`, \
         `saving::model_from_config`",
    ),
    ("keras.ops", "the functions of `keras.ops`, above"),
    ("keras.optimizers.legacy", "the optimizers above"),
    ("keras.preprocessing", "not yet: data sets from folders"),
    ("keras.quantizers", "no: there is no quantization yet"),
    ("keras.random", "`ibex::graph::ops::random`, `Trace::random_uniform`, `Trace::random_normal`"),
    (
        "keras.saving",
        "`ibex::nn::saving`, `ibex::train::Model::{load, save, load_weights, save_weights}`, \
         `register_layer` and `register` of each family",
    ),
    ("keras.tree", "arguments of calls: `ibex::nn::arguments`"),
    (
        "keras.utils",
        "`Model::set_seed`, `Fit`, `history.plot`; plot_model is `pictures::PlotModel` and `ibex \
         plot model`; the others not yet",
    ),
    ("keras.visualization", "not yet"),
    ("keras.wrappers", "no: these are classes for scikit-learn"),
    (
        "keras",
        "`ibex::prelude`: Input, Model, Sequential and the families above; KerasTensor is \
         `SymbolicTensor`, Layer, Loss, Metric, … are traits, Variable is `ibex::graph::Variable`",
    ),
];
