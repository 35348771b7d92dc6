"""Every `keras.ops` function as a node of a functional model: configuration, outputs, gradients."""

import ast
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import ops

from . import operation_cases as table
from . import store


SCOPE = {name: getattr(ops, name) for name in dir(ops) if not name.startswith("_")} | {"np": np}


def names_in(expression):
    """The inputs that an expression names, in order."""
    found = []
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.Name) and node.id in table.INPUTS and node.id not in found:
            found.append(node.id)
    return sorted(found, key=list(table.INPUTS).index)


def weights(shape):
    """The gradient of an output: the test makes the same numbers."""
    count = int(np.prod(shape))
    return np.cos(np.arange(count) * 0.7).astype("float32").reshape(shape)


def model_of(expression, names, arrays):
    """The model with any batch size if Keras allows it."""
    batched = all(arrays[name].shape[0] == 2 for name in names)
    for batch in (None, "fixed") if batched and expression not in table.FIXED_BATCH else ("fixed",):
        # Names start over; the compiled functions stay.
        keras.utils.clear_session(free_memory=False)
        inputs = {}
        for name in names:
            shape = arrays[name].shape
            first = (None,) if batch is None else shape[:1]
            inputs[name] = keras.Input(batch_shape=first + shape[1:], name=name,
                                       dtype=arrays[name].dtype.name)
        try:
            called = eval(expression, SCOPE | inputs)
            return keras.Model(list(inputs.values()), called), batch is None
        except Exception:
            if batch == "fixed":
                raise
    return None


def is_float(value):
    return jnp.issubdtype(value.dtype, jnp.floating)


def run(model, expression, names, arrays):
    """The outputs, and the gradients by the floating-point inputs where Keras has them."""
    floats = [name for name in names if arrays[name].dtype == np.float32]
    given = {name: jnp.asarray(arrays[name]) for name in names}

    def call(values):
        try:
            return keras.tree.flatten(model([(given | values)[name] for name in names]))
        except (ValueError, AttributeError, TypeError):
            # Some nodes give their backend what only the function itself converts before.
            return keras.tree.flatten(eval(expression, SCOPE | given | values))

    try:
        outputs, pullback = jax.vjp(call, {name: given[name] for name in floats})
        seeds = [jnp.asarray(weights(value.shape), value.dtype) if is_float(value)
                 else np.zeros(value.shape, jax.dtypes.float0) for value in outputs]
        found = pullback(seeds)[0] if any(map(is_float, outputs)) else {}
    except (NotImplementedError, TypeError):
        outputs, found = call({}), {}
    return outputs, {name: np.asarray(value) for name, value in found.items()}


def places(ends):
    """The places of all outputs, whatever their structure."""
    if isinstance(ends[0], str):
        yield ends
    else:
        for end in ends.values() if isinstance(ends, dict) else ends:
            yield from places(end)


def case_of(expression, arrays, results):
    names = names_in(expression)
    model, any_batch = model_of(expression, names, arrays)
    outputs, found = run(model, expression, names, arrays)
    config = model.get_config()
    layers = [keras.saving.serialize_keras_object(layer) if not isinstance(layer, dict) else layer
              for layer in config["layers"]]
    layers = [layer for layer in layers if layer["class_name"] != "InputLayer"]
    for layer in layers:
        layer.pop("build_config", None)
    for number, value in enumerate(outputs):
        if jnp.iscomplexobj(value):
            continue
        half = value.dtype in (jnp.bfloat16, jnp.float16)
        results[f"y{number}"] = np.asarray(value.astype("float32") if half else value)
    for name, gradient in found.items():
        if np.isfinite(gradient).all() and expression not in table.NO_GRADIENT:
            results[name] = gradient
    return {"name": expression, "inputs": names, "any_batch": any_batch,
            "dtypes": [str(value.dtype) for value in outputs], "layers": layers,
            "output_layers": list(places(config["output_layers"]))}


def make(families=None):
    random = store.generator("operations")
    arrays = {}
    for name in table.INPUTS:
        value = table.values(name, random)
        arrays[name] = value.astype("float32") if value.dtype == np.float64 else value
    store.write_npz("operations/inputs.npz", arrays)
    total = 0
    for part, text in table.TABLES.items():
        if families and part not in families:
            continue
        cases, results = [], {}
        for at, expression in enumerate(dict.fromkeys(text.strip().splitlines())):
            own = {}
            try:
                case = case_of(expression, arrays, own)
                json.dumps(case, allow_nan=False)
                cases.append(case)
            except Exception as error:
                print("REFUSED", expression, repr(error)[:300], flush=True)
                continue
            results |= {f"{len(cases) - 1}.{key}": value for key, value in own.items()}
        store.write_cases(f"operations/{part}.json", cases)
        store.write_npz(f"operations/{part}.npz", results)
        total += len(cases)
    return total
