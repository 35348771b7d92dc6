//! What goldens of recurrent layers cannot show: dropout's draws, states between batches, names,
//! the size of programs, and mistakes.

use std::sync::Arc;

use ibex_graph::interpreter;
use ibex_graph::{Array, DType, Graph, Tensor, Variable};
use ibex_nn::activations::Activation;
use ibex_nn::initializers::{Identity, Ones, Seeds, Zeros};
use ibex_nn::layers::{
    Bidirectional, ConvLSTM2D, Dense, GRU, GRUCell, Input, LSTM, LSTMCell, RNN, SimpleRNN,
    SimpleRNNCell, StackedRNNCells, TimeDistributed,
};
use ibex_nn::models::symbolic::with;
use ibex_nn::models::{Functional, Sequential, SymbolicTensor};
use ibex_nn::{Instance, Layer, LayerExt, Trace};

fn chain(shape: &[usize], layers: Vec<Arc<dyn Layer>>) -> Functional {
    let input = Input::new(shape);
    let chain =
        layers.into_iter().fold(Sequential::new().add(input), |chain, layer| chain.add(layer));
    let model = chain.to_functional().unwrap();
    model.layers().iter().for_each(|layer| layer.materialize(layer.name(), &mut Seeds::new(1)));
    model
}

/// The graph of a computation of a model of one input.
fn graph(model: Functional, training: bool, shape: &[usize]) -> Graph {
    let state = Variable::new("random", Array::from_slice([2], &[5i64, 0]).unwrap());
    let types: Vec<_> = model.inputs().iter().map(SymbolicTensor::ty).collect();
    let layer: Arc<dyn Layer> = Arc::new(model);
    let x = Tensor::input("x", DType::F32, shape);
    let mut trace = Trace::new(training).with_random(&state);
    let y = Instance::of(&layer, &types).unwrap().call(&mut trace, std::slice::from_ref(&x));
    Graph::new(&[x], &y, &trace.updates()).unwrap()
}

fn ones(shape: &[usize]) -> Array {
    Array::full(DType::F32, shape, 1.0)
}

/// What a simple layer that adds its inputs up, one unit for each feature, gives for ones.
fn added_up(layer: SimpleRNN, training: bool) -> Vec<f64> {
    let layer = layer
        .activation(Activation::Linear)
        .kernel_initializer(Identity::default())
        .recurrent_initializer(Zeros)
        .return_sequences(true);
    let graph = graph(chain(&[4, 64], vec![layer.shared()]), training, &[2, 4, 64]);
    interpreter::run(&graph, &[ones(&[2, 4, 64])]).unwrap().outputs[0].to_f64_vec()
}

#[test]
fn dropout_drops_the_same_at_every_step() {
    let dropped = added_up(SimpleRNN::new(64).dropout(0.25), true);
    let zeros = dropped.iter().filter(|&&value| value == 0.0).count();
    assert!((40..216).contains(&zeros), "{zeros} of 512");
    assert!(dropped.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.75).abs() < 1e-6), "{dropped:?}");
    for sequence in dropped.chunks(4 * 64) {
        assert!(sequence.chunks(64).all(|step| step == &sequence[..64]));
    }
    assert_ne!(dropped[..64], dropped[4 * 64..5 * 64], "both samples drop the same");
    assert!(added_up(SimpleRNN::new(64).dropout(0.25), false).iter().all(|&v| v == 1.0));
    assert!(added_up(SimpleRNN::new(64).dropout(1.0), true).iter().all(|&v| v == 0.0));
}

