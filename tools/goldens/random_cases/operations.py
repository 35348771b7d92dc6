"""Chains of `keras.ops` calls and operators on symbolic tensors."""

import keras

O = keras.ops
L = keras.layers


def unary(draw, x):
    """A function of one tensor of shape (batch, ..., last)."""
    rank, last = len(x.shape), x.shape[-1]
    return draw.one(
        lambda: O.abs(x), lambda: O.exp(O.tanh(x)), lambda: O.sqrt(O.abs(x) + 0.5),
        lambda: O.square(x), lambda: O.sign(x), lambda: O.floor(x), lambda: O.ceil(x),
        lambda: O.round(x), lambda: O.log1p(O.abs(x)), lambda: O.log(O.abs(x) + 1.0),
        lambda: O.rsqrt(O.square(x) + 1.0), lambda: O.sin(x), lambda: O.cos(x),
        lambda: O.arctan(x), lambda: O.tanh(x), lambda: O.sigmoid(x), lambda: O.erf(x),
        lambda: O.clip(x, -0.5, 0.8), lambda: O.relu(x), lambda: O.gelu(x, approximate=True),
        lambda: O.softmax(x, axis=-1), lambda: O.log_softmax(x), lambda: O.softplus(x),
        lambda: O.leaky_relu(x, negative_slope=0.3), lambda: O.elu(x), lambda: O.silu(x),
        lambda: O.hard_sigmoid(x), lambda: O.one_hot(O.argmax(x, axis=-1), last),
        lambda: O.cumsum(x, axis=-1), lambda: O.cumprod(O.tanh(x), axis=-1),
        lambda: O.sort(x, axis=-1), lambda: O.flip(x, axis=-1), lambda: O.roll(x, 1, axis=-1),
        lambda: O.expand_dims(x, 1), lambda: O.concatenate([x, x * 2.0], axis=-1),
        lambda: O.tile(x, [1] * (rank - 1) + [2]), lambda: O.repeat(x, 2, axis=-1),
        lambda: O.pad(x, [[0, 0]] * (rank - 1) + [[1, 2]]), lambda: O.nan_to_num(x),
        lambda: O.pad(x, [[0, 0]] * (rank - 1) + [[1, 0]], mode="edge"),
        lambda: O.reshape(x, (-1, last)) if rank == 2 else O.reshape(x, (-1,) + x.shape[1:]),
        lambda: O.transpose(x, [0] + list(range(rank - 1, 0, -1))),
        lambda: O.swapaxes(x, 1, -1), lambda: O.moveaxis(x, -1, 1), lambda: O.mod(x, 0.7),
        lambda: O.power(O.abs(x) + 0.1, 1.5), lambda: O.negative(x), lambda: O.reciprocal(x + 9.0),
        lambda: O.logaddexp(x, 0.5), lambda: O.zeros_like(x) + x, lambda: O.ones_like(x) * x,
        lambda: O.full_like(x, 0.5) + x, lambda: O.normalize(x, axis=-1, order=2),
        lambda: O.cast(x > 0.1, "float32"), lambda: O.cast(O.logical_not(x > 0.1), "float32"),
        lambda: O.cast(O.isfinite(x), "float32"), lambda: O.stop_gradient(x) + x,
        lambda: O.top_k(x, min(2, last))[0], lambda: O.split(x, [1], axis=-1)[0],
        lambda: O.unstack(x, axis=-1)[0][..., None], lambda: O.stack([x, x + 1.0], axis=1),
        lambda: O.diff(x, axis=-1) if last > 1 else x, lambda: O.take(x, [0, -1], axis=-1),
        lambda: O.where(x > 0.0, x, 0.1 * x), lambda: O.argsort(x, axis=-1) * 0.1,
        lambda: O.threshold(x, 0.2, -1.0), lambda: O.squareplus(x), lambda: O.erfinv(O.tanh(x) * .9),
        lambda: O.expm1(O.tanh(x)), lambda: O.arcsinh(x), lambda: O.sinh(O.tanh(x)),
        lambda: O.logical_and(x > 0.0, x < 1.0), lambda: O.trunc(x), lambda: O.nanmean(
            x, axis=-1, keepdims=True), lambda: O.quantile(x, 0.3, axis=-1, keepdims=True),
        lambda: O.median(x, axis=-1, keepdims=True), lambda: O.rot90(x, axes=(1, 2)) if rank > 2
        else x, lambda: O.ravel(x[:, :1])[:, None] if rank == 2 else x,
    )()


def operator(draw, x):
    return draw.one(
        lambda: x + 1.5, lambda: 2.0 - x, lambda: x * -0.5, lambda: 1.0 / (O.abs(x) + 1.0),
        lambda: -x, lambda: abs(x), lambda: x ** 2, lambda: x // 0.3, lambda: x % 0.4,
        lambda: 2.0 ** O.tanh(x), lambda: O.cast(x >= 0.0, "float32") - O.cast(x < 0.5, "float32"),
        lambda: O.cast((x > 0.0) & (x < 1.0), "float32"), lambda: O.cast(~(x > 0.0), "float32"),
        lambda: O.cast((x > 0.5) | (x < 0.0), "float32"), lambda: O.cast(x != 0.0, "float32"),
    )()


