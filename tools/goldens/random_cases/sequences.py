"""Stacks of recurrent layers: wrappers, masks, states, several cells."""

import keras

from .draw import BATCH, FEATURES, STEPS, activation, of_kernel, regularizer

L = keras.layers


def cell_options(draw, kind):
    options = {"units": draw.number(1, 5), "use_bias": draw.chance(0.8)}
    if draw.chance(0.3):
        options["activation"] = activation(draw)
    if kind != "SimpleRNN" and draw.chance(0.3):
        options["recurrent_activation"] = draw.one("sigmoid", "hard_sigmoid", "tanh")
    if kind == "GRU":
        options["reset_after"] = draw.chance(0.5)
    if kind == "LSTM":
        options["unit_forget_bias"] = draw.chance(0.7)
    own = of_kernel(draw, 0.1) | draw.some(0.1, recurrent_regularizer=regularizer)
    own.pop("activity_regularizer", None)
    return options | own


def recurrent(draw, sequences, stateful=False, plain=False):
    """A recurrent layer, perhaps over several cells."""
    shared = {"return_sequences": sequences, "go_backwards": draw.chance(0.3),
              "stateful": stateful, "unroll": draw.chance(0.15)}
    if draw.chance(0.25) and not plain:
        cells = []
        for _ in range(draw.number(1, 3)):
            kind = draw.one("SimpleRNN", "LSTM", "GRU")
            cells.append(getattr(L, kind + "Cell")(**cell_options(draw, kind)))
        if draw.chance(0.3):
            shared["zero_output_for_mask"] = True
        several = cells if draw.chance(0.6) else L.StackedRNNCells(cells)
        return L.RNN(several if len(cells) > 1 else cells[0], **shared)
    kind = draw.one("SimpleRNN", "LSTM", "GRU")
    if draw.chance(0.2):
        shared["zero_output_for_mask"] = True
    shared |= draw.some(0.1, activity_regularizer=regularizer)
    return getattr(L, kind)(**cell_options(draw, kind), **shared)


def source(draw, batch=None):
    """An input of sequences, with a mask more often than not."""
    steps = draw.number(2, STEPS)
    extra = {"batch_size": batch} if batch else {}
    if draw.chance(0.5):
        x = keras.Input((steps,), dtype="int32", **extra)
        masked = draw.chance(0.7)
        return x, L.Embedding(7, draw.number(1, FEATURES), mask_zero=masked)(x)
    x = keras.Input((steps, draw.number(1, FEATURES)), **extra)
    return x, L.Masking(mask_value=0.0)(x) if draw.chance(0.6) else x


def small_model(draw, shape):
    """A model to be used as a layer."""
    x = keras.Input(shape)
    y = L.Dense(draw.number(1, 4), activation=activation(draw))(x)
    if draw.chance(0.3):
        y = draw.one(L.BatchNormalization, L.LayerNormalization)()(y)
    if draw.chance(0.5):
        y = L.Dense(draw.number(1, 4), **of_kernel(draw))(y)
    if draw.chance(0.3):
        return keras.Sequential([L.Input(shape), L.Dense(3), keras.Model(x, y)]) if (
            shape[-1] == 3) else keras.Sequential([keras.Model(x, y), L.Dense(2)])
    return keras.Model(x, y)


def bidirectional(draw, y, sequences, stateful):
    layer = recurrent(draw, sequences, stateful, plain=draw.chance(0.7))
    mode = draw.one("concat", "sum", "mul", "ave", None)
    backward = None
    if draw.chance(0.3):
        units = {"units": layer.units} if hasattr(layer, "units") else {}
        kind = draw.one("SimpleRNN", "LSTM", "GRU")
        if units:
            backward = getattr(L, kind)(
                **cell_options(draw, kind) | units, return_sequences=sequences,
                stateful=stateful, go_backwards=not layer.go_backwards)
    found = L.Bidirectional(layer, merge_mode=mode, backward_layer=backward)(y)
    if mode is None:
        return draw.one(L.Add, L.Concatenate, L.Maximum)()(list(found))
    return found


