"""Whole models whose inputs and outputs are nested, and models in which masks travel far."""

import keras
from keras import layers as L
from keras import losses, metrics, optimizers

from .model_cases import bits, case, labels, normal, words


@case("outputs in a list in a list: an LSTM's sequence and its two states; losses in a flat list",
      lambda r: (normal(r, 16, 4, 3), [normal(r, 16, 4, 2), [normal(r, 16, 2), normal(r, 16, 2)]]),
      resumed=True)
def outputs_in_nested_lists():
    value = keras.Input((4, 3))
    sequence, state, carry = L.LSTM(2, return_sequences=True, return_state=True)(value)
    model = keras.Model(value, [sequence, [L.Dense(2, name="last")(state), carry]])
    model.compile("adam", ["mse", "mae", losses.Huber()], loss_weights=[1.0, 0.5, 2.0],
                  metrics=[["mae"], [["mse"], ["mae", metrics.RootMeanSquaredError()]]])
    return model


@case("outputs in lists in a dict, losses in the same structure, and a validation split",
      lambda r: (normal(r, 20, 4), {"b": [normal(r, 20, 2), bits(r, 20, 1)],
                                    "a": normal(r, 20, 3)}), resumed=True, validation_split=0.2)
def outputs_in_lists_in_a_dict():
    value = keras.Input((4,))
    hidden = L.Dense(5, activation="tanh")(value)
    yes = L.Dense(1, activation="sigmoid", name="yes")(hidden)
    model = keras.Model(value, {"b": [L.Dense(2)(hidden), yes], "a": L.Dense(3)(hidden)})
    model.compile("sgd", {"b": ["mse", "binary_crossentropy"], "a": "mae"},
                  loss_weights={"b": [1.0, 0.3], "a": 2.0})
    return model


@case("outputs in dicts in a list, with keys that are no names of layers, and one loss for all",
      lambda r: (normal(r, 16, 3), [{"z": normal(r, 16, 2), "y": normal(r, 16, 1)},
                                    normal(r, 16, 2)]))
def outputs_in_dicts_in_a_list():
    value = keras.Input((3,))
    model = keras.Model(value, [{"z": L.Dense(2)(value), "y": L.Dense(1)(value)},
                                L.Dense(2)(value)])
    model.compile("rmsprop", "mse")
    return model


@case("inputs in lists in a dict; outputs in a dict whose keys are no names of layers",
      lambda r: ({"pair": [normal(r, 20, 2), normal(r, 20, 3)], "one": normal(r, 20, 2)},
                 {"sum": normal(r, 20, 2), "class": labels(r, 3, 20)}), resumed=True)
def inputs_in_lists_in_a_dict():
    inputs = {"pair": [keras.Input((2,)), keras.Input((3,))], "one": keras.Input((2,), name="one")}
    both = L.Concatenate()([*inputs["pair"], inputs["one"]])
    outputs = {"sum": L.Dense(2)(both), "class": L.Dense(3, activation="softmax")(both)}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"sum": "mse", "class": "sparse_categorical_crossentropy"},
                  loss_weights={"sum": 0.5, "class": 1.0},
                  metrics={"class": ["accuracy"], "sum": ["mae"]}, weighted_metrics={"sum": ["mse"]})
    return model


@case("a model with nested inputs and outputs, called as a layer of another twice",
      lambda r: ([normal(r, 16, 3), normal(r, 16, 3)], normal(r, 16, 2)))
def nested_structures_inside():
    inner_inputs = [keras.Input((3,)), {"b": keras.Input((2,)), "a": keras.Input((3,))}]
    joined = L.Concatenate()([inner_inputs[0], inner_inputs[1]["b"], inner_inputs[1]["a"]])
    inner = keras.Model(inner_inputs, {"v": [L.Dense(2)(joined), L.Dense(3)(joined)],
                                       "u": L.Dense(2, activation="relu")(joined)})
    left, right = keras.Input((3,)), keras.Input((3,))
    first = inner([left, {"b": L.Dense(2)(right), "a": right}])
    second = inner([right, {"b": first["u"], "a": first["v"][1]}])
    model = keras.Model([left, right], L.Add()([first["v"][0], second["u"]]))
    model.compile("adam", "mse")
    return model


@case("a dict of one output, and a list of one input",
      lambda r: ([normal(r, 16, 3)], {"only": normal(r, 16, 2)}))
def output_in_a_dict_of_one():
    value = keras.Input((3,))
    model = keras.Model([value], {"only": L.Dense(2)(value)})
    model.compile("sgd", {"only": "mse"}, metrics={"only": ["mae"]})
    return model


@case("a residual around causal attention: attention takes the mask of its queries away, so that "
      "the loss counts padding", lambda r: (words(r, 16, 5), normal(r, 16, 5, 4)), resumed=True)
def masked_attention_residual():
    text = keras.Input((5,), dtype="int32")
    value = L.Embedding(12, 4, mask_zero=True)(text)
    attended = L.MultiHeadAttention(2, 3)(value, value, use_causal_mask=True)
    model = keras.Model(text, L.LayerNormalization()(L.Add()([attended, value])))
    model.compile("sgd", "mse", metrics=["mae"])
    return model


@case("one masked sequence goes to two attentions, to another layer before, and is merged after",
      lambda r: (words(r, 16, 5), [normal(r, 16, 2), normal(r, 16, 5, 4)]))
