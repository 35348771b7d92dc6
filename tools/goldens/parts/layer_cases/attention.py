"""Cases of layers: attention, with masks given, carried and causal."""

import numpy as np
from keras import constraints as C
from keras import layers as L
from keras import regularizers as R

from . import Case, table

QUERY, VALUE = (3, 4), (5, 4)


def seen(share, hidden_row=False, hidden_batch=False):
    """Values of masks, which are the inputs without a float dtype; some hide whole rows."""

    def values(random, index, shape, dtypes):
        if dtypes[index] == "float32":
            return None
        mask = random.uniform(size=shape) < share
        if hidden_row:
            mask[:, 1] = False
        if hidden_batch:
            mask[1] = False
        return mask

    return values


def masked(layer, name, shapes, dtypes, call, arguments=None, share=0.7, note="", trains=True,
           **hidden):
    give = seen(share, **hidden)
    return Case(name, layer, shapes, lambda: dict(arguments or {}), call=call, note=note,
                input_dtypes=dtypes, trains=trains,
                values=lambda random, index, shape: give(random, index, shape, dtypes))


def named(**flags):
    """A call on a list, with flags."""
    return lambda layer, tensors: layer(list(tensors), **flags)


def apart(**flags):
    """A call on tensors one after the other, with flags; a single one attends to itself."""
    return lambda layer, tensors: layer(*(tensors if len(tensors) > 1 else tensors * 2), **flags)


def words(layer, name, arguments=None, call=None, note="", size=4):
    """A call on embeddings, whose masks it gets."""

    def embedded(layer, tensors):
        vectors = [L.Embedding(7, size, mask_zero=True, name=f"words_{i}")(t)
                   for i, t in enumerate(tensors)]
        return call(layer, vectors)

    return Case(name, layer, [(4,), (5,)], lambda: dict(arguments or {}), call=embedded,
                input_dtype="int32", differentiable=False, learning_rate=0.2, note=note,
                values=lambda random, index, shape: np.where(
                    random.uniform(size=shape) < 0.3, 0, random.integers(1, 7, shape)))


def sequences(layer, base, options):
    """Cases of the layers that are called on lists."""
    yield from table(layer, base, [QUERY, VALUE], options, call=named())
    yield from table(layer, base, [QUERY, (5, 3), VALUE], {"keys": {}}, call=named())
    yield from table(layer, base, [QUERY, VALUE], {"causal": {}, "causal_scaled": {"use_scale": True}},
                     call=named(use_causal_mask=True))
    yield from table(layer, base, [QUERY, VALUE], {"scores": {"use_scale": True}},
                     call=named(return_attention_scores=True))
    yield from table(layer, f"chained_{base}", [QUERY, VALUE], {"": {}}, call=named(), chained=True)
    yield from table(layer, base, [(2, 3, 4), (2, 5, 4)], {"4d": {}}, call=named())
    both = ["float32", "float32", "bool", "bool"]
    shapes = [QUERY, VALUE, (3,), (5,)]
    for suffix, flags in {"mask": {}, "mask_causal": {"use_causal_mask": True},
                          "mask_scores": {"return_attention_scores": True}}.items():
        yield masked(layer, f"{base}_{suffix}", shapes, both,
                     lambda layer, t, flags=flags: layer(t[:2], mask=t[2:], **flags),
                     {"use_scale": True})
    yield masked(layer, f"{base}_value_mask", [QUERY, VALUE, (5,)], both[:3],
                 lambda layer, t: layer(t[:2], mask=[None, t[2]]), {"use_scale": True},
                 hidden_batch=True, note="one sample sees no value at all")
    yield words(layer, f"{base}_words", {"use_scale": True}, named())
    yield Case(f"{base}_dropout", layer, [QUERY, VALUE],
               lambda: {"dropout": 0.4, "use_scale": True}, call=named(), trains=False,
               note="dropout does nothing outside training")


