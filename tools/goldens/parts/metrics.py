"""Metrics: three updates each, the result after every one, with and without weights."""

import keras
import numpy as np

from . import store

M = keras.metrics


def softmax(x):
    exponent = np.exp(x - x.max(-1, keepdims=True))
    return (exponent / exponent.sum(-1, keepdims=True)).astype("float32")


class Wanted:
    def __init__(self):
        self.cases, self.arrays = [], {}

    def add(self, name, build, data, weight_shape=None):
        """`data(random, i)` gives the arrays of update `i`; with weights there is a second case."""
        self.one(name, build, data, None)
        if weight_shape is not None:
            self.one(name + "_weighted", build, data, weight_shape)

    def one(self, name, build, data, weight_shape):
        random, metric = store.generator(name), build()
        values = []
        for i in range(3):
            update = data(random, i)
            keys = ["values_in"] if len(update) == 1 else ["y_true", "y_pred"]
            for key, value in zip(keys, update):
                self.arrays[f"{name}.{key}{i}"] = value
            weight = None
            if weight_shape is not None:
                weight = random.uniform(0, 2, weight_shape).astype("float32")
                weight.flat[0] = 0
                self.arrays[f"{name}.sample_weight{i}"] = weight
            metric.update_state(*update, sample_weight=weight)
            values.append(np.asarray(metric.result()))
        self.arrays[name + ".values"] = np.stack(values)
        self.cases.append({"name": name, "object": store.serialized(metric), "updates": 3,
                           "weighted": weight_shape is not None})


def means(wanted):
    values = lambda r, i: (r.normal(size=(5,)).astype("float32"),)  # noqa: E731
    wanted.add("mean", M.Mean, values, (5,))
    wanted.add("mean_2d", lambda: M.Mean(name="average"),
               lambda r, i: (r.normal(size=(4, 3)).astype("float32"),), (4, 1))
    wanted.add("sum", M.Sum, values, (5,))

    def pair(shape, low=None):
        def data(random, _):
            y_true = random.normal(size=shape)
            y_pred = y_true + random.normal(size=shape)
            if low is not None:
                y_true, y_pred = np.abs(y_true) + low, np.abs(y_pred) + low
            return y_true.astype("float32"), y_pred.astype("float32")
        return data

    for kind in (M.MeanSquaredError, M.MeanAbsoluteError, M.RootMeanSquaredError):
        wanted.add(store.snake(kind.__name__), kind, pair((5, 3)), (5,))
        # Flat arrays are one sample to these metrics: no weight per element goes with them.
        wanted.add(store.snake(kind.__name__) + "_1d", kind, pair((5,)))
        wanted.add(store.snake(kind.__name__) + "_3d", kind, pair((4, 2, 3)), (4, 2))
    for kind in (M.MeanAbsolutePercentageError, M.MeanSquaredLogarithmicError, M.LogCoshError):
        wanted.add(store.snake(kind.__name__), kind, pair((5, 3), 0.2), (5,))


