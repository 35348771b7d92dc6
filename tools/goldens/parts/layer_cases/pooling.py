"""Cases of layers: pooling."""

from . import table


POOLING = {
    "": {"pool_size": 2},
    "pool_3x2": {"pool_size": (3, 2)},
    "pool_3_strides_2": {"pool_size": 3, "strides": 2},
    "strides_1": {"pool_size": 2, "strides": 1},
    "same": {"pool_size": 2, "padding": "same"},
    "same_pool_3_strides_1": {"pool_size": 3, "strides": 1, "padding": "same"},
    "same_pool_3_strides_2": {"pool_size": 3, "strides": 2, "padding": "same"},
    "same_pool_2_strides_3": {"pool_size": 2, "strides": 3, "padding": "same"},
}


def cases():
    for layer, base in (("MaxPooling2D", "max_pooling2d"),
                        ("AveragePooling2D", "average_pooling2d")):
        yield from table(layer, base, (7, 5, 3), POOLING)
        first = {"pool_size": 2, "data_format": "channels_first"}
        yield from table(layer, base + "_channels_first", (3, 7, 5), {
            "": first,
            "same": first | {"padding": "same"},
        })
        yield from table(layer, "chained_" + base, (7, 5, 3), {
            key: POOLING[key] for key in ("", "same_pool_3_strides_2")}, chained=True)
    yield from table("MaxPooling2D", "max_pooling2d_default", (7, 5, 3), {"": {}})
    yield from table("MaxPooling2D", "max_pooling2d_ties", (6, 6, 2), {"": {}}, ties=True,
                     note="equal values in a window: the first one takes the whole gradient")
    for layer, base in (("GlobalAveragePooling2D", "global_average_pooling2d"),
                        ("GlobalMaxPooling2D", "global_max_pooling2d")):
        yield from table(layer, base, (4, 5, 3), {"": {}, "keepdims": {"keepdims": True}})
        yield from table(layer, base + "_channels_first", (3, 4, 5), {
            "": {"data_format": "channels_first"},
            "keepdims": {"data_format": "channels_first", "keepdims": True},
        })
        yield from table(layer, "chained_" + base, (4, 5, 3), {"": {}}, chained=True)
    yield from table("GlobalMaxPooling2D", "global_max_pooling2d_ties", (4, 4, 2), {"": {}},
                     ties=True, note="equal values share the gradient evenly")
