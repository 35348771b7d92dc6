"""Preprocessing of data: vocabularies, hashes, bins and texts, beside what graphs compute.

A case holds a layer, the data it is adapted to and applied to, and what Keras gave.
"""

import string

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

from . import store

WORDS = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "é", "ü", "ñ", "字")]
PLAIN = string.ascii_letters + string.digits + string.punctuation + " \t"


def listed(value):
    """Nested lists of numbers or strings; numbers of `float32` with as many digits as it has."""
    value = np.asarray(value)
    if value.dtype.kind in "OSU":
        decode = np.vectorize(lambda x: x.decode() if isinstance(x, bytes) else str(x), otypes="O")
        return decode(value).tolist() if value.size else value.tolist()
    if value.dtype == np.float32:
        return [float(str(x)) for x in value.ravel()] if value.ndim == 1 else \
            [listed(row) for row in value] if value.ndim else float(str(value))
    return value.tolist()


def words(random, shape, count=40):
    """Words of which some are much more frequent than others, and many are equally frequent."""
    places = np.minimum(random.geometric(0.08, shape) - 1, count - 1)
    return np.array(WORDS)[places * 2 % len(WORDS)]


def texts(random, count):
    marks = ["", ",", ".", "!", "'s", "-", " ", "\t", "\n", "\x0b"]
    def text():
        parts = words(random, int(random.integers(0, 9)))
        cases = [w.upper() if random.random() < 0.3 else w for w in parts]
        return " ".join(w + marks[int(random.integers(0, len(marks)))] for w in cases)
    return np.array([text() for _ in range(count)])


def any_string(random):
    """Strings of every length that hashes treat in a way of their own."""
    length = int(random.choice([random.integers(0, 20), random.integers(0, 70),
                                random.integers(60, 270)], p=[0.7, 0.2, 0.1]))
    letters = list(PLAIN) + (list("äßÇ字🙂") if random.random() < 0.2 else [])
    return "".join(random.choice(letters, length))


def case(name, layer, x, adapt=None):
    """What the layer gives for `x`, after it was adapted to `adapt`."""
    before = layer.get_config()
    entry = {"name": name, "class_name": type(layer).__name__, "config": before}
    if adapt is not None:
        layer.adapt(adapt)
        batches = isinstance(adapt, list)
        entry["batches" if batches else "adapt"] = \
            [listed(batch) for batch in adapt] if batches else listed(adapt)
        entry["after"] = layer.get_config()
    if hasattr(layer, "get_vocabulary"):
        entry["vocabulary"] = [str(t) if isinstance(t, str) else int(t)
                               for t in layer.get_vocabulary()]
    # JAX has no strings and cuts integers to 32 bits; TensorFlow's own tensors stay as they are.
    given = tf.constant(x) if hasattr(layer, "get_vocabulary") else x
    result = np.asarray(layer(given))
    entry["x"] = [listed(part) for part in x] if isinstance(x, tuple) else listed(x)
    entry["kind"] = np.asarray(x[0] if isinstance(x, tuple) else x).dtype.kind
    entry["y"], entry["shape"] = listed(result), list(result.shape)
    return entry


def hashing(random):
    strings = np.array([any_string(random) for _ in range(1000)])
    integers = np.concatenate([random.integers(-50, 50, 300),
                               random.integers(-2**31, 2**31 - 1, 1000)])
    large = 2**31 - 1
    yield case("strings", L.Hashing(large), strings)
    yield case("strings_salt", L.Hashing(large, salt=[133, 2**40 + 7]), strings)
    yield case("integers", L.Hashing(large), integers)
    yield case("integers_one_salt", L.Hashing(large, salt=42), integers)
    few = words(random, (6, 3))
    yield case("few_bins", L.Hashing(5), few)
    yield case("mask", L.Hashing(5, mask_value="ba"), few)
    yield case("mask_salt", L.Hashing(7, mask_value="ba", salt=9), few)
    yield case("mask_integer", L.Hashing(5, mask_value=3), random.integers(0, 6, (6, 3)))
    yield case("one_bin_mask", L.Hashing(1, mask_value="ba"), few)
    yield case("floats", L.Hashing(11), np.array([1.0, 1.9, -1.9, 3e6], "float32"))
    for mode in ("one_hot", "multi_hot", "count"):
        yield case(mode, L.Hashing(5, output_mode=mode), few)
        yield case(mode + "_list", L.Hashing(5, output_mode=mode), few[0])
    yield case("one_hot_column", L.Hashing(5, output_mode="one_hot"), few[:, :1])
    yield case("mask_count", L.Hashing(5, output_mode="count", mask_value="ba"), few)
    numbers = random.integers(-4, 5, (6, 3)).astype("int32")
    for mode in ("one_hot", "multi_hot", "count"):
        yield case(mode + "_integers", L.Hashing(5, output_mode=mode, mask_value=-1, salt=3),
                   numbers)
        yield case(mode + "_integers_list", L.Hashing(6, output_mode=mode), numbers[0])
    yield case("one_hot_integers_column", L.Hashing(5, output_mode="one_hot"), numbers[:, :1])
    yield case("mask_float", L.Hashing(7, mask_value=1.5),
               np.array([[1.5, 1.0], [-2.75, 3.0]], "float32"))


