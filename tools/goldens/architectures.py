"""Well-known architectures, small: each a function that gives a model and its data.

`ARCHITECTURES` has them by name; a function takes a `numpy` generator and gives
`(model, inputs, targets, loss)`, with inputs and targets as `fit` takes them.
They are used by `files_table.py`.
"""

import keras
import numpy as np
from keras import layers, ops

ARCHITECTURES = {}


def architecture(function):
    ARCHITECTURES[function.__name__] = function
    return function


def images(random, *shape):
    return random.normal(size=(4,) + shape).astype("float32")


def tokens(random, vocabulary, *shape):
    return random.integers(1, vocabulary, (4,) + shape).astype("int32")


def labels(random, classes, *shape):
    return random.integers(0, classes, (4,) + shape).astype("int32")


SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def conv_bn(x, filters, size=3, strides=1, activation="relu", name=None):
    x = layers.Conv2D(filters, size, strides, "same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


def classifier(random, body, shape=(24, 24, 3), classes=5):
    inputs = keras.Input(shape)
    return keras.Model(inputs, body(inputs)), images(random, *shape), labels(random, classes), SPARSE


@architecture
def lenet5(random):
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(6, 5, activation="tanh", padding="same"), layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2), layers.Flatten(),
        layers.Dense(120, "tanh"), layers.Dense(84, "tanh"), layers.Dense(10)])
    return model, images(random, 28, 28, 1), labels(random, 10), SPARSE


@architecture
def alexnet(random):
    def body(x):
        for filters, size, strides, pool in [(24, 5, 2, 1), (32, 5, 1, 1), (48, 3, 1, 0),
                                             (48, 3, 1, 0), (32, 3, 1, 1)]:
            x = layers.Conv2D(filters, size, strides, "same", activation="relu")(x)
            x = layers.MaxPooling2D(3, 2)(layers.BatchNormalization()(x)) if pool else x
        x = layers.Flatten()(x)
        for units in (64, 64):
            x = layers.Dense(units, "relu")(x)
        return layers.Dense(5)(x)
    return classifier(random, body, (48, 48, 3))


@architecture
def vgg_small(random):
    def body(x):
        for filters in (8, 16, 32):
            for _ in range(2):
                x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D(2)(x)
        return layers.Dense(5)(layers.Dense(32, "relu")(layers.Flatten()(x)))
    return classifier(random, body)


@architecture
def resnet18(random):
    def body(x):
        x = conv_bn(x, 8, 7, 2)
        x = layers.MaxPooling2D(3, 2, "same")(x)
        for filters, strides in [(8, 1), (8, 1), (16, 2), (16, 1), (24, 2), (24, 1), (32, 2), (32, 1)]:
            y = conv_bn(x, filters, 3, strides)
            y = conv_bn(y, filters, 3, 1, None)
            if x.shape[-1] != filters or strides > 1:
                x = conv_bn(x, filters, 1, strides, None)
            x = layers.ReLU()(layers.Add()([x, y]))
        return layers.Dense(5)(layers.GlobalAveragePooling2D()(x))
    return classifier(random, body, (64, 64, 3))


@architecture
def inception_v1(random):
    def block(x, a, b, c, d):
        towers = [layers.Conv2D(a, 1, activation="relu")(x)]
        y = layers.Conv2D(b[0], 1, activation="relu")(x)
        towers.append(layers.Conv2D(b[1], 3, padding="same", activation="relu")(y))
        y = layers.Conv2D(c[0], 1, activation="relu")(x)
        towers.append(layers.Conv2D(c[1], 5, padding="same", activation="relu")(y))
        y = layers.MaxPooling2D(3, 1, "same")(x)
        towers.append(layers.Conv2D(d, 1, activation="relu")(y))
        return layers.Concatenate()(towers)

    def body(x):
        x = conv_bn(x, 12, 7, 2)
        x = block(x, 8, (6, 10), (4, 6), 6)
        x = block(layers.MaxPooling2D(2)(x), 10, (8, 12), (4, 8), 8)
        return layers.Dense(5)(layers.GlobalAveragePooling2D()(x))
    return classifier(random, body, (32, 32, 3))


