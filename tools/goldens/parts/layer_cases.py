"""The table of layer cases: which layer, with which arguments, on which shapes."""

import dataclasses
import typing

from keras import constraints as C
from keras import regularizers as R


@dataclasses.dataclass
class Case:
    name: str
    layer: str
    shapes: list
    arguments: typing.Callable = dict
    chained: bool = False
    ties: bool = False
    scale: float = 1.0
    input_dtype: str = "float32"
    learning_rate: float = 0.05
    note: str = ""

    @property
    def images(self):
        return len(self.shapes[0]) == 3

    @property
    def samples(self):
        """The last batch is a partial one: 4, 4, 4, 2 or, for images, 3, 3, 1."""
        return 7 if self.images else 14

    @property
    def batch_size(self):
        return 3 if self.images else 4


def table(layer, base, shape, rows, **more):
    """Rows of `suffix: arguments` for one layer on one shape (a tuple) or several (a list)."""
    shapes = shape if isinstance(shape, list) else [shape]
    for suffix, arguments in rows.items():
        name = base + ("_" + suffix if suffix else "")
        yield Case(name, layer, shapes, lambda arguments=arguments: dict(arguments), **more)


def dense():
    yield from table("Dense", "dense", (5,), {
        "": {"units": 3},
        "no_bias": {"units": 3, "use_bias": False},
        "relu": {"units": 4, "activation": "relu"},
        "sigmoid": {"units": 4, "activation": "sigmoid"},
        "tanh": {"units": 4, "activation": "tanh"},
        "softmax": {"units": 4, "activation": "softmax"},
        "gelu": {"units": 4, "activation": "gelu"},
        "silu": {"units": 4, "activation": "silu"},
        "elu": {"units": 4, "activation": "elu"},
        "softplus": {"units": 4, "activation": "softplus"},
        "leaky_relu": {"units": 4, "activation": "leaky_relu"},
        "kernel_l1": {"units": 3, "kernel_regularizer": R.L1(0.02)},
        "kernel_l2": {"units": 3, "kernel_regularizer": R.L2(0.03)},
        "kernel_l1l2_bias_l2": {"units": 3, "kernel_regularizer": R.L1L2(0.01, 0.02),
                                "bias_regularizer": R.L2(0.05)},
        "activity_l2": {"units": 3, "activity_regularizer": R.L2(0.02)},
        "activity_l1_relu": {"units": 3, "activation": "relu", "activity_regularizer": R.L1(0.02)},
        "max_norm": {"units": 3, "kernel_constraint": C.MaxNorm(0.5)},
        "max_norm_axis_1": {"units": 3, "kernel_constraint": C.MaxNorm(0.5, axis=1)},
        "non_neg": {"units": 3, "kernel_constraint": C.NonNeg(), "bias_constraint": C.NonNeg()},
        "unit_norm": {"units": 3, "kernel_constraint": C.UnitNorm()},
        "min_max_norm": {"units": 3, "kernel_constraint": C.MinMaxNorm(0.2, 0.6, rate=0.5)},
    })
    yield from table("Dense", "dense_sequence", (3, 5), {
        "": {"units": 4},
        "relu_l2": {"units": 4, "activation": "relu", "kernel_regularizer": R.L2(0.02)},
        "activity_l2": {"units": 4, "activity_regularizer": R.L2(0.02)},
        "softmax": {"units": 4, "activation": "softmax"},
    })
    yield from table("Dense", "dense_4d", (2, 3, 4), {"": {"units": 3}})


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


POOLING = {
    "": {"pool_size": 2},
    "pool_3x2": {"pool_size": (3, 2)},
    "pool_3_strides_2": {"pool_size": 3, "strides": 2},
    "strides_1": {"pool_size": 2, "strides": 1},
    "same": {"pool_size": 2, "padding": "same"},
    "same_pool_3_strides_1": {"pool_size": 3, "strides": 1, "padding": "same"},
    "same_pool_3_strides_2": {"pool_size": 3, "strides": 2, "padding": "same"},
    "same_pool_2_strides_3": {"pool_size": 2, "strides": 3, "padding": "same"},
}


