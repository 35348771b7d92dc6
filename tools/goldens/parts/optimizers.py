"""Optimizers: twelve steps on the same gradients, variables after each, slots at the end."""

import keras
import numpy as np

from . import store

O = keras.optimizers
S = keras.optimizers.schedules
STEPS = 12
KINDS = {
    "sgd": (O.SGD, {"learning_rate": 0.1}),
    "sgd_momentum": (O.SGD, {"learning_rate": 0.1, "momentum": 0.9}),
    "sgd_nesterov": (O.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "rmsprop": (O.RMSprop, {"learning_rate": 0.05}),
    "rmsprop_momentum": (O.RMSprop, {"learning_rate": 0.05, "rho": 0.8, "momentum": 0.7}),
    "rmsprop_centered": (O.RMSprop, {"learning_rate": 0.05, "centered": True}),
    "rmsprop_momentum_centered": (O.RMSprop, {"learning_rate": 0.05, "momentum": 0.7,
                                              "centered": True, "epsilon": 1e-3}),
    "adam": (O.Adam, {"learning_rate": 0.05}),
    "adam_amsgrad": (O.Adam, {"learning_rate": 0.05, "amsgrad": True, "beta_1": 0.8,
                              "beta_2": 0.9, "epsilon": 1e-4}),
    "adamw": (O.AdamW, {"learning_rate": 0.05}),
    "adamw_amsgrad": (O.AdamW, {"learning_rate": 0.05, "amsgrad": True}),
    "adagrad": (O.Adagrad, {"learning_rate": 0.1}),
    "adagrad_accumulator": (O.Adagrad, {"learning_rate": 0.1, "initial_accumulator_value": 0.5}),
    "adadelta": (O.Adadelta, {"learning_rate": 1.0}),
    "adadelta_rho": (O.Adadelta, {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
}
COMMON = {
    "weight_decay": {"weight_decay": 0.02},
    "clipnorm": {"clipnorm": 0.8},
    "clipvalue": {"clipvalue": 0.5},
    "global_clipnorm": {"global_clipnorm": 1.0},
    "ema": {"use_ema": True, "ema_momentum": 0.9},
    "ema_overwrite": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 5},
    "accumulation": {"gradient_accumulation_steps": 3},
    "loss_scale": {"loss_scale_factor": 4.0},
}
SCHEDULES = {
    "exponential": lambda: S.ExponentialDecay(0.1, 4, 0.5),
    "exponential_staircase": lambda: S.ExponentialDecay(0.1, 4, 0.5, staircase=True),
    "cosine": lambda: S.CosineDecay(0.1, 10),
    "cosine_alpha_warmup": lambda: S.CosineDecay(0.01, 6, alpha=0.1, warmup_target=0.1,
                                                 warmup_steps=4),
}


def variants():
    """(name, class, arguments, names to exclude from weight decay, constraint)."""
    for kind, (cls, arguments) in KINDS.items():
        yield kind, cls, arguments, [], None
    for kind in ("sgd", "sgd_momentum", "rmsprop", "adam", "adamw", "adagrad", "adadelta"):
        cls, arguments = KINDS[kind]
        for name, more in COMMON.items():
            yield f"{kind}_{name}", cls, {**arguments, **more}, [], None
    for kind in ("sgd_momentum", "adam", "adamw", "rmsprop"):
        cls, arguments = KINDS[kind]
        for name, schedule in SCHEDULES.items():
            yield f"{kind}_{name}", cls, {**arguments, "learning_rate": schedule()}, [], None
    adam = {"learning_rate": 0.05}
    yield "adamw_exclude_bias", O.AdamW, {**adam, "weight_decay": 0.1}, ["bias"], None
    yield "sgd_exclude_bias", O.SGD, {"learning_rate": 0.1, "weight_decay": 0.1}, ["bias"], None
    yield "adam_everything", O.Adam, {**adam, "weight_decay": 0.02, "clipnorm": 0.8,
                                      "use_ema": True, "ema_overwrite_frequency": 4,
                                      "amsgrad": True}, [], None
    yield "adam_accumulation_clip_decay", O.Adam, {**adam, "gradient_accumulation_steps": 2,
                                                   "global_clipnorm": 1.0, "weight_decay": 0.02,
                                                   "loss_scale_factor": 2.0}, [], None
    yield "adam_accumulation_schedule", O.Adam, {"learning_rate": S.ExponentialDecay(0.1, 2, 0.5),
                                                 "gradient_accumulation_steps": 3}, [], None
    yield "adam_accumulation_ema", O.Adam, {**adam, "gradient_accumulation_steps": 2,
                                            "use_ema": True, "ema_momentum": 0.8,
                                            "ema_overwrite_frequency": 4}, [], None
    yield "sgd_max_norm", O.SGD, {"learning_rate": 0.5}, [], keras.constraints.MaxNorm(0.5)
    yield "adam_non_neg", O.Adam, {"learning_rate": 0.5}, [], keras.constraints.NonNeg()


def run(cls, arguments, exclude, constraint, initial, gradients):
    variables = [keras.Variable(initial["kernel"], name="kernel"),
                 keras.Variable(initial["bias"], name="bias")]
    if constraint is not None:
        variables[0].constraint = constraint
    optimizer = cls(**arguments)
    if exclude:
        optimizer.exclude_from_weight_decay(var_names=exclude)
    optimizer.build(variables)
    history = {"kernel": [], "bias": []}
    for step in range(STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(gradients[name][step])
                         for name in ("kernel", "bias")], variables)
        for name, variable in zip(("kernel", "bias"), variables):
            history[name].append(np.array(variable))
    slots = [(variable.path.split("/")[-1], np.array(variable)) for variable in optimizer.variables]
    optimizer.finalize_variable_values(variables)
    final = [np.array(variable) for variable in variables]
    return optimizer, history, slots, final


def make():
    random = store.generator("optimizers")
    shapes = {"kernel": (3, 4), "bias": (4,)}
    initial = {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    gradients = {name: random.normal(size=(STEPS,) + shape).astype("float32")
                 for name, shape in shapes.items()}
    # A gradient of zero and a large one: where epsilon and the clips show.
    gradients["bias"][2] = 0
    gradients["kernel"][5] *= 10
    gradients["kernel"][:, 0, 0] = 0
    shared = {f"initial.{name}": value for name, value in initial.items()}
    shared |= {f"gradients.{name}": value for name, value in gradients.items()}
    files = {}
    for name, cls, arguments, exclude, constraint in variants():
        store.fresh(name)
        cases, arrays = files.setdefault(cls.__name__.lower(), ([], dict(shared)))
        optimizer, history, slots, final = run(cls, arguments, exclude, constraint, initial,
                                               gradients)
        for variable, values in history.items():
            arrays[f"{name}.{variable}"] = np.stack(values)
        for index, (_, value) in enumerate(slots):
            arrays[f"{name}.slot{index}"] = value
        arrays[name + ".final_kernel"], arrays[name + ".final_bias"] = final
        cases.append({"name": name, "object": store.serialized(optimizer), "steps": STEPS,
                      "slots": [slot for slot, _ in slots], "exclude": exclude,
                      "constraint": store.serialized(constraint) if constraint else None})
    for name, (cases, arrays) in files.items():
        store.write_cases(f"optimizers/{name}.json", cases)
        store.write_npz(f"optimizers/{name}.npz", arrays)
    return sum(len(cases) for cases, _ in files.values())
