"""Random models of real Keras against the `ibex` program: `python random_models.py IBEX START END`.

For each seed a model is drawn (recurrent, masked, stateful, bidirectional, nested, attention,
convolution, normalization, merging), saved, and run by both programs: the outputs of `predict`,
and for every third seed the losses and outputs of a short training.
Mismatches are printed with their seeds; the exit code is 1 if there are any.
`--keep DIR` keeps the files of mismatches, `--family NAME` draws from one family only.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

L = keras.layers
#: The bounds of the contract: one network's outputs, losses of an epoch, outputs after training.
OUTPUT, LOSS, TRAINED = 1e-4, 1e-4, 1e-3
#: What is said of a draw that makes no model in Keras itself; it is not compared.
REFUSED = "refused by Keras:"
STEPS, FEATURES, SAMPLES, BATCH = 5, 3, 8, 4


class Draw:
    """Random choices, all from one seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def one(self, *options):
        return options[self.random.integers(len(options))]

    def chance(self, probability):
        return bool(self.random.random() < probability)

    def number(self, low, high):
        return int(self.random.integers(low, high + 1))


def activation(draw):
    return draw.one("tanh", "tanh", "relu", "sigmoid", "hard_sigmoid", "linear", "softsign", "elu")


def regularizer(draw):
    return draw.one(None, None, None, keras.regularizers.L2(0.01), keras.regularizers.L1(0.01))


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
    if draw.chance(0.2):
        options["kernel_regularizer"] = regularizer(draw)
        options["recurrent_regularizer"] = regularizer(draw)
    return options


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
        return L.RNN(cells if len(cells) > 1 else cells[0], **shared)
    kind = draw.one("SimpleRNN", "LSTM", "GRU")
    if draw.chance(0.2):
        shared["zero_output_for_mask"] = True
    return getattr(L, kind)(**cell_options(draw, kind), **shared)


def source(draw, batch):
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
    if draw.chance(0.5):
        y = L.Dense(draw.number(1, 4))(y)
    return keras.Model(x, y)


def sequence_layer(draw, y, sequences, stateful):
    kind = draw.one("recurrent", "recurrent", "bidirectional", "time", "simple")
    if kind == "bidirectional":
        backward = {}
        layer = recurrent(draw, sequences, stateful, plain=draw.chance(0.7))
        mode = draw.one("concat", "sum", "mul", "ave")
        return L.Bidirectional(layer, merge_mode=mode, **backward)(y)
    if kind == "time" and sequences:
        inner = draw.one("dense", "model", "dropout")
        if inner == "dense":
            return L.TimeDistributed(L.Dense(draw.number(1, 4)))(y)
        if inner == "model":
            return L.TimeDistributed(small_model(draw, (y.shape[-1],)))(y)
        return L.TimeDistributed(L.Dropout(0.0))(y)
    if kind == "simple" and sequences:
        layer = draw.one(lambda: L.Dense(draw.number(1, 4), activation=activation(draw)),
                         lambda: L.LayerNormalization(), lambda: L.BatchNormalization(),
                         lambda: L.Dropout(0.0), lambda: L.Activation(activation(draw)),
                         lambda: L.Conv1D(draw.number(1, 4), 2, padding="causal"))
        return layer()(y)
    return recurrent(draw, sequences, stateful)(y)


def sequences(draw):
    """Stacks of recurrent layers, wrappers, masks, states."""
    stateful = draw.chance(0.2)
    x, y = source(draw, BATCH if stateful else None)
    inputs = [x]
    for _ in range(draw.number(0, 2)):
        y = sequence_layer(draw, y, True, stateful)
    if draw.chance(0.25):
        units = draw.number(1, 4)
        layer = draw.one(L.GRU, L.SimpleRNN)(units, return_state=True,
                                             return_sequences=draw.chance(0.5))
        if stateful or draw.chance(0.5):
            outputs = layer(y)
        else:
            start = keras.Input((units,))
            inputs.append(start)
            outputs = layer(y, initial_state=[start])
        return keras.Model(inputs, [L.Dense(2)(outputs[0]), L.Dense(2)(outputs[1])])
    if draw.chance(0.3):
        units = draw.number(1, 4)
        y, h, c = L.LSTM(units, return_state=True, return_sequences=True)(y)
        z = L.LSTM(units, return_sequences=draw.chance(0.5))(y, initial_state=[h, c])
        return keras.Model(inputs, z)
    y = sequence_layer(draw, y, draw.chance(0.4), stateful)
    if draw.chance(0.5):
        y = L.Dense(draw.number(1, 3), activation=activation(draw))(y)
    return keras.Model(inputs, y)


