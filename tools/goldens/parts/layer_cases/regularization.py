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
    for rank, shape in ((1, (5, 4)), (2, (3, 4, 2)), (3, (2, 3, 2, 2))):
        layer, base = f"SpatialDropout{rank}D", f"spatial_dropout{rank}d"
        yield from table(layer, base, shape, {"": {"rate": 0.4, "seed": 3}}, note=note)
        if rank > 1:
            yield from table(layer, base + "_channels_first", shape, {
                "": {"rate": 0.4, "data_format": "channels_first"}}, note=note)
        yield from table(layer, f"chained_{base}_rate_0", shape, {"": {"rate": 0.0}},
                         chained=True)
    for layer, base, option in (("GaussianDropout", "gaussian_dropout", "rate"),
                                ("GaussianNoise", "gaussian_noise", "stddev"),
                                ("AlphaDropout", "alpha_dropout", "rate")):
        yield from table(layer, base, (5, 4), {"": {option: 0.3}, "seed": {option: 0.3, "seed": 3}},
                         note=note)
        yield from table(layer, f"chained_{base}_{option}_0", (5, 4), {"": {option: 0.0}},
                         chained=True)
    yield from table("AlphaDropout", "alpha_dropout", (5, 4), {
        "noise_shape": {"rate": 0.3, "noise_shape": (None, 1, 4)}}, note=note)
    yield from table("ActivityRegularization", "activity_regularization", (3, 4), {"": {}})
    yield from table("ActivityRegularization", "chained_activity_regularization", (3, 4), {
        "l1": {"l1": 0.02}, "l2": {"l2": 0.03}, "both": {"l1": 0.02, "l2": 0.03}}, chained=True)
