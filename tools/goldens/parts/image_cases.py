"""The table of cases of `keras.ops.image`: a new case is a row."""

import dataclasses

IMAGE = (5, 7, 3)
BATCH = (2, 5, 7, 3)
FIRST = (2, 3, 5, 7)


@dataclasses.dataclass
class Case:
    function: str
    name: str
    shape: tuple = BATCH
    arguments: dict = dataclasses.field(default_factory=dict)
    tensors: dict = dataclasses.field(default_factory=dict)
    differentiable: tuple = ()
    dtype: str = "float32"
    low: float = -2.0
    high: float = 2.0
    gradient: bool = True


def resize():
    for interpolation in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        for size in ((11, 4), (3, 15)):
            for antialias in (False, True):
                arguments = {"size": size, "interpolation": interpolation, "antialias": antialias}
                name = f"{interpolation}_{size[0]}x{size[1]}" + ("_antialias" if antialias else "")
                yield name, arguments, {}
        yield f"{interpolation}_uint8", {"size": (3, 9), "interpolation": interpolation}, {
            "dtype": "uint8"}
    yield "default", {"size": (10, 14)}, {}
    yield "same", {"size": (5, 7)}, {}
    yield "one_pixel", {"size": (1, 1)}, {}
    yield "from_one_pixel", {"size": (3, 2)}, {"shape": (1, 1, 1, 2)}
    yield "image", {"size": (8, 3)}, {"shape": IMAGE}
    yield "int32", {"size": (8, 3), "interpolation": "bicubic"}, {"dtype": "int32"}
    yield "channels_first", {"size": (8, 3), "data_format": "channels_first"}, {"shape": FIRST}
    yield "channels_first_image", {
        "size": (8, 3), "data_format": "channels_first", "interpolation": "nearest"}, {
        "shape": (3, 5, 7)}
    for size in ((4, 4), (9, 4), (3, 11), (10, 15)):
        label = f"{size[0]}x{size[1]}"
        yield f"crop_{label}", {"size": size, "crop_to_aspect_ratio": True}, {}
        yield f"pad_{label}", {
            "size": size, "pad_to_aspect_ratio": True, "fill_value": 0.75}, {}
    yield "crop_channels_first", {
        "size": (4, 4), "crop_to_aspect_ratio": True, "data_format": "channels_first"}, {
        "shape": FIRST}
    yield "pad_channels_first", {
        "size": (4, 4), "pad_to_aspect_ratio": True, "data_format": "channels_first"}, {
        "shape": FIRST}
    yield "pad_nearest_uint8", {
        "size": (8, 8), "pad_to_aspect_ratio": True, "fill_value": 7.6,
        "interpolation": "nearest"}, {"dtype": "uint8"}
    yield "many_pixels", {"size": (37, 2)}, {"shape": (131, 2, 1)}
    yield "nearest_many_pixels", {"size": (93, 2), "interpolation": "nearest"}, {
        "shape": (37, 2, 1)}


def scale_and_translate():
    for method in ("linear", "cubic", "lanczos3", "lanczos5"):
        for antialias in (True, False):
            arguments = {"method": method, "antialias": antialias, "output_shape": (2, 6, 5, 3),
                         "spatial_dims": (1, 2)}
            tensors = {"scale": [1.3, 0.6], "translation": [-1.2, 0.7]}
            name = method + ("" if antialias else "_sharp")
            yield name, arguments, {"tensors": tensors}
    yield "one_axis", {"method": "linear", "output_shape": (2, 5, 9, 3), "spatial_dims": (2,)}, {
        "tensors": {"scale": [0.9], "translation": [1.1]},
        "differentiable": ("scale", "translation")}


FUNCTIONS = [resize, scale_and_translate]


def by_function():
    return {make.__name__: [Case(make.__name__, name, arguments=arguments, **more)
                            for name, arguments, more in make()]
            for make in FUNCTIONS}