def accuracies(wanted):
    labels = lambda r, i: (r.integers(0, 3, (6,)).astype("int32"),  # noqa: E731
                           r.integers(0, 3, (6,)).astype("int32"))
    wanted.add("accuracy", M.Accuracy, labels, (6,))
    wanted.add("accuracy_2d", M.Accuracy,
               lambda r, i: tuple(r.integers(0, 3, (2, 6, 2)).astype("float32")), (6, 1))
    column = lambda r, i: (r.integers(0, 2, (6, 1)).astype("float32"),  # noqa: E731
                           r.uniform(size=(6, 1)).astype("float32"))
    for threshold in (0.5, 0.3):
        wanted.add(f"binary_accuracy_{threshold}".replace(".", "p"),
                   lambda: M.BinaryAccuracy(threshold=threshold), column, (6,))
    wanted.add("binary_accuracy_many", M.BinaryAccuracy,
               lambda r, i: (r.integers(0, 2, (5, 4)).astype("float32"),
                             r.uniform(size=(5, 4)).astype("float32")), (5,))
    wanted.add("binary_accuracy_at_threshold", M.BinaryAccuracy,
               lambda r, i: (np.array([[1.0], [0.0]], "float32"), np.full((2, 1), 0.5, "float32")))
    one_hot = lambda r, i: (np.eye(7, dtype="float32")[r.integers(0, 7, 6)],  # noqa: E731
                            softmax(r.normal(size=(6, 7))))
    sparse = lambda r, i: (r.integers(0, 7, 6).astype("int32"),  # noqa: E731
                           softmax(r.normal(size=(6, 7))))
    wanted.add("categorical_accuracy", M.CategoricalAccuracy, one_hot, (6,))
    wanted.add("sparse_categorical_accuracy", M.SparseCategoricalAccuracy, sparse, (6,))
    wanted.add("sparse_categorical_accuracy_column", M.SparseCategoricalAccuracy,
               lambda r, i: (r.integers(0, 7, (6, 1)).astype("int32"),
                             softmax(r.normal(size=(6, 7)))), (6,))
    wanted.add("sparse_categorical_accuracy_sequence", M.SparseCategoricalAccuracy,
               lambda r, i: (r.integers(0, 3, (4, 5)).astype("int32"),
                             softmax(r.normal(size=(4, 5, 3)))), (4, 5))
    for k in (1, 3, 5):
        wanted.add(f"top_k_categorical_accuracy_{k}", lambda: M.TopKCategoricalAccuracy(k=k),
                   one_hot, (6,))
        wanted.add(f"sparse_top_k_categorical_accuracy_{k}",
                   lambda: M.SparseTopKCategoricalAccuracy(k=k), sparse, (6,))
    wanted.add("sparse_top_k_categorical_accuracy_ties",
               lambda: M.SparseTopKCategoricalAccuracy(k=2),
               lambda r, i: (np.array([0, 1, 2, 3], "int32"), np.full((4, 4), 0.25, "float32")))
    for kind, dense in ((M.BinaryCrossentropy, column), (M.CategoricalCrossentropy, one_hot),
                        (M.SparseCategoricalCrossentropy, sparse)):
        base = "metric_" + store.snake(kind.__name__)
        wanted.add(base, kind, dense, (6,))
        wanted.add(base + "_logits", lambda: kind(from_logits=True), dense, (6,))