#[test]
fn recurrent_dropout_drops_the_same_at_every_step() {
    let layer = SimpleRNN::new(64)
        .activation(Activation::Linear)
        .kernel_initializer(Identity::default())
        .recurrent_initializer(Identity::default())
        .return_sequences(true)
        .recurrent_dropout(0.5);
    let graph = graph(chain(&[3, 64], vec![layer.shared()]), true, &[1, 3, 64]);
    let found = interpreter::run(&graph, &[ones(&[1, 3, 64])]).unwrap().outputs[0].to_f64_vec();
    for unit in 0..64 {
        // The state counts twice or not at all: 1, 1 + 2, 1 + 2 · 3 or 1, 1, 1.
        let steps = [found[unit], found[64 + unit], found[128 + unit]];
        assert!(steps == [1., 3., 7.] || steps == [1., 1., 1.], "{steps:?}");
    }
}

#[test]
fn every_kind_of_dropout_computes() {
    let cells = StackedRNNCells::new()
        .add(LSTMCell::new(3).dropout(0.5).recurrent_dropout(0.5))
        .add(GRUCell::new(2).dropout(0.5).implementation(1))
        .add(GRUCell::new(2).recurrent_dropout(0.5).reset_after(false))
        .add(SimpleRNNCell::new(2).dropout(0.5));
    let layers: Vec<Arc<dyn Layer>> = vec![
        LSTM::new(4).dropout(0.5).implementation(1).return_sequences(true).shared(),
        RNN::new(cells).return_sequences(true).shared(),
        Bidirectional::new(GRU::new(2).dropout(0.5).recurrent_dropout(0.5)).shared(),
    ];
    let graph = graph(chain(&[3, 5], layers), true, &[2, 3, 5]);
    let found = interpreter::run(&graph, &[ones(&[2, 3, 5])]).unwrap().outputs.remove(0);
    assert_eq!(found.shape().dims(), [2, 4]);
    let video = ConvLSTM2D::new(2, 2).dropout(0.5).recurrent_dropout(0.5);
    let graph = self::graph(chain(&[3, 4, 4, 1], vec![video.shared()]), true, &[2, 3, 4, 4, 1]);
    let found = interpreter::run(&graph, &[ones(&[2, 3, 4, 4, 1])]).unwrap().outputs.remove(0);
    assert!(found.to_f64_vec().iter().all(|value| value.is_finite()));
}

#[test]
fn programs_of_usual_layers_do_not_grow_with_the_sequence() {
    let layers = || -> Vec<Arc<dyn Layer>> {
        let cells = StackedRNNCells::new().add(LSTMCell::new(3)).add(GRUCell::new(2));
        vec![
            LSTM::new(4).return_sequences(true).shared(),
            Bidirectional::new(GRU::new(3).return_sequences(true)).shared(),
            TimeDistributed::new(Dense::new(3)).shared(),
            RNN::new(cells).return_sequences(true).shared(),
            SimpleRNN::new(2).unroll(true).shared(),
        ]
    };
    let nodes = |time: usize| graph(chain(&[time, 5], layers()), true, &[2, time, 5]).nodes().len();
    assert_eq!(nodes(1000), nodes(10));
}

#[test]
fn the_last_states_begin_the_next_batch() {
    // The end of a sequence, after its beginning in the batch before, ends as the whole sequence.
    let layer = |stateful: bool| {
        GRU::new(3).stateful(stateful).bias_initializer(Ones).recurrent_initializer(Ones)
    };
    let value = |from: usize, time: usize| {
        let numbers: Vec<f32> = (from..from + 2 * time).map(|i| (i as f32).sin()).collect();
        Array::from_slice([1, time, 2], &numbers).unwrap()
    };
    let model = |time: usize, stateful: bool| {
        let input =
            Input::with_batch_shape(ibex_nn::PartialShape(vec![Some(1), Some(time), Some(2)]));
        let chain = Sequential::new().add(input).add(layer(stateful));
        let model = chain.to_functional().unwrap();
        model.layers().iter().for_each(|l| l.materialize(l.name(), &mut Seeds::new(1)));
        model
    };
    let whole = interpreter::run(&graph(model(6, false), false, &[1, 6, 2]), &[value(0, 6)]);
    let whole = whole.unwrap().outputs.remove(0).to_f64_vec();
    let stateful = model(3, true);
    let weights = stateful.layers()[1].all_weights().len();
    assert_eq!(weights, 3, "states are no weights");
    let layer = stateful.layers()[1].clone();
    let program = graph(stateful, false, &[1, 3, 2]);
    let run = |from: usize| {
        let outcome = interpreter::run(&program, &[value(from, 3)]).unwrap();
        for (variable, new) in &outcome.updates {
            variable.set(&new.to_array()).unwrap();
        }
        outcome.outputs[0].to_f64_vec()
    };
    let first = run(0);
    for (found, expected) in run(6).iter().zip(&whole) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    layer.reset_states();
    assert_eq!(run(0), first);
}

