"""Four trainings in turn, Ibex and Keras by turns, against four in Keras: `round_trips.py IBEX [OUT.json]`.

For each optimizer a small convnet is trained four times for an epoch of three steps: by IBEX (the
`ibex` command), by real Keras, by IBEX, by Keras, each going on from the file that the other
saved; and four times by Keras alone, which opens its own files where it opened those of IBEX.
Prints a table: the largest relative difference of the losses of the four trainings, and, relative
to the largest absolute value of each array, of the weights and of the optimizer's variables; and,
of the losses, what Keras from its own files differs from Keras that never saved.
The table is also put into OUT.json, the results of `files_table.py`.
The exit code is 1 when a difference is beyond the bounds of the Keras contract.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

# TensorFlow runs layer by layer; with JAX the table is the same, after minutes of compilation.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402  (the backend is chosen before)
import numpy as np  # noqa: E402
from keras import layers, optimizers  # noqa: E402

EAGERLY = keras.backend.backend() == "tensorflow"
LOSS_BOUND, STATE_BOUND = 1e-4, 1e-3

OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.05),
    "SGD, momentum": lambda: optimizers.SGD(0.05, momentum=0.9),
    "SGD, Nesterov, clipped": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True,
                                                     global_clipnorm=1.0),
    "RMSprop": lambda: optimizers.RMSprop(0.01),
    "RMSprop, centered, momentum": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "Adam": lambda: optimizers.Adam(0.01),
    "Adam, AMSGrad": lambda: optimizers.Adam(0.01, amsgrad=True),
    "Adam, schedule": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.01, 20)),
    "Adam, moving average": lambda: optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9,
                                                    ema_overwrite_frequency=5),
    "Adam, accumulated": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "AdamW": lambda: optimizers.AdamW(0.01, weight_decay=0.05),
    "Adadelta": lambda: optimizers.Adadelta(1.0),
    "Adagrad": lambda: optimizers.Adagrad(0.05),
    "Adamax": lambda: optimizers.Adamax(0.01),
    "Nadam": lambda: optimizers.Nadam(0.01),
    "Ftrl": lambda: optimizers.Ftrl(0.05, l1_regularization_strength=0.001),
    "Lion": lambda: optimizers.Lion(0.001),
    "Lamb": lambda: optimizers.Lamb(0.01),
    "Adafactor": lambda: optimizers.Adafactor(0.01),
    "Muon": lambda: optimizers.Muon(0.01),
    "ScheduleFreeAdamW": lambda: optimizers.ScheduleFreeAdamW(0.01, warmup_steps=4),
    "LossScaleOptimizer": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.01), 64.0),
}


def convnet(optimizer):
    keras.utils.set_random_seed(5)
    model = keras.Sequential([
        keras.Input((8, 8, 2)), layers.Conv2D(6, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9), layers.ReLU(), layers.MaxPooling2D(2),
        layers.SeparableConv2D(8, 3, activation="tanh"), layers.Flatten(), layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"], run_eagerly=EAGERLY)
    return model


def fit(model, x, y):
    history = model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0).history
    return history["loss"][0]


def state(model):
    kinds = model.weights, model.optimizer.variables
    return [[keras.ops.convert_to_numpy(variable) for variable in kind] for kind in kinds]


def difference(found, expected):
    if [a.shape for a in found] != [b.shape for b in expected]:
        raise ValueError("the variables are others")
    worst = 0.0
    for a, b in zip(found, expected):
        scale = max(float(np.abs(b).max()), 1e-6)
        worst = max(worst, float(np.abs(a.astype("float64") - b).max()) / scale)
    return worst


def alone(make, x, y, path):
    """Losses and state of four trainings in Keras; the second and fourth from files, if at all."""
    model, losses = convnet(make()), []
    for turn in range(4):
        if path and turn % 2:
            model.save(path)
            model = keras.models.load_model(path)
        losses.append(fit(model, x, y))
    return losses, state(model)


def of_losses(found, expected):
    return max(abs(a - b) / abs(b) for a, b in zip(found, expected))


def turns(command, make, x, y, folder):
    path, data, log = folder / "model.keras", folder / "data.npz", folder / "history.json"
    expected, weights = alone(make, x, y, path)
    without_files, _ = alone(make, x, y, None)
    convnet(make()).save(path)
    np.savez(data, x0=x, y0=y)
    losses, model = [], None
    for _ in range(2):
        run = subprocess.run(
            [command, "train", path, "--data", data, "--epochs", "1", "--batch-size", "8",
             "--no-shuffle", "--out", path, "--history", log], capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(" ".join(run.stderr.split())[:400])
        losses.append(json.loads(log.read_text())["loss"][0])
        model = keras.models.load_model(path)
        losses.append(fit(model, x, y))
        model.save(path)
    return (of_losses(losses, expected), *map(difference, state(model), weights),
            of_losses(expected, without_files))


def main(command, out=None):
    random = np.random.default_rng(0)
    x = random.normal(size=(24, 8, 8, 2)).astype("float32")
    y = random.integers(0, 3, 24).astype("int32")
    print("| optimizer | losses | weights | optimizer's variables | Keras without files |")
    print("| --- | --- | --- | --- | --- |")
    failures, table = 0, {}
    for name, make in OPTIMIZERS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = turns(command, make, x, y, pathlib.Path(folder))
                cells = [f"{value:.1e}" for value in found]
                failed = not (found[0] <= LOSS_BOUND and max(found[1:3]) <= STATE_BOUND)
            except Exception as reason:  # any failure is a finding about the optimizer
                cells, failed = [f"{type(reason).__name__}: {reason}", "", "", ""], True
        failures += failed
        cells[0] = f"**{cells[0]}**" if failed else cells[0]
        table[name] = cells
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    if out:
        path = pathlib.Path(out)
        results = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(results | {"turns": table}, indent=1))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