def attention():
    yield from sequences("Attention", "attention", {
        "": {},
        "scale": {"use_scale": True},
        "concat": {"score_mode": "concat"},
        "concat_scale": {"score_mode": "concat", "use_scale": True},
        "seed": {"seed": 3},
    })


def additive_attention():
    yield from sequences("AdditiveAttention", "additive_attention", {
        "": {},
        "no_scale": {"use_scale": False},
    })


def common(layer, base, heads):
    """Cases of the layers of several heads; `heads` are the arguments of any of them."""
    rows = {
        "no_bias": {"use_bias": False},
        "gate": {"use_gate": True},
        "gate_no_bias": {"use_gate": True, "use_bias": False},
        "window": {"sliding_window": 2},
        "regularized": {"kernel_regularizer": R.L2(0.02), "bias_regularizer": R.L1(0.01)},
        "constrained": {"kernel_constraint": C.MaxNorm(0.5), "bias_constraint": C.NonNeg()},
        "activity": {"activity_regularizer": R.L2(0.02)},
        "activity_gate": {"activity_regularizer": R.L1(0.01), "use_gate": True},
    }
    rows = {suffix: heads | more for suffix, more in rows.items()}
    yield from table(layer, base, QUERY, {"": heads} | rows, call=apart())
    yield from table(layer, base, QUERY, {"causal": heads, "causal_window": heads | {"sliding_window": 2}},
                     call=apart(use_causal_mask=True))
    yield from table(layer, base, [QUERY, VALUE], {"cross": heads}, call=apart())
    yield from table(layer, base, [QUERY, VALUE], {"cross_causal": heads},
                     call=apart(use_causal_mask=True))
    yield from table(layer, base, [QUERY, VALUE, (5, 3)], {"keys": heads}, call=apart())
    yield from table(layer, base, QUERY, {"scores": heads, "scores_gate": heads | {"use_gate": True}},
                     call=apart(return_attention_scores=True))
    # Keras cannot train scores with a mask, which they carry in a shape that fits no loss.
    yield from table(layer, base, QUERY, {"scores_causal": heads}, trains=False,
                     call=apart(return_attention_scores=True, use_causal_mask=True))
    yield from table(layer, f"chained_{base}", QUERY, {"": heads}, call=apart(), chained=True)
    drop = heads | {"dropout": 0.3, "seed": 5}
    yield from table(layer, base, QUERY, {"dropout": drop}, call=apart(), trains=False)
    yield from table(layer, base, QUERY, {"dropout_causal": drop}, trains=False,
                     call=apart(use_causal_mask=True))
    floats = ["float32", "float32"]
    three, two = [QUERY, VALUE, (3, 5)], [QUERY, (3, 3)]
    own = lambda layer, t: layer(t[0], t[1], attention_mask=t[2])
    yield masked(layer, f"{base}_mask", three, floats + ["bool"], own, heads)
    yield masked(layer, f"{base}_mask_numbers", three, floats + ["int32"], own, heads)
    yield masked(layer, f"{base}_mask_row", three, floats + ["bool"], own, heads, hidden_row=True,
                 note="a query that sees nothing gets the mean of all values")
    yield masked(layer, f"{base}_mask_row_dropout", three, floats + ["bool"], own, drop,
                 hidden_row=True, trains=False,
                 note="a query that sees nothing gets zeros where there is dropout")
    yield masked(layer, f"{base}_mask_scores", three, floats + ["bool"],
                 lambda layer, t: layer(t[0], t[1], attention_mask=t[2], return_attention_scores=True),
                 heads, hidden_row=True, trains=False)
    yield masked(layer, f"{base}_mask_causal", two, ["float32", "bool"],
                 lambda layer, t: layer(t[0], t[0], attention_mask=t[1], use_causal_mask=True), heads)
    yield masked(layer, f"{base}_mask_heads", [QUERY, VALUE, (4, 3, 5)], floats + ["bool"], own,
                 heads, note="one mask for each head")
    yield masked(layer, f"{base}_value_mask", [QUERY, VALUE, (5,)], floats + ["bool"],
                 lambda layer, t: layer(t[0], t[1], value_mask=t[2]), heads)
    yield masked(layer, f"{base}_key_mask", [QUERY, VALUE, VALUE, (5,)], ["float32"] * 3 + ["bool"],
                 lambda layer, t: layer(t[0], t[1], t[2], key_mask=t[3]), heads)
    yield masked(layer, f"{base}_query_mask", [QUERY, VALUE, (3,)], floats + ["bool"],
                 lambda layer, t: layer(t[0], t[1], query_mask=t[2]), heads)
    yield Case(f"{base}_names", layer, [QUERY, VALUE, (5, 3)], lambda: dict(heads),
               call=lambda layer, t: layer(query=t[0], value=t[1], key=t[2]))
    yield words(layer, f"{base}_words", heads, apart())
    yield words(layer, f"{base}_words_causal", heads, apart(use_causal_mask=True))
    yield words(layer, f"{base}_words_self", heads, lambda layer, t: layer(t[0], t[0], t[1][:, :4]))


