"""Windows of series: what `timeseries_dataset_from_array` gives."""

import keras
import numpy as np

from . import store

CASES = {
    "plain": {"sequence_length": 4},
    "strides": {"sequence_length": 3, "sequence_stride": 2},
    "rate": {"sequence_length": 3, "sampling_rate": 3},
    "both": {"sequence_length": 4, "sequence_stride": 3, "sampling_rate": 2},
    "part": {"sequence_length": 5, "start_index": 4, "end_index": 19},
    "from": {"sequence_length": 2, "start_index": 7},
    "until": {"sequence_length": 3, "end_index": 9, "sequence_stride": 2},
    "single": {"sequence_length": 1},
}


def make():
    random = store.generator("windows")
    data = random.integers(0, 100, (24, 2)).astype("float32")
    targets = random.integers(0, 100, (22,)).astype("float32")
    arrays, cases = {"data": data, "targets": targets}, []
    for name, options in CASES.items():
        for with_targets in [False, True]:
            given = targets if with_targets else None
            if with_targets and name == "from":
                # Keras looks for more targets than are left behind the start, and fails.
                continue
            windows = keras.utils.timeseries_dataset_from_array(
                data, given, batch_size=None, **options)
            items = list(windows)
            case = f"{name}_{'targets' if with_targets else 'alone'}"
            x = [item[0] if with_targets else item for item in items]
            arrays[f"{case}.x"] = np.stack([np.asarray(value) for value in x])
            if with_targets:
                arrays[f"{case}.y"] = np.stack([np.asarray(item[1]) for item in items])
            cases.append({"name": case, "targets": with_targets, "options": options})
    store.write_cases("windows/windows.json", cases)
    store.write_npz("windows/windows.npz", arrays)
    return len(cases)
