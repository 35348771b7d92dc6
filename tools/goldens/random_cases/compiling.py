"""How a random model is trained: heads, losses and metrics that fit, optimizers, weights."""

import keras
import numpy as np

from .draw import SAMPLES

K, S = keras.losses, keras.optimizers.schedules


def schedule(draw, rate):
    return draw.one(
        lambda: S.ExponentialDecay(rate, 2, 0.8, staircase=draw.chance(0.5)),
        lambda: S.CosineDecay(rate, 5, alpha=0.1), lambda: S.PolynomialDecay(rate, 4, rate / 3),
        lambda: S.InverseTimeDecay(rate, 2, 0.5), lambda: S.PiecewiseConstantDecay(
            [1, 3], [rate, rate / 2, rate / 4]), lambda: S.CosineDecayRestarts(rate, 2),
        lambda: S.CosineDecay(rate / 4, 3, warmup_target=rate, warmup_steps=2))()


def optimizer(draw):
    """An optimizer with options; plain SGD half of the time, so that differences are legible."""
    o = keras.optimizers
    rate = draw.one(0.02, 0.05)
    if draw.chance(0.4):
        return o.SGD(rate)
    options = draw.some(0.12, weight_decay=0.02, use_ema=True, gradient_accumulation_steps=2)
    if draw.chance(0.2):
        options |= draw.one({"clipnorm": 0.5}, {"clipvalue": 0.1}, {"global_clipnorm": 0.5})
    if "use_ema" in options:
        options |= draw.some(0.5, ema_momentum=0.9, ema_overwrite_frequency=2)
    if draw.chance(0.2):
        rate = schedule(draw, rate)
    some = draw.some
    made = draw.one(
        lambda: o.SGD(rate, momentum=0.8, nesterov=draw.chance(0.5), **options),
        lambda: o.RMSprop(rate, **some(0.4, centered=True, momentum=0.5, rho=0.8), **options),
        lambda: o.Adam(rate, **some(0.4, amsgrad=True, beta_1=0.7, epsilon=1e-4), **options),
        lambda: o.AdamW(rate, **options), lambda: o.Adadelta(rate, **options),
        lambda: o.Adagrad(rate, **options), lambda: o.Adamax(rate, **options),
        lambda: o.Nadam(rate, **options), lambda: o.Lion(rate, **options),
        lambda: o.Lamb(rate, **options), lambda: o.Adafactor(rate, **options),
        lambda: o.Ftrl(rate, **some(0.4, l1_regularization_strength=0.01, beta=0.1,
                                    l2_regularization_strength=0.01), **options),
        lambda: o.Muon(rate, **options), lambda: o.ScheduleFreeAdamW(rate, **options),
        lambda: o.LossScaleOptimizer(o.SGD(rate), initial_scale=8.0))
    return made()


REGRESSION = [
    lambda d: "mse", lambda d: "mae", lambda d: K.Huber(delta=d.one(1.0, 0.3)),
    lambda d: K.LogCosh(), lambda d: K.CosineSimilarity(), lambda d: K.MeanSquaredError(
        reduction=d.one("sum", "mean_with_sample_weight", "sum_over_batch_size")),
    lambda d: K.MeanAbsolutePercentageError(), lambda d: "mean_squared_error",
]
POSITIVE = [lambda d: "poisson", lambda d: K.MeanSquaredLogarithmicError()]
BINARY = [
    lambda d: K.BinaryCrossentropy(label_smoothing=d.one(0.0, 0.1)), lambda d: K.Dice(),
    lambda d: K.BinaryFocalCrossentropy(apply_class_balancing=d.chance(0.5)),
    lambda d: K.Tversky(alpha=0.3, beta=0.7), lambda d: "binary_crossentropy",
]
SIGNS = [lambda d: "hinge", lambda d: "squared_hinge"]
CLASSES = [
    lambda d: K.CategoricalCrossentropy(label_smoothing=d.one(0.0, 0.1)),
    lambda d: K.CategoricalFocalCrossentropy(), lambda d: "kl_divergence",
    lambda d: K.CategoricalHinge(), lambda d: "categorical_crossentropy",
]
SPARSE = [lambda d: "sparse_categorical_crossentropy", lambda d: K.SparseCategoricalCrossentropy(
    ignore_class=d.one(None, 0))]
LOGITS = [lambda d: K.BinaryCrossentropy(from_logits=True)]

