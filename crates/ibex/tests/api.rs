//! What users do with models beyond the first example: weights, freezing, weighted samples,
//! mistakes, steps of their own, and the same bits again.

use ibex::prelude::*;

/// The seed of every test here: it belongs to the process, and tests run side by side.
const SEED: u64 = 7;

/// `y = w · x + b`, from `w = 1` and `b = 0`, on eight samples: as the goldens below.
fn line() -> (Model, Array2<f32>, Array2<f32>) {
    let x = Array2::from_shape_fn((8, 1), |(i, _)| i as f32 / 8.0);
    let y = x.mapv(|v| f32::from(v > 0.4));
    let mut model = Sequential::new()
        .add(Input::new([1]))
        .add(Dense::new(1).kernel_initializer(Ones))
        .build()
        .unwrap();
    let compile = Compile::new(SGD::new(0.1), MeanSquaredError::new());
    model.compile(compile.metrics(["mae"]).weighted_metrics(["mae"])).unwrap();
    (model, x, y)
}

fn in_order() -> Fit {
    Fit::new().batch_size(3).shuffle(false).verbose(0)
}

/// Compares with what Keras 3.15.1 gives; the bound is the contract's 1e-4 for losses and metrics.
fn close(received: &[f64], expected: &[f64]) {
    assert_eq!(received.len(), expected.len(), "{received:?} {expected:?}");
    for (r, e) in received.iter().zip(expected) {
        assert!((r - e).abs() <= 1e-4 * e.abs(), "{received:?}, Keras: {expected:?}");
    }
}

fn weights(model: &Model) -> Vec<f64> {
    model.get_weights().iter().flat_map(Array::to_f64_vec).collect()
}

#[test]
fn class_weights_act_where_those_of_keras_do() {
    let (mut model, x, y) = line();
    let fit = in_order().epochs(2).class_weight([(0, 2.0), (1, 0.5)]);
    let history = model.fit(&x, &y, fit).unwrap();
    close(&history.get("loss"), &[0.08476173132658005, 0.07916964590549469]);
    close(&history.get("mae"), &[0.2738783657550812, 0.2730373740196228]);
    close(&history.get("weighted_mae"), &[0.21396541595458984, 0.20669956505298615]);
    close(&weights(&model), &[1.0274687, -0.0521411]);
}

#[test]
fn sample_weights_act_where_those_of_keras_do() {
    let (mut model, x, y) = line();
    let fit = in_order().epochs(2).sample_weight(&Array1::from_iter((0..8).map(|i| i as f32)));
    let history = model.fit(&x, &y, fit).unwrap();
    close(&history.get("loss"), &[0.3434041440486908, 0.31623682379722595]);
    close(&history.get("mae"), &[0.23281237483024597, 0.2452494204044342]);
    close(&history.get("weighted_mae"), &[0.2575046122074127, 0.25174838304519653]);
    close(&weights(&model), &[1.0116944, 0.05498936]);
}

#[test]
fn class_and_sample_weights_together_are_refused() {
    let (mut model, x, y) = line();
    let fit = in_order().sample_weight(&Array1::<f32>::ones(8)).class_weight([(0, 2.0)]);
    let text = model.fit(&x, &y, fit).unwrap_err().to_string();
    assert!(text.contains("`class_weight` and `sample_weight`"), "{text}");
}

#[test]
fn the_validation_split_is_the_tail() {
    let (mut model, x, y) = line();
    let history = model.fit(&x, &y, in_order().epochs(2).validation_split(0.3)).unwrap();
    close(&history.get("loss"), &[0.09552555531263351, 0.09472627192735672]);
    close(&history.get("val_loss"), &[0.07356449961662292, 0.0732722282409668]);
    close(&history.get("val_mae"), &[0.25095412135124207, 0.2500152885913849]);
    close(&weights(&model), &[1.0165626, -0.01243723]);
}

