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
Beside each difference of predictions stands what Keras differs from itself when every input moves
by one bit: where that is more than a bound, another model is drawn, for no program could keep it.
"""

import gc
import inspect
import itertools
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

#: What may differ: predictions and losses, and everything after a step.
BEFORE, AFTER = 1e-5, 1e-3

#: Models drawn until one is stable.
DRAWS = 4
#: How often Keras runs on inputs that were moved: a value on the edge of an activation or of a
#: maximum shows in some of them only.
MOVES = 4

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

#: Keras's own padding is wrong for the images where the model does not say how large they are.
NOT_IN_KERAS = [("NASNetMobile", "any size")]

#: The same networks with layers frozen by name, and trained: the first half, one by one; and all
#: whose names begin as the first name after the inputs does.
FROZEN = ("first half frozen", "frozen by prefix")
FAMILIES = ["ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0",
            "InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Small",
            "NASNetMobile", "ResNet50", "ResNet50V2", "VGG16", "Xception"]

BACKEND = keras.backend.backend()
EAGERLY = BACKEND == "tensorflow"

def randomize(model, x, random):
    """Random scales, and statistics near those of the data, so that no signal dies away.

    Most units of a normalized network are active: where half of them are cut off, depth alone
    makes much of one bit.
    """
    for layer in model._flatten_layers():
        for key in ("rate", "drop_path_rate"):
            if isinstance(getattr(layer, key, None), float):
                setattr(layer, key, 0.0)
    norms = [layer for layer in model._flatten_layers()
             if isinstance(layer, keras.layers.BatchNormalization)]
    deep = len(norms) > 8
    # Keras's own draw halves the signal with each of many layers, and biases are left.
    unnormalized = not norms and len(model.layers) > 18 and model.count_params() > 10**7
    for weight in model.weights:
        near_one = random.uniform(0.8, 1.2, weight.shape)
        near_none = random.normal(size=weight.shape) * 0.1
        if weight.name == "gamma":
            weight.assign((near_one * (0.5 if deep else 1)).astype("float32"))
        elif weight.name == "beta":
            weight.assign((near_none + (1 if deep else 0)).astype("float32"))
        elif weight.name in ("variance", "moving_variance"):
            weight.assign(near_one.astype("float32"))
        elif weight.name in ("moving_mean", "mean", "bias"):
            weight.assign(near_none.astype("float32"))
        elif weight.name == "kernel" and unnormalized:
            deviation = (2 / np.prod(weight.shape[:-1])) ** 0.5
            weight.assign((near_none * 10 * deviation).astype("float32"))
        elif weight.path.split("/")[-2].endswith("layer_scale"):
            weight.assign(random.uniform(0.2, 0.5, weight.shape).astype("float32"))
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    if norms:
        model(x, training=True)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
        mean, variance = (keras.ops.convert_to_numpy(value)
                          for value in (norm.moving_mean, norm.moving_variance))
        noise = random.normal(size=mean.shape) * 0.05 * np.sqrt(variance)
        norm.moving_mean.assign((mean + noise).astype("float32"))
        factor = random.uniform(0.95, 1.05, variance.shape)
        norm.moving_variance.assign((variance * factor + 1e-4).astype("float32"))
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
    x = images(4, shape, random)
    prepares = (keras.layers.Rescaling, keras.layers.Normalization)
    if any(isinstance(layer, prepares) for layer in model._flatten_layers()):
        x = (x * 127.5 + 127.5).astype("float32")
    if variant in VARIANTS:
        return model, x, None, None
    return model, x, random.integers(0, 1000, 4).astype("int32"), SPARSE


def images(count, shape, random):
    """Noise over fields of colour, which layer upon layer of averages leave different."""
    fields = random.uniform(-1, 1, (count, 8, 8, shape[2]))
    fields = fields.repeat(-(-shape[0] // 8), axis=1).repeat(-(-shape[1] // 8), axis=2)
    noise = random.uniform(-1, 1, (count, *shape))
    return (0.6 * fields[:, :shape[0], :shape[1]] + 0.4 * noise).astype("float32")


def application_names():
    functions = [name for name, value in vars(keras.applications).items()
                 if inspect.isfunction(value)]
    variants = [f"{name}: {variant}" for name in FAMILIES for variant in VARIANTS
                if (name, variant) not in NOT_IN_KERAS]
    frozen = [f"{name}: {variant}" for name in FAMILIES for variant in FROZEN]
    return sorted(functions), variants, frozen


def to_freeze(model, variant):
    """Names of layers to freeze as the command takes them, and as Keras has them."""
    names = [layer.name for layer in model.layers if layer.weights]
    if variant == FROZEN[0]:
        chosen = names[:len(names) // 2]
        return ",".join(chosen), chosen
    beginning = names[1].rstrip("0123456789")[:6]
    chosen = [name for name in names if name.startswith(beginning)]
    if len(chosen) == len(names):
        beginning = names[1]
        chosen = [name for name in names if name.startswith(beginning)]
    return f"{beginning}*", chosen


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


def drawn(name, draw):
    """A model with random weights, and its data."""
    seed = zlib.crc32(name.encode()) + draw
    random = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed % 2**31)
    make = ARCHITECTURES.get(name)
    model, x, y, loss = make(random) if make else application(name, random)
    randomize(model, x, random)
    return model, x, y, loss


def moved(value, step):
    """The same inputs, each moved by a bit, upwards or as it comes; whole numbers stay."""
    random = np.random.default_rng(step)

    def move(part):
        if part.dtype.kind != "f":
            return part
        up = random.random(part.shape) < (1 if step == 0 else 0.5)
        return np.nextafter(part, np.where(up, np.float32(np.inf), np.float32(-np.inf)))
    return keras.tree.map_structure(move, value)


def compiled(model, loss):
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, run_eagerly=EAGERLY)


def in_keras(model, weights, x, y):
    """Predictions, the loss of a step, predictions after it and the state of the optimizer."""
    model.set_weights(weights)
    found = {"before": predicted(model, x)}
    if y is None:
        return found
    for variable in model.optimizer.variables[2:]:
        variable.assign(np.zeros(variable.shape, "float32"))
    count = keras.tree.flatten(x)[0].shape[0]
    history = model.fit(x, y, batch_size=count, shuffle=False, verbose=0).history
    found["loss"] = history["loss"][0]
    found["after"] = predicted(model, x)
    found["state"] = [np.asarray(v) for v in model.optimizer.variables][2:]
    return found


def differences(found, expected):
    cells = {"predictions": difference(found["before"], expected["before"])}
    if "loss" in expected:
        scale = abs(expected["loss"]) or float("nan")
        cells["loss"] = abs(found["loss"] - expected["loss"]) / scale
        cells["trained"] = difference(found["after"], expected["after"])
        # Some gradients are nothing but rounding, so all are measured by the largest.
        cells["state"] = difference(found["state"], expected["state"], together=True)
    return cells


def stable(cells):
    # A loss of nothing, which has no gradient to compare either, is not a number here.
    before = [cells["predictions"], cells.get("loss", 0)]
    after = [cells.get("trained", 0), cells.get("state", 0)]
    return all(value <= BEFORE for value in before) and all(value <= AFTER for value in after)


def measure(name, command, folder):
    variant = name.partition(": ")[2]
    for draw in range(DRAWS):
        model, x, y, loss = drawn(name, draw)
        weights = model.get_weights()
        pattern, frozen = to_freeze(model, variant) if variant in FROZEN else (None, None)
        saved, data = folder / "a.keras", folder / "d.npz"
        if y is not None:
            compiled(model, loss)
        model.save(saved)
        if frozen:
            for layer in model.layers:
                layer.trainable = layer.name not in frozen
            compiled(model, loss)
        keras_found = in_keras(model, weights, x, y)
        own = {}
        for step in range(MOVES):
            other = differences(in_keras(model, weights, moved(x, step), y), keras_found)
            own = {key: max(own.get(key, 0), value) for key, value in other.items()}
        if stable(own):
            break
    row = {"parameters": model.count_params(), "layers": len(list(model._flatten_layers())) - 1,
           "backend": BACKEND, "draw": draw, "keras": own}
    del weights
    arrays = {f"x{i}": value for i, value in enumerate(flat(model, x, "x"))}
    if y is not None:
        arrays |= {f"y{i}": value for i, value in enumerate(flat(model, y, "y"))}
    np.savez(data, **arrays)
    before = keras_found["before"]
    spread = max(float(np.abs(v - v[:1]).max()) for v in before)
    row["spread"] = spread / max(float(np.abs(before[0]).max()), 1e-30)
    if row["spread"] < 1e-2:
        raise ValueError(f"the outputs hardly depend on the inputs: {row['spread']:.1e}")
    trained, out, log = folder / "b.keras", folder / "y.npz", folder / "h.json"
    row["seconds"] = ibex(command, "predict", saved, "--data", data, "--out", out)
    row["opens"] = True
    found = {"before": outputs_of(out)}
    if y is None:
        ibex(command, "summary", saved)
        return row | differences(found, keras_found)
    count = len(arrays["x0"])
    freeze = ("--freeze", pattern) if frozen else ()
    ibex(command, "train", saved, "--data", data, "--epochs", 1, "--batch-size", count,
         "--no-shuffle", "--out", trained, "--history", log, *freeze)
    found["loss"] = json.loads(log.read_text())["loss"][0]
    ibex(command, "predict", trained, "--data", data, "--out", out)
    found["after"] = outputs_of(out)
    again = keras.models.load_model(trained)
    row["keras_opens"] = True
    if frozen:
        # By weights: that a model inside a model is frozen, Keras itself forgets on loading, and
        # only remembers it of the layers in there.
        kept, wanted = ([layer.name for layer in net.layers
                         if layer.weights and not layer.trainable_weights]
                        for net in (again, model))
        row["frozen"] = f"{len(frozen)} of {sum(bool(layer.weights) for layer in again.layers)}"
        if kept != wanted:
            raise ValueError(f"frozen are {kept[:8]} in place of {wanted[:8]}")
    found["state"] = [np.asarray(v) for v in again.optimizer.variables][2:]
    row |= differences(found, keras_found)
    row["keras_predicts"] = difference(predicted(again, x), found["after"])
    return row


def cell(row, key, bound):
    """What was measured, and in brackets what Keras differs from itself by."""
    value, own = row.get(key), row["keras"].get(key)
    if value is None:
        return ""
    text = f"{value:.1e}" if value <= bound else f"**{value:.1e}**"
    return text if own is None else f"{text} ({own:.0e})"


def table(results, names):
    yield ("| model | parameters | opens | predictions | loss of a step | after the step "
           "| momentum | Keras opens it again | and predicts |")
    yield "| --- | ---: | --- | --- | --- | --- | --- | --- | --- |"
    for name in names:
        row = results.get(name)
        if row is None:
            continue
        if "error" in row:
            yield f"| {name} | | **{row['error'][:80]}** | | | | | | |"
            continue
        shown = f"{name}, {row['frozen']} layers" if "frozen" in row else name
        cells = [shown, f"{row['parameters']:,}", "yes", cell(row, "predictions", BEFORE),
                 cell(row, "loss", BEFORE), cell(row, "trained", AFTER), cell(row, "state", AFTER),
                 "yes" if row.get("keras_opens") else "", cell(row, "keras_predicts", BEFORE)]
        yield "| " + " | ".join(cells) + " |"
    missing = [name for name in names if name not in results]
    if missing:
        yield f"\nNot measured yet: {', '.join(missing)}."


PAGE = """# Files: what opens, and how near the numbers are

