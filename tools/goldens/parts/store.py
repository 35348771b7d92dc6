"""Where goldens go and how: archives without dates, JSON in a fixed order."""

import io
import json
import pathlib
import zipfile
import zlib

import h5py  # noqa: F401  (a missing h5py shall fail here, not after minutes)
import keras
import numpy as np
from keras.src.utils.naming import to_snake_case

ROOT = pathlib.Path(__file__).resolve().parents[3] / "tests" / "goldens"
DATE = (1980, 1, 1, 0, 0, 0)
LIMIT = 200_000


def generator(name):
    """A random generator of its own for each case: adding a case leaves the others alone."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def fresh(name):
    """A fresh Keras session, as a new process has it: automatic names start over."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(zlib.crc32(name.encode()))


def check_size(path):
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes; the limit is {LIMIT}")


def write_json(path, value):
    path = ROOT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=None, separators=(",", ":"), allow_nan=False) + "\n")
    check_size(path)


def write_cases(path, cases):
    """One case per line, so that a difference between two runs is legible."""
    path = ROOT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [case["name"] for case in cases]
    if len(set(names)) != len(names):
        raise SystemExit(f"{path}: a name is used twice")
    lines = ",\n".join(json.dumps(case, allow_nan=False) for case in cases)
    path.write_text('{"cases":[\n' + lines + "\n]}\n")
    check_size(path)


def write_npz(path, arrays):
    path = ROOT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, value in arrays.items():
            value = np.asarray(value)
            if value.dtype.name in ("bfloat16", "float16"):
                value = value.astype("float32")
            if value.dtype == np.float64 and not name.endswith((".moments", ".deciles")):
                value = value.astype("float32")
            if value.dtype == np.int64 and not name.endswith(".count"):
                value = value.astype("int32")
            member = io.BytesIO()
            np.lib.format.write_array(
                member, np.ascontiguousarray(value).reshape(value.shape), (1, 0)
            )
            archive.writestr(zipfile.ZipInfo(name + ".npy", DATE), member.getvalue(),
                             zipfile.ZIP_DEFLATED, 9)
    check_size(path)


def write_keras(path, model, compress):
    """Saves a model and rewrites the archive without the date of the day."""
    path = ROOT / path
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            if name == "metadata.json":
                data = json.dumps({"keras_version": keras.__version__,
                                   "date_saved": "2026-01-01@00:00:00"}).encode()
            archive.writestr(zipfile.ZipInfo(name, DATE), data, method, 9 if compress else None)
    check_size(path)


def serialized(thing):
    return keras.saving.serialize_keras_object(thing)


def floats(logs):
    return {key: float(value) for key, value in logs.items()}


def snake(name):
    """`MeanSquaredError` -> `mean_squared_error`; `AUC` -> `auc`, as Keras forms names."""
    return to_snake_case(name)


def write_by_class(folder, cases, arrays):
    """One pair of files for each class of object: `FOLDER/CLASS.json` and `FOLDER/CLASS.npz`."""
    files = {}
    for case in cases:
        files.setdefault(snake(case["object"]["class_name"]), []).append(case)
    for name, own in files.items():
        prefixes = tuple(case["name"] + "." for case in own)
        write_cases(f"{folder}/{name}.json", own)
        write_npz(f"{folder}/{name}.npz", {key: value for key, value in arrays.items()
                                           if key.startswith(prefixes)})
