"""A profile written by JAX's profiler, for `crates/ibex-format/tests/events.rs`.

    python -m venv VENV && VENV/bin/pip install jax
    VENV/bin/python make_profile.py

The test writes the steps of the file anew and compares how both say what a step is.
"""

import pathlib
import shutil
import tempfile
import time

import jax

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests/goldens/events"


def main():
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            for step in range(2, 6):
                with jax.profiler.StepTraceAnnotation("train", step_num=step):
                    time.sleep(0.001)
                    with jax.profiler.TraceAnnotation("compute"):
                        time.sleep(0.002)
        written, = pathlib.Path(folder).rglob("*.xplane.pb")
        shutil.copyfile(written, ROOT / "jax.xplane.pb")


if __name__ == "__main__":
    main()
