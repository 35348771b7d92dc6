"""Folders of images: what `image_dataset_from_directory` makes of them, and in which order.

The files are written here with Pillow and kept beside what Keras gave for them.
"""

import copy
import shutil

import keras
import numpy as np
from PIL import Image, ImageOps

from . import store

FOLDER = "folders"
SIZE = (12, 10)


def picture(random, height, width, channels):
    """Smooth colours with some structure: what JPEG was made for."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [
        127 + 80 * np.sin(x / width * random.uniform(2, 6)) + 45 * np.cos(y / height * 5 + i)
        for i in range(channels)
    ]
    return np.clip(np.stack(waves, -1), 0, 255).astype("uint8")


def files(random):
    """The folder, with what its files are in their names."""
    root = store.ROOT / FOLDER / "images"
    shutil.rmtree(root, ignore_errors=True)
    for name in ["birds/large", "cats", "dogs-x", "dogs"]:
        (root / name).mkdir(parents=True)
    def save(name, channels, size, **options):
        array = picture(random, *size, channels)
        image = Image.fromarray(array[..., 0] if channels == 1 else array)
        image.save(root / name, **options)
        return image
    save("birds/photo.jpg", 3, (20, 30), quality=90)
    save("birds/large/deep.png", 3, (40, 25))
    save("birds/plain.bmp", 3, (12, 10))
    save("cats/grey.png", 1, (15, 15))
    save("dogs-x/opaque.PNG", 4, (9, 22))
    save("cats/coloured.png", 3, (11, 13))
    save("cats/greyer.jpeg", 1, (16, 24), quality=92)
    save("dogs/colours.gif", 3, (18, 14))
    frames = [Image.fromarray(picture(random, 10, 16, 3)) for _ in range(3)]
    frames[0].save(root / "dogs/moving.gif", save_all=True, append_images=frames[1:])
    save("dogs/palette.png", 3, (17, 13))
    Image.open(root / "dogs/palette.png").quantize(16).save(root / "dogs/palette.png")
    save("dogs-x/wide.png", 3, (8, 40))
    (root / "dogs/notes.txt").write_text("not an image\n")
    return root


def sideways(random):
    """A photo that says how it was held, and what Pillow makes of that."""
    root = store.ROOT / FOLDER
    upright = {}
    for orientation in [3, 6, 8]:
        image = Image.fromarray(picture(random, 16, 24, 3))
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = root / f"held_{orientation}.jpg"
        image.save(path, quality=95, exif=exif)
        upright[f"held_{orientation}"] = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    return upright


def make():
    random = store.generator("folders")
    root = files(random)
    arrays, cases = sideways(random), []
    common = {"shuffle": False, "batch_size": None, "verbose": False, "image_size": SIZE}
    readings = {
        "bilinear": {},
        "nearest": {"interpolation": "nearest"},
        "bicubic": {"interpolation": "bicubic"},
        "lanczos3": {"interpolation": "lanczos3"},
        "lanczos5": {"interpolation": "lanczos5"},
        "grayscale": {"color_mode": "grayscale"},
        "rgba": {"color_mode": "rgba"},
        "crop": {"crop_to_aspect_ratio": True},
        "pad": {"pad_to_aspect_ratio": True},
        "enlarged": {"image_size": (33, 47)},
    }
    for name, options in readings.items():
        # TensorFlow cannot give every file every number of channels: a class where it can.
        place = root / {"grayscale": "cats", "rgba": "dogs-x"}.get(name, "")
        asked = {**common, **options, "labels": None}
        data = keras.utils.image_dataset_from_directory(place, **asked)
        images = np.stack([image.numpy() for image in data]).astype("float32")
        # Rounded: quarters of a level are finer than what decoders of JPEG agree on.
        arrays[name] = (np.round(images * 4) / 4).clip(0, 255)
    for name, options in {
        "sorted": {"shuffle": False},
        "shuffled": {"seed": 7},
        "training": {"seed": 7, "validation_split": 0.3, "subset": "training"},
        "validation": {"seed": 7, "validation_split": 0.3, "subset": "validation"},
        "chosen": {"class_names": ["dogs", "birds"], "seed": 1},
        "given": {"labels": [5, 3, 3, 9, 5, 5, 3, 9, 3, 5, 9], "seed": 2},
        "unlabelled": {"labels": None, "seed": 3},
    }.items():
        # Keras shuffles the very list that it is given.
        fresh = lambda: copy.deepcopy(options)
        asked = {"batch_size": None, "verbose": False, "image_size": SIZE, **fresh()}
        data = keras.utils.image_dataset_from_directory(root, **asked)
        # The dataset shuffles again; its paths do not.
        paths = [str(path)[len(str(root)) + 1 :].replace("\\", "/") for path in data.file_paths]
        labels = keras.src.utils.dataset_utils.index_directory(
            str(root), fresh().get("labels", "inferred"), class_names=options.get("class_names"),
            formats=(".bmp", ".gif", ".jpeg", ".jpg", ".png"), shuffle=options.get("shuffle", True),
            seed=options.get("seed"), verbose=False)[1]
        _, labels = keras.src.utils.dataset_utils.get_training_or_validation_split(
            list(labels if labels is not None else paths), labels,
            options.get("validation_split"), options.get("subset"))
        cases.append({
            "name": name, "options": options, "paths": paths, "class_names": data.class_names,
            "labels": None if labels is None else [int(label) for label in labels],
        })
    store.write_npz(f"{FOLDER}/images.npz", arrays)
    store.write_cases(f"{FOLDER}/order.json", cases)
    return len(readings) + len(cases)
