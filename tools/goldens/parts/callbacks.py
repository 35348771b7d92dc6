"""Callbacks: what a training does epoch by epoch under each of them.

The model is `y = w * x` with a loss of `-y`, so that every step adds the learning rate to `w`; the
monitored `score` follows a fixed sequence.
"""

import keras
import numpy as np

from . import store

C = keras.callbacks
SCORES = [5.0, 4.0, 4.5, 3.0, 3.5, 2.99995, 3.2, 3.1, 3.3, 1.0, 2.0, 2.5]


class Score(C.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = SCORES[epoch]


class Record(C.Callback):
    """The weight and the learning rate after the other callbacks of an epoch."""

    def __init__(self):
        super().__init__()
        self.weights, self.rates = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(float(np.array(self.model.get_weights()[0]).reshape(-1)[0]))
        self.rates.append(float(np.array(self.model.optimizer.learning_rate)))


class Events(C.Callback):
    """The names of the events in their order."""

    def __init__(self):
        super().__init__()
        self.names = []


def event(name):
    def method(self, *arguments, **named):
        self.names.append(name)

    return method


for name in ["train", "test"]:
    for end in ["begin", "end"]:
        setattr(Events, f"on_{name}_{end}", event(f"on_{name}_{end}"))
        setattr(Events, f"on_{name}_batch_{end}", event(f"on_{name}_batch_{end}"))
for end in ["begin", "end"]:
    setattr(Events, f"on_epoch_{end}", event(f"on_epoch_{end}"))

MAX = {"monitor": "score", "mode": "max"}
MIN = {"monitor": "score", "mode": "min"}
CASES = {
    "none": lambda: [],
    "early_stopping": lambda: [C.EarlyStopping(**MIN, patience=3, restore_best_weights=True)],
    "early_stopping_max": lambda: [C.EarlyStopping(**MAX, patience=2, restore_best_weights=True)],
    "early_stopping_delta": lambda: [
        C.EarlyStopping(**MIN, patience=1, min_delta=0.1, start_from_epoch=3)],
    "early_stopping_max_delta": lambda: [C.EarlyStopping(**MAX, patience=4, min_delta=0.2)],
    "early_stopping_baseline": lambda: [
        C.EarlyStopping(**MIN, patience=2, baseline=3.0, restore_best_weights=True)],
    "plateau": lambda: [C.ReduceLROnPlateau(**MIN, factor=0.5, patience=1)],
    "plateau_cooldown": lambda: [
        C.ReduceLROnPlateau(**MIN, factor=0.5, patience=1, cooldown=2, min_lr=0.125)],
    "plateau_max": lambda: [
        C.ReduceLROnPlateau(**MAX, factor=0.25, patience=2, min_delta=0.5)],
    "scheduler": lambda: [
        C.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch > 1 else rate)],
    "swap_ema": lambda: [C.SwapEMAWeights()],
    "swap_ema_on_epoch": lambda: [C.SwapEMAWeights(swap_on_epoch=True)],
}


def run(callbacks, use_ema):
    keras.backend.clear_session()
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    optimizer = keras.optimizers.SGD(1.0, use_ema=use_ema, ema_momentum=0.75)
    model.compile(optimizer, loss=lambda y, p: -keras.ops.mean(p, axis=1))
    x, y = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
    record, events = Record(), Events()
    history = model.fit(
        x, y, epochs=12, batch_size=2, shuffle=False, verbose=0, validation_data=(x[:2], y[:2]),
        callbacks=[Score(), *callbacks, record, events])
    numbers = {name: [float(v) for v in values] for name, values in history.history.items()}
    return {
        "history": numbers,
        "weights": record.weights,
        "rates": record.rates,
        "last": float(model.get_weights()[0].reshape(-1)[0]),
        "events": events.names[: events.names.index("on_epoch_end") + 1] + events.names[-2:],
    }


class Passed(C.Callback):
    """The events of an evaluation or a prediction: name, batch, loss, first output of the batch."""

    def __init__(self, last):
        super().__init__()
        self.last, self.events = last, []


def passed(name):
    def method(self, *arguments):
        logs = arguments[-1] or {}
        batch = arguments[0] if "batch" in name else None
        outputs = logs.get("outputs")
        self.events.append([
            name, batch, float(logs["loss"]) if "loss" in logs else None,
            None if outputs is None else float(np.asarray(outputs).reshape(-1)[0])])
        if name.endswith("batch_end") and batch == self.last:
            self.model.stop_evaluating = self.model.stop_predicting = True
    return method


for part in ["test", "predict"]:
    for end in ["begin", "end"]:
        setattr(Passed, f"on_{part}_{end}",
                lambda self, logs=None, note=passed(f"on_{part}_{end}"): note(self, logs))
        setattr(Passed, f"on_{part}_batch_{end}",
                lambda self, batch, logs=None, note=passed(f"on_{part}_batch_{end}"):
                note(self, batch, logs))


def pass_over(method, last):
    """What callbacks see while five samples are passed over in batches of two."""
    keras.backend.clear_session()
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", loss="mse")
    model.set_weights([np.array([[2.0]], "float32")])
    x = np.arange(5, dtype="float32").reshape(5, 1)
    callback = Passed(last)
    data = (x, x + 1) if method == "evaluate" else (x,)
    result = getattr(model, method)(*data, batch_size=2, verbose=0, callbacks=[callback])
    result = np.asarray(result, "float32").reshape(-1).tolist()
    return {"events": callback.events, "result": result}


def make():
    cases = [{"name": name, **run(build(), "ema" in name)} for name, build in CASES.items()]
    store.write_cases("callbacks.json", cases)
    ways = {"evaluate": ("evaluate", None), "evaluate_stopped": ("evaluate", 1),
            "predict": ("predict", None), "predict_stopped": ("predict", 0)}
    passes = [{"name": name, **pass_over(*way)} for name, way in ways.items()]
    store.write_cases("callbacks_passes.json", passes)
    return len(cases) + len(passes)
