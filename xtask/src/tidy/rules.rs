//! The rules about Rust files: one function and one row of [`RULES`] each.
//!
//! A rule sees one [`Source`] and gives findings; it must not read files.

use super::Finding;
use super::source::{Line, Source, words};

/// Every rule about a Rust file.
const RULES: &[fn(&Source, &mut Vec<Finding>)] = &[
    file_length,
    function_length,
    line_length,
    module_docs,
    unsafe_place,
    safety_comment,
    panics,
    unfinished,
    ignored_tests,
    allow_reason,
];

/// The soft and the hard limit of lines in a file, tests not counted.
const FILE_LIMITS: (usize, usize) = (500, 800);
/// The soft and the hard limit of lines in a function.
const FUNCTION_LIMITS: (usize, usize) = (60, 100);
/// The columns of a line.
const LINE_LIMIT: usize = 100;
/// Files that are one long table, where a limit on length would only scatter the rows.
const TABLES: &[&str] = &[];
/// Where `unsafe` may stand: the kernels, and the module that maps files into memory.
const UNSAFE_PLACES: &[&str] = &["crates/ibex-cpu/", "crates/ibex-format/src/mapped.rs"];

/// Runs every rule over one file.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        rule(source, &mut findings);
    }
    findings
}

fn is_table(source: &Source) -> bool {
    TABLES.contains(&source.path.as_str())
}

/// Whether users of the library or of the command run this file.
fn is_shipped(source: &Source) -> bool {
    source.path.starts_with("crates/")
}

fn file_length(source: &Source, findings: &mut Vec<Finding>) {
    let length = source.length_without_tests();
    let (soft, hard) = FILE_LIMITS;
    if is_table(source) || length <= soft {
        return;
    }
    let advice = format!("{length} lines without tests (limit {soft}, at most {hard}): split it");
    let last = source.lines.len();
    findings.push(match length > hard {
        true => Finding::error(&source.path, last, "file-length", advice),
        false => Finding::note(&source.path, last, "file-length", advice),
    });
}

fn function_length(source: &Source, findings: &mut Vec<Finding>) {
    let (soft, hard) = FUNCTION_LIMITS;
    for function in &source.functions {
        let length = function.last - function.first + 1;
        let is_test = source.lines[function.first].is_test;
        if is_table(source) || is_test || length <= soft {
            continue;
        }
        let name = &function.name;
        let advice =
            format!("`{name}` has {length} lines (limit {soft}, at most {hard}): name its parts");
        findings.push(match length > hard {
            true => Finding::error(&source.path, function.first + 1, "function-length", advice),
            false => Finding::note(&source.path, function.first + 1, "function-length", advice),
        });
    }
}

fn line_length(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in numbered(source) {
        let columns = line.raw.chars().count();
        // An address cannot be broken, nor an expected text without hiding it from a search.
        let raw = line.raw.trim();
        let is_expected_text = raw.starts_with('"') && raw.ends_with(['"', ',']);
        let is_whole = line.is_text || raw.contains("://") || (line.is_test && is_expected_text);
        if columns > LINE_LIMIT && !is_whole {
            let advice = format!("{columns} columns (limit {LINE_LIMIT}): break the line");
            findings.push(Finding::error(&source.path, number, "line-length", advice));
        }
    }
}

fn module_docs(source: &Source, findings: &mut Vec<Finding>) {
    for line in &source.lines {
        let raw = line.raw.trim_start();
        if raw.starts_with("//!") {
            return;
        }
        if !line.code.trim().is_empty() && !raw.starts_with("#!") {
            break;
        }
    }
    let advice = "begin the file with `//!`: what it does, and what it must not know";
    findings.push(Finding::error(&source.path, 1, "module-docs", advice));
}