def confusion(wanted):
    column = lambda r, i: (r.integers(0, 2, (12, 1)).astype("float32"),  # noqa: E731
                           r.uniform(size=(12, 1)).astype("float32"))
    flat = lambda r, i: (r.integers(0, 2, 12).astype("float32"),  # noqa: E731
                         r.uniform(size=12).astype("float32"))
    matrix = lambda r, i: (r.integers(0, 2, (8, 4)).astype("float32"),  # noqa: E731
                           r.uniform(size=(8, 4)).astype("float32"))
    for kind in (M.Precision, M.Recall):
        base = store.snake(kind.__name__)
        wanted.add(base, kind, column, (12,))
        wanted.add(base + "_1d", kind, flat, (12,))
        wanted.add(base + "_matrix", kind, matrix, (8, 1))
        wanted.add(base + "_threshold", lambda: kind(thresholds=0.3), column, (12,))
        wanted.add(base + "_thresholds", lambda: kind(thresholds=[0.2, 0.5, 0.8]), column, (12,))
        wanted.add(base + "_top_2", lambda: kind(top_k=2), matrix, (8, 1))
        wanted.add(base + "_class_1", lambda: kind(class_id=1), matrix, (8,))
        wanted.add(base + "_top_2_class_1", lambda: kind(top_k=2, class_id=1), matrix, (8,))
        wanted.add(base + "_at_threshold", kind,
                   lambda r, i: (np.array([1, 0], "float32"), np.full(2, 0.5, "float32")))
        wanted.add(base + "_empty", kind,
                   lambda r, i: (np.zeros(4, "float32"), np.zeros(4, "float32")))
    for kind in (M.TruePositives, M.FalseNegatives):
        wanted.add(store.snake(kind.__name__), lambda: kind(thresholds=[0.3, 0.7]), column, (12,))
    for curve in ("ROC", "PR"):
        for method in ("interpolation", "minoring", "majoring"):
            build = lambda **more: M.AUC(curve=curve, summation_method=method, **more)  # noqa: E731
            base = f"auc_{curve.lower()}_{method}"
            wanted.add(base, build, column, (12,))
            wanted.add(base + "_multi_label", lambda: build(multi_label=True, num_labels=4), matrix,
                       (8, 1))
        wanted.add(f"auc_{curve.lower()}_10_thresholds",
                   lambda: M.AUC(num_thresholds=10, curve=curve), column, (12,))
        wanted.add(f"auc_{curve.lower()}_given_thresholds",
                   lambda: M.AUC(thresholds=[0.1, 0.25, 0.5, 0.9], curve=curve), column, (12,))
        wanted.add(f"auc_{curve.lower()}_label_weights",
                   lambda: M.AUC(multi_label=True, num_labels=4, curve=curve,
                                 label_weights=[0.1, 0.2, 0.3, 0.4]), matrix)
        wanted.add(f"auc_{curve.lower()}_logits", lambda: M.AUC(from_logits=True, curve=curve),
                   lambda r, i: (r.integers(0, 2, (12, 1)).astype("float32"),
                                 (r.normal(size=(12, 1)) * 3).astype("float32")), (12,))
        wanted.add(f"auc_{curve.lower()}_matrix", lambda: M.AUC(curve=curve), matrix, (8, 1))
    wanted.add("auc_extreme", M.AUC, lambda r, i: (r.integers(0, 2, 6).astype("float32"),
                                                   np.array([0, 1, 0, 1, 0.5, 1], "float32")))
    wanted.add("auc_one_class", M.AUC, lambda r, i: (np.ones(6, "float32"),
                                                     r.uniform(size=6).astype("float32")))


def losses(wanted):
    """Losses as metrics that the parts above leave out."""
    signs = lambda r, i: (r.choice([-1.0, 1.0], (6, 3)).astype("float32"),  # noqa: E731
                          r.normal(size=(6, 3)).astype("float32"))
    one_hot = lambda r, i: (np.eye(4, dtype="float32")[r.integers(0, 4, 6)],  # noqa: E731
                            softmax(r.normal(size=(6, 4))))
    positive = lambda r, i: (r.uniform(0.1, 2, (6, 3)).astype("float32"),  # noqa: E731
                             r.uniform(0.1, 2, (6, 3)).astype("float32"))
    wanted.add("metric_hinge", M.Hinge, signs, (6,))
    wanted.add("metric_squared_hinge", M.SquaredHinge, signs, (6,))
    wanted.add("metric_categorical_hinge", M.CategoricalHinge, one_hot, (6,))
    wanted.add("metric_kl_divergence", M.KLDivergence, one_hot, (6,))
    wanted.add("metric_poisson", M.Poisson, positive, (6,))
    wanted.add("metric_cosine_similarity", M.CosineSimilarity, signs, (6,))
    L = keras.losses
    for name, function, data in (("huber", L.huber, signs), ("dice", L.dice, positive),
                                 ("log_cosh", L.log_cosh, signs),
                                 ("mean_squared_error", L.mean_squared_error, signs),
                                 ("categorical_focal_crossentropy",
                                  L.categorical_focal_crossentropy, one_hot)):
        wanted.add("wrapped_" + name, lambda: M.MeanMetricWrapper(function, name="own"), data,
                   None if name == "dice" else (6,))
    wanted.add("wrapped_huber_delta", lambda: M.MeanMetricWrapper(L.huber, name="own", delta=0.5),
               signs, (6,))
    wanted.add("wrapped_loss", lambda: M.MeanMetricWrapper(L.MeanSquaredError(), name="own"), signs)


