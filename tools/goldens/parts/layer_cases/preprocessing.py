"""Cases of layers: preprocessing, as far as graphs compute it."""

from keras import layers as L

from . import Case, table


def rescaling():
    yield from table("Rescaling", "rescaling", (4, 3), {
        "": {"scale": 1 / 255},
        "offset": {"scale": 1 / 127.5, "offset": -1.0},
        "per_channel": {"scale": [0.5, 2.0, 3.0], "offset": [0.1, 0.2, 0.3]},
    }, scale=100.0)
    yield from table("Rescaling", "chained_rescaling", (4, 3), {"": {"scale": 0.5, "offset": 0.1}},
                     chained=True)


def normalization():
    given = {"mean": [0.5, -1.0, 2.0], "variance": [0.25, 4.0, 0.0]}
    yield from table("Normalization", "normalization", (4, 3), {
        "": {},
        "axis_1": {"axis": 1},
        "axes": {"axis": [2, 1]},
        "all": {"axis": None},
        "invert": {"invert": True},
        "given": given,
        "given_invert": given | {"invert": True},
        "given_number": {"mean": 2.0, "variance": 9.0},
        "given_all": {"axis": None, "mean": 2.0, "variance": 9.0},
        "given_axes": {"axis": [1, 2]} | given,
    })
    yield from table("Normalization", "chained_normalization", (4, 3), {"given": {
        "mean": [0.5, -1.0, 2.0], "variance": [0.25, 4.0, 1.0]}}, chained=True)


def small_integers(low, high):
    return lambda random, index, shape: random.integers(low, high, shape)


def discretization():
    bins = {"bin_boundaries": [-1.0, -0.25, 0.5, 1.5]}
    options = {"differentiable": False}
    yield from table("Discretization", "discretization", (5,), {
        "": bins,
        "one_hot": bins | {"output_mode": "one_hot"},
        "multi_hot": bins | {"output_mode": "multi_hot"},
        "count": bins | {"output_mode": "count"},
    }, **options)
    yield from table("Discretization", "discretization_column", (1,),
                     {"one_hot": bins | {"output_mode": "one_hot"}}, **options)
    yield from table("Discretization", "discretization_matrix", (4, 3), {
        "": bins,
        "one_hot": bins | {"output_mode": "one_hot"},
    }, **options)
    yield from table("Discretization", "discretization_integers", (5,), {"": bins},
                     input_dtype="int32", values=small_integers(-3, 4), **options)


def category_encoding():
    options = {"input_dtype": "int32", "differentiable": False, "values": small_integers(-1, 6)}
    rows = {mode: {"num_tokens": 5, "output_mode": mode}
            for mode in ("one_hot", "multi_hot", "count")}
    yield from table("CategoryEncoding", "category_encoding", (4,), rows, **options)
    yield from table("CategoryEncoding", "category_encoding_column", (1,), rows, **options)
    # In the other modes a list is one sample, and the output has no batch.
    yield from table("CategoryEncoding", "category_encoding_list", (),
                     {"one_hot": rows["one_hot"]}, **options)
    yield from table("CategoryEncoding", "category_encoding_weights", [(4,), (4,)],
                     {"": rows["count"]}, input_dtypes=["int32", "float32"], differentiable=False,
                     values=lambda random, index, shape: random.integers(0, 5, shape)
                     if index == 0 else random.normal(size=shape).astype("float32"),
                     call=lambda layer, x: layer(x[0], count_weights=x[1]))


