"""Attention of every kind, and masks that travel through layers of many kinds."""

import keras

from .draw import activation
from .sequences import source

L = keras.layers


def with_width(y, width):
    return y if y.shape[-1] == width else L.Dense(width)(y)


def heads(draw, q, v, extra):
    """A layer of several heads and what it gives."""
    options = {"use_bias": draw.chance(0.7)} | draw.some(0.15, use_gate=True, sliding_window=2)
    call = {"use_causal_mask": draw.chance(0.3)} | extra
    if draw.chance(0.2):
        call["key"] = L.Dense(v.shape[-1])(v)
    if draw.chance(0.6):
        layer = L.MultiHeadAttention(draw.number(1, 3), draw.number(1, 4),
                                     value_dim=draw.one(None, 3),
                                     output_shape=draw.one(None, None, 3), **options)
    else:
        v = with_width(v, q.shape[-1])
        layer = L.GroupQueryAttention(draw.number(1, 4), 4, draw.one(1, 2, 4), **options)
    if draw.chance(0.2):
        y, scores = layer(q, v, return_attention_scores=True, **call)
        return y, [scores]
    return layer(q, v, **call), []


def single(draw, q, v):
    """A layer of one head."""
    v = with_width(v, q.shape[-1])
    inputs = [q, v] + ([L.Dense(q.shape[-1])(v)] if draw.chance(0.2) else [])
    call = {"use_causal_mask": draw.chance(0.3)}
    if draw.chance(0.6):
        layer = L.Attention(use_scale=draw.chance(0.5), score_mode=draw.one("dot", "concat"))
    else:
        layer = L.AdditiveAttention(use_scale=draw.chance(0.5))
    if draw.chance(0.2):
        y, scores = layer(inputs, return_attention_scores=True, **call)
        return y, [scores]
    return layer(inputs, **call), []


def attention(draw):
    """One or two attention layers, residuals and a last layer."""
    x, q = source(draw)
    if draw.chance(0.5):
        inputs, v = [x], q
    else:
        other, v = source(draw)
        inputs = [x, other]
    y, more = q, []
    for _ in range(draw.number(1, 2)):
        extra = {}
        if draw.chance(0.15):
            shown = keras.Input((y.shape[1], v.shape[1]), dtype="bool")
            inputs.append(shown)
            extra["attention_mask"] = shown
        kind = draw.chance(0.7)
        z, scores = heads(draw, y, v, extra) if kind else single(draw, y, v)
        more += scores
        if z.shape[-1] == y.shape[-1] and draw.chance(0.6):
            z = L.LayerNormalization()(draw.one(L.Add, L.Average, L.Maximum)()([z, y]))
        y = z
    y = draw.one(L.GlobalAveragePooling1D(), L.Dense(2), L.GRU(2), L.Identity(),
                 L.GlobalMaxPooling1D(), L.LSTM(2, return_sequences=True))(y)
    return inputs, [y] + more[:1]


def on_the_way(draw, y):
    """A layer that keeps (batch, steps, width)."""
    width = y.shape[-1]
    return draw.one(
        lambda: L.Dense(width, activation=activation(draw)), lambda: L.LayerNormalization(),
        lambda: L.BatchNormalization(), lambda: L.Activation("tanh"), lambda: L.Dropout(0.0),
        lambda: L.Identity(), lambda: L.GRU(width, return_sequences=True),
        lambda: L.Bidirectional(L.GRU(width, return_sequences=True), merge_mode="sum"),
        lambda: L.TimeDistributed(L.Dense(width)), lambda: L.Conv1D(width, 2, padding="same"),
        lambda: L.Permute((1, 2)), lambda: L.Reshape(y.shape[1:]), lambda: L.PReLU(),
        lambda: L.LeakyReLU(), lambda: L.ELU(), lambda: L.ReLU(), lambda: L.GaussianNoise(0.0),
        lambda: L.SpatialDropout1D(0.0), lambda: L.UnitNormalization(), lambda: L.Masking(0.5),
        lambda: L.ActivityRegularization(l1=0.01), lambda: L.GroupNormalization(1),
        # Those that change nothing give the very same tensor, and its mask, on JAX only.
        lambda: L.RMSNormalization(), lambda: L.ZeroPadding1D(0), lambda: L.Cropping1D(0),
        lambda: L.UpSampling1D(1), lambda: L.Rescaling(2.0, 0.1),
        lambda: L.Normalization(mean=0.1, variance=2.0),
        lambda: L.MaxPooling1D(2, strides=1, padding="same"),
        lambda: L.SpectralNormalization(L.Dense(width)), lambda: L.GaussianDropout(0.0),
        lambda: L.EinsumDense("abc,cd->abd", (None, width)),
        lambda: L.RNN([L.GRUCell(2), L.LSTMCell(width)], return_sequences=True),
        lambda: keras.ops.tanh, lambda: (lambda x: x * 2.0), lambda: (lambda x: x + x),
        lambda: (lambda x: L.MultiHeadAttention(2, 2)(x, x)),
        lambda: (lambda x: L.GroupQueryAttention(2, 4, 2)(x, x)),
        lambda: (lambda x: L.Attention()([x, x])), lambda: (lambda x: L.AdditiveAttention()([x, x])),
    )()(y)


def masks(draw):
    """Masked sequences of one shape that are changed, merged and judged."""
    steps, width = draw.number(2, 4), draw.number(2, 3)
    inputs, pool = [], []
    for _ in range(draw.number(1, 3)):
        if draw.chance(0.6):
            x = keras.Input((steps,), dtype="int32")
            y = L.Embedding(7, width, mask_zero=draw.chance(0.8))(x)
        else:
            x = keras.Input((steps, width))
            y = L.Masking()(x) if draw.chance(0.7) else x
        inputs.append(x)
        pool.append(y)
    for _ in range(draw.number(2, 5)):
        if draw.chance(0.35) and len(pool) > 1:
            parts = [draw.one(*pool) for _ in range(draw.number(2, 3))]
            if draw.chance(0.15):
                parts[0] = L.GRU(width)(parts[0])
                merge = draw.one(L.Add, L.Multiply, L.Maximum, L.Minimum, L.Average)
                pool.append(merge()(parts))
                continue
            merge = draw.one(L.Add, L.Multiply, L.Maximum, L.Minimum, L.Average, L.Concatenate,
                             lambda: L.Concatenate(axis=1), L.Subtract)
            y = merge()(parts[:2] if merge is L.Subtract else parts)
            y = with_width(y, width)
            pool.append(y if y.shape[1] == steps else L.Cropping1D((0, y.shape[1] - steps))(y))
        else:
            pool.append(on_the_way(draw, draw.one(*pool)))
    last = pool[-1]
    ends = [draw.one(L.GRU(2), L.GlobalAveragePooling1D(), L.Identity(), L.Softmax(axis=-1),
                     L.Dense(2), L.Flatten(), L.Bidirectional(L.LSTM(2)))(last)]
    if draw.chance(0.3):
        ends.append(L.Dense(2)(draw.one(*pool)))
    return inputs, ends
