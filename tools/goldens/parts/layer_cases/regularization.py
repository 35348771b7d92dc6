"""Cases of layers: regularization."""

from . import table


def cases():
    note = "inference only: random draws are not compared"
    yield from table("Dropout", "dropout", (5, 4), {
        "": {"rate": 0.4},
        "seed": {"rate": 0.4, "seed": 3},
        "noise_shape": {"rate": 0.4, "noise_shape": (None, 1, 4)},
    }, note=note)
    yield from table("Dropout", "chained_dropout_rate_0", (5, 4), {"": {"rate": 0.0}},
                     chained=True)