def per_step(draw, y):
    """A layer, or a model, at each time step."""
    inner = draw.one("dense", "model", "dropout", "norm", "recurrent", "conv")
    if inner == "dense":
        return L.TimeDistributed(L.Dense(draw.number(1, 4), **of_kernel(draw)))(y)
    if inner == "model":
        return L.TimeDistributed(small_model(draw, (y.shape[-1],)))(y)
    if inner == "norm":
        return L.TimeDistributed(draw.one(L.BatchNormalization, L.LayerNormalization)())(y)
    if inner in ("recurrent", "conv"):
        split = L.Reshape((y.shape[1], y.shape[2], 1))(y)
        layer = L.GRU(2) if inner == "recurrent" else L.Conv1D(2, 2, padding="same")
        z = L.TimeDistributed(layer)(split)
        return L.TimeDistributed(L.Flatten())(z) if inner == "conv" else z
    return L.TimeDistributed(L.Dropout(0.0))(y)


def simple(draw, y):
    layer = draw.one(lambda: L.Dense(draw.number(1, 4), activation=activation(draw),
                                     **of_kernel(draw)),
                     lambda: L.LayerNormalization(), lambda: L.BatchNormalization(),
                     lambda: L.Dropout(0.0), lambda: L.Activation(activation(draw)),
                     lambda: L.Conv1D(draw.number(1, 4), 2, padding="causal"),
                     lambda: L.SpatialDropout1D(0.0), lambda: L.UnitNormalization(),
                     lambda: L.ActivityRegularization(l2=0.01), lambda: L.Identity(),
                     lambda: L.Permute((2, 1)), lambda: L.UpSampling1D(2),
                     lambda: L.ZeroPadding1D((1, 0)), lambda: L.RMSNormalization(),
                     lambda: L.PReLU(shared_axes=[1]), lambda: L.LeakyReLU(0.2),
                     lambda: L.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"))
    return layer()(y)


def sequence_layer(draw, y, sequences, stateful):
    kind = draw.one("recurrent", "recurrent", "bidirectional", "time", "simple")
    if kind == "bidirectional":
        return bidirectional(draw, y, sequences, stateful)
    if kind == "time" and sequences:
        return per_step(draw, y)
    if kind == "simple" and sequences:
        return simple(draw, y)
    return recurrent(draw, sequences, stateful)(y)


def with_states(draw, inputs, y, stateful):
    """A layer that gives its states, perhaps with given ones at first."""
    units = draw.number(1, 4)
    if draw.chance(0.3):
        found = L.Bidirectional(draw.one(L.GRU, L.LSTM)(units, return_state=True))(y)
        return inputs, [L.Dense(2)(found[0]), L.Concatenate()(list(found[1:]))]
    layer = draw.one(L.GRU, L.SimpleRNN)(units, return_state=True,
                                         return_sequences=draw.chance(0.5))
    if stateful or draw.chance(0.5):
        outputs = layer(y)
    else:
        start = keras.Input((units,))
        inputs.append(start)
        outputs = layer(y, initial_state=[start])
    return inputs, [L.Dense(2)(outputs[0]), L.Dense(2)(outputs[1])]


def convolutional(draw):
    """ConvLSTM layers in one to three dimensions."""
    rank = draw.number(1, 2)
    shape = (draw.number(2, 3),) + (4,) * rank + (draw.number(1, 2),)
    x = keras.Input(shape)
    options = {"padding": draw.one("same", "valid"), "go_backwards": draw.chance(0.3),
               "strides": draw.number(1, 2), "use_bias": draw.chance(0.8)}
    layer = getattr(L, f"ConvLSTM{rank}D")
    y = L.Masking()(x) if draw.chance(0.1) else x
    if draw.chance(0.4):
        y = layer(2, 2, padding="same", return_sequences=True)(y)
    return [x], [layer(draw.number(1, 3), 2, **options)(y)]


def sequences(draw):
    """Stacks of recurrent layers, wrappers, masks, states."""
    if draw.chance(0.07):
        return convolutional(draw)
    stateful = draw.chance(0.15)
    x, y = source(draw, BATCH if stateful else None)
    inputs = [x]
    for _ in range(draw.number(0, 2)):
        y = sequence_layer(draw, y, True, stateful)
    if draw.chance(0.25):
        return with_states(draw, inputs, y, stateful)
    if draw.chance(0.3):
        units = draw.number(1, 4)
        y, h, c = L.LSTM(units, return_state=True, return_sequences=True)(y)
        z = L.LSTM(units, return_sequences=draw.chance(0.5))(y, initial_state=[h, c])
        return inputs, [z]
    y = sequence_layer(draw, y, draw.chance(0.4), stateful)
    if draw.chance(0.5):
        y = L.Dense(draw.number(1, 3), activation=activation(draw))(y)
    return inputs, [y]
