//! Data that does not fit the model.

use super::*;

#[test]
fn an_input_of_another_shape() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 5])), ("y0", integers(&[6], &[0, 1, 2, 0, 1, 2]))],
            );
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: input `input_layer` has the wrong shape
              expected  (None, 4)
              received  (6, 5)
        "#]],
    );
}

#[test]
fn a_label_out_of_range() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 4])), ("y0", integers(&[6], &[0, 1, 2, 0, 3, 2]))],
            );
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: a target of the loss `sparse_categorical_crossentropy` is no class of the model
              expected  class indices from 0 to 2
              received  3 at [4]
              help: the last layer needs at least 4 units, or classes must count from 0
        "#]],
    );
}

#[test]
fn a_negative_label() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 4])), ("y0", integers(&[6], &[0, -1, 2, 0, 1, 2]))],
            );
        },
        expect![[r#"
            error: a target of the loss `sparse_categorical_crossentropy` is no class of the model
              expected  class indices from 0 to 2
              received  -1 at [1]
              help: classes count from 0; `ignore_class` skips one index
        "#]],
    );
}

#[test]
fn labels_that_are_floats() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 4])), ("y0", floats(&[6], &[0., 1., 2., 0., 1., 2.]))],
            );
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the targets of the loss `sparse_categorical_crossentropy` are no integers
              expected  class indices of an integer type, such as int32
              received  targets of type float32
              help: convert them, as with `y.astype("int32")`; for probabilities use `CategoricalCrossentropy`, for numbers a regression loss
        "#]],
    );
}

#[test]
fn labels_one_hot_for_a_sparse_loss() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[2, 4])), ("y0", integers(&[2, 3], &[0, 1, 0, 1, 0, 0]))],
            );
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the targets do not fit the predictions of the loss `sparse_categorical_crossentropy`
              expected  a class index for each sample: targets (None,)
              received  targets (None, 3), predictions (None, 3)
              help: for one-hot targets use `CategoricalCrossentropy`
        "#]],
    );
}

#[test]
fn targets_of_another_shape() {
    check(
        "train two.keras --data bad.npz",
        1,
        |folder| {
            let arrays = [
                ("x0", noise(&[6, 3])),
                ("x1", noise(&[6, 2])),
                ("y0", noise(&[6, 1])),
                ("y1", noise(&[6, 5])),
            ];
            folder.npz("bad.npz", &arrays);
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the targets do not fit the predictions of the loss `mean_squared_error`
              expected  targets of the predictions' shape (None, 2)
              received  targets (None, 5), predictions (None, 2)
        "#]],
    );
}

#[test]
fn a_missing_input() {
    check(
        "train two.keras --data bad.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", noise(&[6, 3])), ("y0", noise(&[6, 1]))]);
        },
        expect![[r#"
            error: `bad.npz` has no array `x1`
              expected  x0, x1 for the model's inputs
              received  x0, y0
              help: save the arrays under these names, as in `numpy.savez(…, x0=…)`
        "#]],
    );
}

#[test]
fn inputs_too_many() {
    check(
        "predict classes.keras --data bad.npz --out y.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", noise(&[6, 4])), ("x1", noise(&[6, 4]))]);
        },
        expect![[r#"
            error: `bad.npz` has more inputs than the model
              expected  x0
              received  2 inputs, `x1` among them
              help: remove the arrays that do not belong to this model
        "#]],
    );
}

#[test]
fn a_missing_target() {
    check(
        "train two.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 3])), ("x1", noise(&[6, 2])), ("y", noise(&[6, 1]))],
            );
        },
        expect![[r#"
            error: `bad.npz` has no array `y0`, `y1`
              expected  y0, y1 for the model's targets
              received  x0, x1, y
              help: save the arrays under these names, as in `numpy.savez(…, y0=…)`
        "#]],
    );
}

#[test]
fn data_without_arrays() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[]);
        },
        expect![[r#"
            error: `bad.npz` has no array `x0`
              expected  x0 for the model's inputs (or `x`)
              received  no arrays
              help: save the arrays under these names, as in `numpy.savez(…, x0=…)`
        "#]],
    );
}

#[test]
fn data_without_samples() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", floats(&[0, 4], &[])), ("y0", integers(&[0], &[]))]);
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: there is no data: the arrays are empty
              expected  at least one sample
              received  `x0` of shape (0, 4)
        "#]],
    );
}

#[test]
fn an_input_without_axes() {
    check(
        "predict classes.keras --data bad.npz --out y.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", floats(&[], &[1.0]))]);
        },
        expect![[r#"
            error: input `input_layer` has the wrong shape
              expected  (None, 4)
              received  ()
        "#]],
    );
}

#[test]
fn arrays_of_different_lengths() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 4])), ("y0", integers(&[5], &[0, 1, 2, 0, 1]))],
            );
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the arrays have different numbers of samples
              expected  6 rows, as in `x0`
              received  `y0` of shape (5,)
        "#]],
    );
}

#[test]
fn weights_of_another_length() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            let arrays = [
                ("x0", noise(&[2, 4])),
                ("y0", integers(&[2], &[0, 1])),
                ("sample_weight", noise(&[3])),
            ];
            folder.npz("bad.npz", &arrays);
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the arrays have different numbers of samples
              expected  2 rows, as in `x0`
              received  `sample_weight0` of shape (3,)
        "#]],
    );
}

#[test]
fn weights_of_another_shape() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            let arrays = [
                ("x0", noise(&[2, 4])),
                ("y0", integers(&[2], &[0, 1])),
                ("sample_weight", noise(&[2, 7])),
            ];
            folder.npz("bad.npz", &arrays);
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the sample weights do not fit the output `dense_1`
              expected  one for each sample, as for predictions (None, 3)
              received  weights of shape (2, 7)
        "#]],
    );
}

#[test]
fn a_split_that_leaves_nothing() {
    check(
        "train classes.keras --data classes.npz --validation-split 0.99",
        1,
        nothing,
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the validation split leaves one part empty
              expected  a fraction in (0, 1) that leaves samples on both sides
              received  0.99 of 6 samples
        "#]],
    );
}

#[test]
fn validation_data_of_another_shape() {
    check(
        "train classes.keras --data classes.npz --val bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 3])), ("y0", integers(&[6], &[0, 1, 2, 0, 1, 2]))],
            );
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: input `input_layer` has the wrong shape
              expected  (None, 4)
              received  (6, 3)
        "#]],
    );
}

#[test]
fn validation_data_without_targets() {
    check(
        "train classes.keras --data classes.npz --val bad.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", noise(&[6, 4]))]);
        },
        expect![[r#"
            error: `bad.npz` has no array `y0`
              expected  y0 for the model's targets (or `y`)
              received  x0
              help: save the arrays under these names, as in `numpy.savez(…, y0=…)`
        "#]],
    );
}

#[test]
fn a_loss_that_explodes() {
    check(
        "train two.keras --data two.npz --epochs 9 --learning-rate 1e30 --out lost.keras --verbose 0",
        1,
        nothing,
        expect![[r#"
            error: the loss became NaN in epoch 3
              help: use a smaller learning rate, `clipnorm`, or normalised inputs
        "#]],
    );
}

#[test]
fn data_that_is_not_a_number() {
    check(
        "train classes.keras --data bad.npz --verbose 0",
        1,
        |folder| {
            let x = floats(&[2, 4], &[0.5, f32::NAN, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
            folder.npz("bad.npz", &[("x0", x), ("y0", integers(&[2], &[0, 1]))]);
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the loss became NaN in epoch 1
              help: the data holds NaN or infinite values: remove or replace them
        "#]],
    );
}
