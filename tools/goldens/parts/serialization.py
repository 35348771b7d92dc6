"""What Keras writes about objects and models: configurations, summaries, automatic names."""

import contextlib
import importlib
import io
import json

import keras

from . import layer_cases, model_cases, models as saved_models, store

L, O = keras.layers, keras.optimizers
S = keras.optimizers.schedules
DEFAULTS = {
    "layer": {
        L.Dense: {"units": 4}, L.Conv1D: {"filters": 4, "kernel_size": 3},
        L.Conv2D: {"filters": 4, "kernel_size": 3}, L.MaxPooling2D: {},
        L.AveragePooling2D: {"pool_size": 2}, L.GlobalAveragePooling2D: {},
        L.GlobalMaxPooling2D: {}, L.Flatten: {}, L.Reshape: {"target_shape": (2, 3)},
        L.Dropout: {"rate": 0.5}, L.BatchNormalization: {}, L.LayerNormalization: {},
        L.Activation: {"activation": "relu"}, L.ReLU: {}, L.Softmax: {}, L.LeakyReLU: {},
        L.Embedding: {"input_dim": 7, "output_dim": 4}, L.Rescaling: {"scale": 0.5}, L.Add: {},
        L.Multiply: {}, L.Concatenate: {}, L.InputLayer: {"shape": (3, 4)},
    },
    "loss": {cls: {} for cls in (
        keras.losses.MeanSquaredError, keras.losses.MeanAbsoluteError, keras.losses.Huber,
        keras.losses.BinaryCrossentropy, keras.losses.CategoricalCrossentropy,
        keras.losses.SparseCategoricalCrossentropy, keras.losses.MeanSquaredLogarithmicError,
        keras.losses.MeanAbsolutePercentageError, keras.losses.LogCosh)},
    "metric": {cls: {} for cls in (
        keras.metrics.Mean, keras.metrics.Sum, keras.metrics.Accuracy,
        keras.metrics.BinaryAccuracy, keras.metrics.CategoricalAccuracy,
        keras.metrics.SparseCategoricalAccuracy, keras.metrics.TopKCategoricalAccuracy,
        keras.metrics.SparseTopKCategoricalAccuracy, keras.metrics.AUC, keras.metrics.Precision,
        keras.metrics.Recall, keras.metrics.MeanSquaredError, keras.metrics.MeanAbsoluteError,
        keras.metrics.RootMeanSquaredError, keras.metrics.BinaryCrossentropy,
        keras.metrics.CategoricalCrossentropy, keras.metrics.SparseCategoricalCrossentropy)},
    "optimizer": {cls: {} for cls in (O.SGD, O.RMSprop, O.Adam, O.AdamW, O.Adagrad, O.Adadelta)},
    "schedule": {
        S.ExponentialDecay: {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
        S.CosineDecay: {"initial_learning_rate": 0.1, "decay_steps": 10},
    },
    "initializer": {cls: {} for cls in (
        keras.initializers.Zeros, keras.initializers.Ones, keras.initializers.Constant,
        keras.initializers.Identity, keras.initializers.RandomNormal,
        keras.initializers.RandomUniform, keras.initializers.TruncatedNormal,
        keras.initializers.VarianceScaling, keras.initializers.GlorotNormal,
        keras.initializers.GlorotUniform, keras.initializers.HeNormal,
        keras.initializers.HeUniform, keras.initializers.LecunNormal,
        keras.initializers.LecunUniform, keras.initializers.Orthogonal,
        keras.initializers.STFT)},
    "regularizer": {cls: {} for cls in (
        keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2,
        keras.regularizers.OrthogonalRegularizer)},
    "constraint": {cls: {} for cls in (
        keras.constraints.MaxNorm, keras.constraints.NonNeg, keras.constraints.UnitNorm,
        keras.constraints.MinMaxNorm)},
}


def plain(value):
    """Arguments as JSON: objects in their serialized form, tuples as lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return store.serialized(value)


def other_objects():
    """(name, kind, class, arguments) of objects with arguments that are not the defaults."""
    for family in layer_cases.FAMILIES:
        for case in importlib.import_module(f"parts.layer_cases.{family}").cases():
            cls = getattr(L, case.layer, None)
            if cls in DEFAULTS["layer"] and not (case.chained or case.policy) and case.arguments():
                yield case.name, "layer", cls, case.arguments()
    he = keras.initializers.HeNormal(seed=3)
    yield "dense_named", "layer", L.Dense, {"units": 4, "name": "hidden", "trainable": False}
    yield "dense_initializers", "layer", L.Dense, {"units": 4, "kernel_initializer": he,
                                                   "bias_initializer": "ones"}
    yield "dense_regularizer_name", "layer", L.Dense, {"units": 4, "kernel_regularizer": "l2"}
    yield "dense_float16", "layer", L.Dense, {"units": 4, "dtype": "float16"}
    yield "dense_mixed", "layer", L.Dense, {"units": 4, "dtype": "mixed_bfloat16"}
    yield "embedding_uniform", "layer", L.Embedding, {
        "input_dim": 7, "output_dim": 4,
        "embeddings_initializer": keras.initializers.RandomNormal(stddev=0.1)}
    for cls, arguments in (
            (keras.losses.Huber, {"delta": 0.5, "reduction": "sum", "name": "mine"}),
            (keras.losses.BinaryCrossentropy, {"from_logits": True, "label_smoothing": 0.1}),
            (keras.losses.CategoricalCrossentropy, {"from_logits": True, "label_smoothing": 0.1,
                                                    "axis": 1}),
            (keras.losses.SparseCategoricalCrossentropy, {"from_logits": True,
                                                          "ignore_class": -1})):
        yield store.snake(cls.__name__) + "_other", "loss", cls, arguments
    for cls, arguments in (
            (keras.metrics.AUC, {"num_thresholds": 50, "curve": "PR", "multi_label": True,
                                 "num_labels": 3, "summation_method": "minoring", "name": "area"}),
            (keras.metrics.Precision, {"thresholds": [0.3, 0.6], "class_id": 1}),
            (keras.metrics.Recall, {"top_k": 2}),
            (keras.metrics.BinaryAccuracy, {"threshold": 0.3}),
            (keras.metrics.SparseTopKCategoricalAccuracy, {"k": 3, "name": "top"})):
        yield store.snake(cls.__name__) + "_other", "metric", cls, arguments
    # Other optimizers and schedules stand beside their numbers, in `optimizers/` and `schedules`.
    Init = keras.initializers
    for cls, arguments in (
            (Init.Constant, {"value": 0.5}), (Init.RandomNormal, {"mean": 1.0, "seed": 4}),
            (Init.RandomUniform, {"minval": -1.0, "maxval": 2.0}), (Init.Identity, {"gain": 2.0}),
            (Init.VarianceScaling, {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}),
            (Init.Orthogonal, {"gain": 1.5, "seed": 1})):
        yield store.snake(cls.__name__) + "_other", "initializer", cls, arguments
    yield "l1l2_other", "regularizer", keras.regularizers.L1L2, {"l1": 0.1, "l2": 0.2}
    yield "max_norm_other", "constraint", keras.constraints.MaxNorm, {"max_value": 3,
                                                                      "axis": [0, 1]}
    yield "min_max_norm_other", "constraint", keras.constraints.MinMaxNorm, {
        "min_value": 0.5, "max_value": 1.5, "rate": 0.7, "axis": 1}


def objects():
    cases = []
    wanted = [(store.snake(cls.__name__) + "_default_" + kind, kind, cls, arguments)
              for kind, classes in DEFAULTS.items() for cls, arguments in classes.items()]
    for name, kind, cls, arguments in wanted + list(other_objects()):
        store.fresh(name)
        cases.append({"name": name, "kind": kind, "arguments": plain(arguments),
                      "object": store.serialized(cls(**arguments))})
    kinds = {}
    for case in cases:
        kinds.setdefault(case["kind"], []).append(case)
    for kind, own in kinds.items():
        store.write_cases(f"serialization/{kind}.json", own)
    return len(cases)


def summary(model, **arguments):
    lines = []
    with contextlib.redirect_stdout(io.StringIO()):
        model.summary(line_length=80, print_fn=lambda text, **_: lines.append(text), **arguments)
    return "\n".join(lines)


def write_text(path, text):
    (store.ROOT / path).write_text(text.rstrip("\n") + "\n")


def models():
    cases = []
    for case in model_cases.CASES:
        saved_models.session(case)
        model = case.build()
        write_text(f"models/{case.name}.summary.txt", summary(model))
        if any(isinstance(layer, keras.Model) for layer in model.layers):
            write_text(f"models/{case.name}.nested.summary.txt",
                       summary(model, expand_nested=True, show_trainable=True))
        described = {
            "name": case.name,
            "count_params": model.count_params(),
            "compile_config": plain(model.get_compile_config()) if model.compiled else None,
        }
        # What `to_json` gives is nearly the file's own config.json; three models are enough.
        if case.name in ("mlp_sequential", "two_inputs_two_outputs_dict", "nested_model"):
            described["to_json"] = json.loads(model.to_json())
        saved_models.session(case)
        saved = f"{case.name}.trained.keras" if case.resumed else f"{case.name}.keras"
        loaded = keras.models.load_model(store.ROOT / "models" / saved)
        write_text(f"models/{case.name}.loaded.summary.txt", summary(loaded))
        cases.append(described | {"loaded_from": saved})
    keras.config.set_dtype_policy("float32")
    store.write_cases("serialization/models.json", cases)
    return len(cases)


NAMES = {
    "layers": [L.InputLayer, L.Dense, L.Dense, L.Conv1D, L.Conv2D, L.Conv2D, L.MaxPooling2D,
               L.AveragePooling2D, L.GlobalAveragePooling2D, L.GlobalMaxPooling2D, L.Flatten,
               L.Reshape, L.Dropout, L.BatchNormalization, L.BatchNormalization,
               L.LayerNormalization, L.Activation, L.ReLU, L.ReLU, L.Softmax, L.LeakyReLU,
               L.Embedding, L.Rescaling, L.Add, L.Multiply, L.Concatenate, L.Dense, L.InputLayer],
    "losses": list(DEFAULTS["loss"]),
    "metrics": list(DEFAULTS["metric"]) + [keras.metrics.AUC, keras.metrics.Precision],
    "optimizers": list(DEFAULTS["optimizer"]),
    "models": [keras.Sequential, keras.Sequential],
}


def names():
    cases = []
    arguments = {cls: given for classes in DEFAULTS.values() for cls, given in classes.items()}
    for name, classes in NAMES.items():
        store.fresh(name)
        made = [cls(**arguments.get(cls, {})).name for cls in classes]
        cases.append({"name": name, "created": [cls.__name__ for cls in classes], "names": made})
    store.fresh("functional")
    value = keras.Input((3,))
    made = [keras.Model(value, L.Dense(2)(value)).name for _ in range(2)]
    cases.append({"name": "functional", "created": ["Functional"] * 2, "names": made})
    store.write_cases("serialization/names.json", cases)
    return len(cases)


def make():
    return objects() + models() + names()
