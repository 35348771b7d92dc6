//! Every loss against real Keras: values, gradients, configurations, and what it refuses.

mod common;

use common::{assert_close, assert_serializes, goldens, name, names, same_json};
use ibex_graph::{Array, DType, Graph, Tensor, gradients, interpreter};
use ibex_nn::losses::{
    BinaryCrossentropy, CosineSimilarity, Huber, Loss, LossChoice, MeanSquaredError, Reduction,
    SparseCategoricalCrossentropy,
};
use ibex_nn::{PartialShape, PartialType};
use serde_json::Value;

/// Keras computes in `float32`: sums of a dozen terms round to about 1e-6.
const TOLERANCE: f64 = 2e-6;

/// The options that Keras does not write are told by the names of the cases.
fn loss(case: &Value) -> Loss {
    let mut object = case["object"].clone();
    let config = object["config"].as_object_mut().unwrap();
    match name(case).trim_end_matches("_weighted") {
        "huber_delta_0p3" => drop(config.insert("delta".into(), 0.3.into())),
        "huber_delta_2p5" => drop(config.insert("delta".into(), 2.5.into())),
        _ => {}
    }
    Loss::from_value(&object).unwrap()
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let mut count = 0;
    for file in names("losses") {
        let goldens = goldens(&file);
        for case in &goldens.cases {
            let label = name(case);
            let array = |part: &str| goldens.get(&format!("{label}.{part}"));
            let loss = loss(case);
            let (y_true, y_pred) = (array("y_true"), array("y_pred"));
            let prediction = Tensor::input("y_pred", y_pred.dtype(), y_pred.shape());
            let weight = goldens.find(&format!("{label}.sample_weight")).map(Tensor::constant);
            assert_eq!(weight.is_some(), case["sample_weight"].as_bool().unwrap(), "{label}");
            let value = loss.value(&Tensor::constant(y_true), &prediction, weight.as_ref(), None);
            let gradient =
                gradients(&value.sum_all(), std::slice::from_ref(&prediction)).unwrap().remove(0);
            let gradient = gradient.unwrap_or_else(|| prediction.zeros_like());
            let graph = Graph::new(&[prediction], &[value, gradient], &[]).unwrap();
            let found = interpreter::run(&graph, &[y_pred]).unwrap().outputs;
            // Extreme logarithms and quotients of clipped probabilities lose more digits.
            let tolerance = if label.contains("extreme") { 1e-5 } else { TOLERANCE };
            assert_close(label, &found[0], &array("value"), tolerance);
            let what = format!("gradient of {label}");
            // A loss of 1e5 leaves `float32` no digits for the differences that make its gradient.
            if !label.contains("too_long") {
                assert_close(&what, &found[1], &array("grad"), 5.0 * tolerance);
            }
            count += 1;
        }
    }
    assert!(count >= 235, "only {count} cases");
}

#[test]
fn configurations_are_those_of_keras() {
    for file in names("losses") {
        for case in common::cases(&file) {
            let loss = Loss::from_value(&case["object"]).unwrap();
            assert!(same_json(&loss.to_value(), &case["object"]), "{}", loss.to_value());
        }
    }
    let written = Loss::from(Huber::new().delta(0.5)).config();
    assert_eq!(written["delta"], 0.5, "an option is written when it is not the default");
    let axis = Loss::from(CosineSimilarity::new().axis(0)).config();
    assert_eq!(axis["axis"], 0);
    let sparse = Loss::from(SparseCategoricalCrossentropy::new().ignore_class(-1)).config();
    assert_eq!(sparse["ignore_class"], -1);
}

#[test]
fn every_row_round_trips() {
    for row in Loss::ROWS {
        let made: Loss = row.class_name.parse().unwrap();
        let again = Loss::from_value(&made.to_value()).unwrap();
        assert_eq!(made.to_value(), again.to_value(), "{}", row.class_name);
    }
}

fn ty(dtype: DType, dims: &[Option<usize>]) -> PartialType {
    PartialType::new(dtype, PartialShape(dims.to_vec()))
}

