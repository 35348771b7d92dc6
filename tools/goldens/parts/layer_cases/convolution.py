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


def conv3d():
    base = {"filters": 3, "kernel_size": 2}
    yield from table("Conv3D", "conv3d", (4, 5, 3, 2), {
        "": base,
        "kernel_3x1x2": base | {"kernel_size": (3, 1, 2)},
        "same_kernel_3": base | {"kernel_size": 3, "padding": "same"},
        "strides_2x1x2": base | {"strides": (2, 1, 2)},
        "same_strides_2": base | {"kernel_size": 3, "strides": 2, "padding": "same"},
        "dilation_2x3x1": base | {"dilation_rate": (2, 3, 1)},
        "groups_2": base | {"filters": 4, "groups": 2, "use_bias": False},
        "groups_2_same_strides_2": base | {"filters": 2, "groups": 2, "strides": 2,
                                           "padding": "same"},
        "relu_regularized": base | {"activation": "relu", "kernel_regularizer": R.L2(0.02),
                                    "bias_regularizer": R.L1(0.02),
                                    "activity_regularizer": R.L2(0.01)},
        "max_norm": base | {"kernel_constraint": C.MaxNorm(0.6, [0, 1, 2, 3]),
                            "bias_constraint": C.NonNeg()},
    })
    first = base | {"data_format": "channels_first"}
    yield from table("Conv3D", "conv3d_channels_first", (2, 4, 5, 3), {
        "": first, "same_strides_2": first | {"strides": 2, "padding": "same"}})


