"""The table of `keras.ops` cases: one Python expression each, on the named inputs below."""

import numpy as np

# Name: shape and what its elements are.
INPUTS = {
    "x": ((2, 3, 4), "normal"), "y": ((2, 3, 4), "normal"), "z": ((2, 3, 4), "normal"),
    "p": ((2, 3, 4), "positive"), "q": ((2, 3, 4), "positive"), "u": ((2, 3, 4), "inner"),
    "w": ((2, 4, 5), "normal"), "r": ((3, 1), "normal"), "row": ((4,), "normal"),
    "v": ((2, 3), "normal"), "v2": ((2, 3), "normal"), "line": ((6,), "normal"),
    "short": ((3,), "normal"), "five": ((5, 4), "normal"), "wide": ((2, 9), "normal"),
    "nans": ((2, 3, 4), "nans"), "edge": ((2, 3, 4), "edges"),
    "m": ((2, 3, 3), "matrix"), "spd": ((2, 3, 3), "definite"), "low": ((2, 3, 3), "triangular"),
    "rhs": ((2, 3, 2), "normal"), "tall": ((2, 4, 3), "normal"), "flat": ((2, 3, 4), "normal"),
    "a": ((4, 3), "normal"), "n": ((3, 3), "matrix"), "b4": ((4, 2), "normal"),
    "rank1": ((3, 3), "rank one"),
    "photo": ((2, 6, 6, 3), "normal"), "first": ((2, 3, 6, 6), "normal"),
    "unit": ((2, 6, 6, 3), "unit"), "series": ((2, 8, 3), "normal"),
    "k1": ((3, 3, 2), "normal"), "k2": ((3, 3, 3, 2), "normal"), "k3": ((2, 2, 2, 3, 2), "normal"),
    "kt": ((3, 3, 2, 3), "normal"), "point": ((1, 1, 6, 2), "normal"),
    "cube": ((2, 4, 4, 4, 3), "normal"),
    "signal": ((2, 16), "normal"), "signal2": ((2, 16), "normal"), "plane": ((2, 4, 6), "normal"),
    "plane2": ((2, 4, 6), "normal"), "spec": ((2, 9), "normal"), "spec2": ((2, 9), "normal"),
    "frames": ((2, 7, 5), "normal"), "frames2": ((2, 7, 5), "normal"),
    "heads": ((2, 4, 2, 3), "normal"), "heads_k": ((2, 5, 2, 3), "normal"),
    "heads_v": ((2, 5, 2, 3), "normal"), "bias": ((2, 2, 4, 5), "normal"),
    "cols": ((2, 12, 16), "normal"),
    "prob": ((2, 4), "probabilities"), "truth": ((2, 4), "probabilities"),
    "logits": ((2, 5, 4), "normal"), "one": ((2, 4), "one hot"),
    "b": ((2, 3, 4), "bool"), "c": ((2, 3, 4), "bool"), "attend": ((2, 2, 4, 5), "attend"),
    "i": ((2, 3, 4), ("integers", 0, 3)), "j": ((2, 3, 4), ("integers", 1, 7)),
    "k": ((2, 3, 4), ("integers", -9, 9)), "idx": ((2, 2), ("integers", 0, 2)),
    "along": ((2, 2, 4), ("integers", 0, 3)), "labels": ((2, 5), ("integers", 0, 4)),
    "label": ((2,), ("integers", 0, 4)), "segments": ((6,), "segments"),
    "unsorted": ((6,), ("integers", 0, 3)), "sorted_line": ((6,), "sorted"),
    "scatter_at": ((3, 2), "places"), "scatter_one": ((3, 1), "rows"), "start": ((3,), "starts"),
    "lengths": ((2,), ("integers", 2, 5)), "target": ((2, 3), ("integers", 1, 4)),
    "target_lengths": ((2,), ("integers", 1, 3)), "counts": ((5,), ("integers", 0, 4)),
    "small": ((2, 3), ("integers", 0, 12)), "low2": ((3, 3), "triangular"),
}

