"""The blocks of `keras.applications`, in networks as small as its own functions make them."""

import keras
import numpy as np
from keras.src.applications import (convnext, densenet, efficientnet, efficientnet_v2,
                                    inception_resnet_v2, mobilenet, mobilenet_v2, mobilenet_v3,
                                    nasnet, resnet)

from . import store

COMMON = {"weights": None, "classes": 3, "classifier_activation": None}
FUSED = {"kernel_size": 3, "num_repeat": 2, "input_filters": 8, "output_filters": 8,
         "expand_ratio": 2, "se_ratio": 0.0, "strides": 1, "conv_type": 1}
SQUEEZED = {**FUSED, "num_repeat": 1, "output_filters": 12, "se_ratio": 0.25, "strides": 2,
            "conv_type": 0}
WIDE = {"kernel_size": 5, "repeats": 2, "filters_in": 8, "filters_out": 12, "expand_ratio": 3,
        "id_skip": True, "strides": 2, "se_ratio": 0.25}


def residual(block, preact):
    def stack(x):
        x = block(x, 4, 2, stride1=1, name="conv2")
        return block(x, 6, 2, name="conv3")
    return resnet.ResNet(stack, preact, True, weights_name=None, input_shape=(32, 32, 3), **COMMON)


NETWORKS = {
    "convnext": lambda: convnext.ConvNeXt([1, 1, 1, 1], [4, 6, 8, 10], 0.0, 0.3,
                                          name="convnext_small", input_shape=(32, 32, 3), **COMMON),
    "convnext_stochastic": lambda: convnext.ConvNeXt(
        [1, 1, 1, 1], [4, 4, 4, 4], 0.2, 0.3, name="convnext_drop", include_top=False,
        pooling="max", input_shape=(32, 32, 3), weights=None),
    "densenet": lambda: densenet.DenseNet([1, 1, 1, 1], input_shape=(32, 32, 3), **COMMON),
    "efficientnet": lambda: efficientnet.EfficientNet(
        0.1, 0.5, 32, blocks_args=[WIDE, {**WIDE, "filters_in": 12, "strides": 1}],
        weights_name=None, input_shape=(32, 32, 3), **COMMON),
    "efficientnet_v2": lambda: efficientnet_v2.EfficientNetV2(
        0.1, 0.5, 32, blocks_args=[FUSED, SQUEEZED], name="efficientnetv2-small",
        input_shape=(32, 32, 3), weights_name=None, **COMMON),
    "mobilenet": lambda: mobilenet.MobileNet((32, 32, 3), alpha=0.05, dropout=0.0, **COMMON),
    "nasnet": lambda: nasnet.NASNet((32, 32, 3), 96, 1, 4, True, 2, default_size=32,
                                    **COMMON),
    "resnet": lambda: residual(resnet.stack_residual_blocks_v1, False),
    "resnet_v2": lambda: residual(resnet.stack_residual_blocks_v2, True),
    "mobilenet_v3": lambda: mobilenet_v3.MobileNetV3(
        small_v3, 16, input_shape=(32, 32, 3), alpha=0.5, dropout_rate=0.0,
        include_preprocessing=True, **COMMON),
}


def normalized():
    """A batch of more elements than a processor takes at once, and slopes that are not one."""
    return keras.Sequential([
        keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.BatchNormalization(), keras.layers.MaxPooling2D(3),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])


def small_v3(x, kernel, activation, se_ratio):
    def depth(d):
        return mobilenet_v3._depth(d * 0.5)
    x = mobilenet_v3._inverted_res_block(x, 1, depth(16), 3, 2, se_ratio,
                                         mobilenet_v3.relu, 0)
    return mobilenet_v3._inverted_res_block(x, 2, depth(24), kernel, 2, se_ratio, activation, 1)


def inception_resnet():
    inputs = keras.Input((32, 32, 3))
    x = inception_resnet_v2.conv2d_bn(inputs, 6, 3, strides=4)
    x = inception_resnet_v2.inception_resnet_block(x, scale=0.17, block_type="block35",
                                                   block_idx=1)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


NETWORKS |= {"batch_normalization": normalized, "inception_resnet": inception_resnet}


def randomize(model, random):
    """Weights of few digits, which archives hold in little room, and scales of their own."""
    for layer in model._flatten_layers():
        if isinstance(getattr(layer, "rate", None), float):
            layer.rate = 0.0
    for weight in model.weights:
        if not weight.dtype.startswith("float"):
            continue
        if weight.name in ("gamma", "moving_variance") or "layer_scale" in weight.path:
            value = random.integers(12, 21, weight.shape) / 16
        else:
            spread = float(np.std(keras.ops.convert_to_numpy(weight))) or 0.1
            value = random.integers(-3, 4, weight.shape) * 2.0 ** np.round(np.log2(spread / 2))
        weight.assign(value.astype("float32"))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def write(name, make):
    store.fresh(name)
    random = store.generator(name)
    model = make()
    randomize(model, random)
    eagerly = keras.backend.backend() == "tensorflow"
    x = (random.integers(-32, 33, (4, 32, 32, 3)) / 16).astype("float32")
    y = random.integers(0, 3, 4).astype("int32")
    trains = "stochastic" not in name
    if trains:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, run_eagerly=eagerly)
    store.write_keras(f"applications/{name}.keras", model, compress=True)
    arrays = {"x0": x, "p0": model.predict(x, verbose=0)}
    row = {"name": name, "file": f"{name}.keras", "trains": trains}
    if trains:
        history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
        row |= {"loss": float(history["loss"][0])}
        arrays |= {"y0": y, "q0": model.predict(x, verbose=0)}
    if name == "batch_normalization":
        # What was learned of each weight, however little it shows in the predictions.
        slots = model.optimizer.variables[2:]
        arrays |= {f"m{i}": keras.ops.convert_to_numpy(slot) for i, slot in enumerate(slots)}
    store.write_npz(f"applications/{name}.npz", arrays)
    return row


def make():
    cases = [write(name, network) for name, network in NETWORKS.items()]
    store.write_cases("applications/index.json", cases)
    return len(cases)
