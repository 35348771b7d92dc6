"""Cases of layers: what goes through time, cells and wrappers."""

import keras
import numpy as np
from keras import constraints as C
from keras import initializers as I
from keras import layers as L
from keras import regularizers as R

from . import Case, table

X = (5, 3)


def with_states(layer, tensors):
    """The first input and the others as a list of initial states."""
    return layer(tensors[0], initial_state=list(tensors[1:]))


def with_mask(layer, tensors):
    """The last input as the mask."""
    states = {"initial_state": list(tensors[1:-1])} if len(tensors) > 2 else {}
    return flat(layer(tensors[0], mask=tensors[-1], **states))


def flat(outputs):
    """The states of several cells as one list."""
    outputs = keras.tree.flatten(outputs)
    return outputs if len(outputs) > 1 else outputs[0]


def of_cell(cell, tensors):
    return flat(cell(tensors[0], list(tensors[1:])))


def alone(layer, tensors):
    return flat(layer(tensors[0]))


def holes(random, index, shape):
    """Masks with padding at the start, in the middle, at the end, and everywhere."""
    if len(shape) != 2 or shape[1] != X[0]:
        return None
    mask = random.integers(0, 3, shape) > 0
    mask[0], mask[1], mask[2, :2], mask[3, 3:] = False, True, False, False
    return mask


def masked(layer, base, rows, states=0, units=4):
    """Rows with a mask given by the call."""
    shapes = [X] + [(units,)] * states + [X[:1]]
    dtypes = ["float32"] * (1 + states) + ["bool"]
    yield from table(layer, base, shapes, rows, call=with_mask, values=holes, input_dtypes=dtypes)


COMMON = {
    "": {},
    "sequences": {"return_sequences": True},
    "state": {"return_state": True},
    "sequences_state": {"return_sequences": True, "return_state": True},
    "backwards": {"go_backwards": True},
    "backwards_sequences_state": {"go_backwards": True, "return_sequences": True,
                                  "return_state": True},
    "unroll": {"unroll": True, "return_sequences": True},
    "unroll_backwards": {"unroll": True, "go_backwards": True, "return_sequences": True},
    "no_bias": {"use_bias": False},
    "relu": {"activation": "relu"},
    "linear": {"activation": None},
    "gelu": {"activation": "gelu", "return_sequences": True},
    "regularized": {"kernel_regularizer": R.L2(0.02), "recurrent_regularizer": R.L1(0.01),
                    "bias_regularizer": R.L2(0.03)},
    "constrained": {"kernel_constraint": C.MaxNorm(0.5), "recurrent_constraint": C.UnitNorm(),
                    "bias_constraint": C.NonNeg()},
    "activity": {"activity_regularizer": R.L2(0.02), "return_sequences": True,
                 "return_state": True},
    "initializers": {"kernel_initializer": "he_normal", "bias_initializer": "ones",
                     "recurrent_initializer": I.RandomNormal(stddev=0.1)},
}

GATES = {
    "hard_sigmoid": {"recurrent_activation": "hard_sigmoid"},
    "exotic": {"activation": "softsign", "recurrent_activation": "softplus",
               "go_backwards": True, "return_sequences": True},
    "implementation_1": {"implementation": 1, "return_sequences": True},
}

MASKED = {
    "": {},
    "sequences_state": {"return_sequences": True, "return_state": True},
    "zero_output": {"zero_output_for_mask": True, "return_state": True},
    "zero_output_sequences": {"zero_output_for_mask": True, "return_sequences": True},
    "backwards": {"go_backwards": True, "return_state": True},
    "backwards_sequences": {"go_backwards": True, "return_sequences": True},
    "backwards_zero_output": {"go_backwards": True, "zero_output_for_mask": True},
    "unroll": {"unroll": True, "return_sequences": True},
    "unroll_zero_output_backwards": {"unroll": True, "zero_output_for_mask": True,
                                     "go_backwards": True, "return_sequences": True},
}


def of_units(rows, units=4):
    return {suffix: {"units": units} | arguments for suffix, arguments in rows.items()}


def plain():
    kinds = [("SimpleRNN", "simple_rnn", 1, {}),
             ("LSTM", "lstm", 2, GATES | {"no_forget": {"unit_forget_bias": False}}),
             ("GRU", "gru", 1, GATES | {
                 "before": {"reset_after": False, "return_sequences": True},
                 "before_no_bias": {"reset_after": False, "use_bias": False},
                 "before_exotic": {"reset_after": False, "activation": "softsign"}})]
    for layer, base, states, own in kinds:
        yield from table(layer, base, X, of_units(COMMON | own))
        yield from masked(layer, f"{base}_masked", of_units(MASKED))
        yield from table(layer, f"{base}_initial", [X] + [(4,)] * states, of_units({
            "": {}, "sequences_state": {"return_sequences": True, "return_state": True},
            "backwards": {"go_backwards": True}}), call=with_states)
        yield from masked(layer, f"{base}_masked_initial", of_units({
            "": {"return_sequences": True, "return_state": True},
            "unroll": {"return_sequences": True, "unroll": True},
            "zero_output": {"return_sequences": True, "zero_output_for_mask": True}}), states)
    yield from masked("GRU", "gru_before_masked",
                      of_units({"": {"reset_after": False, "return_sequences": True}}))