def transposed():
    """Every combination of padding, output padding and dilation once, along each rank."""
    line = {
        "": {"kernel_size": 3},
        "strides_2": {"kernel_size": 3, "strides": 2},
        "strides_3_kernel_2": {"kernel_size": 2, "strides": 3},
        "same": {"kernel_size": 3, "padding": "same"},
        "same_even_kernel": {"kernel_size": 4, "padding": "same"},
        "same_strides_2": {"kernel_size": 3, "strides": 2, "padding": "same"},
        "same_strides_3_kernel_2": {"kernel_size": 2, "strides": 3, "padding": "same"},
        "output_padding_0": {"kernel_size": 3, "strides": 2, "output_padding": 0},
        "output_padding_1": {"kernel_size": 2, "strides": 3, "output_padding": 1},
        "same_output_padding_0": {"kernel_size": 3, "strides": 2, "padding": "same",
                                  "output_padding": 0},
        "same_output_padding_1": {"kernel_size": 3, "strides": 2, "padding": "same",
                                  "output_padding": 1},
        "same_output_padding_2": {"kernel_size": 4, "strides": 3, "padding": "same",
                                  "output_padding": 2},
        "dilation_2": {"kernel_size": 3, "dilation_rate": 2},
        "same_dilation_3": {"kernel_size": 2, "dilation_rate": 3, "padding": "same"},
        "no_bias_relu": {"kernel_size": 3, "use_bias": False, "activation": "relu"},
        "regularized": {"kernel_size": 3, "kernel_regularizer": R.L2(0.02),
                        "bias_regularizer": R.L1(0.02), "activity_regularizer": R.L2(0.01)},
        "max_norm": {"kernel_size": 3, "kernel_constraint": C.MaxNorm(0.6, [0, 1]),
                     "bias_constraint": C.NonNeg()},
    }
    yield from table("Conv1DTranspose", "conv1d_transpose", (5, 3), {
        key: {"filters": 4} | row for key, row in line.items()})
    first = {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}
    yield from table("Conv1DTranspose", "conv1d_transpose_channels_first", (3, 5), {
        "": first, "same_strides_2": first | {"strides": 2, "padding": "same"}})
    yield from table("Conv2DTranspose", "conv2d_transpose", (4, 3, 3), {
        "": {"filters": 4, "kernel_size": 3},
        "kernel_2x3_strides_2x1": {"filters": 4, "kernel_size": (2, 3), "strides": (2, 1)},
        "same_strides_2": {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        "same_strides_2x3_output_padding_1x2": {
            "filters": 2, "kernel_size": 3, "strides": (2, 3), "padding": "same",
            "output_padding": (1, 2)},
        "output_padding_1": {"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": 1},
        "dilation_2x1": {"filters": 4, "kernel_size": 2, "dilation_rate": (2, 1)},
        "relu_regularized": {"filters": 4, "kernel_size": 3, "activation": "relu",
                             "kernel_regularizer": R.L1L2(0.01, 0.02),
                             "activity_regularizer": R.L2(0.01)},
    })
    first = {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}
    yield from table("Conv2DTranspose", "conv2d_transpose_channels_first", (3, 4, 3), {
        "": first, "same_strides_2": first | {"strides": 2, "padding": "same"}})
    yield from table("Conv3DTranspose", "conv3d_transpose", (2, 3, 2, 2), {
        "": {"filters": 3, "kernel_size": 2},
        "strides_2x1x3": {"filters": 2, "kernel_size": 2, "strides": (2, 1, 3)},
        "same_strides_2": {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"},
        "same_output_padding": {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same",
                                "output_padding": (1, 0, 1)},
        "dilation_2": {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False},
    })
    yield from table("Conv3DTranspose", "conv3d_transpose_channels_first", (2, 2, 3, 2), {
        "": {"filters": 3, "kernel_size": 2, "strides": 2, "data_format": "channels_first"}})


def depthwise():
    penalties = {"depthwise_regularizer": R.L2(0.02), "bias_regularizer": R.L1(0.02),
                 "activity_regularizer": R.L2(0.01)}
    rows = {
        "": {"kernel_size": 3},
        "multiplier_2": {"kernel_size": 3, "depth_multiplier": 2},
        "same": {"kernel_size": 3, "padding": "same"},
        "same_strides_2": {"kernel_size": 3, "padding": "same", "strides": 2},
        "strides_2_multiplier_3": {"kernel_size": 2, "strides": 2, "depth_multiplier": 3},
        "dilation_2": {"kernel_size": 3, "dilation_rate": 2},
        "strides_2_dilation_2": {"kernel_size": 2, "strides": 2, "dilation_rate": 2},
        "no_bias_relu": {"kernel_size": 3, "use_bias": False, "activation": "relu"},
        "regularized": {"kernel_size": 3} | penalties,
        "max_norm": {"kernel_size": 3, "depthwise_constraint": C.MaxNorm(0.6, [0]),
                     "bias_constraint": C.NonNeg()},
    }
    for layer, base, shape in (("DepthwiseConv1D", "depthwise_conv1d", (8, 3)),
                               ("DepthwiseConv2D", "depthwise_conv2d", (6, 5, 3))):
        yield from table(layer, base, shape, rows)
        first = {"kernel_size": 3, "data_format": "channels_first"}
        yield from table(layer, base + "_channels_first", shape[-1:] + shape[:-1], {
            "": first, "multiplier_2_same": first | {"depth_multiplier": 2, "padding": "same"}})
    yield from table("DepthwiseConv2D", "depthwise_conv2d", (6, 5, 3), {
        "kernel_2x3_strides_2x1": {"kernel_size": (2, 3), "strides": (2, 1)},
        "same_dilation_2x3": {"kernel_size": 3, "dilation_rate": (2, 3), "padding": "same"},
    })
    yield from table("DepthwiseConv2D", "depthwise_conv2d_wide", (5, 5, 17), {
        "": {"kernel_size": 3, "padding": "same"}}, learning_rate=0.02)


def separable():
    penalties = {"depthwise_regularizer": R.L2(0.02), "pointwise_regularizer": R.L1(0.01),
                 "bias_regularizer": R.L1(0.02), "activity_regularizer": R.L2(0.01)}
    rows = {
        "": {"filters": 4, "kernel_size": 3},
        "multiplier_2": {"filters": 4, "kernel_size": 3, "depth_multiplier": 2},
        "same_strides_2": {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2},
        "same_dilation_2": {"filters": 4, "kernel_size": 3, "padding": "same",
                            "dilation_rate": 2},
        "no_bias_relu": {"filters": 4, "kernel_size": 3, "use_bias": False,
                         "activation": "relu"},
        "regularized": {"filters": 4, "kernel_size": 3} | penalties,
        "max_norm": {"filters": 4, "kernel_size": 3, "depthwise_constraint": C.MaxNorm(0.6, [0]),
                     "pointwise_constraint": C.MaxNorm(0.6, [0]), "bias_constraint": C.NonNeg()},
    }
    for layer, base, shape in (("SeparableConv1D", "separable_conv1d", (8, 3)),
                               ("SeparableConv2D", "separable_conv2d", (6, 5, 3))):
        yield from table(layer, base, shape, rows)
        first = {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}
        yield from table(layer, base + "_channels_first", shape[-1:] + shape[:-1], {
            "": first, "multiplier_2_same": first | {"depth_multiplier": 2, "padding": "same"}})


def cases():
    for part in (conv1d, conv2d, conv3d, transposed, depthwise, separable):
        yield from part()
