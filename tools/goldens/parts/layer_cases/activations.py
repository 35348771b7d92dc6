"""Cases of layers: activations."""

from keras import constraints as C
from keras import regularizers as R

from . import table


def cases():
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
    yield from table("ELU", "elu", (3, 5), {"": {}, "alpha": {"alpha": 0.5}}, scale=2.0)
    yield from table("ELU", "chained_elu", (3, 5), {"": {}}, chained=True)
    yield from table("PReLU", "prelu", (3, 5), {
        "": {},
        "shared": {"shared_axes": [1]},
        "regularized": {"alpha_regularizer": R.L2(0.05), "alpha_constraint": C.NonNeg()},
    }, scale=2.0)
    yield from table("PReLU", "prelu_image", (4, 3, 2), {"shared": {"shared_axes": [1, 2]}})
    yield from table("Softmax", "softmax", (3, 4, 5), {
        "": {}, "axis_1": {"axis": 1}, "axes": {"axis": [1, 2]}}, scale=2.0)
    for layer, base in (("ReLU", "relu"), ("LeakyReLU", "leaky_relu"), ("Softmax", "softmax")):
        yield from table(layer, "chained_" + base, (3, 5), {"": {}}, chained=True)
    yield from table("Activation", "chained_activation_tanh", (3, 5), {
        "": {"activation": "tanh"}}, chained=True)
