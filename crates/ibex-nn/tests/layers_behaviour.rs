//! What goldens cannot show: masks on their way through layers, dropout's draws, and mistakes.

use std::sync::Arc;

use ibex_graph::interpreter::{self, Values};
use ibex_graph::{Array, DType, Graph, Tensor, Variable};
use ibex_nn::initializers::Seeds;
use ibex_nn::layers::lambda::Function;
use ibex_nn::layers::{
    Add, Average, BatchNormalization, Concatenate, Conv2D, Dense, Dropout, Embedding, Flatten,
    GlobalAveragePooling1D, Input, MaxPooling2D, Maximum, Minimum, Multiply, Rescaling, Reshape,
    Softmax, Subtract, add, multiply,
};
use ibex_nn::models::{Functional, SymbolicTensor};
use ibex_nn::policy::DTypePolicy;
use ibex_nn::saving::{layer_config, layer_from_config};
use ibex_nn::{Instance, Layer, LayerExt, Trace};

/// Runs a model; the values of its outputs and the updates.
fn run(
    model: Functional,
    training: bool,
    inputs: &[Array],
    seed: i64,
) -> (Vec<Array>, Vec<(Variable, Values)>) {
    let x: Vec<Tensor> = inputs.iter().map(|a| Tensor::input("x", a.dtype(), a.shape())).collect();
    let types: Vec<_> = model.inputs().iter().map(SymbolicTensor::ty).collect();
    let state = Variable::new("random", Array::from_slice([2], &[seed, 0]).unwrap());
    let mut trace = Trace::new(training).with_random(&state);
    let layer: Arc<dyn Layer> = Arc::new(model);
    let y = Instance::of(&layer, &types).unwrap().call(&mut trace, &x);
    let graph = Graph::new(&x, &y, &trace.updates()).unwrap();
    let outcome = interpreter::run(&graph, inputs).unwrap();
    (outcome.outputs, outcome.updates)
}

/// A table of numbers that masks index 0.
fn table(model: &Functional, name: &str, values: &[f32]) {
    let Some(layer) = model.layers().iter().find(|layer| layer.name() == name) else { return };
    let value = Array::from_slice([values.len(), 1], values).unwrap();
    layer.weights()[0].variable().unwrap().set(&value).unwrap();
}

fn materialized(inputs: Vec<SymbolicTensor>, output: SymbolicTensor) -> Functional {
    let model = Functional::new(inputs, vec![output]).unwrap();
    model.layers().iter().for_each(|l| l.materialize(l.name(), &mut Seeds::new(1)));
    model
}

/// What `merge` makes of two masked sequences `_ 1 3` and `_ _ 2`, where `_` is masked and is 10
/// in the first and 20 in the second.
fn merged(merge: impl Fn(&SymbolicTensor, &SymbolicTensor) -> SymbolicTensor) -> Vec<f64> {
    let words = || Input::new([3]).dtype(DType::I32).tensor();
    let (a, b) = (words(), words());
    let embed = |name: &str| Embedding::new(4, 1).mask_zero(true).name(name);
    let output = merge(&embed("a").call(&a), &embed("b").call(&b));
    let model = materialized(vec![a, b], output);
    table(&model, "a", &[10., 1., 2., 3.]);
    table(&model, "b", &[20., 1., 2., 3.]);
    let rows = [[0, 1, 3], [0, 0, 2]].map(|row| Array::from_slice([1, 3], &row).unwrap());
    run(model, false, &rows, 1).0[0].to_f64_vec()
}

