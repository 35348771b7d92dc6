"""Functions of images: values and gradients of `keras.ops.image`, one file for each function."""

import jax
import jax.numpy as jnp
import keras
import numpy as np

from . import image_cases, store


def arrays_of(case, random):
    """The images of a case and the tensors that go with them."""
    if case.dtype == "float32":
        # Eighths: short once deflated, and sums of them are exact.
        images = np.round(random.uniform(case.low, case.high, case.shape) * 8) / 8
    else:
        images = random.integers(0, 256 if case.dtype == "uint8" else 9, case.shape)
    arrays = {"x": images.astype(case.dtype)}
    for name, make in case.tensors.items():
        arrays[name] = np.asarray(make(random) if callable(make) else make, "float32")
    return arrays


def has_tie(function, own, tensors, arguments):
    """Whether a result lies so near the middle of two integers that any rounding is right."""
    if own["x"].dtype == np.float32:
        return False
    exact = np.asarray(function(own["x"].astype("float32"), **tensors, **arguments))
    return (np.abs(exact - np.floor(exact) - 0.5) < 1e-3).any()


def write(case, arrays):
    random = store.generator(f"image {case.name}")
    function = getattr(keras.ops.image, case.function)
    while True:
        own = arrays_of(case, random)
        tensors = {name: value for name, value in own.items() if name != "x"}
        if not has_tie(function, own, tensors, case.arguments):
            break
    # An elastic transform needs the number of its sigma, which compiling would hide.
    compiled = (lambda f: f) if case.function == "elastic_transform" else jax.jit
    shape = np.shape(function(keras.KerasTensor(own["x"].shape), **{
        name: keras.KerasTensor(value.shape) for name, value in tensors.items()},
        **case.arguments))
    if case.dtype == "float32" and case.gradient:
        own["w"] = (np.round(random.normal(size=shape) * 8) / 8).astype("float32")
        names = ["x"] + [name for name in tensors if name in case.differentiable]

        def total(values):
            given = dict(tensors) | {name: v for name, v in zip(names[1:], values[1:])}
            result = function(values[0], **given, **case.arguments)
            return jnp.sum(result * own["w"]), result

        given = [jnp.asarray(own[name]) for name in names]
        gradients, own["y"] = compiled(jax.grad(total, has_aux=True))(given)
        for name, gradient in zip(names, gradients):
            own[f"grad_{name}"] = np.asarray(gradient)
    else:
        own["y"] = compiled(lambda x, t: function(x, **t, **case.arguments))(own["x"], tensors)
    for name, value in (own | case.hidden).items():
        value = np.asarray(value)
        if not np.isfinite(value).all():
            raise SystemExit(f"{case.name}: {name} is not finite")
        arrays[f"{case.name}.{name}"] = value
    return {"name": case.name, "arguments": case.arguments}


def make(functions=None):
    count = 0
    table = image_cases.by_function()
    for function in functions or table:
        cases = table[function]
        arrays = {}
        rows = [write(case, arrays) for case in cases]
        store.write_cases(f"image/{function}.json", rows)
        store.write_npz(f"image/{function}.npz", arrays)
        count += len(rows)
    return count
