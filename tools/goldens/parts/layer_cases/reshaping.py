"""Cases of layers: reshaping."""

from . import table


def shapes():
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
    yield from table("Permute", "permute", (2, 3, 4), {
        "": {"dims": (3, 1, 2)}, "swap": {"dims": (2, 1, 3)}})
    yield from table("RepeatVector", "repeat_vector", (4,), {"": {"n": 3}})
    yield from table("Permute", "chained_permute", (3, 4), {"": {"dims": (2, 1)}}, chained=True)
    yield from table("RepeatVector", "chained_repeat_vector", (4,), {"": {"n": 3}}, chained=True)


BORDERS = {
    1: {"": {}, "3": 3, "1_2": (1, 2), "0_3": (0, 3)},
    2: {"": {}, "1": 1, "1x2": (1, 2), "sides": ((1, 0), (2, 1))},
    3: {"": {}, "2": 2, "1x0x1": (1, 0, 1), "sides": ((1, 0), (0, 2), (1, 1))},
}


def borders():
    shapes = {1: (7, 3), 2: (5, 6, 3), 3: (5, 5, 6, 2)}
    for rank, shape in shapes.items():
        first = shape[-1:] + shape[:-1]
        for kind, base, option in (("ZeroPadding", "zero_padding", "padding"),
                                   ("Cropping", "cropping", "cropping")):
            layer, base = f"{kind}{rank}D", f"{base}{rank}d"
            rows = {key: {option: value} if value != {} else {}
                    for key, value in BORDERS[rank].items()}
            yield from table(layer, base, shape, rows)
            if layer != "Cropping1D":
                yield from table(layer, base + "_channels_first", first, {
                    "": {option: BORDERS[rank].get("sides", (1, 2)),
                         "data_format": "channels_first"}})
    yield from table("ZeroPadding2D", "chained_zero_padding2d", (3, 4, 2), {"": {}}, chained=True)
    yield from table("Cropping2D", "chained_cropping2d", (4, 5, 2), {
        "": {"cropping": 1}}, chained=True)


def up_sampling():
    yield from table("UpSampling1D", "up_sampling1d", (4, 3), {"": {}, "3": {"size": 3}})
    yield from table("UpSampling2D", "up_sampling2d", (3, 4, 2), {
        "": {}, "3": {"size": 3}, "2x1": {"size": (2, 1)}, "1x3": {"size": (1, 3)}})
    yield from table("UpSampling2D", "up_sampling2d", (3, 4, 2), {
        name: {"size": (2, 3), "interpolation": name}
        for name in ("bilinear", "bicubic", "lanczos3", "lanczos5")})
    first = {"size": (2, 3), "data_format": "channels_first"}
    yield from table("UpSampling2D", "up_sampling2d_channels_first", (2, 3, 4), {
        "": first, "bilinear": first | {"interpolation": "bilinear"}})
    yield from table("UpSampling3D", "up_sampling3d", (2, 3, 2, 2), {
        "": {}, "2x1x3": {"size": (2, 1, 3)}})
    yield from table("UpSampling3D", "up_sampling3d_channels_first", (2, 2, 3, 2), {
        "": {"size": (1, 2, 3), "data_format": "channels_first"}})
    yield from table("UpSampling2D", "chained_up_sampling2d", (3, 4, 2), {"": {}}, chained=True)


def cases():
    for part in (shapes, borders, up_sampling):
        yield from part()