def attention(draw):
    """Attention layers of every kind, with masks from embeddings."""
    x, q = source(draw, None)
    if draw.chance(0.5):
        inputs, v = [x], q
    else:
        other, v = source(draw, None)
        inputs = [x, other]
    if v.shape[-1] != q.shape[-1]:
        v = L.Dense(q.shape[-1])(v)
    kind = draw.one("attention", "additive", "multi", "multi", "group")
    causal = draw.chance(0.3)
    if kind == "attention":
        mode = draw.one("dot", "concat")
        layer = L.Attention(use_scale=draw.chance(0.5), score_mode=mode)
        y = layer([q, v], use_causal_mask=causal)
    elif kind == "additive":
        y = L.AdditiveAttention(use_scale=draw.chance(0.5))([q, v], use_causal_mask=causal)
    elif kind == "multi":
        layer = L.MultiHeadAttention(draw.number(1, 3), draw.number(1, 4),
                                     value_dim=draw.one(None, 3), use_bias=draw.chance(0.7))
        y = layer(q, v, use_causal_mask=causal)
    else:
        layer = L.GroupQueryAttention(draw.number(1, 4), 4, draw.one(1, 2, 4))
        y = layer(q, v, use_causal_mask=causal)
    if draw.chance(0.5):
        y = L.LayerNormalization()(L.Add()([y, q])) if y.shape[-1] == q.shape[-1] else y
    y = draw.one(L.GlobalAveragePooling1D(), L.Dense(2), L.GRU(2))(y)
    return keras.Model(inputs, y)


def images(draw):
    """Convolutions, poolings, normalizations and reshaping in one, two or three dimensions."""
    rank = draw.number(1, 3)
    shape = tuple(draw.number(5, 7) for _ in range(rank)) + (draw.one(2, 4),)
    x = keras.Input(shape)
    y = x
    for _ in range(draw.number(1, 3)):
        y = image_layer(draw, y, rank)
    if draw.chance(0.5):
        name = draw.one("GlobalAveragePooling", "GlobalMaxPooling")
        y = getattr(L, f"{name}{rank}D")()(y)
    elif draw.chance(0.5):
        y = L.Dense(3)(L.Flatten()(y))
    return keras.Model(x, y)


def image_layer(draw, y, rank):
    name = draw.one("Conv", "ConvTranspose", "Depthwise", "Separable", "Pool", "Norm", "Pad",
                    "Crop", "Up", "Noise", "Act")
    padding = draw.one("same", "valid") if min(y.shape[1:-1]) > 3 else "same"
    size = draw.number(1, 3)
    act = activation(draw) if draw.chance(0.3) else None
    stride = {"strides": draw.number(1, 2)} if draw.chance(0.5) else {
        "dilation_rate": draw.number(1, 2)}
    if name in ("Depthwise", "Separable") and rank == 3:
        name = "Conv"
    if name == "Conv":
        groups = 2 if y.shape[-1] % 2 == 0 and draw.chance(0.3) else 1
        return getattr(L, f"Conv{rank}D")(2 * draw.number(1, 3), size, padding=padding,
                                          groups=groups, activation=act,
                                          use_bias=draw.chance(0.7), **stride)(y)
    if name == "ConvTranspose":
        return getattr(L, f"Conv{rank}DTranspose")(draw.number(1, 4), size, padding=padding,
                                                   activation=act, **stride)(y)
    if name == "Depthwise":
        return getattr(L, f"DepthwiseConv{rank}D")(size, padding=padding,
                                                   depth_multiplier=draw.number(1, 2))(y)
    if name == "Separable":
        return getattr(L, f"SeparableConv{rank}D")(draw.number(1, 4), size, padding=padding,
                                                   depth_multiplier=draw.number(1, 2))(y)
    if name == "Pool":
        kind = draw.one("Max", "Average")
        return getattr(L, f"{kind}Pooling{rank}D")(draw.number(1, 2), strides=draw.one(None, 1),
                                                   padding=padding)(y)
    if name == "Norm":
        groups = 2 if y.shape[-1] % 2 == 0 else 1
        return draw.one(L.BatchNormalization(), L.LayerNormalization(), L.UnitNormalization(),
                        L.RMSNormalization(), L.GroupNormalization(groups))(y)
    if name == "Pad":
        return getattr(L, f"ZeroPadding{rank}D")(draw.number(0, 2))(y)
    if name == "Crop" and min(y.shape[1:-1]) > 3:
        return getattr(L, f"Cropping{rank}D")(1)(y)
    if name == "Up" and max(y.shape[1:-1]) < 9:
        return getattr(L, f"UpSampling{rank}D")(draw.number(1, 2))(y)
    if name == "Act":
        return draw.one(L.PReLU(), L.LeakyReLU(0.1), L.ELU(0.7), L.ReLU(4.0), L.Softmax())(y)
    return draw.one(L.GaussianNoise(0.1), L.GaussianDropout(0.1), L.AlphaDropout(0.1))(y)