def regression(wanted):
    def pair(shape):
        def data(random, _):
            y_true = random.normal(size=shape)
            return (y_true.astype("float32"),
                    (0.8 * y_true + 0.3 * random.normal(size=shape)).astype("float32"))
        return data

    for aggregation in ("uniform_average", "variance_weighted_average", None):
        name = f"r2_score_{aggregation}".lower()
        wanted.add(name, lambda: M.R2Score(class_aggregation=aggregation), pair((6, 3)), (6,))
    wanted.add("r2_score_adjusted", lambda: M.R2Score(num_regressors=2), pair((6, 1)), (6, 1))
    wanted.add("r2_score_too_many_regressors", lambda: M.R2Score(num_regressors=40), pair((6, 2)))
    for kind in (M.PearsonCorrelation, M.ConcordanceCorrelation):
        base = store.snake(kind.__name__)
        wanted.add(base, lambda: kind(), pair((5, 7)), (5,))
        wanted.add(base + "_axis_0", lambda: kind(axis=0), pair((5, 7)))
        wanted.add(base + "_3d", lambda: kind(), pair((4, 3, 6)), (4, 3))


def best_at(wanted):
    column = lambda r, i: (r.integers(0, 2, (12, 1)).astype("float32"),  # noqa: E731
                           r.uniform(size=(12, 1)).astype("float32"))
    matrix = lambda r, i: (r.integers(0, 2, (8, 4)).astype("float32"),  # noqa: E731
                           r.uniform(size=(8, 4)).astype("float32"))
    for kind in (M.PrecisionAtRecall, M.RecallAtPrecision, M.SensitivityAtSpecificity,
                 M.SpecificityAtSensitivity):
        base = store.snake(kind.__name__)
        wanted.add(base, lambda: kind(0.5), column, (12,))
        wanted.add(base + "_high", lambda: kind(0.8), column, (12,))
        wanted.add(base + "_out_of_reach", lambda: kind(1.0), column)
        wanted.add(base + "_matrix", lambda: kind(0.6), matrix, (8, 1))
        wanted.add(base + "_class_2", lambda: kind(0.5, class_id=2), matrix, (8,))
        for count in (1, 2, 7):
            wanted.add(f"{base}_{count}_thresholds", lambda: kind(0.5, num_thresholds=count),
                       column, (12,))
    for kind in (M.TrueNegatives, M.FalsePositives):
        base = store.snake(kind.__name__)
        wanted.add(base, lambda: kind(), column, (12,))
        wanted.add(base + "_thresholds", lambda: kind(thresholds=[0.3, 0.7]), column, (12,))


def f_scores(wanted):
    one_hot = lambda r, i: (np.eye(4, dtype="float32")[r.integers(0, 4, 9)],  # noqa: E731
                            softmax(r.normal(size=(9, 4))))
    labels = lambda r, i: (r.integers(0, 2, (9, 4)).astype("int32"),  # noqa: E731
                           r.uniform(size=(9, 4)).astype("float32"))
    for average in ("micro", "macro", "weighted", None):
        name = f"score_{average}".lower()
        wanted.add("f1_" + name, lambda: M.F1Score(average=average), one_hot, (9,))
        wanted.add("f1_threshold_" + name, lambda: M.F1Score(average=average, threshold=0.4),
                   labels, (9,))
        for beta in (0.5, 2.0):
            wanted.add(f"fbeta_{beta}_{name}".replace(".", "p"),
                       lambda: M.FBetaScore(average=average, beta=beta), one_hot, (9,))
    wanted.add("f1_score_zeros", M.F1Score,
               lambda r, i: (r.integers(0, 2, (3, 4)).astype("int32"), np.zeros((3, 4), "float32")))


