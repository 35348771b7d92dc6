"""The table of whole models: how each is built, its data, and how it is trained."""

import dataclasses
import typing

import keras
import numpy as np
from keras import layers as L
from keras import losses, metrics, optimizers, regularizers

CASES = []


@dataclasses.dataclass
class Case:
    name: str
    description: str
    build: typing.Callable  # () -> compiled model
    data: typing.Callable   # random -> (inputs, targets[, sample_weight])
    fit: dict
    resumed: bool = False
    weights_h5: bool = False
    #: The dtype policy of the session, where it is not float32.
    policy: str = ""


def case(description, data, resumed=False, weights_h5=False, policy="", **fit):
    """Registers a function that builds a compiled model, under the function's own name."""
    def register(build):
        arguments = {"epochs": 3, "batch_size": 8, "shuffle": False} | fit
        CASES.append(Case(build.__name__, description, build, data, arguments, resumed, weights_h5,
                          policy))
        return build
    return register


def normal(random, *shape):
    """Few bits of mantissa: exact in float32, short in the archive."""
    return (np.round(random.normal(size=shape) * 64) / 64).astype("float32")


def labels(random, classes, *shape):
    return random.integers(0, classes, shape).astype("int32")


def one_hot(random, classes, count):
    return np.eye(classes, dtype="float32")[random.integers(0, classes, count)]


def bits(random, *shape):
    return random.integers(0, 2, shape).astype("float32")


def weight(random, *shape):
    return (np.round(random.uniform(0, 2, shape) * 16) / 16).astype("float32")


@case("sequential, sparse labels, Adam, accuracy, validation split",
      lambda r: (normal(r, 30, 6), labels(r, 4, 30)), resumed=True, weights_h5=True,
      validation_split=0.2)
