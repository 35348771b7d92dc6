"""Cases of layers: normalization."""

from keras import constraints as C
from keras import regularizers as R

from . import table


def cases():
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