def hashed_crossing(random):
    first = np.array([any_string(random) for _ in range(500)])
    second = random.integers(-1000, 1000, 500)
    large = 2**31 - 1
    yield case("string_integer", L.HashedCrossing(large), (first, second))
    yield case("integer_string", L.HashedCrossing(large), (second, first))
    yield case("three", L.HashedCrossing(1000), (first[:50], second[:50], first[50:100]))
    yield case("columns", L.HashedCrossing(9), (first[:9, None], second[:9, None]))
    yield case("one_hot", L.HashedCrossing(9, output_mode="one_hot"), (first[:9], second[:9]))
    yield case("one_hot_columns", L.HashedCrossing(9, output_mode="one_hot"),
               (first[:9, None], second[:9, None]))
    third = random.integers(0, 3, 500)
    yield case("integers", L.HashedCrossing(large), (second, third))
    yield case("three_integers", L.HashedCrossing(large), (second, third, second[::-1].copy()))
    for mode in ("int", "one_hot"):
        layer = L.HashedCrossing(7, output_mode=mode)
        yield case(mode + "_integers", layer, (second[:9], third[:9]))
        layer = L.HashedCrossing(7, output_mode=mode)
        yield case(mode + "_integer_columns", layer, (second[:9, None], third[:9, None]))


def string_lookup(random):
    known = words(random, (60, 4))
    x = words(random, (5, 4), 60)
    vocabulary = ["ba", "da", "fa", "ga"]
    weights = [0.25, 0.5, 0.75, 1.5]
    S = L.StringLookup
    yield case("given", S(vocabulary=vocabulary), x)
    yield case("given_special", S(vocabulary=["[UNK]"] + vocabulary), x)
    yield case("given_mask", S(vocabulary=vocabulary, mask_token="di"), x)
    yield case("no_oov", S(vocabulary=vocabulary, num_oov_indices=0), np.array(["fa", "ba"]))
    yield case("many_oov", S(vocabulary=vocabulary, num_oov_indices=3, mask_token="di"), x)
    yield case("salted_oov", S(vocabulary=vocabulary, num_oov_indices=5, salt=[3, 4]), x)
    for mode in ("one_hot", "multi_hot", "count"):
        yield case(mode, S(vocabulary=vocabulary, output_mode=mode, mask_token="di"), x)
        yield case(mode + "_list", S(vocabulary=vocabulary, output_mode=mode), x[0])
    yield case("padded", S(vocabulary=vocabulary, output_mode="count", max_tokens=9,
                           pad_to_max_tokens=True), x)
    yield case("tf_idf", S(vocabulary=vocabulary, idf_weights=weights, output_mode="tf_idf"), x)
    yield case("tf_idf_special", S(vocabulary=["[UNK]"] + vocabulary, idf_weights=[0.1] + weights,
                                   output_mode="tf_idf"), x)
    yield case("tf_idf_padded", S(vocabulary=vocabulary, idf_weights=weights, max_tokens=8,
                                  output_mode="tf_idf", pad_to_max_tokens=True), x)
    yield case("adapted", S(), x, known)
    yield case("adapted_list", S(), x, known[:, 0])
    yield case("adapted_limit", S(max_tokens=12, mask_token="ba"), x, known)
    yield case("adapted_two_oov", S(max_tokens=12, num_oov_indices=2), x, known)
    yield case("adapted_multi_hot", S(output_mode="multi_hot"), x, known)
    yield case("adapted_tf_idf", S(output_mode="tf_idf"), x, known)
    yield case("adapted_tf_idf_padded", S(output_mode="tf_idf", max_tokens=50,
                                          pad_to_max_tokens=True, num_oov_indices=2), x, known)
    indices = np.array([[0, 1, 2], [5, 4, 9]])
    yield case("inverse", S(vocabulary=vocabulary, invert=True), indices)
    yield case("inverse_mask", S(vocabulary=vocabulary, invert=True, mask_token="",
                                 oov_token="?"), indices)