NUMPY = """
abs(x)
absolute(k)
fabs(x)
add(x, y)
add(x, r)
add(x, 2)
add(1.5, x)
add(i, 2)
add(i, x)
add(x, np.array([1., 2., 3., 4.], "float32"))
add(i, 0.5)
x + y
x - 1
2 - x
x * y
x / 2
-x
x ** 2
2 ** x
x // 2
x % 2
x @ w
abs(x)
x > y
x >= 0
x < y
x <= 0
x != y
b & c
b | c
b ^ c
~b
all(b)
all(b, axis=1)
all(b, axis=(0, 2), keepdims=True)
all(x, axis=-1)
any(b)
any(b, axis=-1, keepdims=True)
any(i, axis=1)
allclose(x, y)
allclose(x, x, rtol=1e-3, atol=1e-5, equal_nan=True)
amax(x)
amax(x, axis=1, keepdims=True)
amin(x, axis=(0, 1))
angle(x)
append(x, y)
append(x, y, axis=1)
arccos(u)
arccosh(p + 1)
arcsin(u)
arcsinh(x)
arctan(x)
arctan2(x, y)
arctanh(u)
argmax(x)
argmax(x, axis=1)
argmax(x, axis=-1, keepdims=True)
argmin(x, axis=2)
argmin(x, keepdims=True)
argsort(x)
argsort(x, axis=1)
argsort(x, axis=None)
array(x)
array(x, dtype="int32")
array_split(x, 2, axis=2)
array_split(line, 4)
average(x)
average(x, axis=1)
average(x, axis=1, weights=p)
average(x, axis=2, weights=row * row)
bincount(counts, minlength=6)
bincount(small, minlength=12)
bitwise_and(i, j)
bitwise_invert(k)
bitwise_not(k)
bitwise_or(k, j)
bitwise_xor(k, j)
bitwise_left_shift(k, i)
left_shift(j, 2)
bitwise_right_shift(k, i)
right_shift(j, i)
broadcast_to(r, (2, 3, 4))
cbrt(x)
ceil(x)
ceil(i)
clip(x, -0.5, 0.7)
clip(k, -3, 4)
concatenate([x, y])
concatenate([x, y, z], axis=-1)
concatenate([x, i], axis=1)
conj(x)
conjugate(x)
copy(x)
cos(x)
cosh(x)
count_nonzero(i)
count_nonzero(i, axis=1)
count_nonzero(b, axis=(0, 2))
cross(v, v2)
cross(m, m + 1, axis=1)
cross(tall, tall * 2 + 1, axisa=2, axisb=2, axisc=1)
cross(x[..., :2], y[..., :2])
cumprod(x)
cumprod(x, axis=1)
cumprod(i, axis=2, dtype="float32")
cumsum(x)
cumsum(x, axis=-1)
cumsum(b, axis=1, dtype="int32")
deg2rad(x)
diag(line)
diag(short, k=1)
diag(short, k=-2)
diag(a)
diag(n, k=1)
diag(five, k=-2)
diagflat(v)
diagflat(short, k=-1)
diagonal(x)
diagonal(x, offset=1, axis1=1, axis2=2)
diagonal(x, offset=-1, axis1=2, axis2=0)
diff(x)
diff(x, n=2, axis=1)
digitize(x, np.array([-1., 0., 0.5], "float32"))
divide(x, p)
divide(i, j)
divide_no_nan(x, np.array([0., 2., 0., 4.], "float32"))
divide_no_nan(x, p)
dot(v, n)
dot(short, short)
dot(x, w)
dot(x, row)
dsplit(x, 2)
dstack([x, y])
dstack([line, line])
einsum("bij,bjk->bik", x, w)
einsum("bij->bji", x)
einsum("...ij,...j->...i", x, row)
einsum("bij,bij->", x, y)
empty_like(x) * 0
equal(x, y)
equal(i, 1)
exp(x)
exp(i)
exp2(x)
expand_dims(x, 1)
expand_dims(x, (0, -1))
expm1(x)
flip(x)
flip(x, axis=1)
flip(x, axis=(0, 2))
fliplr(x)
flipud(x)
floor(x)
floor_divide(x, p)
floor_divide(k, j)
fmax(x, nans)
fmin(nans, y)
fmod(x, p)
fmod(k, j)
full_like(x, 3)
full_like(x, 2, dtype="int32") + i
gcd(j, i)
x[0]
x[-1]
x[:, 1]
x[:, 1:, ::2]
x[..., 0]
x[..., None, 1:]
x[:, -2:, ::-1]
x[:, :, :-1]
x[1, ..., 2]
x[::-1, ::2]
geomspace(p, q + 1, num=4)
geomspace(p, q, num=3, endpoint=False, axis=-1)
greater(x, y)
greater_equal(x, 0.1)
heaviside(x, y)
hsplit(x, 3)
hsplit(line, [2, 3])
hstack([x, y])
hypot(x, y)
i0(x)
imag(x)
inner(x, y)
inner(short, v)
isclose(x, y)
isclose(x, x, equal_nan=True)
isfinite(edge)
isin(i, np.array([0, 2], "int32"))
isin(i, j, invert=True)
isinf(edge)
isnan(nans)
isneginf(edge)
isposinf(edge)
isreal(x)
kron(v, v2)
kron(short, line)
lcm(j, i + 1)
ldexp(x, i)
less(x, y)
less_equal(i, 1)
linspace(x, y, num=5)
linspace(x, y, num=4, endpoint=False, axis=-1)
linspace(v, 2.0, num=3, axis=1, dtype="float32")
log(p)
log10(p)
log1p(p)
log2(p)
logaddexp(x, y)
logaddexp2(x, y)
logical_and(b, c)
logical_and(x, i)
logical_not(b)
logical_not(i)
logical_or(b, c)
logical_xor(b, c)
logspace(x, y, num=3)
logspace(x, y, num=3, endpoint=False, base=2, axis=1)
matmul(x, w)
matmul(x, row)
matmul(row, w)
matmul(short, short)
matmul(five, a)
max(x)
max(x, axis=1)
max(x, axis=(1, 2), keepdims=True)
max(x, axis=2, initial=0.5)
maximum(x, y)
maximum(x, 0)
mean(x)
mean(x, axis=1)
mean(i, axis=(0, -1), keepdims=True)
mean(b)
median(x)
median(x, axis=1)
median(x, axis=2, keepdims=True)
median(x, axis=(1, 2))
meshgrid(line, short)
meshgrid(line, short, indexing="ij")
meshgrid(line, short, row)
min(x, axis=-1)
min(x, initial=-0.5)
minimum(x, y)
mod(x, p)
mod(k, j)
moveaxis(x, 0, -1)
moveaxis(x, (0, 1), (2, 0))
multiply(x, y)
multiply(b, x)
nan_to_num(edge)
nan_to_num(edge, nan=1.0, posinf=2.0, neginf=-3.0)
nanargmax(nans, axis=1)
nanargmin(nans, axis=-1, keepdims=True)
nancumprod(nans, axis=1)
nancumsum(nans)
nancumsum(nans, axis=2)
nanmax(nans, axis=1)
nanmean(nans)
nanmean(nans, axis=-1, keepdims=True)
nanmedian(nans, axis=2)
nanmedian(nans)
nanmin(nans, axis=(0, 1))
nanpercentile(nans, 30)
nanprod(nans, axis=1)
nanquantile(nans, 0.3, axis=1)
nanquantile(nans, np.array([0.1, 0.6], "float32"), axis=2, keepdims=True)
nanstd(nans, axis=1)
nansum(nans)
nansum(nans, axis=(0, 2), keepdims=True)
nanvar(nans, axis=2)
negative(x)
nextafter(x, y)
not_equal(i, j)
ones_like(x)
ones_like(i, dtype="float32") * x
outer(v, short)
outer(line, short)
pad(x, 1)
pad(x, ((0, 0), (1, 2), (0, 1)))
pad(x, ((1, 0), (1, 2), (0, 1)), constant_values=2)
pad(x, ((0, 0), (1, 2), (2, 1)), mode="reflect")
pad(x, ((1, 0), (1, 2), (2, 1)), mode="symmetric")
pad(x, ((0, 0), (1, 2), (2, 1)), mode="edge")
pad(x, ((0, 0), (1, 2), (2, 1)), mode="wrap")
pad(line, (2, 1))
percentile(x, 30)
percentile(x, 75, axis=1, method="lower")
power(p, y)
power(x, 2)
power(k, 2)
prod(x)
prod(x, axis=1, keepdims=True)
prod(i, axis=2, dtype="float32")
ptp(x)
ptp(x, axis=1, keepdims=True)
quantile(x, 0.4)
quantile(x, 0.25, axis=1, keepdims=True)
quantile(x, np.array([0.1, 0.5, 0.9], "float32"), axis=2)
quantile(x, 0.4, axis=2, method="lower")
quantile(x, 0.4, axis=2, method="higher")
quantile(x, 0.4, axis=2, method="nearest")
quantile(x, 0.4, axis=2, method="midpoint")
quantile(x, 0.4, axis=(1, 2))
rad2deg(x)
ravel(x)
real(x)
reciprocal(p)
repeat(x, 2)
repeat(x, 3, axis=1)
repeat(x, np.array([1, 2, 0, 1]), axis=2)
reshape(x, (-1, 12))
reshape(x, (2, 4, 3))
roll(x, 2)
roll(x, 1, axis=1)
roll(x, (1, -2), axis=(1, 2))
rot90(x)
rot90(x, k=2, axes=(1, 2))
rot90(x, k=3, axes=(2, 1))
round(x)
round(x, decimals=1)
searchsorted(sorted_line, line)
searchsorted(sorted_line, v, side="right")
select([b, c], [x, y], default=0.5)
select([b, c], [x, y], z)
sign(x)
sign(k)
signbit(x)
sin(x)
sinc(x)
sinh(x)
slogdet(m)
sort(x)
sort(x, axis=1)
split(x, 2, axis=2)
split(x, [1, 2], axis=1)
sqrt(p)
sqrt(i)
square(x)
square(i)
squeeze(r)
squeeze(r, axis=1)
stack([x, y])
stack([x, y, z], axis=-1)
std(x)
std(x, axis=1, keepdims=True)
subtract(x, y)
subtract(3, x)
sum(x)
sum(x, axis=1)
sum(x, axis=(0, -1), keepdims=True)
sum(b, axis=1)
swapaxes(x, 0, 2)
take(x, idx)
take(x, idx, axis=1)
take(x, np.array([0, -1], "int32"), axis=2)
take(x, 1, axis=1)
take_along_axis(x, along, axis=1)
take_along_axis(line, unsorted)
tan(u)
tanh(x)
tensordot(x, w, axes=0)[0, 0]
tensordot(x, w, axes=[[2], [1]])
tensordot(x, transpose(y, (1, 2, 0)), axes=2)
tensordot(v, n, axes=1)
tile(x, 2)
tile(x, (2, 1, 3))
tile(v, (2, 1, 1))
trace(x)
trace(x, offset=1, axis1=1, axis2=2)
transpose(x)
transpose(x, (1, 2, 0))
transpose(x, axes=(0, -1, 1))
trapezoid(x)
trapezoid(x, dx=0.5, axis=1)
tril(x)
tril(m, k=-1)
triu(x, k=1)
true_divide(x, y)
trunc(x * 3)
unravel_index(small, (3, 4))
vander(short)
vander(short, N=4, increasing=True)
var(x)
var(x, axis=(1, 2))
vdot(x, y)
vsplit(a, 2)
vstack([x, y])
vstack([line, line])
where(b, x, y)
where(b, x, 0)
where(x > 0, x, -1.0)
where(b, i, x)
zeros_like(x) + i
zeros_like(x, dtype="int32")
corrcoef(a)
corrcoef(v)
correlate(line, short)
correlate(line, short, mode="same")
correlate(line, short, mode="full")
take_along_axis(x, argpartition(x, 1), axis=-1)[..., 1]
take_along_axis(x, argpartition(x, 2, axis=1), axis=1)[:, 2]
histogram(line, bins=4)
histogram(line, bins=3, range=(-1, 1))
unique(i, size=5)
unique(k, return_inverse=True, return_counts=True, size=12, fill_value=0)
unique(k, return_index=True, return_counts=True, size=22)
nonzero(i)
view(x, dtype="int32")
view(k, dtype="float32")
"""

