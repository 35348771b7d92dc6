//! JSON text with bounded nesting.
//!
//! It must not know what the JSON says.

use serde_json::Value;

use crate::error::{Problem, Result, excerpt};

/// How deep arrays and objects may lie in one another.
///
/// A model nested ten deep needs about sixty; the parser itself stops at 128.
pub const MAX_DEPTH: usize = 100;

/// Parses UTF-8 JSON text of at most [`MAX_DEPTH`] levels.
///
/// # Errors
/// `Damaged` when it is not JSON, with line and column; `Refused` when it is nested too deep.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    let deepest = depth(bytes);
    if deepest > MAX_DEPTH {
        return Err(Problem::new("the JSON text is nested too deep")
            .expected(format!("at most {MAX_DEPTH} levels"))
            .received(format!("{deepest} levels"))
            .refused());
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let line = bytes.split(|&b| b == b'\n').nth(error.line().saturating_sub(1));
        let near = line.map(|line| {
            let from = error.column().saturating_sub(20).min(line.len());
            let to = (error.column() + 20).min(line.len());
            String::from_utf8_lossy(&line[from..to]).into_owned()
        });
        Problem::new("the text is not JSON")
            .expected(error.to_string())
            .received(excerpt(near.as_deref().unwrap_or_default()))
            .damaged()
    })
}

/// The number of levels of the deepest place; text that is not JSON is counted likewise.
fn depth(bytes: &[u8]) -> usize {
    let (mut level, mut deepest) = (0usize, 0usize);
    let (mut in_text, mut escaped) = (false, false);
    for &byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                level += 1;
                deepest = deepest.max(level);
            }
            b']' | b'}' if !in_text => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        let error = parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err();
        expect![[r#"
            the JSON text is nested too deep
              expected  at most 100 levels
              received  101 levels"#]]
        .assert_eq(&error.to_string());
        assert!(parse("[".repeat(10_000_000).as_bytes()).is_err());
    }

    #[test]
    fn brackets_in_text_do_not_count() {
        let text = format!(r#"{{"a": "{}\"["}}"#, "[".repeat(500));
        assert!(parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let error = parse(b"{\"name\": \"dense\",\n \"units\": 3x}").unwrap_err();
        expect![[r#"
            the text is not JSON
              expected  expected `,` or `}` at line 2 column 12
              received   \"units\": 3x}"#]]
        .assert_eq(&error.to_string());
    }
}
