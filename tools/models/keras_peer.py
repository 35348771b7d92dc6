"""Models of many kinds, trained and asked for predictions by Keras, or saved for Ibex.

    KERAS_BACKEND=jax python keras_peer.py NAME            prints one JSON line
    SAVE=DIR python keras_peer.py NAME                     writes DIR/NAME.keras and DIR/NAME.npz
    python keras_peer.py --list                            prints the names

SECS is how long steps are measured.
"""

import json
import os
import resource
import sys
import time

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
from keras import layers as L
from keras import ops

RANDOM = np.random.RandomState(0)
Input, Dense, Conv, Norm, Drop = L.Input, L.Dense, L.Conv2D, L.BatchNormalization, L.Dropout


def numbers(*shape):
    return RANDOM.randn(*shape).astype("float32")


def bits(*shape):
    return RANDOM.randint(0, 2, shape).astype("float32")


def classes(count, *shape):
    return RANDOM.randint(0, count, shape).astype("int32")


def chain(*layers):
    return keras.Sequential(list(layers))


def norm_relu(x):
    return L.ReLU()(Norm()(x))


def classifier(inputs, x, count=10):
    return keras.Model(inputs, Dense(count, activation="softmax")(L.GlobalAveragePooling2D()(x)))


def positions(x, count, width):
    """A learned vector for each place of a sequence."""
    index = ops.cumsum(ops.ones_like(x, dtype="int32"), axis=1) - 1
    return L.Embedding(count, width)(index)


def inverted_residuals():
    def block(x, filters, stride, factor):
        channels = x.shape[-1]
        y = L.ReLU(6.0)(Norm()(Conv(channels * factor, 1, use_bias=False)(x)))
        y = L.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
        y = Norm()(Conv(filters, 1, use_bias=False)(L.ReLU(6.0)(Norm()(y))))
        return L.add([x, y]) if stride == 1 and channels == filters else y

    inputs = Input((96, 96, 3))
    x = L.ReLU(6.0)(Norm()(Conv(32, 3, 2, padding="same", use_bias=False)(inputs)))
    rows = ((16, 1, 1, 1), (24, 2, 6, 2), (32, 2, 6, 3), (64, 2, 6, 4), (96, 1, 6, 3))
    for filters, stride, factor, count in rows:
        for index in range(count):
            x = block(x, filters, stride if index == 0 else 1, factor)
    return classifier(inputs, x)