NN = """
relu(x)
relu6(x * 4)
sigmoid(x)
sparse_sigmoid(x)
softplus(x)
softsign(x)
soft_shrink(x)
soft_shrink(x, threshold=0.2)
sparse_plus(x)
silu(x)
squareplus(x)
squareplus(x, b=2)
log_sigmoid(x)
leaky_relu(x)
leaky_relu(x, negative_slope=0.1)
hard_sigmoid(x * 2)
hard_silu(x * 2)
elu(x)
elu(x, alpha=0.7)
selu(x)
gelu(x)
gelu(x, approximate=False)
celu(x, alpha=0.5)
glu(x)
glu(wide[:, :8], axis=1)
tanh_shrink(x)
hard_tanh(x)
hard_shrink(x, threshold=0.3)
threshold(x, 0.2, -0.4)
softmax(x)
softmax(x, axis=1)
softmax(x, axis=None)
softmax(x, axis=(1, 2))
log_softmax(x)
log_softmax(x, axis=1)
log_softmax(x, axis=None)
sparsemax(x)
sparsemax(x, axis=1)
max_pool(photo, (2, 2))
max_pool(photo, (2, 3), strides=(1, 2), padding="same")
max_pool(first, 2, strides=1, data_format="channels_first")
max_pool(series, 3, strides=2)
max_pool(cube, (2, 2, 2))
average_pool(photo, (2, 2))
average_pool(photo, (2, 3), strides=2, padding="same")
average_pool(series, (2,), padding="same")
average_pool(first, (3, 3), data_format="channels_first")
adaptive_max_pool(photo, (3, 2))
adaptive_max_pool(series, (5,))
adaptive_average_pool(photo, (4, 4))
adaptive_average_pool(first, (2, 4), data_format="channels_first")
adaptive_average_pool(cube, (3, 3, 3))
conv(photo, k2)
conv(photo, k2, strides=2, padding="same")
conv(photo, k2, dilation_rate=(2, 1))
conv(first, k2, strides=(1, 2), data_format="channels_first")
conv(series, k1, padding="same")
conv(cube, k3)
depthwise_conv(photo, k2)
depthwise_conv(photo, k2, strides=2, padding="same")
depthwise_conv(series, k1, data_format="channels_last")
separable_conv(photo, k2, point)
separable_conv(photo, k2, point, strides=2, padding="same")
conv_transpose(photo, kt, strides=2)
conv_transpose(photo, kt, strides=2, padding="same")
conv_transpose(photo, kt, strides=2, padding="same", output_padding=1)
one_hot(i, 3)
one_hot(i, 4, axis=1, dtype="int32")
one_hot(label, 4, dtype="bool")
binary_crossentropy(u * u, sigmoid(x))
binary_crossentropy(b, x, from_logits=True)
categorical_crossentropy(truth, prob)
categorical_crossentropy(truth, prob - 0.5, from_logits=True)
categorical_crossentropy(x * x, p, axis=1)
sparse_categorical_crossentropy(label, prob)
sparse_categorical_crossentropy(labels, logits, from_logits=True)
multi_hot(i, 4)
multi_hot(label, 4)
moments(x, axes=1)
moments(x, axes=[0, 2], keepdims=True)
batch_normalization(x, row, row * row, -1)
batch_normalization(x, short, short * short, 1, offset=short, scale=short + 1, epsilon=0.01)
ctc_loss(target, logits, target_lengths, lengths)
ctc_loss(target, logits, target_lengths, lengths + 2)
ctc_loss(target, logits, target_lengths, lengths + 2, mask_index=3)
ctc_decode(logits, lengths)
ctc_decode(logits, lengths + 1, merge_repeated=False, mask_index=2)
normalize(x)
normalize(x, axis=1, order=1)
normalize(x, axis=2, order=3, epsilon=1e-3)
psnr(x, y, 2.0)
dot_product_attention(heads, heads_k, heads_v)
dot_product_attention(heads, heads_k, heads_v, bias=bias)
dot_product_attention(heads, heads_k, heads_v, mask=attend)
dot_product_attention(heads, heads_k, heads_v, scale=0.3)
dot_product_attention(heads_k, heads_k, heads_v, is_causal=True)
rms_normalization(x)
rms_normalization(x, row, axis=-1, epsilon=0.01)
layer_normalization(x)
layer_normalization(x, row, row * 2, axis=-1, epsilon=0.01)
layer_normalization(x, axis=(1, 2))
unfold(first, 2)
unfold(first, (2, 3), dilation=2, padding=1, stride=2)
fold(cols[:, :, :9], 4, 2)
fold(cols[:, :, :4], 4, 2, stride=2)
fold(cols[:, :, :9], (4, 4), 2, padding=1, stride=2)
depth_to_space(reshape(cols, (2, 4, 4, 12)), 2)
depth_to_space(reshape(cols, (2, 12, 4, 4)), 2, data_format="channels_first")
space_to_depth(photo, 2)
space_to_depth(first, 3, data_format="channels_first")
polar(p, x)
hard_swish(x)
swish(x)
"""

