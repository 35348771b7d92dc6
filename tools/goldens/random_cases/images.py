"""Convolutions, poolings, normalizations and reshaping in one, two or three dimensions."""

import keras

from .draw import activation, constraint, of_kernel, regularizer

L = keras.layers


class Net:
    """How images lie in memory, and what layers are told of it."""

    def __init__(self, draw):
        self.draw = draw
        self.rank = draw.number(1, 3)
        self.first = draw.chance(0.2)
        extents = tuple(draw.number(5, 7) for _ in range(self.rank))
        channels = (draw.one(2, 4),)
        self.shape = channels + extents if self.first else extents + channels

    def format(self):
        return {"data_format": "channels_first"} if self.first else {}

    def extents(self, y):
        return y.shape[2:] if self.first else y.shape[1:-1]

    def channels(self, y):
        return y.shape[1 if self.first else -1]

    def axis(self):
        return 1 if self.first else -1

    def per_axis(self, low, high):
        """One number for all axes, or one for each."""
        if self.draw.chance(0.6):
            return self.draw.number(low, high)
        return tuple(self.draw.number(low, high) for _ in range(self.rank))

    def pairs(self, low, high):
        """Numbers before and after each axis, in one of the forms that Keras takes."""
        draw, pair = self.draw, lambda: (draw.number(low, high), draw.number(low, high))
        if self.rank == 1:
            return draw.one(draw.number(low, high), pair())
        return draw.one(draw.number(low, high), tuple(draw.number(low, high)
                                                      for _ in range(self.rank)),
                        tuple(pair() for _ in range(self.rank)))


def depthwise_options(draw):
    return draw.some(0.12, depthwise_regularizer=regularizer, depthwise_constraint=constraint,
                     bias_regularizer=regularizer)


def strided(net):
    return {"strides": net.per_axis(1, 2)} if net.draw.chance(0.5) else {
        "dilation_rate": net.per_axis(1, 2)}


def convolution(net, y, name):
    draw, rank = net.draw, net.rank
    padding = draw.one("same", "valid") if min(net.extents(y)) > 3 else "same"
    options = {"padding": padding, "activation": activation(draw) if draw.chance(0.3) else None,
               "use_bias": draw.chance(0.75)} | net.format()
    size = net.per_axis(1, 3)
    if name == "Conv":
        groups = 2 if net.channels(y) % 2 == 0 and draw.chance(0.3) else 1
        if rank == 1 and draw.chance(0.2) and not net.first:
            options["padding"] = "causal"
        return getattr(L, f"Conv{rank}D")(2 * draw.number(1, 3), size, groups=groups,
                                          **options, **strided(net), **of_kernel(draw))(y)
    if name == "ConvTranspose":
        shape = strided(net)
        strides = shape.get("strides", 1)
        if draw.chance(0.2) and isinstance(strides, int) and strides == 2:
            shape["output_padding"] = draw.number(0, 1)
        return getattr(L, f"Conv{rank}DTranspose")(draw.number(1, 4), size, **options, **shape,
                                                   **of_kernel(draw))(y)
    shape = draw.one({}, {"strides": 2}, {"dilation_rate": 2})
    multiplier = {"depth_multiplier": draw.number(1, 2)}
    if name == "Depthwise":
        return getattr(L, f"DepthwiseConv{rank}D")(size, **options, **shape, **multiplier,
                                                   **depthwise_options(draw))(y)
    return getattr(L, f"SeparableConv{rank}D")(
        draw.number(1, 4), size, **options, **shape, **multiplier, **depthwise_options(draw),
        **draw.some(0.1, pointwise_regularizer=regularizer))(y)


def pooling(net, y):
    draw = net.draw
    padding = draw.one("same", "valid") if min(net.extents(y)) > 3 else "same"
    if draw.chance(0.25):
        kind = draw.one("AdaptiveMax", "AdaptiveAverage")
        return getattr(L, f"{kind}Pooling{net.rank}D")(net.per_axis(1, 4), **net.format())(y)
    kind = draw.one("Max", "Average")
    return getattr(L, f"{kind}Pooling{net.rank}D")(
        net.per_axis(1, 3), strides=draw.one(None, 1, 2), padding=padding, **net.format())(y)


def normalization(net, y):
    draw, axis = net.draw, net.axis()
    groups = 2 if net.channels(y) % 2 == 0 else 1
    flags = draw.some(0.2, center=False, scale=False)
    return draw.one(
        lambda: L.BatchNormalization(axis=axis, momentum=draw.one(0.99, 0.5), **flags),
        lambda: L.BatchNormalization(axis=axis, epsilon=0.01, **draw.some(
            0.3, gamma_regularizer=regularizer, beta_constraint=constraint)),
        lambda: L.LayerNormalization(axis=draw.one(-1, axis, [1, -1] if net.rank > 1 else -1),
                                     **flags),
        lambda: L.UnitNormalization(axis=axis), lambda: L.RMSNormalization(axis=axis),
        lambda: L.GroupNormalization(draw.one(groups, -1), axis=axis, **flags))()(y)


