"""Random models of real Keras against the `ibex` program: `python random_models.py IBEX START END`.

For each seed a model of a family of `random_cases` is drawn, saved, and run by both programs:
the outputs of `predict` and, for every second seed, all logs and the outputs of a short training.
The file that `ibex train` writes is opened by real Keras without custom objects; it must predict
the same, and go on training as Keras's own model does.

Outcomes are counted apart:
- ok and mismatches, printed with their seeds; the exit code is 1 if there are mismatches;
- `refused`: the draw makes no model in Keras itself, or Keras cannot run or save it;
- `not finite`: Keras's own losses are not finite;
- `blocked`: nothing of the loss reaches a weight, an error here where Keras trains the rest;
- `unstable`: Keras's own numbers move as far when every weight and input moves by the last bit
  of its mantissa (a gradient that is 0 but for rounding under Adam, a class on the edge).

XLA compiles without optimizing, which is quick; a mismatch is tried again with XLA as users have
it, and what that says counts.

`--backend` runs Keras on another backend than JAX, which compiles less; what differs there is to
be confirmed on JAX, the reference.
`--keep DIR` keeps the files of mismatches, `--family NAME` draws from one family only.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

PARSER = argparse.ArgumentParser()
PARSER.add_argument("ibex")
PARSER.add_argument("start", type=int)
PARSER.add_argument("end", type=int)
PARSER.add_argument("--backend", default="jax")
PARSER.add_argument("--family")
PARSER.add_argument("--keep", type=pathlib.Path)
PARSER.add_argument("--only", help="a file of seeds, one a line, in place of START and END")
OPTIONS = PARSER.parse_args()

os.environ["KERAS_BACKEND"] = OPTIONS.backend
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
#: Compiles several times faster; a mismatch is tried again as users have XLA.
QUICK = "--xla_backend_optimization_level=0"
os.environ.setdefault("XLA_FLAGS", QUICK)

import keras  # noqa: E402
import numpy as np  # noqa: E402

from random_cases import FAMILIES, WEIGHTS, compiling  # noqa: E402
from random_cases.draw import BATCH, SAMPLES, Draw  # noqa: E402

#: The bounds of the contract: one network's outputs, logs of an epoch, outputs after training.
OUTPUT, LOSS, TRAINED = 1e-4, 1e-4, 1e-3
#: How many times its own unrest Keras may be left behind by an unstable model.
UNREST = 10.0
EPOCHS = 2


class Refused(Exception):
    """Keras itself does not make or run this model."""


class Blocked(Exception):
    """Ibex refuses to train a weight that has no gradient, by intention."""


class Mismatch(Exception):
    """What differs: the place, how far, and the bound; `inf` for what cannot be measured."""

    def __init__(self, place, error, bound):
        super().__init__(f"{place}: {error if isinstance(error, str) else f'{error:.1e}'}")
        self.place, self.error, self.bound = place, error, bound


def guarded(function):
    """What a call of Keras gives, or why it refuses."""
    try:
        return function()
    except Exception as reason:  # whatever Keras does not take is not compared
        text = " ".join(str(reason).split())
        raise Refused(f"{type(reason).__name__}: {text[:90]}") from reason


def own_file(function):
    """What Keras does with a file that Ibex wrote: it must not refuse."""
    try:
        return function()
    except Refused as reason:
        raise Mismatch("file", f"Keras does not run it: {reason}", 0) from reason


def flat(structure):
    return [np.asarray(value) for value in keras.tree.flatten(structure)]


def values(draw, tensor):
    shape = (SAMPLES,) + tuple(tensor.shape[1:])
    if tensor.dtype == "bool":
        return draw.random.random(shape) < 0.7
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


def distance(found, expected):
    """How far arrays are apart, by the largest absolute value that is expected."""
    if found.shape != expected.shape:
        return f"shape {found.shape}, not {expected.shape}"
    found, expected = found.astype("float64"), expected.astype("float64")
    # What is not finite in Keras shall be the same here, and nothing else.
    same = (np.isnan(found) & np.isnan(expected)) | (found == expected)
    known = np.isfinite(expected)
    if not same[~known].all() or not np.isfinite(found[known]).all():
        return "other places are not finite"
    if not known.any():
        return 0.0
    scale = max(np.abs(expected[known]).max(), 1e-6)
    return np.abs(found - expected)[known].max() / scale


def compare(place, found, expected, bound):
    if len(found) != len(expected):
        raise Mismatch(place, f"{len(found)} outputs, not {len(expected)}", bound)
    for i, (ours, theirs) in enumerate(zip(found, expected)):
        error = distance(ours, theirs)
        if isinstance(error, str) or not error <= bound:
            raise Mismatch(f"{place} {i}", error, bound)


def log_distance(ours, theirs):
    """Losses and metrics by their own size, and those near 0 by a small part of 1."""
    # Two losses of the same infinity are the same, and so are two that are not numbers.
    if ours == theirs or np.isnan(ours) and np.isnan(theirs):
        return 0.0
    return abs(ours - theirs) / max(abs(theirs), 1e-2)


def compare_logs(found, expected):
    if set(found) != set(expected):
        raise Mismatch("logs", f"{sorted(found)}, not {sorted(expected)}", LOSS)
    for name in sorted(expected):
        for epoch, (ours, theirs) in enumerate(zip(found[name], expected[name])):
            error = log_distance(float("nan") if ours is None else ours, theirs)
            if not error <= LOSS:
                raise Mismatch(f"{name} of epoch {epoch}: {ours}, not {theirs}", error, LOSS)


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip() or f"exit {done.returncode}"
        if "no gradient reaches the weight" in said:
            raise Blocked(said.splitlines()[0])
        raise Mismatch(command[1], said.splitlines()[0] + " | " + " ".join(said.split())[-200:], 0)


def archive(path):
    found = np.load(path)
    return [found[f"y{i}"] for i in range(len(found.files))]


class Case:
    """One seed: the model, its data, and what is known of it."""

    def __init__(self, seed, folder, family):
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        self.seed, self.folder, self.draw = seed, folder, Draw(seed)
        self.family = family or self.draw.one(*WEIGHTS)
        self.trains = bool(self.draw.random.random() < 0.5)
        self.kinds = []

    def build(self):
        draw = self.draw
        inputs, outputs = FAMILIES[self.family](draw)
        tensors = keras.tree.flatten(outputs)
        kinds = [compiling.kind_of(draw, tensor) for tensor in tensors]
        tensors = [compiling.with_head(*pair) for pair in zip(kinds, tensors)]
        outputs = keras.tree.pack_sequence_as(outputs, tensors)
        single = isinstance(outputs, list) and len(outputs) == 1 and draw.chance(0.9)
        model = keras.Model(inputs, outputs[0] if single else outputs)
        for layer in model.layers:
            # Attention loads as if it was not frozen: Keras makes its parts after that is set.
            if draw.chance(0.04) and not isinstance(layer, (
                    keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)):
                layer.trainable = False
        self.randomize(model)
        if not model.trainable_weights:
            self.trains = False
        if OPTIONS.backend != "jax" and any(
                getattr(layer, "stateful", False) or getattr(layer, "unroll", False)
                for layer in model._flatten_layers()):
            raise Refused("only on JAX: states from batch to batch, or unrolled steps")
        if self.trains:
            compiling.compile_model(draw, model, kinds, model.output_names)
        self.kinds = sorted({type(layer).__name__ for layer in model._flatten_layers()})
        self.x = [values(draw, tensor) for tensor in model.inputs]
        self.targets = kinds
        return model

    def randomize(self, model):
        """Weights that do not depend on the backend's random numbers."""
        trained = {id(weight) for weight in model.trainable_weights}
        for weight in model.weights:
            moving = "moving" in weight.path
            if "float" not in weight.dtype or not (id(weight) in trained or moving):
                continue
            value = np.asarray(weight.value)
            noise = self.draw.random.normal(size=value.shape) * (0.4 if value.ndim > 1 else 0.2)
            if "variance" in weight.path:
                noise = np.abs(noise) + 0.5
            elif value.ndim < 2:
                noise = value + noise
            weight.assign(noise.astype("float32"))

    def given(self, model):
        return keras.tree.pack_sequence_as(model._inputs_struct, self.x)

    def predict(self, model):
        return flat(guarded(lambda: model.predict(self.given(model), batch_size=BATCH, verbose=0)))

    def fit(self, model, epochs, split):
        if OPTIONS.backend != "jax":
            model.run_eagerly = True
        y, weights = self.y, self.weights
        struct = model._outputs_struct
        if isinstance(struct, list) and len(struct) == 1:
            struct = struct[0]
        y = keras.tree.pack_sequence_as(struct, y)
        if isinstance(weights, list):
            weights = keras.tree.pack_sequence_as(struct, weights)
        return guarded(lambda: model.fit(
            self.given(model), y, sample_weight=weights, epochs=epochs, batch_size=BATCH,
            shuffle=False, verbose=0, validation_split=split).history)

    def check(self, ibex):
        """Raises `Refused` or `Mismatch`; gives a remark otherwise."""
        model = guarded(self.build)
        path, data, out = (self.folder / name for name in ("m.keras", "d.npz", "o.npz"))
        guarded(lambda: model.save(path))
        before = self.predict(model)
        arrays = {f"x{i}": value for i, value in enumerate(self.x)}
        np.savez(data, **arrays)
        run([ibex, "predict", path, "--data", data, "--out", out, "--batch-size", BATCH])
        try:
            compare("output", archive(out), before, OUTPUT)
        except Mismatch as mismatch:
            return self.judged(mismatch, lambda moved: self.unrest(
                before, self.predict(moved)), path)
        return self.check_training(ibex, path, arrays, before) if self.trains else "ok"

    def check_training(self, ibex, path, arrays, before):
        draw = self.draw
        if any(isinstance(layer, (keras.layers.GaussianNoise, keras.layers.GaussianDropout,
                                  keras.layers.AlphaDropout)) and getattr(
                                      layer, "rate", getattr(layer, "stddev", 0))
               for layer in self.loaded(path)._flatten_layers()):
            return "ok"
        self.y = [compiling.targets(draw, *pair) for pair in
                  zip(self.targets, [value.shape for value in before])]
        self.weights = compiling.sample_weights(draw, len(before))
        split = 0.5 if draw.chance(0.3) else 0.0
        arrays = arrays | {f"y{i}": value for i, value in enumerate(self.y)}
        if isinstance(self.weights, list):
            arrays |= {f"sample_weight{i}": value for i, value in enumerate(self.weights)}
        elif self.weights is not None:
            arrays["sample_weight"] = self.weights
        data, trained, log = (self.folder / name for name in ("t.npz", "t.keras", "h.json"))
        np.savez(data, **arrays)
        model = self.loaded(path)
        history = self.fit(model, EPOCHS, split)
        if not np.isfinite(flat(history)).all():
            return "not finite"
        command = [ibex, "train", path, "--data", data, "--epochs", EPOCHS, "--batch-size", BATCH,
                   "--no-shuffle", "--out", trained, "--history", log, "--verbose", "0"]
        run(command + (["--validation-split", split] if split else []))
        found = json.loads(log.read_text())
        logs = {key: value for key, value in found.items()
                if key not in ("epoch", "seconds", "step_seconds_median")}
        # A stateful model goes on from the states of the training; a loaded one starts afresh.
        own = self.folder / "k.keras"
        model.save(own)
        after = self.predict(self.loaded(own))
        remark = self.check_file(ibex, trained)
        try:
            compare_logs(logs, history)
            compare("trained output", self.predict(self.loaded(trained)), after, TRAINED)
            self.check_going_on(trained, own, split)
        except Mismatch as mismatch:
            def unrest(moved):
                again = self.fit(moved, EPOCHS, split)
                logs = max(log_distance(ours, theirs) for name in history
                           for ours, theirs in zip(again[name], history[name]))
                moved.save(self.folder / "u.keras")
                moved = self.loaded(self.folder / "u.keras")
                outputs = self.unrest(after, self.predict(moved))
                further = np.inf if mismatch.place.startswith("going on") and max(
                    logs, outputs) > LOSS else 0.0
                return max(logs, outputs, further)
            return self.judged(mismatch, unrest, path)
        return remark

    def check_file(self, ibex, trained):
        """The file that Ibex wrote, in Keras, with the very weights that Ibex has."""
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model = keras.models.load_model(trained)
        except Exception as reason:
            text = " ".join(str(reason).split())
            raise Mismatch("file", f"Keras does not open it: {text[:200]}", 0) from reason
        skipped = [str(w.message) for w in caught if "Skipping variable loading" in str(w.message)]
        if skipped:
            raise Mismatch("file", f"Keras drops the optimizer's state: {skipped[0][:120]}", 0)
        out = self.folder / "o2.npz"
        found = own_file(lambda: self.predict(model))
        run([ibex, "predict", trained, "--data", self.folder / "d.npz", "--out", out,
             "--batch-size", BATCH])
        try:
            compare("output of the file", archive(out), found, OUTPUT)
        except Mismatch as mismatch:
            return self.judged(mismatch, lambda moved: self.unrest(
                found, self.predict(moved)), trained)
        return "ok"

    def check_going_on(self, trained, own, split):
        """Keras trains on from the file that Ibex wrote as from its own."""
        ours = own_file(lambda: self.fit(self.loaded(trained), 1, split))
        theirs = self.fit(self.loaded(own), 1, split)
        for name in theirs:
            error = log_distance(ours[name][0], theirs[name][0])
            if not error <= TRAINED:
                raise Mismatch(f"going on, {name}: {ours[name][0]}, not {theirs[name][0]}", error,
                               TRAINED)

    def loaded(self, path):
        model = guarded(lambda: keras.models.load_model(path))
        optimizer = getattr(model, "optimizer", None)
        if isinstance(optimizer, keras.optimizers.ScheduleFreeAdamW) and (
                int(optimizer.iterations) == 0):
            # Keras copies the weights into it before it has read them.
            for momentum, weight in zip(optimizer._momentums, optimizer._trainable_variables):
                momentum.assign(weight)
        return model

    def unrest(self, before, again):
        found = [distance(*pair) for pair in zip(again, before)]
        return max((np.inf if isinstance(error, str) else error) for error in found)

    def judged(self, mismatch, unrest, path):
        """Whether Keras itself moves as far when all numbers move by their last bit."""
        if isinstance(mismatch.error, str):
            raise mismatch
        worst, kept = 0.0, self.x
        for step in range(3):
            random = np.random.default_rng([self.seed, step])
            model = self.loaded(path)

            def moved(value):
                up = random.random(value.shape) < 0.5
                towards = np.where(up, np.inf, -np.inf).astype("float32")
                return np.where(value == 0, value, np.nextafter(value, towards))
            for weight in model.trainable_weights:
                weight.assign(moved(np.asarray(weight.value, "float32")))
            self.x = [moved(x) if x.dtype == np.float32 else x for x in kept]
            try:
                worst = max(worst, unrest(model))
            finally:
                self.x = kept
        if worst * UNREST >= mismatch.error and worst > 2e-6:
            return f"unstable ({mismatch}; Keras itself moves by {worst:.1e})"
        raise Mismatch(f"{mismatch.place} (Keras itself moves by {worst:.1e})", mismatch.error,
                       mismatch.bound)


