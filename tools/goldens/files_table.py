"""Models in both programs, as a table: `files_table.py IBEX OUT.json [NAME ...]`.

Each model is built and compiled by real Keras and saved; IBEX, the `ibex` command, predicts with
the file, trains it for one step and saves it, and real Keras opens what it saved.
A cell is what was measured: the difference of predictions before and after the step (relative to
the largest absolute value), of the loss (relative), and of the weights and optimizer variables.
Models are those of `keras.applications` and of `architectures.py`; names choose some of them.
Results are kept in OUT.json, where models that are there already are not run again;
`files_table.py IBEX OUT.json --page PAGE.md` writes the table that they make.

Dropout is set to nothing, so that both programs train with the same numbers; images are as small
as the model allows, and statistics and scales are random.
"""

import gc
import inspect
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import zlib

# TensorFlow runs a network layer by layer, where JAX compiles some for minutes.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402  (the backend is chosen before)
import numpy as np  # noqa: E402

from architectures import ARCHITECTURES, SPARSE  # noqa: E402

#: Networks too large to be trained beside Keras in ordinary memory.
NOT_TRAINED = ("ConvNeXtLarge", "ConvNeXtXLarge")

#: Pixels a side, where they are not 64.
SIZES = {**{f"ConvNeXt{kind}": 32 for kind in ("Tiny", "Small", "Base", "Large", "XLarge")},
         "InceptionV3": 96, "InceptionResNetV2": 96, "Xception": 96}

#: One network of each family is also saved in these forms; predictions only.
VARIANTS = {
    "no top": {"include_top": False},
    "no top, average": {"include_top": False, "pooling": "avg"},
    "no top, maximum": {"include_top": False, "pooling": "max"},
    "any size": {"include_top": False, "input_shape": (None, None, 3)},
    "wide": {"include_top": False, "input_shape": (80, 112, 3), "pooling": "avg"},
    "softmax": {"classifier_activation": "softmax", "classes": 7},
}
FAMILIES = ["ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0",
            "InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Small",
            "NASNetMobile", "ResNet50", "ResNet50V2", "VGG16", "Xception"]

EAGERLY = keras.backend.backend() == "tensorflow"

POSITIVE = ("gamma", "variance", "moving_variance")


