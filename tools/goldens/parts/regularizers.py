"""Regularizers: the penalty and its gradient."""

import jax
import jax.numpy as jnp
import keras

from . import store

R = keras.regularizers
CASES = {
    "l1": lambda: R.L1(),
    "l1_large": lambda: R.L1(0.5),
    "l2": lambda: R.L2(),
    "l2_large": lambda: R.L2(0.5),
    "l1l2": lambda: R.L1L2(0.1, 0.2),
    "l1l2_l1_alone": lambda: R.L1L2(l1=0.1),
    "l1l2_default": lambda: R.L1L2(),
    "orthogonal_rows": lambda: R.OrthogonalRegularizer(0.1, "rows"),
    "orthogonal_columns": lambda: R.OrthogonalRegularizer(0.1, "columns"),
}


def make():
    arrays, cases = {}, []
    for name, build in CASES.items():
        regularizer = build()
        x = store.generator(name).normal(size=(3, 4)).astype("float32")
        arrays[name + ".x"] = x
        arrays[name + ".value"] = regularizer(jnp.asarray(x))
        arrays[name + ".grad"] = jax.grad(regularizer)(jnp.asarray(x))
        cases.append({"name": name, "object": store.serialized(regularizer)})
    store.write_cases("regularizers.json", cases)
    store.write_npz("regularizers.npz", arrays)
    return len(cases)
