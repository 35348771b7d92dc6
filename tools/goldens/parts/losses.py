"""Losses: values and gradients, with every reduction, weights, and extreme probabilities."""

import jax
import jax.numpy as jnp
import keras
import numpy as np

from . import store

L = keras.losses
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"]


def softmax(x, axis=-1):
    exponent = np.exp(x - x.max(axis, keepdims=True))
    return (exponent / exponent.sum(axis, keepdims=True)).astype("float32")


class Wanted:
    """Collects cases; the arrays come from one generator per case."""

    def __init__(self):
        self.cases, self.arrays = [], {}

    def add(self, name, loss, y_true, y_pred, weight_shape=None):
        """One case without weights and, if a shape is given, one with weights of that shape."""
        self.one(name, loss, y_true, y_pred, None)
        if weight_shape is not None:
            weight = store.generator(name + "w").uniform(0, 2, weight_shape).astype("float32")
            weight.flat[0] = 0
            # Keras broadcasts as NumPy does: a (batch,) weight does not meet (batch, time) losses.
            rank = loss.call(jnp.asarray(y_true), jnp.asarray(y_pred)).ndim
            weight = weight.reshape(weight.shape + (1,) * (rank - weight.ndim))
            self.one(name + "_weighted", loss, y_true, y_pred, weight)

    def one(self, name, loss, y_true, y_pred, weight):
        total = lambda p: jnp.sum(loss(y_true, p, sample_weight=weight))  # noqa: E731
        y_pred = y_pred.astype("float32")
        self.arrays[name + ".y_true"] = y_true
        self.arrays[name + ".y_pred"] = y_pred
        if weight is not None:
            self.arrays[name + ".sample_weight"] = weight
        self.arrays[name + ".value"] = loss(y_true, y_pred, sample_weight=weight)
        self.arrays[name + ".grad"] = jax.grad(total)(jnp.asarray(y_pred))
        self.cases.append({"name": name, "object": store.serialized(loss),
                           "sample_weight": weight is not None})


def regression(wanted):
    for kind in (L.MeanSquaredError, L.MeanAbsoluteError, L.Huber, L.LogCosh,
                 L.MeanSquaredLogarithmicError, L.MeanAbsolutePercentageError):
        base = store.snake(kind.__name__)
        random = store.generator(base)
        y_true = random.uniform(0.5, 4, (4, 3)).astype("float32")
        y_pred = (y_true + random.normal(size=(4, 3))).clip(0.1).astype("float32")
        for reduction in REDUCTIONS:
            wanted.add(f"{base}_{reduction}", kind(reduction=reduction), y_true, y_pred, (4,))
    for kind in (L.MeanSquaredError, L.MeanAbsoluteError, L.Huber):
        base = store.snake(kind.__name__)
        random = store.generator(base + "shapes")
        for shape in [(5,), (5, 1), (2, 3, 4)]:
            y_true, y_pred = random.normal(size=(2,) + shape).astype("float32") * 2
            rank = f"{len(shape)}d" if shape != (5, 1) else "column"
            wanted.add(f"{base}_{rank}", kind(), y_true, y_pred, shape[:1])
        y_true, y_pred = random.normal(size=(2, 2, 3, 4)).astype("float32")
        wanted.add(f"{base}_3d_weight_2d", kind(), y_true, y_pred, (2, 3))
        # Targets without the last axis of one: Keras squeezes the prediction.
        wanted.add(f"{base}_squeezed", kind(), random.normal(size=5).astype("float32"),
                   random.normal(size=(5, 1)).astype("float32"), (5,))
        # Integer targets are cast.
        wanted.add(f"{base}_integer_targets", kind(), random.integers(0, 3, (4, 2)).astype("int32"),
                   random.normal(size=(4, 2)).astype("float32"))
    random = store.generator("huber")
    y_true, y_pred = random.normal(size=(2, 4, 3)).astype("float32") * 3
    for delta in (0.3, 2.5):
        wanted.add(f"huber_delta_{str(delta).replace('.', 'p')}", L.Huber(delta=delta), y_true,
                   y_pred, (4,))
    exact = np.zeros((2, 2), "float32")
    wanted.add("mean_absolute_error_exact", L.MeanAbsoluteError(), exact, exact)
    wanted.add("huber_at_delta", L.Huber(), exact, np.array([[1, -1], [0, 2]], "float32"))


