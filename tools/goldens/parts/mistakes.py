"""Wrong configurations that Keras refuses, each with what Keras says about it."""

import keras

from . import store

# Class name: rows of (what is wrong, arguments of the constructor, shapes of the inputs).
LAYERS = {
    "Dense": [
        ("units_zero", {"units": 0}, [(4,)]),
        ("units_negative", {"units": -3}, [(4,)]),
        ("units_text", {"units": "ten"}, [(4,)]),
        ("unknown_activation", {"units": 3, "activation": "relux"}, [(4,)]),
        ("unknown_initializer", {"units": 3, "kernel_initializer": "glorot"}, [(4,)]),
        ("unknown_regularizer", {"units": 3, "kernel_regularizer": "l3"}, [(4,)]),
        ("unknown_constraint", {"units": 3, "kernel_constraint": "max"}, [(4,)]),
        ("unknown_option", {"units": 3, "neurons": 3}, [(4,)]),
        ("unknown_extent", {"units": 3}, [(None,)]),
        ("scalar_samples", {"units": 3}, [()]),
        ("unknown_dtype", {"units": 3, "dtype": "float33"}, [(4,)]),
    ],
    "EinsumDense": [
        ("no_arrow", {"equation": "ab,bc", "output_shape": 3}, [(4,)]),
        ("unknown_bias_axis", {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "x"},
         [(4,)]),
        ("wrong_rank", {"equation": "abc,cd->abd", "output_shape": [None, 3]}, [(4,)]),
    ],
    "Embedding": [
        ("input_dim_zero", {"input_dim": 0, "output_dim": 4}, [(3,)]),
        ("output_dim_negative", {"input_dim": 5, "output_dim": -4}, [(3,)]),
    ],
    "ReversibleEmbedding": [
        ("input_dim_zero", {"input_dim": 0, "output_dim": 4}, [(3,)]),
        ("output_dim_text", {"input_dim": 5, "output_dim": "four"}, [(3,)]),
        ("unknown_initializer", {"input_dim": 5, "output_dim": 4,
                                 "embeddings_initializer": "equal"}, [(3,)]),
    ],
    "ContrastLimitedAdaptiveHistogramEqualization": [
        ("unknown_data_format", {"data_format": "first"}, [(6, 6, 3)]),
    ],
    "Conv1D": [
        ("filters_zero", {"filters": 0, "kernel_size": 3}, [(9, 3)]),
        ("filters_negative", {"filters": -2, "kernel_size": 3}, [(9, 3)]),
        ("kernel_size_zero", {"filters": 2, "kernel_size": 0}, [(9, 3)]),
        ("strides_zero", {"filters": 2, "kernel_size": 3, "strides": 0}, [(9, 3)]),
        ("unknown_padding", {"filters": 2, "kernel_size": 3, "padding": "some"}, [(9, 3)]),
        ("wrong_rank", {"filters": 2, "kernel_size": 3}, [(9, 3, 2)]),
        ("too_short", {"filters": 2, "kernel_size": 12}, [(9, 3)]),
    ],
    "Conv2D": [
        ("filters_zero", {"filters": 0, "kernel_size": 3}, [(6, 6, 3)]),
        ("kernel_size_three", {"filters": 2, "kernel_size": [3, 3, 3]}, [(6, 6, 3)]),
        ("kernel_size_zero", {"filters": 2, "kernel_size": [3, 0]}, [(6, 6, 3)]),
        ("strides_zero", {"filters": 2, "kernel_size": 3, "strides": [0, 1]}, [(6, 6, 3)]),
        ("dilation_zero", {"filters": 2, "kernel_size": 3, "dilation_rate": 0}, [(6, 6, 3)]),
        ("strides_and_dilation", {"filters": 2, "kernel_size": 3, "strides": 2,
                                  "dilation_rate": 2}, [(6, 6, 3)]),
        ("causal", {"filters": 2, "kernel_size": 3, "padding": "causal"}, [(6, 6, 3)]),
        ("groups_zero", {"filters": 2, "kernel_size": 3, "groups": 0}, [(6, 6, 3)]),
        ("groups_and_filters", {"filters": 4, "kernel_size": 3, "groups": 3}, [(6, 6, 3)]),
        ("groups_and_channels", {"filters": 4, "kernel_size": 3, "groups": 2}, [(6, 6, 3)]),
        ("unknown_data_format", {"filters": 4, "kernel_size": 3, "data_format": "nchw"},
         [(6, 6, 3)]),
        ("wrong_rank", {"filters": 4, "kernel_size": 3}, [(6, 3)]),
        ("unknown_channels", {"filters": 4, "kernel_size": 3}, [(6, 6, None)]),
        ("too_small", {"filters": 4, "kernel_size": 7}, [(6, 6, 3)]),
    ],
    "Conv3D": [
        ("wrong_rank", {"filters": 4, "kernel_size": 3}, [(6, 6, 3)]),
        ("filters_zero", {"filters": 0, "kernel_size": 3}, [(6, 6, 6, 3)]),
    ],
    "Conv2DTranspose": [
        ("filters_zero", {"filters": 0, "kernel_size": 3}, [(6, 6, 3)]),
        ("strides_and_dilation", {"filters": 2, "kernel_size": 3, "strides": 2,
                                  "dilation_rate": 2}, [(6, 6, 3)]),
        ("wrong_rank", {"filters": 4, "kernel_size": 3}, [(6, 3)]),
        ("strides_zero", {"filters": 2, "kernel_size": 3, "strides": 0}, [(6, 6, 3)]),
    ],
    "DepthwiseConv2D": [
        ("multiplier_zero", {"kernel_size": 3, "depth_multiplier": 0}, [(6, 6, 3)]),
        ("kernel_size_zero", {"kernel_size": 0}, [(6, 6, 3)]),
        ("wrong_rank", {"kernel_size": 3}, [(6, 3)]),
    ],
    "SeparableConv2D": [
        ("filters_zero", {"filters": 0, "kernel_size": 3}, [(6, 6, 3)]),
        ("multiplier_zero", {"filters": 2, "kernel_size": 3, "depth_multiplier": 0},
         [(6, 6, 3)]),
    ],
    "MaxPooling2D": [
        ("pool_size_zero", {"pool_size": 0}, [(6, 6, 3)]),
        ("strides_zero", {"strides": 0}, [(6, 6, 3)]),
        ("unknown_padding", {"padding": "full"}, [(6, 6, 3)]),
        ("pool_size_three", {"pool_size": [2, 2, 2]}, [(6, 6, 3)]),
        ("wrong_rank", {}, [(6, 3)]),
        ("too_small", {"pool_size": 9}, [(6, 6, 3)]),
    ],
    "AveragePooling1D": [
        ("pool_size_zero", {"pool_size": 0}, [(6, 3)]),
        ("wrong_rank", {"pool_size": 2}, [(6, 6, 3)]),
    ],
    "GlobalAveragePooling2D": [("wrong_rank", {}, [(6, 3)])],
    "GlobalMaxPooling1D": [("wrong_rank", {}, [(6, 6, 3)])],
    "AdaptiveAveragePooling2D": [
        ("output_size_zero", {"output_size": 0}, [(6, 6, 3)]),
        ("output_size_three", {"output_size": [2, 2, 2]}, [(6, 6, 3)]),
    ],
    "SimpleRNN": [
        ("units_zero", {"units": 0}, [(5, 3)]),
        ("wrong_rank", {"units": 4}, [(5,)]),
        ("stateful_without_batch", {"units": 4, "stateful": True}, [(5, 3)]),
    ],
    "LSTM": [
        ("units_zero", {"units": 0}, [(5, 3)]),
        ("units_negative", {"units": -1}, [(5, 3)]),
        ("wrong_rank", {"units": 4}, [(5,)]),
        ("rank_four", {"units": 4}, [(5, 3, 2)]),
        ("unknown_activation", {"units": 4, "recurrent_activation": "sigmoidal"}, [(5, 3)]),
        ("unrolled_without_steps", {"units": 4, "unroll": True}, [(None, 3)]),
        ("stateful_without_batch", {"units": 4, "stateful": True}, [(5, 3)]),
    ],
    "GRU": [
        ("units_zero", {"units": 0}, [(5, 3)]),
        ("wrong_rank", {"units": 4}, [(5,)]),
    ],
    "LSTMCell": [("units_zero", {"units": 0}, [])],
    "GRUCell": [("units_zero", {"units": 0}, [])],
    "SimpleRNNCell": [("units_negative", {"units": -2}, [])],
    "ConvLSTM2D": [
        ("filters_zero", {"filters": 0, "kernel_size": 3}, [(4, 6, 6, 3)]),
        ("wrong_rank", {"filters": 2, "kernel_size": 3}, [(6, 6, 3)]),
    ],
    "Attention": [
        ("unknown_score_mode", {"score_mode": "cosine"}, [(5, 3), (5, 3)]),
        ("dropout_above_one", {"dropout": 1.5}, [(5, 3), (5, 3)]),
        ("one_input", {}, [(5, 3)]),
        ("four_inputs", {}, [(5, 3)] * 4),
        ("wrong_widths", {}, [(5, 3), (5, 4)]),
    ],
    "AdditiveAttention": [("one_input", {}, [(5, 3)])],
    "MultiHeadAttention": [
        ("heads_zero", {"num_heads": 0, "key_dim": 4}, [(5, 3), (5, 3)]),
        ("key_dim_zero", {"num_heads": 2, "key_dim": 0}, [(5, 3), (5, 3)]),
        ("dropout_above_one", {"num_heads": 2, "key_dim": 4, "dropout": 2.0}, [(5, 3), (5, 3)]),
        ("attention_axis_out_of_range", {"num_heads": 2, "key_dim": 4, "attention_axes": [4]},
         [(5, 3), (5, 3)]),
    ],
    "GroupQueryAttention": [
        ("heads_not_divisible", {"head_dim": 4, "num_query_heads": 3, "num_key_value_heads": 2},
         [(5, 3), (5, 3)]),
    ],
    "BatchNormalization": [
        ("axis_out_of_range", {"axis": 4}, [(6, 3)]),
        ("unknown_extent", {}, [(6, None)]),
        ("momentum_text", {"momentum": "high"}, [(6, 3)]),
    ],
    "LayerNormalization": [
        ("axis_out_of_range", {"axis": 3}, [(6, 3)]),
        ("axis_text", {"axis": "last"}, [(6, 3)]),
    ],
    "GroupNormalization": [
        ("groups_do_not_divide", {"groups": 2}, [(6, 3)]),
        ("more_groups_than_channels", {"groups": 8}, [(6, 4)]),
        ("unknown_extent", {"groups": 2}, [(6, None)]),
    ],
    "UnitNormalization": [("axis_text", {"axis": "last"}, [(6, 3)])],
    "Dropout": [
        ("rate_above_one", {"rate": 1.5}, [(4,)]),
        ("rate_negative", {"rate": -0.1}, [(4,)]),
        ("rate_text", {"rate": "half"}, [(4,)]),
        ("seed_text", {"rate": 0.5, "seed": "one"}, [(4,)]),
        ("noise_shape_rank", {"rate": 0.5, "noise_shape": [1, 2, 3]}, [(4,)]),
    ],
    "GaussianDropout": [("rate_above_one", {"rate": 1.5}, [(4,)])],
    "GaussianNoise": [("stddev_negative", {"stddev": -1.0}, [(4,)])],
    "AlphaDropout": [("rate_negative", {"rate": -0.5}, [(4,)])],
    "SpatialDropout1D": [
        ("rate_above_one", {"rate": 1.5}, [(4, 3)]),
        ("wrong_rank", {"rate": 0.5}, [(4,)]),
    ],
    "SpatialDropout2D": [
        ("unknown_data_format", {"rate": 0.5, "data_format": "first"}, [(4, 4, 3)]),
        ("wrong_rank", {"rate": 0.5}, [(4, 3)]),
    ],
    "Add": [
        ("shapes", {}, [(4,), (5,)]),
    ],
    "Subtract": [
        ("three_inputs", {}, [(4,)] * 3),
        ("shapes", {}, [(3, 4), (3, 5)]),
    ],
    "Multiply": [("shapes", {}, [(4,), (5,)])],
    "Concatenate": [
        ("shapes", {"axis": 1}, [(3, 4), (3, 5)]),
        ("ranks", {}, [(3, 4), (4,)]),
        ("axis_out_of_range", {"axis": 5}, [(3, 4), (3, 4)]),
    ],
    "Dot": [
        ("extents", {"axes": 1}, [(4,), (5,)]),
        ("axes_text", {"axes": "last"}, [(4,), (4,)]),
        ("three_axes", {"axes": [1, 1, 1]}, [(4,), (4,)]),
        ("three_inputs", {"axes": 1}, [(4,)] * 3),
    ],
    "Reshape": [
        ("size", {"target_shape": [5]}, [(4, 3)]),
        ("two_unknown", {"target_shape": [-1, -1]}, [(4, 3)]),
        ("size_with_unknown", {"target_shape": [-1, 5]}, [(4, 3)]),
    ],
    "Permute": [
        ("not_a_permutation", {"dims": [1, 1]}, [(4, 3)]),
        ("starts_at_zero", {"dims": [0, 1]}, [(4, 3)]),
        ("wrong_length", {"dims": [1, 2, 3]}, [(4, 3)]),
    ],
    "RepeatVector": [
        ("n_text", {"n": "two"}, [(4,)]),
        ("wrong_rank", {"n": 2}, [(4, 3)]),
    ],
    "Cropping1D": [
        ("negative", {"cropping": [-1, 0]}, [(6, 3)]),
        ("too_much", {"cropping": 3}, [(6, 3)]),
        ("one_number", {"cropping": [1]}, [(6, 3)]),
        ("wrong_rank", {"cropping": 1}, [(6,)]),
    ],
    "Cropping2D": [
        ("too_much", {"cropping": 3}, [(6, 6, 3)]),
        ("three_numbers", {"cropping": [1, 1, 1]}, [(6, 6, 3)]),
    ],
    "ZeroPadding1D": [
        ("wrong_rank", {"padding": 1}, [(6,)]),
        ("three_numbers", {"padding": [1, 1, 1]}, [(6, 3)]),
    ],
    "ZeroPadding2D": [
        ("three_numbers", {"padding": [1, 1, 1]}, [(6, 6, 3)]),
        ("negative", {"padding": -1}, [(6, 6, 3)]),
    ],
    "UpSampling2D": [
        ("unknown_interpolation", {"interpolation": "cubist"}, [(6, 6, 3)]),
        ("three_sizes", {"size": [2, 2, 2]}, [(6, 6, 3)]),
    ],
    "LeakyReLU": [("slope_none", {"negative_slope": None}, [(4,)])],
    "ReLU": [
        ("max_value_negative", {"max_value": -1.0}, [(4,)]),
        ("slope_negative", {"negative_slope": -1.0}, [(4,)]),
        ("threshold_negative", {"threshold": -1.0}, [(4,)]),
    ],
    "Activation": [("unknown", {"activation": "swoosh"}, [(4,)])],
    "PReLU": [("shared_axis_out_of_range", {"shared_axes": [4]}, [(4, 3)])],
    "Discretization": [
        ("neither", {}, [(4,)]),
        ("output_mode", {"bin_boundaries": [0.0, 1.0], "output_mode": "two_hot"}, [(4,)]),
    ],
    "CategoryEncoding": [
        ("num_tokens_zero", {"num_tokens": 0}, [(4,)]),
        ("output_mode", {"num_tokens": 4, "output_mode": "all"}, [(4,)]),
        ("no_num_tokens", {"num_tokens": None}, [(4,)]),
    ],
    "Hashing": [
        ("num_bins_zero", {"num_bins": 0}, [(4,)]),
        ("output_mode", {"num_bins": 4, "output_mode": "tf_idf"}, [(4,)]),
    ],
    "IntegerLookup": [
        ("max_tokens_one", {"max_tokens": 1}, [(4,)]),
        ("output_mode", {"output_mode": "binary_hot"}, [(4,)]),
        ("repeated", {"vocabulary": [1, 1, 2]}, [(4,)]),
    ],
    "TextVectorization": [
        ("standardize", {"standardize": "upper"}, []),
        ("split", {"split": "syllable"}, []),
        ("output_mode", {"output_mode": "bag"}, []),
        ("length_zero", {"output_sequence_length": 0}, []),
        ("length_and_mode", {"output_mode": "multi_hot", "output_sequence_length": 4}, []),
    ],
    "Normalization": [
        ("mean_alone", {"mean": 1.0}, [(4,)]),
        ("axis_out_of_range", {"axis": 3, "mean": 1.0, "variance": 1.0}, [(4,)]),
        ("unknown_extent", {}, [(None,)]),
    ],
    "Resizing": [
        ("interpolation", {"height": 4, "width": 4, "interpolation": "sharp"}, [(6, 6, 3)]),
        ("crop_and_pad", {"height": 4, "width": 4, "crop_to_aspect_ratio": True,
                          "pad_to_aspect_ratio": True}, [(6, 6, 3)]),
    ],
    "RandomFlip": [("mode", {"mode": "diagonal"}, [(6, 6, 3)])],
    "RandomRotation": [
        ("fill_mode", {"factor": 0.2, "fill_mode": "zeros"}, [(6, 6, 3)]),
        ("interpolation", {"factor": 0.2, "interpolation": "cubic"}, [(6, 6, 3)]),
        ("factor_order", {"factor": [0.5, -0.5]}, [(6, 6, 3)]),
    ],
    "RandomZoom": [("fill_mode", {"height_factor": 0.2, "fill_mode": "zeros"}, [(6, 6, 3)])],
    "RandomBrightness": [("factor", {"factor": 2.0}, [(6, 6, 3)])],
    "RandomContrast": [("factor", {"factor": -0.2}, [(6, 6, 3)])],
    "RandomTranslation": [
        ("factor", {"height_factor": 2.0, "width_factor": 0.1}, [(6, 6, 3)])],
}