def integer_lookup():
    vocabulary = {"vocabulary": [12, 3, -5, 7, 0]}
    rows = {
        "": vocabulary,
        "mask": vocabulary | {"mask_token": 1},
        "many_oov": vocabulary | {"num_oov_indices": 3, "mask_token": 1},
        "tf_idf": vocabulary | {"output_mode": "tf_idf", "mask_token": 1,
                                "idf_weights": [0.5, 1.5, 0.25, 2.0, 1.0]},
        "padded": vocabulary | {"output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True},
        "inverse": vocabulary | {"invert": True},
        "inverse_mask": vocabulary | {"invert": True, "mask_token": 99, "oov_token": -7},
    } | {mode: vocabulary | {"output_mode": mode} for mode in ("one_hot", "multi_hot", "count")}
    yield from table("IntegerLookup", "integer_lookup", (6,), rows, input_dtype="int64",
                     differentiable=False, values=small_integers(-8, 14))


def stft_spectrogram():
    options = {"learning_rate": 0.001}
    frames = {"frame_length": 8}
    modes = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
    yield from table("STFTSpectrogram", "stft_spectrogram", (30, 2), {
        mode: frames | {"mode": mode} for mode in modes
    } | {
        "step": frames | {"frame_step": 3},
        "same": frames | {"padding": "same", "frame_step": 3},
        "longer": frames | {"fft_length": 16},
        "odd": {"frame_length": 11, "window": "hamming", "periodic": True},
        "no_window": frames | {"window": None},
        "no_scaling": frames | {"scaling": None},
        "spectrum": frames | {"scaling": "spectrum", "mode": "magnitude"},
        "expanded": frames | {"expand_dims": True},
        "expanded_stft": frames | {"expand_dims": True, "mode": "stft"},
    }, **options)
    first = frames | {"data_format": "channels_first"}
    yield from table("STFTSpectrogram", "stft_spectrogram_channels_first", (2, 30), {
        "": first,
        "stft": first | {"mode": "stft", "padding": "same"},
        "expanded": first | {"expand_dims": True},
    }, **options)


def mel_spectrogram():
    base = {"fft_length": 32, "sequence_stride": 10, "num_mel_bins": 6, "sampling_rate": 8000}
    yield from table("MelSpectrogram", "mel_spectrogram", (96,), {
        "": base,
        "power": base | {"power_to_db": False},
        "magnitude": base | {"power_to_db": False, "mag_exp": 1.0},
        "magnitude_db": base | {"mag_exp": 1.0},
        "hamming": base | {"window": "hamming"},
        "no_window": base | {"window": None},
        "short": base | {"sequence_length": 21},
        "no_window_short": base | {"sequence_length": 20, "window": None},
        "frequencies": base | {"min_freq": 300.0, "max_freq": 3000.0},
        "reference": base | {"ref_power": 4.0, "min_power": 1e-3},
        "top_db": base | {"top_db": 6.0},
        "odd": base | {"fft_length": 31},
    })
    yield from table("MelSpectrogram", "mel_spectrogram_channels", (3, 50), {"": base})


def resizing():
    sizes = {"height": 4, "width": 9}
    methods = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
    yield from table("Resizing", "resizing", (7, 5, 2), {
        method: sizes | {"interpolation": method} for method in methods
    } | {
        "antialias": {"height": 3, "width": 2, "antialias": True},
        "cubic_antialias": {"height": 3, "width": 2, "antialias": True, "interpolation": "bicubic"},
        "crop": sizes | {"crop_to_aspect_ratio": True},
        "crop_high": {"height": 6, "width": 2, "crop_to_aspect_ratio": True},
        "pad": sizes | {"pad_to_aspect_ratio": True, "fill_value": 0.5},
        "pad_high": {"height": 9, "width": 3, "pad_to_aspect_ratio": True},
    })
    yield from table("Resizing", "resizing_channels_first", (2, 7, 5), {
        "": sizes | {"data_format": "channels_first"},
        "crop": sizes | {"data_format": "channels_first", "crop_to_aspect_ratio": True},
        "pad": sizes | {"data_format": "channels_first", "pad_to_aspect_ratio": True},
    })
    # The weights of these sizes are exact in `float32`: what is rounded does not depend on bits.
    exact = {"height": 4, "width": 10}
    yield from table("Resizing", "resizing_integers", (7, 5, 2), {
        "": exact,
        "nearest": exact | {"interpolation": "nearest"},
    }, input_dtype="uint8", differentiable=False, values=small_integers(0, 256))


def center_crop():
    yield from table("CenterCrop", "center_crop", (7, 6, 2), {
        "": {"height": 3, "width": 4},
        "odd": {"height": 4, "width": 3},
        "whole": {"height": 7, "width": 6},
        "larger": {"height": 9, "width": 8},
        "wider": {"height": 3, "width": 8},
    })
    yield from table("CenterCrop", "center_crop_channels_first", (2, 7, 6), {
        "": {"height": 3, "width": 4, "data_format": "channels_first"},
        "larger": {"height": 9, "width": 8, "data_format": "channels_first"},
    })
    yield from table("CenterCrop", "center_crop_integers", (7, 6, 2), {
        "": {"height": 3, "width": 4},
    }, input_dtype="uint8", differentiable=False, values=small_integers(0, 256))


def pipelines():
    """Layers one after the other; random ones rest outside training."""
    rows = {
        "": lambda: [L.Rescaling(0.5, offset=1.0), L.Resizing(5, 4), L.CenterCrop(4, 3)],
        "random": lambda: [L.RandomFlip(seed=1), L.Rescaling(2.0), L.RandomContrast(0.3, seed=2),
                           L.CenterCrop(3, 3)],
    }
    for suffix, layers in rows.items():
        name = "pipeline" + ("_" + suffix if suffix else "")
        yield Case(name, "Pipeline", [(6, 5, 3)], lambda layers=layers: {"layers": layers()})


def cases():
    for family in (rescaling, normalization, discretization, category_encoding, integer_lookup,
                   stft_spectrogram, mel_spectrogram, resizing, center_crop,
                   pipelines):
        yield from family()