def binary(wanted):
    random = store.generator("binary")
    kind = L.BinaryCrossentropy
    for shape in [(6,), (6, 1), (4, 3), (2, 3, 4)]:
        text = "x".join(map(str, shape))
        y_true = random.integers(0, 2, shape).astype("float32")
        logits = (random.normal(size=shape) * 2).astype("float32")
        probabilities = (1 / (1 + np.exp(-logits))).astype("float32")
        wanted.add(f"binary_crossentropy_{text}", kind(), y_true, probabilities, shape[:1])
        wanted.add(f"binary_crossentropy_logits_{text}", kind(from_logits=True), y_true, logits,
                   shape[:1])
    y_true = random.integers(0, 2, (4, 3)).astype("float32")
    logits = (random.normal(size=(4, 3)) * 2).astype("float32")
    probabilities = (1 / (1 + np.exp(-logits))).astype("float32")
    for reduction in REDUCTIONS:
        wanted.add(f"binary_crossentropy_{reduction}", kind(reduction=reduction), y_true,
                   probabilities, (4,))
    wanted.add("binary_crossentropy_smoothing", kind(label_smoothing=0.2), y_true, probabilities,
               (4,))
    wanted.add("binary_crossentropy_logits_smoothing", kind(from_logits=True, label_smoothing=0.2),
               y_true, logits)
    wanted.add("binary_crossentropy_axis_0", kind(axis=0, reduction="none"), y_true, probabilities)
    wanted.add("binary_crossentropy_soft", kind(), random.uniform(size=(4, 3)).astype("float32"),
               probabilities)
    wanted.add("binary_crossentropy_integer", kind(), y_true.astype("int32"), probabilities)
    extreme_true = np.array([[0, 1, 0, 1, 1, 0]], "float32")
    extreme = np.array([[0, 0, 1, 1, 1e-9, 1 - 1e-6]], "float32")
    wanted.add("binary_crossentropy_extreme", kind(reduction="none"), extreme_true, extreme)
    wanted.add("binary_crossentropy_logits_extreme", kind(from_logits=True), extreme_true,
               np.array([[-100, -100, 100, 100, 30, 0]], "float32"))


