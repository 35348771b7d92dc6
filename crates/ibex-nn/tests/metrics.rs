//! Every metric against real Keras: results after each batch, configurations, names.

mod common;

use std::collections::HashMap;

use common::{assert_close, assert_serializes, goldens, name, names, same_json};
use ibex_graph::{Array, DType, Graph, Tensor, interpreter};
use ibex_nn::metrics::{self, AUC, Metric, Precision};
use ibex_nn::{PartialShape, PartialType};

/// Keras keeps states in `float32` and computes each batch in it.
const TOLERANCE: f64 = 2e-6;

fn type_of(array: &Array) -> PartialType {
    PartialType::new(array.dtype(), PartialShape::from(array.shape()))
}

/// A metric with its states.
struct Tracked {
    metric: Metric,
    states: Vec<Array>,
}

impl Tracked {
    fn new(metric: Metric, y_true: &Array, y_pred: &Array) -> Tracked {
        let states = metric.states(&type_of(y_true), &type_of(y_pred)).unwrap();
        let states = states.iter().map(|s| Array::full(s.ty.dtype, &s.ty.shape, s.initial));
        Tracked { states: states.collect(), metric }
    }

    fn update(
        &mut self,
        y_true: &Array,
        y_pred: &Array,
        weight: Option<&Array>,
        mask: Option<&Array>,
    ) {
        let constant = |array: &Array| Tensor::constant(array.clone());
        let states: Vec<Tensor> = self.states.iter().map(constant).collect();
        let updated = self.metric.update_masked(
            &states,
            &constant(y_true),
            &constant(y_pred),
            weight.map(constant).as_ref(),
            mask.map(constant).as_ref(),
        );
        let graph = Graph::new(&[], &updated, &[]).unwrap();
        let outputs = interpreter::run(&graph, &[]).unwrap().outputs;
        for (state, new) in self.states.iter().zip(&outputs) {
            assert_eq!((state.shape(), state.dtype()), (new.shape(), new.dtype()));
        }
        self.states = outputs;
    }
}

#[test]
fn results_are_those_of_keras() {
    let mut count = 0;
    for file in names("metrics") {
        let goldens = goldens(&file);
        for case in &goldens.cases {
            let label = name(case);
            let metric = Metric::from_value(&case["object"]).unwrap();
            assert!(
                same_json(&metric.to_value(), &case["object"]),
                "{label}: {} is not {}",
                metric.to_value(),
                case["object"]
            );
            let array = |part: &str, at: usize| goldens.find(&format!("{label}.{part}{at}"));
            let targets = |at| array("y_true", at).or(array("values_in", at)).unwrap();
            let predictions = |at| array("y_pred", at).or(array("values_in", at)).unwrap();
            let mut tracked = Tracked::new(metric, &targets(0), &predictions(0));
            let updates = case["updates"].as_u64().unwrap() as usize;
            let mut results = Vec::new();
            for at in 0..updates {
                let weight = array("sample_weight", at);
                assert_eq!(weight.is_some(), case["weighted"].as_bool().unwrap(), "{label}");
                tracked.update(&targets(at), &predictions(at), weight.as_ref(), None);
                results.extend(tracked.metric.results(&tracked.states));
            }
            let expected = goldens.get(&format!("{label}.values"));
            let results = Array::from_f64_slice(DType::F32, expected.shape(), &results);
            assert_close(label, &results, &expected, TOLERANCE);
            count += 1;
        }
    }
    assert!(count >= 150, "only {count} cases");
}

#[test]
fn every_row_round_trips() {
    for row in Metric::ROWS {
        let made: Metric = row.class_name.parse().unwrap();
        let again = Metric::from_value(&made.to_value()).unwrap();
        assert_eq!(made.to_value(), again.to_value(), "{}", row.class_name);
    }
}

#[test]
fn accuracy_means_what_the_shapes_say() {
    let ty = |dims: &[Option<usize>]| PartialType::new(DType::F32, PartialShape(dims.to_vec()));
    let resolved = |name: &str, y_true: &[Option<usize>], y_pred: &[Option<usize>]| {
        let metric = metrics::resolve(name, &ty(y_true), &ty(y_pred)).unwrap();
        (metric.class_name(), metric.name())
    };
    let (one, ten) = ([None, Some(1)], [None, Some(10)]);
    assert_eq!(resolved("accuracy", &one, &one), ("BinaryAccuracy", "accuracy".into()));
    assert_eq!(resolved("acc", &one, &ten), ("SparseCategoricalAccuracy", "acc".into()));
    assert_eq!(resolved("acc", &[None], &ten), ("SparseCategoricalAccuracy", "acc".into()));
    assert_eq!(resolved("accuracy", &ten, &ten), ("CategoricalAccuracy", "accuracy".into()));
    assert_eq!(resolved("ce", &ten, &ten), ("CategoricalCrossentropy", "ce".into()));
    assert_eq!(resolved("mse", &ten, &ten), ("MeanSquaredError", "mse".into()));
    let error = metrics::resolve("acuracy", &ty(&one), &ty(&one)).unwrap_err().to_string();
    assert_eq!(error, "unknown metric `acuracy`\n  help: did you mean `Accuracy`?");
}

#[test]
fn a_mask_weighs_means_and_leaves_counts_alone() {
    let y_true = Array::from_slice([2, 2], &[1f32, 0., 1., 1.]).unwrap();
    let y_pred = Array::from_slice([2, 2], &[0.9f32, 0.8, 0.1, 0.7]).unwrap();
    let mask = Array::from_bools([2, 2], &[true, false, false, true]).unwrap();
    let result = |name: &str| {
        let metric: Metric = name.parse().unwrap();
        let mut tracked = Tracked::new(metric, &y_true, &y_pred);
        tracked.update(&y_true, &y_pred, None, Some(&mask));
        tracked.metric.result(&tracked.states)
    };
    assert_eq!(result("binary_accuracy"), 1.0);
    assert_eq!(result("false_positives"), 1.0);
}

#[test]
fn options_that_make_no_sense_are_errors() {
    let ty = PartialType::new(DType::F32, PartialShape(vec![None]));
    let refused = |metric: Metric| metric.states(&ty, &ty).unwrap_err().to_string();
    assert_eq!(
        refused(Precision::new().thresholds(1.5).into()),
        "the metric `precision` has a threshold out of range\n  expected  one or more numbers \
         from 0 to 1\n  received  1.5"
    );
    assert_eq!(
        refused(AUC::new().multi_label(true).into()),
        "the metric `auc` cannot tell the labels apart\n  expected  predictions (None, labels)\n  \
         received  (None,)\n  help: without `multi_label` all labels count together"
    );
    let names: HashMap<&str, usize> =
        Metric::ROWS.iter().flat_map(|row| row.aliases).map(|alias| (*alias, 1)).collect();
    let all: usize = Metric::ROWS.iter().map(|row| row.aliases.len()).sum();
    assert_eq!(names.len(), all, "two metrics share a name");
}

#[test]
fn defaults_and_options_serialize_as_in_keras() {
    assert_serializes("metric", |object| Metric::from_value(object).unwrap().to_value());
}
