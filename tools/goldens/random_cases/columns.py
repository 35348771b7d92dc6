"""Preprocessing layers in front of a small network: columns of numbers and of indices."""

import keras

from .draw import activation

L = keras.layers


def adapted(layer, data):
    layer.adapt(data)
    return layer


def numbers(draw, x):
    """A column of real numbers."""
    width = x.shape[-1]
    data = draw.random.normal(size=(40, width)).astype("float32") * 2.0 + 0.5
    kind = draw.one("Normalization", "Discretization", "Rescaling", "Unit")
    if kind == "Normalization":
        return draw.one(
            lambda: adapted(L.Normalization(), data),
            lambda: adapted(L.Normalization(axis=None), data),
            lambda: L.Normalization(mean=0.3, variance=1.7),
            lambda: L.Normalization(mean=[0.1 * i for i in range(width)],
                                    variance=[1.0 + i for i in range(width)], axis=-1),
            lambda: adapted(L.Normalization(invert=True), data))()(x)
    if kind == "Discretization":
        mode = draw.one("int", "one_hot", "multi_hot", "count")
        if mode != "int":
            x = x[:, :1] if mode == "one_hot" else x
        layer = draw.one(
            lambda: L.Discretization(bin_boundaries=[-1.0, -0.1, 0.3, 1.2], output_mode=mode),
            lambda: adapted(L.Discretization(num_bins=4, epsilon=0.01, output_mode=mode), data))()
        found = layer(x)
        return L.Flatten()(L.Embedding(6, 2)(found)) if mode == "int" else found
    return (L.Rescaling(0.5, -0.1) if kind == "Rescaling" else L.UnitNormalization())(x)


def indices(draw, x):
    """A column of indices from 0 to 6."""
    # Keras hashes with TensorFlow on every backend.
    kind = draw.one("CategoryEncoding", "CategoryEncoding", "Embedding", "Lookup", "Hashing",
                    "HashedCrossing")
    mode = draw.one("one_hot", "multi_hot", "count")
    single = x[:, :1]
    if kind == "CategoryEncoding":
        layer = L.CategoryEncoding(7, output_mode=mode)
        if mode == "count" and draw.chance(0.3):
            return layer(x, count_weights=keras.ops.cast(x, "float32") * 0.5)
        return layer(single if mode == "one_hot" else x)
    if kind == "Hashing":
        mode = draw.one("int", mode)
        layer = L.Hashing(5, output_mode=mode, **draw.some(0.3, salt=[3, 2**40], mask_value=2))
        found = layer(single if mode == "one_hot" else x)
        return found if mode != "int" else L.Flatten()(L.Embedding(5, 2)(found))
    if kind == "HashedCrossing":
        return L.HashedCrossing(6, output_mode="one_hot")([single, x[:, -1:]])
    if kind == "Lookup":
        words = [2, 5, 3, 1]
        layer = L.IntegerLookup(vocabulary=words, output_mode=draw.one("int", mode),
                                num_oov_indices=draw.number(1, 2),
                                **draw.some(0.2, oov_method="farmhash"))
        found = layer(single if layer.output_mode == "one_hot" else x)
        return found if layer.output_mode != "int" else L.Flatten()(L.Embedding(9, 2)(found))
    return L.Flatten()(L.Embedding(7, 2)(x))


def columns(draw):
    """Some columns, each encoded, together in a dense layer or two."""
    inputs, parts = [], []
    for _ in range(draw.number(1, 3)):
        if draw.chance(0.5):
            inputs.append(keras.Input((draw.number(1, 3),)))
            parts.append(numbers(draw, inputs[-1]))
        else:
            inputs.append(keras.Input((draw.number(1, 3),), dtype="int32"))
            parts.append(indices(draw, inputs[-1]))
    parts = [part if keras.backend.is_float_dtype(part.dtype) else keras.ops.cast(part, "float32")
             for part in parts]
    y = L.Concatenate()(parts) if len(parts) > 1 else parts[0]
    y = L.Dense(3, activation=activation(draw))(y)
    if draw.chance(0.4):
        y = L.BatchNormalization()(y)
    return inputs, [L.Dense(2)(y)]