# Module: rows of (class name, what is wrong, arguments of the constructor).
OBJECTS = {
    "optimizers": [
        ("SGD", "momentum_above_one", {"momentum": 1.5}),
        ("SGD", "momentum_negative", {"momentum": -0.5}),
        ("SGD", "unknown_option", {"speed": 0.5}),
        ("Adam", "two_clips", {"clipnorm": 1.0, "clipvalue": 1.0}),
        ("Adam", "clipnorm_zero", {"clipnorm": 0.0}),
        ("Adam", "clipvalue_negative", {"clipvalue": -1.0}),
        ("Adam", "ema_momentum", {"use_ema": True, "ema_momentum": 1.5}),
        ("Adam", "ema_frequency", {"use_ema": True, "ema_overwrite_frequency": 0}),
        ("Adam", "accumulation", {"gradient_accumulation_steps": 1}),
        ("Adam", "learning_rate_text", {"learning_rate": "fast"}),
        ("AdamW", "no_weight_decay", {"weight_decay": None}),
        ("Ftrl", "initial_accumulator_negative", {"initial_accumulator_value": -0.1}),
        ("Ftrl", "learning_rate_power_positive", {"learning_rate_power": 0.5}),
        ("Ftrl", "l1_negative", {"l1_regularization_strength": -0.1}),
        ("Lion", "beta_1_zero", {"beta_1": 0.0}),
    ],
    "optimizers.schedules": [
        ("PiecewiseConstantDecay", "lengths", {"boundaries": [1, 2], "values": [0.1, 0.2]}),
        ("CosineDecay", "decay_steps_zero",
         {"initial_learning_rate": 0.1, "decay_steps": 0}),
        ("PolynomialDecay", "decay_steps_negative",
         {"initial_learning_rate": 0.1, "decay_steps": -1}),
        ("ExponentialDecay", "decay_steps_zero",
         {"initial_learning_rate": 0.1, "decay_steps": 0, "decay_rate": 0.5}),
        ("InverseTimeDecay", "decay_steps_zero",
         {"initial_learning_rate": 0.1, "decay_steps": 0, "decay_rate": 0.5}),
    ],
    "losses": [
        ("MeanSquaredError", "reduction", {"reduction": "average"}),
        ("BinaryCrossentropy", "unknown_option", {"smoothing": 0.1}),
        ("Huber", "reduction", {"reduction": "mean_over_all"}),
    ],
    "metrics": [
        ("AUC", "curve", {"curve": "F1"}),
        ("AUC", "summation_method", {"summation_method": "simpson"}),
        ("AUC", "num_thresholds", {"num_thresholds": 1}),
        ("AUC", "thresholds_out_of_range", {"thresholds": [0.5, 1.5]}),
        ("Precision", "thresholds_out_of_range", {"thresholds": [-0.5, 0.5]}),
        ("PrecisionAtRecall", "recall_above_one", {"recall": 1.5}),
        ("RecallAtPrecision", "precision_negative", {"precision": -0.5}),
        ("SensitivityAtSpecificity", "specificity_above_one", {"specificity": 2.0}),
        ("SpecificityAtSensitivity", "num_thresholds",
         {"sensitivity": 0.5, "num_thresholds": 0}),
        ("FBetaScore", "average", {"average": "median"}),
        ("FBetaScore", "beta_zero", {"beta": 0.0}),
        ("FBetaScore", "threshold_above_one", {"threshold": 1.5}),
        ("F1Score", "average", {"average": "all"}),
        ("R2Score", "aggregation", {"class_aggregation": "sum"}),
        ("R2Score", "regressors", {"num_regressors": -1}),
        ("IoU", "target_class", {"num_classes": 2, "target_class_ids": [2]}),
        ("BinaryIoU", "target_class", {"target_class_ids": [3]}),
    ],
    "initializers": [
        ("VarianceScaling", "scale_zero", {"scale": 0.0}),
        ("VarianceScaling", "mode", {"mode": "fan_all"}),
        ("VarianceScaling", "distribution", {"distribution": "cauchy"}),
        ("STFT", "side", {"side": "complex"}),
    ],
    "regularizers": [
        ("L2", "text", {"l2": "much"}),
        ("OrthogonalRegularizer", "mode", {"mode": "diagonals"}),
    ],
}


