//! Tables, their columns and their numbers.

use super::*;

#[test]
fn tables() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data table.csv",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` is a table: which column is to be told?
                  expected  `--target COLUMN`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data nowhere.csv --target y",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: cannot read `nowhere.csv`: No such file or directory (os error 2)
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target lable",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` has no column `lable`
                  expected  size, count, label
                  help: did you mean `label`?
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target 3",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` has no column `3`
                  expected  size, count, label
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,2\n3,4,5\n"),
            text: expect![[r#"
                error: `bad.csv`, line 3: the table is ragged
                  expected  2 fields, as in the first line
                  received  3
                  help: a comma within a field needs quotes around the field
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", ""),
            text: expect![[r#"
                error: `bad.csv`: the table is empty
                  expected  a line for each sample
                  received  0 bytes
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n"),
            text: expect![[r#"
                error: `bad.csv`: the table has names but no rows
                  expected  a line for each sample
                  received  the header alone
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y,x\n1,2,3\n"),
            text: expect![[r#"
                error: `bad.csv`: two columns have the same name
                  expected  names that differ
                  received  `x` twice
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", b"x,y\n1,\xff\n"),
            text: expect![[r#"
                error: `bad.csv`: the table is no text
                  expected  UTF-8
                  received  other bytes in line 2
                  help: save the file as UTF-8
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv.gz --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv.gz", b"\x1f\x8b\x08\x00"),
            text: expect![[r#"
                error: cannot unpack `bad.csv.gz`: unexpected end of file
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,a\n2,a\n"),
            text: expect![[r#"
                error: the target `y` of `bad.csv` has one class only
                  expected  two classes or more
                  received  `a`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y",
            code: 1,
            add: |folder| write(folder, "bad.csv", "x,y\n1,\n2,NA\n"),
            text: expect![[r#"
                error: the target `y` of `bad.csv` has one class only
                  expected  two classes or more
                  received  none
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --task regression",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the target `label` of `table.csv` is no quantity
                  expected  numbers
                  received  `no`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --task guessing",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value 'guessing' for '--task <classification|regression>': expected classification or regression

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --categories cuont",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` has no column `cuont`
                  expected  size, count, label
                  help: did you mean `count`?
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --ignore size,count",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `table.csv` has no column to learn from
                  expected  a column of numbers or categories beside the target
                  received  size, count, label
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --validation-split 0.001",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the split leaves one part empty
                  expected  a fraction in (0, 1) that leaves samples on both sides
                  received  0.001 of 12 samples
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --val b.csv --verbose 0",
            code: 1,
            add: |folder| write(folder, "b.csv", "size,label\n1,yes\n"),
            text: expect![[r#"
                error: `b.csv` has no column `count`
                  expected  size, label
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --target label --val b.csv --verbose 0",
            code: 1,
            add: |folder| write(folder, "b.csv", "size,count,label\n1,2,perhaps\n"),
            text: expect![[r#"
                error: `b.csv`: the target `label` of row 0 cannot be used
                  expected  no, yes
                  received  `perhaps`
            "#]],
        },
        Case {
            arguments: "train classes.keras --data table.csv --target label --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                the trained model will not be kept: there is no `--out FILE.keras`
                error: input `input_layer` has the wrong shape
                  expected  (None, 4)
                  received  (12, 1)
            "#]],
        },
        Case {
            arguments: "train --model cnn --data table.csv --target label --verbose 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: a `cnn` needs neighbours to convolve over
                  expected  images, series or sequences of words
                  received  1 numbers
                  help: use `mlp`
            "#]],
        },
        Case {
            arguments: "train --model mpl --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value 'mpl' for '--model <mlp|cnn|logistic>': there is no model `mpl`
                  expected  logistic, mlp, cnn
                  help: did you mean `mlp`?

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train classes.keras --model mlp --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: the argument '[MODEL.keras]' cannot be used with '--model <mlp|cnn|logistic>'

                Usage: ibex train --data <FILE> --target <COLUMN> <MODEL.keras>

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.feather --target label",
            code: 2,
            add: |folder| write(folder, "table.feather", "FEA1"),
            text: expect![[r#"
                error: `table.feather` is a table of a kind that is not read
                  expected  a .csv or .parquet file
                  received  .feather
                  help: write the table as CSV or Parquet
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad.csv --target y --verbose 0",
            code: 0,
            add: |folder| {
                let rows = "1,0\nNaN,1\ninf,0\n4,1\n,0\n2,1\n9,0\n1,1\n2,0\n3,1\n";
                write(folder, "bad.csv", format!("x,y\n{rows}"));
            },
            text: expect![[r#"
                Model: "mlp"
                ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
                ┃ Layer (type)                      ┃ Output Shape             ┃       Param # ┃
                ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
                │ dense_1 (Dense)                   │ (None, 32)               │            96 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dropout (Dropout)                 │ (None, 32)               │             0 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dense_2 (Dense)                   │ (None, 16)               │           528 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dense (Dense)                     │ (None, 1)                │            17 │
                └───────────────────────────────────┴──────────────────────────┴───────────────┘
                 Total params: 641 (2.50 KB)
                 Trainable params: 641 (2.50 KB)
                 Non-trainable params: 0 (0.00 B)

                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "evaluate plain.keras --data table.csv --target label",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: `plain.keras` is not compiled: it has no loss to evaluate
                  help: compile the model before saving it, or train it with `ibex train --loss NAME`
            "#]],
        },
    ]);
}