def integer_lookup(random):
    known = random.geometric(0.05, (200, 5)) * 7 - 70
    x = random.integers(-100, 300, (8, 5))
    vocabulary = [12, 36, -5, 2**40, 0]
    some = np.array([[12, 0, 36, 7], [-5, 2**40, -8, 12]])
    I = L.IntegerLookup
    yield case("given", I(vocabulary=vocabulary), some)
    yield case("given_mask", I(vocabulary=vocabulary, mask_token=7), some)
    yield case("many_oov", I(vocabulary=vocabulary, num_oov_indices=3), some)
    yield case("farmhash", I(vocabulary=vocabulary, num_oov_indices=1000, oov_method="farmhash"),
               random.integers(-10**6, 10**6, 500))
    yield case("farmhash_salt", I(vocabulary=vocabulary, num_oov_indices=1000, salt=3,
                                  oov_method="farmhash"), random.integers(-10**6, 10**6, 500))
    yield case("no_oov", I(vocabulary=vocabulary, num_oov_indices=0), np.array([36, -5]))
    for mode in ("one_hot", "multi_hot", "count"):
        yield case(mode, I(vocabulary=vocabulary, output_mode=mode, mask_token=7), some)
    yield case("tf_idf", I(vocabulary=vocabulary, output_mode="tf_idf",
                           idf_weights=[0.1, 0.2, 0.3, 0.4, 0.5]), some)
    yield case("adapted", I(), x, known)
    yield case("adapted_limit", I(max_tokens=20, num_oov_indices=3, mask_token=7), x, known)
    yield case("adapted_count", I(output_mode="count"), x, known)
    yield case("adapted_tf_idf", I(output_mode="tf_idf"), x, known)
    vocabulary[3] = 2**30  # what Keras gives on JAX has 32 bits
    yield case("inverse", I(vocabulary=vocabulary, invert=True), np.array([[0, 1, 9], [5, 4, -3]]))
    yield case("inverse_mask", I(vocabulary=vocabulary, invert=True, mask_token=99),
               np.array([[0, 1, 9], [5, 4, 2]]))


def text_vectorization(random):
    known, x = texts(random, 60), texts(random, 8)
    tokens = words(random, (6, 3))
    T = L.TextVectorization
    vocabulary = ["ba", "da", "fa", "ba da"]
    yield case("given", T(vocabulary=vocabulary), x)
    yield case("adapted", T(), x, known)
    yield case("adapted_column", T(), x[:, None], known[:, None])
    yield case("limit", T(max_tokens=9), x, known)
    yield case("length", T(output_sequence_length=4), x, known)
    yield case("long", T(output_sequence_length=20), x, known)
    yield case("lower", T(standardize="lower"), x, known)
    yield case("strip", T(standardize="strip_punctuation"), x, known)
    yield case("as_is", T(standardize=None), x, known)
    yield case("characters", T(split="character"), x, known)
    yield case("bigrams", T(ngrams=2), x, known)
    yield case("only_trigrams", T(ngrams=(3,)), x, known)
    yield case("given_bigrams", T(vocabulary=vocabulary, ngrams=2), x)
    yield case("no_split", T(split=None, standardize=None), tokens, words(random, (30, 3)))
    yield case("no_split_length", T(split=None, output_sequence_length=2), tokens,
               words(random, (30, 3)))
    yield case("no_split_list", T(split=None), tokens[:, 0], words(random, 30))
    for mode in ("multi_hot", "count", "tf_idf"):
        yield case(mode, T(output_mode=mode), x, known)
    yield case("count_padded", T(output_mode="count", max_tokens=100, pad_to_max_tokens=True), x,
               known)
    yield case("tf_idf_bigrams", T(output_mode="tf_idf", ngrams=2, max_tokens=30), x, known)
    yield case("tf_idf_given", T(output_mode="tf_idf", vocabulary=vocabulary,
                                 idf_weights=[0.1, 0.2, 0.3, 0.4]), x)
    yield case("empty", T(vocabulary=vocabulary), np.array(["", "!"]))


def discretization(random):
    D = L.Discretization
    few = random.normal(size=(4, 3)).astype("float32")
    yield case("few", D(num_bins=4), few, few)
    yield case("many", D(num_bins=10), few, random.normal(size=700).astype("float32"))
    yield case("skewed", D(num_bins=7, epsilon=0.05), few,
               random.exponential(size=(50, 9)).astype("float32"))
    yield case("ties", D(num_bins=5), few, random.integers(0, 9, 400).astype("float32"))
    yield case("more_bins", D(num_bins=30, epsilon=0.2), few,
               random.normal(size=90).astype("float32"))
    yield case("batches", D(num_bins=6), few,
               [random.normal(size=n).astype("float32") for n in (120, 40, 250, 3)])
    yield case("coarse_batches", D(num_bins=6, epsilon=0.1), few,
               [random.normal(size=n).astype("float32") for n in (60, 50, 7)])