def pooling():
    for layer, base in (("MaxPooling2D", "max_pooling2d"),
                        ("AveragePooling2D", "average_pooling2d")):
        yield from table(layer, base, (7, 5, 3), POOLING)
        first = {"pool_size": 2, "data_format": "channels_first"}
        yield from table(layer, base + "_channels_first", (3, 7, 5), {
            "": first,
            "same": first | {"padding": "same"},
        })
        yield from table(layer, "chained_" + base, (7, 5, 3), {
            key: POOLING[key] for key in ("", "same_pool_3_strides_2")}, chained=True)
    yield from table("MaxPooling2D", "max_pooling2d_default", (7, 5, 3), {"": {}})
    yield from table("MaxPooling2D", "max_pooling2d_ties", (6, 6, 2), {"": {}}, ties=True,
                     note="equal values in a window: the first one takes the whole gradient")
    for layer, base in (("GlobalAveragePooling2D", "global_average_pooling2d"),
                        ("GlobalMaxPooling2D", "global_max_pooling2d")):
        yield from table(layer, base, (4, 5, 3), {"": {}, "keepdims": {"keepdims": True}})
        yield from table(layer, base + "_channels_first", (3, 4, 5), {
            "": {"data_format": "channels_first"},
            "keepdims": {"data_format": "channels_first", "keepdims": True},
        })
        yield from table(layer, "chained_" + base, (4, 5, 3), {"": {}}, chained=True)
    yield from table("GlobalMaxPooling2D", "global_max_pooling2d_ties", (4, 4, 2), {"": {}},
                     ties=True, note="equal values share the gradient evenly")


def reshaping():
    yield from table("Flatten", "flatten", (2, 3, 4), {"": {}})
    yield from table("Flatten", "flatten_channels_first", (4, 2, 3), {
        "": {"data_format": "channels_first"}})
    yield from table("Flatten", "flatten_scalar", (), {"": {}})
    yield from table("Flatten", "flatten_vector", (5,), {"": {}})
    yield from table("Flatten", "chained_flatten", (2, 3, 4), {"": {}}, chained=True)
    yield from table("Reshape", "reshape", (3, 4), {
        "": {"target_shape": (4, 3)},
        "vector": {"target_shape": (12,)},
        "minus_one": {"target_shape": (-1, 6)},
        "minus_one_middle": {"target_shape": (2, -1, 3)},
        "minus_one_alone": {"target_shape": (-1,)},
    })
    yield from table("Reshape", "chained_reshape", (3, 4), {"": {"target_shape": (2, -1)}},
                     chained=True)


def regularization():
    note = "inference only: random draws are not compared"
    yield from table("Dropout", "dropout", (5, 4), {
        "": {"rate": 0.4},
        "seed": {"rate": 0.4, "seed": 3},
        "noise_shape": {"rate": 0.4, "noise_shape": (None, 1, 4)},
    }, note=note)
    yield from table("Dropout", "chained_dropout_rate_0", (5, 4), {"": {"rate": 0.0}},
                     chained=True)


def normalization():
    yield from table("BatchNormalization", "batch_normalization", (5,), {
        "": {},
        "momentum": {"momentum": 0.6},
        "epsilon": {"epsilon": 0.1},
        "no_center": {"center": False},
        "no_scale": {"scale": False},
        "neither": {"center": False, "scale": False, "momentum": 0.9},
        "regularized": {"beta_regularizer": R.L2(0.05), "gamma_regularizer": R.L1(0.05)},
        "constrained": {"beta_constraint": C.NonNeg(), "gamma_constraint": C.MaxNorm(0.9)},
    }, scale=2.0)
    yield from table("BatchNormalization", "batch_normalization_image", (4, 3, 5), {
        "": {"momentum": 0.8},
        "axis_1": {"axis": 1, "momentum": 0.8},
        "axis_2": {"axis": 2},
    }, scale=2.0)
    yield from table("BatchNormalization", "batch_normalization_sequence", (4, 3), {
        "": {}, "axis_1": {"axis": 1}}, scale=2.0)
    yield from table("BatchNormalization", "chained_batch_normalization", (4, 3, 5), {
        "": {"momentum": 0.8}}, chained=True)
    yield from table("BatchNormalization", "batch_normalization_frozen", (5,), {
        "chained": {"trainable": False}}, chained=True,
        note="a frozen batch normalization runs in inference mode while training")
    yield from table("LayerNormalization", "layer_normalization", (6,), {
        "": {},
        "epsilon": {"epsilon": 0.1},
        "no_center": {"center": False},
        "no_scale": {"scale": False},
        "regularized": {"beta_regularizer": R.L2(0.05), "gamma_regularizer": R.L1(0.05)},
        "constrained": {"beta_constraint": C.NonNeg(), "gamma_constraint": C.MaxNorm(0.9)},
    }, scale=2.0)
    yield from table("LayerNormalization", "layer_normalization_sequence", (4, 6), {
        "": {}, "axis_1": {"axis": 1}, "axes": {"axis": [1, 2]},
    }, scale=2.0)
    yield from table("LayerNormalization", "layer_normalization_image", (3, 4, 2), {
        "": {}, "axes_1_2": {"axis": [1, 2]}, "axes_all": {"axis": [1, 2, 3]}})
    yield from table("LayerNormalization", "chained_layer_normalization", (4, 6), {"": {}},
                     chained=True)


