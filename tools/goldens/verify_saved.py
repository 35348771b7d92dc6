"""Opens `.keras` files that another program wrote with real Keras: `verify_saved.py DIR`.

Beside each `NAME.keras` lies `NAME.npz` with the inputs `x0, x1, ...` and that program's own
predictions `y0, y1, ...` (in the order in which Keras flattens outputs).
Each file must load without custom objects and predict the same, to 1e-5 of the largest absolute
value, and Keras must take the optimizer state that is there.
A compiled model also trains for two epochs, on the targets `t0, t1, ...` of the archive or on
invented ones that suit its loss, and must load again once Keras has saved it.
The exit code is 1 when any file fails.
"""

import json
import os
import pathlib
import re
import sys
import tempfile
import warnings
import zipfile

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["JAX_PLATFORMS"] = "cpu"

import keras  # noqa: E402  (the backend is chosen before)
import numpy as np  # noqa: E402

BOUND = 1e-5
#: The same under `mixed_float16`: two roundings of the dtype.
HALF = 2.0**-10


def numbered(archive, prefix):
    values = []
    while f"{prefix}{len(values)}" in archive:
        values.append(archive[f"{prefix}{len(values)}"])
    return values or ([archive[prefix]] if prefix in archive else [])


def structured(model, flat):
    """Inputs in the structure that the model was built with."""
    inner = getattr(model, "_functional", None) or model
    return keras.tree.pack_sequence_as(inner._inputs_struct, flat)


def error_of(found, expected):
    if found.shape != expected.shape:
        raise ValueError(f"shape {expected.shape} in the archive, {found.shape} in Keras")
    if not np.isfinite(found).all():
        raise ValueError("Keras predicts values that are not finite")
    return float(np.abs(found - expected).max() / max(np.abs(found).max(), 1e-30))


def invented_targets(model, predictions):
    """Targets that suit the loss: class indices, distributions, or plain numbers."""
    random = np.random.default_rng(0)
    losses = keras.tree.flatten(model.get_compile_config()["loss"])
    names = [loss["class_name"] if isinstance(loss, dict) else str(loss) for loss in losses]
    sparse = any("parse" in name for name in names)
    if len(predictions) > 1 and sparse:
        return None
    if sparse:
        return [random.integers(0, value.shape[-1], value.shape[:-1]) for value in predictions]
    return [random.integers(0, 2, value.shape).astype("float32") for value in predictions]


def train(model, x, targets):
    inner = getattr(model, "_functional", None) or model
    y = keras.tree.pack_sequence_as(inner._outputs_struct, targets)
    step = int(np.asarray(model.optimizer.iterations))
    history = model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0).history
    if not np.isfinite(history["loss"]).all():
        raise ValueError(f"the losses are {history['loss']}")
    losses = " ".join(f"{value:.6f}" for value in history["loss"])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "again.keras"
        model.save(path)
        keras.models.load_model(path)
    return f"losses {losses} from step {step}"


def policy_of(path):
    """The policy of the session that the file is for: only `mixed_float16` shows in it."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    optimizer = (config.get("compile_config") or {}).get("optimizer") or {}
    own = optimizer.get("class_name") == "LossScaleOptimizer"
    return "mixed_float16" if "mixed_float16" in json.dumps(config) and not own else "float32"


def verify(path):
    """(worst error, remark); raises when the file does not do."""
    keras.backend.clear_session()
    keras.config.set_dtype_policy(policy_of(path))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = keras.models.load_model(path)
    remarks = [str(warning.message).split(".")[0] for warning in caught]
    for remark in remarks:
        # One or two variables are the step and the learning rate: a file without training state.
        skipped = re.search(r"Skipping variable loading.*optimizer has (\d+) variables", remark)
        if skipped and int(skipped[1]) > 2:
            raise ValueError(f"Keras drops the optimizer state: {remark}")
    archive = np.load(path.with_suffix(".npz"))
    x = structured(model, numbered(archive, "x"))
    found = [np.asarray(value) for value in keras.tree.flatten(model.predict(x, verbose=0))]
    expected = numbered(archive, "y")
    if len(found) != len(expected):
        raise ValueError(f"{len(expected)} outputs in the archive, {len(found)} in Keras")
    error = max(error_of(*pair) for pair in zip(found, expected))
    bound = HALF if keras.config.dtype_policy().name == "mixed_float16" else BOUND
    if error > bound:
        raise ValueError(f"predictions differ by {error:.2e}, the bound is {bound:.0e}")
    if not model.compiled:
        remarks.insert(0, "not compiled")
    elif not model.trainable_weights:
        remarks.insert(0, "nothing to train")
    else:
        targets = numbered(archive, "t") or invented_targets(model, found)
        remarks.insert(0, train(model, x, targets) if targets else "give t0, ... to train it")
    return error, "; ".join(remarks)


def main(folder):
    paths = sorted(pathlib.Path(folder).glob("*.keras"))
    if not paths:
        sys.exit(f"{folder} holds no .keras file")
    failures = 0
    for path in paths:
        try:
            error, remark = verify(path)
            print(f"ok    {path.stem:40} {error:9.2e}  {remark}")
        except Exception as reason:  # any failure of Keras is a finding about the file
            failures += 1
            text = " ".join(str(reason).split())
            print(f"FAIL  {path.stem:40} {'':9}  {type(reason).__name__}: {text[:400]}")
    print(f"{len(paths) - failures} of {len(paths)} files open in Keras {keras.__version__}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: verify_saved.py DIR")
    main(sys.argv[1])
