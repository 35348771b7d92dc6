//! Arguments that do not fit together.

use super::*;

#[test]
fn an_unknown_command() {
    check(
        "trian",
        2,
        nothing,
        expect![[r#"
        error: unrecognized subcommand 'trian'

          tip: a similar subcommand exists: 'train'

        Usage: ibex <COMMAND>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_unknown_flag() {
    check(
        "train --epoch 3",
        2,
        nothing,
        expect![[r#"
        error: unexpected argument '--epoch' found

          tip: a similar argument exists: '--epochs'

        Usage: ibex train --epochs <N> [MODEL.keras]

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_batch_size_of_zero() {
    check(
        "train --batch-size 0",
        2,
        nothing,
        expect![[r#"
        error: invalid value '0' for '--batch-size <N>': expected a whole number from 1 to 4294967295

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_memory_budget_in_an_unknown_unit() {
    check(
        "train --memory-budget 5XB",
        2,
        nothing,
        expect![[r#"
        error: invalid value '5XB' for '--memory-budget <SIZE>': expected a number of bytes above 0, perhaps with a unit: B, KB, MB, GB, KiB, MiB, GiB

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_memory_budget_that_nothing_fits_into() {
    check(
        "train classes.keras --data classes.npz --verbose 0 --memory-budget 100B",
        1,
        nothing,
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the intermediate values of the step do not fit into the memory budget
              expected  at most 100 B
              received  576 B in the smallest plan that was found, 768 B in the fastest
              largest   128 B  matmul float32 (6, 5) of `sequential/dense`
                        128 B  matmul float32 (6, 5) of `sequential/dense_1`
                        64 B  subtract float32 (3,) of `optimizer`
                        64 B  subtract float32 (5, 3) of `optimizer`
              note: not counted: 556 B of weights and optimizer state, 120 B of the batch
              help: use a smaller batch
        "#]],
    );
}

#[test]
fn no_epochs() {
    check(
        "train --epochs 0",
        2,
        nothing,
        expect![[r#"
        error: invalid value '0' for '--epochs <N>': expected a whole number from 1 to 4294967295

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_negative_learning_rate() {
    check(
        "train --learning-rate -0.1",
        2,
        nothing,
        expect![[r#"
        error: invalid value '-0.1' for '--learning-rate <X>': expected a number above 0

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_validation_split_above_one() {
    check(
        "train classes.keras --data classes.npz --validation-split 1.5",
        2,
        nothing,
        expect![[r#"
            error: invalid value '1.5' for '--validation-split <F>': expected a number from 0 up to, but not including, 1

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn resuming_without_a_folder() {
    check(
        "train classes.keras --data classes.npz --resume",
        2,
        nothing,
        expect![[r#"
        error: the following required arguments were not provided:
          --checkpoint-dir <DIR>

        Usage: ibex train --checkpoint-dir <DIR> --data <FILE> --resume <MODEL.keras>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn two_kinds_of_validation() {
    check(
        "train classes.keras --data classes.npz --val a.npz --validation-split 0.1",
        2,
        nothing,
        expect![[r#"
            error: the argument '--val <FILE>' cannot be used with '--validation-split <F>'

            Usage: ibex train --data <FILE> --val <FILE> <MODEL.keras>

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn a_model_without_data() {
    check(
        "train classes.keras",
        2,
        nothing,
        expect![[r#"
        error: there is no data to train on
          expected  `--data FILE.npz` with x0, x1, … and y0, y1, …
          help: `ibex train` without arguments trains on bundled digits
    "#]],
    );
}

#[test]
fn data_without_a_model() {
    check(
        "train --data classes.npz",
        2,
        nothing,
        expect![[r#"
        error: there is no model to train on this data
          expected  `ibex train MODEL.keras --data FILE.npz`
          help: `--model mlp` makes a new one, sized by the data
    "#]],
    );
}

#[test]
fn validation_data_for_the_built_in_model() {
    check(
        "train --validation-split 0.1",
        2,
        nothing,
        expect![[r#"
        error: the built-in model has validation digits of its own
          expected  `ibex train MODEL.keras --data FILE.npz` beside `--val` or `--validation-split`
    "#]],
    );
}

#[test]
fn an_output_that_is_no_keras_file() {
    check(
        "train --out model.h5",
        2,
        nothing,
        expect![[r#"
        error: `--out` must end in `.keras`
          received  model.h5
          help: Keras knows a model file by this ending
    "#]],
    );
}

#[test]
fn two_outputs_in_one_file() {
    check(
        "train --out a.keras --history a.keras",
        2,
        nothing,
        expect![[r#"
        error: `--out` and `--history` name the same file
    "#]],
    );
}

#[test]
fn a_verbosity_of_three() {
    check(
        "train --verbose 3",
        2,
        nothing,
        expect![[r#"
        error: invalid value '3' for '--verbose <0|1|2>': 3 is not in 0..=2

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn no_threads() {
    check(
        "train --threads 0",
        2,
        nothing,
        expect![[r#"
        error: invalid value '0' for '--threads <N>': 0 is not in 1..=65535

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_seed_that_is_no_number() {
    check(
        "train --seed lucky",
        2,
        nothing,
        expect![[r#"
        error: invalid value 'lucky' for '--seed <N>': invalid digit found in string

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_unknown_optimizer() {
    check(
        "train --optimizer adm",
        2,
        nothing,
        expect![[r#"
        error: unknown optimizer `adm`
          help: did you mean `Adam`?
    "#]],
    );
}

#[test]
fn an_unknown_loss() {
    check(
        "train --loss mean_square_error",
        2,
        nothing,
        expect![[r#"
        error: unknown loss `mean_square_error`
          help: did you mean `MeanSquaredError`?
    "#]],
    );
}

#[test]
fn an_unknown_metric() {
    check(
        "train classes.keras --data classes.npz --metrics acuracy",
        2,
        nothing,
        expect![[r#"
            error: unknown metric `acuracy`
              help: did you mean `Accuracy`?
        "#]],
    );
}

#[test]
fn a_layer_to_freeze_that_is_not_there() {
    check(
        "train classes.keras --data classes.npz --freeze dens",
        1,
        nothing,
        expect![[r#"
            error: the model has no layer `dens`
              help: did you mean `dense`?
        "#]],
    );
}

#[test]
fn a_beginning_that_no_layer_has() {
    check(
        "train classes.keras --data classes.npz --freeze conv*",
        1,
        nothing,
        expect![[r#"
            error: the model has no layer whose name begins with `conv`
              help: `ibex summary` lists the layers
        "#]],
    );
}

#[test]
fn evaluation_without_data() {
    check(
        "evaluate classes.keras",
        2,
        nothing,
        expect![[r#"
        error: the following required arguments were not provided:
          --data <FILE>

        Usage: ibex evaluate --data <FILE> <MODEL.keras>

        For more information, try '--help'.
    "#]],
    );
}