def multi_head_attention():
    heads = {"num_heads": 4, "key_dim": 2}
    yield from common("MultiHeadAttention", "multi_head_attention", heads)
    yield from table("MultiHeadAttention", "multi_head_attention", [QUERY, (5, 3)], {
        "output_shape": heads | {"output_shape": 5},
        "output_shape_2d": heads | {"output_shape": (2, 3)},
        "initializers": heads | {"kernel_initializer": "he_normal", "bias_initializer": "ones"},
    }, call=apart())
    # Without scores Keras cannot compute values of another extent than that of the keys.
    yield from table("MultiHeadAttention", "multi_head_attention", [QUERY, (5, 3)], {
        "value_dim": heads | {"value_dim": 3},
        "value_dim_gate": heads | {"value_dim": 3, "use_gate": True},
    }, call=apart(return_attention_scores=True))
    images = {"num_heads": 2, "key_dim": 2}
    rows = {"images": {}, "images_columns": {"attention_axes": 2}, "images_rows": {"attention_axes": (1,)},
            "images_axes": {"attention_axes": (1, -2)}}
    rows = {suffix: images | more for suffix, more in rows.items()}
    yield from table("MultiHeadAttention", "multi_head_attention", (2, 3, 4), rows, call=apart())
    yield from table("MultiHeadAttention", "multi_head_attention", (2, 3, 4),
                     {"images_dropout": images | {"dropout": 0.2}}, call=apart(), trains=False)
    yield from table("MultiHeadAttention", "multi_head_attention", (2, 3, 4),
                     {"images_scores": images, "images_rows_scores": images | {"attention_axes": 1}},
                     call=apart(return_attention_scores=True))
    yield masked("MultiHeadAttention", "multi_head_attention_images_rows_mask", [(2, 3, 4), (2, 2)],
                 ["float32", "bool"],
                 lambda layer, t: layer(t[0], t[0], attention_mask=t[1][:, None]),
                 images | {"attention_axes": 1})
    yield from table("MultiHeadAttention", "multi_head_attention", QUERY,
                     {"mixed_bfloat16": heads | {"dtype": "mixed_bfloat16"}}, call=apart(),
                     policy="mixed_bfloat16", differentiable=False)


def group_query_attention():
    heads = {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}
    yield from common("GroupQueryAttention", "group_query_attention", heads)
    yield from table("GroupQueryAttention", "group_query_attention", QUERY, {
        "one_head": heads | {"num_key_value_heads": 1},
        "all_heads": heads | {"num_key_value_heads": 4},
    }, call=apart())


def cases():
    for part in (attention, additive_attention, multi_head_attention, group_query_attention):
        yield from part()
