"""Cases of layers: normalization."""

import keras
from keras import constraints as C
from keras import regularizers as R

from . import behind_mask, table, with_gaps


def batch_and_layer():
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
    yield from table("LayerNormalization", "layer_normalization_rms", (4, 6), {
        "scaling": {"rms_scaling": True}, "scaling_axes": {"rms_scaling": True, "axis": [1, 2]}})


def batch():
    """Masks and renormalisation."""
    yield from table("BatchNormalization", "batch_normalization_masked", (5, 3), {
        "": {"momentum": 0.7}, "neither": {"center": False, "scale": False}},
        call=behind_mask, values=with_gaps)
    limits = {"rmin": 0.7, "rmax": 1.4, "dmax": 0.3}
    yield from table("BatchNormalization", "batch_normalization_renorm", (5,), {
        "": {"renorm": True, "momentum": 0.8, "renorm_momentum": 0.7},
        "clipped": {"renorm": True, "renorm_clipping": limits, "momentum": 0.8},
        "dmax": {"renorm": True, "renorm_clipping": {"dmax": 0.2}, "renorm_momentum": 0.6},
        "neither": {"renorm": True, "center": False, "scale": False, "momentum": 0.9},
    })
    yield from table("BatchNormalization", "batch_normalization_renorm_image", (3, 2, 4), {
        "axis_1": {"renorm": True, "axis": 1, "momentum": 0.8}})


def group():
    yield from table("GroupNormalization", "group_normalization", (4, 3, 6), {
        "": {"groups": 3},
        "one": {"groups": 1, "epsilon": 0.1},
        "instance": {"groups": -1},
        "axis_minus_2": {"groups": 3, "axis": -2},
        "axis_1": {"groups": 2, "axis": 1},
        "no_center": {"groups": 2, "center": False},
        "no_scale": {"groups": 2, "scale": False},
        "regularized": {"groups": 2, "beta_regularizer": R.L2(0.05),
                        "gamma_regularizer": R.L1(0.05)},
        "constrained": {"groups": 2, "beta_constraint": C.NonNeg(),
                        "gamma_constraint": C.MaxNorm(0.9)},
    }, scale=2.0)
    yield from table("GroupNormalization", "group_normalization_vector", (6,), {
        "": {"groups": 2}}, scale=2.0)
    yield from table("GroupNormalization", "group_normalization_sequence", (4, 6), {
        "": {"groups": 3}}, scale=2.0)
    yield from table("GroupNormalization", "chained_group_normalization", (4, 6), {
        "": {"groups": 2, "center": False, "scale": False}}, chained=True)


def rms_and_unit():
    yield from table("RMSNormalization", "rms_normalization", (4, 6), {
        "": {}, "epsilon": {"epsilon": 0.1}, "axes": {"axis": [1, 2]},
        "axes_in_another_order": {"axis": [2, 1]}}, scale=2.0)
    yield from table("RMSNormalization", "rms_normalization_square", (4, 4), {
        "axis_1": {"axis": 1}}, note="the scale meets the last axis whatever the axis is")
    yield from table("RMSNormalization", "chained_rms_normalization", (4, 6), {"": {}},
                     chained=True)
    yield from table("UnitNormalization", "unit_normalization", (3, 4), {
        "": {}, "axis_1": {"axis": 1}, "axes": {"axis": [1, 2]}})
    yield from table("UnitNormalization", "chained_unit_normalization", (3, 4), {"": {}},
                     chained=True)


def spectral():
    """Training divides by the norm, inference does not; the vector of the iteration is kept."""
    L = keras.layers
    yield from table("SpectralNormalization", "spectral_normalization", (5,), {
        "": {"layer": L.Dense(3)},
        "power_iterations_3": {"layer": L.Dense(4, activation="tanh"), "power_iterations": 3},
        "no_bias": {"layer": L.Dense(3, use_bias=False)},
        "einsum_dense": {"layer": L.EinsumDense("ab,bcd->acd", (2, 3), bias_axes="cd")},
        "regularized": {"layer": L.Dense(3, kernel_regularizer=R.L2(0.1),
                                         bias_regularizer=R.L1(0.02))},
        "constrained": {"layer": L.Dense(3, kernel_constraint=C.MaxNorm(0.7),
                                         bias_constraint=C.NonNeg())},
        "both": {"layer": L.Dense(4, kernel_regularizer=R.L1(0.05),
                                  kernel_constraint=C.UnitNorm()), "power_iterations": 2},
    })
    yield from table("SpectralNormalization", "spectral_normalization_twice", (3,), {
        "": {"layer": L.Dense(3, kernel_regularizer=R.L2(0.1))}},
        call=lambda layer, tensors: layer(layer(tensors[0])),
        note="the second call divides what the first one divided")
    yield from table("SpectralNormalization", "spectral_normalization_image", (4, 5, 2), {
        "": {"layer": L.Conv2D(3, 2)}, "depthwise": {"layer": L.DepthwiseConv2D(2)}})
    yield from table("SpectralNormalization", "spectral_normalization_embedding", (4,), {
        "": {"layer": L.Embedding(6, 3)}}, learning_rate=0.5,
        values=lambda random, index, shape: random.integers(0, 6, shape), differentiable=False)


@keras.saving.register_keras_serializable(package="Addons")
class WeightNormalization(keras.layers.Wrapper):
    """What TensorFlow Addons computes once the first step has been done; Keras has no such layer.

    The kernel is `g * v / |v|`, each filter by itself, and the layer's own kernel is `v`.
    """

    def __init__(self, layer, data_init=True, **options):
        super().__init__(layer, **options)
        self.data_init = data_init

    def build(self, input_shape):
        super().build(input_shape)
        self.g = self.add_weight(name="g", shape=self.layer.kernel.shape[-1:], initializer="ones")
        self.initialized = self.add_weight(name="initialized", shape=(), initializer="ones",
                                           dtype="bool", trainable=False)

    def call(self, inputs):
        kernel = self.layer.kernel
        direction = kernel.value
        axes = tuple(range(len(kernel.shape) - 1))
        square = keras.ops.sum(direction * direction, axis=axes, keepdims=True)
        kernel.assign(direction / keras.ops.sqrt(keras.ops.maximum(square, 1e-12)) * self.g)
        outputs = self.layer(inputs)
        kernel.assign(direction)
        return outputs

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return super().get_config() | {"data_init": self.data_init}


#: Keras then writes no module: files are found by the registered name alone.
WeightNormalization.__module__ = "__main__"


def weight():
    L = keras.layers
    note = "not of Keras: the computation of TensorFlow Addons, written down with Keras"
    yield from table("WeightNormalization", "weight_normalization", (5,), {
        "": {"layer": L.Dense(3)},
        "activation": {"layer": L.Dense(4, activation="tanh"), "data_init": False},
        "no_bias": {"layer": L.Dense(3, use_bias=False)},
        "regularized": {"layer": L.Dense(3, kernel_regularizer=R.L2(0.1),
                                         bias_regularizer=R.L1(0.02))},
        "constrained": {"layer": L.Dense(3, kernel_constraint=C.MaxNorm(0.7),
                                         bias_constraint=C.NonNeg())},
    }, note=note, make=WeightNormalization)
    yield from table("WeightNormalization", "weight_normalization_image", (4, 5, 2), {
        "": {"layer": L.Conv2D(3, 2)}}, note=note, make=WeightNormalization)


def cases():
    for part in (batch_and_layer, batch, group, rms_and_unit, spectral, weight):
        yield from part()