@architecture
def squeezenet(random):
    def fire(x, squeeze, expand):
        x = layers.Conv2D(squeeze, 1, activation="relu")(x)
        sides = [layers.Conv2D(expand, size, padding="same", activation="relu")(x)
                 for size in (1, 3)]
        return layers.concatenate(sides)

    def body(x):
        x = layers.Conv2D(16, 3, 2, activation="relu")(x)
        x = layers.MaxPooling2D(3, 2)(x)
        for squeeze, expand in [(4, 12), (4, 12), (8, 16), (8, 16)]:
            x = fire(x, squeeze, expand)
        return layers.GlobalAveragePooling2D()(layers.Conv2D(5, 1)(x))
    return classifier(random, body, (48, 48, 3))


@architecture
def densenet_small(random):
    def body(x):
        x = layers.Conv2D(8, 3, padding="same")(x)
        for _ in range(2):
            for _ in range(3):
                y = layers.ReLU()(layers.BatchNormalization()(x))
                y = layers.Conv2D(6, 3, padding="same", use_bias=False)(y)
                x = layers.Concatenate()([x, y])
            x = layers.AveragePooling2D(2)(layers.Conv2D(x.shape[-1] // 2, 1)(x))
        return layers.Dense(5)(layers.GlobalAveragePooling2D()(x))
    return classifier(random, body)


@architecture
def squeeze_excite(random):
    def body(x):
        x = conv_bn(x, 16)
        for _ in range(2):
            weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
            weights = layers.Dense(4, "relu")(weights)
            weights = layers.Dense(16, "sigmoid")(weights)
            x = layers.Add()([x, layers.Multiply()([conv_bn(x, 16), weights])])
        return layers.Dense(5)(layers.GlobalMaxPooling2D()(x))
    return classifier(random, body)


@architecture
def shufflenet_unit(random):
    def body(x):
        x = conv_bn(x, 12)
        y = layers.Conv2D(12, 1, groups=3, use_bias=False)(x)
        y = layers.Reshape((24, 24, 3, 4))(y)
        y = layers.Permute((1, 2, 4, 3))(y)
        y = layers.Reshape((24, 24, 12))(y)
        y = layers.DepthwiseConv2D(3, padding="same")(y)
        x = layers.Add()([x, layers.Conv2D(12, 1, groups=3)(y)])
        return layers.Dense(5)(layers.GlobalAveragePooling2D()(x))
    return classifier(random, body)


@architecture
def convmixer(random):
    def body(x):
        x = layers.BatchNormalization()(layers.Activation("gelu")(layers.Conv2D(16, 4, 4)(x)))
        for _ in range(2):
            y = layers.DepthwiseConv2D(5, padding="same", activation="gelu")(x)
            x = layers.Add()([layers.BatchNormalization()(y), x])
            x = layers.BatchNormalization()(layers.Conv2D(16, 1, activation="gelu")(x))
        return layers.Dense(5)(layers.GlobalAveragePooling2D()(x))
    return classifier(random, body)


def transformer_block(x, heads, dim, hidden, mask=None, causal=False, memory=None):
    y = layers.MultiHeadAttention(heads, dim)(x, x, use_causal_mask=causal)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    if memory is not None:
        y = layers.MultiHeadAttention(heads, dim)(x, memory)
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.Dense(x.shape[-1])(layers.Dense(hidden, "gelu")(x))
    return layers.LayerNormalization()(layers.Add()([x, y]))


@architecture
def vision_transformer(random):
    def body(x):
        x = layers.Reshape((36, 24))(layers.Conv2D(24, 4, 4)(x))
        # The bias differs from place to place: learned positions.
        x = layers.EinsumDense("abc,cd->abd", (36, 24), bias_axes="bd")(x)
        for _ in range(2):
            y = layers.LayerNormalization(epsilon=1e-6)(x)
            x = layers.Add()([x, layers.MultiHeadAttention(2, 12)(y, y)])
            y = layers.LayerNormalization(epsilon=1e-6)(x)
            x = layers.Add()([x, layers.Dense(24)(layers.Dense(48, "gelu")(y))])
        return layers.Dense(5)(ops.mean(x, axis=1))
    return classifier(random, body)


@architecture
def mlp_mixer(random):
    def body(x):
        x = layers.Reshape((36, 16))(layers.Conv2D(16, 4, 4)(x))
        for _ in range(2):
            y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
            y = layers.Permute((2, 1))(layers.Dense(36)(layers.Dense(24, "gelu")(y)))
            x = x + y
            x = x + layers.Dense(16)(layers.Dense(32, "gelu")(layers.LayerNormalization()(x)))
        return layers.Dense(5)(layers.GlobalAveragePooling1D()(x))
    return classifier(random, body)


@architecture
def unet(random):
    inputs = x = keras.Input((32, 32, 3))
    skips = []
    for filters in (8, 16):
        x = conv_bn(conv_bn(x, filters), filters)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = conv_bn(x, 24)
    for filters, skip in zip((16, 8), reversed(skips)):
        x = layers.Conv2DTranspose(filters, 2, 2, "same")(x)
        x = conv_bn(layers.concatenate([x, skip]), filters)
    outputs = layers.Conv2D(1, 1, activation="sigmoid")(x)
    mask = random.integers(0, 2, (4, 32, 32, 1)).astype("float32")
    return keras.Model(inputs, outputs), images(random, 32, 32, 3), mask, "binary_crossentropy"


@architecture
def deeplab_like(random):
    inputs = keras.Input((32, 32, 3))
    low = conv_bn(inputs, 8, 3, 2)
    x = conv_bn(low, 16, 3, 2)
    branches = [conv_bn(x, 8, 1)]
    for rate in (2, 3):
        y = layers.SeparableConv2D(8, 3, padding="same", dilation_rate=rate, use_bias=False)(x)
        branches.append(layers.ReLU()(layers.BatchNormalization()(y)))
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)
    pooled = layers.UpSampling2D(8, interpolation="bilinear")(layers.Conv2D(8, 1)(pooled))
    x = conv_bn(layers.concatenate(branches + [pooled]), 12, 1)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = conv_bn(layers.concatenate([x, conv_bn(low, 6, 1)]), 12)
    outputs = layers.UpSampling2D(2, interpolation="bilinear")(layers.Conv2D(4, 1)(x))
    return keras.Model(inputs, outputs), images(random, 32, 32, 3), labels(random, 4, 32, 32), SPARSE


@architecture
def feature_pyramid(random):
    inputs = keras.Input((32, 32, 3))
    levels, x = [], inputs
    for filters in (8, 12, 16):
        x = conv_bn(x, filters, 3, 2)
        levels.append(x)
    tops, top = [], None
    for level in reversed(levels):
        side = layers.Conv2D(8, 1)(level)
        top = side if top is None else layers.Add()([side, layers.UpSampling2D(2)(top)])
        tops.append(top)
    head = keras.Sequential([keras.Input((None, None, 8)), layers.Conv2D(8, 3, padding="same",
                             activation="relu"), layers.Conv2D(6, 3, padding="same")], name="head")
    boxes = [layers.Reshape((-1, 6))(head(level)) for level in tops]
    outputs = layers.Concatenate(axis=1)(boxes)
    return (keras.Model(inputs, outputs), images(random, 32, 32, 3),
            images(random, 16 + 64 + 256, 6), keras.losses.Huber())


@architecture
def yolo_head(random):
    def body(x):
        for filters in (8, 16, 24):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.LeakyReLU(negative_slope=0.1)(layers.BatchNormalization()(x))
            x = layers.MaxPooling2D(2)(x)
        return layers.Reshape((3, 3, 2, 7))(layers.Conv2D(14, 1)(x))
    model, x, _, _ = classifier(random, body)
    return model, x, images(random, 3, 3, 2, 7), "mse"


@architecture
def autoencoder(random):
    encoder = keras.Sequential([keras.Input((28, 28, 1)),
                                layers.Conv2D(8, 3, 2, "same", activation="relu"),
                                layers.Conv2D(4, 3, 2, "same", activation="relu")], name="encoder")
    decoder = keras.Sequential([keras.Input((7, 7, 4)),
                                layers.Conv2DTranspose(8, 3, 2, "same", activation="relu"),
                                layers.Conv2DTranspose(1, 3, 2, "same", activation="sigmoid")],
                               name="decoder")
    inputs = keras.Input((28, 28, 1))
    x = random.uniform(size=(4, 28, 28, 1)).astype("float32")
    return keras.Model(inputs, decoder(encoder(inputs))), x, x, "binary_crossentropy"


@architecture
def variational_autoencoder(random):
    inputs = keras.Input((16,))
    noise = keras.Input((3,))
    x = layers.Dense(12, "relu")(inputs)
    mean, spread = layers.Dense(3, name="z_mean")(x), layers.Dense(3, name="z_log_var")(x)
    z = mean + ops.exp(0.5 * spread) * noise
    decoder_inputs = keras.Input((3,))
    decoder = keras.Model(decoder_inputs, layers.Dense(16)(layers.Dense(12, "relu")(decoder_inputs)),
                          name="decoder")
    kl = -0.5 * ops.sum(1 + spread - ops.square(mean) - ops.exp(spread), axis=-1, keepdims=True)
    model = keras.Model([inputs, noise], {"image": decoder(z), "kl": kl})
    return (model, [images(random, 16), images(random, 3)],
            {"image": images(random, 16), "kl": np.zeros((4, 1), "float32")},
            {"image": "mse", "kl": "mae"})


@architecture
def gan_generator(random):
    model = keras.Sequential([
        keras.Input((10,)), layers.Dense(7 * 7 * 8, use_bias=False), layers.BatchNormalization(),
        layers.LeakyReLU(), layers.Reshape((7, 7, 8)),
        layers.Conv2DTranspose(6, 5, 1, "same", use_bias=False), layers.BatchNormalization(),
        layers.LeakyReLU(), layers.Conv2DTranspose(1, 5, 2, "same", activation="tanh")])
    return model, images(random, 10), images(random, 14, 14, 1), "mse"


@architecture
def gan_discriminator(random):
    model = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(8, 5, 2, "same"), layers.LeakyReLU(0.2),
        layers.SpectralNormalization(layers.Conv2D(12, 5, 2, "same")), layers.LeakyReLU(0.2),
        layers.Flatten(), layers.Dense(1)])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return model, images(random, 28, 28, 1), random.integers(0, 2, (4, 1)).astype("float32"), loss


