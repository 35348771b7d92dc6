"""Cases of layers: dense layers and embeddings."""

import keras
from keras import constraints as C
from keras import layers as L
from keras import regularizers as R

from . import behind_mask, table, with_gaps


def dense():
    yield from table("Dense", "dense", (5,), {
        "": {"units": 3},
        "no_bias": {"units": 3, "use_bias": False},
        "relu": {"units": 4, "activation": "relu"},
        "sigmoid": {"units": 4, "activation": "sigmoid"},
        "tanh": {"units": 4, "activation": "tanh"},
        "softmax": {"units": 4, "activation": "softmax"},
        "gelu": {"units": 4, "activation": "gelu"},
        "silu": {"units": 4, "activation": "silu"},
        "elu": {"units": 4, "activation": "elu"},
        "softplus": {"units": 4, "activation": "softplus"},
        "leaky_relu": {"units": 4, "activation": "leaky_relu"},
        "kernel_l1": {"units": 3, "kernel_regularizer": R.L1(0.02)},
        "kernel_l2": {"units": 3, "kernel_regularizer": R.L2(0.03)},
        "kernel_l1l2_bias_l2": {"units": 3, "kernel_regularizer": R.L1L2(0.01, 0.02),
                                "bias_regularizer": R.L2(0.05)},
        "activity_l2": {"units": 3, "activity_regularizer": R.L2(0.02)},
        "activity_l1_relu": {"units": 3, "activation": "relu", "activity_regularizer": R.L1(0.02)},
        "max_norm": {"units": 3, "kernel_constraint": C.MaxNorm(0.5)},
        "max_norm_axis_1": {"units": 3, "kernel_constraint": C.MaxNorm(0.5, axis=1)},
        "non_neg": {"units": 3, "kernel_constraint": C.NonNeg(), "bias_constraint": C.NonNeg()},
        "unit_norm": {"units": 3, "kernel_constraint": C.UnitNorm()},
        "min_max_norm": {"units": 3, "kernel_constraint": C.MinMaxNorm(0.2, 0.6, rate=0.5)},
    })
    yield from table("Dense", "dense_sequence", (3, 5), {
        "": {"units": 4},
        "relu_l2": {"units": 4, "activation": "relu", "kernel_regularizer": R.L2(0.02)},
        "activity_l2": {"units": 4, "activity_regularizer": R.L2(0.02)},
        "softmax": {"units": 4, "activation": "softmax"},
    })
    yield from table("Dense", "dense_4d", (2, 3, 4), {"": {"units": 3}})
    yield from table("Dense", "dense_frozen", (5,), {
        "regularized": {"units": 3, "trainable": False, "kernel_regularizer": R.L2(0.3)}},
        chained=True, note="what is not trained is not penalized")


def embedding():
    rows = {
        "": {"input_dim": 7, "output_dim": 4},
        "mask_zero": {"input_dim": 7, "output_dim": 4, "mask_zero": True},
        "regularized": {"input_dim": 7, "output_dim": 4, "embeddings_regularizer": R.L2(0.02)},
        "constrained": {"input_dim": 7, "output_dim": 4, "embeddings_constraint": C.UnitNorm(1)},
        "activity": {"input_dim": 7, "output_dim": 4, "activity_regularizer": R.L2(0.02)},
    }
    notes = {"mask_zero": "steps whose index is 0 are masked: they do not count in the loss"}
    for suffix, arguments in rows.items():
        yield from table("Embedding", "embedding", (6,), {suffix: arguments}, input_dtype="int32",
                         learning_rate=0.5, note=notes.get(suffix, ""))
    yield from table("Embedding", "embedding_float_input", (6,), {"": rows[""]}, learning_rate=0.5)
    yield from table("Embedding", "embedding_matrix_input", (2, 3), {"": rows[""]},
                     input_dtype="int32", learning_rate=0.5)


