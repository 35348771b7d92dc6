//! The goldens of data sets: small files in the formats of the real ones, and what Keras reads.

use std::path::PathBuf;

use ibex_format::{NpzReader, json};
use ibex_graph::Array;
use serde_json::Value;

use super::words::{TextDataset, Words};
use crate::arrays::from_raw;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/datasets").join(name)
}

/// The bytes of a file.
pub(super) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(golden(name)).unwrap()
}

/// An archive.
pub(super) fn reader(name: &str) -> NpzReader {
    NpzReader::open(golden(name)).unwrap()
}

/// An array of an archive.
pub(super) fn array(file: &str, name: &str) -> Array {
    from_raw(&reader(file).read(name).unwrap()).unwrap()
}

/// Checks the lists of a data set against what Keras gives for the same arguments.
pub(super) fn check_words(name: &str, count: usize, load: impl Fn(&Words) -> TextDataset) {
    let all = json::parse(&bytes("words.json")).unwrap();
    let cases: Vec<&Value> =
        all["cases"].as_array().unwrap().iter().filter(|case| case["dataset"] == name).collect();
    assert_eq!(cases.len(), count);
    for case in cases {
        let options = &case["options"];
        let number = |key: &str| options[key].as_i64().map(|number| number as i32);
        let mut words = Words { num_words: number("num_words"), ..Words::default() };
        words.max_length = number("maxlen").map(|length| length as usize);
        words.skip_top = number("skip_top").unwrap_or(0);
        words.index_from = number("index_from").unwrap_or(3);
        words.seed = number("seed").unwrap_or(113) as u32;
        // A key without a value is Python's `None`.
        for (key, place) in
            [("start_char", &mut words.start_char), ("oov_char", &mut words.oov_char)]
        {
            if options.get(key).is_some() {
                *place = number(key);
            }
        }
        let found = load(&words);
        for (split, part) in [(&found.train, "train"), (&found.test, "test")] {
            let lists: Vec<Vec<i32>> =
                serde_json::from_value(case[format!("x_{part}")].clone()).unwrap();
            let labels: Vec<i32> =
                serde_json::from_value(case[format!("y_{part}")].clone()).unwrap();
            assert_eq!((&split.x, &split.y), (&lists, &labels), "{name} {options} {part}");
        }
    }
}
