"""Cases of layers: preprocessing."""

from . import table


def rescaling():
    yield from table("Rescaling", "rescaling", (4, 3), {
        "": {"scale": 1 / 255},
        "offset": {"scale": 1 / 127.5, "offset": -1.0},
        "per_channel": {"scale": [0.5, 2.0, 3.0], "offset": [0.1, 0.2, 0.3]},
    }, scale=100.0)
    yield from table("Rescaling", "chained_rescaling", (4, 3), {"": {"scale": 0.5, "offset": 0.1}},
                     chained=True)


def cases():
    yield from rescaling()