def mlp_sequential():
    model = keras.Sequential([L.Input((6,)), L.Dense(8, activation="relu"),
                              L.Dense(8, activation="tanh"), L.Dense(4, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@case("the AND gate: 2-2-1 sigmoid, SGD 0.3, batch 1",
      lambda r: (np.array([[1, 1], [1, 0], [0, 1], [0, 0]], "float32"),
                 np.array([[1], [0], [0], [0]], "float32")), batch_size=1, epochs=5)
def and_gate():
    model = keras.Sequential([L.Input((2,)), L.Dense(2, activation="sigmoid"),
                              L.Dense(1, activation="sigmoid")])
    model.compile(optimizers.SGD(0.3), "mse", metrics=["binary_accuracy"])
    return model


@case("convolutions, batch normalization, pooling, dropout of rate 0; label smoothing, RMSprop",
      lambda r: (normal(r, 20, 8, 8, 2), one_hot(r, 3, 20)), resumed=True)
def convnet_batch_normalization():
    model = keras.Sequential([
        L.Input((8, 8, 2)), L.Conv2D(4, 3, padding="same", use_bias=False),
        L.BatchNormalization(momentum=0.9), L.ReLU(), L.MaxPooling2D(2),
        L.Conv2D(6, 3, activation="relu"), L.GlobalAveragePooling2D(), L.Dropout(0.0),
        L.Dense(3, activation="softmax")])
    model.compile(optimizers.RMSprop(0.01), losses.CategoricalCrossentropy(label_smoothing=0.1),
                  metrics=["accuracy", metrics.TopKCategoricalAccuracy(2, name="top_2")])
    return model


@case("convolutions, flatten and dense, as for digits",
      lambda r: (normal(r, 20, 10, 10, 1), labels(r, 5, 20)), validation_split=0.25)
def convnet_digits():
    model = keras.Sequential([
        L.Input((10, 10, 1)), L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(2),
        L.Conv2D(6, 3, activation="relu"), L.Flatten(), L.Dense(8, activation="relu"),
        L.Dense(5, activation="softmax")])
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@case("two inputs and two outputs in lists; losses, weights, metrics in lists",
      lambda r: ([normal(r, 20, 4), normal(r, 20, 3)], [normal(r, 20, 1), one_hot(r, 3, 20)]),
      validation_split=0.2)
def two_inputs_two_outputs_list():
    first, second = keras.Input((4,), name="first"), keras.Input((3,), name="second")
    both = L.Concatenate()([L.Dense(5, activation="relu")(first), second])
    number = L.Dense(1, name="number")(both)
    kind = L.Dense(3, activation="softmax", name="kind")(both)
    model = keras.Model([first, second], [number, kind])
    model.compile(optimizers.SGD(0.05, momentum=0.9), ["mse", "categorical_crossentropy"],
                  loss_weights=[0.25, 1.0], metrics=[["mae"], ["accuracy"]])
    return model


@case("two inputs and two outputs in dicts whose keys are not sorted; losses by key",
      lambda r: ({"text": normal(r, 20, 4), "age": normal(r, 20, 2)},
                 {"price": normal(r, 20, 1), "bought": bits(r, 20, 1)}), resumed=True,
      validation_split=0.2)
def two_inputs_two_outputs_dict():
    inputs = {"text": keras.Input((4,), name="text"), "age": keras.Input((2,), name="age")}
    both = L.Concatenate()([inputs["text"], inputs["age"]])
    hidden = L.Dense(6, activation="relu")(both)
    outputs = {"price": L.Dense(1, name="price")(hidden),
               "bought": L.Dense(1, activation="sigmoid", name="bought")(hidden)}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"price": losses.Huber(), "bought": losses.BinaryCrossentropy()},
                  loss_weights={"price": 0.5, "bought": 2.0},
                  metrics={"price": [metrics.MeanAbsoluteError(), metrics.RootMeanSquaredError()],
                           "bought": ["accuracy", metrics.AUC(name="auc")]})
    return model


@case("one loss given for two outputs, a list of metrics for each",
      lambda r: (normal(r, 16, 4), [normal(r, 16, 2), normal(r, 16, 3)]))
def one_loss_two_outputs():
    value = keras.Input((4,))
    model = keras.Model(value, [L.Dense(2)(value), L.Dense(3)(value)])
    model.compile("sgd", "mse", metrics=[["mae"], ["mse", "mae"]])
    return model


@case("three heads with losses of three kinds and loss weights",
      lambda r: (labels(r, 20, 20, 4, 5), [normal(r, 20, 1), one_hot(r, 4, 20), bits(r, 20, 1)]))
def age_income_gender():
    text = keras.Input((4, 5), dtype="int32", name="posts")
    value = L.GlobalAveragePooling2D()(L.Embedding(20, 6)(text))
    value = L.Dense(8, activation="relu")(value)
    outputs = [L.Dense(1, name="age")(value),
               L.Dense(4, activation="softmax", name="income")(value),
               L.Dense(1, activation="sigmoid", name="gender")(value)]
    model = keras.Model(text, outputs)
    model.compile("rmsprop", {"age": "mse", "income": "categorical_crossentropy",
                              "gender": "binary_crossentropy"},
                  loss_weights={"age": 0.25, "income": 1.0, "gender": 10.0})
    return model


@case("one layer on two inputs: shared weights; merged by a product",
      lambda r: ([normal(r, 20, 5), normal(r, 20, 5)], bits(r, 20, 1)))
def shared_layer():
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    encoder = L.Dense(4, activation="tanh", name="encoder")
    both = L.Multiply()([encoder(left), encoder(right)])
    model = keras.Model([left, right], L.Dense(1, activation="sigmoid")(both))
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


@case("residual blocks with batch normalization and a projection",
      lambda r: (normal(r, 18, 6, 6, 2), labels(r, 3, 18)))
def residual():
    def block(x, filters, strides):
        y = L.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        y = L.ReLU()(L.BatchNormalization()(y))
        y = L.BatchNormalization()(L.Conv2D(filters, 3, padding="same", use_bias=False)(y))
        if strides != 1 or x.shape[-1] != filters:
            x = L.BatchNormalization()(L.Conv2D(filters, 1, strides, use_bias=False)(x))
        return L.ReLU()(L.Add()([x, y]))
    image = keras.Input((6, 6, 2))
    value = block(block(image, 4, 1), 6, 2)
    model = keras.Model(image, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(value)))
    model.compile(optimizers.SGD(0.05, momentum=0.9, nesterov=True),
                  losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    return model


@case("operators and keras.ops on symbolic tensors as nodes (beyond the first layers)",
      lambda r: (normal(r, 16, 4), normal(r, 16, 4)))
def operators():
    value = keras.Input((4,))
    hidden = L.Dense(4, activation="relu")(value)
    mixed = (value + hidden) * 0.5 - 1.0
    model = keras.Model(value, L.Dense(4)(keras.ops.concatenate([mixed, -value], axis=-1)))
    model.compile("sgd", "mse")
    return model


@case("a functional model as a layer, called twice",
      lambda r: ([normal(r, 20, 4), normal(r, 20, 4)], normal(r, 20, 1)), resumed=True)
def nested_model():
    inner_input = keras.Input((4,), name="inner_input")
    inner = keras.Model(inner_input, L.LayerNormalization()(L.Dense(3, activation="relu")(
        inner_input)), name="inner")
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    model = keras.Model([left, right], L.Dense(1)(L.Add()([inner(left), inner(right)])),
                        name="outer")
    model.compile(optimizers.Adam(0.01), "mae", metrics=["mse"])
    return model


@case("a sequential model inside a functional one",
      lambda r: (normal(r, 20, 4), one_hot(r, 3, 20)))
def sequential_inside_functional():
    body = keras.Sequential([L.Dense(6, activation="elu"), L.BatchNormalization(), L.Dense(4)],
                            name="body")
    value = keras.Input((4,))
    model = keras.Model(value, L.Dense(3)(L.ReLU()(L.Add()([value, body(value)]))))
    model.compile("adam", losses.CategoricalCrossentropy(from_logits=True),
                  metrics=["categorical_accuracy"])
    return model


@case("a sequential model in a sequential model",
      lambda r: (normal(r, 20, 4), normal(r, 20, 2)))
def sequential_inside_sequential():
    inner = keras.Sequential([L.Dense(5, activation="relu"), L.Dense(3)], name="inner")
    model = keras.Sequential([L.Input((4,)), inner, L.LeakyReLU(0.1), L.Dense(2)])
    model.compile("sgd", "mse")
    return model


@case("frozen layers, one of them batch normalization; a frozen part of a nested model",
      lambda r: (normal(r, 20, 4), normal(r, 20, 2)), resumed=True)
def frozen_part():
    base = keras.Sequential([L.Input((4,)), L.Dense(5, activation="relu", name="base_dense"),
                             L.BatchNormalization(name="base_norm")], name="base")
    base.trainable = False
    value = keras.Input((4,))
    hidden = L.BatchNormalization(name="free_norm", momentum=0.9)(base(value))
    model = keras.Model(value, L.Dense(2)(L.Dense(3, trainable=False, name="still")(hidden)))
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


@case("sample weights, with weighted and unweighted metrics",
      lambda r: (normal(r, 22, 4), labels(r, 3, 22), weight(r, 22)))
def sample_weights():
    model = keras.Sequential([L.Input((4,)), L.Dense(6, activation="relu"),
                              L.Dense(3, activation="softmax")])
    model.compile(optimizers.SGD(0.1), losses.SparseCategoricalCrossentropy(),
                  metrics=["accuracy"], weighted_metrics=["sparse_categorical_crossentropy"])
    return model


@case("class weights and sparse labels, with a validation split",
      lambda r: (normal(r, 25, 4), labels(r, 3, 25)), validation_split=0.2,
      class_weight={0: 1.0, 1: 3.0, 2: 0.5})
def class_weights():
    model = keras.Sequential([L.Input((4,)), L.Dense(6, activation="relu"),
                              L.Dense(3, activation="softmax")])
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"],
                  weighted_metrics=["accuracy"])
    return model