MATH = """
segment_sum(line, segments, num_segments=4)
segment_sum(reshape(x, (6, 4)), unsorted, num_segments=3, sorted=False)
segment_max(line, segments, num_segments=3)
segment_max(reshape(x, (6, 4)), unsorted, num_segments=3)
segment_min(line, unsorted, num_segments=3)
segment_prod(line, unsorted, num_segments=3)
segment_sum(line, np.array([0, 0, 1, 1, 1, 2], "int32"), num_segments=3, sorted=True)
top_k(x, 2)
top_k(x, 3, sorted=False)
in_top_k(label, prob, 2)
logsumexp(x)
logsumexp(x, axis=1, keepdims=True)
logsumexp(x, axis=(0, 2))
cdist(x, flat)
extract_sequences(signal, 6, 3)
extract_sequences(plane, 3, 2)
fft((signal, signal2))
fft2((plane, plane2))
ifft2((plane, plane2))
rfft(signal)
rfft(signal, fft_length=12)
rfft(plane, 9)
irfft((spec, spec2))
irfft((spec, spec2), fft_length=12)
irfft((spec, spec2), 15)
stft(signal, 8, 4, 8)
stft(signal, 6, 3, 9, window="hamming", center=False)
stft(signal, 6, 2, 8, window=None)
istft((frames, frames2), 8, 4, 8)
istft((frames, frames2), 6, 3, 8, window="hamming", length=18)
istft((frames, frames2), 8, 2, 8, center=False, window=None)
rsqrt(p)
erf(x)
erfc(x)
erfinv(u)
logdet(spd)
view_as_complex(x[..., :2])
view_as_real(x)
"""

