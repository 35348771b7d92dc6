"""Cases of layers: merging."""

from . import table


def cases():
    for layer, base in (("Add", "add"), ("Multiply", "multiply")):
        yield from table(layer, base, [(3, 4), (3, 4)], {"": {}})
        yield from table(layer, base + "_three", [(3, 4)] * 3, {"": {}})
        yield from table(layer, base + "_broadcast", [(3, 4), (1, 4)], {"": {}})
        yield from table(layer, base + "_ranks", [(3, 4), (4,)], {"": {}},
                         note="inputs of different rank")
        yield from table(layer, "chained_" + base, [(3, 4), (3, 4)], {"": {}}, chained=True)
    yield from table("Concatenate", "concatenate", [(3, 4), (3, 4)], {
        "": {}, "axis_1": {"axis": 1}, "axis_minus_2": {"axis": -2}})
    yield from table("Concatenate", "concatenate_uneven", [(3, 4), (3, 2), (3, 1)], {"": {}})
    yield from table("Concatenate", "concatenate_axis_1_uneven", [(3, 4), (1, 4)], {
        "": {"axis": 1}})
    yield from table("Concatenate", "chained_concatenate", [(3, 4), (3, 4)], {"": {}},
                     chained=True)
    for layer, base in (("Average", "average"), ("Maximum", "maximum"), ("Minimum", "minimum")):
        yield from table(layer, base, [(3, 4), (3, 4)], {"": {}})
        yield from table(layer, base + "_three", [(3, 4)] * 3, {"": {}})
        yield from table(layer, base + "_broadcast", [(3, 4), (1, 4)], {"": {}})
        yield from table(layer, "chained_" + base, [(3, 4), (3, 4)], {"": {}}, chained=True)
    yield from table("Subtract", "subtract", [(3, 4), (3, 4)], {"": {}})
    yield from table("Subtract", "subtract_broadcast", [(3, 4), (1, 4)], {"": {}})
    yield from table("Subtract", "chained_subtract", [(3, 4), (3, 4)], {"": {}}, chained=True)
    yield from table("Dot", "dot", [(4,), (4,)], {
        "": {"axes": 1}, "normalize": {"axes": -1, "normalize": True}})
    yield from table("Dot", "dot_matrices", [(3, 4), (4, 2)], {
        "": {"axes": (2, 1)}, "negative_axes": {"axes": (-1, -2)},
        "normalize": {"axes": (2, 1), "normalize": True}})
    yield from table("Dot", "dot_rows", [(3, 4), (2, 4)], {"": {"axes": 2}, "last": {"axes": -1}})
    yield from table("Dot", "dot_columns", [(3, 4), (3, 2)], {"": {"axes": 1}})
    yield from table("Dot", "dot_matrix_vector", [(3, 4), (4,)], {"": {"axes": (2, 1)}})
    yield from table("Dot", "dot_vector_matrix", [(4,), (3, 4)], {"": {"axes": (1, 2)}})
    yield from table("Dot", "dot_of_many_axes", [(2, 3, 4), (2, 5, 3)], {"": {"axes": (2, 3)}})
    yield from table("Dot", "chained_dot", [(3, 4), (3, 4)], {
        "": {"axes": 2, "normalize": True}}, chained=True)
