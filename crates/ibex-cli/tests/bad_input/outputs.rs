//! Outputs and checkpoints that cannot be written or taken up.

use super::*;

#[test]
fn an_output_in_no_folder() {
    check(
        "train classes.keras --data classes.npz --out none/m.keras",
        1,
        nothing,
        expect![[r#"
        error: cannot write `none/m.keras`: there is no folder `none`
          help: choose a path in a folder that exists and that you may write to
    "#]],
    );
}

#[test]
fn an_output_that_is_a_folder() {
    check(
        "predict classes.keras --data classes.npz --out folder",
        1,
        nothing,
        expect![[r#"
        error: cannot write `folder`: it is a folder
          help: choose a path in a folder that exists and that you may write to
    "#]],
    );
}

#[test]
fn a_history_that_is_a_folder() {
    check(
        "train classes.keras --data classes.npz --history folder",
        1,
        nothing,
        expect![[r#"
        error: cannot write `folder`: it is a folder
          help: choose a path in a folder that exists and that you may write to
    "#]],
    );
}

#[test]
fn an_output_without_room() {
    check(
        "predict classes.keras --data classes.npz --out /dev/full",
        1,
        nothing,
        expect![[r#"
            error: cannot write `/dev/full`: No space left on device (os error 28)
              help: free some space on that disk, or choose another one
        "#]],
    );
}

#[test]
fn a_checkpoint_folder_that_is_a_file() {
    check(
        "train classes.keras --data classes.npz --checkpoint-dir classes.npz",
        1,
        nothing,
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: cannot make the checkpoint folder `classes.npz`: File exists (os error 17)
        "#]],
    );
}

#[test]
fn a_checkpoint_of_another_model() {
    check(
        "train two.keras --data two.npz --checkpoint-dir kept --resume",
        1,
        |folder| {
            folder.done("train classes.keras --data classes.npz --checkpoint-dir kept");
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the checkpoint `kept/checkpoint.npz` is of another model
              expected  the layers of this model
              received  other layers
              help: resume with the same model and options, or choose another folder
        "#]],
    );
}

#[test]
fn a_checkpoint_of_another_optimizer() {
    check(
        "train classes.keras --data classes.npz --optimizer sgd --checkpoint-dir kept --resume",
        1,
        |folder| {
            folder.done("train classes.keras --data classes.npz --checkpoint-dir kept");
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the checkpoint `kept/checkpoint.npz` is of a training with another optimizer
              expected  SGD {"name":"sgd","learning_rate":0.009999999776482582,"weight_decay":null,"clipnorm":null,"global_clipnorm":null,"clipvalue…
              received  Adam {"name":"adam","learning_rate":0.009999999776482582,"weight_decay":null,"clipnorm":null,"global_clipnorm":null,"clipvalu…
              help: resume with the same model and options, or choose another folder
        "#]],
    );
}

#[test]
fn a_checkpoint_of_other_options() {
    check(
        "train classes.keras --data classes.npz --batch-size 3 --checkpoint-dir kept --resume",
        1,
        |folder| {
            folder.done("train classes.keras --data classes.npz --checkpoint-dir kept");
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the checkpoint `kept/checkpoint.npz` is of another training
              expected  6 samples, shuffled, batch size 3, seed 0
              received  6 samples, shuffled, batch size 32, seed 0
              help: resume with the same model and options, or choose another folder
        "#]],
    );
}

#[test]
fn a_damaged_checkpoint() {
    check(
        "train classes.keras --data classes.npz --checkpoint-dir kept --resume",
        1,
        |folder| {
            std::fs::create_dir(folder.path("kept")).unwrap();
            std::fs::write(folder.path("kept/checkpoint.npz"), "half a file").unwrap();
        },
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the file is no sound zip archive
              received  invalid Zip archive: Could not find EOCD
              at kept/checkpoint.npz
              help: it may be of another format, or cut short while it was copied
        "#]],
    );
}

#[test]
fn the_trained_model_is_not_lost_when_its_folder_is() {
    use std::io::BufRead;
    let folder = &Folder::new();
    classifier().save(folder.path("classes.keras")).unwrap();
    let labels = integers(&[6], &[0, 1, 2, 0, 1, 2]);
    folder.npz("classes.npz", &[("x0", noise(&[6, 4])), ("y0", labels)]);
    std::fs::create_dir(folder.path("gone")).unwrap();
    let line = "train classes.keras --data classes.npz --epochs 2000 --out gone/m.keras";
    let mut child = folder.command(line).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let mut line = lines.next().unwrap().unwrap();
    assert!(line.starts_with("Epoch 1/"), "{line}");
    std::fs::remove_dir(folder.path("gone")).unwrap();
    for next in lines {
        line = next.unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let name = format!("m-rescued-{}.keras", child.id());
    assert_eq!(line, format!("  note: the trained model is in `./{name}` instead"));
    folder.done(&format!("evaluate {name} --data classes.npz"));
}