fn unsafe_place(source: &Source, findings: &mut Vec<Finding>) {
    if UNSAFE_PLACES.iter().any(|place| source.path.starts_with(place)) {
        return;
    }
    // Tests may: an allocator that counts cannot be written otherwise.
    for (number, line) in numbered(source).filter(|(_, line)| !line.is_test) {
        if words(&line.code, "unsafe").next().is_some() {
            let advice = "`unsafe` lives only in the kernel crates: use a safe function of those";
            findings.push(Finding::error(&source.path, number, "unsafe-place", advice));
        }
    }
}

fn safety_comment(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in numbered(source) {
        let needs_reason = words(&line.code, "unsafe").any(|at| {
            let rest = line.code[at + "unsafe".len()..].trim_start();
            rest.starts_with('{') || words(rest, "impl").next() == Some(0) || rest.is_empty()
        });
        if needs_reason && !explained(source, number - 1, "SAFETY:") {
            let advice = "say why this is sound in a `// SAFETY:` line above";
            findings.push(Finding::error(&source.path, number, "safety-comment", advice));
        }
    }
}

/// How far above a line the beginning of its statement is looked for.
const STATEMENT_LINES: usize = 8;

/// Whether a comment with `marker` stands on the line, or above the statement it belongs to.
///
/// Clippy finds the exact statement of an unsafe block; this is the net below it.
fn explained(source: &Source, index: usize, marker: &str) -> bool {
    if source.lines[index].comment.contains(marker) {
        return true;
    }
    for line in source.lines[..index].iter().rev().take(STATEMENT_LINES) {
        if line.comment.contains(marker) {
            return true;
        }
        let code = line.code.trim();
        let is_attribute = code.starts_with("#[");
        let ends_another_statement = code.ends_with([';', '{', '}']) && !is_attribute;
        if ends_another_statement || line.raw.trim().is_empty() {
            return false;
        }
    }
    false
}

/// The calls that end a program, without the argument.
const PANICS: &[&str] = &[".unwrap()", "panic!", "unreachable!"];

fn panics(source: &Source, findings: &mut Vec<Finding>) {
    if !is_shipped(source) {
        return;
    }
    for (number, line) in numbered(source).filter(|(_, line)| !line.is_test) {
        let found = PANICS.iter().find(|call| has_call(&line.code, call)).copied();
        let found = found.or_else(|| has_expect(&line.code).then_some(".expect("));
        let Some(call) = found else {
            continue;
        };
        if !explained(source, number - 1, "invariant:") {
            let advice = format!(
                "`{call}` outside tests: return a typed error, or say in `// invariant: reason` \
                 on this line or above why it cannot happen"
            );
            findings.push(Finding::error(&source.path, number, "panics", advice));
        }
    }
}

