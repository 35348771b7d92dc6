//! How data is read again, folds, data sets by name, and paths that lead nowhere.

use super::*;

#[cfg(unix)]
#[test]
fn files_that_lead_nowhere() {
    check_all(vec![Case {
        arguments: "train photos.keras --data photos --verbose 0",
        code: 0,
        add: |folder| {
            std::os::unix::fs::symlink("gone.png", folder.path("photos/dark/9.png")).unwrap();
        },
        text: expect![[r#"
            warning: 1 file was left out
            - cannot read `photos/dark/9.png`: No such file or directory (os error 2)
            the trained model will not be kept: there is no `--out FILE.keras`
        "#]],
    }]);
}

#[test]
fn recipes_and_folds() {
    check_all(vec![
        Case {
            arguments: "evaluate classes.keras --data table.csv --target label",
            code: 1,
            add: |folder| write(folder, "classes.data.json", "{}"),
            text: expect![[r#"
                error: `classes.data.json` does not say how data is read
                  expected  what `ibex train` wrote
                  received  missing field `kind` at line 1 column 2
                  help: remove the file, and give the choices anew
            "#]],
        },
        Case {
            arguments: "evaluate classes.keras --data photos",
            code: 1,
            add: |folder| write(folder, "classes.data.json", r#"{"kind": "arrays"}"#),
            text: expect![[r#"
                error: the model was trained on data of another kind
                  expected  arrays in an .npz file
                  received  8 images of 2 classes
            "#]],
        },
        Case {
            arguments: "kfold --data table.csv --target label",
            code: 2,
            add: nothing,
            text: expect![[r#"
                error: the following required arguments were not provided:
                  --model <mlp|cnn|logistic>

                Usage: ibex kfold --data <FILE> --target <COLUMN> --model <mlp|cnn|logistic> [MODEL.keras]

                For more information, try '--help'.
            "#]],
        },
        Case {
            arguments: "kfold --model mlp --data table.csv --target label --folds 1",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the samples cannot be dealt out to the folds
                  expected  at least 2 folds, and a sample for each
                  received  1 folds, 12 samples
            "#]],
        },
        Case {
            arguments: "kfold --model mlp --data table.csv --target label --folds 13",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the samples cannot be dealt out to the folds
                  expected  at least 2 folds, and a sample for each
                  received  13 folds, 12 samples
            "#]],
        },
        Case {
            arguments: "kfold plain.keras --data table.csv --target size",
            code: 1,
            add: nothing,
            text: expect![[r#"
                data: a table of 12 rows and 3 columns, 5 folds
                error: `plain.keras` is not compiled: it has no loss to train by
                  help: compile the model before saving it
            "#]],
        },
    ]);
}

#[test]
fn data_sets_by_name() {
    check_all(vec![
        Case {
            arguments: "datasets get minst",
            code: 2,
            add: nothing,
            text: expect![[r#"
            error: there is no data set `minst`
              expected  boston_housing, california_housing, cifar10, cifar100, digits, fashion_mnist, imdb, jena_climate, mnist, oxford_iiit_pet, reuters
              help: did you mean `mnist`?
        "#]],
        },
        Case {
            arguments: "datasets get digits --out nowhere",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: cannot write `nowhere/digits-train.npz`: there is no folder `nowhere`
                  help: choose a path in a folder that exists and that you may write to
            "#]],
        },
        Case {
            arguments: "datasets get boston_housing",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the file `housing.csv` of the data set `boston_housing` is not there
                  looked in home/boston_housing/housing.csv
                            home/tabular/housing.csv
                            cache/boston_housing/housing.csv
                  help: put the file at cache/boston_housing/housing.csv, or set IBEX_DATA_HOME to the folder that holds `boston_housing/housing.csv`
            "#]],
        },
        Case {
            arguments: "datasets get boston_housing",
            code: 1,
            add: |folder| write(folder, "home/boston_housing/housing.csv", "1,2,3\n"),
            text: expect![[r#"
                error: home/boston_housing/housing.csv, line 1
                  expected  14 numbers
                  received  3
            "#]],
        },
        Case {
            arguments: "datasets get jena_climate",
            code: 1,
            add: |folder| {
                let path = "home/jena_climate/jena_climate_2009_2016.csv";
                write(folder, path, "Date Time,p\n1,2\n");
            },
            text: expect![[r#"
                error: `home/jena_climate/jena_climate_2009_2016.csv` is damaged, or another file
                  expected  420551 rows of a time and 14 measurements
                  received  1 rows of 2 columns
                  help: delete it; it is then looked for elsewhere
            "#]],
        },
        Case {
            arguments: "datasets get oxford_iiit_pet",
            code: 1,
            add: nothing,
            text: expect![[r#"
                error: the file `images/Abyssinian_1.jpg` of the data set `oxford_iiit_pet` is not there
                  looked in home/oxford_iiit_pet/images/Abyssinian_1.jpg
                            home/oxford-iiit-pet/images/Abyssinian_1.jpg
                            cache/oxford_iiit_pet/images/Abyssinian_1.jpg
                  help: put the file at cache/oxford_iiit_pet/images/Abyssinian_1.jpg, or set IBEX_DATA_HOME to the folder that holds `oxford_iiit_pet/images/Abyssinian_1.jpg`
            "#]],
        },
    ]);
}