#[test]
fn targets_that_do_not_fit_are_refused() {
    let float = |dims: &[Option<usize>]| ty(DType::F32, dims);
    let labels = |dims: &[Option<usize>]| ty(DType::I32, dims);
    let (vector, one, ten) = ([None], [None, Some(1)], [None, Some(10)]);
    let check = |loss: &str, y_true: &[Option<usize>], y_pred: &[Option<usize>]| {
        let loss: Loss = loss.parse().unwrap();
        let y_true = if loss.takes_integers() { labels(y_true) } else { float(y_true) };
        loss.check(&y_true, &float(y_pred)).map_err(|error| error.to_string())
    };
    assert_eq!(check("mse", &vector, &one), Ok(()));
    assert_eq!(check("mse", &one, &ten), Ok(()), "Keras broadcasts");
    assert_eq!(check("sparse_categorical_crossentropy", &vector, &ten), Ok(()));
    assert_eq!(check("sparse_categorical_crossentropy", &one, &ten), Ok(()));
    assert_eq!(
        check("mse", &[None, Some(3)], &ten).unwrap_err(),
        "the targets do not fit the predictions of the loss `mean_squared_error`\n  expected  \
         targets of the predictions' shape (None, 10)\n  received  targets (None, 3), predictions \
         (None, 10)"
    );
    assert_eq!(
        check("categorical_crossentropy", &one, &ten).unwrap_err(),
        "the targets do not fit the predictions of the loss `categorical_crossentropy`\n  \
         expected  targets of the predictions' shape (None, 10)\n  received  targets (None, 1), \
         predictions (None, 10)\n  help: for targets that are class indices use \
         `SparseCategoricalCrossentropy`, or make them one-hot vectors of 10"
    );
    assert_eq!(
        check("sparse_categorical_crossentropy", &ten, &ten).unwrap_err(),
        "the targets do not fit the predictions of the loss `sparse_categorical_crossentropy`\n  \
         expected  a class index for each sample: targets (None,)\n  received  targets (None, \
         10), predictions (None, 10)\n  help: for one-hot targets use `CategoricalCrossentropy`"
    );
}

#[test]
fn sequences_and_pairs_need_their_shapes() {
    let check = |loss: &str, y_true: &[Option<usize>], y_pred: &[Option<usize>]| {
        let loss: Loss = loss.parse().unwrap();
        let types = (ty(DType::I32, y_true), ty(DType::F32, y_pred));
        loss.check(&types.0, &types.1).map_err(|error| error.to_string())
    };
    let (steps, vectors) = ([None, Some(9), Some(5)], [None, Some(4)]);
    assert_eq!(check("ctc", &[None, Some(3)], &steps), Ok(()));
    assert_eq!(check("circle", &[None], &vectors), Ok(()));
    assert_eq!(
        check("ctc", &[None], &steps).unwrap_err(),
        "the targets do not fit the predictions of the loss `ctc`\n  expected  targets (None, \
         labels), predictions (None, steps, classes)\n  received  targets (None,), predictions \
         (None, 9, 5)"
    );
    assert_eq!(
        check("circle", &vectors, &vectors).unwrap_err(),
        "the targets do not fit the predictions of the loss `circle`\n  expected  targets (None,), \
         predictions (None, extent)\n  received  targets (None, 4), predictions (None, 4)"
    );
}

#[test]
fn names_stay_names_and_mean_what_the_shapes_say() {
    let (one, ten) = (ty(DType::F32, &[None, Some(1)]), ty(DType::F32, &[None, Some(10)]));
    let choice: LossChoice = "ce".parse().unwrap();
    assert_eq!(choice.to_value(), "ce");
    let class = |y_true, y_pred| choice.resolve(y_true, y_pred).unwrap().class_name();
    assert_eq!(class(&one, &one), "BinaryCrossentropy");
    assert_eq!(class(&one, &ten), "SparseCategoricalCrossentropy");
    assert_eq!(class(&ten, &ten), "CategoricalCrossentropy");
    let function = serde_json::json!({
        "module": "builtins", "class_name": "function", "config": "mean_squared_error",
        "registered_name": "function",
    });
    assert_eq!(LossChoice::from_value(&function).unwrap().to_value(), "mean_squared_error");
    let error = "mse2".parse::<LossChoice>().unwrap_err().to_string();
    assert_eq!(error, "unknown loss `mse2`\n  help: did you mean `MSE`?");
    let kept = LossChoice::from(Huber::new()).to_value();
    assert_eq!(LossChoice::from_value(&kept).unwrap().to_value(), kept);
}

