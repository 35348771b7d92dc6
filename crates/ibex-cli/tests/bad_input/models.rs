//! Model files whose configuration or weights are wrong.

use super::*;

#[test]
fn an_unknown_layer() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["class_name"] = "Dens".into());
        },
        expect![[r#"
            error: layer `dense`: unknown layer class `Dens`
              at bad.keras: config.json
              help: did you mean `Dense`? Call `register_layer("Dens", …)` before loading, if it is your own
        "#]],
    );
}

#[test]
fn an_unregistered_layer() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| {
                layer["class_name"] = "Fancy".into();
                layer["registered_name"] = "shop>Fancy".into();
            });
        },
        expect![[r#"
            error: layer `dense`: unknown layer class `shop>Fancy`
              at bad.keras: config.json
              help: call `register_layer("shop>Fancy", …)` before loading, if it is your own
        "#]],
    );
}

#[test]
fn a_lambda_with_code() {
    check(
        "predict bad.keras --data classes.npz --out y.npz",
        1,
        |folder| {
            layer(folder, |layer| {
                layer["class_name"] = "Lambda".into();
                let code = json!({"class_name": "__lambda__", "config": {"code": "4wEA"}});
                layer["config"] = json!({"name": "lambda", "function": code});
            });
        },
        expect![[r#"
            error: layer `lambda`: the option `function` of `Lambda` does not fit: a `Lambda` layer holds Python code, which is never run
              at bad.keras: config.json
              help: write it as a layer in Rust and call `register_layer("Lambda", …)`
        "#]],
    );
}

#[test]
fn an_unknown_option_of_a_layer() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["unitz"] = 5.into());
        },
        expect![[r#"
            error: layer `dense`: `Dense` has no option `unitz`
              received  unitz = 5
              at bad.keras: config.json
              help: did you mean `units`?
        "#]],
    );
}

#[test]
fn an_option_of_the_wrong_type() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["units"] = "many".into());
        },
        expect![[r#"
            error: layer `dense`: the option `units` of `Dense` does not fit
              expected  a positive whole number
              received  units = "many"
              at bad.keras: config.json
        "#]],
    );
}

#[test]
fn an_unknown_activation() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["activation"] = "rellu".into());
        },
        expect![[r#"
            error: layer `dense`: the option `activation` of `Dense` does not fit: unknown activation `rellu`
              at bad.keras: config.json
              help: did you mean `relu`?
        "#]],
    );
}

#[test]
fn a_layer_larger_than_its_file() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["units"] = 1_000_000_000_000u64.into());
        },
        expect![[r#"
            error: the weight `kernel` of layer `dense` has another shape in the file
              expected  (4, 1000000000000)
              received  (4, 5)
              at bad.keras: model.weights.h5: layers/dense/vars/0
              help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits
        "#]],
    );
}

#[test]
fn a_layer_larger_than_any_memory() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["units"] = u64::MAX.into());
        },
        expect![[r#"
            error: layer `dense` cannot be applied to `input_layer`: a tensor cannot be made
              expected  a shape of at most 2^47 elements
              received  float32 (4, 18446744073709551615)
              at bad.keras: config.json
              help: look for an extent that is much too large in the model or its input shapes
        "#]],
    );
}

#[test]
fn weights_of_another_model() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["units"] = 6.into());
        },
        expect![[r#"
            error: the weight `kernel` of layer `dense` has another shape in the file
              expected  (4, 6)
              received  (4, 5)
              at bad.keras: model.weights.h5: layers/dense/vars/0
              help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits
        "#]],
    );
}

#[test]
fn deep_nesting() {
    let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let add = |folder: &Folder| {
        zip(&folder.path("bad.keras"), &[("config.json", text.clone().into_bytes())]);
    };
    check(
        "summary bad.keras",
        1,
        add,
        expect![[r#"
        error: the JSON text is nested too deep
          expected  at most 100 levels
          received  100000 levels
          at bad.keras: config.json
    "#]],
    );
}

#[test]
fn an_unknown_loss_in_the_file() {
    check(
        "train bad.keras --data classes.npz",
        1,
        |folder| {
            folder.edited("classes.keras", "bad.keras", |config| {
                config["compile_config"]["loss"] = "msee".into()
            });
        },
        expect![[r#"
            error: unknown loss `msee`
              at bad.keras: config.json: compile_config
              help: did you mean `MSE`?
        "#]],
    );
}

#[test]
fn a_configuration_that_is_no_model() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            folder.edited("classes.keras", "bad.keras", |config| *config = json!([1, 2]));
        },
        expect![[r#"
            error: this is not the configuration of a model
              expected  an object with `class_name` and `config`
              received  [1,2]
              at bad.keras: config.json
        "#]],
    );
}

#[test]
fn an_archive_without_a_configuration() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            zip(&folder.path("bad.keras"), &[("metadata.json", b"{}".to_vec())]);
        },
        expect![[r#"
            error: the archive holds no model
              expected  the members `metadata.json`, `config.json` and `model.weights.h5`
              received  `metadata.json`
              at bad.keras
        "#]],
    );
}

#[test]
fn a_configuration_that_is_no_json() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            zip(&folder.path("bad.keras"), &[("config.json", b"{\"class_name\": ".to_vec())]);
        },
        expect![[r#"
            error: the text is not JSON
              expected  EOF while parsing a value at line 1 column 15
              received  {\"class_name\": 
              at bad.keras: config.json
        "#]],
    );
}