def nested(draw):
    """Models in models, shared layers, merging, operators."""
    width = draw.number(2, 4)
    a, b = keras.Input((width,)), keras.Input((width,))
    inner = small_model(draw, (width,))
    left, right = inner(a), inner(b)
    merge = draw.one("add", "sub", "mul", "max", "min", "concat", "dot", "operators", "average")
    if merge == "operators":
        y = draw.one(lambda: left * 2.0 - right, lambda: -left + right / 3.0,
                     lambda: keras.ops.maximum(left, right), lambda: left[:, :1] + right,
                     lambda: keras.ops.exp(-keras.ops.square(left - right)))()
    else:
        layers = {"add": L.Add, "sub": L.Subtract, "mul": L.Multiply, "max": L.Maximum,
                  "min": L.Minimum, "concat": L.Concatenate, "average": L.Average,
                  "dot": lambda: L.Dot(axes=1, normalize=draw.chance(0.5))}
        y = layers[merge]()([left, right])
    y = L.Dense(draw.number(1, 3))(y)
    if draw.chance(0.5):
        z = L.RepeatVector(3)(y)
        y = draw.one(L.Permute((2, 1)), L.LSTM(2), L.Reshape((-1,)))(z)
    core = keras.Model([a, b], y)
    if draw.chance(0.4):
        outer = keras.Input((width,))
        return keras.Model(outer, L.Dense(2)(L.Flatten()(core([outer, L.Dense(width)(outer)]))))
    return core


FAMILIES = {"sequences": sequences, "attention": attention, "images": images, "nested": nested}
#: Half of all models are of sequences.
WEIGHTS = ["sequences"] * 3 + ["attention", "images", "nested"]


def values(draw, tensor):
    shape = (SAMPLES,) + tuple(tensor.shape[1:])
    if tensor.dtype == "int32":
        ids = draw.random.integers(1, 7, shape)
        # Padding at the end, sometimes everywhere else too.
        for row in ids:
            row[len(row) - draw.number(0, len(row) - 1):] = 0
            if draw.chance(0.2):
                row[draw.number(0, len(row) - 1)] = 0
        return ids.astype("int32")
    x = draw.random.normal(size=shape).astype("float32")
    if len(shape) == 3 and draw.chance(0.7):
        x[draw.random.random(shape[:2]) < 0.3] = 0.0
    return x


def relative(found, expected):
    if found.shape != expected.shape:
        return f"shape {found.shape}, not {expected.shape}"
    # What is not a number in Keras shall be none here either, and nothing else.
    if not np.array_equal(np.isnan(found), np.isnan(expected)):
        return "NaN in other places"
    known = ~np.isnan(expected)
    if not known.any():
        return 0.0
    scale = max(np.abs(expected[known]).max(), 1e-6)
    return np.abs(found.astype("float64") - expected)[known].max() / scale


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stderr.strip() or f"exit {done.returncode}")


def compare(ibex, archive, expected, bound):
    found = np.load(archive)
    for i, value in enumerate(expected):
        error = relative(found[f"y{i}"], value)
        if isinstance(error, str) or not error <= bound:
            return f"output {i}: {error if isinstance(error, str) else f'{error:.1e}'}"
    return None