#[test]
fn names_of_weights_are_those_of_keras() {
    // `[v.path for v in model.weights]` of Keras 3.15.1 for the same chain.
    let cells =
        StackedRNNCells::new().add(LSTMCell::new(3)).add(GRUCell::new(2)).add(LSTMCell::new(3));
    let layers: Vec<Arc<dyn Layer>> = vec![
        Bidirectional::new(GRU::new(4).return_sequences(true)).shared(),
        Bidirectional::new(LSTM::new(4).return_sequences(true).name("hh")).name("bb").shared(),
        TimeDistributed::new(Dense::new(3)).shared(),
        RNN::new(cells).return_sequences(true).shared(),
        GRU::new(2).shared(),
    ];
    let model = chain(&[5, 3], layers);
    let weights = model.layers().iter().flat_map(|layer| layer.all_weights());
    let names: Vec<String> = weights.map(|w| w.variable().unwrap().name().to_string()).collect();
    let kernels: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix("/kernel")).collect();
    assert_eq!(
        kernels,
        [
            "bidirectional/forward_gru/gru_cell",
            "bidirectional/backward_gru/gru_cell",
            "bb/forward_hh/lstm_cell",
            "bb/backward_hh/lstm_cell",
            "time_distributed/dense",
            "rnn/stacked_rnn_cells/lstm_cell",
            "rnn/stacked_rnn_cells/gru_cell",
            "rnn/stacked_rnn_cells/lstm_cell_1",
            "gru_1/gru_cell",
        ]
    );
    assert_eq!(names.len(), 26);
}