CORE = """
cast(x, "int32")
cast(k, "float32")
cast(x, "float16")
cast(cast(x, "bfloat16"), "float32")
cast(i, "bool")
saturate_cast(x * 200, "uint8")
convert_to_tensor(x)
convert_to_tensor(x, dtype="float16")
stop_gradient(x) * x
scatter(scatter_at, short, (3, 4))
scatter(scatter_one, n, (4, 3))
scatter_update(a, scatter_at, short)
scatter_update(a, scatter_at, short, reduction="add")
scatter_update(a, scatter_at, short, reduction="max")
scatter_update(a, scatter_at, short, reduction="min")
scatter_update(a, scatter_at, short, reduction="mul")
scatter_update(a, np.array([[0, 0], [2, 1]], "int32"), np.array([1., 2.], "float32"))
scatter_update(a, scatter_one, n)
slice(x, (0, 1, 2), (2, 2, 2))
slice(x, start, (1, 2, 2))
slice(x, (0, 1, 2), (-1, 2, -1))
slice_update(x, (0, 1, 2), y[:, :2, :2])
slice_update(x, start, y[:1, :2, :2])
unstack(x)
unstack(x, axis=1)
unstack(x, num=4, axis=-1)
shape(x)[1] * x
"""

LINALG = """
cholesky(spd)
cholesky(spd, upper=True)
cholesky_inverse(low2)
cholesky_inverse(transpose(low2), upper=True)
det(m)
det(n)
eigh(spd)[0]
eig(m)[0]
abs(eigh(spd)[1])
(lambda e: matmul(e[1] * exp(e[0])[:, None, :], transpose(e[1], (0, 2, 1))))(eigh(spd))
inv(m)
inv(n)
lu_factor(m)
norm(x)
norm(v)
norm(x, axis=1)
norm(x, ord=1, axis=2)
norm(x, ord=3, axis=-1, keepdims=True)
norm(x, ord=0, axis=1)
norm(x, ord=np.inf, axis=1)
norm(x, ord=-np.inf, axis=1)
norm(x, axis=(1, 2), keepdims=True)
norm(x, ord="fro", axis=(1, 2))
norm(x, ord=1, axis=(1, 2))
norm(x, ord=-1, axis=(1, 2))
norm(x, ord=np.inf, axis=(1, 2))
norm(x, ord=-np.inf, axis=(1, 2))
norm(x, ord="nuc", axis=(1, 2))
norm(x, ord=2, axis=(1, 2))
norm(x, ord=-2, axis=(1, 2))
qr(tall)
qr(tall, mode="complete")[1]
abs(qr(tall, mode="complete")[0][:, :, :3])
qr(flat)
solve(m, rhs)
solve_triangular(low, rhs, lower=True)
solve_triangular(transpose(low, (0, 2, 1)), rhs)
abs(svd(tall)[0][:, :, :3])
svd(tall)[1]
abs(svd(tall)[2])
(lambda s: matmul(s[0] * exp(s[1])[:, None, :], s[2]))(svd(tall, full_matrices=False))
(lambda s: matmul(s[0] * exp(s[1])[:, None, :], s[2]))(svd(flat, full_matrices=False))
svd(m, compute_uv=False)
lstsq(a, b4)
lstsq(a, b4, rcond=1e-3)
matrix_rank(m)
matrix_rank(rank1)
pinv(tall)
pinv(flat, rcond=1e-5)
slogdet(m)
"""

