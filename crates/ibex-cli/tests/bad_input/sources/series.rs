//! Windows of a series.

use super::*;

#[test]
fn series() {
    check_all(vec![
        Case {
            arguments: "train --model mlp --data series.csv --window 5",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: the following required arguments were not provided:
                  --target <COLUMN>

                Usage: ibex train --target <COLUMN> --model <mlp|cnn|logistic> --data <FILE> --window <N> [MODEL.keras]

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 0 --target 0",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: invalid value '0' for '--window <N>': expected a whole number from 1 to 4294967295

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 40 --target 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                data: a series of 30 rows and 1 columns
                error: the series is too short for a window
                  expected  more than 39 rows, and a target
                  received  30 rows
            "#]],
        },
        Case {
            arguments: "train --model mlp --data series.csv --window 29 --horizon 9 --target 0",
            code: 1,
            add: nothing,
            text: expect![[r#"
                data: a series of 30 rows and 1 columns
                error: the series is too short for a window
                  expected  more than 28 rows, and a target
                  received  30 rows
            "#]],
        },
        Case {
            arguments: "train --model mlp --data table.csv --window 3 --target label",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the target `label` of `table.csv` is no quantity
                  expected  numbers
                  received  `no`
            "#]],
        },
    ]);
}