def masked_attention_twice():
    text = keras.Input((5,), dtype="int32")
    value = L.Embedding(12, 4, mask_zero=True)(text)
    first = L.MultiHeadAttention(1, 3)(value, value)
    second = L.MultiHeadAttention(2, 2)(value, first, use_causal_mask=True)
    last = L.GRU(2)(L.Multiply()([value, second]))
    model = keras.Model(text, [last, L.Maximum()([first, L.Dense(4)(value)])])
    model.compile("adam", "mse", metrics=[["mae"], ["mae"]])
    return model


@case("masks of inputs that merging layers reshape, and of parts that are concatenated",
      lambda r: ([words(r, 16, 4), words(r, 16, 4)], [normal(r, 16, 4, 3), normal(r, 16, 3)]))
def masked_merging():
    texts = [keras.Input((4,), dtype="int32") for _ in range(2)]
    left, right = (L.Embedding(12, 3, mask_zero=True)(text) for text in texts)
    short = L.GRU(3)(right)
    scaled = L.Multiply()([left, short])
    larger = L.Minimum()([L.Maximum()([left, right]), scaled])
    rows = L.Concatenate(axis=1)([left, right, L.Dense(3)(larger)])
    model = keras.Model(texts, [L.Dense(3)(larger), L.SimpleRNN(3)(rows)])
    model.compile("adam", "mse")
    return model


@case("layers that do not take masks end them, even where they change nothing; but on JAX some "
      "give the very same tensor, and its mask",
      lambda r: (words(r, 16, 4), [normal(r, 16, 4, 3), normal(r, 16, 2), normal(r, 16, 2)]))
def masked_identities():
    text = keras.Input((4,), dtype="int32")
    value = L.Embedding(12, 3, mask_zero=True)(text)
    repeated = L.Multiply()([value, L.UpSampling1D(1)(value)])
    ended = L.GRU(2)(L.ZeroPadding1D(0)(value))
    kept = L.GRU(2)(L.Permute((1, 2))(L.Reshape((4, 3))(L.Cropping1D(0)(value))))
    model = keras.Model(text, [L.Softmax()(repeated), ended, kept])
    model.compile("sgd", "mse")
    return model


@case("a batch normalization that is called three times, at different depths of the model",
      lambda r: ([normal(r, 16, 4), normal(r, 16, 4)], normal(r, 16, 2)), resumed=True)
def shared_batch_normalization():
    left, right = keras.Input((4,)), keras.Input((4,))
    norm = L.BatchNormalization(momentum=0.6)
    deep = norm(L.Dense(4, activation="tanh")(norm(left)))
    shallow = norm(right)
    model = keras.Model([left, right], L.Dense(2)(L.Subtract()([shallow, deep])))
    model.compile("sgd", "mse")
    return model


@case("frozen layers: the penalties on their weights do not count, those on their outputs do",
      lambda r: (normal(r, 16, 4), normal(r, 16, 2)))
def frozen_penalties():
    value = keras.Input((4,))
    frozen = L.Dense(3, kernel_regularizer="l2", activity_regularizer="l1", trainable=False)(value)
    inner = keras.Sequential([L.Input((3,)), L.Dense(3, kernel_regularizer="l1"),
                              L.Dense(3, bias_regularizer="l2")])
    inner.layers[0].trainable = False
    model = keras.Model(value, L.Dense(2, kernel_regularizer="l2")(inner(frozen)))
    model.compile("sgd", "mse")
    return model


@case("layers that are called twice: of what they add to the loss, the last call counts alone, "
      "unless both calls are inside another layer",
      lambda r: ([normal(r, 16, 3), normal(r, 16, 3)], normal(r, 16, 2)))
def penalties_of_shared_layers():
    left, right = keras.Input((3,)), keras.Input((3,))
    dense = L.Dense(3, activity_regularizer="l2")
    inner_input, twice = keras.Input((3,)), L.Dense(3, activity_regularizer="l1")
    inner = keras.Model(inner_input, L.ActivityRegularization(l1=0.1)(twice(twice(inner_input))))
    chain = keras.Sequential([L.Input((3,)), L.Dense(3, activity_regularizer="l1"), L.Dense(2)])
    joined = L.Add()([chain(dense(left)), chain(inner(right))])
    model = keras.Model([left, right], L.Dense(2)(L.Concatenate()([joined, dense(right)])))
    model.compile("sgd", "mse")
    return model


@case("a frozen layer within spectral normalization keeps the kernel that was made in training",
      lambda r: (normal(r, 16, 4), normal(r, 16, 2)), resumed=True)
def frozen_spectral_normalization():
    value = keras.Input((4,))
    frozen = L.SpectralNormalization(L.Dense(3), trainable=False)(value)
    frozen = L.SpectralNormalization(L.Dense(3), power_iterations=2)(frozen)
    model = keras.Model(value, L.Dense(2)(frozen))
    model.layers[1].trainable = False
    model.compile("sgd", "mse")
    return model


@case("a loss scale that was never used: its file has fewer variables than it will have",
      lambda r: (normal(r, 16, 4), normal(r, 16, 2)), resumed=True)
def unused_loss_scale():
    model = keras.Sequential([L.Input((4,)), L.Dense(2)])
    model.compile(optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=8.0), "mse")
    return model
