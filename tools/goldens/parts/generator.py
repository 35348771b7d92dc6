"""What Keras's `ImageDataGenerator` makes of images, for given and for all parameters."""

import numpy as np
import scipy.ndimage
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from . import store

FOLDER = "generator"

# Keras names a module that newer SciPy has under its parent.
scipy.ndimage.interpolation = scipy.ndimage

TRANSFORMS = {
    "turned": {"theta": 25.0},
    "turned_back": {"theta": -130.0},
    "moved": {"tx": 2.25, "ty": -1.5},
    "moved_whole": {"tx": -3, "ty": 2},
    "far": {"tx": 30.0, "ty": -17.0},
    "sheared": {"shear": 20.0},
    "zoomed": {"zx": 0.7, "zy": 1.4},
    "all": {"theta": 12.0, "tx": 1.2, "ty": 0.7, "shear": -8.0, "zx": 1.1, "zy": 0.9},
    "flipped": {"flip_horizontal": True},
    "upside_down": {"flip_vertical": True, "flip_horizontal": True},
    "shifted_channels": {"channel_shift_intensity": 40.5},
    "darker": {"brightness": 0.6},
    "brighter": {"brightness": 1.7},
    "everything": {"theta": -40.0, "tx": 0.4, "zx": 1.2, "zy": 1.2, "flip_horizontal": True,
                   "channel_shift_intensity": -25.0, "brightness": 1.3},
}


def make():
    random = store.generator("generator")
    arrays, cases = {}, []
    images = {
        "square": random.integers(0, 256, (9, 9, 3)).astype("float32"),
        "wide": random.integers(0, 256, (7, 11, 1)).astype("float32"),
        "signed": random.normal(0, 90, (8, 6, 3)).astype("float32"),
    }
    arrays |= {f"image.{name}": image for name, image in images.items()}
    for mode in ["nearest", "constant", "reflect", "wrap"]:
        for order in [0, 1]:
            generator = ImageDataGenerator(fill_mode=mode, cval=7.0, interpolation_order=order)
            for name, transform in TRANSFORMS.items():
                moves = set(transform) & {"theta", "tx", "ty", "shear", "zx", "zy"}
                if (mode != "nearest" or order == 0) and not moves:
                    continue
                image = {"wide": "wide", "signed": "signed"}.get(
                    ["square", "wide", "signed"][len(cases) % 3], "square")
                if image == "wide" and "brightness" in transform:
                    image = "signed"
                case = f"{mode}_{order}_{name}"
                arrays[f"{case}.y"] = np.asarray(
                    generator.apply_transform(images[image], transform), "float32")
                cases.append({"name": case, "image": image, "fill_mode": mode, "order": order,
                              "transform": transform})
    x = random.integers(0, 256, (6, 5, 4, 3)).astype("float32")
    arrays["batch"] = x
    for name, options in {
        "rescaled": {"rescale": 1 / 255},
        "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
        "featurewise": {"featurewise_std_normalization": True, "rescale": 0.5},
        "centered": {"featurewise_center": True},
    }.items():
        generator = ImageDataGenerator(**options)
        generator.fit(x)
        arrays[f"standardize.{name}"] = next(generator.flow(x, batch_size=6, shuffle=False))
    store.write_cases(f"{FOLDER}/transforms.json", cases)
    store.write_npz(f"{FOLDER}/images.npz", arrays)
    return len(cases) + 4