@architecture
def super_resolution(random):
    def body(x):
        x = layers.Conv2D(16, 5, padding="same", activation="tanh")(x)
        x = layers.Conv2D(12, 3, padding="same")(x)
        x = layers.Reshape((12, 12, 2, 2, 3))(x)
        return layers.Reshape((24, 24, 3))(layers.Permute((1, 3, 2, 4, 5))(x))
    model, x, _, _ = classifier(random, body, (12, 12, 3))
    return model, x, images(random, 24, 24, 3), "mae"


@architecture
def siamese(random):
    tower_in = keras.Input((20, 20, 1))
    x = layers.MaxPooling2D(2)(layers.Conv2D(8, 5, activation="relu")(tower_in))
    tower = keras.Model(tower_in, layers.Dense(12, "tanh")(layers.Flatten()(x)), name="tower")
    left, right = keras.Input((20, 20, 1)), keras.Input((20, 20, 1))
    distance = ops.abs(tower(left) - tower(right))
    outputs = layers.Dense(1, "sigmoid")(distance)
    return (keras.Model([left, right], outputs),
            [images(random, 20, 20, 1), images(random, 20, 20, 1)],
            random.integers(0, 2, (4, 1)).astype("float32"), "binary_crossentropy")


@architecture
def triplet_tower(random):
    inputs = keras.Input((16,))
    x = layers.UnitNormalization()(layers.Dense(8)(layers.Dense(16, "selu")(inputs)))
    anchor, other = keras.Input((16,)), keras.Input((16,))
    tower = keras.Model(inputs, x)
    outputs = layers.Dot(axes=-1, normalize=True)([tower(anchor), tower(other)])
    return (keras.Model({"anchor": anchor, "other": other}, outputs),
            {"anchor": images(random, 16), "other": images(random, 16)},
            images(random, 1), "mse")


