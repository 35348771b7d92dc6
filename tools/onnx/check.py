"""Runs exported models with onnxruntime and compares them with what Keras predicted.

    cargo run -p ibex-train --example onnx -- tests/goldens /tmp/onnx > /tmp/onnx.txt
    python tools/onnx/check.py tests/goldens /tmp/onnx /tmp/onnx.txt

Each model lies beside an archive of its inputs `x0, x1, …` and of the outputs `y0, y1, …` of real
Keras (`pred_before0, …` and `pred_after0, …` for whole models before and after a training). The bound is 1e-5 relative to the largest absolute value.
Prints a table: what was exported, what it gave, and why the rest was not exported.
Needs `onnx`, `onnxruntime` and `numpy`.
"""

import collections
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

BOUND = 1e-5
# A few roundings of half precision, which Keras computes in and the exported model does not.
HALF_BOUNDS = {"bfloat16": 2 * 2**-8, "float16": 2 * 2**-11}


def relative_error(found, expected):
    if found.shape != expected.shape:
        return f"shape {found.shape}, not {expected.shape}"
    if found.size == 0:
        return 0.0
    found, expected = found.astype("float64"), expected.astype("float64")
    if not np.array_equal(np.isnan(found), np.isnan(expected)):
        return "NaN at other places"
    found, expected = np.nan_to_num(found), np.nan_to_num(expected)
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


def numbered(arrays, prefix):
    names = []
    while f"{prefix}{len(names)}" in arrays:
        names.append(f"{prefix}{len(names)}")
    return [arrays[name] for name in names]


def with_plain_outputs(model):
    """Half precision among the outputs as float32: numpy has no bfloat16."""
    half = {onnx.TensorProto.BFLOAT16, onnx.TensorProto.FLOAT16}
    kinds = set()
    for output in model.graph.output:
        element = output.type.tensor_type
        if element.elem_type in half:
            kinds.add(onnx.TensorProto.DataType.Name(element.elem_type).lower())
            element.elem_type = onnx.TensorProto.FLOAT
            plain = f"{output.name}/plain"
            cast = onnx.helper.make_node("Cast", [output.name], [plain], to=onnx.TensorProto.FLOAT)
            model.graph.node.append(cast)
            output.name = plain
    return kinds


def check(path, arrays, prefixes):
    """The error and its bound, or what went wrong, and whether the batch is open."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    half = with_plain_outputs(model)
    bound = max([BOUND] + [HALF_BOUNDS[kind] for kind in half])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    inputs = session.get_inputs()
    kinds = {"float": "float32", "double": "float64"}
    feeds = {}
    for value, array in zip(inputs, numbered(arrays, "x"), strict=True):
        kind = value.type[len("tensor(") : -1]
        feeds[value.name] = array.astype(kinds.get(kind, kind))
    is_open = any(isinstance(extent, str) for value in inputs for extent in value.shape)
    expected = next((found for p in prefixes if (found := numbered(arrays, p))), [])
    found = session.run(None, feeds)
    if is_open:
        # The first sample by itself gives the first rows.
        alone = session.run(None, {name: array[:1] for name, array in feeds.items()})
        found, expected = found + alone, expected + [array[:1] for array in expected]
    errors = [relative_error(f, e) for f, e in zip(found, expected, strict=True)]
    wrong = [error for error in errors if isinstance(error, str)]
    return (wrong[0] if wrong else max(errors, default=0.0)), bound, is_open


def main():
    goldens, folder, lines = map(pathlib.Path, sys.argv[1:4])
    counts = collections.Counter()
    worst = 0.0
    for line in lines.read_text().splitlines():
        name, outcome = line.split("\t", 1)
        path = pathlib.Path(name)
        short = path.relative_to(folder).with_suffix("")
        trained = short.suffix == ".trained"
        golden = goldens / short.with_suffix("") if trained else goldens / short
        golden = golden.with_name(golden.name + ".npz")
        if not golden.exists():
            continue
        prefixes = ["pred_after"] if trained else ["pred_before", "y"]
        if outcome != "ok":
            counts["not exported"] += 1
            print(f"{short}: not exported: {outcome}")
            continue
        try:
            error, bound, is_open = check(name, np.load(golden), prefixes)
        except Exception as exception:  # The table says what failed and goes on.
            counts["failed"] += 1
            print(f"{short}: FAILED: {str(exception)[:300]}")
            continue
        counts["open batch" if is_open else "fixed batch"] += 1
        if isinstance(error, str) or not error <= bound:
            counts["differs"] += 1
            print(f"{short}: DIFFERS: {error}")
        else:
            worst = max(worst, error if bound == BOUND else 0.0)
            counts["equal"] += 1
    print(", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items())))
    print(f"largest relative error of the equal ones: {worst:.1e}")
    return 1 if counts["failed"] + counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
