"""Writes all goldens of `tests/goldens` from real Keras: `python make.py [PART[:FAMILY] ...]`.

The parts are the modules named in `PARTS`; without arguments every part is made.
`layers:pooling` makes only the layers of one family, `models:residual` one model.
Seeds are fixed, and archives carry no dates, so that a second run writes the same numbers.
"""

import importlib
import os
import sys
import time

if os.environ.get("PYTHONHASHSEED") != "0":
    # Sets are printed in another order in each process, and stand in Keras's messages.
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable] + sys.argv)

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

PARTS = [
    "activations",
    "losses",
    "metrics",
    "optimizers",
    "schedules",
    "initializers",
    "regularizers",
    "constraints",
    "applications",
    "augmentation",
    "image",
    "layers",
    "models",
    "operations",
    "serialization",
    "preprocessing",
    "audio",
    "datasets",
    "tables",
    "folders",
    "generator",
    "windows",
    "names",
    "mistakes",
    "mistakes_drawn",
    "callbacks",
]


def main(names):
    unknown = [name for name in names if name.partition(":")[0] not in PARTS]
    if unknown:
        sys.exit(f"unknown part {unknown[0]}; the parts are: {' '.join(PARTS)}")
    for name in names or PARTS:
        start = time.perf_counter()
        part, _, family = name.partition(":")
        make = importlib.import_module(f"parts.{part}").make
        count = make([family]) if family else make()
        print(f"{name:22} {count:4} cases  {time.perf_counter() - start:6.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