#[test]
fn both_directions_have_weights_of_their_own() {
    let one = Bidirectional::new(RNN::new(GRUCell::new(2)));
    let model = chain(&[5, 3], vec![one.shared()]);
    let weights = model.layers()[1].all_weights();
    let mut ids: Vec<u64> = weights.iter().map(|w| w.variable().unwrap().id()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

/// What is said about a layer that is called on an input of this shape.
fn mistake(layer: &dyn Layer, shape: &[Option<usize>]) -> String {
    let x = Input::with_batch_shape(ibex_nn::PartialShape(shape.to_vec())).name("x").tensor();
    mistake_of(layer.call(&x), vec![x])
}

fn mistake_of(output: SymbolicTensor, inputs: Vec<SymbolicTensor>) -> String {
    let error = Functional::new(inputs, vec![output]).unwrap_err();
    let text = error.mistakes[0].error.to_string();
    text.split_once(": ").map_or(text.clone(), |(_, what)| what.to_string())
}

#[test]
fn mistakes_say_what_is_wrong() {
    let known = [None, Some(5), Some(3)];
    let unknown = [None, None, Some(3)];
    assert_eq!(mistake(&LSTM::new(0), &known), "`units` must be positive\n  received  units = 0");
    assert_eq!(
        mistake(&GRU::new(4), &[None, Some(5)]),
        "the input must have 3 axes\n  expected  (batch, time, features)\n  received  (None, 5)"
    );
    assert_eq!(
        mistake(&SimpleRNN::new(4), &[None, Some(5), None]),
        "a step takes a vector of known length\n  expected  (batch, features)\n  received  \
         (None, None)"
    );
    assert_eq!(
        mistake(&GRU::new(4).unroll(true), &unknown),
        "a sequence of unknown length cannot be unrolled\n  expected  a number for axis 1, the \
         time\n  received  (None, None, 3)\n  help: give the length in the shape of the input, or \
         do not set `unroll`"
    );
    assert_eq!(
        mistake(&LSTM::new(4).stateful(true), &known),
        "a stateful layer must know the size of the batches\n  expected  a number for axis 0, \
         the batch\n  received  (None, 5, 3)\n  help: give the batch size with the shape of the \
         input"
    );
    assert_eq!(
        mistake(&RNN::new(Dense::new(3)), &known),
        "`Dense` is no cell of a recurrent layer\n  expected  a layer with states, such as \
         LSTMCell\n  help: give `Layer::as_cell` of your own cell"
    );
    assert_eq!(
        mistake(&RNN::new(StackedRNNCells::new()), &known),
        "there is no cell to repeat\n  expected  at least one\n  received  cells = []"
    );
    assert_eq!(
        mistake(&Bidirectional::new(Dense::new(3)), &known),
        "only a layer that goes through time has two directions\n  expected  a recurrent layer, \
         such as LSTM\n  received  Dense"
    );
    assert_eq!(
        mistake(&Bidirectional::new(GRU::new(3).go_backwards(true)), &known),
        "both layers go in the same direction\n  expected  `go_backwards` of one of them\n  \
         received  go_backwards = true of both"
    );
    let other = GRU::new(3).go_backwards(true).return_sequences(true);
    assert_eq!(
        mistake(&Bidirectional::new(GRU::new(3)).backward_layer(other), &known),
        "the layers of both directions differ in `return_sequences`\n  expected  the same for \
         both\n  received  false forward, true backward"
    );
    assert_eq!(
        mistake(&TimeDistributed::new(Dense::new(3)), &[None, Some(5)]),
        "the input must have time steps\n  expected  (batch, time, …) with at least 3 axes\n  \
         received  (None, 5)"
    );
    assert_eq!(
        mistake(&ConvLSTM2D::new(2, 3).strides(2).dilation_rate(2), &known),
        "strides and dilation cannot be used together\n  expected  `strides` = 1 or \
         `dilation_rate` = 1\n  received  strides = [2, 2], dilation_rate = [2, 2]"
    );
    assert_eq!(
        mistake(&ConvLSTM2D::new(2, 3), &[None, Some(2), None, Some(8), Some(1)]),
        "the extent of the spatial axis must be known\n  expected  a number for axis 1\n  \
         received  (None, None, 8, 1)\n  help: give it in the shape of the input"
    );
}

#[test]
fn initial_states_must_fit() {
    let (x, h) = (Input::new([5, 3]).tensor(), Input::new([4]).tensor());
    let one = LSTM::new(4).call([&x, &h]);
    assert_eq!(
        mistake_of(one, vec![x.clone(), h.clone()]),
        "the initial states do not fit the cell\n  expected  2, one for each of its states\n  \
         received  1"
    );
    let other = GRU::new(3).call(with(&x).tensors("initial_state", [&h]));
    assert!(mistake_of(other, vec![x, h]).starts_with("the initial states do not fit the cell"));
}

#[test]
fn options_of_files_are_those_of_the_layers() {
    let config = serde_json::json!({
        "class_name": "Bidirectional",
        "config": {"layer": {"class_name": "GRU", "config": {"units": 3, "name": "gru_7"}}},
    });
    let layer = ibex_nn::saving::layer_from_config(&config).unwrap();
    let written = ibex_nn::saving::layer_config(layer.as_ref());
    assert_eq!(written["config"]["merge_mode"], "concat");
    assert_eq!(written["config"]["layer"]["config"]["name"], "forward_gru_7");
    assert_eq!(written["config"]["backward_layer"]["config"]["name"], "backward_gru_7");
    assert_eq!(written["config"]["backward_layer"]["config"]["go_backwards"], true);
}