Generated by `tools/goldens/files_table.py`; every cell was measured with real Keras {version}.

A model is built by Keras and saved as `.keras`; Ibex predicts with it, trains it for one step of four samples with momentum and saves it; Keras opens what Ibex saved.
Differences of predictions are relative to the largest absolute value, those of losses relative, those of momentum (which after one step is the gradient) relative to the largest of all; bounds are 1e-5, and 1e-3 after a step.
In brackets stands what Keras differs from itself when every input moves by one bit: nearer than that, no two programs can be.
Bold is what lies beyond a bound.
`VGG19` has a value on an edge: moved by one bit another way, Keras differs from itself by the same 1.08e-3.
Keras ran on {backends}.
Where a layer or optimizer reads a variable that it has just assigned, as `SpectralNormalization` and `ScheduleFreeAdamW` do, its backends differ among themselves, and Ibex does as JAX does.
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

Four trainings of an epoch each, Ibex, Keras, Ibex, Keras, each going on from the file that the other saved, against four in Keras alone, which opens its own files where it opened those of Ibex (`tools/goldens/round_trips.py`).
The last column is what opening files costs Keras itself: how far the losses of those four are from those of four in Keras without files.
`ScheduleFreeAdamW` was measured on JAX.

{turns}

## Opening a large file

