"""Writes all goldens of `tests/goldens` from real Keras: `python make.py [PART ...]`.

The parts are the modules named in `PARTS`; without arguments every part is made.
Seeds are fixed, and archives carry no dates, so that a second run writes the same numbers.
"""

import importlib
import os
import sys
import time

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
    "layers",
    "models",
    "serialization",
    "preprocessing",
]


def main(names):
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"unknown part {unknown[0]}; the parts are: {' '.join(PARTS)}")
    for name in names or PARTS:
        start = time.perf_counter()
        count = importlib.import_module(f"parts.{name}").make()
        print(f"{name:14} {count:4} cases  {time.perf_counter() - start:6.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
