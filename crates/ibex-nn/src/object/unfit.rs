//! Why a configuration does not fit: which option, what it may be, what it is.
//!
//! `serde` says what is wrong with a value in the words of Rust's types, and not of which option;
//! here each option is tried by itself.

use serde_json::{Map, Value, json};

use super::{Attempt, ConfigError, shortened};

/// What a type of Rust is called in a message.
const PLAIN: [(&str, &str); 8] = [
    ("usize", WHOLE),
    ("u64", WHOLE),
    ("u32", WHOLE),
    ("isize", "a whole number"),
    ("i64", "a whole number"),
    ("f64", "a number"),
    ("a boolean", "true or false"),
    ("a sequence", "a list"),
];

const WHOLE: &str = "a whole number of 0 or more";

/// The error of a configuration that does not make an object; `defaults` are one that does.
pub(super) fn unfit(
    class_name: &str,
    defaults: &Map<String, Value>,
    given: &Map<String, Value>,
    error: &serde_json::Error,
    attempt: &mut Attempt,
) -> ConfigError {
    let defaults_fit = attempt(defaults.clone()).is_ok();
    let mut with = |key: &str, value: &Value| {
        let mut fields = defaults.clone();
        fields.insert(key.to_string(), value.clone());
        attempt(fields)
    };
    let first = given.iter().filter(|_| defaults_fit).find_map(|(key, value)| {
        let error = with(key, value).err()?;
        Some((key, value, error))
    });
    let Some((key, value, error)) = first else {
        let inner = plain(&error.to_string());
        let what = format!("the configuration of `{class_name}` does not fit: {}", inner.what);
        return ConfigError { what, ..inner };
    };
    let mut inner = plain(&error.to_string());
    if inner.expected == WHOLE {
        let mut mistakes = |number: u8| with(key, &json!(number)).unwrap_or(0);
        if mistakes(0) > mistakes(1) {
            inner.expected = "a positive whole number".to_string();
        }
    }
    let what = format!("the option `{key}` of `{class_name}` does not fit");
    match inner.what.is_empty() {
        true => ConfigError { what, received: format!("{key} = {}", shortened(value)), ..inner },
        false => ConfigError { what: format!("{what}: {}", inner.what), ..inner },
    }
}

/// An error of `serde` in plain words; one that came through `serde` in its own.
fn plain(text: &str) -> ConfigError {
    let error = ConfigError::from_text(text);
    let words = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant ", ""];
    if !error.expected.is_empty() || !error.help.is_empty() {
        return error;
    }
    let expected = words.iter().filter(|start| text.starts_with(**start)).find_map(|start| {
        match start.is_empty() {
            true => text.strip_prefix("expected "),
            false => text.split_once(", expected ").map(|(_, expected)| expected),
        }
    });
    let Some(expected) = expected else { return error };
    let known = PLAIN.iter().find(|(name, _)| *name == expected).map(|(_, plain)| *plain);
    ConfigError::new("").expected(known.unwrap_or(expected))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_serde_expects_is_said_in_plain_words() {
        let cases = [
            ("invalid value: integer `-3`, expected usize", "a whole number of 0 or more"),
            ("invalid type: string \"x\", expected f64", "a number"),
            ("unknown variant `x`, expected `dot` or `concat`", "`dot` or `concat`"),
            ("expected a number or 2 of them", "a number or 2 of them"),
        ];
        for (text, expected) in cases {
            let error = plain(text);
            assert_eq!((error.what.as_str(), error.expected.as_str()), ("", expected));
        }
        let error = plain("unknown activation `x`\n  help: did you mean `y`?");
        assert_eq!(error.what, "unknown activation `x`");
        assert_eq!(error.help, "did you mean `y`?");
    }
}
