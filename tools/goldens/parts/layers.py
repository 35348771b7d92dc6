"""Layers: each alone in a saved model, with output, gradients and a short training."""

import jax
import jax.numpy as jnp
import keras
import numpy as np

from . import layer_cases, store



def coarse(values, steps):
    """Multiples of `1 / steps`: random enough, and half as long once deflated."""
    return (np.round(values * steps) / steps).astype("float32")


def randomize(model, random):
    """Random weights in place of initial ones: zeros and ones hide mistakes."""
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            value = random.uniform(0.5, 1.5, weight.shape)
        elif weight.dtype != "float32":
            continue  # the state of a random generator
        else:
            value = random.normal(size=weight.shape) * 0.4
        weight.assign(value.astype("float32"))


def inputs_of(case, random):
    arrays = []
    for shape in case.shapes:
        shape = (case.samples,) + shape
        if case.layer == "Embedding":
            arrays.append(random.integers(0, 7, shape).astype(case.input_dtype))
        elif case.ties:
            arrays.append(random.integers(0, 2, shape).astype("float32"))
        else:
            # Not so coarse that maxima tie by chance: pooling keeps all digits.
            values = random.normal(size=shape) * case.scale
            arrays.append(values.astype("float32") if "Max" in case.layer else coarse(values, 512))
    return arrays


def build(case):
    inputs = [keras.Input(shape, dtype=case.input_dtype) for shape in case.shapes]
    values = [keras.layers.Dense(case.shapes[0][-1], name=f"front_{i}")(value)
              for i, value in enumerate(inputs)] if case.chained else inputs
    layer = getattr(keras.layers, case.layer)(**case.arguments())
    output = layer(values if len(values) > 1 else values[0])
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], output)


def gradients(model, xs, cotangent):
    """Gradient of `sum(output * cotangent)` with respect to the inputs, inference mode."""
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def total(values):
        output, _ = model.stateless_call(trainable, others,
                                         values if len(values) > 1 else values[0], training=False)
        return jnp.sum(output * cotangent)

    return jax.grad(total)([jnp.asarray(x) for x in xs])


def write(case):
    store.fresh(case.name)
    random = store.generator(case.name)
    model = build(case)
    randomize(model, random)
    xs = inputs_of(case, random)
    x = xs if len(xs) > 1 else xs[0]
    before = model.predict(x, verbose=0, batch_size=case.samples)
    arrays = {f"x{i}": value for i, value in enumerate(xs)}
    arrays["y0"] = before
    arrays["w0"] = coarse(random.normal(size=before.shape), 32)
    if all(value.dtype == np.float32 for value in xs) and case.layer != "Embedding":
        for i, value in enumerate(gradients(model, xs, arrays["w0"])):
            arrays[f"grad_x{i}"] = value
    trained = bool(model.trainable_weights)
    if trained:
        model.compile(optimizer=keras.optimizers.SGD(case.learning_rate), loss="mean_squared_error")
    store.write_keras(f"layers/{case.name}.keras", model, compress=True)
    if trained:
        target = coarse(random.uniform(0, 1, before.shape), 32)
        history = model.fit(x, target, epochs=3, batch_size=case.batch_size, shuffle=False,
                            verbose=0)
        arrays["t0"] = target
        arrays["loss"] = np.array(history.history["loss"])
        arrays["y0_after"] = model.predict(x, verbose=0, batch_size=case.samples)
        if not np.isfinite(arrays["y0_after"]).all() or np.array_equal(arrays["y0_after"], before):
            raise SystemExit(f"{case.name}: the training went nowhere or to infinity")
    store.write_npz(f"layers/{case.name}.npz", arrays)
    entry = {"name": case.name, "layer": case.layer, "inputs": len(xs), "trained": trained,
             "batch_size": case.batch_size}
    return entry | ({"note": case.note} if case.note else {})


def make():
    cases = [write(case) for case in layer_cases.all_cases()]
    store.write_cases("layers/index.json", cases)
    return len(cases)
