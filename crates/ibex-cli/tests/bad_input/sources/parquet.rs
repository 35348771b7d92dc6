//! Parquet files that are broken, or hold what no table has.

use super::*;

#[test]
fn parquet_files() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data nowhere.parquet --target y",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: cannot read `nowhere.parquet`: No such file or directory (os error 2)
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet",
            code: 2,
            add: |folder| golden_table(folder, "pandas.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet` is a table: which column is to be told?
                  expected  `--target COLUMN`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target colour",
            code: 1,
            add: |folder| golden_table(folder, "pandas.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet` has no column `colour`
                  expected  count, size, short, maybe, is_open, color, kind, when, note
                  help: did you mean `color`?
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target y",
            code: 1,
            add: |folder| write(folder, "bad.parquet", ""),
            text: expect![[r#"
                error: `bad.parquet` is no Parquet file that can be used
                  expected  a whole file as pandas, polars or PyArrow write it
                  received  Parquet file too small. Size is 0 but need 8
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target y",
            code: 1,
            add: |folder| write(folder, "bad.parquet", "x,y\n1,2\n3,4\n"),
            text: expect![[r#"
                error: `bad.parquet` is no Parquet file that can be used
                  expected  a whole file as pandas, polars or PyArrow write it
                  received  Invalid Parquet file. Corrupt footer
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target color",
            code: 1,
            add: |folder| golden_table(folder, "pandas.parquet", |bytes| bytes.truncate(3000)),
            text: expect![[r#"
                error: `bad.parquet` is no Parquet file that can be used
                  expected  a whole file as pandas, polars or PyArrow write it
                  received  Invalid Parquet file. Corrupt footer
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target color",
            code: 1,
            add: |folder| {
                // The middle is gone, and the end is there.
                golden_table(folder, "pandas.parquet", |bytes| drop(bytes.drain(500..2000)));
            },
            text: expect![[r#"
                error: `bad.parquet` is no Parquet file that can be used
                  expected  a whole file as pandas, polars or PyArrow write it
                  received  Required field type_ is missing
            "#]],
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
            text: expect![[r#"
                error: `bad.parquet` is no Parquet file that can be used
                  expected  a whole file as pandas, polars or PyArrow write it
                  received  an encrypted file
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target count",
            code: 1,
            add: |folder| golden_table(folder, "brotli.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet` is packed in a way that is not known
                  expected  snappy, zstd, gzip, lz4 or nothing
                  received  brotli
                  help: write the table with another compression
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target y",
            code: 1,
            add: |folder| golden_table(folder, "nested.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet`: the column `tags` cannot be used
                  expected  numbers, truth values, texts, dates or times
                  received  lists or structures
                  help: write the table without the column
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target y",
            code: 1,
            add: |folder| golden_table(folder, "bytes.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet`: the column `x` cannot be used
                  expected  numbers, truth values, texts, dates or times
                  received  bytes that are no text
                  help: write the table without the column
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.parquet --target wide",
            code: 1,
            add: |folder| golden_table(folder, "wide.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet`: the column `wide` cannot be used
                  expected  numbers, truth values, texts, dates or times
                  received  decimal numbers of more than 16 bytes
                  help: write the table without the column
            "#]],
        },
        Case {
            arguments: "kfold --model mlp --data bad.parquet --target count",
            code: 1,
            add: |folder| golden_table(folder, "empty.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet`: the table is empty
                  expected  a row for each sample
                  received  9 columns without rows
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --val bad.parquet \
                        --verbose 0",
            code: 1,
            add: |folder| golden_table(folder, "pandas.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet` has no column `label`
                  expected  count, size, short, maybe, is_open, color, kind, when, note
            "#]],
        },
        Case {
            arguments: "evaluate photos.keras --data bad.parquet",
            code: 1,
            add: |folder| golden_table(folder, "nested.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet`: the column `tags` cannot be used
                  expected  numbers, truth values, texts, dates or times
                  received  lists or structures
                  help: write the table without the column
            "#]],
        },
        Case {
            arguments: "predict photos.keras --data bad.parquet --out y.npz",
            code: 1,
            add: |folder| golden_table(folder, "nested.parquet", |_| ()),
            text: expect![[r#"
                error: `bad.parquet`: the column `tags` cannot be used
                  expected  numbers, truth values, texts, dates or times
                  received  lists or structures
                  help: write the table without the column
            "#]],
        },
    ]);
}
