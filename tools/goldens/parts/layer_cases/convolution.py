"""Cases of layers: convolutions."""

from keras import constraints as C
from keras import regularizers as R

from . import table


def conv1d():
    yield from table("Conv1D", "conv1d", (9, 3), {
        "": {"filters": 4, "kernel_size": 3},
        "same": {"filters": 4, "kernel_size": 3, "padding": "same"},
        "same_even_kernel": {"filters": 4, "kernel_size": 4, "padding": "same"},
        "same_strides_2": {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2},
        "valid_strides_3": {"filters": 4, "kernel_size": 2, "strides": 3},
        "causal": {"filters": 4, "kernel_size": 3, "padding": "causal"},
        "causal_dilation_2": {"filters": 4, "kernel_size": 3, "padding": "causal",
                              "dilation_rate": 2},
        "causal_strides_2": {"filters": 4, "kernel_size": 3, "padding": "causal", "strides": 2},
        "dilation_2": {"filters": 4, "kernel_size": 3, "dilation_rate": 2},
        "same_dilation_3": {"filters": 4, "kernel_size": 3, "dilation_rate": 3, "padding": "same"},
        "groups_3": {"filters": 6, "kernel_size": 3, "groups": 3},
        "no_bias": {"filters": 4, "kernel_size": 3, "use_bias": False},
        "relu": {"filters": 4, "kernel_size": 3, "activation": "relu"},
        "kernel_1": {"filters": 4, "kernel_size": 1},
        "regularized": {"filters": 4, "kernel_size": 3, "kernel_regularizer": R.L2(0.02),
                        "bias_regularizer": R.L1(0.02), "activity_regularizer": R.L2(0.01)},
        "max_norm": {"filters": 4, "kernel_size": 3, "kernel_constraint": C.MaxNorm(0.6, [0, 1])},
    })
    yield from table("Conv1D", "conv1d_channels_first", (3, 9), {
        "": {"filters": 4, "kernel_size": 3, "data_format": "channels_first"},
        "same_strides_2": {"filters": 4, "kernel_size": 3, "data_format": "channels_first",
                           "padding": "same", "strides": 2},
    })


def conv2d():
    yield from table("Conv2D", "conv2d", (6, 5, 3), {
        "": {"filters": 4, "kernel_size": 3},
        "same": {"filters": 4, "kernel_size": 3, "padding": "same"},
        "same_even_kernel": {"filters": 4, "kernel_size": (2, 4), "padding": "same"},
        "kernel_3x2": {"filters": 4, "kernel_size": (3, 2)},
        "kernel_1": {"filters": 5, "kernel_size": 1},
        "kernel_1_strides_2": {"filters": 5, "kernel_size": 1, "strides": 2},
        "kernel_whole": {"filters": 5, "kernel_size": (6, 5)},
        "strides_2": {"filters": 4, "kernel_size": 3, "strides": 2},
        "strides_2x1": {"filters": 4, "kernel_size": 3, "strides": (2, 1)},
        "same_strides_2": {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        "same_strides_3x2": {"filters": 4, "kernel_size": 3, "strides": (3, 2), "padding": "same"},
        "same_kernel_5_strides_2": {"filters": 4, "kernel_size": 5, "strides": 2,
                                    "padding": "same"},
        "dilation_2": {"filters": 4, "kernel_size": 3, "dilation_rate": 2},
        "same_dilation_2x3": {"filters": 4, "kernel_size": 3, "dilation_rate": (2, 3),
                              "padding": "same"},
        "groups_3": {"filters": 6, "kernel_size": 3, "groups": 3},
        "groups_3_same_strides_2": {"filters": 3, "kernel_size": 3, "groups": 3, "strides": 2,
                                    "padding": "same"},
        "no_bias": {"filters": 4, "kernel_size": 3, "use_bias": False},
        "relu": {"filters": 4, "kernel_size": 3, "activation": "relu"},
        "softmax": {"filters": 4, "kernel_size": 3, "activation": "softmax"},
        "regularized": {"filters": 4, "kernel_size": 3, "kernel_regularizer": R.L1L2(0.01, 0.02),
                        "bias_regularizer": R.L2(0.02), "activity_regularizer": R.L2(0.01)},
        "max_norm": {"filters": 4, "kernel_size": 3,
                     "kernel_constraint": C.MaxNorm(0.6, [0, 1, 2]),
                     "bias_constraint": C.NonNeg()},
        "non_neg": {"filters": 4, "kernel_size": 3, "kernel_constraint": C.NonNeg()},
    })
    yield from table("Conv2D", "conv2d_even", (6, 6, 2), {
        "same_strides_2": {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        "groups_2": {"filters": 4, "kernel_size": 3, "groups": 2, "padding": "same"},
    })
    yield from table("Conv2D", "conv2d_wide", (4, 4, 16), {
        "": {"filters": 17, "kernel_size": 3, "activation": "relu"},
    }, learning_rate=0.01)
    first = {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}
    yield from table("Conv2D", "conv2d_channels_first", (3, 6, 5), {
        "": first,
        "same_strides_2": first | {"padding": "same", "strides": 2},
        "groups_3": first | {"filters": 6, "groups": 3},
        "dilation_2": first | {"dilation_rate": 2},
    })


def cases():
    for part in (conv1d, conv2d):
        yield from part()