#[test]
fn masks_act_in_merging_layers_as_in_keras() {
    // Numbers of Keras 3.15.1, JAX backend, for these inputs.
    let pair = |a: &SymbolicTensor, b: &SymbolicTensor| [a.clone(), b.clone()];
    let mean = |x: &SymbolicTensor| GlobalAveragePooling1D::new().call(x);
    assert_eq!(merged(|a, b| Add::new().call(pair(a, b))), [30., 21., 5.]);
    assert_eq!(merged(|a, b| mean(&Add::new().call(pair(a, b)))), [13.]);
    assert_eq!(merged(|a, b| mean(&Subtract::new().call(pair(a, b)))), [-9.]);
    assert_eq!(merged(|a, b| Multiply::new().call(pair(a, b))), [0., 1., 6.]);
    assert_eq!(merged(|a, b| mean(&Average::new().call(pair(a, b)))), [6.5]);
    assert_eq!(merged(|a, b| mean(&Maximum::new().call(pair(a, b)))), [2.]);
    assert_eq!(merged(|a, b| mean(&Minimum::new().call(pair(a, b)))), [1.5]);
    assert_eq!(merged(|a, b| mean(&Concatenate::new(-1).call(pair(a, b)))), [2., 11.]);
    assert_eq!(merged(|a, b| mean(&Concatenate::new(1).call(pair(a, b)))), [2.]);
}

#[test]
fn a_layer_that_does_not_support_masks_ends_them() {
    // The mean of all steps, masked ones too.
    let flat = merged(|a, _| {
        let plain = Reshape::new([3, 1]).call(Flatten::new().call(a));
        GlobalAveragePooling1D::new().call(&plain)
    });
    assert!((flat[0] - 14.0 / 3.0).abs() < 1e-6, "{flat:?}");
    // Layers that work on each step pass them on.
    let kept = merged(|a, _| {
        let x = Dropout::new(0.5).call(Rescaling::new(0.5).call(a));
        GlobalAveragePooling1D::new().call(&x)
    });
    assert_eq!(kept, [1.0]); // half of the mean of 1 and 3
}

#[test]
fn masked_steps_do_not_count_in_batch_statistics() {
    let words = Input::new([3]).dtype(DType::I32).tensor();
    let embedded = Embedding::new(4, 1).mask_zero(true).name("table").call(&words);
    let output = BatchNormalization::new().momentum(0.5).call(&embedded);
    let model = materialized(vec![words], output);
    table(&model, "table", &[10., 1., 2., 6.]);
    let rows = Array::from_slice([2, 3], &[0, 1, 3, 2, 0, 0]).unwrap();
    let (_, updates) = run(model, true, &[rows], 1);
    // Of 1, 6 and 2: mean 3, variance 14 / 3, as Keras has them; half way from 0 and 1.
    let close = |found: &Values, expected: f64| (found.data[0] - expected).abs() < 1e-5;
    assert!(close(&updates[0].1, 1.5), "{updates:?}");
    assert!(close(&updates[1].1, 0.5 + 14.0 / 6.0), "{updates:?}");
}

#[test]
fn indices_do_not_take_the_dtype_of_a_policy() {
    let words = Input::new([1]).tensor();
    let policy: DTypePolicy = "mixed_bfloat16".parse().unwrap();
    let output = Embedding::new(258, 1).dtype(policy).name("table").call(&words);
    let model = materialized(vec![words], output);
    let mut values = [0.0; 258];
    (values[256], values[257]) = (1.0, 7.0);
    table(&model, "table", &values);
    // In bfloat16, 257 is 256.
    let rows = Array::from_slice([1, 1], &[257.0f32]).unwrap();
    assert_eq!(run(model, false, &[rows], 1).0[0].to_f64_vec(), [7.0]);
}

/// The output of a dropout for ones.
fn dropped(dropout: Dropout, training: bool, shape: [usize; 2], seed: i64) -> Vec<f64> {
    let x = Input::new([shape[1]]).tensor();
    let model = Functional::new(vec![x.clone()], vec![dropout.call(&x)]).unwrap();
    run(model, training, &[Array::full(DType::F32, shape, 1.0)], seed).0[0].to_f64_vec()
}