#[test]
fn labels_that_make_no_sense_are_refused() {
    let ten = ty(DType::F32, &[None, Some(10)]);
    let refused = |loss: Loss, labels: &[f64], shape: &[usize]| {
        let labels = Array::from_f64_slice(DType::F32, shape.to_vec(), labels);
        loss.check_labels(&labels, &ten).map_err(|error| error.to_string())
    };
    let sparse = || SparseCategoricalCrossentropy::new();
    assert_eq!(refused(sparse().into(), &[0., 9., 3.], &[3]), Ok(()));
    assert_eq!(refused(sparse().ignore_class(-1).into(), &[-1., 9.], &[2]), Ok(()));
    assert_eq!(
        refused(sparse().into(), &[0., 1., 2., 10.], &[2, 2]).unwrap_err(),
        "a target of the loss `sparse_categorical_crossentropy` is no class of the model\n  \
         expected  class indices from 0 to 9\n  received  10 at [1, 1]\n  help: the last layer \
         needs at least 11 units, or classes must count from 0"
    );
    assert_eq!(
        refused(sparse().into(), &[0., 0.5], &[2]).unwrap_err(),
        "a target of the loss `sparse_categorical_crossentropy` is no class index\n  expected  \
         whole numbers\n  received  0.5 at [1]\n  help: for one-hot or soft targets use \
         `CategoricalCrossentropy`"
    );
    assert_eq!(
        refused(sparse().into(), &[0., -1.], &[2]).unwrap_err(),
        "a target of the loss `sparse_categorical_crossentropy` is no class of the model\n  \
         expected  class indices from 0 to 9\n  received  -1 at [1]\n  help: classes count from \
         0; `ignore_class` skips one index"
    );
    assert_eq!(
        refused(BinaryCrossentropy::new().into(), &[0., 2.], &[2]).unwrap_err(),
        "a target of the loss `binary_crossentropy` is not a probability\n  expected  targets \
         from 0 to 1\n  received  2 at [1]\n  help: scale the targets, or use a loss for numbers \
         such as `MeanSquaredError`"
    );
}

#[test]
fn masks_and_weights_act_as_in_keras() {
    let y_true = Array::zeros(DType::F32, [2, 2, 1]);
    let y_pred = Array::from_slice([2, 2, 1], &[1f32, 2., 3., 4.]).unwrap();
    let mask = Array::from_bools([2, 2], &[true, false, true, true]).unwrap();
    let weight = Array::from_slice([2, 1], &[1f32, 0.5]).unwrap();
    let value = |reduction: Reduction, weight: Option<&Array>| {
        let loss = Loss::from(MeanSquaredError::new().reduction(reduction));
        let [y_true, y_pred, mask] = [&y_true, &y_pred, &mask].map(|a| Tensor::constant(a.clone()));
        let weight = weight.map(|w| Tensor::constant(w.clone()));
        let value = loss.value(&y_true, &y_pred, weight.as_ref(), Some(&mask));
        interpreter::evaluate(&value).unwrap().to_f64_vec()
    };
    let close = |found: Vec<f64>, expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near, "{found:?} is not {expected:?}");
    };
    close(value(Reduction::SumOverBatchSize, None), &[8.666667]);
    close(value(Reduction::SumOverBatchSize, Some(&weight)), &[4.5]);
    close(value(Reduction::Sum, None), &[26.0]);
    close(value(Reduction::Sum, Some(&weight)), &[13.5]);
    close(value(Reduction::MeanWithSampleWeight, None), &[8.666667]);
    close(value(Reduction::MeanWithSampleWeight, Some(&weight)), &[6.75]);
    close(value(Reduction::None, None), &[1.0, 0.0, 9.0, 16.0]);
    close(value(Reduction::None, Some(&weight)), &[1.0, 0.0, 4.5, 8.0]);
}

#[test]
fn defaults_and_options_serialize_as_in_keras() {
    assert_serializes("loss", |object| Loss::from_value(object).unwrap().to_value());
}
