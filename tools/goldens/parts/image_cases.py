"""The table of cases of `keras.ops.image`: a new case is a row.

`tensors` are arguments of the function, `hidden` are arrays that it makes itself.
"""

import dataclasses

import jax
import numpy as np
from keras.src.random.seed_generator import draw_seed

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
    hidden: dict = dataclasses.field(default_factory=dict)
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


MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
ORDERS = {"nearest": 0, "bilinear": 1}


def places(*dims):
    """Coordinates inside and far outside of images of 5 x 7."""
    return lambda random: random.uniform(-11, 17, dims)


def map_coordinates():
    for order in (0, 1):
        for mode in MODES:
            yield f"{mode}_{order}", {"order": order, "fill_mode": mode, "fill_value": 0.75}, {
                "shape": (5, 7), "tensors": {"coordinates": places(2, 6, 4)},
                "differentiable": ("coordinates",) if order else ()}
    yield "vector", {"order": 1, "fill_mode": "reflect"}, {
        "shape": (4,), "tensors": {"coordinates": places(1, 9)}}
    yield "volume", {"order": 1}, {
        "shape": (3, 4, 2), "tensors": {
            "coordinates": lambda random: random.uniform(-1, 4, (3, 11))}}
    yield "uint8", {"order": 1, "fill_mode": "nearest"}, {
        "shape": (5, 7), "dtype": "uint8", "tensors": {"coordinates": places(2, 20)}}
    yield "ties", {"order": 0, "fill_mode": "nearest"}, {
        "shape": (5,), "tensors": {"coordinates": [[-0.5, 0.5, 1.5, 2.5, 3.5, 0.49999997]]}}


TURNED = [0.8137, -0.3071, 1.2013, 0.4129, 1.1093, -2.3171, 0, 0]


def affine_transform():
    for interpolation in ORDERS:
        for mode in MODES:
            yield f"{interpolation}_{mode}", {
                "interpolation": interpolation, "fill_mode": mode, "fill_value": -0.5}, {
                "tensors": {"transform": [TURNED, [0.3, 0, 9.1, 0.1, -2.1, 3.4, 0, 0]]}}
    yield "default", {}, {"tensors": {"transform": [TURNED, TURNED]}}
    yield "image", {}, {"shape": IMAGE, "tensors": {"transform": TURNED}}
    yield "channels_first", {"data_format": "channels_first"}, {
        "shape": FIRST, "tensors": {"transform": [TURNED, TURNED]}}
    yield "uint8", {"fill_mode": "reflect"}, {
        "dtype": "uint8", "tensors": {"transform": [TURNED, TURNED]}}


CORNERS = [[0.0, 0.0], [6.0, 0.0], [0.0, 4.0], [6.0, 4.0]]
MOVED = [[1.3, -0.4], [5.2, 0.6], [-0.8, 3.7], [7.1, 5.2]]


def perspective_transform():
    points = {"start_points": [CORNERS, CORNERS],
              "end_points": [MOVED, [[0.2, 0.7], [5.6, 1.3], [0.9, 3.8], [4.6, 3.1]]]}
    for interpolation in ORDERS:
        yield interpolation, {"interpolation": interpolation, "fill_value": 0.5}, {
            "tensors": points}
    yield "gradients", {}, {"tensors": points, "differentiable": ("start_points", "end_points")}
    yield "image", {}, {
        "shape": IMAGE, "tensors": {"start_points": CORNERS, "end_points": MOVED}}
    yield "channels_first", {"data_format": "channels_first"}, {
        "shape": FIRST, "tensors": points}
    yield "large", {}, {"shape": (1, 40, 30, 1), "tensors": {
        "start_points": [[[0, 0], [29, 0], [0, 39], [29, 39]]],
        "end_points": [[[-3.1, 4.2], [25.3, -5.1], [2.2, 33.3], [35.1, 41.7]]]}}


def gaussian_blur():
    for size in ((3, 3), (5, 1), (1, 3), (3, 7)):
        yield f"{size[0]}x{size[1]}", {"kernel_size": size, "data_format": "channels_last"}, {
            "tensors": {"sigma": [0.8, 1.7]}, "differentiable": ("sigma",)}
    yield "image", {"kernel_size": (3, 3), "data_format": "channels_last"}, {
        "shape": IMAGE, "tensors": {"sigma": [1.0, 1.0]}}
    yield "channels_first", {"kernel_size": (5, 3), "data_format": "channels_first"}, {
        "shape": FIRST, "tensors": {"sigma": [1.4, 0.6]}}


