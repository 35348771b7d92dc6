"""Random choices, all from one seed, and those that many layers share."""

import keras
import numpy as np

#: Extents of sequences, and how many samples and batches there are.
STEPS, FEATURES, SAMPLES, BATCH = 5, 3, 8, 4


class Draw:
    """Random choices, all from one seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def one(self, *options):
        return options[self.random.integers(len(options))]

    def chance(self, probability):
        return bool(self.random.random() < probability)

    def number(self, low, high):
        return int(self.random.integers(low, high + 1))

    def some(self, probability, **options):
        """Of the options those that are drawn; values may be functions of the draw."""
        return {key: value(self) if callable(value) else value
                for key, value in options.items() if self.chance(probability)}


def activation(draw):
    return draw.one("tanh", "tanh", "relu", "sigmoid", "hard_sigmoid", "linear", "softsign", "elu",
                    "selu", "gelu", "softplus", "silu", "mish", "relu6", "leaky_relu", "celu",
                    "hard_silu", "squareplus", "tanh_shrink", "soft_shrink", "log_sigmoid")


def regularizer(draw):
    r = keras.regularizers
    return draw.one(lambda: r.L2(0.01), lambda: r.L1(0.01), lambda: r.L1L2(0.01, 0.02),
                    lambda: "l2")()


def constraint(draw):
    c = keras.constraints
    return draw.one(lambda: c.MaxNorm(0.9), lambda: c.NonNeg(), lambda: c.UnitNorm(),
                    lambda: c.MinMaxNorm(0.2, 0.8, rate=0.7), lambda: "max_norm")()


def initializer(draw):
    i = keras.initializers
    return draw.one(lambda: "he_normal", lambda: i.LecunUniform(), lambda: i.RandomNormal(0.1, 0.2),
                    lambda: i.TruncatedNormal(stddev=0.1), lambda: i.Constant(0.2),
                    lambda: i.VarianceScaling(2.0, "fan_avg", "uniform"), lambda: "ones")()


def of_kernel(draw, probability=0.12):
    """What a layer with a kernel and a bias may have beside them."""
    return draw.some(probability, kernel_regularizer=regularizer, kernel_constraint=constraint,
                     kernel_initializer=initializer, bias_regularizer=regularizer,
                     bias_initializer=initializer, activity_regularizer=regularizer)