def cells():
    for layer, base, states in [("SimpleRNNCell", "simple_rnn_cell", 1),
                                ("LSTMCell", "lstm_cell", 2), ("GRUCell", "gru_cell", 1)]:
        yield from table(layer, base, [(3,)] + [(4,)] * states, {"": {"units": 4}},
                         call=of_cell)
    yield from table("GRUCell", "gru_cell_before", [(3,), (4,)], {
        "": {"units": 4, "reset_after": False, "implementation": 1}},
        call=of_cell)


def stack():
    return [L.LSTMCell(3), L.GRUCell(2), L.SimpleRNNCell(4)]


def cell_of_cells():
    states = [(3,), (3,), (2,), (4,)]
    yield Case("stacked_rnn_cells", "StackedRNNCells", [(3,)] + states,
               lambda: {"cells": stack()},
               call=lambda layer, tensors: flat(layer(
                   tensors[0], [list(tensors[1:3]), [tensors[3]], [tensors[4]]])))


def any_cell():
    rows = {
        "lstm": lambda: {"cell": L.LSTMCell(4)},
        "gru_sequences_state": lambda: {"cell": L.GRUCell(4), "return_sequences": True,
                                        "return_state": True},
        "simple_backwards": lambda: {"cell": L.SimpleRNNCell(4), "go_backwards": True,
                                     "return_sequences": True},
        "stack": lambda: {"cell": stack()},
        "stack_sequences_state": lambda: {"cell": stack(), "return_sequences": True,
                                          "return_state": True},
        "stack_backwards": lambda: {"cell": stack(), "go_backwards": True,
                                    "return_sequences": True, "return_state": True},
        "stack_unroll": lambda: {"cell": stack(), "unroll": True, "return_sequences": True},
        "stack_exotic": lambda: {"cell": [L.LSTMCell(3, activation="gelu"), L.LSTMCell(3)],
                                 "return_sequences": True},
    }
    for suffix, arguments in rows.items():
        yield Case(f"rnn_{suffix}", "RNN", [X], arguments, call=alone)
    for suffix, more in {"": {}, "zero_output": {"zero_output_for_mask": True},
                         "backwards": {"go_backwards": True}}.items():
        name = "rnn_stack_masked" + ("_" + suffix if suffix else "")
        arguments = lambda more=more: {"cell": stack(), "return_sequences": True,
                                       "return_state": True} | more
        yield Case(name, "RNN", [X, X[:1]], arguments, call=with_mask, values=holes,
                   input_dtypes=["float32", "bool"])
    yield Case("rnn_stack_exotic_masked", "RNN", [X, X[:1]], lambda: {
        "cell": [L.LSTMCell(3, activation="gelu"), L.LSTMCell(2)], "return_sequences": True},
        call=with_mask, values=holes, input_dtypes=["float32", "bool"])


def both_ways():
    rows = {
        "lstm": lambda: {"layer": L.LSTM(4)},
        "lstm_sequences": lambda: {"layer": L.LSTM(4, return_sequences=True)},
        "gru_sum": lambda: {"layer": L.GRU(4, return_sequences=True), "merge_mode": "sum"},
        "gru_mul": lambda: {"layer": L.GRU(4), "merge_mode": "mul"},
        "gru_ave": lambda: {"layer": L.GRU(4, return_sequences=True), "merge_mode": "ave"},
        "gru_none": lambda: {"layer": L.GRU(4, return_sequences=True), "merge_mode": None},
        "lstm_state": lambda: {"layer": L.LSTM(4, return_state=True)},
        "lstm_none_state": lambda: {"layer": L.LSTM(4, return_sequences=True, return_state=True),
                                    "merge_mode": None},
        "named": lambda: {"layer": L.GRU(3, name="forward_words"), "name": "both"},
        "own_backward": lambda: {
            "layer": L.LSTM(4, return_sequences=True),
            "backward_layer": L.GRU(3, return_sequences=True, go_backwards=True)},
        "backward_first": lambda: {"layer": L.GRU(4, go_backwards=True, return_sequences=True),
                                   "backward_layer": L.GRU(4, return_sequences=True)},
        "simple_rnn": lambda: {"layer": L.SimpleRNN(4, return_sequences=True)},
        "rnn": lambda: {"layer": L.RNN(L.GRUCell(4), return_sequences=True)},
        "stack": lambda: {"layer": L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_state=True)},
    }
    for suffix, arguments in rows.items():
        yield Case(f"bidirectional_{suffix}", "Bidirectional", [X], arguments, call=alone)
    for suffix in ("lstm", "lstm_sequences", "gru_none", "gru_mul", "lstm_none_state",
                   "own_backward"):
        yield Case(f"bidirectional_masked_{suffix}", "Bidirectional", [X, X[:1]], rows[suffix],
                   call=with_mask, values=holes, input_dtypes=["float32", "bool"])
    yield Case("bidirectional_initial", "Bidirectional", [X] + [(4,)] * 4, rows["lstm_state"],
               call=with_states)
    yield Case("bidirectional_masked_initial", "Bidirectional", [X] + [(4,)] * 2 + [X[:1]],
               rows["gru_sum"], call=with_mask, values=holes,
               input_dtypes=["float32"] * 3 + ["bool"])