def check(ibex, seed, folder, family):
    """What differs for this seed, and the classes that were drawn."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    draw = Draw(seed)
    name = family or draw.one(*WEIGHTS)
    try:
        model = FAMILIES[name](draw)
    except ValueError as refused:
        return name, [], f"{REFUSED} {str(refused).splitlines()[0][:80]}"
    for weight in model.weights:
        if "seed" in weight.path or weight.dtype != "float32":
            continue
        value = np.asarray(weight.value)
        noise = draw.random.normal(size=value.shape) * 0.3
        weight.assign(np.abs(noise) + 0.5 if "variance" in weight.path else value + noise)
    xs = [values(draw, tensor) for tensor in model.inputs]
    x = xs if len(xs) > 1 else xs[0]
    train = seed % 3 == 0 and bool(model.trainable_weights)
    count = len(model.outputs)
    if train:
        loss = ["mean_squared_error"] * count
        model.compile(keras.optimizers.SGD(0.02), loss if count > 1 else loss[0])
    path, data, out = folder / "m.keras", folder / "d.npz", folder / "o.npz"
    model.save(path)
    kinds = sorted({type(layer).__name__ for layer in model._flatten_layers()})
    try:
        before = jax.tree.leaves(model.predict(x, batch_size=BATCH, verbose=0))
    except (TypeError, ValueError) as refused:
        return name, [], f"{REFUSED} {str(refused).splitlines()[0][:80]}"
    arrays = {f"x{i}": value for i, value in enumerate(xs)}
    np.savez(data, **arrays)
    said = run([ibex, "predict", path, "--data", data, "--out", out, "--batch-size", str(BATCH)])
    wrong = said or compare(ibex, out, before, OUTPUT)
    if wrong or not train:
        return name, kinds, wrong and f"predict: {wrong}"
    return name, kinds, check_training(ibex, draw, path, folder, arrays, x, before)


def check_training(ibex, draw, path, folder, arrays, x, before):
    model = keras.models.load_model(path)
    targets = [draw.random.normal(size=y.shape).astype("float32") for y in before]
    arrays |= {f"y{i}": value for i, value in enumerate(targets)}
    data, trained, out = folder / "t.npz", folder / "t.keras", folder / "o.npz"
    history, log = folder / "h.json", None
    np.savez(data, **arrays)
    said = run([ibex, "train", path, "--data", data, "--epochs", "2", "--batch-size", str(BATCH),
                "--no-shuffle", "--out", trained, "--history", history, "--verbose", "0"])
    if said:
        return f"train: {said}"
    random = any(isinstance(layer, (L.GaussianNoise, L.GaussianDropout, L.AlphaDropout))
                 for layer in model._flatten_layers())
    if random:
        return None
    log = model.fit(x, targets if len(targets) > 1 else targets[0], epochs=2, batch_size=BATCH,
                    shuffle=False, verbose=0).history["loss"]
    found = json.loads(history.read_text())["loss"]
    for epoch, (ours, theirs) in enumerate(zip(found, log)):
        if not abs(ours - theirs) <= LOSS * abs(theirs):
            return f"train: loss {ours} in epoch {epoch}, in Keras {theirs}"
    # A stateful model goes on from the states of the training; a loaded one starts afresh.
    model.save(path)
    fresh = keras.models.load_model(trained)
    after = jax.tree.leaves(keras.models.load_model(path).predict(x, batch_size=BATCH, verbose=0))
    found = jax.tree.leaves(fresh.predict(x, batch_size=BATCH, verbose=0))
    for i, (ours, theirs) in enumerate(zip(found, after)):
        error = relative(np.asarray(ours), np.asarray(theirs))
        if isinstance(error, str) or not error <= TRAINED:
            return f"trained output {i}: {error}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ibex")
    parser.add_argument("start", type=int)
    parser.add_argument("end", type=int)
    parser.add_argument("--family", choices=sorted(FAMILIES))
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    mismatches, drawn, compared = [], {}, 0
    for seed in range(options.start, options.end):
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            if options.keep:
                folder = options.keep / str(seed)
                folder.mkdir(parents=True, exist_ok=True)
            name, kinds, wrong = check(options.ibex, seed, folder, options.family)
        for kind in kinds:
            drawn[kind] = drawn.get(kind, 0) + 1
        print(f"seed {seed} {name:10} {'ok' if not wrong else wrong}", flush=True)
        refused = bool(wrong) and wrong.startswith(REFUSED)
        compared += not refused
        if wrong and not refused:
            mismatches.append(seed)
    print("layers drawn:", " ".join(f"{kind} {count}" for kind, count in sorted(drawn.items())))
    print(f"{compared} models compared, {len(mismatches)} mismatches: {mismatches}")
    sys.exit(bool(mismatches))


if __name__ == "__main__":
    main()