def squeeze_and_excite():
    def block(x, filters, stride, factor, kernel):
        channels = x.shape[-1]
        y = L.Activation("swish")(Norm()(Conv(channels * factor, 1, use_bias=False)(x)))
        y = L.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False)(y)
        y = L.Activation("swish")(Norm()(y))
        s = L.GlobalAveragePooling2D(keepdims=True)(y)
        s = Conv(max(4, y.shape[-1] // 24), 1, activation="swish")(s)
        y = L.multiply([y, Conv(y.shape[-1], 1, activation="sigmoid")(s)])
        y = Norm()(Conv(filters, 1, use_bias=False)(y))
        return L.add([x, y]) if stride == 1 and channels == filters else y

    inputs = Input((64, 64, 3))
    x = L.Activation("swish")(Norm()(Conv(32, 3, 2, padding="same", use_bias=False)(inputs)))
    for row in ((16, 1, 1, 3), (24, 2, 6, 3), (24, 1, 6, 3), (40, 2, 6, 5), (40, 1, 6, 5), (80, 2, 6, 3)):
        x = block(x, *row)
    return classifier(inputs, x)


def unet():
    inputs = x = Input((128, 128, 3))
    skips = []
    for filters in (16, 32, 64):
        for _ in range(2):
            x = Conv(filters, 3, padding="same", activation="relu")(x)
        skips.append(x)
        x = L.MaxPooling2D(2)(x)
    x = Conv(128, 3, padding="same", activation="relu")(x)
    for filters, skip in zip((64, 32, 16), reversed(skips)):
        x = L.concatenate([L.Conv2DTranspose(filters, 2, 2)(x), skip])
        for _ in range(2):
            x = Conv(filters, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, Conv(1, 1, activation="sigmoid")(x))


def unet_bilinear():
    inputs = x = Input((96, 96, 3))
    skips = []
    for filters in (24, 48, 96):
        x = norm_relu(Conv(filters, 3, padding="same")(x))
        skips.append(x)
        x = L.MaxPooling2D(2)(x)
    x = norm_relu(Conv(128, 3, padding="same")(x))
    for filters, skip in zip((96, 48, 24), reversed(skips)):
        x = L.concatenate([L.UpSampling2D(2, interpolation="bilinear")(x), skip])
        x = norm_relu(Conv(filters, 3, padding="same")(x))
    return keras.Model(inputs, Conv(8, 1, activation="softmax")(x))


def dilated():
    inputs = Input((64, 64, 3))
    x = norm_relu(Conv(32, 3, 2, padding="same")(inputs))
    x = norm_relu(Conv(64, 3, padding="same")(x))
    rates = [norm_relu(Conv(32, 1)(x))]
    rates += [norm_relu(Conv(32, 3, padding="same", dilation_rate=rate)(x)) for rate in (2, 4, 6)]
    pooled = norm_relu(Conv(32, 1)(L.AveragePooling2D(32)(x)))
    rates.append(L.UpSampling2D(32, interpolation="bilinear")(pooled))
    x = norm_relu(Conv(64, 1)(L.concatenate(rates)))
    x = L.UpSampling2D(2, interpolation="bilinear")(x)
    return keras.Model(inputs, Conv(5, 1, activation="softmax")(x))


def dense_blocks():
    inputs = Input((32, 32, 3))
    x = Conv(24, 3, padding="same")(inputs)
    for block in range(3):
        for _ in range(6):
            y = Conv(12, 3, padding="same")(norm_relu(Conv(48, 1)(norm_relu(x))))
            x = L.concatenate([x, y])
        if block < 2:
            x = L.AveragePooling2D(2)(Conv(x.shape[-1] // 2, 1)(norm_relu(x)))
    return classifier(inputs, norm_relu(x))


def resnet20():
    inputs = Input((32, 32, 3))
    x = norm_relu(Conv(16, 3, padding="same", use_bias=False)(inputs))
    for filters in (16, 32, 64):
        for index in range(3):
            stride = 2 if index == 0 and filters != 16 else 1
            y = norm_relu(Conv(filters, 3, stride, padding="same", use_bias=False)(x))
            y = Norm()(Conv(filters, 3, padding="same", use_bias=False)(y))
            if stride != 1:
                x = Conv(filters, 1, stride)(x)
            x = L.ReLU()(L.add([x, y]))
    return classifier(inputs, x)


def grouped():
    inputs = Input((32, 32, 3))
    x = norm_relu(Conv(64, 3, padding="same", use_bias=False)(inputs))
    for filters, stride in ((64, 1), (64, 1), (128, 2), (128, 1)):
        y = norm_relu(Conv(filters, 1, use_bias=False)(x))
        y = Conv(filters, 3, stride, padding="same", groups=16, use_bias=False)(y)
        y = Norm()(Conv(filters, 1, use_bias=False)(norm_relu(y)))
        if x.shape != y.shape:
            x = Norm()(Conv(filters, 1, stride, use_bias=False)(x))
        x = L.ReLU()(L.add([x, y]))
    return classifier(inputs, x)


def mini_xception():
    inputs = Input((48, 48, 1))
    x = norm_relu(Conv(8, 3, use_bias=False)(norm_relu(Conv(8, 3, use_bias=False)(inputs))))
    for filters in (16, 32, 64, 128):
        skip = Norm()(Conv(filters, 1, 2, padding="same", use_bias=False)(x))
        y = norm_relu(L.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x))
        y = Norm()(L.SeparableConv2D(filters, 3, padding="same", use_bias=False)(y))
        x = L.add([L.MaxPooling2D(3, 2, padding="same")(y), skip])
    x = L.GlobalAveragePooling2D()(Conv(7, 3, padding="same")(x))
    return keras.Model(inputs, L.Activation("softmax")(x))


def siamese():
    inputs = Input((2, 28, 28, 1))
    tower = chain(
        Input((28, 28, 1)), Conv(32, 3, activation="relu"), L.MaxPooling2D(2),
        Conv(64, 3, activation="relu"), L.MaxPooling2D(2), L.Flatten(), Dense(128, "relu"),
    )
    distance = ops.abs(tower(inputs[:, 0]) - tower(inputs[:, 1]))
    return keras.Model(inputs, Dense(1, "sigmoid")(distance))


def wavenet():
    inputs = Input((1024, 1))
    x = L.Conv1D(32, 1)(inputs)
    skips = []
    for rate in (1, 2, 4, 8, 16, 32, 64, 128):
        both = [
            L.Conv1D(32, 2, dilation_rate=rate, padding="causal", activation=name)(x)
            for name in ("tanh", "sigmoid")
        ]
        skips.append(L.Conv1D(32, 1)(L.multiply(both)))
        x = L.add([x, skips[-1]])
    x = L.ReLU()(L.Conv1D(32, 1, activation="relu")(L.ReLU()(L.add(skips))))
    return keras.Model(inputs, L.Conv1D(1, 1)(x))


def vision_transformer():
    inputs = Input((32, 32, 3))
    x = L.Reshape((64, 128))(Conv(128, 4, 4)(inputs))
    x = L.add([x, positions(x[..., 0], 64, 128)])
    for _ in range(4):
        n = L.LayerNormalization()(x)
        x = L.add([x, L.MultiHeadAttention(4, 32, dropout=0.1)(n, n)])
        n = Drop(0.1)(Dense(256, "gelu")(L.LayerNormalization()(x)))
        x = L.add([x, Drop(0.1)(Dense(128)(n))])
    return keras.Model(inputs, Dense(10)(L.GlobalAveragePooling1D()(L.LayerNormalization()(x))))


def masked_language():
    inputs = Input((64,), dtype="int32")
    x = L.Embedding(3000, 128, mask_zero=True)(inputs)
    x = L.LayerNormalization()(L.add([x, positions(inputs, 64, 128)]))
    for _ in range(3):
        x = L.LayerNormalization()(L.add([x, L.MultiHeadAttention(8, 16, dropout=0.1)(x, x)]))
        x = L.LayerNormalization()(L.add([x, Drop(0.1)(Dense(128)(Dense(512, "gelu")(x)))]))
    return keras.Model(inputs, Dense(3000)(x))


def text_transformer():
    inputs = Input((200,), dtype="int32")
    x = L.add([L.Embedding(20000, 32)(inputs), positions(inputs, 200, 32)])
    x = L.LayerNormalization()(L.add([x, Drop(0.1)(L.MultiHeadAttention(2, 32)(x, x))]))
    x = L.LayerNormalization()(L.add([x, Drop(0.1)(Dense(32)(Dense(32, "relu")(x)))]))
    x = Drop(0.1)(Dense(20, "relu")(Drop(0.1)(L.GlobalAveragePooling1D()(x))))
    return keras.Model(inputs, Dense(2, "softmax")(x))


def series_transformer():
    inputs = Input((96, 8))
    x = Dense(64)(inputs)
    for _ in range(2):
        x = L.LayerNormalization()(L.add([x, L.MultiHeadAttention(4, 16, dropout=0.1)(x, x)]))
        y = Drop(0.1)(L.Conv1D(64, 1)(L.Conv1D(128, 1, activation="relu")(x)))
        x = L.LayerNormalization()(L.add([x, y]))
    return keras.Model(inputs, Dense(1)(Dense(64, "relu")(L.GlobalAveragePooling1D()(x))))


def translation():
    inputs = Input((40,), dtype="int32")
    x = L.Embedding(5000, 128, mask_zero=True)(inputs)
    h = L.Bidirectional(L.GRU(128, return_sequences=True))(x)
    d = L.GRU(256, return_sequences=True)(h)
    return keras.Model(inputs, Dense(5000)(L.concatenate([d, L.Attention()([d, h])])))


def many_embeddings():
    inputs = Input((26,), dtype="int32")
    columns = [L.Embedding(1000, 16)(inputs[:, at : at + 1]) for at in range(26)]
    x = L.Flatten()(L.concatenate(columns, axis=1))
    return keras.Model(inputs, Dense(1, "sigmoid")(Dense(128, "relu")(Dense(256, "relu")(x))))


def application(name, side):
    network = getattr(keras.applications, name)
    return network(weights=None, input_shape=(side, side, 3), classes=10)


def vgg_cifar():
    layers = []
    for filters in (32, 64, 128):
        for _ in range(2):
            layers += [Conv(filters, 3, padding="same", activation="relu"), Norm()]
        layers += [L.MaxPooling2D(2), Drop(0.25)]
    head = [L.Flatten(), Dense(128, "relu"), Drop(0.5), Dense(10, "softmax")]
    return chain(Input((32, 32, 3)), *layers, *head)


def group_norm():
    layers = []
    for filters in (32, 64, 128):
        layers += [Conv(filters, 3, padding="same"), L.GroupNormalization(8)]
        layers += [L.Activation("swish"), L.AveragePooling2D(2)]
    return chain(Input((32, 32, 3)), *layers, L.GlobalAveragePooling2D(), Dense(10, "softmax"))


def generator():
    def up(filters, stride):
        layer = L.Conv2DTranspose(filters, 5, stride, padding="same", use_bias=False)
        return layer, Norm(), L.LeakyReLU(negative_slope=0.2)

    first = (Dense(7 * 7 * 256, use_bias=False), Norm(), L.LeakyReLU(negative_slope=0.2))
    last = L.Conv2DTranspose(1, 5, 2, padding="same", activation="tanh")
    return chain(Input((100,)), *first, L.Reshape((7, 7, 256)), *up(128, 1), *up(64, 2), last)


def discriminator():
    layers = []
    for filters in (64, 128, 128):
        layers += [Conv(filters, 4, 2, padding="same"), L.LeakyReLU(negative_slope=0.2)]
    return chain(Input((64, 64, 3)), *layers, L.Flatten(), Drop(0.2), Dense(1, "sigmoid"))


def image_autoencoder():
    down = [Conv(filters, 3, 2, padding="same", activation="relu") for filters in (16, 32)]
    up = [L.Conv2DTranspose(n, 3, 2, padding="same", activation="relu") for n in (32, 16)]
    return chain(Input((28, 28, 1)), *down, *up, Conv(1, 3, padding="same", activation="sigmoid"))


def series_autoencoder():
    down = [L.Conv1D(n, 7, 2, padding="same", activation="relu") for n in (32, 16)]
    up = [L.Conv1DTranspose(n, 7, 2, padding="same", activation="relu") for n in (16, 32)]
    return chain(Input((128, 8)), *down, *up, L.Conv1DTranspose(8, 7, padding="same"))


def dense(inputs, *widths, activation="relu", last):
    layers = [Dense(width, activation) for width in widths]
    return chain(Input((inputs,)), *layers, last)


def normed(inputs, width, depth, norm, activation, last):
    layers = [layer for _ in range(depth) for layer in (Dense(width), norm(), L.Activation(activation))]
    return chain(Input((inputs,)), *layers, last)


def lenet():
    return chain(
        Input((28, 28, 1)), Conv(6, 5, activation="tanh", padding="same"), L.AveragePooling2D(2),
        Conv(16, 5, activation="tanh"), L.AveragePooling2D(2), L.Flatten(), Dense(120, "tanh"),
        Dense(84, "tanh"), Dense(10, "softmax"),
    )


def multiplied_depthwise():
    return chain(
        Input((32, 32, 3)), Conv(32, 3, padding="same"),
        L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), Norm(), L.ReLU(),
        L.SeparableConv2D(64, 3, depth_multiplier=2, padding="same", activation="relu"),
        L.GlobalAveragePooling2D(), Dense(10, "softmax"),
    )


def activations():
    return chain(
        Input((24, 24, 8)), Conv(32, 3, padding="same"), L.PReLU(shared_axes=[1, 2]),
        L.MaxPooling2D(3, 2, padding="same"), Conv(48, 3, padding="same"), L.ELU(),
        L.AveragePooling2D(3, 2, padding="same"), Conv(64, 3, padding="same", activation="mish"),
        L.SpatialDropout2D(0.2), Conv(64, 3, padding="same", activation="hard_sigmoid"),
        L.GaussianNoise(0.1), L.GlobalMaxPooling2D(), Dense(64, "softplus"), Dense(10, "softmax"),
    )


def volumes():
    return chain(
        Input((16, 32, 32, 1)), L.Conv3D(16, 3, activation="relu"), L.MaxPooling3D(2),
        L.Conv3D(32, 3, activation="relu"), L.MaxPooling3D(2), L.Flatten(), Dense(64, "relu"),
        Dense(1, "sigmoid"),
    )


def video():
    return chain(
        Input((10, 32, 32, 1)), L.ConvLSTM2D(16, 3, padding="same", return_sequences=True), Norm(),
        L.ConvLSTM2D(16, 3, padding="same"), Conv(1, 3, padding="same", activation="sigmoid"),
    )


def frames():
    return chain(
        Input((8, 24, 24, 1)), L.TimeDistributed(Conv(16, 3, activation="relu")),
        L.TimeDistributed(L.MaxPooling2D(2)), L.TimeDistributed(L.Flatten()), L.LSTM(64),
        Dense(4, "softmax"),
    )


def waves():
    return chain(
        Input((2000, 1)), L.Conv1D(32, 80, 4, activation="relu"), Norm(), L.MaxPooling1D(4),
        L.Conv1D(64, 3, activation="relu"), Norm(), L.MaxPooling1D(4),
        L.Conv1D(128, 3, activation="relu"), Norm(), L.GlobalAveragePooling1D(),
        Dense(10, "softmax"),
    )


def separable_series():
    return chain(
        Input((500, 12)), L.SeparableConv1D(64, 7, padding="same", activation="relu"),
        L.MaxPooling1D(2), L.SeparableConv1D(128, 5, padding="same", activation="relu"),
        L.AveragePooling1D(3, 2, padding="same"), L.SpatialDropout1D(0.2),
        L.GlobalAveragePooling1D(), Dense(5, "softmax"),
    )


def words(length, vocabulary, width, *layers, **options):
    return chain(Input((length,), dtype="int32"), L.Embedding(vocabulary, width, **options), *layers)


def text_convnet():
    return words(
        250, 5000, 50, Drop(0.2), L.Conv1D(250, 3, activation="relu"), L.GlobalMaxPooling1D(),
        Dense(250, "relu"), Drop(0.2), Dense(1, "sigmoid"),
    )


def tagger():
    both = L.Bidirectional(L.LSTM(64, return_sequences=True))
    head = L.TimeDistributed(Dense(17, "softmax"))
    return words(75, 8000, 64, both, head, mask_zero=True)


def repeat_vector():
    return words(
        12, 60, 64, L.LSTM(256), L.RepeatVector(12), L.LSTM(256, return_sequences=True),
        L.TimeDistributed(Dense(60, "softmax")),
    )


SPARSE = keras.losses.SparseCategoricalCrossentropy
BINARY = "binary_crossentropy"
SGD = keras.optimizers.SGD


def of(count):
    return lambda batch: classes(count, batch)


def of_each(count, *shape):
    return lambda batch: classes(count, batch, *shape)


def plain(*shape):
    return lambda batch: numbers(batch, *shape)


def yes_or_no(*shape):
    return lambda batch: bits(batch, *shape)


# Model, inputs, targets, loss, optimizer, batch, batches.
MODELS = {
    "inverted_residuals": (inverted_residuals, plain(96, 96, 3), of(10), SPARSE(), "adam", 32, 8),
    "squeeze_and_excite": (squeeze_and_excite, plain(64, 64, 3), of(10), SPARSE(), "adamw", 32, 8),
    "unet": (unet, plain(128, 128, 3), yes_or_no(128, 128, 1), BINARY, "adam", 8, 8),
    "unet_bilinear": (unet_bilinear, plain(96, 96, 3), of_each(8, 96, 96), SPARSE(), "adam", 8, 8),
    "dilated": (dilated, plain(64, 64, 3), of_each(5, 64, 64), SPARSE(), "adam", 16, 8),
    "dense_blocks": (dense_blocks, plain(32, 32, 3), of(10), SPARSE(), SGD(0.1, 0.9, True), 64, 8),
    "resnet20": (resnet20, plain(32, 32, 3), of(10), SPARSE(), SGD(0.1, 0.9), 128, 8),
    "grouped": (grouped, plain(32, 32, 3), of(10), SPARSE(), "adam", 64, 8),
    "mini_xception": (mini_xception, plain(48, 48, 1), of(7), SPARSE(), "adam", 32, 16),
    "vgg_cifar": (vgg_cifar, plain(32, 32, 3), of(10), SPARSE(), "adam", 64, 8),
    "group_norm": (group_norm, plain(32, 32, 3), of(10), SPARSE(), "adam", 64, 8),
    "lenet": (lenet, plain(28, 28, 1), of(10), SPARSE(), "adam", 64, 32),
    "siamese": (siamese, plain(2, 28, 28, 1), yes_or_no(1), BINARY, "adam", 32, 32),
    "multiplied_depthwise": (multiplied_depthwise, plain(32, 32, 3), of(10), SPARSE(), "adam", 32, 8),
    "activations": (activations, plain(24, 24, 8), of(10), SPARSE(), "adam", 64, 8),
    "generator": (generator, plain(100), plain(28, 28, 1), "mse", "adam", 64, 8),
    "discriminator": (discriminator, plain(64, 64, 3), yes_or_no(1), BINARY, "adam", 32, 8),
    "image_autoencoder": (image_autoencoder, plain(28, 28, 1), yes_or_no(28, 28, 1), BINARY, "adam", 128, 16),
    "volumes": (volumes, plain(16, 32, 32, 1), yes_or_no(1), BINARY, "adam", 16, 8),
    "video": (video, plain(10, 32, 32, 1), yes_or_no(32, 32, 1), BINARY, "adam", 8, 6),
    "frames": (frames, plain(8, 24, 24, 1), of(4), SPARSE(), "adam", 16, 16),
    "resnet50": (lambda: application("ResNet50", 128), plain(128, 128, 3), of(10), SPARSE(), "adam", 8, 4),
    "vgg16": (lambda: application("VGG16", 64), plain(64, 64, 3), of(10), SPARSE(), "sgd", 16, 4),
    "mobilenet_v3": (lambda: application("MobileNetV3Small", 96), plain(96, 96, 3), of(10), SPARSE(), "adam", 32, 6),
    "efficientnet": (lambda: application("EfficientNetB0", 96), plain(96, 96, 3), of(10), SPARSE(), "adam", 16, 4),
    "xception": (lambda: application("Xception", 96), plain(96, 96, 3), of(10), SPARSE(), "adam", 8, 4),
    "densenet121": (lambda: application("DenseNet121", 64), plain(64, 64, 3), of(10), SPARSE(), "adam", 16, 4),
    "inception_v3": (lambda: application("InceptionV3", 96), plain(96, 96, 3), of(10), SPARSE(), "adam", 16, 4),
    "convnext": (lambda: application("ConvNeXtTiny", 64), plain(64, 64, 3), of(10), SPARSE(), "adam", 8, 4),
    "wavenet": (wavenet, plain(1024, 1), plain(1024, 1), "mse", "adam", 8, 32),
    "waves": (waves, plain(2000, 1), of(10), SPARSE(), "adam", 64, 16),
    "separable_series": (separable_series, plain(500, 12), of(5), SPARSE(), "adam", 32, 16),
    "series_autoencoder": (series_autoencoder, plain(128, 8), plain(128, 8), "mse", "adam", 128, 16),
    "text_convnet": (text_convnet, of_each(5000, 250), yes_or_no(1), BINARY, "adam", 32, 32),
    "bag_of_words": (
        lambda: words(250, 20000, 64, L.GlobalAveragePooling1D(), Dense(16, "relu"), Dense(1, "sigmoid")),
        of_each(20000, 250), yes_or_no(1), BINARY, "adam", 64, 32,
    ),
    "characters": (
        lambda: words(100, 65, 256, L.LSTM(512, return_sequences=True), Dense(65)),
        of_each(65, 100), of_each(65, 100), SPARSE(True), "adam", 64, 4,
    ),
    "dropped_lstm": (
        lambda: words(
            80, 5000, 128, L.LSTM(128, dropout=0.2, recurrent_dropout=0.2), Dense(1, "sigmoid"), mask_zero=True
        ),
        of_each(5000, 80), yes_or_no(1), BINARY, "adam", 32, 16,
    ),
    "tagger": (tagger, of_each(8000, 75), of_each(17, 75), SPARSE(), "adam", 32, 16),
    "repeat_vector": (repeat_vector, of_each(60, 12), of_each(60, 12), SPARSE(), "adam", 128, 8),
    "translation": (translation, of_each(5000, 40), of_each(5000, 40), SPARSE(True), "adam", 32, 6),
    "two_lstms": (
        lambda: chain(
            Input((60, 8)), L.LSTM(50, return_sequences=True), Drop(0.2), L.LSTM(50), Drop(0.2), Dense(1)
        ),
        plain(60, 8), plain(1), "mse", "adam", 32, 32,
    ),
    "three_grus": (
        lambda: chain(
            Input((100, 32)), *[L.GRU(96, return_sequences=more) for more in (True, True, False)], Dense(5, "softmax")
        ),
        plain(100, 32), of(5), SPARSE(), "adam", 64, 8,
    ),
    "simple_rnns": (
        lambda: chain(Input((50, 16)), L.SimpleRNN(64, return_sequences=True), L.SimpleRNN(64), Dense(1)),
        plain(50, 16), plain(1), "mse", "adam", 64, 32,
    ),
    "long_lstm": (
        lambda: chain(Input((500, 4)), L.LSTM(32, return_sequences=True), L.LSTM(16), Dense(1)),
        plain(500, 4), plain(1), "mse", "adam", 16, 16,
    ),
    "vision_transformer": (vision_transformer, plain(32, 32, 3), of(10), SPARSE(True), "adamw", 64, 6),
    "masked_language": (
        masked_language, lambda batch: classes(2999, batch, 64) + 1, of_each(3000, 64), SPARSE(True), "adamw", 16, 8,
    ),
    "text_transformer": (text_transformer, of_each(20000, 200), of(2), SPARSE(), "adam", 32, 8),
    "series_transformer": (series_transformer, plain(96, 8), plain(1), "mse", "adam", 32, 16),
    "many_embeddings": (many_embeddings, of_each(1000, 26), yes_or_no(1), BINARY, "adam", 256, 32),
    "dense_autoencoder": (
        lambda: dense(784, 128, 64, 32, 64, 128, last=Dense(784, "sigmoid")),
        plain(784), yes_or_no(784), BINARY, "adam", 256, 32,
    ),
    "narrow_middle": (
        lambda: dense(784, 400, 40, 400, last=Dense(784, "sigmoid")),
        plain(784), yes_or_no(784), BINARY, "adam", 128, 32,
    ),
    "wide_dense": (
        lambda: dense(1024, 4096, 4096, last=Dense(1000, "softmax")), plain(1024), of(1000), SPARSE(), "adam", 64, 8,
    ),
    "self_normalizing": (
        lambda: dense(100, *[256] * 6, activation="selu", last=Dense(20, "softmax")),
        plain(100), of(20), SPARSE(), "nadam", 64, 64,
    ),
    "table": (
        lambda: normed(30, 64, 2, Norm, "relu", Dense(1, "sigmoid")), plain(30), yes_or_no(1), BINARY, "adam", 32, 128,
    ),
    "deep_table": (
        lambda: normed(54, 128, 8, Norm, "relu", Dense(7, "softmax")), plain(54), of(7), SPARSE(), "adam", 512, 32,
    ),
    "layer_normed": (
        lambda: normed(256, 256, 3, L.LayerNormalization, "gelu", Dense(10, "softmax")),
        plain(256), of(10), SPARSE(), "adam", 128, 32,
    ),
}


def repeated(seconds, batches, work):
    """The median of the time of a batch, in milliseconds."""
    work()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 2:
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) / batches)
    return 1e3 * float(np.median(times))


def main():
    name = sys.argv[1]
    if name == "--list":
        print(json.dumps({name: row[5] for name, row in MODELS.items()}, indent=1))
        return
    keras.utils.set_random_seed(0)
    build, inputs, targets, loss, optimizer, batch, batches = MODELS[name]
    model = build()
    x, y = inputs(batch * batches), targets(batch * batches)
    model.compile(optimizer=optimizer, loss=loss)
    if folder := os.environ.get("SAVE"):
        os.makedirs(folder, exist_ok=True)
        model.save(f"{folder}/{name}.keras")
        np.savez(f"{folder}/{name}.npz", x=x, y=y)
        return
    seconds = float(os.environ.get("SECS", "6"))
    step = repeated(seconds, batches, lambda: model.fit(x, y, batch_size=batch, epochs=1, verbose=0))
    predict = repeated(seconds / 4, batches, lambda: model.predict(x, batch_size=batch, verbose=0))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"step_ms": step, "infer_ms": predict, "rss_mb": memory}))


main()