EINOPS = """
rearrange(x, "a b c -> b c a")
rearrange(x, "a b c -> a (b c)")
rearrange(x, "a b (c d) -> a c b d", d=2)
rearrange(photo, "n (h p) (w q) c -> n (h w) (p q c)", p=2, q=3)
"""

IMAGE = """
image.rgb_to_grayscale(unit)
image.rgb_to_hsv(unit)
image.hsv_to_rgb(unit)
image.resize(photo, (4, 8))
image.resize(photo, (9, 5), interpolation="nearest")
image.resize(photo, (4, 4), interpolation="bicubic", antialias=True)
image.resize(photo, (8, 4), crop_to_aspect_ratio=True)
image.resize(photo, (8, 4), pad_to_aspect_ratio=True, fill_value=0.5)
image.affine_transform(photo[0], np.array([0.9, 0.1, 0.3, -0.1, 1.1, 0.2, 0., 0.], "float32"))
image.affine_transform(photo[0], np.array([0.9, 0.1, 0.3, -0.1, 1.1, 0.2, 0., 0.], "float32"), fill_mode="reflect")
image.extract_patches(photo, 3)
image.extract_patches(photo, (2, 3), strides=2, padding="same")
image.map_coordinates(five, np.array([[0.5, 1.2], [1.5, 2.7]], "float32"), 1)
image.pad_images(photo, top_padding=1, left_padding=2, target_height=9, target_width=9)
image.crop_images(photo, top_cropping=1, left_cropping=2, target_height=3, target_width=3)
image.gaussian_blur(photo)
image.perspective_transform(photo, np.array([[[0., 0.], [0., 5.], [5., 0.], [5., 5.]]] * 2, "float32"), np.array([[[0., 1.], [1., 5.], [5., 0.], [4., 4.]]] * 2, "float32"))
image.scale_and_translate(photo, (2, 8, 8, 3), np.array([1.5, 1.2], "float32"), np.array([0.5, 0.1], "float32"), (1, 2), "linear")
image.sobel_edges(photo)
image.ssim(unit, sigmoid(photo), filter_size=3)
"""



