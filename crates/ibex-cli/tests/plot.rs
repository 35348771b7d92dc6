//! Pictures of models, histories and predictions.

mod support;

use ibex::prelude::*;
use support::{Folder, floats, integers};

fn picture(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path(name)).unwrap()
}

/// A classifier of two numbers by the sign of the first one, and samples of it.
fn signs(folder: &Folder) {
    let mut model = Sequential::new()
        .add(Input::new([2]))
        .add(Dense::new(2).activation(Softmax))
        .build()
        .unwrap();
    let kernel = Array::from_slice([2, 2], &[-9f32, 9.0, 0.0, 0.0]).unwrap();
    model.set_weights(&[kernel, Array::zeros(Float32, [2])]).unwrap();
    model.save(folder.path("signs.keras")).unwrap();
    let x = [-1.0, 0.5, -0.5, -0.5, 0.5, 1.0, 1.0, -1.0, 0.8, 0.0];
    let arrays = [("x0", floats(&[5, 2], &x)), ("y0", integers(&[5], &[0, 0, 1, 1, 0]))];
    folder.npz("signs.npz", &arrays);
}

#[test]
fn models_are_drawn_with_what_is_asked_for() {
    let folder = Folder::new();
    let inner = Sequential::new()
        .name("encoder")
        .add(Input::new([4]))
        .add(Dense::new(3).activation(Relu).name("hidden"));
    let x = Input::new([4]).name("both").tensor();
    let encoder = inner.build().unwrap();
    let encoded = encoder.functional().clone().call(&x);
    let joined = Concatenate::default().call([&x, &encoded]);
    let y = Dense::new(1).name("score").call(&joined);
    Model::new([x], [y]).unwrap().save(folder.path("m.keras")).unwrap();
    folder.done("plot model m.keras --out plain.svg");
    let plain = picture(&folder, "plain.svg");
    assert!(plain.contains(">encoder (Sequential)<") && plain.contains(">score (Dense)<"));
    assert!(!plain.contains("hidden") && !plain.contains("output:"), "{plain}");
    folder.done(
        "plot model m.keras --out all.svg --show-shapes --show-dtype --show-activations \
         --show-trainable --expand-nested --left-to-right",
    );
    let all = picture(&folder, "all.svg");
    for part in [
        ">hidden (Dense)<",
        ">activation: relu<",
        ">input: [(None, 4), (None, 3)]<",
        ">output: (None, 1)<",
        ">dtype: float32<",
        ">trainable: true<",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
    folder.done("plot model m.keras --out m.png --no-names");
    assert_eq!(std::fs::read(folder.path("m.png")).unwrap()[..8], *b"\x89PNG\r\n\x1a\n");
}

#[test]
fn histories_and_predictions_are_drawn() {
    let folder = Folder::new();
    signs(&folder);
    let history = r#"{"epoch": [0, 1], "loss": [1.0, 0.5], "val_loss": [0.9, null]}"#;
    std::fs::write(folder.path("h.json"), history).unwrap();
    folder.done("plot history h.json --out h.svg");
    let curves = picture(&folder, "h.svg");
    assert!(curves.contains(">loss<") && curves.contains(">val_loss<"), "{curves}");
    let data = "signs.keras --data signs.npz";
    folder.done(&format!("plot confusion {data} --labels left,right --out c.svg"));
    let matrix = picture(&folder, "c.svg");
    for part in [">4 of 5 right<", ">left<", ">right<", ">1<", ">2<"] {
        assert!(matrix.contains(part), "{part} in {matrix}");
    }
    // Three of class 0 and two of class 1; the wrong one is surer than one of the right ones.
    folder.done(&format!("plot roc {data} --out roc.svg"));
    assert!(picture(&folder, "roc.svg").contains(">class 1 (AUC 0.8333)<"));
    folder.done(&format!("plot pr {data} --out pr.svg"));
    assert!(picture(&folder, "pr.svg").contains(">class 1 (AP 0.8333)<"));
    folder.done(&format!("plot boundary {data} --out b.svg"));
    let boundary = picture(&folder, "b.svg");
    assert_eq!(boundary.matches("<circle").count(), 10);
    assert!(boundary.contains("href=\"data:image/png;base64,"));
    folder.done(&format!("plot boundary {data} --out b.png"));
}

#[test]
fn samples_are_drawn_with_their_classes() {
    let folder = Folder::new();
    let mut model = Sequential::new()
        .add(Input::new([2, 2, 1]))
        .add(Flatten::new())
        .add(Dense::new(2).activation(Softmax))
        .build()
        .unwrap();
    let kernel = Array::from_slice([4, 2], &[0f32, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    let bias = Array::from_slice([2], &[0.5f32, 0.0]).unwrap();
    model.set_weights(&[kernel, bias]).unwrap();
    model.save(folder.path("m.keras")).unwrap();
    let x = floats(&[3, 2, 2, 1], &[0.0, 0., 0., 0., 1., 0., 0., 0., 1., 1., 1., 1.]);
    folder.npz("d.npz", &[("x0", x), ("y0", integers(&[3], &[0, 1, 0]))]);
    folder.done("plot samples m.keras --data d.npz --labels dark,light --count 3 --out s.svg");
    let grid = picture(&folder, "s.svg");
    for part in [">dark<", ">light<", ">dark → light<"] {
        assert!(grid.contains(part), "{part} in {grid}");
    }
    assert_eq!(grid.matches("<image").count(), 3);
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let folder = Folder::new();
    signs(&folder);
    std::fs::write(folder.path("h.json"), "[]").unwrap();
    let two = "one input of shape (samples, 2)";
    for (line, code, text) in [
        ("plot model signs.keras --out m.gif", 2, "`--out` must end in `.svg` or `.png`"),
        ("plot roc signs.keras --out r.svg", 2, "there are no samples to draw"),
        ("plot history h.json --out h.svg", 1, "`h.json` is no history"),
        ("plot samples signs.keras --data signs.npz --out s.svg", 1, "the samples are no images"),
    ] {
        let outcome = folder.run(line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(text), "{line}: {}", outcome.stderr);
    }
    let model = Sequential::new().add(Input::new([3])).add(Dense::new(2)).build().unwrap();
    model.save(folder.path("three.keras")).unwrap();
    let x = floats(&[2, 3], &[0.0; 6]);
    folder.npz("three.npz", &[("x0", x), ("y0", integers(&[2], &[0, 1]))]);
    let outcome = folder.run("plot boundary three.keras --data three.npz --out b.svg");
    assert!(outcome.stderr.contains(two), "{}", outcome.stderr);
}