#[test]
fn validation_data_may_be_weighted() {
    let (mut model, x, y) = line();
    let validation = Samples {
        x: vec![(&x.slice(s![..3, ..])).into()],
        y: vec![(&y.slice(s![..3, ..])).into()],
        weights: vec![(&array![1f32, 2., 3.]).into()],
    };
    let history = model.fit(&x, &y, in_order().validation_samples(validation)).unwrap();
    close(&history.get("loss"), &[0.0872100219130516]);
    close(&history.get("val_loss"), &[0.11528662592172623]);
    close(&history.get("val_mae"), &[0.17590488493442535]);
    close(&history.get("val_weighted_mae"), &[0.21945472061634064]);
}

/// A model with every part that may differ between runs: dropout, statistics, shuffling.
fn noisy() -> Model {
    set_random_seed(SEED);
    let mut model = Sequential::new()
        .add(Input::new([6]))
        .add(Dense::new(16).activation(Relu))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.2))
        .add(Dense::new(1))
        .build()
        .unwrap();
    model.compile(Compile::new(Adam::new(0.01), MeanSquaredError::new())).unwrap();
    model
}

fn noise() -> (ArrayD<f32>, ArrayD<f32>) {
    (random::normal([50, 6], 1), random::normal([50, 1], 2))
}

#[test]
fn weights_are_read_and_replaced_whole() {
    let (mut model, mut other) = (noisy(), noisy());
    let (x, y) = noise();
    model.fit(&x, &y, Fit::new().verbose(0)).unwrap();
    assert_ne!(model.get_weights(), other.get_weights());
    other.set_weights(&model.get_weights()).unwrap();
    assert_eq!(model.predict(&x).unwrap(), other.predict(&x).unwrap());

    let before = other.get_weights();
    let mut wrong = before.clone();
    wrong[0] = Array::zeros(Float32, [6, 16]);
    wrong[7] = Array::zeros(Float32, [2]);
    let text = other.set_weights(&wrong).unwrap_err().to_string();
    assert!(
        text.contains("expected  shape (1,)") && text.contains("received  shape (2,)"),
        "{text}"
    );
    assert_eq!(other.get_weights(), before, "a refused list changes nothing");
    assert!(other.set_weights(&before[1..]).unwrap_err().to_string().contains("number of weights"));
}

#[test]
fn a_frozen_layer_stays_as_it_is() {
    let mut model = noisy();
    let (x, y) = noise();
    for name in ["dense", "batch_normalization"] {
        model.layer(name).unwrap().set_trainable(false);
    }
    model.compile(Compile::new(Adam::new(0.01), MeanSquaredError::new())).unwrap();
    assert_eq!(model.trainable_variables().len(), 2);
    let before = model.get_weights();
    model.fit(&x, &y, Fit::new().epochs(3).verbose(0)).unwrap();
    let after = model.get_weights();
    // The dense layer's two, then gamma, beta and the two statistics.
    assert_eq!(before[..6], after[..6]);
    assert_ne!(before[6], after[6]);
}

#[test]
fn a_frozen_normalisation_normalises_with_its_statistics() {
    let build = |trainable| {
        let layer = BatchNormalization::new().trainable(trainable);
        let mut model = Sequential::new()
            .add(Input::new([2]))
            .add(layer)
            .add(Dense::new(1).kernel_initializer(Ones).trainable(false))
            .build()
            .unwrap();
        model.compile(Compile::new(SGD::new(0.0), MeanSquaredError::new())).unwrap();
        model
    };
    let (x, y) = (array![[100., 200.], [101., 199.]], array![[0.], [0.]]);
    // Statistics are still mean 0 and variance 1: frozen, the inputs pass almost unchanged.
    let frozen = build(false).train_on_batch(&x, &y).unwrap();
    assert!(frozen.get("loss").unwrap() > 80_000.0, "{frozen:?}");
    // Trained, the batch's own statistics cancel out between the two columns.
    let trained = build(true).train_on_batch(&x, &y).unwrap();
    assert!(trained.get("loss").unwrap() < 1.0, "{trained:?}");
}