@architecture
def two_tower(random):
    user, item = keras.Input((), dtype="int32", name="user"), keras.Input((3,), dtype="int32", name="item")
    left = layers.Dense(8, "relu")(layers.Embedding(20, 8)(user))
    right = layers.Dense(8, "relu")(layers.GlobalAveragePooling1D()(layers.Embedding(30, 8)(item)))
    outputs = layers.Dot(1)([left, right])
    return (keras.Model([user, item], outputs), [tokens(random, 20), tokens(random, 30, 3)],
            images(random, 1), "mse")


@architecture
def wide_and_deep(random):
    wide, deep = keras.Input((6,), name="wide"), keras.Input((5,), name="deep")
    x = layers.Dense(12, "relu")(layers.Dense(16, "relu")(layers.BatchNormalization()(deep)))
    joined = layers.concatenate([wide, x])
    outputs = [layers.Dense(1, name="main")(joined), layers.Dense(1, name="auxiliary")(x)]
    return (keras.Model([wide, deep], outputs), [images(random, 6), images(random, 5)],
            [images(random, 1), images(random, 1)], ["mse", "mae"])


@architecture
def factorization_machine(random):
    inputs = keras.Input((6,), dtype="int32")
    linear = layers.Embedding(40, 1)(inputs)
    factors = layers.Embedding(40, 4)(inputs)
    squares = ops.square(ops.sum(factors, axis=1)) - ops.sum(ops.square(factors), axis=1)
    outputs = ops.sum(linear, axis=1) + 0.5 * ops.sum(squares, axis=1, keepdims=True)
    return keras.Model(inputs, outputs), tokens(random, 40, 6), images(random, 1), "mse"


