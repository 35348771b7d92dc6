"""Small files in the formats of Keras's data sets, and what Keras's loaders read from them.

The loaders are the real ones; only the download is replaced by a file that is made here.
The archives of CIFAR are written twice from the same samples: as the pickles that Keras reads,
and as the records of bytes that are published beside them.
"""

import importlib
import io
import pathlib
import pickle
import shutil
import tarfile
import tempfile

import numpy as np

from . import store

FOLDER = "datasets"


def loader(name, place):
    """Keras's module of a data set, reading from `place`."""
    module = importlib.import_module(f"keras.src.datasets.{name}")
    module.get_file = lambda *_, **__: str(place)
    return module


def texts(random, count):
    """Word indices, small ones more often; lists of several lengths."""
    lengths = random.integers(1, 12, count)
    lengths[0] = 40
    values = [np.minimum(random.geometric(0.02, length), 70_000) for length in lengths]
    values[1] = np.array([300, 65_536, 255, 256])
    return np.array([[int(word) for word in value] for value in values], dtype="object")


def words(random, cases):
    root = store.ROOT / FOLDER
    imdb = {
        "x_train": texts(random, 30), "y_train": random.integers(0, 2, 30),
        "x_test": texts(random, 20), "y_test": random.integers(0, 2, 20),
    }
    reuters = {"x": texts(random, 43), "y": random.integers(0, 46, 43)}
    np.savez_compressed(root / "imdb.npz", **imdb)
    np.savez_compressed(root / "reuters.npz", **reuters)
    np.save(root / "lists.npy", texts(random, 12), allow_pickle=True)
    options = {
        "imdb": [{}, {"num_words": 50}, {"num_words": 60, "skip_top": 5, "oov_char": None},
                 {"start_char": None, "index_from": 0, "seed": 7, "maxlen": 9}],
        "reuters": [{}, {"num_words": 40, "maxlen": 11},
                    {"start_char": None, "oov_char": None, "index_from": 0}],
    }
    for name, cases_of_set in options.items():
        module = loader(name, root / f"{name}.npz")
        for i, given in enumerate(cases_of_set):
            (x_train, y_train), (x_test, y_test) = module.load_data(**given)
            cases.append({
                "name": f"{name}_{i}", "dataset": name, "options": given,
                "x_train": [list(map(int, x)) for x in x_train],
                "y_train": [int(y) for y in y_train],
                "x_test": [list(map(int, x)) for x in x_test],
                "y_test": [int(y) for y in y_test],
            })


def housing(random, arrays):
    path = store.ROOT / FOLDER / "california_housing.npz"
    x = random.normal(size=(25, 8)).astype("float32")
    y = random.integers(15_000, 500_000, 25).astype("float32")
    np.savez(path, x=x, y=y)
    module = loader("california_housing", path)
    (arrays["california_housing.x_train"], arrays["california_housing.y_train"]), (
        arrays["california_housing.x_test"], arrays["california_housing.y_test"]
    ) = module.load_data()


def archive(name, members):
    """A tar archive packed with gzip, without dates."""
    path = store.ROOT / FOLDER / name
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=9) as tar:
        for member, data in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    data = bytearray(packed.getvalue())
    data[4:8] = bytes(4)
    path.write_bytes(bytes(data))


def photos(random, count):
    return random.integers(0, 256, (count, 3, 32, 32), dtype="uint8") // 32 * 32


def cifar(random, arrays):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        records = {}
        place = folder / "cifar-10-batches-py"
        place.mkdir()
        for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
            # Keras has room for 10,000 samples in each.
            images, labels = photos(random, 2), random.integers(0, 10, 2)
            repeated = {
                b"data": np.repeat(images.reshape(2, -1), 5000, 0),
                b"labels": [int(label) for label in np.repeat(labels, 5000)],
            }
            (place / name).write_bytes(pickle.dumps(repeated))
            records[f"cifar-10-batches-bin/{name}.bin"] = b"".join(
                bytes([label]) + image.tobytes() for label, image in zip(labels, images))
        archive("cifar-10-binary.tar.gz", records)
        (x, y), (x_test, y_test) = loader("cifar10", folder).load_data()
        arrays |= {"cifar10.x_train": x[::5000], "cifar10.y_train": y[::5000],
                   "cifar10.x_test": x_test[::5000], "cifar10.y_test": y_test[::5000]}
        place = folder / "cifar-100-python"
        place.mkdir()
        records = {}
        for name, count in [("train", 5), ("test", 3)]:
            images = photos(random, count)
            fine, coarse = random.integers(0, 100, count), random.integers(0, 20, count)
            held = {
                b"data": images.reshape(count, -1),
                b"fine_labels": [int(label) for label in fine],
                b"coarse_labels": [int(label) for label in coarse],
            }
            (place / name).write_bytes(pickle.dumps(held))
            records[f"cifar-100-binary/{name}.bin"] = b"".join(
                bytes([group, label]) + image.tobytes()
                for group, label, image in zip(coarse, fine, images))
        archive("cifar-100-binary.tar.gz", records)
        for mode in ["fine", "coarse"]:
            (x, y), (x_test, y_test) = loader("cifar100", folder).load_data(mode)
            y, y_test = np.asarray(y, "uint8"), np.asarray(y_test, "uint8")
            arrays |= {f"cifar100_{mode}.x_train": x, f"cifar100_{mode}.y_train": y,
                       f"cifar100_{mode}.x_test": x_test, f"cifar100_{mode}.y_test": y_test}


def make():
    shutil.rmtree(store.ROOT / FOLDER, ignore_errors=True)
    (store.ROOT / FOLDER).mkdir(parents=True)
    random, arrays, cases = store.generator("datasets"), {}, []
    words(random, cases)
    housing(random, arrays)
    cifar(random, arrays)
    store.write_cases(f"{FOLDER}/words.json", cases)
    store.write_npz(f"{FOLDER}/expected.npz", arrays)
    return len(cases) + 4