#[test]
fn every_mistake_of_a_model_is_reported_with_its_line() {
    let a = Input::new([4]).tensor();
    let first = Dense::new(0).call(&a);
    let first_line = line!() - 1;
    let b = Input::new([5]).name("b").tensor();
    let second = add([&a, &b]);
    let second_line = line!() - 1;
    let text = Model::new([a, b], [first, second]).unwrap_err().to_string();
    for line in [first_line, second_line] {
        assert!(text.contains(&format!("api.rs:{line}:")), "no line {line} in\n{text}");
    }
    assert!(text.contains("`units` must be positive"), "{text}");
    assert!(text.contains("(None, 4)") && text.contains("(None, 5)"), "{text}");
}

#[test]
fn a_weight_that_no_gradient_reaches_is_named() {
    let steps = Activation::Custom("steps", std::sync::Arc::new(|x: &Tensor| x.round()));
    let mut model = Sequential::new()
        .add(Input::new([3]))
        .add(Dense::new(2).activation(steps))
        .add(Dense::new(1))
        .build()
        .unwrap();
    model.compile(Compile::new(SGD::new(0.1), MeanSquaredError::new())).unwrap();
    let (x, y) = (array![[1., 2., 3.]], array![[1.]]);
    let text = model.fit(&x, &y, Fit::new().verbose(0)).unwrap_err().to_string();
    assert!(text.contains("no gradient reaches the weight `dense/kernel`"), "{text}");
    assert!(text.contains("no gradient reaches the weight `dense/bias`"), "{text}");
    assert!(text.contains("breaks at `round` in layer `dense`"), "{text}");
}

#[test]
fn a_step_of_ones_own_trains_as_fit_does() {
    let (x, y) =
        (array![[1f32, 2.], [3., -1.], [0., 1.], [2., 2.]], array![[1f32], [0.], [1.], [0.]]);
    let build = || {
        set_random_seed(SEED);
        Sequential::new()
            .add(Input::new([2]))
            .add(Dense::new(3).activation(Tanh))
            .add(Dense::new(1))
            .build()
            .unwrap()
    };
    let mut fitted = build();
    fitted.compile(Compile::new(Adam::new(0.05), MeanSquaredError::new())).unwrap();
    let fit = Fit::new().epochs(5).batch_size(4).shuffle(false).verbose(0);
    let history = fitted.fit(&x, &y, fit).unwrap();

    let stepped = build();
    let optimizer = Adam::new(0.05).build(&stepped);
    let mut step = trace(|t| {
        let (x, y) = (t.input("x", [4, 2], Float32), t.input("y", [4, 1], Float32));
        let loss = (stepped.call(t, &x) - y).square().mean_all();
        let gradients = t.grad(&loss, stepped.trainable_variables());
        optimizer.apply(t, &gradients);
        loss
    })
    .compile(&Device::cpu())
    .unwrap();
    let losses: Vec<f64> = (0..5).map(|_| step.call((&x, &y)).unwrap().to_f64_vec()[0]).collect();
    // The same formulas in another order of rounding.
    close(&losses, &history.get("loss"));
    close(&weights(&stepped), &weights(&fitted));
}

#[test]
fn mistakes_in_a_step_of_ones_own_are_reported_together() {
    let model = noisy();
    let error = trace(|t| {
        let x = t.input("x", [4, 6], Float32);
        let wrong = &x + &t.random_normal([5]);
        let unused = model.trainable_variables();
        let missing = t.grad(&x.sum_all(), &unused[..1]);
        [wrong, missing[0].clone()]
    })
    .compile(&Device::cpu())
    .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("(4, 6)") && text.contains("(5,)"), "{text}");
    assert!(text.contains("no gradient reaches the weight `dense/kernel`"), "{text}");
    assert_eq!(text.matches("api.rs:").count(), 2, "{text}");
}