def categorical(wanted):
    random = store.generator("categorical")
    kind = L.CategoricalCrossentropy
    for shape in [(5, 4), (2, 3, 4)]:
        text = "x".join(map(str, shape))
        y_true = np.eye(shape[-1], dtype="float32")[random.integers(0, shape[-1], shape[:-1])]
        logits = (random.normal(size=shape) * 2).astype("float32")
        wanted.add(f"categorical_crossentropy_{text}", kind(), y_true, softmax(logits), shape[:1])
        wanted.add(f"categorical_crossentropy_logits_{text}", kind(from_logits=True), y_true,
                   logits, shape[:-1])
        # Rows that do not sum to one are normalised before the logarithm.
        wanted.add(f"categorical_crossentropy_unnormalised_{text}", kind(), y_true,
                   random.uniform(0.1, 2, shape).astype("float32"))
    y_true = np.eye(4, dtype="float32")[random.integers(0, 4, 5)]
    logits = (random.normal(size=(5, 4)) * 2).astype("float32")
    for reduction in REDUCTIONS:
        wanted.add(f"categorical_crossentropy_{reduction}", kind(reduction=reduction), y_true,
                   softmax(logits), (5,))
    wanted.add("categorical_crossentropy_smoothing", kind(label_smoothing=0.1), y_true,
               softmax(logits), (5,))
    wanted.add("categorical_crossentropy_logits_smoothing",
               kind(label_smoothing=0.1, from_logits=True), y_true, logits)
    wanted.add("categorical_crossentropy_soft", kind(from_logits=True), softmax(-logits), logits)
    first = np.moveaxis(np.eye(3, dtype="float32")[random.integers(0, 3, (2, 4))], -1, 1)
    logits = random.normal(size=(2, 3, 4)).astype("float32")
    wanted.add("categorical_crossentropy_axis_1", kind(axis=1), first, softmax(logits, 1), (2,))
    wanted.add("categorical_crossentropy_axis_1_logits", kind(axis=1, from_logits=True), first,
               logits)
    wanted.add("categorical_crossentropy_extreme", kind(reduction="none"),
               np.eye(3, dtype="float32")[[0, 1, 2, 0]],
               np.array([[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [1e-9, 1, 0]], "float32"))
    wanted.add("categorical_crossentropy_logits_extreme", kind(from_logits=True, reduction="none"),
               np.eye(3, dtype="float32")[[0, 1, 2]],
               np.array([[100, 0, 0], [100, 0, -100], [1e4, 1e4, 1e4]], "float32"))


def sparse(wanted):
    random = store.generator("sparse")
    kind = L.SparseCategoricalCrossentropy
    for shape in [(5, 4), (2, 3, 4)]:
        text = "x".join(map(str, shape))
        y_true = random.integers(0, shape[-1], shape[:-1]).astype("int32")
        logits = (random.normal(size=shape) * 2).astype("float32")
        wanted.add(f"sparse_categorical_crossentropy_{text}", kind(), y_true, softmax(logits),
                   shape[:1])
        wanted.add(f"sparse_categorical_crossentropy_logits_{text}", kind(from_logits=True), y_true,
                   logits, shape[:-1])
        wanted.add(f"sparse_categorical_crossentropy_unnormalised_{text}", kind(), y_true,
                   random.uniform(0.1, 2, shape).astype("float32"))
        ignored = y_true.copy()
        ignored.flat[1] = -1
        wanted.add(f"sparse_categorical_crossentropy_ignore_minus_1_{text}", kind(ignore_class=-1),
                   ignored, softmax(logits), shape[:1])
        wanted.add(f"sparse_categorical_crossentropy_ignore_2_{text}",
                   kind(ignore_class=2, from_logits=True), y_true, logits)
    y_true = random.integers(0, 4, 5).astype("int32")
    logits = (random.normal(size=(5, 4)) * 2).astype("float32")
    for reduction in REDUCTIONS:
        wanted.add(f"sparse_categorical_crossentropy_{reduction}", kind(reduction=reduction),
                   y_true, softmax(logits), (5,))
    wanted.add("sparse_categorical_crossentropy_column", kind(), y_true[:, None], softmax(logits),
               (5,))
    wanted.add("sparse_categorical_crossentropy_float_labels", kind(), y_true.astype("float32"),
               softmax(logits))
    wanted.add("sparse_categorical_crossentropy_extreme", kind(reduction="none"),
               np.array([0, 1, 2, 0], "int32"),
               np.array([[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [1e-9, 1, 0]], "float32"))
    wanted.add("sparse_categorical_crossentropy_logits_extreme",
               kind(from_logits=True, reduction="none"), np.array([0, 1, 2], "int32"),
               np.array([[100, 0, 0], [100, 0, -100], [1e4, 1e4, 1e4]], "float32"))


def hinges(wanted):
    random = store.generator("hinges")
    signs = random.choice([-1.0, 1.0], (4, 3)).astype("float32")
    y_pred = random.normal(size=(4, 3)).astype("float32")
    one_hot = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
    for kind in (L.Hinge, L.SquaredHinge):
        base = store.snake(kind.__name__)
        wanted.add(base, kind(), signs, y_pred, (4,))
        wanted.add(base + "_bits", kind(), (signs + 1) / 2, y_pred)
        wanted.add(base + "_sum", kind(reduction="sum"), signs, y_pred)
    wanted.add("categorical_hinge", L.CategoricalHinge(), one_hot, y_pred, (4,))


def distributions(wanted):
    random = store.generator("distributions")
    one_hot = np.eye(4, dtype="float32")[random.integers(0, 4, 5)]
    y_pred, soft = softmax(random.normal(size=(5, 4))), softmax(random.normal(size=(5, 4)))
    wanted.add("kl_divergence", L.KLDivergence(), soft, y_pred, (5,))
    wanted.add("kl_divergence_extreme", L.KLDivergence(reduction="none"), one_hot,
               np.eye(4, dtype="float32")[[0, 1, 2, 3, 0]])
    wanted.add("poisson", L.Poisson(), random.integers(0, 4, (5, 3)).astype("float32"),
               random.uniform(0.1, 3, (5, 3)).astype("float32"), (5,))
    vectors = random.normal(size=(2, 5, 3)).astype("float32")
    wanted.add("cosine_similarity", L.CosineSimilarity(), vectors[0], vectors[1], (5,))
    labels = random.integers(0, 4, 5).astype("int32")
    for q in (0.3, 0.9):
        wanted.add(f"generalized_{q}".replace(".", "p"),
                   L.CategoricalGeneralizedCrossEntropy(q=q), labels, y_pred, (5,))
    for name, more in {"": {}, "_options": {"alpha": 0.4, "gamma": 1.5}, "_smoothing":
                       {"label_smoothing": 0.1}}.items():
        wanted.add("categorical_focal" + name, L.CategoricalFocalCrossentropy(**more), one_hot,
                   y_pred, (5,))
    wanted.add("categorical_focal_logits", L.CategoricalFocalCrossentropy(from_logits=True),
               one_hot, vectors.reshape(-1)[:20].reshape(5, 4))
    bits = random.integers(0, 2, (5, 3)).astype("float32")
    chance = random.uniform(0.05, 0.95, (5, 3)).astype("float32")
    for name, more in {"": {}, "_balanced": {"apply_class_balancing": True, "alpha": 0.3},
                       "_options": {"gamma": 1.0, "label_smoothing": 0.1}}.items():
        wanted.add("binary_focal" + name, L.BinaryFocalCrossentropy(**more), bits, chance, (5,))
    wanted.add("binary_focal_logits", L.BinaryFocalCrossentropy(from_logits=True), bits, vectors[0])


def segmentation(wanted):
    random = store.generator("segmentation")
    y_true = random.integers(0, 2, (3, 4, 4, 2)).astype("float32")
    y_pred = random.uniform(size=(3, 4, 4, 2)).astype("float32")
    wanted.add("dice", L.Dice(), y_true, y_pred)
    wanted.add("dice_axis", L.Dice(axis=(1, 2, 3)), y_true, y_pred, (3,))
    wanted.add("tversky", L.Tversky(), y_true, y_pred)
    wanted.add("tversky_options", L.Tversky(alpha=0.3, beta=0.8, axis=(1, 2)), y_true, y_pred)


def sequences(wanted):
    random = store.generator("sequences")
    logits = (random.normal(size=(4, 9, 5)) * 2).astype("float32")
    # Repeated labels, few labels, none at all, and as many as fit.
    labels = np.array([[1, 1, 2, 0], [3, 0, 0, 0], [0, 0, 0, 0], [4, 3, 4, 4]], "int32")
    wanted.add("ctc", L.CTC(), labels, logits, (4,))
    wanted.add("ctc_none", L.CTC(reduction="none"), labels, logits)
    wanted.add("ctc_float_labels", L.CTC(), labels.astype("float32"), logits)
    wanted.add("ctc_uniform", L.CTC(), labels, np.zeros((4, 9, 5), "float32"))
    wanted.add("ctc_large", L.CTC(reduction="none"), labels, logits * 40)
    wanted.add("ctc_too_long_extreme", L.CTC(reduction="none"), labels[[0, 3]], logits[:2, :3])


def similarity(wanted):
    random = store.generator("similarity")
    vectors = random.normal(size=(8, 4))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")
    labels = np.array([0, 1, 2, 0, 1, 2, 1, 0], "int32")
    wanted.add("circle", L.Circle(), labels, vectors, (8,))
    wanted.add("circle_column", L.Circle(gamma=20.0), labels[:, None], vectors)
    wanted.add("circle_options", L.Circle(gamma=10.0, margin=0.25, remove_diagonal=False,
                                          reduction="none"), labels, vectors)
    # A class of one sample has no pair of its own: it does not count.
    wanted.add("circle_alone", L.Circle(gamma=10.0), np.array([0, 0, 0, 1, 1, 2, 2, 3], "int32"),
               vectors)


def make():
    wanted = Wanted()
    for part in (regression, binary, categorical, sparse, hinges, distributions, segmentation,
                 sequences, similarity):
        part(wanted)
    store.write_by_class("losses", wanted.cases, wanted.arrays)
    return len(wanted.cases)