/// Whether `code` holds `call`, not as the end of a longer name (`prop_panic!`).
fn has_call(code: &str, call: &str) -> bool {
    code.match_indices(call).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        call.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Whether `code` calls `expect` with a message; a parser's own `expect(token)` is another matter.
fn has_expect(code: &str) -> bool {
    code.match_indices(".expect(").any(|(at, call)| {
        let argument = code[at + call.len()..].trim_start();
        argument.is_empty() || argument.starts_with(['"', '&'])
    })
}

fn unfinished(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in numbered(source) {
        for call in ["todo!", "unimplemented!", "dbg!"] {
            if has_call(&line.code, call) {
                let advice = format!("`{call}`: finish it, or take it out");
                findings.push(Finding::error(&source.path, number, "unfinished", advice));
            }
        }
    }
}

fn ignored_tests(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in numbered(source) {
        if line.code.contains("#[ignore") {
            let advice = "no test is ignored: mend it, or skip it with a printed reason";
            findings.push(Finding::error(&source.path, number, "ignored-tests", advice));
        }
    }
}

fn allow_reason(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in numbered(source) {
        let code = line.code.trim_start();
        let is_allow = ["#[allow(", "#![allow(", "#[expect(", "#![expect("]
            .iter()
            .any(|attribute| code.contains(attribute));
        let has_reason = attribute_has_reason(source, number - 1) || is_plain_comment(line);
        let above = number.checked_sub(2).and_then(|index| source.lines.get(index));
        let explained_above = above.is_some_and(is_plain_comment);
        if is_allow && !has_reason && !explained_above {
            let advice = "an allowed lint needs its reason: `reason = \"…\"`, or a comment";
            findings.push(Finding::error(&source.path, number, "allow-reason", advice));
        }
    }
}

/// Whether the attribute that begins on the line says `reason`, on this line or a later one.
fn attribute_has_reason(source: &Source, index: usize) -> bool {
    let rest = &source.lines[index..];
    let end = rest.iter().position(|line| line.code.contains(")]")).unwrap_or(0);
    rest[..=end].iter().any(|line| words(&line.code, "reason").next().is_some())
}

/// Whether the line has a comment that is not documentation of the item.
fn is_plain_comment(line: &Line) -> bool {
    line.comment.starts_with("// ")
}

fn numbered(source: &Source) -> impl Iterator<Item = (usize, &Line)> {
    source.lines.iter().enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: &str = "crates/ibex-nn/src/a.rs";
    const KERNELS: &str = "crates/ibex-cpu/src/a.rs";

    /// Checks which rules are broken on which lines.
    fn check_text(path: &str, text: &str, expected: &[(usize, &str)]) {
        let findings = check(&Source::parse(path, text));
        let found: Vec<(usize, &str)> = findings.iter().map(|f| (f.line, f.rule)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn module_docs_come_first() {
        check_text(LIBRARY, "//! Does things.\nfn a() {}\n", &[]);
        check_text(LIBRARY, "#![no_std]\n// Note.\n//! Does things.\n", &[]);
        check_text(LIBRARY, "use a::b;\n//! Late.\n", &[(1, "module-docs")]);
        check_text(LIBRARY, "/// Of the item.\nfn a() {}\n", &[(1, "module-docs")]);
    }

    #[test]
    fn unsafe_only_in_kernels_and_with_a_reason() {
        let bare = "//! K.\nfn f() {\n    unsafe { g() }\n}\n";
        check_text(LIBRARY, bare, &[(3, "unsafe-place"), (3, "safety-comment")]);
        check_text(KERNELS, bare, &[(3, "safety-comment")]);
        check_text("crates/ibex-train/tests/a.rs", bare, &[(3, "safety-comment")]);
        let above = "//! K.\nfn f() {\n    // SAFETY: g has no condition.\n    let a =\n        \
                     unsafe { g() };\n}\n";
        check_text(KERNELS, above, &[]);
        let arguments = "//! K.\nfn f() {\n    // SAFETY: as above.\n    h(\n        a,\n        \
                         unsafe { g() },\n    );\n}\n";
        check_text(KERNELS, arguments, &[]);
        let other = "//! K.\n// SAFETY: of f.\nfn f() {\n    a();\n    unsafe { g() }\n}\n";
        check_text(KERNELS, other, &[(5, "safety-comment")]);
        check_text(KERNELS, "//! K.\nunsafe impl Send for A {}\n", &[(2, "safety-comment")]);
        check_text(KERNELS, "//! unsafe { }\n#![deny(unsafe_op_in_unsafe_fn)]\n", &[]);
        check_text(KERNELS, "//! K.\nunsafe fn f(g: unsafe fn(u8)) {}\n", &[]);
    }

    #[test]
    fn panics_need_an_invariant() {
        for call in ["a.unwrap();", "a.expect(\"b\");", "panic!(\"b\");", "unreachable!();"] {
            let text = format!("//! A.\nfn f() {{\n    {call}\n}}\n");
            check_text(LIBRARY, &text, &[(3, "panics")]);
            check_text("crates/ibex/tests/a.rs", &text, &[]);
            check_text("xtask/src/a.rs", &text, &[]);
            let reason = format!("//! A.\nfn f() {{\n    {call} // invariant: a is b.\n}}\n");
            check_text(LIBRARY, &reason, &[]);
            let test = format!("//! A.\n#[cfg(test)]\nmod tests {{\n    fn f() {{ {call} }}\n}}\n");
            check_text(LIBRARY, &test, &[]);
        }
        check_text(LIBRARY, "//! A.\nfn f() {\n    self.expect(Token::Comma)?;\n}\n", &[]);
        check_text(LIBRARY, "//! A.\nfn f() {\n    a.unwrap_or(1);\n}\n", &[]);
        check_text(LIBRARY, "//! A.\nfn f() {\n    a(\".unwrap() panic!\");\n}\n", &[]);
        let chain = "//! A.\nfn f() {\n    // invariant: not empty.\n    a\n        .b()\n        \
                     .unwrap();\n}\n";
        check_text(LIBRARY, chain, &[]);
    }

    #[test]
    fn unfinished_work_is_found_everywhere() {
        check_text("xtask/src/a.rs", "//! A.\nfn f() { todo!() }\n", &[(2, "unfinished")]);
        check_text(LIBRARY, "//! A.\n#[test]\nfn f() { dbg!(1); }\n", &[(3, "unfinished")]);
        check_text(LIBRARY, "//! A.\n#[test]\n#[ignore]\nfn f() {}\n", &[(3, "ignored-tests")]);
    }

    #[test]
    fn an_allowed_lint_has_a_reason() {
        check_text(LIBRARY, "//! A.\n#[allow(dead_code)]\nfn f() {}\n", &[(2, "allow-reason")]);
        check_text(LIBRARY, "//! A.\n// Read by macros.\n#[allow(dead_code)]\nfn f() {}\n", &[]);
        check_text(LIBRARY, "//! A.\n#[expect(dead_code, reason = \"b\")]\nfn f() {}\n", &[]);
        let broken = "//! A.\n#![allow(\n    dead_code,\n    reason = \"b\"\n)]\n";
        check_text(LIBRARY, broken, &[]);
        check_text(LIBRARY, &broken.replace("reason = \"b\"", "c"), &[(2, "allow-reason")]);
    }

    #[test]
    fn lengths_have_limits() {
        let long_line = format!("//! A.\nlet a = \"{}\";\n", "b".repeat(100));
        check_text(LIBRARY, &long_line, &[(2, "line-length")]);
        let address = format!("//! https://example.org/{}\n", "b".repeat(100));
        check_text(LIBRARY, &address, &[]);
        let snapshot = format!("//! A.\nlet a = r\"\n{}\";\n", "b".repeat(101));
        check_text(LIBRARY, &snapshot, &[]);
        let expected = format!("//! A.\nf(\n    \"{}\",\n);\n", "b".repeat(101));
        check_text(LIBRARY, &expected, &[(3, "line-length")]);
        check_text("crates/ibex/tests/a.rs", &expected, &[]);
        let function =
            |lines: usize| format!("//! A.\nfn f() {{\n{}}}\n", "    a();\n".repeat(lines));
        check_text(LIBRARY, &function(58), &[]);
        check_text(LIBRARY, &function(59), &[(2, "function-length")]);
        let file = |lines: usize| format!("//! A.\n{}", "a();\n".repeat(lines));
        check_text(LIBRARY, &file(499), &[]);
        check_text(LIBRARY, &file(500), &[(501, "file-length")]);
        let severity = |text: &str| check(&Source::parse(LIBRARY, text))[0].severity;
        assert_eq!(severity(&file(799)), super::super::Severity::Note);
        assert_eq!(severity(&file(800)), super::super::Severity::Error);
        assert_eq!(severity(&function(98)), super::super::Severity::Note);
        assert_eq!(severity(&function(99)), super::super::Severity::Error);
    }
}
