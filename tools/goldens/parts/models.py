"""Whole models: predictions, histories, evaluations, and going on from a saved file."""

import keras
import numpy as np

from . import layers, model_cases, store, structure_cases  # noqa: F401


def leaves(structure):
    return [np.asarray(value) for value in keras.tree.flatten(structure)]


def names_of(structure):
    """The structure of a model's inputs or outputs with names in place of tensors."""
    if isinstance(structure, dict):
        return {key: names_of(value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [names_of(value) for value in structure]
    return structure.name


def functional(model):
    """A sequential model keeps the functional one that it built."""
    return getattr(model, "_functional", None) or model


def with_output_names(model):
    """Output tensors have no useful names; the layers that made them have."""
    return keras.tree.map_structure(lambda tensor: tensor._keras_history.operation.name,
                                    functional(model)._outputs_struct)


def history_of(model, x, y, sample_weight, arguments):
    # The tail is cut off by Keras itself, as the contract says.
    history = model.fit(x, y, sample_weight=sample_weight, verbose=0, **arguments).history
    # With a moving average, Keras leaves a weight and its average in one buffer, and the next
    # call that donates the weight deletes the average too.
    for variable in model.trainable_variables + model.optimizer.variables:
        variable.assign(np.array(variable, copy=True))
    return history


def evaluation(model, x, y, sample_weight, batch_size):
    return store.floats(model.evaluate(x, y, sample_weight=sample_weight, batch_size=batch_size,
                                       verbose=0, return_dict=True))


def put(arrays, prefix, structure):
    for index, value in enumerate(leaves(structure)):
        arrays[f"{prefix}{index}"] = value


def resume(case, x, y, sample_weight, arguments, arrays):
    """One more epoch from the saved file, in a fresh session, as another process would do it."""
    session(case)
    model = keras.models.load_model(store.ROOT / f"models/{case.name}.trained.keras")
    history = history_of(model, x, y, sample_weight, arguments | {"epochs": 1})
    put(arrays, "pred_resumed", model.predict(x, batch_size=arguments["batch_size"], verbose=0))
    return {key: float(values[0]) for key, values in history.items()}


def session(case):
    """A fresh session under the policy of the case."""
    store.fresh(case.name)
    keras.config.set_dtype_policy(case.policy or "float32")


def write(case):
    session(case)
    random = store.generator(case.name)
    x, y, *rest = case.data(random)
    sample_weight = rest[0] if rest else None
    model = case.build()
    layers.randomize(model, random)
    arguments = dict(case.fit)
    batch_size, trains = arguments["batch_size"], arguments["epochs"] is not None
    arrays = {}
    # Inputs follow the order of `model.inputs`, which for a dict is that of its sorted keys.
    put(arrays, "x", x)
    put(arrays, "y", y)
    if isinstance(sample_weight, np.ndarray):
        arrays["sample_weight"] = sample_weight
    elif sample_weight is not None:
        put(arrays, "sample_weight", sample_weight)
    put(arrays, "pred_before", model.predict(x, batch_size=batch_size, verbose=0))
    store.write_keras(f"models/{case.name}.keras", model, compress=False)
    if case.weights_h5:
        path = store.ROOT / f"models/{case.name}.weights.h5"
        model.save_weights(path)
        store.check_size(path)
    described = {"name": case.name, "description": case.description, "fit": None, "history": None}
    described["weights"] = [{"path": weight.path, "shape": list(weight.shape),
                             "trainable": bool(weight.trainable)} for weight in model.weights]
    described["inputs"] = names_of(functional(model)._inputs_struct)
    described["outputs"] = with_output_names(model)
    if trains:
        described["fit"] = arguments | {"class_weight": {
            str(key): value for key, value in arguments["class_weight"].items()
        }} if "class_weight" in arguments else arguments
        described["evaluate_before"] = evaluation(model, x, y, sample_weight, batch_size)
        history = history_of(model, x, y, sample_weight, arguments)
        described["history_keys"] = list(history)
        described["history"] = {key: [float(value) for value in values]
                                for key, values in history.items()}
        put(arrays, "pred_after", model.predict(x, batch_size=batch_size, verbose=0))
        described["evaluate_after"] = evaluation(model, x, y, sample_weight, batch_size)
        described["evaluate_keys"] = list(described["evaluate_after"])
        described["optimizer_variables"] = [v.path for v in model.optimizer.variables]
        if case.resumed:
            store.write_keras(f"models/{case.name}.trained.keras", model, compress=False)
            described["resumed"] = resume(case, x, y, sample_weight, arguments, arrays)
    store.write_json(f"models/{case.name}.json", described)
    store.write_npz(f"models/{case.name}.npz", arrays)


def entry(case):
    known = {"name": case.name, "trains": case.fit["epochs"] is not None, "resumed": case.resumed,
             "weights_h5": case.weights_h5}
    return known | ({"policy": case.policy} if case.policy else {})


def make(only=()):
    """Writes the models named in `only`, or all."""
    chosen = [case for case in model_cases.CASES if not only or case.name in only]
    for case in chosen:
        write(case)
    keras.config.set_dtype_policy("float32")
    store.write_cases("models/index.json", [entry(case) for case in model_cases.CASES])
    return len(chosen)
