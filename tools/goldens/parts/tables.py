"""Parquet files as pandas, polars and PyArrow write them, and the values that pandas reads."""

import datetime
import decimal
import json
import shutil

import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.parquet

from . import store

FOLDER = "tables"
ROWS = 60


def column(values):
    """The values of a column: numbers, or texts as pandas prints them; None where one is missing."""
    def cell(value):
        if pandas.api.types.is_scalar(value) and pandas.isna(value):
            return None
        if isinstance(value, (bool, np.bool_, int, np.integer, decimal.Decimal)):
            return float(value)
        if isinstance(value, (float, np.floating)):
            return float(value)
        if isinstance(value, bytes):
            return value.decode()
        return str(value)
    return [cell(value) for value in values]


def frame(random):
    """A data frame with the types that data frames mostly have, and gaps."""
    day = pandas.Timestamp("2023-12-30 22:15:00")
    gaps = random.random(ROWS) < 0.15
    names = np.array(["red", "green", "blue"])
    frame = pandas.DataFrame({
        "count": random.integers(-50, 50, ROWS),
        "size": np.where(gaps, np.nan, random.normal(size=ROWS)),
        "short": random.normal(size=ROWS).astype("float32"),
        "maybe": pandas.array(np.where(gaps, None, random.integers(0, 9, ROWS)), dtype="Int64"),
        "is_open": random.random(ROWS) < 0.5,
        "color": names[random.integers(0, 3, ROWS)],
        "kind": pandas.Categorical(np.where(gaps, None, names[random.integers(0, 3, ROWS)])),
        "when": [day + pandas.Timedelta(hours=7.5 * i) for i in range(ROWS)],
        "note": [None if i % 7 == 3 else f"no. {i}, é" for i in range(ROWS)],
    })
    return frame


def odd(random):
    """Every other type that can be read."""
    whole = random.integers(-2**31, 2**31, ROWS)
    zones = pyarrow.timestamp("us", tz="UTC")
    days = [datetime.date(1583, 1, 31) + datetime.timedelta(days=4001 * i) for i in range(ROWS)]
    times = [datetime.time(i % 24, i, 59, 0 if i % 3 else 1500 * i) for i in range(ROWS)]
    moments = [datetime.datetime(1969, 12, 31, 23, 0, 1, i) + datetime.timedelta(days=31 * i)
               for i in range(ROWS)]
    cents = [None if i % 5 == 0 else decimal.Decimal(int(v)).scaleb(-2)
             for i, v in enumerate(whole)]
    return pyarrow.table({
        "u8": pyarrow.array(np.abs(whole) % 256, pyarrow.uint8()),
        "u32": pyarrow.array(whole + 2**31, pyarrow.uint32()),
        "u64": pyarrow.array((whole + 2**31).astype("uint64") * 2**32),
        "i16": pyarrow.array(whole % 1000 - 500, pyarrow.int16()),
        "half": pyarrow.array(random.normal(size=ROWS).astype("float16")),
        "cents": pyarrow.array(cents, pyarrow.decimal128(12, 2)),
        "wide": pyarrow.array([v and v * 3 for v in cents], pyarrow.decimal256(40, 2)),
        "day": pyarrow.array(days),
        "time": pyarrow.array(times, pyarrow.time64("us")),
        "utc": pyarrow.array(moments, zones),
        "ms": pyarrow.array([m.replace(microsecond=250_000) for m in moments],
                            pyarrow.timestamp("ms")),
        "nothing": pyarrow.nulls(ROWS),
        "binary": pyarrow.array([f"b{i % 4}".encode() for i in range(ROWS)]),
        "dotted.name": pyarrow.array(whole),
    })


def written(root, random):
    """Writes the files; each has its rows in two groups or more, where a program allows that."""
    plain = frame(random)
    plain.to_parquet(root / "pandas.parquet")
    plain[plain["count"] > 0].to_parquet(root / "index.parquet", row_group_size=11)
    whole = pyarrow.Table.from_pandas(plain)
    polars.from_pandas(plain).write_parquet(root / "polars.parquet")
    write = pyarrow.parquet.write_table
    write(whole, root / "gzip.parquet", compression="gzip", data_page_version="2.0")
    write(whole, root / "lz4.parquet", compression="lz4", use_dictionary=False)
    encodings = {"count": "DELTA_BINARY_PACKED", "size": "BYTE_STREAM_SPLIT",
                 "color": "DELTA_BYTE_ARRAY", "note": "DELTA_LENGTH_BYTE_ARRAY"}
    write(whole.select(list(encodings)), root / "encodings.parquet", use_dictionary=False,
          column_encoding=encodings, compression="none", data_page_version="2.0")
    many = odd(random)
    write(many.drop_columns(["wide"]), root / "types.parquet", row_group_size=25)
    write(many.select(["ms", "u8"]), root / "int96.parquet", use_deprecated_int96_timestamps=True)
    # What is refused.
    write(many.select(["wide"]), root / "wide.parquet")
    write(whole.select(["count", "size"]), root / "brotli.parquet", compression="brotli")
    nested = {"x": [1.0, 2.0], "tags": [["a"], ["b", "c"]], "y": [0, 1]}
    write(pyarrow.table(nested), root / "nested.parquet")
    write(pyarrow.table({"x": [b"\xff\xfe", b"a"], "y": [0, 1]}), root / "bytes.parquet")
    write(whole.slice(0, 0), root / "empty.parquet")
    return ["pandas", "index", "polars", "gzip", "lz4", "encodings", "types", "int96"]


def make():
    root = store.ROOT / FOLDER
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    names = written(root, store.generator(FOLDER))
    lines = []
    for name in names:
        read = pandas.read_parquet(root / f"{name}.parquet")
        columns = {str(key): column(read[key]) for key in read.columns}
        lines.append(json.dumps({"name": name, "columns": columns}, allow_nan=False))
    (root / "values.json").write_text('{"cases":[\n' + ",\n".join(lines) + "\n]}\n")
    for path in root.iterdir():
        store.check_size(path)
    return len(names)
