"""The tables of layer cases: which layer, with which arguments, on which shapes.

One module for each family, with a function `cases()`.
"""

import dataclasses
import pkgutil
import typing

import keras
import numpy as np

FAMILIES = sorted(module.name for module in pkgutil.iter_modules(__path__))


def coarse(values, steps):
    """Multiples of `1 / steps`: random enough, and half as long once deflated."""
    return (np.round(values * steps) / steps).astype("float32")


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
    #: How the layer is called on the inputs; several outputs may come of it.
    call: typing.Callable = lambda layer, tensors: layer(tensors if len(tensors) > 1 else tensors[0])
    #: The values of input `index`: `values(random, index, shape)`; `None` for the usual ones.
    values: typing.Callable = lambda random, index, shape: None
    #: One dtype for each input, where they differ.
    input_dtypes: list = None
    #: The dtype policy, where it is not float32: the numbers are as coarse as its dtypes.
    policy: str = ""
    #: The class, where it is not one of `keras.layers`.
    make: typing.Callable = None
    #: Whether gradients of the inputs are compared.
    differentiable: bool = True
    #: Whether it is trained, if it has weights: Keras's random numbers are its own.
    trains: bool = True

    def dtype(self, index):
        return self.input_dtypes[index] if self.input_dtypes else self.input_dtype

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


def with_gaps(random, index, shape):
    """Sequences in which some steps are all zero, others have single zeros."""
    values = coarse(random.normal(size=shape), 512)
    gaps = random.uniform(size=shape[:2]) < 0.4
    gaps[:, 0] = False
    values[gaps] = 0
    values[:, 0, 0] = 0
    return values


def behind_mask(layer, tensors):
    """The layer behind a mask of the steps that are all zero."""
    return layer(keras.layers.Masking()(tensors[0]))