def inner_model():
    value = keras.Input((3,))
    hidden = L.Dense(4, activation="tanh")(value)
    return keras.Model(value, L.Add()([hidden, L.Dense(4)(value)]), name="inner")


def each_step():
    rows = {
        "dense": ((5, 3), lambda: {"layer": L.Dense(4, activation="relu")}),
        "conv2d": ((2, 5, 5, 2), lambda: {"layer": L.Conv2D(3, 3)}),
        "batch_normalization": ((3, 4), lambda: {"layer": L.BatchNormalization(momentum=0.8)}),
        "model": ((3, 3), lambda: {"layer": inner_model()}),
        "chain": ((3, 4), lambda: {"layer": keras.Sequential([
            keras.Input((4,)), L.Dense(3), L.BatchNormalization(), L.ReLU()])}),
        "lstm": ((2, 4, 3), lambda: {"layer": L.LSTM(3, return_sequences=True)}),
        "regularized": ((3, 4), lambda: {"layer": L.Dense(
            2, kernel_regularizer=R.L2(0.02), activity_regularizer=R.L2(0.5))}),
        "penalized_model": ((3, 4), lambda: {"layer": keras.Sequential([
            keras.Input((4,)), L.Dense(2, activity_regularizer=R.L2(0.5))])}),
        "twice": ((2, 3, 4), lambda: {"layer": L.TimeDistributed(L.Dense(3))}),
        "bidirectional": ((2, 4, 3), lambda: {"layer": L.Bidirectional(L.GRU(2))}),
    }
    for suffix, (shape, arguments) in rows.items():
        yield Case(f"time_distributed_{suffix}", "TimeDistributed", [shape], arguments)
    yield Case("time_distributed_masked", "TimeDistributed", [X, X[:1]], rows["dense"][1],
               call=with_mask, values=holes, input_dtypes=["float32", "bool"])
    yield Case("time_distributed_masked_lstm", "TimeDistributed", [(2, 4, 3), (2, 4)],
               rows["lstm"][1], call=with_mask, input_dtypes=["float32", "bool"],
               values=lambda random, index, shape:
                   random.integers(0, 3, shape) > 0 if index == 1 else None)


def convolutional():
    rows = {
        "": {}, "same": {"padding": "same", "return_sequences": True},
        "strided": {"strides": 2, "return_sequences": True, "return_state": True},
        "dilated": {"dilation_rate": 2, "padding": "same"},
        "backwards": {"go_backwards": True, "return_sequences": True},
        "no_bias": {"use_bias": False, "activation": "relu",
                    "recurrent_activation": "hard_sigmoid"},
        "no_forget": {"unit_forget_bias": False, "kernel_regularizer": R.L2(0.02),
                      "recurrent_regularizer": R.L2(0.01), "bias_regularizer": R.L1(0.02),
                      "recurrent_constraint": C.MaxNorm(1.0)},
        "channels_first": {"data_format": "channels_first", "return_sequences": True},
    }
    for rank, shape in [(1, (3, 6, 2)), (2, (2, 5, 6, 2)), (3, (2, 4, 3, 5, 2))]:
        for suffix, arguments in rows.items():
            if rank == 3 and suffix not in ("", "strided", "channels_first"):
                continue
            moved = (shape[0], 2) + shape[1:-1] if suffix == "channels_first" else shape
            arguments = {"filters": 2, "kernel_size": 2 if suffix else [2, 3, 2][:rank]} | arguments
            yield from table(f"ConvLSTM{rank}D", f"conv_lstm{rank}d", moved, {suffix: arguments})


def cases():
    for part in (plain, cells, cell_of_cells, any_cell, both_ways, each_step, convolutional):
        yield from part()
