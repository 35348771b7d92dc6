"""Makes the golden files of `ibex-format` with real numpy, h5py and Keras.

Run it in the folder of this file:

    pip install keras==3.15.1 jax h5py numpy
    KERAS_BACKEND=jax python make_goldens.py

Every number follows a formula that `tests/goldens.rs` states for itself, so that no expectation
is a copy of what Ibex gave.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

import h5py
import keras
import ml_dtypes
import numpy as np


def ramp(shape, dtype="float32", start=0.0):
    """0, 0.25, 0.5, ... from `start` on, in row-major order."""
    count = int(np.prod(shape))
    return (start + np.arange(count) / 4).reshape(shape).astype(dtype)


def numpy_files():
    dtypes = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
    arrays = {np.dtype(code).name: np.arange(6).reshape(2, 3).astype(code) for code in dtypes}
    np.savez("types.npz", **arrays)
    np.savez_compressed(
        "layouts.npz",
        fortran=np.asfortranarray(ramp((2, 3, 4))),
        fortran_big_endian=np.asfortranarray(ramp((2, 3), ">f8")),
        big_endian=np.arange(5, dtype=">i4"),
        big_endian_u16=np.array([1, 256, 65535], dtype=">u2"),
        scalar=np.float32(2.5),
        empty=np.zeros((0, 3), "float32"),
        strided=ramp((4, 4))[::2, ::2],
        negative_strides=ramp((6,))[::-1],
        repeated=np.zeros((100, 100), "float32"),
    )
    np.savez(
        "refused.npz",
        objects=np.array([{"a": 1}, None], dtype=object),
        words=np.array(["one", "two"]),
        bytes=np.array([b"one", b"two"]),
        complex=np.array([1 + 2j], "complex64"),
        dates=np.array(["2026-01-01"], dtype="datetime64[D]"),
        records=np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]),
        bfloat16=np.arange(3).astype(ml_dtypes.bfloat16),
        fine=ramp((2,)),
    )
    for version in [(1, 0), (2, 0), (3, 0)]:
        with open(f"version{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, ramp((2, 2)), version=version)


def hdf5_files():
    with h5py.File("types.h5", "w") as file:
        for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]:
            array = np.arange(6).reshape(2, 3).astype(code)
            file[f"little/{array.dtype.name}"] = array
            if array.dtype.itemsize > 1:
                file[f"big/{array.dtype.name}"] = array.astype(array.dtype.newbyteorder(">"))
        file["scalar"] = np.uint32(1337)
        file["empty"] = np.zeros((0, 3), "float32")
        file["bfloat16"] = np.arange(3).astype(ml_dtypes.bfloat16)
        file["bfloat16"].attrs["dtype"] = "bfloat16"
        file.create_group("nothing/at/all")

    with h5py.File("layouts.h5", "w") as file:
        data = ramp((50, 8))
        file.create_dataset("gzip_shuffle", data=data, chunks=(7, 3), compression=9, shuffle=True)
        file.create_dataset("gzip", data=data, chunks=(50, 8), compression=4)
        file.create_dataset("checksum", data=data, chunks=(20, 8), fletcher32=True)
        file.create_dataset("lzf", data=data, chunks=(25, 8), compression="lzf")
        file.create_dataset("growing", data=data, chunks=(16, 8), maxshape=(None, 8))
        file.create_dataset("never_written", (4, 2), "float32", fillvalue=1.5)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((4,))
        compact = h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, plist)
        compact.write(h5py.h5s.ALL, h5py.h5s.ALL, ramp((4,)))
        file["soft"] = h5py.SoftLink("/gzip")
        file["external"] = h5py.ExternalLink("other.h5", "/gzip")
        file["hard"] = file["compact"]

    # HDF5 2 calls a still newer form "latest"; Keras never asks for it.
    with h5py.File("newer_format.h5", "w", libver=("v110", "v114")) as file:
        file.create_dataset("chunked", data=ramp((50, 8)), chunks=(7, 3), compression=9)
        file.create_dataset("one_chunk", data=ramp((50, 8)), chunks=(50, 8), compression=9)
        file.create_dataset("growing", data=ramp((50, 8)), chunks=(16, 8), maxshape=(None, 8))
        for index in range(40):
            file[f"many/vars/{index}"] = np.float32(index)
        for index in range(20):
            file["many"].attrs[f"attribute{index}"] = index

    with h5py.File("attributes.h5", "w") as file:
        group = file.create_group("dense")
        group.attrs["text"] = "größe"
        group.attrs["fixed"] = np.bytes_(b"jax")
        group.attrs["texts"] = ["kernel", "bias"]
        group.attrs["fixed_texts"] = [b"kernel", b"bias"]
        group.attrs["long"] = "x" * 5000
        group.attrs["integer"] = 3
        group.attrs["integers"] = np.arange(3, dtype="int32")
        group.attrs["float"] = 0.5
        group.attrs["floats"] = np.array([0.25, 4.0], "float32")
        group.attrs["truth"] = True
        group.attrs["nothing"] = h5py.Empty("f")

    with h5py.File("cycle.h5", "w") as file:
        group = file.create_group("a/b")
        group["again"] = file["a"]

    with h5py.File("lattice.h5", "w", libver=("v110", "v114")) as file:
        group = file
        for _ in range(40):
            group["left"] = group.create_group("right")
            group = group["left"]

    # 500 texts that are all the same long one: 4 MB out of a file of 25 kB.
    with h5py.File("echo.h5", "w") as file:
        file.attrs["texts"] = ["x" * 8000] + ["y"] * 499
    with open("echo.h5", "rb") as file:
        content = bytearray(file.read())
    first = content.index((8000).to_bytes(4, "little"), content.index(b"texts"))
    content[first : first + 500 * 16] = content[first : first + 16] * 500
    with open("echo.h5", "wb") as file:
        file.write(content)

    with h5py.File("bomb.h5", "w") as file:
        chunks = {"chunks": (1000, 1000), "compression": 9}
        file.create_dataset("group/huge", (1000000, 1000000), "float32", **chunks)

    with h5py.File("words.h5", "w") as file:
        file["group/words"] = np.array([b"one", b"two"])


def keras_files():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,), name="features")
    hidden = keras.layers.Dense(3, activation="relu", name="hidden")(inputs)
    hidden = keras.layers.Dropout(0.5, seed=7, name="dropout")(hidden)
    hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    outputs = keras.layers.Dense(2, name="answer")(hidden)
    model = keras.Model(inputs, outputs, name="small")
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(ramp((6, 4)), ramp((6, 2)), batch_size=2, epochs=1, verbose=0)
    # Known numbers instead of trained ones: the training only makes the optimizer's variables.
    model.set_weights([ramp(w.shape, start=i) for i, w in enumerate(model.get_weights())])
    model.save("model.keras")
    model.save_weights("model.weights.h5")
    model.save("keras2.h5")

    half = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, dtype="bfloat16")])
    half.layers[0].kernel.assign(ramp((2, 2)))
    half.save_weights("bfloat16.weights.h5")

    nested = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="inner")], name="core")
    outer = keras.Sequential([keras.Input((2,)), nested, keras.layers.LeakyReLU()], name="outer")
    outer.set_weights([ramp((2, 1)), ramp((1,), start=5)])
    outer.save("nested.keras")


if __name__ == "__main__":
    numpy_files()
    hdf5_files()
    keras_files()
    for name in sorted(os.listdir(".")):
        print(f"{os.path.getsize(name):8} {name}")