def overlaps(wanted):
    classes = lambda r, i: (r.integers(0, 4, 12).astype("int32"),  # noqa: E731
                            r.integers(0, 4, 12).astype("int32"))
    image = lambda r, i: (r.integers(0, 4, (2, 3, 3)).astype("int32"),  # noqa: E731
                          softmax(r.normal(size=(2, 3, 3, 4))))
    one_hot = lambda r, i: (np.eye(4, dtype="float32")[r.integers(0, 4, (2, 5))],  # noqa: E731
                            softmax(r.normal(size=(2, 5, 4))))
    first = lambda r, i: tuple(np.moveaxis(a, -1, 0) for a in one_hot(r, i))  # noqa: E731
    column = lambda r, i: (r.integers(0, 2, (9, 1)).astype("float32"),  # noqa: E731
                           np.round(r.uniform(size=(9, 1)), 1).astype("float32"))
    wanted.add("io_u", lambda: M.IoU(4, [0, 2]), classes, (12,))
    wanted.add("io_u_float", lambda: M.IoU(4, [1], dtype="float32"), classes, (12,))
    wanted.add("io_u_ignored", lambda: M.IoU(4, [0, 1, 2, 3], ignore_class=1), classes)
    wanted.add("io_u_out_of_range", lambda: M.IoU(3, [0, 1, 2], ignore_class=-1),
               lambda r, i: (r.integers(-1, 5, 12).astype("int32"),
                             r.integers(-1, 5, 12).astype("int32")))
    wanted.add("io_u_absent", lambda: M.IoU(6, [0, 5]), classes)
    wanted.add("io_u_dense", lambda: M.IoU(4, [0, 3], sparse_y_true=False, sparse_y_pred=False,
                                           dtype="float32"), one_hot, (2, 5))
    wanted.add("mean_io_u", lambda: M.MeanIoU(4, dtype="float32"), classes, (12,))
    wanted.add("mean_io_u_image", lambda: M.MeanIoU(4, sparse_y_pred=False), image, (2, 3, 3))
    wanted.add("mean_io_u_ignored", lambda: M.MeanIoU(4, ignore_class=0, sparse_y_true=False,
                                                      sparse_y_pred=False), one_hot)
    wanted.add("binary_io_u", M.BinaryIoU, column)
    for ids in ([0], [1], [0, 1]):
        name = "binary_io_u_" + "_".join(map(str, ids))
        wanted.add(name, lambda: M.BinaryIoU(ids, threshold=0.3, dtype="float32"), column, (9, 1))
    wanted.add("one_hot_io_u", lambda: M.OneHotIoU(4, [0, 2], dtype="float32"), one_hot, (2, 5))
    wanted.add("one_hot_io_u_ignored", lambda: M.OneHotIoU(4, [1], ignore_class=2), one_hot)
    wanted.add("one_hot_io_u_sparse", lambda: M.OneHotIoU(4, [1], sparse_y_pred=True),
               lambda r, i: (np.eye(4, dtype="float32")[r.integers(0, 4, 9)],
                             r.integers(0, 4, 9).astype("int32")))
    wanted.add("one_hot_mean_io_u", lambda: M.OneHotMeanIoU(4, dtype="float32"), one_hot, (2, 5))
    wanted.add("one_hot_mean_io_u_ignored", lambda: M.OneHotMeanIoU(4, ignore_class=1), one_hot)
    # Keras sums the result along the same axis, so that no other axis but the first works.
    wanted.add("one_hot_mean_io_u_axis_0", lambda: M.OneHotMeanIoU(4, axis=0), first)


def make():
    wanted = Wanted()
    for part in (means, accuracies, confusion, losses, regression, best_at, f_scores, overlaps):
        part(wanted)
    store.write_by_class("metrics", wanted.cases, wanted.arrays)
    return len(wanted.cases)