#[test]
fn dropout_drops_its_fraction_and_scales_the_rest() {
    let values = dropped(Dropout::new(0.3), true, [100, 100], 1);
    let zeros = values.iter().filter(|v| **v == 0.0).count() as f64;
    // Five standard errors of 10,000 draws.
    assert!((zeros / 1e4 - 0.3).abs() < 5.0 * (0.21f64 / 1e4).sqrt(), "{zeros}");
    assert!(values.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.7).abs() < 1e-6));
    assert!(dropped(Dropout::new(0.3), false, [4, 4], 1).iter().all(|&v| v == 1.0));
    assert!(dropped(Dropout::new(0.0), true, [4, 4], 1).iter().all(|&v| v == 1.0));
    assert!(dropped(Dropout::new(1.0), true, [4, 4], 1).iter().all(|&v| v == 0.0));
}

#[test]
fn dropout_follows_the_seed_and_the_shape_of_its_draw() {
    let free = |seed| dropped(Dropout::new(0.5), true, [8, 8], seed);
    let own = |seed| dropped(Dropout::new(0.5).seed(9u64), true, [8, 8], seed);
    assert_eq!(free(1), free(1));
    assert_ne!(free(1), free(2));
    assert_eq!(own(1), own(2));
    let rows = dropped(Dropout::new(0.5).noise_shape(vec![None, Some(1)]), true, [16, 8], 3);
    assert!(rows.chunks(8).all(|row| row.iter().all(|v| *v == row[0])));
    assert!(rows.contains(&0.0) && rows.iter().any(|v| *v != 0.0));
}

/// The text of the only mistake in a layer call.
fn mistake(output: SymbolicTensor, inputs: Vec<SymbolicTensor>) -> String {
    let error = Functional::new(inputs, vec![output]).unwrap_err();
    assert_eq!(error.mistakes.len(), 1, "{error}");
    error.mistakes[0].error.to_string()
}

#[test]
fn mistakes_say_what_is_wrong() {
    let image = || Input::new([8, 8, 3]).name("image").tensor();
    let of = |layer: &dyn Layer| {
        let x = image();
        mistake(layer.call(&x), vec![x])
    };
    let start = |layer: &str| format!("layer `{layer}` cannot be applied to `image`: ");
    assert_eq!(
        of(&Conv2D::new(4, 3).groups(3)),
        start("conv2d")
            + "the filters cannot be divided into groups of equal size\n  expected  `filters` a \
               multiple of `groups`\n  received  filters = 4, groups = 3"
    );
    assert_eq!(
        of(&Conv2D::new(4, 3).groups(2)),
        start("conv2d")
            + "the channels cannot be divided into groups of equal size\n  expected  a multiple \
               of groups = 2\n  received  3 channels in (None, 8, 8, 3)"
    );
    assert_eq!(
        of(&Conv2D::new(4, 3).strides(2).dilation_rate(2)),
        start("conv2d")
            + "strides and dilation cannot be used together\n  expected  `strides` = 1 or \
               `dilation_rate` = 1\n  received  strides = [2, 2], dilation_rate = [2, 2]"
    );
    assert_eq!(
        of(&MaxPooling2D::new(0)),
        start("max_pooling2d") + "`pool_size` must be positive\n  received  pool_size = [0, 0]"
    );
    assert_eq!(
        of(&Dropout::new(1.5)),
        start("dropout")
            + "`rate` must be a fraction\n  expected  between 0 and 1\n  received  rate = 1.5"
    );
    assert_eq!(
        of(&BatchNormalization::new().axis(4)),
        start("batch_normalization")
            + "there is no axis 4\n  expected  between -4 and 3\n  received  axis = 4 for an \
               input of 4 axes"
    );
    assert_eq!(
        of(&Reshape::new([7, -1])),
        start("reshape")
            + "the elements of a sample do not fit the new shape\n  expected  target_shape = [7, \
               -1]\n  received  192 elements in a sample\n  help: let one extent be -1, and it \
               follows from the others"
    );
    assert!(of(&Conv2D::new(4, 9)).contains("finds no place for a window of 9"));
}