@case("class weights and one-hot labels",
      lambda r: (normal(r, 16, 4), one_hot(r, 3, 16)), class_weight={0: 1.0, 1: 3.0, 2: 0.5})
def class_weights_one_hot():
    model = keras.Sequential([L.Input((4,)), L.Dense(3, activation="softmax")])
    model.compile(optimizers.SGD(0.1), "categorical_crossentropy", metrics=["accuracy"])
    return model


@case("embeddings, causal convolution, flatten; gradient accumulation",
      lambda r: (labels(r, 30, 24, 7), bits(r, 24, 1)))
def embedding_causal():
    model = keras.Sequential([
        L.Input((7,), dtype="int32"), L.Embedding(30, 5),
        L.Conv1D(6, 3, padding="causal", activation="relu"), L.LayerNormalization(), L.Flatten(),
        L.Dense(1, activation="sigmoid")])
    model.compile(optimizers.Adam(0.01, gradient_accumulation_steps=2), "binary_crossentropy",
                  metrics=["accuracy"])
    return model


@case("an embedding that masks index 0: masked steps count neither in the loss nor in metrics",
      lambda r: (labels(r, 6, 20, 5), labels(r, 3, 20, 5)))
def embedding_masked():
    model = keras.Sequential([
        L.Input((5,), dtype="int32"), L.Embedding(6, 4, mask_zero=True),
        L.Dense(6, activation="relu"), L.Dense(3, activation="softmax")])
    model.compile(optimizers.SGD(0.2), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@case("regularizers of weights and activities, constraints",
      lambda r: (normal(r, 20, 4), normal(r, 20, 2)), validation_split=0.2)
def regularized():
    model = keras.Sequential([
        L.Input((4,)),
        L.Dense(6, activation="relu", kernel_regularizer="l2",
                bias_regularizer=regularizers.L1(0.01),
                activity_regularizer=regularizers.L2(0.01)),
        L.Dense(5, kernel_regularizer=regularizers.L1L2(0.005, 0.01),
                kernel_constraint=keras.constraints.MaxNorm(0.8)),
        L.Dense(2, kernel_constraint="non_neg")])
    model.compile(optimizers.RMSprop(0.01, momentum=0.5, centered=True), "mse", metrics=["mae"])
    return model


@case("AdamW with a cosine schedule and warm-up, weight decay, label smoothing",
      lambda r: (normal(r, 24, 5), one_hot(r, 3, 24)), resumed=True)
def adamw_cosine():
    schedule = optimizers.schedules.CosineDecay(0.001, 8, alpha=0.1, warmup_target=0.02,
                                                warmup_steps=3)
    model = keras.Sequential([L.Input((5,)), L.Dense(8, activation="gelu"),
                              L.LayerNormalization(), L.Dense(3)])
    model.compile(optimizers.AdamW(schedule, weight_decay=0.05),
                  losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
                  metrics=["accuracy"])
    return model


@case("SGD with Nesterov momentum, exponential decay and clipnorm",
      lambda r: (normal(r, 24, 5), normal(r, 24, 1)), resumed=True)
def sgd_clipnorm_exponential():
    schedule = optimizers.schedules.ExponentialDecay(0.1, 4, 0.7, staircase=True)
    model = keras.Sequential([L.Input((5,)), L.Dense(8, activation="silu"), L.Dense(1)])
    model.compile(optimizers.SGD(schedule, momentum=0.9, nesterov=True, clipnorm=0.5),
                  losses.Huber(0.7), metrics=[metrics.RootMeanSquaredError(name="rmse")])
    return model


@case("Adadelta with an exponential moving average of the weights",
      lambda r: (normal(r, 24, 5), normal(r, 24, 1)), resumed=True)
def adadelta_ema():
    model = keras.Sequential([L.Input((5,)), L.Dense(8, activation="softplus"), L.Dense(1)])
    model.compile(optimizers.Adadelta(1.0, use_ema=True, ema_momentum=0.9), "mse")
    return model


@case("Adagrad with global clipnorm and weight decay",
      lambda r: (normal(r, 24, 5), normal(r, 24, 1)))
def adagrad_global_clipnorm():
    model = keras.Sequential([L.Input((5,)), L.Dense(8, activation="relu"), L.Dense(1)])
    model.compile(optimizers.Adagrad(0.1, global_clipnorm=0.7, weight_decay=0.01), "mse")
    return model


@case("logits for two classes: AUC, precision, recall, accuracy at a threshold",
      lambda r: (normal(r, 24, 5), bits(r, 24, 1)), validation_split=0.25)
def binary_logits():
    model = keras.Sequential([L.Input((5,)), L.Dense(8, activation="relu"), L.Dense(1)])
    model.compile(optimizers.Adam(0.02), losses.BinaryCrossentropy(from_logits=True), metrics=[
        metrics.BinaryAccuracy(threshold=0.0), metrics.AUC(from_logits=True),
        metrics.Precision(thresholds=0.0), metrics.Recall(thresholds=0.0)])
    return model


@case("many labels at once, batch normalization first, dropout of rate 0, as in drug response",
      lambda r: (normal(r, 24, 7), bits(r, 24, 5)))
def many_labels():
    model = keras.Sequential([
        L.Input((7,)), L.BatchNormalization(), L.Dropout(0.0), L.Dense(8, activation="relu"),
        L.BatchNormalization(), L.Dropout(0.0), L.Dense(5, activation="sigmoid")])
    model.compile("adam", losses.BinaryCrossentropy(),
                  metrics=[metrics.AUC(multi_label=True, num_labels=5, name="auc"),
                           metrics.Precision(), "binary_accuracy"])
    return model


@case("every remaining layer in one model: rescaling, reshape, average pooling, softmax layer",
      lambda r: (normal(r, 18, 6, 6, 1) * 64, labels(r, 4, 18)))
def assorted_layers():
    model = keras.Sequential([
        L.Input((6, 6, 1)), L.Rescaling(1 / 64, offset=0.1), L.Conv2D(4, 3, padding="same"),
        L.LeakyReLU(), L.AveragePooling2D(2), L.Activation("tanh"), L.Reshape((9, 4)),
        L.Conv1D(5, 3, strides=2, activation="relu"), L.Reshape((2, 2, -1)),
        L.GlobalMaxPooling2D(), L.Dense(4), L.Softmax()])
    model.compile(optimizers.RMSprop(0.005, rho=0.8),
                  losses.SparseCategoricalCrossentropy(),
                  metrics=[metrics.SparseTopKCategoricalAccuracy(2)])
    return model


@case("an output without a loss: its target is given and does not count",
      lambda r: (normal(r, 16, 4), [normal(r, 16, 1), normal(r, 16, 2)]))
def output_without_loss():
    value = keras.Input((4,))
    hidden = L.Dense(5, activation="relu", name="hidden")(value)
    outputs = [L.Dense(1, name="fitted")(hidden), L.Dense(2, name="spare")(hidden)]
    model = keras.Model(value, outputs)
    model.compile("sgd", {"fitted": "mse", "spare": None})
    return model


@case("dropout that drops: predictions only, its draws are not compared",
      lambda r: (normal(r, 16, 6), labels(r, 3, 16)), epochs=None)
def dropout():
    model = keras.Sequential([L.Input((6,)), L.Dropout(0.2), L.Dense(8, activation="relu"),
                              L.Dropout(0.5, seed=3), L.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@case("never compiled", lambda r: (normal(r, 8, 3), normal(r, 8, 2)), epochs=None)
def not_compiled():
    value = keras.Input((3,), name="value")
    return keras.Model(value, {"b": L.Dense(2, name="second")(value),
                               "a": L.Dense(1, name="first")(value)}, name="plain")


def column(random):
    return normal(random, 24, 5), normal(random, 24, 1)


def trained_by(optimizer):
    model = keras.Sequential([L.Input((5,)), L.Dense(6, activation="tanh"), L.Dense(1)])
    model.compile(optimizer, "mse")
    return model


@case("Nadam: a scalar that all weights share", column, resumed=True)
def nadam():
    return trained_by(optimizers.Nadam(0.01))


@case("Lamb with weight decay", column, resumed=True)
def lamb():
    return trained_by(optimizers.Lamb(0.01, weight_decay=0.01))


@case("Adafactor: means of rows and columns", column, resumed=True)
def adafactor():
    return trained_by(optimizers.Adafactor(0.1))


@case("Muon for the hidden layer, Adam for the rest", column, resumed=True)
def muon():
    model = keras.Sequential([L.Input((5,)), L.Dense(6, activation="tanh"),
                              L.Dense(1, name="last")])
    model.compile(optimizers.Muon(0.01, exclude_layers=["last"]), "mse")
    return model


@case("ScheduleFreeAdamW with warm-up", column, resumed=True)
def schedule_free():
    return trained_by(optimizers.ScheduleFreeAdamW(0.01, warmup_steps=4))


@case("Adam inside a loss scale that grows every two steps", column, resumed=True)
def loss_scale():
    return trained_by(optimizers.LossScaleOptimizer(optimizers.Adam(0.01), initial_scale=64.0,
                                                    dynamic_growth_steps=2))


@case("mixed_float16: Adam, which `compile` puts inside a loss scale", column, resumed=True,
      policy="mixed_float16")
def mixed_float16():
    model = keras.Sequential([L.Input((5,)), L.Dense(6, activation="relu"),
                              L.Dense(1, dtype="float32")])
    model.compile(optimizers.Adam(0.01), "mse")
    return model


@case("mixed_float16 in a functional model, SGD with momentum and a schedule", column,
      resumed=True, policy="mixed_float16")
def mixed_float16_functional():
    value = keras.Input((5,))
    hidden = L.LayerNormalization()(L.Dense(6, activation="tanh")(value))
    model = keras.Model(value, L.Dense(1, dtype="float32")(hidden))
    model.compile(optimizers.SGD(optimizers.schedules.ExponentialDecay(0.05, 4, 0.5),
                                 momentum=0.9), "mse")
    return model


@case("names that mean a loss and a metric for each kind of output: crossentropy, acc",
      lambda r: (normal(r, 20, 4), [bits(r, 20, 1), labels(r, 3, 20), one_hot(r, 4, 20)]))
def crossentropy_by_name():
    value = keras.Input((4,))
    model = keras.Model(value, [L.Dense(1, activation="sigmoid", name="yes")(value),
                                L.Dense(3, activation="softmax", name="kind")(value),
                                L.Dense(4, activation="softmax", name="sort")(value)])
    model.compile(optimizers.SGD(0.1), ["crossentropy", "ce", "crossentropy"],
                  metrics=[["acc"], ["accuracy"], ["acc"]])
    return model


@case("sample weights for each output; weighted metrics by name; loss weights by name",
      lambda r: (normal(r, 22, 4), [normal(r, 22, 2), labels(r, 3, 22)],
                 [weight(r, 22), weight(r, 22)]))
def sample_weights_by_output():
    value = keras.Input((4,))
    model = keras.Model(value, [L.Dense(2, name="number")(value),
                                L.Dense(3, activation="softmax", name="kind")(value)])
    model.compile(optimizers.SGD(0.1),
                  {"number": "mse", "kind": "sparse_categorical_crossentropy"},
                  loss_weights={"number": 0.5, "kind": 2.0},
                  metrics={"kind": ["accuracy"]},
                  weighted_metrics={"number": ["mae", metrics.R2Score()],
                                    "kind": ["accuracy", "sparse_categorical_crossentropy"]})
    return model


@case("an output without a loss, whose targets are judged by metrics alone",
      lambda r: (normal(r, 20, 4), [normal(r, 20, 2), bits(r, 20, 1), normal(r, 20, 3)]))
def metrics_without_loss():
    value = keras.Input((4,))
    hidden = L.Dense(5, activation="tanh")(value)
    model = keras.Model(value, [L.Dense(2, name="first")(hidden),
                                L.Dense(1, activation="sigmoid", name="second")(hidden),
                                L.Activation("linear", name="third")(L.Dense(3)(hidden))])
    model.compile(optimizers.Adam(0.01), ["mse", "binary_crossentropy", None],
                  metrics=[["mae"], [metrics.AUC(name="area")], ["mse"]])
    return model


@case("functions and losses as metrics beside names",
      lambda r: (normal(r, 20, 4), normal(r, 20, 3)))
def losses_as_metrics():
    model = keras.Sequential([L.Input((4,)), L.Dense(5, activation="relu"), L.Dense(3)])
    model.compile(optimizers.RMSprop(0.01), losses.mean_squared_error,
                  metrics=[losses.huber, losses.LogCosh(), losses.mean_absolute_error,
                           metrics.MeanMetricWrapper(losses.log_cosh, name="wrapped")])
    return model


@case("regression judged by correlations and explained variance",
      lambda r: (normal(r, 20, 4), normal(r, 20, 3)), validation_split=0.2)
def correlations():
    model = keras.Sequential([L.Input((4,)), L.Dense(5, activation="relu"), L.Dense(3)])
    model.compile(optimizers.Adam(0.01), "mse",
                  metrics=[metrics.PearsonCorrelation(), metrics.ConcordanceCorrelation(),
                           metrics.R2Score(class_aggregation="variance_weighted_average")])
    return model


@case("classes judged by overlaps, F scores and best rates",
      lambda r: (normal(r, 24, 5), one_hot(r, 3, 24)))
def overlaps_and_scores():
    model = keras.Sequential([L.Input((5,)), L.Dense(6, activation="relu"),
                              L.Dense(3, activation="softmax")])
    model.compile(optimizers.Adam(0.01), losses.CategoricalFocalCrossentropy(),
                  metrics=[metrics.OneHotMeanIoU(3), metrics.OneHotIoU(3, [0, 1]),
                           metrics.F1Score(average="macro"),
                           metrics.FBetaScore(average="micro", beta=2.0),
                           metrics.PrecisionAtRecall(0.5),
                           metrics.SpecificityAtSensitivity(0.6, class_id=1)],
                  weighted_metrics=[metrics.TrueNegatives(name="no")])
    return model


@case("label sequences: CTC over time steps",
      lambda r: (normal(r, 12, 7, 3), r.integers(0, 4, (12, 3)).astype("int32")))
def label_sequences():
    model = keras.Sequential([L.Input((7, 3)), L.Dense(5, activation="tanh"), L.Dense(4)])
    model.compile(optimizers.Adam(0.01), "ctc")
    return model


@case("embeddings of classes by the circle loss",
      lambda r: (normal(r, 24, 5), labels(r, 3, 24)))
def circle_embeddings():
    model = keras.Sequential([L.Input((5,)), L.Dense(6, activation="tanh"), L.Dense(4),
                              L.UnitNormalization()])
    model.compile(optimizers.SGD(0.01), losses.Circle(gamma=8.0))
    return model


def words(random, *shape):
    """Word numbers with padding, 0, at the end of most rows and all of one."""
    found = random.integers(1, 12, shape)
    for row, length in enumerate(random.integers(1, shape[1] + 1, shape[0])):
        found[row, length:] = 0
    found[0] = 0
    return found.astype("int32")


@case("embedding with padding, two LSTM layers, the mask on its way through both",
      lambda r: (words(r, 20, 7), bits(r, 20, 1)), resumed=True, weights_h5=True,
      validation_split=0.2)
def masked_words_lstm():
    model = keras.Sequential([
        L.Input((7,), dtype="int32"), L.Embedding(12, 4, mask_zero=True),
        L.LSTM(5, return_sequences=True), L.LSTM(4), L.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@case("padding, recurrent layers in both directions, a dense layer at each step",
      lambda r: (words(r, 18, 6), labels(r, 3, 18, 6)), resumed=True, weights_h5=True)
def bidirectional_tagger():
    model = keras.Sequential([
        L.Input((6,), dtype="int32"), L.Embedding(12, 4, mask_zero=True),
        L.Bidirectional(L.GRU(3, return_sequences=True)),
        L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="sum"),
        L.TimeDistributed(L.Dense(3, activation="softmax"))])
    model.compile(optimizers.RMSprop(0.01), "sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    return model


@case("encoder and decoder: states as keyword and as positional arguments, one decoder for two",
      lambda r: ([words(r, 16, 5), normal(r, 16, 4, 3), normal(r, 16, 6, 3)],
                 [normal(r, 16, 4, 2), normal(r, 16, 6, 2)]), resumed=True)
def encoder_shared_decoder():
    source = keras.Input((5,), dtype="int32", name="source")
    first, second = keras.Input((4, 3), name="first"), keras.Input((None, 3), name="second")
    embedded = L.Embedding(12, 4, mask_zero=True)(source)
    _, h, c = L.LSTM(4, return_state=True, name="encoder")(embedded)
    decoder = L.LSTM(4, return_sequences=True, return_state=True, name="decoder")
    one, h, c = decoder(first, initial_state=[h, c])
    two, _, _ = decoder(second, [h, c])
    model = keras.Model([source, first, second],
                        [L.Dense(2, name="short")(one), L.Dense(2, name="long")(two)])
    model.compile(optimizers.Adam(0.02), ["mse", "mae"])
    return model


@case("several cells in one layer, masked by value, both directions with their states",
      lambda r: (np.where(r.integers(0, 3, (15, 6, 1)) > 0, normal(r, 15, 6, 3), 0)
                 .astype("float32"), normal(r, 15, 2)))
def stacked_cells():
    value = keras.Input((6, 3))
    masked = L.Masking()(value)
    cells = [L.LSTMCell(4), L.GRUCell(3, reset_after=False), L.SimpleRNNCell(3)]
    sequence = L.RNN(cells, return_sequences=True)(masked)
    both, forward, backward = L.Bidirectional(L.GRU(2, return_state=True))(sequence)
    last = L.RNN(L.GRUCell(2), go_backwards=True)(sequence)
    model = keras.Model(value, L.Dense(2)(L.Concatenate()([both, forward, backward, last])))
    model.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
    return model


@case("a model of images at each time step of a video, then an LSTM",
      lambda r: (normal(r, 10, 3, 6, 6, 1), labels(r, 3, 10)), batch_size=4)
def video():
    image = keras.Input((6, 6, 1))
    hidden = L.Conv2D(3, 3, activation="relu")(image)
    hidden = L.BatchNormalization(momentum=0.8)(hidden)
    frame = keras.Model(image, L.Flatten()(hidden), name="frame")
    model = keras.Sequential([
        L.Input((3, 6, 6, 1)), L.TimeDistributed(frame), L.TimeDistributed(L.Dense(4)),
        L.LSTM(4, name="story"), L.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@case("convolutional LSTM layers", lambda r: (normal(r, 9, 3, 5, 5, 1), normal(r, 9, 3, 3, 1)),
      batch_size=4)
def next_frame():
    model = keras.Sequential([
        L.Input((3, 5, 5, 1)), L.ConvLSTM2D(3, 3, padding="same", return_sequences=True),
        L.ConvLSTM2D(2, 3), L.Conv2D(1, 1)])
    model.compile("adam", "mse")
    return model


@case("augmentation in a model: it rests outside training",
      lambda r: (r.integers(0, 64, (7, 8, 6, 3)).astype("float32") / 64, labels(r, 3, 7)),
      epochs=None)
def augmentation():
    model = keras.Sequential([
        L.Input((8, 6, 3)), L.RandomFlip(seed=3), L.RandomRotation(0.2), L.RandomZoom(0.3),
        L.RandomTranslation(0.2, 0.1, fill_mode="nearest"), L.RandomContrast(0.4),
        L.RandomBrightness(0.3, value_range=(0, 1)), L.RandomCrop(6, 6),
        L.RandomGaussianBlur(value_range=(0, 1)), L.GaussianNoise(0.2),
        L.Pipeline([L.RandomInvert(value_range=(0, 1)), L.Rescaling(2.0, offset=-1.0)]),
        L.Conv2D(3, 3, activation="relu"), L.GlobalAveragePooling2D(),
        L.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@case("augmentation of no strength, which training passes through",
      lambda r: (r.integers(0, 64, (10, 6, 5, 3)).astype("float32") / 64, labels(r, 3, 10)),
      batch_size=4, resumed=True)
def augmentation_of_no_strength():
    model = keras.Sequential([
        L.Input((6, 5, 3)), L.RandomContrast(0.0, value_range=(0, 1)),
        L.RandomBrightness(0.0, value_range=(0, 1)), L.RandomCrop(6, 5),
        L.RandomGrayscale(0.0), L.RandomInvert(0.0, value_range=(0, 1)),
        L.Conv2D(3, 3, activation="relu"), L.GlobalAveragePooling2D(),
        L.Dense(3, activation="softmax")])
    model.compile(optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model


@case("recurrent dropout that drops: predictions only, its draws are not compared",
      lambda r: (normal(r, 12, 5, 3), labels(r, 3, 12)), epochs=None)
def recurrent_dropout():
    model = keras.Sequential([
        L.Input((5, 3)), L.LSTM(4, return_sequences=True, dropout=0.2, seed=3),
        L.Bidirectional(L.GRU(3, recurrent_dropout=0.3, return_sequences=True)),
        L.SimpleRNN(3, dropout=0.1, recurrent_dropout=0.1), L.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