@architecture
def char_rnn(random):
    model = keras.Sequential([keras.Input((12,), dtype="int32"), layers.Embedding(20, 8),
                              layers.LSTM(16, return_sequences=True),
                              layers.LSTM(16, return_sequences=True), layers.Dense(20)])
    return model, tokens(random, 20, 12), labels(random, 20, 12), SPARSE


@architecture
def gru_classifier(random):
    model = keras.Sequential([keras.Input((12,), dtype="int32"),
                              layers.Embedding(20, 8, mask_zero=True),
                              layers.Bidirectional(layers.GRU(8)), layers.Dense(3)])
    x = tokens(random, 20, 12)
    x[1:, 8:] = 0
    return model, x, labels(random, 3), SPARSE


@architecture
def seq2seq(random):
    source, target = keras.Input((None, 6)), keras.Input((None, 5))
    _, h, c = layers.LSTM(8, return_state=True)(source)
    x, _, _ = layers.LSTM(8, return_sequences=True, return_state=True)(target, initial_state=[h, c])
    return (keras.Model([source, target], layers.Dense(5)(x)),
            [images(random, 7, 6), images(random, 4, 5)], labels(random, 5, 4), SPARSE)


@architecture
def seq2seq_attention(random):
    source, target = keras.Input((7,), dtype="int32"), keras.Input((5,), dtype="int32")
    memory = layers.Bidirectional(layers.GRU(6, return_sequences=True))(
        layers.Embedding(15, 8)(source))
    x = layers.GRU(12, return_sequences=True)(layers.Embedding(15, 8)(target))
    context = layers.AdditiveAttention()([x, memory])
    outputs = layers.TimeDistributed(layers.Dense(15))(layers.concatenate([x, context]))
    return (keras.Model([source, target], outputs), [tokens(random, 15, 7), tokens(random, 15, 5)],
            labels(random, 15, 5), SPARSE)