def outcome(seed, folder, family):
    """The word, and the case."""
    case = Case(seed, folder, family)
    try:
        return case.check(OPTIONS.ibex), case
    except Refused as reason:
        return f"refused ({reason})", case
    except Blocked as reason:
        return f"blocked ({reason})", case
    except Mismatch as mismatch:
        word = f"MISMATCH {mismatch}"
        if OPTIONS.backend == "jax" and os.environ["XLA_FLAGS"] == QUICK:
            word = optimized(seed) or word
        return word, case


def optimized(seed):
    """The word on the seed where XLA optimizes what it compiles, or nothing."""
    command = [sys.executable, __file__, OPTIONS.ibex, str(seed), str(seed + 1)]
    command += ["--family", OPTIONS.family] if OPTIONS.family else []
    done = subprocess.run(command, env=os.environ | {"XLA_FLAGS": ""}, capture_output=True,
                          text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(f"seed {seed} ")]
    return lines[0].split(None, 3)[3] if lines else None


def main():
    counts, drawn, mismatches = collections.Counter(), collections.Counter(), []
    seeds = range(OPTIONS.start, OPTIONS.end)
    if OPTIONS.only:
        seeds = [int(line) for line in pathlib.Path(OPTIONS.only).read_text().split()]
    warnings.filterwarnings("ignore")
    for seed in seeds:
        folder = pathlib.Path(tempfile.mkdtemp())
        word, case = outcome(seed, folder, OPTIONS.family)
        kind = word.split(" (")[0].split()[0]
        counts[kind] += 1
        counts["trained"] += case.trains and kind == "ok"
        drawn.update(case.kinds)
        if kind == "MISMATCH":
            mismatches.append(seed)
            if OPTIONS.keep:
                shutil.copytree(folder, OPTIONS.keep / str(seed), dirs_exist_ok=True)
        shutil.rmtree(folder)
        print(f"seed {seed} {case.family:10} {word}", flush=True)
    print("layers drawn:", " ".join(f"{kind} {count}" for kind, count in sorted(drawn.items())))
    print(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    print(f"mismatches: {mismatches}")
    sys.exit(bool(mismatches))


if __name__ == "__main__":
    main()
