"""Activations: values and gradients, in their smooth parts and at their edges."""

import jax
import jax.numpy as jnp
import keras
import numpy as np

from . import store

ELEMENTWISE = {
    "celu": [{}, {"alpha": 0.5}],
    "elu": [{}, {"alpha": 0.3}],
    "exponential": [{}],
    "gelu": [{}, {"approximate": True}],
    "hard_shrink": [{}, {"threshold": 1.2}],
    "hard_sigmoid": [{}],
    "hard_silu": [{}],
    "hard_tanh": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.05}],
    "linear": [{}],
    "log_sigmoid": [{}],
    "mish": [{}],
    "relu": [{}, {"negative_slope": 0.1}, {"max_value": 4.0}, {"threshold": 1.1},
             {"negative_slope": 0.1, "max_value": 4.0, "threshold": 1.1}],
    "relu6": [{}],
    "selu": [{}],
    "sigmoid": [{}],
    "silu": [{}],
    "soft_shrink": [{}, {"threshold": 1.2}],
    "softplus": [{}],
    "softsign": [{}],
    "sparse_plus": [{}],
    "sparse_sigmoid": [{}],
    "squareplus": [{}, {"b": 2.0}],
    "tanh": [{}],
    "tanh_shrink": [{}],
    "threshold": [{"threshold": 1.1, "default_value": 0.25}],
}
ALONG_AXIS = {
    "glu": [{}, {"axis": -1}],
    "log_softmax": [{}, {"axis": 0}],
    "softmax": [{}, {"axis": 0}],
    "sparsemax": [{}, {"axis": 0}],
}
EDGES = [-100, -50, -20, -10, -6, -4, -3, -1, -0.5, -1e-3, -1e-6, 0, 1e-6, 1e-3, 0.5, 1, 3, 4, 6,
         10, 20, 50, 88]


def case_name(activation, arguments, x):
    parts = [activation] + [f"{key}_{value}" for key, value in arguments.items()]
    if x != "x":
        parts.append(x)
    return "_".join(parts).replace("-", "minus_").replace(".", "p").lower()


def value_and_gradient(function, x, cotangent):
    y, pullback = jax.vjp(function, jnp.asarray(x))
    if cotangent is None:
        return y, None
    return y, pullback(jnp.asarray(cotangent))[0]


def make():
    random = store.generator("activations")
    arrays = {
        # Shifted off the grid: no value is a kink of any activation.
        "x": (np.linspace(-6, 6, 97) + 0.0137).astype("float32"),
        "edges": np.array(EDGES, "float32"),
        "rows": (random.normal(size=(5, 6)) * 2).astype("float32"),
    }
    for name in list(arrays):
        arrays[name + ".w"] = random.normal(size=arrays[name].shape).astype("float32")
    wanted = [(activation, arguments, x, x == "edges")
              for activation, variants in ELEMENTWISE.items()
              for arguments in variants for x in ("x", "edges")]
    wanted += [(activation, arguments, "rows", False)
               for activation, variants in ALONG_AXIS.items() for arguments in variants]
    cases = []
    for activation, arguments, x, kinks in wanted:
        name = case_name(activation, arguments, x)
        function = getattr(keras.activations, activation)
        call = lambda value: function(value, **arguments)  # noqa: E731
        cotangent = arrays[x + ".w"]
        if activation == "glu":
            shape = call(jnp.asarray(arrays[x])).shape
            cotangent = arrays[name + ".w"] = random.normal(size=shape).astype("float32")
        y, gradient = value_and_gradient(call, arrays[x], cotangent)
        arrays[name + ".y"], arrays[name + ".grad"] = y, gradient
        cases.append({"name": name, "activation": activation, "arguments": arguments, "x": x,
                      "kinks": kinks})
    store.write_cases("activations.json", cases)
    store.write_npz("activations.npz", arrays)
    return len(cases)