def index(draw, x):
    rank, last = len(x.shape), x.shape[-1]
    return draw.one(
        lambda: x[:, 0] if rank > 2 else x[:, :1], lambda: x[:, 1:] if x.shape[1] > 1 else x,
        lambda: x[..., ::-1], lambda: x[..., None], lambda: x[:, None], lambda: x[..., -1:],
        lambda: x[:, ::2], lambda: x[..., :last], lambda: x[:, -1][:, None],
        lambda: O.take_along_axis(x, O.argsort(x, axis=-1), axis=-1),
        lambda: O.squeeze(x[:, None], axis=1), lambda: O.flip(x[:, :, ...], axis=1),
    )()


def reduce(draw, x):
    axis = draw.one(-1, 1, len(x.shape) - 1)
    keep = {"keepdims": True} if len(x.shape) == 2 else {"keepdims": draw.chance(0.3)}
    return draw.one(
        lambda: O.sum(x, axis=axis, **keep), lambda: O.mean(x, axis=axis, **keep),
        lambda: O.max(x, axis=axis, **keep), lambda: O.min(x, axis=axis, **keep),
        lambda: O.prod(O.tanh(x), axis=axis, **keep), lambda: O.std(x, axis=axis, **keep),
        lambda: O.var(x, axis=axis, **keep), lambda: O.logsumexp(x, axis=axis, **keep),
        lambda: O.cast(O.any(x > 0.5, axis=axis, **keep), "float32"),
        lambda: O.cast(O.all(x > -1.0, axis=axis, **keep), "float32"),
        lambda: O.norm(x, axis=axis, **keep), lambda: O.amax(x, axis=axis, **keep),
        lambda: O.cast(O.argmin(x, axis=axis, **keep), "float32"),
        lambda: O.cast(O.count_nonzero(O.relu(x), axis=axis), "float32")[..., None],
        lambda: O.average(x, axis=axis)[..., None],
    )()


def binary(draw, x, y):
    """A function of two tensors of one shape."""
    return draw.one(
        lambda: x + y, lambda: x - y, lambda: x * y, lambda: x / (O.abs(y) + 0.5),
        lambda: O.maximum(x, y), lambda: O.minimum(x, y), lambda: O.where(x > y, x, y * 0.5),
        lambda: O.arctan2(x, y), lambda: O.power(O.abs(x) + 0.1, O.tanh(y)),
        lambda: O.concatenate([x, y], axis=-1), lambda: O.stack([x, y], axis=-1),
        lambda: O.cast(O.greater(x, y), "float32"), lambda: O.cast(O.equal(x, y), "float32"),
        lambda: O.cast(O.logical_or(x > 0.0, y > 0.0), "float32"), lambda: O.hypot(x, y),
        lambda: O.cast(O.logical_xor(x > 0.0, y > 0.0), "float32"),
        lambda: O.squared_difference(x, y) if hasattr(O, "squared_difference") else x,
        lambda: O.einsum("...i,...i->...", x, y)[..., None], lambda: O.floor_divide(x, O.abs(y) + 1.0),
        lambda: O.matmul(x[..., None], y[..., None, :]), lambda: x[..., None] @ y[..., None, :],
        lambda: O.sum(x * y, axis=-1, keepdims=True), lambda: O.hstack([x, y]),
        lambda: O.logaddexp(x, y), lambda: O.append(x, y, axis=1), lambda: O.divide_no_nan(x, y),
        lambda: O.dot(x, O.ones((y.shape[-1], 2))), lambda: O.tensordot(
            x, O.ones((y.shape[-1], 2)), axes=1), lambda: O.subtract(O.multiply(x, 0.3), O.add(y, 1.0)),
    )()


def operations(draw):
    """A few calls one after the other, with layers before and after."""
    shape = draw.one((4,), (3, 4), (2, 3, 2))
    inputs = [keras.Input(shape) for _ in range(draw.number(1, 2))]
    y = L.Dense(shape[-1])(inputs[0]) if draw.chance(0.6) else inputs[0]
    pool = [y] + inputs
    for _ in range(draw.number(2, 6)):
        x = pool[-1] if draw.chance(0.7) else draw.one(*pool)
        kind = draw.one("unary", "unary", "operator", "index", "reduce", "binary")
        same = [z for z in pool if z.shape == x.shape]
        if kind == "binary" and len(same) > 1:
            found = binary(draw, x, draw.one(*same))
        else:
            found = {"unary": unary, "operator": operator, "index": index, "reduce": reduce,
                     "binary": unary}[kind](draw, x)
        if keras.backend.is_float_dtype(found.dtype):
            pool.append(found)
        else:
            pool.append(O.cast(found, "float32"))
        if len(pool[-1].shape) > 5 or any(extent is None for extent in pool[-1].shape[1:]):
            pool.pop()
    last = pool[-1]
    if draw.chance(0.6):
        last = L.Dense(2)(L.Flatten()(last) if len(last.shape) != 2 else last)
    return inputs, [last]
