"""Layers: each alone in a saved model, with output, gradients and a short training."""

import importlib

import jax
import jax.numpy as jnp
import keras
import numpy as np

from . import layer_cases, store


#: Weights that are factors or deviations, and never negative.
POSITIVE = ("gamma", "variance", "moving_variance", "moving_stddev", "renorm_stddev")


def randomize(model, random):
    """Random weights in place of initial ones: zeros and ones hide mistakes."""
    for weight in model.weights:
        if weight.name in POSITIVE:
            value = random.uniform(0.5, 1.5, weight.shape)
        elif weight.dtype != "float32":
            continue  # the state of a random generator
        else:
            value = random.normal(size=weight.shape) * 0.4
        weight.assign(value.astype("float32"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with copies of its weights


def inputs_of(case, random):
    arrays = []
    for index, shape in enumerate(case.shapes):
        shape = (case.samples,) + shape
        given = case.values(random, index, shape)
        if given is not None:
            arrays.append(np.asarray(given).astype(case.dtype(index)))
        elif case.layer == "Embedding":
            arrays.append(random.integers(0, 7, shape).astype(case.dtype(index)))
        elif case.ties:
            arrays.append(random.integers(0, 2, shape).astype("float32"))
        else:
            # Not so coarse that maxima tie by chance: pooling keeps all digits.
            values = random.normal(size=shape) * case.scale
            arrays.append(values.astype("float32") if "Max" in case.layer else layer_cases.coarse(values, 512))
    return arrays


def build(case):
    inputs = [keras.Input(shape, dtype=case.dtype(i)) for i, shape in enumerate(case.shapes)]
    values = [keras.layers.Dense(case.shapes[0][-1], name=f"front_{i}")(value)
              for i, value in enumerate(inputs)] if case.chained else inputs
    layer = (case.make or getattr(keras.layers, case.layer))(**case.arguments())
    output = case.call(layer, values)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], output)


def gradients(model, xs, cotangents):
    """Gradients of `sum(output * cotangent)` with respect to the inputs, inference mode."""
    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    places = [i for i, x in enumerate(xs) if x.dtype == np.float32]

    def total(values):
        given = [jnp.asarray(x) for x in xs]
        for place, value in zip(places, values):
            given[place] = value
        outputs, _ = model.stateless_call(trainable, others,
                                          given if len(given) > 1 else given[0], training=False)
        return sum(jnp.sum(output * cotangent)
                   for output, cotangent in zip(jax.tree.leaves(outputs), cotangents))

    found = jax.grad(total)([jnp.asarray(xs[place]) for place in places])
    return dict(zip(places, found))


def numbered(prefix, values):
    return {f"{prefix}{i}": value for i, value in enumerate(values)}


def write(family, case):
    store.fresh(case.name)
    random = store.generator(case.name)
    model = build(case)
    randomize(model, random)
    xs = inputs_of(case, random)
    x = xs if len(xs) > 1 else xs[0]

    def predict():
        return jax.tree.leaves(model.predict(x, verbose=0, batch_size=case.samples))

    before = predict()
    cotangents = [layer_cases.coarse(random.normal(size=y.shape), 32) for y in before]
    arrays = numbered("x", xs) | numbered("y", before) | numbered("w", cotangents)
    if case.differentiable and case.layer != "Embedding":
        for i, value in gradients(model, xs, cotangents).items():
            arrays[f"grad_x{i}"] = value
    trained = case.trains and bool(model.trainable_weights)
    if trained:
        losses = ["mean_squared_error"] * len(before)
        model.compile(optimizer=keras.optimizers.SGD(case.learning_rate),
                      loss=losses if len(losses) > 1 else losses[0])
    store.write_keras(f"layers/{family}/{case.name}.keras", model, compress=True)
    if trained:
        targets = [layer_cases.coarse(random.uniform(0, 1, y.shape), 32) for y in before]
        history = model.fit(x, targets if len(targets) > 1 else targets[0], epochs=3,
                            batch_size=case.batch_size, shuffle=False, verbose=0)
        arrays |= numbered("t", targets)
        arrays["loss"] = np.array(history.history["loss"])
        after = predict()
        if not np.isfinite(after[0]).all() or np.array_equal(after[0], before[0]):
            raise SystemExit(f"{case.name}: the training went nowhere or to infinity")
        arrays |= {f"y{i}_after": value for i, value in enumerate(after)}
    store.write_npz(f"layers/{family}/{case.name}.npz", arrays)
    entry = {"name": case.name, "layer": case.layer, "inputs": len(xs), "trained": trained,
             "batch_size": case.batch_size}
    entry |= {"policy": case.policy} if case.policy else {}
    return entry | ({"note": case.note} if case.note else {})


def make(families=()):
    count = 0
    for family in families or layer_cases.FAMILIES:
        module = importlib.import_module(f"parts.layer_cases.{family}")
        cases = [write(family, case) for case in module.cases()]
        store.write_cases(f"layers/{family}/index.json", cases)
        count += len(cases)
    return count