METRICS = {
    "regression": ["mae", "mse", "RootMeanSquaredError", "cosine_similarity", "LogCoshError"],
    "positive": ["mae", "poisson"], "logits": ["mae"], "signs": ["hinge", "mae"],
    "binary": ["accuracy", "AUC", "Precision", "Recall", "binary_crossentropy", "FalsePositives"],
    "classes": ["accuracy", "categorical_crossentropy", "TopKCategoricalAccuracy", "AUC"],
    "sparse": ["accuracy", "sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy"],
}
LOSSES = {"regression": REGRESSION, "positive": POSITIVE, "binary": BINARY, "signs": SIGNS,
          "classes": CLASSES, "sparse": SPARSE, "logits": LOGITS}
ENDS = {"positive": "softplus", "binary": "sigmoid", "classes": "softmax", "sparse": "softmax"}


def kind_of(draw, tensor):
    """What an output is to be trained for."""
    if draw.chance(0.5) or len(tensor.shape) < 2 or not keras.backend.is_float_dtype(tensor.dtype):
        return "regression"
    several = tensor.shape[-1] is not None and tensor.shape[-1] > 1
    return draw.one("positive", "binary", "signs", "logits",
                    *(["classes", "classes", "sparse", "sparse"] if several else []))


def with_head(kind, tensor):
    return keras.layers.Activation(ENDS[kind])(tensor) if kind in ENDS else tensor


def targets(draw, kind, shape):
    """Targets for predictions of this shape."""
    random = draw.random
    if kind in ("binary", "logits"):
        return random.integers(0, 2, shape).astype("float32")
    if kind == "signs":
        return random.choice([-1.0, 1.0], shape).astype("float32")
    if kind == "classes":
        return np.eye(shape[-1], dtype="float32")[random.integers(0, shape[-1], shape[:-1])]
    if kind == "sparse":
        return random.integers(0, shape[-1], shape[:-1]).astype("int32")
    found = random.normal(size=shape).astype("float32")
    return np.abs(found) if kind == "positive" else found


def metric(draw, kind):
    name = draw.one(*METRICS[kind])
    return getattr(keras.metrics, name)() if name[0].isupper() else name


def compile_model(draw, model, kinds, names):
    """Compiles a model whose outputs, in order, are of these kinds; draws everything else."""
    count = len(kinds)
    losses = [draw.one(*LOSSES[kind])(draw) for kind in kinds]
    if count > 1 and draw.chance(0.1):
        losses[draw.number(0, count - 1)] = None
        losses = losses if any(loss is not None for loss in losses) else ["mse"] * count
    arguments = {}
    structure = model._outputs_struct
    if isinstance(structure, list) and len(structure) == 1:
        # What is arranged with that list around it is taken apart otherwise by Keras.
        structure = structure[0]
    flat = isinstance(structure, (list, tuple)) and len(structure) == count
    if draw.chance(0.4):
        lists = [[metric(draw, kind)] if draw.chance(0.7) else [] for kind in kinds]
        lists = [entry or [metric(draw, kind)] for entry, kind in zip(lists, kinds)]
        key = draw.one("metrics", "metrics", "weighted_metrics")
        if count == 1:
            arguments[key] = lists[0]
        else:
            arguments[key] = keras.tree.pack_sequence_as(structure, lists) if not flat else lists
    if count == 1:
        loss = losses[0]
        if isinstance(structure, dict) and draw.chance(0.5):
            loss = {key: loss for key in structure}
    else:
        loss = losses
        if draw.chance(0.3):
            arguments["loss_weights"] = [draw.one(0.5, 1.0, 2.0) for _ in losses]
        shape = draw.one("flat", "packed", "names")
        if shape == "packed" and not flat:
            loss = keras.tree.pack_sequence_as(structure, losses)
            if "loss_weights" in arguments:
                arguments["loss_weights"] = keras.tree.pack_sequence_as(
                    structure, arguments["loss_weights"])
        elif shape == "names" and flat and len(set(names)) == count:
            loss = dict(zip(names, losses))
            if "loss_weights" in arguments:
                arguments["loss_weights"] = dict(zip(names, arguments["loss_weights"]))
    model.compile(optimizer(draw), loss, **arguments)
    return losses


def sample_weights(draw, count):
    """One weight for each sample, for all outputs or for each; `None` more often."""
    if not draw.chance(0.25):
        return None
    one = lambda: (np.round(draw.random.uniform(0, 2, SAMPLES) * 8) / 8).astype("float32")  # noqa
    if count > 1:
        return [one() for _ in range(count)]
    return one()
