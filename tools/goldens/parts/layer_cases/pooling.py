"""Cases of layers: pooling."""

from . import behind_mask, table, with_gaps


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


def pooling2d():
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


def pooling():
    """Sequences and volumes: what images do not show."""
    rows = {
        1: {"": {"pool_size": 2}, "pool_3_strides_2": {"pool_size": 3, "strides": 2},
            "same": {"pool_size": 2, "padding": "same"},
            "same_pool_3_strides_1": {"pool_size": 3, "strides": 1, "padding": "same"}},
        3: {"": {"pool_size": 2}, "pool_2x1x2_strides_1": {"pool_size": (2, 1, 2), "strides": 1},
            "same_pool_3_strides_2": {"pool_size": 3, "strides": 2, "padding": "same"}},
    }
    shapes = {1: (7, 3), 3: (5, 4, 4, 2)}
    for rank, shape in shapes.items():
        first = shape[-1:] + shape[:-1]
        for kind in ("Max", "Average"):
            layer, base = f"{kind}Pooling{rank}D", f"{kind.lower()}_pooling{rank}d"
            yield from table(layer, base, shape, rows[rank])
            yield from table(layer, base + "_channels_first", first, {
                "": {"pool_size": 2, "data_format": "channels_first", "padding": "same"}})
            layer, base = "Global" + layer, "global_" + base
            yield from table(layer, base, shape, {"": {}, "keepdims": {"keepdims": True}})
            yield from table(layer, base + "_channels_first", first, {
                "": {"data_format": "channels_first"},
                "keepdims": {"data_format": "channels_first", "keepdims": True}})


def adaptive():
    """Windows of equal length, overlapping ones, ones of two lengths, more than elements."""
    sizes = {
        1: {"divides": 4, "overlaps": 6, "two_lengths": 5, "more": 11},
        2: {"": 3, "4x2": (4, 2), "9x3": (9, 3)},
        3: {"": 2, "2x3x1": (2, 3, 1)},
    }
    shapes = {1: (8, 3), 2: (7, 5, 3), 3: (4, 5, 3, 2)}
    for rank, shape in shapes.items():
        for kind in ("Max", "Average"):
            layer, base = f"Adaptive{kind}Pooling{rank}D", f"adaptive_{kind.lower()}_pooling{rank}d"
            rows = {key: {"output_size": size} for key, size in sizes[rank].items()}
            yield from table(layer, base, shape, rows)
            yield from table(layer, base + "_channels_first", shape[-1:] + shape[:-1], {
                "": {"output_size": 3, "data_format": "channels_first"}})
    for kind in ("Max", "Average"):
        yield from table(f"Adaptive{kind}Pooling2D", f"chained_adaptive_{kind.lower()}_pooling2d",
                         (7, 5, 3), {"": {"output_size": (3, 5)}}, chained=True)
    yield from table("AdaptiveMaxPooling2D", "adaptive_max_pooling2d_ties", (6, 5, 2), {
        "": {"output_size": (3, 2)}}, ties=True,
        note="equal values: rows are pooled before columns, the first one takes the gradient")


def masked():
    """Steps that are all zero are masked."""
    yield from table("GlobalAveragePooling1D", "global_average_pooling1d_masked", (5, 3), {
        "": {}, "keepdims": {"keepdims": True}}, call=behind_mask, values=with_gaps)


def cases():
    for part in (pooling2d, pooling, adaptive, masked):
        yield from part()
