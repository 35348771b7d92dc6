"""Files of Keras 2 and Keras 1 for `tests/goldens/legacy`: `keras_2.py OUT`.

Needs another environment than `make.py`: `pip install tensorflow-cpu tf-keras==2.21.0`.
`NAME.h5` (or `NAME.keras`) is what Keras 2 saved, `NAME.npz` holds inputs `x0`, ..., targets `y0`,
..., predictions `p0`, ..., and predictions after one more step `q0`, ... for models that train on;
`index.json` lists the cases.
Keras 1 is not to be had any more: its files are made here of the configurations and arrays that
it wrote for models with the same numbers.
"""

import json
import os
import pathlib
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import tf_keras as keras  # noqa: E402
from tf_keras import layers  # noqa: E402

RANDOM = np.random.default_rng(7)
CASES = []


def normal(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def randomize(model):
    for weight in model.weights:
        if "variance" in weight.name or "gamma" in weight.name:
            weight.assign(RANDOM.uniform(0.5, 1.5, weight.shape).astype("float32"))
        elif weight.dtype.is_floating:
            weight.assign(0.4 * normal(*weight.shape))


def many(value):
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def case(out, name, model, x, y=None, steps=2, ending=".h5", **options):
    """Saves a model, after some steps when there are targets, and what it gives."""
    arrays = {f"x{i}": value for i, value in enumerate(many(x))}
    if y is not None:
        arrays |= {f"y{i}": value for i, value in enumerate(many(y))}
        model.fit(x, y, epochs=steps, batch_size=8, shuffle=False, verbose=0)
    path = out / f"{name}{ending}"
    model.save(path, **options)
    arrays |= {f"p{i}": np.asarray(value) for i, value in enumerate(many(model.predict(x, verbose=0)))}
    row = {"name": name, "file": path.name, "trains": y is not None}
    if y is not None:
        history = model.fit(x, y, epochs=1, batch_size=8, shuffle=False, verbose=0).history
        row["loss"] = float(history["loss"][0])
        arrays |= {f"q{i}": np.asarray(value)
                   for i, value in enumerate(many(model.predict(x, verbose=0)))}
    np.savez_compressed(out / f"{name}.npz", **arrays)
    CASES.append(row)
    print(row)


def convnet(optimizer):
    model = keras.Sequential([
        layers.Conv2D(4, 3, padding="same", activation="relu", input_shape=(8, 8, 2)),
        layers.BatchNormalization(), layers.MaxPooling2D(), layers.Dropout(0.0),
        layers.SeparableConv2D(5, 3, padding="same"), layers.LeakyReLU(0.2),
        layers.DepthwiseConv2D(3), layers.ZeroPadding2D(1), layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax")])
    randomize(model)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def branches():
    tower_in = keras.Input((4,))
    tower = keras.Model(tower_in, layers.BatchNormalization()(layers.Dense(5, "relu")(tower_in)),
                        name="tower")
    chain = keras.Sequential([layers.Dense(6, "tanh", input_shape=(5,)), layers.Dense(5)],
                             name="chain")
    for layer in tower.layers[1:]:  # Keras 3 would not heed `training=False`
        layer.trainable = False
    shared = layers.Dense(4, name="shared")
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    a, b = tower(shared(left), training=False), tower(shared(right), training=False)
    c = chain(layers.Subtract()([a, b]))
    joined = layers.concatenate([a, b, c])
    main = layers.Dense(1, name="main")(joined)
    kind = layers.Dense(3, activation="softmax", name="kind")(layers.Add()([a, c]))
    model = keras.Model([left, right], [main, kind, c])
    randomize(model)
    model.compile(keras.optimizers.legacy.SGD(0.05, momentum=0.9),
                  ["mse", keras.losses.SparseCategoricalCrossentropy(), "mae"],
                  loss_weights=[1.0, 0.5, 0.1], metrics=[["mae"], ["sparse_categorical_accuracy"], []])
    return model


def recurrent():
    words, frames = keras.Input((6,), dtype="int32"), keras.Input((5, 3))
    x = layers.Embedding(11, 4, mask_zero=True, input_length=6)(words)
    x, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(x)
    y = layers.LSTM(4, return_sequences=True)(layers.TimeDistributed(layers.Dense(4))(frames),
                                              initial_state=[h, c])
    y = layers.Bidirectional(layers.GRU(3, return_sequences=True))(y)
    y = layers.GRU(3, reset_after=False)(y)
    x = layers.SimpleRNN(3)(x)
    model = keras.Model([words, frames], layers.Dense(2)(layers.concatenate([x, y])))
    randomize(model)
    model.compile(keras.optimizers.RMSprop(0.01), "mse")
    return model


def attention():
    query, value = keras.Input((4, 6)), keras.Input((5, 6))
    x = layers.MultiHeadAttention(2, 3)(query, value)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([query, x]))
    x = layers.Attention()([x, value])
    x = layers.Conv1D(4, 2, padding="causal", activation="gelu")(x)
    model = keras.Model([query, value], layers.Dense(2)(layers.Flatten()(x)))
    randomize(model)
    model.compile(keras.optimizers.Adamax(0.01), keras.losses.Huber())
    return model


def scaled():
    normalization = layers.Normalization(input_shape=(3,))
    normalization.adapt(2.0 + 3.0 * normal(50, 3))
    model = keras.Sequential([normalization, layers.Rescaling(0.5, 0.1), layers.Dense(2)])
    randomize_dense = model.layers[-1]
    randomize_dense.set_weights([normal(3, 2), normal(2)])
    return model


def old_file(path, config, groups, training=None, version="1.2.2"):
    """A file as Keras 1 wrote it: configuration, and arrays by layer."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        if version:
            file.attrs["keras_version"] = version.encode()
        if training:
            file.attrs["training_config"] = json.dumps(training).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name, _ in groups]
        if version:
            group.attrs["keras_version"] = version.encode()
        for name, arrays in groups:
            layer = group.create_group(name)
            names = [f"{name}_param_{i}" for i in range(len(arrays))]
            layer.attrs["weight_names"] = [name.encode() for name in names]
            for own, array in zip(names, arrays):
                layer.create_dataset(own, data=array)


def row_of(out, name, x, p, **more):
    np.savez_compressed(out / f"{name}.npz", x0=x, p0=np.asarray(p))
    CASES.append({"name": name, "file": f"{name}.h5", "trains": False, **more})
    print(CASES[-1])


def keras_1_images(out):
    model = keras.Sequential([
        keras.Input((8, 8, 2)), layers.ZeroPadding2D((1, 1)),
        layers.Conv2D(3, (3, 2), strides=(2, 1), activation="relu"), layers.MaxPooling2D((2, 2)),
        layers.BatchNormalization(epsilon=1e-5), layers.Dropout(0.25), layers.Flatten(),
        layers.Dense(4, activation="softmax")])
    randomize(model)
    conv, norm, dense = (model.layers[i] for i in (1, 3, 6))
    common = {"W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
              "b_regularizer": None, "W_constraint": None, "b_constraint": None,
              "activity_regularizer": None, "bias": True, "init": "glorot_uniform",
              "trainable": True}
    rows = [
        ("ZeroPadding2D", {"padding": [1, 1], "dim_ordering": "tf", "trainable": True,
                           "batch_input_shape": [None, 8, 8, 2], "input_dtype": "float32"}),
        ("Convolution2D", {**common, "nb_filter": 3, "nb_row": 3, "nb_col": 2,
                           "subsample": [2, 1], "border_mode": "valid", "dim_ordering": "tf",
                           "activation": "relu"}),
        ("MaxPooling2D", {"pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid",
                          "dim_ordering": "tf", "trainable": True}),
        ("BatchNormalization", {"epsilon": 1e-5, "mode": 0, "axis": -1, "momentum": 0.99,
                                "gamma_regularizer": None, "beta_regularizer": None,
                                "trainable": True}),
        ("Dropout", {"p": 0.25, "trainable": True}), ("Flatten", {"trainable": True}),
        ("Dense", {**common, "output_dim": 4, "input_dim": None, "activation": "softmax"})]
    config = [{"class_name": kind, "config": {"name": f"layer_{i}", **options}}
              for i, (kind, options) in enumerate(rows)]
    weights = {1: conv.get_weights(), 3: norm.get_weights(), 6: dense.get_weights()}
    old_file(out / "keras_1_images.h5", {"class_name": "Sequential", "config": config},
             [(f"layer_{i}", weights.get(i, [])) for i in range(len(rows))],
             {"optimizer_config": {"class_name": "Adam", "config": {
                 "lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}},
              "loss": "categorical_crossentropy", "metrics": ["accuracy"],
              "sample_weight_mode": None})
    x = normal(5, 8, 8, 2)
    row_of(out, "keras_1_images", x, model.predict(x, verbose=0))


def keras_1_text(out):
    words = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 4)(words)
    a = layers.LSTM(3, recurrent_activation="sigmoid", return_sequences=True)(x)
    b = layers.GRU(3, recurrent_activation="sigmoid", reset_after=False)(a)
    c = layers.GlobalMaxPooling1D()(layers.Conv1D(3, 2, activation="tanh")(x))
    model = keras.Model(words, layers.Dense(2)(layers.Add()([b, c])))
    randomize(model)
    embedding, lstm, conv, gru, dense = (
        [layer for layer in model.layers if type(layer).__name__ == kind][0].get_weights()
        for kind in ("Embedding", "LSTM", "Conv1D", "GRU", "Dense"))

    def gates(weights, order):
        parts = [np.split(weight, len(order), axis=-1) for weight in weights]
        return [part[gate] for gate in order for part in parts]

    rnn = {"init": "glorot_uniform", "inner_init": "orthogonal", "activation": "tanh",
           "inner_activation": "sigmoid", "output_dim": 3, "W_regularizer": None,
           "U_regularizer": None, "b_regularizer": None, "dropout_W": 0.0, "dropout_U": 0.0,
           "go_backwards": False, "stateful": False, "unroll": False, "consume_less": "gpu",
           "input_dim": 4, "input_length": None, "trainable": True}
    rows = [
        ("InputLayer", "words", {"batch_input_shape": [None, 6], "input_dtype": "int32",
                                 "sparse": False}, []),
        ("Embedding", "e", {"input_dim": 9, "output_dim": 4, "init": "uniform",
                            "input_length": 6, "mask_zero": False, "W_regularizer": None,
                            "activity_regularizer": None, "W_constraint": None, "dropout": 0.0,
                            "trainable": True}, ["words"]),
        ("LSTM", "l", {**rnn, "return_sequences": True, "forget_bias_init": "one"}, ["e"]),
        ("Convolution1D", "c", {"nb_filter": 3, "filter_length": 2, "border_mode": "valid",
                                "subsample_length": 1, "activation": "tanh", "init": "uniform",
                                "W_regularizer": None, "b_regularizer": None,
                                "activity_regularizer": None, "W_constraint": None,
                                "b_constraint": None, "bias": True, "input_dim": 4,
                                "input_length": None, "trainable": True}, ["e"]),
        ("GRU", "g", {**rnn, "return_sequences": False}, ["l"]),
        ("GlobalMaxPooling1D", "p", {"trainable": True}, ["c"]),
        ("Dense", "d", {"output_dim": 2, "init": "glorot_uniform", "activation": "linear",
                        "bias": True, "input_dim": 3, "trainable": True}, ["s"]),
    ]
    layer = lambda kind, name, options, inputs: {
        "class_name": kind, "name": name, "config": {"name": name, **options},
        "inbound_nodes": [[[own, 0, 0] for own in inputs]] if inputs else []}
    config = {"class_name": "Model", "config": {
        "name": "text", "input_layers": [["words", 0, 0]], "output_layers": [["d", 0, 0]],
        "layers": [layer(*row) for row in rows[:-1]]
        + [layer("Add", "s", {"trainable": True}, ["g", "p"]), layer(*rows[-1])]}}
    groups = [("words", []), ("e", embedding), ("l", gates(lstm, (0, 2, 1, 3))),
              ("c", [conv[0][:, None, :, :], conv[1]]), ("g", gates(gru, (0, 1, 2))),
              ("p", []), ("s", []), ("d", dense)]
    old_file(out / "keras_1_text.h5", config, groups)
    x = RANDOM.integers(0, 9, (5, 6)).astype("int32")
    row_of(out, "keras_1_text", x, model.predict(x, verbose=0))


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(3)
    x, y = normal(8, 8, 8, 2), RANDOM.integers(0, 3, (8,)).astype("int32")
    case(out, "convnet_adam", convnet(keras.optimizers.Adam(0.01)), x, y)
    model = convnet(keras.optimizers.legacy.Adam(0.01))
    case(out, "convnet_old_adam", model, x, y)
    model.save_weights(out / "convnet_old_adam_after.weights_only.h5")
    case(out, "convnet_sgd_keras", convnet(keras.optimizers.SGD(0.01, nesterov=True, momentum=0.5)),
         x, y, ending=".keras")
    case(out, "convnet_adagrad", convnet(keras.optimizers.Adagrad(0.05)), x, y)
    case(out, "branches", branches(), [normal(8, 4), normal(8, 4)],
         [normal(8, 1), RANDOM.integers(0, 3, (8,)).astype("int32"), normal(8, 5)])
    words = RANDOM.integers(1, 11, (8, 6)).astype("int32")
    words[::2, 4:] = 0
    case(out, "recurrent", recurrent(), [words, normal(8, 5, 3)], normal(8, 2))
    case(out, "attention", attention(), [normal(8, 4, 6), normal(8, 5, 6)], normal(8, 2))
    case(out, "scaled", scaled(), normal(8, 3))
    keras_1_images(out)
    keras_1_text(out)
    (out / "index.json").write_text(json.dumps({"cases": CASES}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