def normalization(random):
    N = L.Normalization
    x = random.normal(3, 2, size=(3, 4)).astype("float32")
    data = random.normal(3, 2, size=(40, 4)).astype("float32")
    images = random.normal(3, 2, size=(4, 3, 2, 2)).astype("float32")
    yield case("features", N(), x, data)
    yield case("inverted", N(invert=True), x, data)
    yield case("all", N(axis=None), x, data)
    yield case("images", N(), images, images)
    yield case("two_axes", N(axis=(1, -1)), images, images)
    yield case("constant", N(), x, np.ones((5, 4), "float32"))
    yield case("batches", N(), x, [data[:7], data[7:30], data[30:]])


FAMILIES = [hashing, hashed_crossing, string_lookup, integer_lookup, text_vectorization,
            discretization, normalization]


def adapted_model(random):
    """A model whose layers were adapted: their state lies in weights, configuration, assets."""
    store.fresh("preprocessing/adapted")
    known = random.geometric(0.15, (80, 3)) * 5
    floats = random.normal(3, 2, (80, 4)).astype("float32")
    layers = {"multi_hot": L.IntegerLookup(output_mode="multi_hot"),
              "tf_idf": L.IntegerLookup(output_mode="tf_idf", num_oov_indices=2),
              "normalization": L.Normalization(), "inner": L.IntegerLookup(max_tokens=6),
              "discretization": L.Discretization(num_bins=4, output_mode="one_hot")}
    layers["multi_hot"].adapt(known)
    layers["tf_idf"].adapt(known)
    layers["inner"].adapt(known)
    layers["normalization"].adapt(floats)
    layers["discretization"].adapt(floats)
    inner_input = keras.Input((3,), dtype="int64")
    embedded = L.Embedding(6, 2)(layers["inner"](inner_input))
    inner = keras.Model(inner_input, L.Flatten()(embedded))
    integers, numbers = keras.Input((3,), dtype="int64"), keras.Input((4,))
    binned = L.Flatten()(layers["discretization"](numbers))
    parts = [layers["multi_hot"](integers), layers["tf_idf"](integers), inner(integers),
             layers["normalization"](numbers), binned]
    model = keras.Model([integers, numbers], L.Dense(2)(L.Concatenate()(parts)))
    x = [random.geometric(0.15, (6, 3)) * 5, random.normal(3, 2, (6, 4)).astype("float32")]
    store.write_keras("preprocessing/adapted.keras", model, compress=True)
    store.write_npz("preprocessing/adapted.npz",
                    {"x0": x[0], "x1": x[1], "y0": model.predict(x, verbose=0)})
    return 1


def text_model(random):
    """A model that begins with strings: Keras on JAX saves it, and predicts behind the strings."""
    store.fresh("preprocessing/text")
    known, tags = texts(random, 40), words(random, (40, 1), 9)
    vectorization = L.TextVectorization(output_sequence_length=5, max_tokens=20)
    lookup = L.StringLookup(output_mode="one_hot")
    vectorization.adapt(known)
    lookup.adapt(tags)
    layers = [L.Embedding(20, 3, mask_zero=True), L.GlobalAveragePooling1D(), L.Dense(2)]

    def rest(number, indices, vectors):
        return layers[2](L.Concatenate()([layers[1](layers[0](indices)), vectors, number]))

    text, tag = keras.Input((1,), dtype="string", name="text"), keras.Input((1,), dtype="string")
    number = keras.Input((2,), name="number")
    model = keras.Model([tag, number, text], rest(number, vectorization(text), lookup(tag)))
    indices = keras.Input((5,), dtype="int64")
    vectors = keras.Input((lookup.vocabulary_size(),))
    behind = keras.Model([number, indices, vectors], rest(number, indices, vectors))
    some = np.array(["da " + text for text in texts(random, 4)])  # a mean of nothing is no number
    x = {"text": some[:, None], "tag": words(random, (4, 1), 12)}
    numbers = random.normal(size=(4, 2)).astype("float32")
    given = [np.asarray(layer(tf.constant(x[name])))
             for name, layer in (("text", vectorization), ("tag", lookup))]
    store.write_keras("preprocessing/text.keras", model, compress=True)
    store.write_cases("preprocessing/text.json", [
        {"name": "text", "number": listed(numbers), "indices": given[0].tolist()}
        | {name: listed(value) for name, value in x.items()}
        | {"y": listed(behind.predict([numbers, *given], verbose=0))}])
    return 1


def make():
    count = adapted_model(store.generator("preprocessing/adapted"))
    count += text_model(store.generator("preprocessing/text"))
    for family in FAMILIES:
        store.fresh("preprocessing/" + family.__name__)
        cases = list(family(store.generator("preprocessing/" + family.__name__)))
        store.write_cases(f"preprocessing/{family.__name__}.json", cases)
        count += len(cases)
    return count