def einsum_dense():
    penalties = {"kernel_regularizer": R.L2(0.02), "bias_regularizer": R.L1(0.02),
                 "activity_regularizer": R.L2(0.01)}
    limits = {"kernel_constraint": C.MaxNorm(0.6), "bias_constraint": C.NonNeg()}
    vector = {"equation": "ab,bc->ac", "output_shape": 4}
    yield from table("EinsumDense", "einsum_dense", (5,), {
        "": vector,
        "bias": vector | {"bias_axes": "c"},
        "relu": vector | {"bias_axes": "c", "activation": "relu"},
        "regularized": vector | {"bias_axes": "c"} | penalties,
        "constrained": vector | {"bias_axes": "c"} | limits,
        "two_axes": {"equation": "ab,bcd->acd", "output_shape": (3, 2), "bias_axes": "cd"},
    })
    yield from table("EinsumDense", "einsum_dense_sequence", (3, 5), {
        "": {"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d"},
        "bias_of_both_axes": {"equation": "abc,cd->abd", "output_shape": (3, 4),
                              "bias_axes": "bd"},
        "bias_of_steps": {"equation": "abc,cd->abd", "output_shape": (3, 4), "bias_axes": "b"},
        "heads": {"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "de"},
        "both_axes": {"equation": "abc,bcd->ad", "output_shape": 4, "bias_axes": "d"},
        "each_step": {"equation": "abc,bcd->abd", "output_shape": (3, 4), "bias_axes": "bd"},
        "turned": {"equation": "abc,cd->adb", "output_shape": (4, 3), "bias_axes": "d"},
        "elided_left": {"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y"},
        "elided_left_two": {"equation": "...bx,xy->...by", "output_shape": (3, 4),
                            "bias_axes": "by"},
        "elided_right": {"equation": "ab...,bc->ac...", "output_shape": 4, "bias_axes": "c"},
    })
    yield from table("EinsumDense", "einsum_dense_heads", (3, 2, 4), {
        "": {"equation": "abcd,cde->abe", "output_shape": (None, 5), "bias_axes": "e"}})


def reversible_embedding():
    base = {"input_dim": 7, "output_dim": 4}
    rows = {
        "": base,
        "mask_zero": base | {"mask_zero": True},
        "regularized": base | {"embeddings_regularizer": R.L2(0.02),
                               "embeddings_constraint": C.UnitNorm(1)},
    }
    integers = lambda random, index, shape: random.integers(0, 7, shape)
    yield from table("ReversibleEmbedding", "reversible_embedding", (6,), rows,
                     input_dtype="int32", learning_rate=0.5, values=integers,
                     differentiable=False)
    both = {
        "tied": base,
        "untied": base | {"tie_weights": False},
        "capped": base | {"logit_soft_cap": 0.8},
        "untied_capped": base | {"tie_weights": False, "logit_soft_cap": 1.5},
        "tied_regularized": base | {"embeddings_regularizer": R.L2(0.02),
                                    "embeddings_constraint": C.UnitNorm(1)},
        "untied_regularized": base | {"tie_weights": False,
                                      "embeddings_regularizer": R.L2(0.02),
                                      "embeddings_constraint": C.MaxNorm(0.9)},
        "tied_mask_zero": base | {"mask_zero": True},
    }
    yield from table("ReversibleEmbedding", "reversible_embedding_reverse", (6,), both,
                     input_dtype="int32", learning_rate=0.5, values=integers,
                     call=there_and_back, differentiable=False)
    yield from table("ReversibleEmbedding", "reversible_embedding_only_reverse", (3, 4), {
        "": base, "capped": base | {"logit_soft_cap": 2.0}},
        call=lambda layer, tensors: layer(tensors[0], reverse=True))
    yield from table("ReversibleEmbedding", "reversible_embedding_reverse_mixed", (6,), {
        "": base | {"dtype": "mixed_bfloat16"},
        "float32": base | {"dtype": "mixed_bfloat16", "reverse_dtype": "float32"}},
        input_dtype="int32", learning_rate=0.5, values=integers, call=there_and_back,
        policy="mixed_bfloat16", differentiable=False)


def there_and_back(layer, tensors):
    """From words to vectors and, by the same layer, to a score for each word."""
    return layer(L.Dense(4, activation="tanh", name="middle")(layer(tensors[0])), reverse=True)


@keras.saving.register_keras_serializable(package="Golden")
def scaled_sum(inputs, factor=2.0):
    """A function that Ibex knows under its name: the code is not in the file."""
    return factor * (inputs[0] + inputs[1])


def functions():
    note = "a function that both sides know by its name"
    yield from table("Lambda", "lambda", [(3, 4), (3, 4)], {
        "": {"function": scaled_sum},
        "arguments": {"function": scaled_sum, "arguments": {"factor": -0.5}},
    }, note=note)
    yield from table("Lambda", "chained_lambda", [(3, 4), (3, 4)], {
        "": {"function": scaled_sum}}, chained=True, note=note)


def masking():
    yield from table("Masking", "masking", (5, 3), {"": {}}, values=with_gaps)
    yield from table("Masking", "masking_value", (5, 3), {"": {"mask_value": 2.0}},
                     values=lambda *given: with_gaps(*given) + 2.0)
    yield from table("Dense", "dense_masked", (5, 3), {
        "": {"units": 2}, "activity_l2": {"units": 2, "activity_regularizer": R.L2(0.02)}},
        call=behind_mask, values=with_gaps,
        note="masked steps do not count in the loss")


def cases():
    for part in (dense, embedding, einsum_dense, reversible_embedding, masking, functions):
        yield from part()
