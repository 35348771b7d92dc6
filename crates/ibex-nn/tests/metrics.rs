//! Every metric against real Keras: results after each batch, configurations, names.

mod common;

use std::collections::HashMap;

use common::{assert_close, assert_serializes, goldens, name, names, same_json};
use ibex_graph::{Array, DType, Graph, Tensor, interpreter};
use ibex_nn::losses::Huber;
use ibex_nn::metrics::{
    self, AUC, F1Score, FBetaScore, IoU, MeanIoU, MeanMetricWrapper, Metric, OneHotIoU, Precision,
    PrecisionAtRecall, R2Score, SensitivityAtSpecificity,
};
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
    assert!(count >= 320, "only {count} cases");
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
fn options_of_overlaps_scores_and_rates_are_checked() {
    let ty = |dims: &[Option<usize>]| PartialType::new(DType::F32, PartialShape(dims.to_vec()));
    let (two, one) = (ty(&[None, Some(2)]), ty(&[None]));
    let refused = |metric: Metric, ty: &PartialType| metric.states(ty, ty).unwrap_err().to_string();
    assert_eq!(
        refused(IoU::new(3, [1, 3]).into(), &two),
        "the metric `io_u` is about a class that is out of range\n  expected  `target_class_ids` \
         below `num_classes` = 3\n  received  3"
    );
    assert_eq!(
        refused(OneHotIoU::new(3, []).into(), &two),
        "the metric `one_hot_io_u` is about no class\n  expected  at least one of \
         `target_class_ids`"
    );
    assert_eq!(
        refused(MeanIoU::new(3).dtype("int7").into(), &two),
        "the metric `mean_io_u` cannot count in this dtype\n  expected  `int32` or `float32`\n  \
         received  int7"
    );
    assert_eq!(
        refused(F1Score::new().into(), &one),
        "the metric `f1_score` compares classes of samples\n  expected  targets and predictions \
         (None, classes)\n  received  targets (None,), predictions (None,)"
    );
    assert_eq!(
        refused(F1Score::new().threshold(0.0).into(), &two),
        "the metric `f1_score` has a threshold out of range\n  expected  above 0, up to 1\n  \
         received  0"
    );
    assert_eq!(
        refused(FBetaScore::new().beta(-1.0).into(), &two),
        "the metric `fbeta_score` weighs recall by no positive number\n  expected  `beta` above \
         0\n  received  -1"
    );
    assert_eq!(
        refused(R2Score::new().into(), &one),
        "the metric `r2_score` compares outputs of samples\n  expected  targets and predictions \
         (None, outputs)\n  received  targets (None,), predictions (None,)"
    );
    assert_eq!(
        refused(PrecisionAtRecall::new(1.5).into(), &two),
        "`recall` of the metric `precision_at_recall` is out of range\n  expected  from 0 to 1\n  \
         received  1.5"
    );
    assert_eq!(
        refused(SensitivityAtSpecificity::new(0.5).num_thresholds(0).into(), &two),
        "`num_thresholds` of the metric `sensitivity_at_specificity` is out of range\n  expected  \
         at least 1\n  received  0"
    );
    let unknown = serde_json::json!({"class_name": "F1Score", "config": {"average": "most"}});
    let error = Metric::from_value(&unknown).unwrap_err().to_string();
    assert_eq!(
        error,
        "the option `average` of `F1Score` does not fit\n  expected  one of `micro`, `macro`, \
         `weighted`\n  received  average = \"most\""
    );
}

#[test]
fn a_wrapped_loss_keeps_its_options() {
    let metric = Metric::from(MeanMetricWrapper::new(Huber::new().delta(0.25)).name("near"));
    let again = Metric::from_value(&metric.to_value()).unwrap();
    assert_eq!((again.name(), again.to_value()), ("near".to_string(), metric.to_value()));
    assert_eq!(metric.config()["delta"], 0.25);
    let batches = Metric::from(MeanMetricWrapper::of_batches(Huber::new().delta(0.25)));
    let again = Metric::from_value(&batches.to_value()).unwrap();
    assert_eq!(again.to_value(), batches.to_value());
    assert_eq!(batches.config()["fn"]["config"]["delta"], 0.25);
}

#[test]
fn defaults_and_options_serialize_as_in_keras() {
    assert_serializes("metric", |object| Metric::from_value(object).unwrap().to_value());
}
