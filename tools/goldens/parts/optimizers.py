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
    "adamw_betas": (O.AdamW, {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9,
                              "epsilon": 1e-3}),
    "adagrad": (O.Adagrad, {"learning_rate": 0.1}),
    "adagrad_epsilon": (O.Adagrad, {"learning_rate": 0.1, "epsilon": 1e-2}),
    "adagrad_accumulator": (O.Adagrad, {"learning_rate": 0.1, "initial_accumulator_value": 0.5}),
    "adadelta": (O.Adadelta, {"learning_rate": 1.0}),
    "adadelta_rho": (O.Adadelta, {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
    "adamax": (O.Adamax, {"learning_rate": 0.05}),
    "adamax_betas": (O.Adamax, {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9,
                                "epsilon": 1e-3}),
    "nadam": (O.Nadam, {"learning_rate": 0.05}),
    "nadam_betas": (O.Nadam, {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9,
                              "epsilon": 1e-3}),
    "ftrl": (O.Ftrl, {"learning_rate": 0.1}),
    "ftrl_penalties": (O.Ftrl, {"learning_rate": 0.1, "learning_rate_power": -0.7,
                                "initial_accumulator_value": 0.3, "beta": 0.1,
                                "l1_regularization_strength": 0.05,
                                "l2_regularization_strength": 0.02,
                                "l2_shrinkage_regularization_strength": 0.03}),
    "lion": (O.Lion, {"learning_rate": 0.05}),
    "lion_betas": (O.Lion, {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9}),
    "lamb": (O.Lamb, {"learning_rate": 0.05}),
    "lamb_betas": (O.Lamb, {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9,
                            "epsilon": 1e-3}),
    "adafactor": (O.Adafactor, {"learning_rate": 0.5}),
    "adafactor_options": (O.Adafactor, {"learning_rate": 0.5, "beta_2_decay": -0.6,
                                        "epsilon_1": 1e-6, "epsilon_2": 0.5,
                                        "clip_threshold": 0.4, "relative_step": False}),
    "muon": (O.Muon, {"learning_rate": 0.05}),
    "muon_plain": (O.Muon, {"learning_rate": 0.05, "nesterov": False, "rms_rate": None,
                            "momentum": 0.8, "ns_steps": 3, "muon_a": 3.0, "muon_b": -4.0,
                            "muon_c": 2.0}),
    "muon_excluded": (O.Muon, {"learning_rate": 0.05, "exclude_layers": ["kern"],
                               "adam_beta_1": 0.8, "adam_beta_2": 0.9, "epsilon": 1e-3,
                               "adam_lr_ratio": 0.5, "adam_weight_decay": 0.05}),
    "muon_no_decay": (O.Muon, {"learning_rate": 0.05, "adam_weight_decay": None,
                               "weight_decay": 0.1, "exclude_embeddings": False}),
    "schedule_free": (O.ScheduleFreeAdamW, {"learning_rate": 0.05}),
    "schedule_free_warmup": (O.ScheduleFreeAdamW, {"learning_rate": 0.05, "warmup_steps": 5,
                                                   "beta_1": 0.8, "beta_2": 0.9,
                                                   "epsilon": 1e-4}),
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
    for kind in ("sgd", "sgd_momentum", "rmsprop", "adam", "adamw", "adagrad", "adadelta",
                 "adamax", "nadam", "ftrl", "lion", "lamb", "adafactor", "muon", "schedule_free"):
        cls, arguments = KINDS[kind]
        for name, more in COMMON.items():
            yield f"{kind}_{name}", cls, {**arguments, **more}, [], None
    for kind in ("nadam", "adafactor", "muon", "schedule_free"):
        cls, arguments = KINDS[kind]
        yield (f"{kind}_exponential", cls,
               {**arguments, "learning_rate": SCHEDULES["exponential"]()}, [], None)
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
    yield "muon_exclude_bias", O.Muon, {"learning_rate": 0.05, "weight_decay": 0.1}, ["bias"], None
    for name, inner in {
        "adam": O.Adam(0.05), "sgd": O.SGD(0.1, momentum=0.9, loss_scale_factor=3.0),
        "ema": O.SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3),
        "accumulation": O.Adam(0.05, gradient_accumulation_steps=2, clipnorm=0.8),
        "schedule": O.Lamb(S.ExponentialDecay(0.1, 2, 0.5), weight_decay=0.02),
    }.items():
        yield (f"loss_scale_{name}", O.LossScaleOptimizer,
               {"inner_optimizer": inner, "initial_scale": 4.0, "dynamic_growth_steps": 3}, [],
               None)


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
        own = [keras.ops.convert_to_tensor(gradients[name][step]) for name in ("kernel", "bias")]
        if cls is O.LossScaleOptimizer:
            # On JAX it works as `fit` uses it, and in no other way.
            state = optimizer.variables
            new = optimizer.stateless_apply([v.value for v in state], own,
                                            [v.value for v in variables])
            for variable, value in zip(variables + state, new[0] + new[1]):
                variable.assign(np.array(value))
        else:
            optimizer.apply(own, variables)
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
    # Two steps that a loss scale skips: gradients that overflow, and that are no numbers.
    scaled = {name: value * 4 for name, value in gradients.items()}
    scaled["kernel"][4, 1, 2] = np.inf
    scaled["bias"][8, 1] = np.nan
    files = {}
    for name, cls, arguments, exclude, constraint in variants():
        store.fresh(name)
        own = scaled if cls is O.LossScaleOptimizer else gradients
        arrays_of = shared | {f"gradients.{name}": value for name, value in own.items()}
        cases, arrays = files.setdefault(cls.__name__.lower(), ([], arrays_of))
        optimizer, history, slots, final = run(cls, arguments, exclude, constraint, initial, own)
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