def randomize(model, x, random):
    """Random scales, and statistics near those of the data, so that no signal dies away."""
    for layer in model._flatten_layers():
        for key in ("rate", "drop_path_rate"):
            if isinstance(getattr(layer, key, None), float):
                setattr(layer, key, 0.0)
    for weight in model.weights:
        if weight.name in POSITIVE:
            weight.assign(random.uniform(0.8, 1.2, weight.shape).astype("float32"))
        elif weight.name in ("moving_mean", "mean", "beta", "bias"):
            weight.assign((random.normal(size=weight.shape) * 0.1).astype("float32"))
        elif weight.path.split("/")[-2].endswith("layer_scale"):
            weight.assign(random.uniform(0.2, 0.5, weight.shape).astype("float32"))
    norms = [layer for layer in model._flatten_layers()
             if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    if norms:
        model(x, training=True)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
        mean, variance = (keras.ops.convert_to_numpy(value)
                          for value in (norm.moving_mean, norm.moving_variance))
        noise = random.normal(size=mean.shape) * 0.1 * np.sqrt(variance)
        norm.moving_mean.assign((mean + noise).astype("float32"))
        factor = random.uniform(0.8, 1.2, variance.shape)
        norm.moving_variance.assign((variance * factor + 1e-3).astype("float32"))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def application(name, random, **options):
    family, _, variant = name.partition(": ")
    options = {**options, **VARIANTS.get(variant, {})}
    size = SIZES.get(family, 64)
    options.setdefault("input_shape", (size, size, 3))
    function = getattr(keras.applications, family)
    if "classifier_activation" not in options:
        options["classifier_activation"] = None
    model = function(weights=None, **options)
    shape = tuple(extent or size for extent in options["input_shape"])
    x = random.uniform(-1, 1, (4,) + shape).astype("float32")
    if variant:
        return model, x, None, None
    return model, x, random.integers(0, 1000, 4).astype("int32"), SPARSE


def application_names():
    functions = [name for name, value in vars(keras.applications).items()
                 if inspect.isfunction(value)]
    variants = [f"{name}: {variant}" for name in FAMILIES for variant in VARIANTS]
    return sorted(functions), variants


def flat(model, value, which):
    """Arrays in the order in which Ibex numbers them."""
    inner = getattr(model, "_functional", None) or model
    structure = inner._inputs_struct if which == "x" else inner._outputs_struct
    if isinstance(structure, dict):
        return [value[key] for key in sorted(structure)]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def difference(found, expected, together=False):
    """Relative to the largest absolute value of each array, or of all together."""
    if [a.shape for a in found] != [b.shape for b in expected]:
        raise ValueError(f"shapes {[a.shape for a in found]} for {[b.shape for b in expected]}")
    worst = 0.0
    largest = max((float(np.abs(b).max()) for b in expected), default=0.0)
    for a, b in zip(found, expected):
        if not np.isfinite(b).all():
            raise ValueError("Keras gives values that are not finite")
        scale = max(largest if together else float(np.abs(b).max()), 1e-30)
        worst = max(worst, float(np.abs(a.astype("float64") - b).max()) / scale)
    return worst


def ibex(command, *arguments):
    started = time.perf_counter()
    run = subprocess.run([command, *map(str, arguments)], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(" ".join(run.stderr.split())[:600])
    return time.perf_counter() - started


def outputs_of(path):
    archive = np.load(path)
    return [archive[f"y{i}"] for i in range(len(archive.files))]


def predicted(model, x):
    """What the model gives, in the order in which Keras flattens it."""
    value = model(x, training=False) if EAGERLY else model.predict(x, verbose=0)
    return [keras.ops.convert_to_numpy(part) for part in keras.tree.flatten(value)]


def measure(name, command, folder):
    random = np.random.default_rng(zlib.crc32(name.encode()))
    keras.utils.set_random_seed(zlib.crc32(name.encode()) % 2**31)
    make = ARCHITECTURES.get(name)
    model, x, y, loss = make(random) if make else application(name, random)
    randomize(model, x, random)
    row = {"parameters": model.count_params(), "layers": len(list(model._flatten_layers())) - 1}
    if y is not None:
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, run_eagerly=EAGERLY)
    saved, trained = folder / "a.keras", folder / "b.keras"
    data, found = folder / "d.npz", folder / "y.npz"
    model.save(saved)
    arrays = {f"x{i}": value for i, value in enumerate(flat(model, x, "x"))}
    if y is not None:
        arrays |= {f"y{i}": value for i, value in enumerate(flat(model, y, "y"))}
    np.savez(data, **arrays)
    before = predicted(model, x)
    row["seconds"] = ibex(command, "predict", saved, "--data", data, "--out", found)
    row["opens"] = True
    spread = max(float(np.abs(v - v[:1]).max()) for v in before)
    row["spread"] = spread / max(float(np.abs(before[0]).max()), 1e-30)
    if row["spread"] < 1e-2:
        raise ValueError(f"the outputs hardly depend on the inputs: {row['spread']:.1e}")
    row["predictions"] = difference(outputs_of(found), before)
    if y is None:
        ibex(command, "summary", saved)
        return row
    if name in NOT_TRAINED:
        # Saved without a step: the weights come through unchanged.
        ibex(command, "train", saved, "--data", data, "--epochs", 1, "--batch-size", 4,
             "--learning-rate", 0, "--out", trained)
        again = keras.models.load_model(trained)
        row["keras_opens"] = True
        return row
    history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
    after = predicted(model, x)
    log = folder / "h.json"
    ibex(command, "train", saved, "--data", data, "--epochs", 1, "--batch-size", 4,
         "--no-shuffle", "--out", trained, "--history", log)
    own = json.loads(log.read_text())["loss"][0]
    row["loss"] = abs(own - history["loss"][0]) / abs(history["loss"][0])
    ibex(command, "predict", trained, "--data", data, "--out", found)
    row["trained"] = difference(outputs_of(found), after)
    again = keras.models.load_model(trained)
    row["keras_opens"] = True
    row["state"] = difference([np.asarray(v) for v in again.optimizer.variables][2:],
                              [np.asarray(v) for v in model.optimizer.variables][2:],
                              together=True)  # some gradients are nothing but rounding
    model.set_weights(again.get_weights())
    row["keras_predicts"] = difference(outputs_of(found), predicted(model, x))
    return row


def bounded(value, bound):
    return "" if value is None else f"{value:.1e}" if value <= bound else f"**{value:.1e}**"


def table(results, names):
    yield ("| model | parameters | opens | predictions | loss of a step | after the step "
           "| Keras opens it again | and predicts | momentum |")
    yield "| --- | ---: | --- | --- | --- | --- | --- | --- | --- |"
    for name in names:
        row = results.get(name)
        if row is None:
            continue
        if "error" in row:
            yield f"| {name} | | **{row['error'][:80]}** | | | | | |"
            continue
        cells = [name, f"{row['parameters']:,}", "yes", bounded(row["predictions"], 1e-4),
                 bounded(row.get("loss"), 1e-4), bounded(row.get("trained"), 1e-3),
                 "yes" if row.get("keras_opens") else "",
                 bounded(row.get("keras_predicts"), 1e-4), bounded(row.get("state"), 1e-3)]
        yield "| " + " | ".join(cells) + " |"


PAGE = """# Files: what opens, and how near the numbers are

Generated by `tools/goldens/files_table.py`; every cell was measured with real Keras {version}.

A model is built by Keras and saved as `.keras`; Ibex predicts with it, trains it for one step of four samples with momentum and saves it; Keras opens what Ibex saved.
Differences of predictions and weights are relative to the largest absolute value, those of losses relative; bounds are 1e-4, and 1e-3 after a step.
Weights are those that Keras draws, with random scales, and statistics near those of the data, so that predictions depend on the inputs; images have {size} pixels a side where the model allows it, and dropout is off.

## Kinds of files

Every command that takes a MODEL, and `Model::load`, goes by what a file holds, not by its name:

| file | written by | what comes of it |
| --- | --- | --- |
| `.keras`, zipped or as a folder | Keras 3, Keras 2.12 on | the whole model |
| `.h5`, `.hdf5` of `model.save` | Keras 1, 2 and 3 | the whole model |
| `config.json`, `model.to_json()` | Keras 1, 2 and 3 | a model with fresh weights |
| `.weights.h5` | Keras 3 | weights, for `Model::load_weights` |
| `.weights.json` and its shards | Keras 3 with `max_shard_size` | weights |
| `.h5` of `save_weights` | Keras 1 and 2 | weights, by order or by name |

State of optimizers is read from all of them, and goes on where it stopped.
Files of Keras 1 and 2 mean what Keras 3 makes of them: `hard_sigmoid` is that of Keras 3, a learning rate does not decay by itself, and `training=False` in a call does not outlast `fit`.

## Taking turns

Four trainings of an epoch each, Ibex, Keras, Ibex, Keras, each going on from the file that the other saved, against four in Keras alone (`tools/goldens/round_trips.py`).

{turns}

## Architectures

{architectures}

## keras.applications

{applications}

Networks without a step are too large to be trained beside Keras in the memory of the machine that measured; their weights went through both programs unchanged.

## Other forms of the same networks

Predictions only: without the top, with pooling, with images of other sizes or of any size.

{variants}
"""


def page(results, functions, variants, path):
    parts = {"architectures": ARCHITECTURES, "applications": functions, "variants": variants}
    parts = {key: "\n".join(table(results, names)) for key, names in parts.items()}
    turns = ["| optimizer | losses | weights | optimizer's variables |", "| --- | --- | --- | --- |"]
    for name, cells in results.get("turns", {}).items():
        turns.append("| " + " | ".join([name, *cells]) + " |")
    parts["turns"] = "\n".join(turns)
    path.write_text(PAGE.format(version=keras.__version__, size=64, **parts))


def main(command, out, *names):
    path = pathlib.Path(out)
    results = json.loads(path.read_text()) if path.exists() else {}
    functions, variants = application_names()
    if names and names[0] == "--page":
        return page(results, functions, variants, pathlib.Path(names[1]))
    for name in names or [*ARCHITECTURES, *functions, *variants]:
        if name in results and "error" not in results[name] and not names:
            continue
        keras.backend.clear_session()
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                results[name] = measure(name, command, pathlib.Path(folder))
            except Exception as reason:  # any failure is a finding about the model
                results[name] = {"error": f"{type(reason).__name__}: {reason}"}
        gc.collect()
        shown = {k: f"{v:.1e}" if isinstance(v, float) else v for k, v in results[name].items()}
        print(f"{name:32} {time.perf_counter() - started:6.1f} s  {shown}", flush=True)
        path.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