def borders(net, y):
    draw, rank, name = net.draw, net.rank, net.draw.one("Pad", "Crop", "Up", "Resize")
    formats = {} if rank == 1 else net.format()
    if rank == 1 and net.first:
        return y
    if name == "Pad":
        return getattr(L, f"ZeroPadding{rank}D")(net.pairs(0, 2), **formats)(y)
    if name == "Crop" and min(net.extents(y)) > 3:
        return getattr(L, f"Cropping{rank}D")(net.pairs(0, 1), **formats)(y)
    if name == "Up" and max(net.extents(y)) < 9:
        if rank == 2:
            formats["interpolation"] = draw.one("nearest", "nearest", "bilinear")
        size = net.per_axis(1, 2) if rank > 1 else draw.number(1, 3)
        return getattr(L, f"UpSampling{rank}D")(size, **formats)(y)
    if name == "Resize" and rank == 2:
        return draw.one(
            lambda: L.Resizing(draw.number(3, 8), draw.number(3, 8), **formats,
                               interpolation=draw.one("bilinear", "nearest", "bicubic"),
                               **draw.some(0.2, crop_to_aspect_ratio=True)),
            lambda: L.CenterCrop(draw.number(2, 8), draw.number(2, 8), **formats))()(y)
    return L.Rescaling(0.5, 0.1)(y)


def element_wise(net, y):
    draw = net.draw
    return draw.one(
        lambda: L.PReLU(**draw.some(0.5, shared_axes=list(range(1, net.rank + 1)))),
        lambda: L.LeakyReLU(0.1), lambda: L.ELU(0.7), lambda: L.ReLU(4.0, 0.1, 0.2),
        lambda: L.Softmax(axis=net.axis()), lambda: L.Activation(activation(draw)),
        lambda: L.ActivityRegularization(0.01, 0.01), lambda: L.Dropout(0.0),
        lambda: getattr(L, f"SpatialDropout{net.rank}D")(0.0, **net.format()
                                                         if net.rank > 1 else {}))()(y)


def merged(net, y):
    """A branch that is put together with what it began with."""
    draw, channels = net.draw, net.channels(y)
    conv = getattr(L, f"Conv{net.rank}D")
    branch = conv(channels, draw.number(1, 3), padding="same", **net.format())(y)
    if draw.chance(0.3):
        pooled = getattr(L, f"GlobalAveragePooling{net.rank}D")(keepdims=True, **net.format())(y)
        return L.Multiply()([y, conv(channels, 1, activation="sigmoid", **net.format())(pooled)])
    merge = draw.one(L.Add, L.Multiply, L.Subtract, L.Average, L.Maximum, L.Minimum,
                     lambda: L.Concatenate(axis=net.axis()))
    return merge()([y, branch])


def image_layer(net, y):
    name = net.draw.one("Conv", "Conv", "ConvTranspose", "Depthwise", "Separable", "Pool", "Pool",
                        "Norm", "Norm", "Borders", "Act", "Merge", "Spectral")
    if name in ("Depthwise", "Separable") and net.rank == 3:
        name = "Conv"
    if name in ("Conv", "ConvTranspose", "Depthwise", "Separable"):
        return convolution(net, y, name)
    if name == "Spectral":
        layer = getattr(L, f"Conv{net.rank}D")(3, 2, padding="same", **net.format())
        return L.SpectralNormalization(layer, power_iterations=net.draw.number(1, 2))(y)
    return {"Pool": pooling, "Norm": normalization, "Borders": borders, "Act": element_wise,
            "Merge": merged}[name](net, y)


def images(draw):
    """Stacks of such layers with a head."""
    net = Net(draw)
    x = keras.Input(net.shape)
    y = x
    for _ in range(draw.number(1, 4)):
        y = image_layer(net, y)
    end = draw.one("global", "flat", "flat", "none", "reshape")
    if end == "global":
        name = draw.one("GlobalAveragePooling", "GlobalMaxPooling")
        keep = {"keepdims": draw.chance(0.3)}
        y = getattr(L, f"{name}{net.rank}D")(**keep, **net.format())(y)
    elif end == "flat":
        y = L.Dense(3)(L.Flatten(**net.format())(y))
    elif end == "reshape":
        y = L.Reshape((-1, y.shape[-1]))(y)
        y = L.Permute((2, 1))(y) if draw.chance(0.5) else y
    return [x], [y]
