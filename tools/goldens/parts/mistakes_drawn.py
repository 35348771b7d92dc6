"""A wrong value for every option of every layer: the first of a few that Keras refuses."""

import importlib
import inspect
import json

import keras

from . import augmentation_cases, layer_cases, mistakes, store

#: Layers that are given others, or functions: their options are in `mistakes`.
LEFT_OUT = ("Lambda", "RNN", "StackedRNNCells", "Bidirectional", "TimeDistributed",
            "SpectralNormalization", "Pipeline")
#: Options of all layers; layers and functions; and what says something else in a file:
#: `use_cudnn` is no option there, and both kinds of bins are those of an adapted layer.
SKIPPED = {"self", "name", "dtype", "trainable", "layer", "layers", "cell", "cells", "function",
           "mask", "output_shape", "use_cudnn"}
SKIPPED_OF = {("Discretization", "num_bins")}
HEADS = {"MultiHeadAttention": {"num_heads": 2, "key_dim": 3},
         "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}}


def right():
    """Arguments that are right, shapes of inputs and their dtype, by layer: the first case."""
    found = {}
    for family in layer_cases.FAMILIES:
        for case in importlib.import_module(f"parts.layer_cases.{family}").cases():
            plain = not (case.make or case.chained or case.input_dtypes or case.policy)
            if plain and case.layer not in LEFT_OUT + tuple(found) + tuple(HEADS):
                try:
                    arguments = json.loads(json.dumps(case.arguments()))
                except TypeError:  # an object among them
                    continue
                found[case.layer] = (arguments, [list(s) for s in case.shapes], case.input_dtype)
    for layer, rows in augmentation_cases.ROWS.items():
        found.setdefault(layer, (json.loads(json.dumps(rows[0])), [[6, 5, 3]], "float32"))
    for layer, arguments in HEADS.items():
        found[layer] = (arguments, [[5, 3], [5, 3]], "float32")
    return dict(sorted(found.items()))


def wrong(value):
    """Values of another kind or size than `value`."""
    if isinstance(value, bool):
        return ["maybe", 3]
    if isinstance(value, int):
        return [0, -1, 2.5, "three", None, [1, 2, 3, 4]]
    if isinstance(value, float):
        return [-1.0, 1.5, "much", None, [1.0, 2.0, 3.0]]
    if isinstance(value, str):
        return ["nonsense", 3, None]
    if isinstance(value, (list, tuple)):
        return [0, -1, "two", [1], [0] * len(value), [-1] * len(value), [2] * (len(value) + 1),
                None]
    return [0, -1, "nonsense", [1, 2, 3], 2.5]


def options(layer, arguments):
    """The options of a layer with the values that they have."""
    signature = inspect.signature(getattr(keras.layers, layer).__init__)
    for key, option in signature.parameters.items():
        if option.kind in (option.VAR_KEYWORD, option.VAR_POSITIONAL) or key in SKIPPED:
            continue
        default = None if option.default is inspect.Parameter.empty else option.default
        value = arguments[key] if arguments.get(key) is not None else default
        if isinstance(value, (bool, int, float, str, list, tuple, type(None))):
            yield key, value


def cases():
    for layer, (arguments, shapes, dtype) in right().items():
        if mistakes.refusal(lambda: mistakes.layer(layer, arguments, shapes, dtype)) is not None:
            continue  # such as cells, which are called in another way
        for key, value in options(layer, arguments):
            for value in wrong(value) if (layer, key) not in SKIPPED_OF else []:
                given = arguments | {key: value}
                said = mistakes.refusal(lambda: mistakes.layer(layer, given, shapes, dtype))
                if said is not None:
                    yield {"name": f"{layer} {key}", "class": layer, "arguments": given,
                           "inputs": shapes, "dtype": dtype, "keras": said[:100]}
                    break


def make():
    found = list(cases())
    store.write_cases("mistakes_drawn.json", found)
    return len(found)
