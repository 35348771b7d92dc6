//! Parquet files that are broken, or hold what no table has.

use super::*;

#[test]
fn parquet_files() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data nowhere.parquet --target y",
            code: 1,
            add: nothing,
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet",
            code: 2,
            add: |folder| golden_table(folder, "pandas.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target colour",
            code: 1,
            add: |folder| golden_table(folder, "pandas.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target y",
            code: 1,
            add: |folder| write(folder, "bad.parquet", ""),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target y",
            code: 1,
            add: |folder| write(folder, "bad.parquet", "x,y\n1,2\n3,4\n"),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target color",
            code: 1,
            add: |folder| golden_table(folder, "pandas.parquet", |bytes| bytes.truncate(3000)),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target color",
            code: 1,
            add: |folder| {
                // The middle is gone, and the end is there.
                golden_table(folder, "pandas.parquet", |bytes| drop(bytes.drain(500..2000)));
            },
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target color",
            code: 1,
            add: |folder| {
                golden_table(folder, "pandas.parquet", |bytes| {
                    let end = bytes.len() - 4;
                    bytes[end..].copy_from_slice(b"PARE");
                });
            },
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target count",
            code: 1,
            add: |folder| golden_table(folder, "brotli.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target y",
            code: 1,
            add: |folder| golden_table(folder, "nested.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target y",
            code: 1,
            add: |folder| golden_table(folder, "bytes.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target wide",
            code: 1,
            add: |folder| golden_table(folder, "wide.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "kfold --model mlp --data bad.parquet --target count",
            code: 1,
            add: |folder| golden_table(folder, "empty.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --val bad.parquet --verbose 0",
            code: 1,
            add: |folder| golden_table(folder, "pandas.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "evaluate photos.keras --data bad.parquet",
            code: 1,
            add: |folder| golden_table(folder, "nested.parquet", |_| ()),
            text: expect![],
        },
        Case {
            arguments: "predict photos.keras --data bad.parquet --out y.npz",
            code: 1,
            add: |folder| golden_table(folder, "nested.parquet", |_| ()),
            text: expect![],
        },
    ]);
}