def noise(seed, *dims):
    return np.asarray(jax.random.normal(draw_seed(seed), dims))


def elastic_transform():
    for interpolation in ORDERS:
        for mode in MODES:
            yield f"{interpolation}_{mode}", {
                "alpha": 2.5, "sigma": 0.8, "interpolation": interpolation, "fill_mode": mode,
                "fill_value": 0.3, "seed": 7}, {
                "gradient": False, "hidden": {"noise": noise(7, 2, 5, 7)}}
    yield "default", {"seed": 3}, {"hidden": {"noise": noise(3, 2, 5, 7)}}
    yield "little", {"alpha": 30.0, "sigma": 0.3, "seed": 3}, {
        "hidden": {"noise": noise(3, 2, 5, 7)}}
    yield "channels_first", {
        "alpha": 4.0, "sigma": 1.2, "seed": 5, "data_format": "channels_first"}, {
        "shape": FIRST, "hidden": {"noise": noise(5, 2, 5, 7)}}


def rgb_to_grayscale():
    yield "default", {}, {}
    yield "image", {}, {"shape": IMAGE}
    yield "one_channel", {}, {"shape": (2, 3, 4, 1)}
    yield "channels_first", {"data_format": "channels_first"}, {"shape": FIRST}


def rgb_to_hsv():
    unit = {"low": 0.0, "high": 1.0}
    yield "default", {}, unit
    yield "image", {}, unit | {"shape": IMAGE}
    yield "channels_first", {"data_format": "channels_first"}, unit | {"shape": FIRST}
    yield "pixels", {}, unit | {"shape": (1, 400, 3), "gradient": False}


def hsv_to_rgb():
    return rgb_to_hsv()


def extract_patches():
    yield "default", {"size": (2, 3)}, {}
    yield "square", {"size": 2}, {}
    yield "strides", {"size": (2, 3), "strides": (1, 2)}, {}
    yield "same", {"size": (3, 2), "strides": (2, 2), "padding": "same"}, {}
    yield "dilation", {"size": (2, 2), "strides": (1, 1), "dilation_rate": 2}, {}
    yield "image", {"size": (2, 2)}, {"shape": IMAGE}
    yield "channels_first", {
        "size": (3, 2), "strides": (2, 2), "padding": "same", "data_format": "channels_first"}, {
        "shape": FIRST}
    yield "volume", {"size": (2, 1, 2)}, {"shape": (2, 4, 3, 4, 2)}


def crop_images():
    both = {"top_cropping": 1, "bottom_cropping": 2, "left_cropping": 3, "right_cropping": 1}
    yield "borders", both, {}
    yield "before", {"top_cropping": 1, "target_height": 2, "left_cropping": 0,
                     "target_width": 4}, {}
    yield "after", {"bottom_cropping": 1, "target_height": 2, "right_cropping": 2,
                    "target_width": 4}, {}
    yield "image", both, {"shape": IMAGE}
    yield "channels_first", both | {"data_format": "channels_first"}, {"shape": FIRST}


def pad_images():
    both = {"top_padding": 1, "bottom_padding": 2, "left_padding": 3, "right_padding": 1}
    yield "borders", both, {}
    yield "before", {"top_padding": 1, "target_height": 7, "left_padding": 0,
                     "target_width": 9}, {}
    yield "after", {"bottom_padding": 1, "target_height": 7, "right_padding": 2,
                    "target_width": 9}, {}
    yield "image", both, {"shape": IMAGE}
    yield "uint8", both, {"dtype": "uint8"}
    yield "channels_first", both | {"data_format": "channels_first"}, {"shape": FIRST}


FUNCTIONS = [resize, scale_and_translate, map_coordinates, affine_transform, perspective_transform,
             gaussian_blur, elastic_transform, rgb_to_grayscale, rgb_to_hsv, hsv_to_rgb,
             extract_patches, crop_images, pad_images]


def by_function():
    return {make.__name__: [Case(make.__name__, name, arguments=arguments, **more)
                            for name, arguments, more in make()]
            for make in FUNCTIONS}