def split(table, *firsts):
    """A table cut before the given lines."""
    ends = [table.index("\n" + first + "\n") + 1 for first in firsts] + [len(table)]
    return [table[start:end] for start, end in zip([0] + ends, ends)]


A_TO_E, E_TO_L, M_TO_Q, R_TO_Z = split(NUMPY, "equal(x, y)", "matmul(x, w)", "rad2deg(x)")
# Shapes that are written out leave no room for another batch size.
FIXED_BATCH = {
    'image.perspective_transform(photo, '
    'np.array([[[0., 0.], [0., 5.], [5., 0.], [5., 5.]]] * 2, "float32"), np.array([[[0'
    '., 1.], [1., 5.], [5., 0.], [4., 4.]]] * 2, "float32"))',
    "segment_sum(reshape(x, (6, 4)), unsorted, num_segments=3, sorted=False)",
    "segment_max(reshape(x, (6, 4)), unsorted, num_segments=3)",
    "depth_to_space(reshape(cols, (2, 4, 4, 12)), 2)",
    'depth_to_space(reshape(cols, (2, 12, 4, 4)), 2, data_format="channels_first")',
    "reshape(x, (2, 4, 3))", "slice(x, (0, 1, 2), (2, 2, 2))",
    'image.scale_and_translate(photo, (2, 8, 8, 3), np.array([1.5, 1.2], "float32"), '
    'np.array([0.5, 0.1], "float32"), (1, 2), "linear")',
}
# The rest of a full basis is arbitrary, and so is its gradient.
# No bits are left of the gradient where a probability is zero, whose logarithm is -1e5 in Keras.
NO_GRADIENT = {'qr(tall, mode="complete")[1]', 'abs(qr(tall, mode="complete")[0][:, :, :3])',
               "ctc_loss(target, logits, target_lengths, lengths)"}