@architecture
def transformer_encoder(random):
    inputs = keras.Input((10,), dtype="int32")
    x = layers.Embedding(30, 16)(inputs)
    for _ in range(2):
        x = transformer_block(x, 2, 8, 32)
    return (keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(x))),
            tokens(random, 30, 10), labels(random, 3), SPARSE)


@architecture
def transformer_translation(random):
    source, target = keras.Input((8,), dtype="int32"), keras.Input((6,), dtype="int32")
    memory = transformer_block(layers.Embedding(20, 16)(source), 2, 8, 24)
    x = transformer_block(layers.Embedding(20, 16)(target), 2, 8, 24, causal=True, memory=memory)
    return (keras.Model([source, target], layers.Dense(20)(x)),
            [tokens(random, 20, 8), tokens(random, 20, 6)], labels(random, 20, 6), SPARSE)


@architecture
def gpt_like(random):
    inputs = keras.Input((9,), dtype="int32")
    embedding = layers.ReversibleEmbedding(25, 16)
    x = embedding(inputs)
    for _ in range(2):
        y = layers.RMSNormalization()(x)
        x = x + layers.GroupQueryAttention(8, 2, 1)(y, y, use_causal_mask=True)
        y = layers.RMSNormalization()(x)
        x = x + layers.Dense(16)(layers.Dense(32, "silu")(y) * layers.Dense(32)(y))
    return (keras.Model(inputs, embedding(x, reverse=True)), tokens(random, 25, 9),
            labels(random, 25, 9), SPARSE)


@architecture
def text_cnn(random):
    inputs = keras.Input((16,), dtype="int32")
    x = layers.Embedding(30, 8)(inputs)
    sides = [layers.GlobalMaxPooling1D()(layers.Conv1D(6, size, activation="relu")(x))
             for size in (2, 3, 4)]
    return (keras.Model(inputs, layers.Dense(3)(layers.concatenate(sides))),
            tokens(random, 30, 16), labels(random, 3), SPARSE)


@architecture
def wavenet(random):
    inputs = keras.Input((32, 1))
    x, skips = layers.Conv1D(8, 2, padding="causal")(inputs), []
    for rate in (1, 2, 4, 8):
        gate = layers.Conv1D(8, 2, padding="causal", dilation_rate=rate, activation="sigmoid")(x)
        value = layers.Conv1D(8, 2, padding="causal", dilation_rate=rate, activation="tanh")(x)
        y = layers.Conv1D(8, 1)(layers.Multiply()([value, gate]))
        skips.append(y)
        x = layers.Add()([x, y])
    x = layers.Conv1D(12, 1, activation="relu")(layers.ReLU()(layers.Add()(skips)))
    return (keras.Model(inputs, layers.Conv1D(16, 1)(x)), images(random, 32, 1),
            labels(random, 16, 32), SPARSE)


@architecture
def temporal_convolution(random):
    inputs = x = keras.Input((24, 4))
    for rate in (1, 2, 4):
        y = layers.Conv1D(8, 3, padding="causal", dilation_rate=rate)(x)
        y = layers.LayerNormalization()(y)
        y = layers.SpatialDropout1D(0.0)(layers.ReLU()(y))
        x = layers.Add()([layers.Conv1D(8, 1)(x), y])
    outputs = layers.Dense(1)(x[:, -1, :])
    return keras.Model(inputs, outputs), images(random, 24, 4), images(random, 1), "mse"


@architecture
def convnet_rnn(random):
    inputs = keras.Input((40, 3))
    x = layers.MaxPooling1D(3)(layers.Conv1D(8, 5, activation="relu")(inputs))
    outputs = layers.Dense(1)(layers.GRU(8, reset_after=False)(layers.Conv1D(8, 3)(x)))
    return keras.Model(inputs, outputs), images(random, 40, 3), images(random, 1), "mae"


