"""Augmentation layers: what Keras makes of images with transformations that it drew itself.

One pair of files for each layer; `python make.py augmentation:RandomFlip` makes one of them.
"""

import jax
import keras
import numpy as np
from keras.src.random.seed_generator import draw_seed

from . import augmentation_cases, store

IGNORED = ("input_shape", "image_height", "image_width", "batch_size", "rotation_matrix", "seed")
NOISE_SEED = 11


def flattened(transformation, path=""):
    """The arrays of a transformation by their paths."""
    if transformation is None:
        return {}
    found = {}
    for name, value in transformation.items():
        if name in IGNORED:
            continue
        if isinstance(value, dict):
            found |= flattened(value, f"{path}{name}/")
        elif value is not None:
            found[path + name] = np.asarray(value)
    return found


def drawn_by(layer, images):
    """The transformation of a layer and its arrays under the names that Ibex gives them."""
    kind = type(layer).__name__
    transformation = layer.get_random_transformation(images, training=True)
    if kind == "RandomCrop":
        height, width = transformation
        return transformation, {"height_start": np.int32(height), "width_start": np.int32(width)}
    if kind == "RandomGrayscale":
        return transformation, {"should_apply": np.asarray(transformation)}
    if kind == "RandAugment":
        arrays = flattened(transformation["transforms"])
        return transformation, arrays | {"layer_idxes": np.asarray(transformation["layer_idxes"])}
    if kind == "AugMix":
        arrays = {name: np.asarray(transformation[name])
                  for name in ("chain_mixing_weights", "weight_sample")}
        for chain, steps in enumerate(transformation["chain_transforms"]):
            for depth, step in enumerate(steps):
                place = f"chain_{chain}/{depth}/{step['layer_name']}"
                arrays[place] = np.float32(1)
                arrays |= flattened(step["transformation"], place + "/")
        return transformation, arrays
    if kind == "RandomElasticTransform":
        transformation["seed"] = NOISE_SEED
        first = images.shape[2:] if layer.data_format == "channels_first" else images.shape[1:3]
        noise = jax.random.normal(draw_seed(NOISE_SEED), (len(images), *first))
        return transformation, flattened(transformation) | {"noise": np.asarray(noise)}
    return transformation, flattened(transformation)


def color_jitter(layer, images):
    """The same steps as the layer takes, with what they draw."""
    arrays = {}
    for name in ("random_brightness", "random_contrast", "random_saturation", "random_hue"):
        step = getattr(layer, name)
        if step is not None:
            transformation = step.get_random_transformation(images)
            arrays |= flattened(transformation, name + "/")
            images = step.transform_images(images, transformation)
    return images, arrays


def write(case, arrays):
    store.fresh(case.name)
    random = store.generator(f"augmentation {case.name}")
    layer = getattr(keras.layers, case.layer)(**case.arguments)
    # Off the whole numbers, where the last bit would decide what is cut off.
    low, high = case.values
    images = random.integers(0, 64, case.shape) / 64 * (high - low) * 0.97 + low + 0.003 * high
    images = images.astype("float32")
    if case.layer == "RandomColorJitter":
        result, drawn = color_jitter(layer, images)
    else:
        transformation, drawn = drawn_by(layer, images)
        result = layer.transform_images(images, transformation, training=True)
    result = np.asarray(result)
    if not np.isfinite(result).all():
        raise SystemExit(f"{case.name}: the result is not finite")
    arrays[f"{case.name}.x"], arrays[f"{case.name}.y"] = images, result
    for at, value in enumerate(drawn.values()):
        arrays[f"{case.name}.drawn{at}"] = value
    config = keras.saving.serialize_keras_object(layer)["config"]
    return {"name": case.name, "config": config, "drawn": list(drawn)}


def refused(case):
    """Whether Keras refuses these arguments."""
    layer, arguments = case
    try:
        getattr(keras.layers, layer)(**arguments)
    except (ValueError, NotImplementedError):
        return {"name": f"{layer}_{arguments}", "layer": layer, "arguments": arguments,
                "refused": True}
    return {"name": f"{layer}_{arguments}", "layer": layer, "arguments": arguments,
            "refused": False}


def make(layers=None):
    table = augmentation_cases.by_layer()
    count = 0
    for layer in layers or table:
        arrays = {}
        rows = [write(case, arrays) for case in table[layer]]
        file = f"augmentation/{store.to_snake_case(layer)}"
        store.write_cases(f"{file}.json", rows)
        store.write_npz(f"{file}.npz", arrays)
        count += len(rows)
    rows = [refused(case) for case in augmentation_cases.ARGUMENTS]
    store.write_cases("augmentation_arguments.json", rows)
    return count + len(rows)
