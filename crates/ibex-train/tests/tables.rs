//! Parquet files as pandas reads them, and what is no such file.

mod common;

use common::{cases, golden};
use ibex_train::data::table::{Column, read_parquet};
use serde_json::Value;

/// Whether a column has the values of a golden one.
fn same(column: &Column, expected: &[Value]) -> bool {
    column.len() == expected.len()
        && match column {
            Column::Numbers(values) => values.iter().zip(expected).all(|(value, expected)| {
                expected.as_f64().map_or(value.is_nan() && expected.is_null(), |e| e == *value)
            }),
            Column::Texts(values) => values
                .iter()
                .zip(expected)
                .all(|(value, expected)| value.as_deref() == expected.as_str()),
        }
}

#[test]
fn values_are_those_of_pandas() {
    let cases = cases("tables/values.json");
    assert!(cases.len() >= 8);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let table = read_parquet(&golden(&format!("tables/{name}.parquet"))).unwrap();
        let expected = case["columns"].as_object().unwrap();
        let names: Vec<&String> = expected.keys().collect();
        assert_eq!(table.names().iter().collect::<Vec<_>>(), names, "{name}");
        for (key, column) in table.columns() {
            let expected = expected[key].as_array().unwrap();
            assert!(same(column, expected), "{name}: {key}\n{column:?}\n{expected:?}");
        }
    }
}

/// The text of the error for these bytes.
fn error(bytes: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.parquet");
    std::fs::write(&path, bytes).unwrap();
    read_parquet(&path).err().map(|error| error.to_string())
}

#[test]
fn a_part_of_a_file_is_refused() {
    let whole = std::fs::read(golden("tables/polars.parquet")).unwrap();
    for length in (0..whole.len()).step_by(7) {
        let text = error(&whole[..length]).unwrap();
        assert!(text.contains("is no Parquet file that can be used"), "{length}: {text}");
    }
}

/// Wrong bytes give other values or an error, and nothing else.
#[test]
fn wrong_bytes_do_no_harm() {
    let mut refused = 0;
    for name in ["pandas", "polars", "encodings", "int96", "types"] {
        let whole = std::fs::read(golden(&format!("tables/{name}.parquet"))).unwrap();
        let mut random = 1u64;
        for place in 0..whole.len() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if random >> 61 != 0 {
                continue;
            }
            let mut bytes = whole.clone();
            bytes[place] ^= ((random >> 32) as u8).max(1);
            refused += usize::from(error(&bytes).is_some());
        }
    }
    assert!(refused > 100, "{refused}");
}
