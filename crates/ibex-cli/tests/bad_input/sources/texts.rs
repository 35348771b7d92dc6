//! Folders of texts.

use super::*;

#[test]
fn folders_of_texts() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data texts --verbose 0",
            code: 0,
            add: |folder| write(folder, "texts/dark/9.txt", b"caf\xe9"),
            text: expect![[r#"
                warning: 1 file was left out
                - `texts/dark/9.txt` is no text
                  expected  UTF-8
                  received  another byte at 3
                  help: save the file as UTF-8
                Model: "mlp"
                ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
                ┃ Layer (type)                      ┃ Output Shape             ┃       Param # ┃
                ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
                │ dense_1 (Dense)                   │ (None, 32)               │           192 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dropout (Dropout)                 │ (None, 32)               │             0 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dense_2 (Dense)                   │ (None, 16)               │           528 │
                ├───────────────────────────────────┼──────────────────────────┼───────────────┤
                │ dense (Dense)                     │ (None, 1)                │            17 │
                └───────────────────────────────────┴──────────────────────────┴───────────────┘
                 Total params: 737 (2.88 KB)
                 Trainable params: 737 (2.88 KB)
                 Non-trainable params: 0 (0.00 B)

                the trained model will not be kept: there is no `--out FILE.keras`
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad",
            code: 1,
            add: |folder| {
                write(folder, "bad/a/1.txt", "");
                write(folder, "bad/b/1.txt", "  \n");
            },
            text: expect![[r#"
                error: there is not a token in the data
                  help: `adapt` needs data with the tokens to come
            "#]],
        },
        Case {
            arguments: "train photos.keras --data texts",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the model takes no texts
                  expected  an input of one axis: words, or which words occur
            "#]],
        },
        Case {
            arguments: "train --model mlp --data texts --words 0",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value '0' for '--words <N>': expected a whole number from 1 to 4294967295

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data bad",
            code: 1,
            add: |folder| write(folder, "bad/a/1.txt", "alone"),
            text: expect![[r#"
                error: the folder has one class only
                  expected  two subfolders or more, each with the files of a class
                  received  `a`
            "#]],
        },
    ]);
}
