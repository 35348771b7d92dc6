//! The coverage page, `docs/keras-coverage.md`: every public name of Keras and its state here.
//!
//! The names come from real Keras (`tests/goldens/names.json`), the states of the catalogue from
//! the tables of `ibex-nn`, and the golden cases from the files beside the names.
//! A name of the catalogue that has no row must have a reason in [`notes`], or the test fails.
//! A row without a golden case from real Keras makes a test of [`evidence`] fail.
//! `UPDATE_EXPECT=1 cargo test -p ibex --test keras_coverage` writes the page again.

mod evidence;
mod notes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use ibex::nn::activations::Activation;
use ibex::nn::constraints::Constraint;
use ibex::nn::initializers::Initializer;
use ibex::nn::layer::snake_case;
use ibex::nn::layers::LAYERS;
use ibex::nn::layers::operation::operations;
use ibex::nn::losses::Loss;
use ibex::nn::metrics::Metric;
use ibex::nn::optimizers::Optimizer;
use ibex::nn::regularizers::Regularizer;
use ibex::nn::schedules::Schedule;
use notes::{MODULES, NAMES};
use serde_json::Value;

/// A family of the catalogue: the module of Keras, the names of the rows, and where they are.
struct Family {
    module: &'static str,
    place: &'static str,
    /// The class of each row by its names: its own and its aliases.
    rows: BTreeMap<&'static str, &'static str>,
}

fn family(
    module: &'static str,
    place: &'static str,
    rows: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> Family {
    Family { module, place, rows: rows.into_iter().collect() }
}

macro_rules! members {
    ($handle:ident) => {
        $handle::ROWS.iter().flat_map(|row| {
            let names = [row.class_name].into_iter().chain(row.aliases.iter().copied());
            names.map(|name| (name, row.class_name))
        })
    };
}

/// A row without aliases.
fn named(class: &'static str) -> (&'static str, &'static str) {
    (class, class)
}

fn families() -> Vec<Family> {
    vec![
        family("keras.layers", "ibex::nn::layers", LAYERS.iter().map(|row| named(row.class_name))),
        family(
            "keras.activations",
            "ibex::nn::activations",
            Activation::ALL.iter().map(|(name, _)| named(name)),
        ),
        family("keras.losses", "ibex::nn::losses", members!(Loss)),
        family("keras.metrics", "ibex::nn::metrics", members!(Metric).chain(members!(Loss))),
        family("keras.optimizers", "ibex::nn::optimizers", members!(Optimizer)),
        family("keras.optimizers.schedules", "ibex::nn::schedules", members!(Schedule)),
        family("keras.initializers", "ibex::nn::initializers", members!(Initializer)),
        family("keras.regularizers", "ibex::nn::regularizers", members!(Regularizer)),
        family("keras.constraints", "ibex::nn::constraints", members!(Constraint)),
        family(
            "keras.ops",
            "ibex::nn::ops",
            operations().filter(|row| row.refused.is_none()).map(|row| named(row.class_name)),
        ),
    ]
}

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// How many golden cases each class has in each folder: `(layers/pooling, MaxPooling2D) → 12`.
fn golden_cases() -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![goldens()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "json") && !path.ends_with("names.json")
            {
                count_cases(&path, &mut found);
            }
        }
    }
    found
}

fn count_cases(path: &Path, found: &mut BTreeMap<String, BTreeMap<String, usize>>) {
    let file = read(path);
    let inside = path.strip_prefix(goldens()).unwrap().with_extension("");
    let place = match inside.ends_with("index") {
        true => inside.parent().unwrap().to_path_buf(),
        false => inside,
    };
    let of_file = place.file_name().and_then(|stem| stem.to_str()).unwrap_or_default();
    for case in file["cases"].as_array().into_iter().flatten() {
        let places = [
            &case["layer"],
            &case["activation"],
            &case["class_name"],
            &case["object"]["class_name"],
        ];
        // A case of operations is a model of several; others belong to what their file is named
        // after.
        let operations = case["layers"].as_array().into_iter().flatten();
        let mut classes: BTreeSet<&str> =
            operations.filter_map(|node| node["class_name"].as_str()).collect();
        classes.extend(places.into_iter().find_map(Value::as_str));
        if classes.is_empty() {
            classes.insert(of_file);
        }
        for class in classes {
            let cases = found.entry(class.to_string()).or_default();
            *cases.entry(place.display().to_string()).or_default() += 1;
        }
    }
}

/// What there is to say about one public name.
struct Line {
    name: String,
    state: &'static str,
    note: String,
    /// How many golden cases there are.
    cases: usize,
}