def activations():
    names = ["relu", "softmax", "log_softmax", "gelu", "tanh", "leaky_relu", "sigmoid", "linear"]
    yield from table("Activation", "activation", (3, 5), {
        name: {"activation": name} for name in names}, scale=2.0)
    yield from table("ReLU", "relu", (3, 5), {
        "": {},
        "max_value": {"max_value": 1.5},
        "negative_slope": {"negative_slope": 0.2},
        "threshold": {"threshold": 0.7},
        "all": {"max_value": 1.5, "negative_slope": 0.2, "threshold": 0.7},
    }, scale=2.0)
    yield from table("LeakyReLU", "leaky_relu", (3, 5), {
        "": {}, "negative_slope": {"negative_slope": 0.1}}, scale=2.0)
    yield from table("Softmax", "softmax", (3, 4, 5), {
        "": {}, "axis_1": {"axis": 1}, "axes": {"axis": [1, 2]}}, scale=2.0)
    for layer, base in (("ReLU", "relu"), ("LeakyReLU", "leaky_relu"), ("Softmax", "softmax")):
        yield from table(layer, "chained_" + base, (3, 5), {"": {}}, chained=True)
    yield from table("Activation", "chained_activation_tanh", (3, 5), {
        "": {"activation": "tanh"}}, chained=True)


def embedding():
    rows = {
        "": {"input_dim": 7, "output_dim": 4},
        "mask_zero": {"input_dim": 7, "output_dim": 4, "mask_zero": True},
        "regularized": {"input_dim": 7, "output_dim": 4, "embeddings_regularizer": R.L2(0.02)},
        "constrained": {"input_dim": 7, "output_dim": 4, "embeddings_constraint": C.UnitNorm(1)},
        "activity": {"input_dim": 7, "output_dim": 4, "activity_regularizer": R.L2(0.02)},
    }
    notes = {"mask_zero": "steps whose index is 0 are masked: they do not count in the loss"}
    for suffix, arguments in rows.items():
        yield from table("Embedding", "embedding", (6,), {suffix: arguments}, input_dtype="int32",
                         learning_rate=0.5, note=notes.get(suffix, ""))
    yield from table("Embedding", "embedding_float_input", (6,), {"": rows[""]}, learning_rate=0.5)
    yield from table("Embedding", "embedding_matrix_input", (2, 3), {"": rows[""]},
                     input_dtype="int32", learning_rate=0.5)


def merging():
    for layer, base in (("Add", "add"), ("Multiply", "multiply")):
        yield from table(layer, base, [(3, 4), (3, 4)], {"": {}})
        yield from table(layer, base + "_three", [(3, 4)] * 3, {"": {}})
        yield from table(layer, base + "_broadcast", [(3, 4), (1, 4)], {"": {}})
        yield from table(layer, base + "_ranks", [(3, 4), (4,)], {"": {}},
                         note="inputs of different rank")
        yield from table(layer, "chained_" + base, [(3, 4), (3, 4)], {"": {}}, chained=True)
    yield from table("Concatenate", "concatenate", [(3, 4), (3, 4)], {
        "": {}, "axis_1": {"axis": 1}, "axis_minus_2": {"axis": -2}})
    yield from table("Concatenate", "concatenate_uneven", [(3, 4), (3, 2), (3, 1)], {"": {}})
    yield from table("Concatenate", "concatenate_axis_1_uneven", [(3, 4), (1, 4)], {
        "": {"axis": 1}})
    yield from table("Concatenate", "chained_concatenate", [(3, 4), (3, 4)], {"": {}},
                     chained=True)


def rescaling():
    yield from table("Rescaling", "rescaling", (4, 3), {
        "": {"scale": 1 / 255},
        "offset": {"scale": 1 / 127.5, "offset": -1.0},
        "per_channel": {"scale": [0.5, 2.0, 3.0], "offset": [0.1, 0.2, 0.3]},
    }, scale=100.0)
    yield from table("Rescaling", "chained_rescaling", (4, 3), {"": {"scale": 0.5, "offset": 0.1}},
                     chained=True)


def all_cases():
    for part in (dense, conv1d, conv2d, pooling, reshaping, regularization, normalization,
                 activations, embedding, merging, rescaling):
        yield from part()