def refusal(make):
    """What Keras says when `make` is run; `None` if it does not mind."""
    try:
        make()
    except ImportError as error:
        raise SystemExit(f"install what is missing: {error}")
    except Exception as error:  # noqa: BLE001  (any refusal is one)
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"[:300]
    return None


def layer(name, arguments, shapes, dtype="float32"):
    made = getattr(keras.layers, name)(**arguments)
    if shapes:
        inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
        two = name in ("MultiHeadAttention", "GroupQueryAttention")
        made(*inputs) if two else made(inputs if len(inputs) > 1 else inputs[0])


def cases():
    for name, rows in LAYERS.items():
        for what, arguments, shapes in rows:
            store.fresh(what)
            said = refusal(lambda: layer(name, arguments, shapes))
            yield {"name": f"{store.snake(name)}_{what}", "module": "layers", "class": name,
                   "arguments": arguments, "inputs": shapes, "keras": said}
    for module, rows in OBJECTS.items():
        home = keras
        for part in module.split("."):
            home = getattr(home, part)
        for name, what, arguments in rows:
            said = refusal(lambda: getattr(home, name)(**arguments))
            yield {"name": f"{store.snake(name)}_{what}", "module": module, "class": name,
                   "arguments": arguments, "keras": said}


def make():
    found = list(cases())
    for case in found:
        if case["keras"] is None:
            print(f"  Keras accepts {case['name']}: the row is left out")
    found = [case for case in found if case["keras"] is not None]
    store.write_cases("mistakes.json", found)
    return len(found)
