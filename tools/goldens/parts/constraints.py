"""Constraints: a weight before and after."""

import keras

from . import store

C = keras.constraints
CASES = {
    "max_norm": (lambda: C.MaxNorm(), (3, 4)),
    "max_norm_axis_1": (lambda: C.MaxNorm(1.0, axis=1), (3, 4)),
    "max_norm_conv": (lambda: C.MaxNorm(1.5, axis=[0, 1, 2]), (2, 2, 3, 4)),
    "max_norm_vector": (lambda: C.MaxNorm(1.0), (5,)),
    "non_neg": (lambda: C.NonNeg(), (3, 4)),
    "unit_norm": (lambda: C.UnitNorm(), (3, 4)),
    "unit_norm_axis_1": (lambda: C.UnitNorm(axis=1), (3, 4)),
    "unit_norm_conv": (lambda: C.UnitNorm(axis=[0, 1, 2]), (2, 2, 3, 4)),
    "min_max_norm": (lambda: C.MinMaxNorm(), (3, 4)),
    "min_max_norm_all": (lambda: C.MinMaxNorm(0.5, 1.5, rate=0.7, axis=1), (3, 4)),
}


def make():
    arrays, cases = {}, []
    for name, (build, shape) in CASES.items():
        constraint = build()
        x = (store.generator(name).normal(size=shape) * 1.5).astype("float32")
        x[..., 0] *= 0.01
        if name == "max_norm":
            # The default bound of 2 must act on one column and leave another alone.
            x[..., 1] *= 5
        arrays[name + ".x"] = x
        arrays[name + ".y"] = constraint(x)
        cases.append({"name": name, "object": store.serialized(constraint)})
    store.write_cases("constraints.json", cases)
    store.write_npz("constraints.npz", arrays)
    return len(cases)