#[test]
fn a_function_says_what_it_takes() {
    let mut double = trace(|t| t.input("x", [2], Float32) * 2.0).compile(&Device::cpu()).unwrap();
    assert_eq!(double.call(&array![1, 2]).unwrap().to_f64_vec(), [2., 4.]);
    let text = double.call(&array![1., 2., 3.]).unwrap_err().to_string();
    assert!(text.contains("expected  (2,)") && text.contains("received  (3,)"), "{text}");
    let text = double.call((&array![1.], &array![1.])).unwrap_err().to_string();
    assert!(text.contains("expected  1 (x)"), "{text}");
}

#[test]
fn gradients_of_gradients_and_of_updated_weights() {
    let w = Variable::new("w", Array::scalar(3f32));
    let mut cubes = trace(|t| {
        let value = t.read(&w);
        let cube = &value * &value * &value;
        let first = t.grad(&cube, [&value]).remove(0);
        let second = t.grad(&first, [&w]).remove(0);
        // After an assignment the variable stands for its new value.
        t.assign(&w, &value * 2.0);
        let square = t.read(&w).square();
        let updated = t.grad(&square, [&w]).remove(0);
        [first, second, updated]
    })
    .compile(&Device::cpu())
    .unwrap();
    let values = cubes.call(Arrays::default()).unwrap().map(|a| a.to_f64_vec()[0]);
    assert_eq!(values, [27.0, 18.0, 12.0]);
    assert_eq!(w.get().to_f64_vec(), [6.0]);
}

#[test]
fn a_resumed_training_has_the_bits_of_an_undisturbed_one() {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = noise();
    let fit = |epochs| {
        let fit = Fit::new().epochs(epochs).batch_size(8).verbose(0).validation_split(0.2);
        let stopping = EarlyStopping::new("val_loss").patience(9).restore_best_weights();
        fit.callback(ReduceLROnPlateau::new("val_loss").factor(0.5).patience(1)).callback(stopping)
    };
    let mut whole = noisy();
    let history = whole.fit(&x, &y, fit(6)).unwrap();

    // Killed in the third epoch: the checkpoint of the second is there.
    let kill = LambdaCallback::new().on_train_batch_end(|event| match (event.epoch, event.batch) {
        (2, 3) => Err(Error::Callback { name: "power".into(), reason: "cut".into() }),
        _ => Ok(()),
    });
    let killed = noisy().fit(&x, &y, fit(6).callback(kill).checkpoint_dir(folder.path()));
    assert!(killed.unwrap_err().to_string().contains("cut"));
    let mut resumed = noisy();
    let again = fit(6).checkpoint_dir(folder.path()).resume(true);
    let resumed_history = resumed.fit(&x, &y, again).unwrap();
    assert_eq!(resumed.get_weights(), whole.get_weights());
    assert_eq!(resumed_history.logs, history.logs);
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let (x, y) = noise();
    let train = |threads| {
        let mut model = noisy();
        model.set_device(Device::cpu_threads(threads));
        let history = model.fit(&x, &y, Fit::new().epochs(2).batch_size(16).verbose(0)).unwrap();
        (model.get_weights(), history.logs)
    };
    let one = train(1);
    assert_eq!(one, train(2));
    assert_eq!(one, train(3));
}

#[test]
fn names_that_two_families_share_are_both_at_hand() {
    let x = Input::new([3]).tensor();
    let hidden = Dense::new(3).activation(Softmax).call(&x);
    let y = layers::Activation::new(Relu).call(layers::Softmax::new().call(&hidden));
    let mut model = Model::new([x], [y]).unwrap();
    let compile = Compile::new(SGD::new(0.1), MeanSquaredError::new());
    model.compile(compile.metric(metrics::MeanSquaredError::new())).unwrap();
    let logs = model.evaluate(&array![[1, 2, 3]], &array![[0., 0., 1.]]).unwrap();
    assert_eq!(logs.get("loss"), logs.get("mean_squared_error"));
}
