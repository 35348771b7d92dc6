"""Cases of layers: reshaping."""

from . import table


def cases():
    yield from table("Flatten", "flatten", (2, 3, 4), {"": {}})
    yield from table("Flatten", "flatten_channels_first", (4, 2, 3), {
        "": {"data_format": "channels_first"}})
    yield from table("Flatten", "flatten_scalar", (), {"": {}})
    yield from table("Flatten", "flatten_vector", (5,), {"": {}})
    yield from table("Flatten", "chained_flatten", (2, 3, 4), {"": {}}, chained=True)
    yield from table("Reshape", "reshape", (3, 4), {
        "": {"target_shape": (4, 3)},
        "vector": {"target_shape": (12,)},
        "minus_one": {"target_shape": (-1, 6)},
        "minus_one_middle": {"target_shape": (2, -1, 3)},
        "minus_one_alone": {"target_shape": (-1,)},
    })
    yield from table("Reshape", "chained_reshape", (3, 4), {"": {"target_shape": (2, -1)}},
                     chained=True)
