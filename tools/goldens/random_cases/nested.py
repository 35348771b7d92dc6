"""Models in models, shared layers, merging, operators, nested inputs and outputs."""

import keras

from .draw import activation, of_kernel
from .sequences import small_model

L = keras.layers


def merge(draw, left, right):
    kind = draw.one("add", "sub", "mul", "max", "min", "concat", "dot", "operators", "average")
    if kind == "operators":
        return draw.one(lambda: left * 2.0 - right, lambda: -left + right / 3.0,
                        lambda: keras.ops.maximum(left, right), lambda: left[:, :1] + right,
                        lambda: keras.ops.exp(-keras.ops.square(left - right)))()
    layers = {"add": L.Add, "sub": L.Subtract, "mul": L.Multiply, "max": L.Maximum,
              "min": L.Minimum, "concat": L.Concatenate, "average": L.Average,
              "dot": lambda: L.Dot(axes=1, normalize=draw.chance(0.5))}
    return layers[kind]()([left, right])


def inner_model(draw, width):
    """A model with several inputs and outputs, to be called as a layer."""
    a, b = keras.Input((width,)), keras.Input((width,))
    first = L.Dense(width, activation=activation(draw))(a)
    second = draw.one(L.Add, L.Multiply, L.Maximum)()([first, b])
    norm = L.BatchNormalization(momentum=0.7)(second) if draw.chance(0.5) else second
    shape = draw.one("list", "dict", "deep")
    inputs = {"list": [a, b], "dict": {"q": a, "p": b}, "deep": [a, {"p": b}]}[shape]
    outputs = {"list": [first, norm], "dict": {"v": first, "u": norm},
               "deep": {"v": [first], "u": norm}}[shape]
    model = keras.Model(inputs, outputs)
    if draw.chance(0.2):
        model.trainable = False

    def call(x, y):
        given = {"list": [x, y], "dict": {"q": x, "p": y}, "deep": [x, {"p": y}]}[shape]
        return keras.tree.flatten(model(given))
    return call


def nested(draw):
    """Models in models, shared layers, merging, operators."""
    width = draw.number(2, 4)
    a, b = keras.Input((width,)), keras.Input((width,))
    if draw.chance(0.3):
        call = inner_model(draw, width)
        left, right = call(a, b)
        if draw.chance(0.5):
            left, right = call(right, left)
    else:
        inner = small_model(draw, (width,))
        left, right = inner(a), inner(b)
        if draw.chance(0.2):
            inner.trainable = False
    y = L.Dense(draw.number(1, 3), **of_kernel(draw))(merge(draw, left, right))
    if draw.chance(0.2):
        norm = L.BatchNormalization(momentum=0.6)
        y = norm(L.Dense(y.shape[-1])(norm(y)))
    if draw.chance(0.5):
        z = L.RepeatVector(3)(y)
        y = draw.one(L.Permute((2, 1)), L.LSTM(2), L.Reshape((-1,)))(z)
    if draw.chance(0.4):
        core = keras.Model([a, b], y)
        outer = keras.Input((width,))
        return [outer], [L.Dense(2)(L.Flatten()(core([outer, L.Dense(width)(outer)])))]
    return [a, b], [y]


def arranged(draw, tensors, depth=0):
    """The tensors in lists and dictionaries."""
    if len(tensors) == 1 and (depth or draw.chance(0.5)):
        return tensors[0] if draw.chance(0.8) else draw.one([tensors[0]], {"k": tensors[0]})
    parts, rest = [], list(tensors)
    while rest:
        take = draw.number(1, len(rest)) if depth < 2 else 1
        chunk, rest = rest[:take], rest[take:]
        parts.append(arranged(draw, chunk, depth + 1) if depth < 2 else chunk[0])
    if draw.chance(0.5):
        return parts
    keys = [f"{letter}{i}" for i, letter in enumerate("zyxwv"[:len(parts)])]
    return dict(zip(keys, parts))


def structures(draw):
    """Several inputs and outputs in nested structures."""
    inputs = [keras.Input((draw.number(1, 3),)) for _ in range(draw.number(1, 4))]
    y = L.Concatenate()(inputs) if len(inputs) > 1 else L.Dense(3)(inputs[0])
    outputs = []
    for _ in range(draw.number(1, 4)):
        name = {"name": draw.one("p", "q") + str(len(outputs))} if draw.chance(0.3) else {}
        y = L.Dense(draw.number(1, 4), activation=activation(draw), **name)(y)
        outputs.append(y)
    return arranged(draw, inputs), arranged(draw, outputs)
