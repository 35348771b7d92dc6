"""Opening a file of 100 MB, against Keras and against a copy of its bytes: `load_time.py IBEX [OUT.json]`.

The file is a ResNet-50 that Keras saved; each row is the best of five, of processor time in user
and system mode, and of the largest memory; Keras's import is not counted.
The rows are also put into OUT.json, the results of `files_table.py`.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

KERAS = """
import resource, sys, keras
import keras.src.applications
use = lambda: resource.getrusage(resource.RUSAGE_SELF)
before = use()
keras.models.load_model(sys.argv[1])
after = use()
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
      (after.ru_maxrss - before.ru_maxrss) / 1024)
"""


MAKE = """
import sys, keras
keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3)).save(sys.argv[1])
"""


def child(command):
    """Processor seconds and megabytes of a command."""
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(run.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def of_keras(path):
    run = subprocess.run([sys.executable, "-c", KERAS, path], capture_output=True, text=True,
                         check=True)
    return tuple(map(float, run.stdout.split()[-2:]))


def main(command, out=None):
    # Keras is never imported here: the memory of a process counts as that of its children.
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        subprocess.run([sys.executable, "-c", MAKE, path], capture_output=True, check=True)
        megabytes = f"{path.stat().st_size / 1e6:.0f}"
        print(f"{megabytes} MB\n")
        print("| | processor time | memory |\n| --- | ---: | ---: |")
        rows = {
            "`cp`": lambda: child(["cp", path, path.with_name("copy")]),
            "`ibex summary`": lambda: child([command, "summary", path]),
            f"`keras.models.load_model` ({os.environ['KERAS_BACKEND']})": lambda: of_keras(path),
        }
        for name, measure in rows.items():
            count = 2 if "keras" in name else 5
            seconds, memory = map(min, zip(*(measure() for _ in range(count))))
            table[name] = f"{seconds:.2f} s | {memory:.0f} MB"
            print(f"| {name} | {table[name]} |")
    if out:
        path = pathlib.Path(out)
        results = json.loads(path.read_text()) if path.exists() else {}
        opening = results.get("opening", {"rows": {}})
        results["opening"] = {"megabytes": megabytes, "rows": opening["rows"] | table}
        path.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
