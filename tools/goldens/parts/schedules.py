"""Schedules: the learning rate over the steps."""

import keras
import numpy as np

from . import store

S = keras.optimizers.schedules
CASES = {
    "exponential": lambda: S.ExponentialDecay(0.1, 10, 0.5),
    "exponential_staircase": lambda: S.ExponentialDecay(0.1, 10, 0.5, staircase=True),
    "cosine": lambda: S.CosineDecay(0.1, 20),
    "cosine_alpha": lambda: S.CosineDecay(0.1, 20, alpha=0.2),
    "cosine_warmup": lambda: S.CosineDecay(0.0, 20, warmup_target=0.1, warmup_steps=7),
    "cosine_warmup_alpha": lambda: S.CosineDecay(0.01, 20, alpha=0.1, warmup_target=0.2,
                                                 warmup_steps=5),
    "cosine_warmup_steps_alone": lambda: S.CosineDecay(0.1, 20, warmup_steps=5),
    "piecewise": lambda: S.PiecewiseConstantDecay([5, 11], [0.1, 0.05, 0.01]),
    "polynomial": lambda: S.PolynomialDecay(0.1, 20),
    "polynomial_power": lambda: S.PolynomialDecay(0.1, 20, end_learning_rate=0.01, power=2.0),
    "polynomial_cycle": lambda: S.PolynomialDecay(0.1, 8, end_learning_rate=0.01, power=0.5,
                                                  cycle=True),
    "inverse_time": lambda: S.InverseTimeDecay(0.1, 10, 0.5),
    "inverse_time_staircase": lambda: S.InverseTimeDecay(0.1, 10, 0.5, staircase=True),
    "inverse_time_fast": lambda: S.InverseTimeDecay(0.1, 10, 2.0),
    "cosine_restarts": lambda: S.CosineDecayRestarts(0.1, 6),
    "cosine_restarts_all": lambda: S.CosineDecayRestarts(0.1, 6, t_mul=1.5, m_mul=0.8, alpha=0.1),
    "cosine_restarts_equal": lambda: S.CosineDecayRestarts(0.1, 6, t_mul=1.0, m_mul=0.5),
}


def make():
    steps = np.array(list(range(46)) + [60, 99, 100, 1000, 100000], "int32")
    arrays, cases = {}, []
    for name, build in CASES.items():
        schedule = build()
        arrays[name + ".steps"] = steps
        arrays[name + ".values"] = np.array([float(schedule(int(step))) for step in steps])
        cases.append({"name": name, "object": store.serialized(schedule)})
    store.write_cases("schedules.json", cases)
    store.write_npz("schedules.npz", arrays)
    return len(cases)