@architecture
def conv_lstm_video(random):
    model = keras.Sequential([keras.Input((4, 10, 10, 1)),
                              layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True),
                              layers.BatchNormalization(),
                              layers.Conv3D(1, 3, padding="same", activation="sigmoid")])
    target = random.uniform(size=(4, 4, 10, 10, 1)).astype("float32")
    return model, images(random, 4, 10, 10, 1), target, "binary_crossentropy"


@architecture
def c3d(random):
    model = keras.Sequential([keras.Input((8, 12, 12, 1)), layers.Conv3D(6, 3, activation="relu"),
                              layers.MaxPooling3D(2), layers.Conv3D(8, 3, padding="same"),
                              layers.GlobalAveragePooling3D(), layers.Dense(4)])
    return model, images(random, 8, 12, 12, 1), labels(random, 4), SPARSE


@architecture
def image_captioning(random):
    picture, words = keras.Input((16, 16, 3)), keras.Input((6,), dtype="int32")
    feature = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(picture))
    x = layers.LSTM(8, return_sequences=True)(layers.Embedding(20, 8)(words))
    x = layers.Add()([layers.RepeatVector(6)(feature), x])
    return (keras.Model([picture, words], layers.Dense(20)(x)),
            [images(random, 16, 16, 3), tokens(random, 20, 6)], labels(random, 20, 6), SPARSE)


@architecture
def word2vec(random):
    center, context = keras.Input((), dtype="int32"), keras.Input((5,), dtype="int32")
    left = layers.Embedding(30, 8, name="target_embedding")(center)
    right = layers.Embedding(30, 8, name="context_embedding")(context)
    outputs = layers.Dot((2, 1))([right, left])
    return (keras.Model([center, context], outputs), [tokens(random, 30), tokens(random, 30, 5)],
            random.integers(0, 2, (4, 5)).astype("float32"),
            keras.losses.BinaryCrossentropy(from_logits=True))


@architecture
def highway_network(random):
    inputs = x = keras.Input((16,))
    for _ in range(3):
        gate = layers.Dense(16, "sigmoid", bias_initializer=keras.initializers.Constant(-2.0))(x)
        x = gate * layers.Dense(16, "relu")(x) + (1.0 - gate) * x
    return keras.Model(inputs, layers.Dense(3)(x)), images(random, 16), labels(random, 3), SPARSE


@architecture
def mixture_of_experts(random):
    inputs = keras.Input((12,))
    gates = layers.Softmax()(layers.Dense(3)(inputs))
    experts = ops.stack([layers.Dense(6, "relu")(inputs) for _ in range(3)], axis=1)
    mixed = ops.sum(ops.expand_dims(gates, -1) * experts, axis=1)
    return keras.Model(inputs, layers.Dense(1)(mixed)), images(random, 12), images(random, 1), "mse"


@architecture
def graph_convolution(random):
    nodes, edges = keras.Input((6, 4)), keras.Input((6, 6))
    x = nodes
    for units in (8, 8):
        x = ops.relu(ops.matmul(edges, layers.Dense(units)(x)))
    outputs = layers.Dense(2)(ops.max(x, axis=1))
    return (keras.Model([nodes, edges], outputs), [images(random, 6, 4), images(random, 6, 6)],
            labels(random, 2), SPARSE)


@architecture
def deep_q_network(random):
    state, action = keras.Input((12,)), keras.Input((3,))
    x = layers.Dense(16, "relu")(state)
    value, advantage = layers.Dense(1)(x), layers.Dense(3)(x)
    q = value + advantage - ops.mean(advantage, axis=1, keepdims=True)
    outputs = layers.Dot(1)([q, action])
    one_hot = np.eye(3, dtype="float32")[random.integers(0, 3, 4)]
    return keras.Model([state, action], outputs), [images(random, 12), one_hot], images(random, 1), "huber"


@architecture
def lenet_channels_first_like(random):
    inputs = keras.Input((1, 20, 20))
    x = layers.Permute((2, 3, 1))(inputs)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Cropping2D(((1, 0), (0, 1)))(layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(6, 3)(x)))
    x = layers.GroupNormalization(2)(x)
    return (keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x))), images(random, 1, 20, 20),
            labels(random, 4), SPARSE)