TABLES = {"numpy_a_to_e": A_TO_E, "numpy_e_to_l": E_TO_L, "numpy_m_to_q": M_TO_Q,
          "numpy_r_to_z": R_TO_Z, "nn": NN, "math": MATH, "core": CORE, "linalg": LINALG,
          "einops": EINOPS, "image": IMAGE}


def values(name, random):
    """The elements of an input."""
    shape, kind = INPUTS[name]
    normal = random.normal(size=shape)
    if isinstance(kind, tuple):
        return random.integers(kind[1], kind[2], size=shape).astype("int32")
    # No element is near a kink, such as zero or an integer, nor near another element.
    if kind == "normal":
        return normal
    if kind == "positive":
        return np.abs(normal) + 0.3
    if kind == "inner":
        return np.tanh(normal) * 0.9
    if kind == "unit":
        return random.uniform(0.05, 0.95, size=shape)
    if kind == "nans":
        return np.where(random.uniform(size=shape) < 0.2, np.nan, normal)
    if kind == "edges":
        normal.flat[[1, 5, 8, 12]] = [np.nan, np.inf, -np.inf, 0]
        return normal
    if kind == "matrix":
        return normal + 2 * np.eye(shape[-1])
    if kind == "definite":
        return normal @ normal.swapaxes(-1, -2) + np.eye(shape[-1])
    if kind == "triangular":
        return np.tril(normal) + 2 * np.eye(shape[-1])
    if kind == "rank one":
        return normal[:, :1] * normal[:1, :]
    if kind == "probabilities":
        return np.abs(normal) / np.abs(normal).sum(-1, keepdims=True)
    if kind == "one hot":
        return np.eye(shape[-1])[random.integers(0, shape[-1], size=shape[:-1])]
    if kind == "bool":
        return random.uniform(size=shape) < 0.5
    if kind == "attend":
        allowed = random.uniform(size=shape) < 0.6
        allowed[..., 0] = True
        return allowed
    if kind == "sorted":
        return np.sort(normal)
    fixed = {"segments": [0, 0, 1, 2, 2, 2], "places": [[0, 1], [2, 0], [1, 2]],
             "rows": [[2], [0], [1]], "starts": [1, 1, 2]}
    return np.array(fixed[kind], "int32")
