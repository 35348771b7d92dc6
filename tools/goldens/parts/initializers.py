"""Initializers: exact values where there is no chance in them, moments and deciles elsewhere."""

import keras
import numpy as np

from . import store

I = keras.initializers
EXACT = {
    "zeros": (lambda: I.Zeros(), (2, 3)),
    "ones": (lambda: I.Ones(), (2, 3)),
    "constant": (lambda: I.Constant(0.25), (2, 3)),
    "constant_default": (lambda: I.Constant(), (4,)),
    "identity": (lambda: I.Identity(), (4, 4)),
    "identity_gain": (lambda: I.Identity(gain=0.7), (3, 5)),
}
SHAPES = {"vector": (40,), "dense": (40, 60), "conv1d": (5, 8, 16), "conv2d": (3, 3, 8, 16)}
SCALED = {
    "glorot_normal": I.GlorotNormal,
    "glorot_uniform": I.GlorotUniform,
    "he_normal": I.HeNormal,
    "he_uniform": I.HeUniform,
    "lecun_normal": I.LecunNormal,
    "lecun_uniform": I.LecunUniform,
}
#: Which axes count as inputs and outputs: otherwise the first one would be a window.
AXES = {"input_axes": [0], "output_axes": [1, 2]}
DRAWS = 60_000


def random_cases():
    plain = {
        "random_normal": (I.RandomNormal, {}),
        "random_normal_moved": (I.RandomNormal, {"mean": 1.5, "stddev": 0.3}),
        "random_uniform": (I.RandomUniform, {}),
        "random_uniform_moved": (I.RandomUniform, {"minval": -1.0, "maxval": 3.0}),
        "truncated_normal": (I.TruncatedNormal, {}),
        "truncated_normal_moved": (I.TruncatedNormal, {"mean": -0.5, "stddev": 0.2}),
    }
    for name, (cls, arguments) in plain.items():
        yield name, cls, arguments, (40, 60)
    for name, cls in SCALED.items():
        for shape_name, shape in SHAPES.items():
            yield f"{name}_{shape_name}", cls, {}, shape
        yield f"{name}_axes", cls, AXES, (20, 6, 10)
    yield "variance_scaling_axes", I.VarianceScaling, {"scale": 2.0} | AXES, (20, 6, 10)
    for mode in ("fan_in", "fan_out", "fan_avg"):
        for distribution in ("truncated_normal", "untruncated_normal", "uniform"):
            for shape_name in ("dense", "conv2d"):
                yield (f"variance_scaling_{mode}_{distribution}_{shape_name}", I.VarianceScaling,
                       {"scale": 2.0, "mode": mode, "distribution": distribution},
                       SHAPES[shape_name])
    for name, shape in {"square": (6, 6), "wide": (4, 9), "tall": (9, 4), "conv": (3, 3, 4, 8)
                        }.items():
        yield f"orthogonal_{name}", I.Orthogonal, {}, shape
    yield "orthogonal_gain", I.Orthogonal, {"gain": 1.7}, (6, 6)


def gram_error(value, gain):
    matrix = value.reshape(-1, value.shape[-1]).astype("float64")
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    return np.abs(small - gain**2 * np.eye(len(small))).max()


def make():
    arrays, cases = {}, []
    for name, (build, shape) in EXACT.items():
        initializer = build()
        arrays[name + ".value"] = initializer(shape)
        cases.append({"name": name, "object": store.serialized(initializer), "shape": list(shape),
                      "exact": True})
    for name, cls, arguments, shape in random_cases():
        times = max(1, DRAWS // int(np.prod(shape)))
        if cls is I.Orthogonal:
            times = 300
        draws = [np.asarray(cls(**arguments, seed=seed)(shape)) for seed in range(times)]
        sample = np.concatenate([draw.ravel() for draw in draws]).astype("float64")
        arrays[name + ".moments"] = np.array([sample.mean(), sample.var(), sample.min(),
                                              sample.max()])
        arrays[name + ".deciles"] = np.quantile(sample, np.arange(1, 10) / 10)
        arrays[name + ".count"] = np.int64(sample.size)
        if cls is I.Orthogonal:
            arrays[name + ".gram_error"] = gram_error(draws[0], arguments.get("gain", 1.0))
        cases.append({"name": name, "object": store.serialized(cls(**arguments)),
                      "shape": list(shape), "exact": False})
    store.write_cases("initializers.json", cases)
    store.write_npz("initializers.npz", arrays)
    return len(cases)