A ResNet-50 that Keras saved, {megabytes} MB; the best of five, of processor time and of the largest memory, in which Keras's imports are not counted (`tools/goldens/load_time.py`).

{opening}

## Architectures

{architectures}

## keras.applications

{applications}

## Other forms of the same networks

Predictions only: without the top, with pooling, with images of other sizes or of any size.

{variants}

## With frozen layers

`ibex train --freeze` freezes layers by name, in Keras they are frozen before `compile`; the file that Ibex saves says which are.

{frozen}
"""


def backends(results):
    """The backend of most models, and those that were measured with another."""
    rows = {name: row for name, row in results.items() if isinstance(row, dict)}
    others = [f"`{name}`" for name, row in rows.items() if row.get("backend") == "jax"]
    return "TensorFlow" + (f", for {', '.join(others)} on JAX" if others else "")


def page(results, path):
    functions, variants, frozen = application_names()
    parts = {"architectures": ARCHITECTURES, "applications": functions, "variants": variants,
             "frozen": frozen}
    parts = {key: "\n".join(table(results, names)) for key, names in parts.items()}
    turns = ["| optimizer | losses | weights | optimizer's variables | Keras without files |",
             "| --- | --- | --- | --- | --- |"]
    for name, cells in results.get("turns", {}).items():
        turns.append("| " + " | ".join([name, *cells]) + " |")
    parts["turns"] = "\n".join(turns)
    opening = results.get("opening", {})
    parts["megabytes"] = opening.get("megabytes", "?")
    parts["opening"] = "\n".join(["| | processor time | memory |", "| --- | ---: | ---: |"] + [
        f"| {name} | {cells} |" for name, cells in opening.get("rows", {}).items()])
    parts["backends"] = backends(results)
    path.write_text(PAGE.format(version=keras.__version__, size=64, **parts))


def main(command, out, *names):
    path = pathlib.Path(out)
    results = json.loads(path.read_text()) if path.exists() else {}
    if names and names[0] == "--page":
        return page(results, pathlib.Path(names[1]))
    for name in names or [*ARCHITECTURES, *itertools.chain(*application_names())]:
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