impl Line {
    fn without_cases(name: String, state: &'static str, note: impl Into<String>) -> Line {
        Line { name, state, note: note.into(), cases: 0 }
    }
}

fn line_of(
    family: &Family,
    entry: &Value,
    goldens: &BTreeMap<String, BTreeMap<String, usize>>,
) -> Line {
    let name = entry["name"].as_str().unwrap();
    let full = format!("{}.{name}", family.module);
    let class = entry["node"].as_str().or(entry["same_as"].as_str()).unwrap_or(name);
    let row = family.rows.get(class).or(family.rows.get(name)).copied();
    let keys = [row.unwrap_or(class).to_string(), snake_case(class)];
    let cases = keys.iter().find_map(|key| goldens.get(key)).into_iter().flatten();
    let total = cases.clone().map(|(_, count)| count).sum();
    let evidence: Vec<String> = cases.map(|(place, count)| format!("`{place}` {count}")).collect();
    let known = NAMES.iter().find(|note| note.name == full);
    let refused = operations().find(|row| family.module == "keras.ops" && row.class_name == class);
    match (row, known) {
        (Some(row), _) => {
            let alias = (row != name).then(|| format!("as `{row}`"));
            let cases = (!evidence.is_empty()).then(|| evidence.join(", "));
            let note: Vec<String> = alias.into_iter().chain(cases).collect();
            Line { name: full, state: "yes", note: note.join("; "), cases: total }
        }
        (None, Some(note)) => Line::without_cases(full, note.state, note.text),
        (None, None) => match refused.and_then(|row| row.refused) {
            Some(reason) => Line::without_cases(full, "no", reason),
            None => Line::without_cases(full, "", ""),
        },
    }
}

#[test]
fn every_public_name_of_keras_has_its_state() {
    let names = read(&goldens().join("names.json"));
    let goldens = golden_cases();
    let families = families();
    let mut page = String::from(notes::HEAD);
    let (mut details, mut unexplained) = (String::new(), Vec::new());
    for module in names["cases"].as_array().unwrap() {
        let name = module["name"].as_str().unwrap();
        let entries = module["names"].as_array().unwrap();
        let Some(family) = families.iter().find(|family| family.module == name) else { continue };
        let lines: Vec<Line> =
            entries.iter().map(|entry| line_of(family, entry, &goldens)).collect();
        let count = |state: &str| lines.iter().filter(|line| line.state == state).count();
        let (yes, elsewhere) = (count("yes"), count("elsewhere"));
        let total = lines.len();
        writeln!(
            page,
            "| `{name}` | `{}` | {yes} | {elsewhere} | {} | {total} |",
            family.place,
            total - yes - elsewhere,
        )
        .unwrap();
        writeln!(
            details,
            "\n## {name}\n\n| name | state | golden cases, or why |\n| --- | --- | --- |"
        )
        .unwrap();
        for line in &lines {
            if line.state.is_empty() {
                unexplained.push(line.name.clone());
            }
            let short = line.name.strip_prefix(&format!("{name}.")).unwrap_or(&line.name);
            writeln!(details, "| `{short}` | {} | {} |", line.state, line.note).unwrap();
        }
    }
    page.push_str(&details);
    page.push_str("\n## Everything else\n\n| module | names | state |\n| --- | --- | --- |\n");
    for module in names["cases"].as_array().unwrap() {
        let name = module["name"].as_str().unwrap();
        if families.iter().any(|family| family.module == name) {
            continue;
        }
        let text = MODULES.iter().find(|(prefix, _)| {
            name == *prefix || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
        });
        match text {
            None => unexplained.push(name.to_string()),
            Some((_, text)) => {
                let members: Vec<String> = module["names"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|entry| format!("`{}`", entry["name"].as_str().unwrap()))
                    .collect();
                writeln!(page, "| `{name}` | {} | {text} |", members.join(" ")).unwrap();
            }
        }
    }
    assert!(
        unexplained.is_empty(),
        "neither in a table nor explained in `notes.rs`:\n{}",
        unexplained.join("\n")
    );
    expect_file!["../../../../docs/keras-coverage.md"].assert_eq(&page);
}

#[test]
fn what_is_noted_as_missing_is_missing() {
    let families = families();
    for note in NAMES {
        let (module, name) = note.name.rsplit_once('.').unwrap();
        let family = families.iter().find(|family| family.module == module);
        let is_row = family.is_some_and(|family| family.rows.contains_key(name));
        assert!(!is_row, "`{}` has a row: take its note out", note.name);
    }
}