#[test]
fn mistakes_of_several_inputs_name_them() {
    let (a, b) = (Input::new([4]).name("a").tensor(), Input::new([5]).name("b").tensor());
    assert_eq!(
        mistake(add([&a, &b]), vec![a.clone(), b.clone()]),
        "layer `add` cannot be applied to `a`, `b`: the inputs do not have matching shapes\n  \
         expected  equal batches, and equal extents, or 1, along each axis counted from the \
         last\n  received  (None, 4) and (None, 5)"
    );
    let nothing: [&SymbolicTensor; 0] = [];
    let error = Functional::new(vec![a.clone()], vec![multiply(nothing)]).unwrap_err().to_string();
    assert!(error.contains("wrong number of inputs\n  expected  at least 1"), "{error}");
    let both = Dense::new(2).call([&a, &b]);
    assert_eq!(
        mistake(both, vec![a, b]),
        "layer `dense` cannot be applied to `a`, `b`: wrong number of inputs\n  expected  one \
         input\n  received  2"
    );
}

#[test]
fn softmax_refuses_a_mask_that_does_not_fit() {
    let words = Input::new([3]).dtype(DType::I32).tensor();
    let scores = Embedding::new(4, 2).mask_zero(true).call(&words);
    let model = materialized(vec![words], Softmax::new().call(&scores));
    let x = Tensor::input("x", DType::I32, [1, 3]);
    let types = [model.inputs()[0].ty()];
    let layer: Arc<dyn Layer> = Arc::new(model);
    let y = Instance::of(&layer, &types).unwrap().call(&mut Trace::new(false), &[x]);
    assert_eq!(
        ibex_graph::tensor::errors(&y)[0].message(),
        "the mask does not fit the input of `Softmax`\n  expected  a mask that broadcasts to (1, \
         3, 2)\n  received  (1, 3)"
    );
}

#[test]
fn what_is_called_can_be_printed() {
    let x = Input::new([4]).tensor();
    let dense = Dense::new(2);
    let y = dense.call(&x);
    let model = Functional::new(vec![x], vec![y]).unwrap();
    assert!(format!("{dense:?}").starts_with("Dense { units: 2"));
    assert!(format!("{model:?}").contains("Dense"));
}

#[test]
fn a_lambda_layer_is_the_function_that_its_name_stands_for() {
    let lambda = |name: &str| {
        // As Keras writes a layer whose function is registered.
        serde_json::json!({
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {
                "name": "lambda",
                "trainable": true,
                "dtype": {"module": "keras", "class_name": "DTypePolicy",
                          "config": {"name": "float32"}, "registered_name": null},
                "function": {"module": "builtins", "class_name": "function",
                             "config": name, "registered_name": "function"},
                "arguments": {"factor": 3.0},
            },
            "registered_name": null,
        })
    };
    let error = layer_from_config(&lambda("shop>scale")).unwrap_err().to_string();
    assert_eq!(
        error,
        "layer `lambda`: the option `function` of `Lambda` does not fit: unknown function \
         `shop>scale` of a `Lambda` layer\n  help: call \
         `Function::register(Function::new(\"shop>scale\", …))` before loading"
    );
    Function::register(Function::new("shop>scale", |inputs, arguments| {
        &inputs[0] * arguments["factor"].as_f64().unwrap()
    }));
    let layer = layer_from_config(&lambda("shop>scale")).unwrap();
    assert_eq!(layer_config(layer.as_ref()), lambda("shop>scale"));
    let x = Input::new([2]).tensor();
    let model = Functional::new(vec![x.clone()], vec![layer.call(&x)]).unwrap();
    let values = Array::from_slice([1, 2], &[1f32, -2.0]).unwrap();
    assert_eq!(run(model, false, &[values], 1).0[0].to_f64_vec(), [3.0, -6.0]);
}
