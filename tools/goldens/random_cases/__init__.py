"""Families of random models: each draws inputs and outputs of a functional model.

A family is a function of a `Draw`; it gives the inputs and the outputs, which `compiling` gives
heads, losses and metrics that fit.
"""

from . import attention, columns, images, nested, operations, sequences

FAMILIES = {
    "sequences": sequences.sequences,
    "attention": attention.attention,
    "masks": attention.masks,
    "images": images.images,
    "nested": nested.nested,
    "structures": nested.structures,
    "operations": operations.operations,
    "columns": columns.columns,
}

#: How often each family is drawn, of the sum.
WEIGHTS = (["sequences"] * 4 + ["attention"] * 2 + ["masks"] * 2 + ["images"] * 4 + ["nested"] * 2
           + ["structures"] * 2 + ["operations"] * 3 + ["columns"] * 2)
