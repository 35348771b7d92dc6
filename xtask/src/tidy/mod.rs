//! `cargo xtask tidy`: what neither rustfmt nor clippy checks.
//!
//! Read [`source`] first (how a file is split into code, comments and tests), then [`rules`] (one
//! function and one row per rule about Rust files), then [`crates`] (the order of the crates) and
//! [`paths`] (paths of somebody's machine).
//! Plain line scanning is enough for all of them, and needs no parser among the dependencies.

use std::fmt;
use std::fs;
use std::path::Path;

mod crates;
mod paths;
mod rules;
mod source;

use source::Source;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    /// The check fails.
    Error,
    /// Printed, but nothing fails: the soft limits.
    Note,
}

/// One place that breaks a rule, and what to do there.
#[derive(Debug)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    severity: Severity,
    advice: String,
}

impl Finding {
    fn error(path: &str, line: usize, rule: &'static str, advice: impl Into<String>) -> Finding {
        Finding { path: path.into(), line, rule, severity: Severity::Error, advice: advice.into() }
    }

    fn note(path: &str, line: usize, rule: &'static str, advice: impl Into<String>) -> Finding {
        Finding { severity: Severity::Note, ..Finding::error(path, line, rule, advice) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.severity == Severity::Note { "note: " } else { "" };
        write!(f, "{}:{}: {kind}{}: {}", self.path, self.line, self.rule, self.advice)
    }
}

/// Runs the task and prints what it finds.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    if let Some(unknown) = arguments.first() {
        return Err(format!("`tidy` takes no arguments, received `{unknown}`"));
    }
    let findings = check(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|found| found.severity == Severity::Error).count();
    match errors {
        0 => {
            println!("tidy: no errors, {} notes", findings.len());
            Ok(())
        }
        _ => Err(format!("tidy found {errors} errors (listed above)")),
    }
}

/// Checks the whole tree; the findings come in the order of the paths.
fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let mut files = Vec::new();
    collect_files(root, "", &mut files)?;
    files.sort();
    let mut findings = Vec::new();
    let mut sources = Vec::new();
    for path in &files {
        let Ok(text) = fs::read_to_string(root.join(path)) else {
            continue; // Not UTF-8: data, which has no rules here.
        };
        findings.extend(paths::check(path, &text));
        if path.ends_with(".rs") {
            sources.push(Source::parse(path, &text));
        }
        if path.ends_with("Cargo.toml") {
            findings.extend(crates::check(path, &text));
        }
    }
    source::mark_test_modules(&mut sources);
    for source in &sources {
        findings.extend(rules::check(source));
    }
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(findings)
}

/// Folders that hold no text of the project.
const SKIPPED: &[&str] = &["target", ".git", "runs", "data", "goldens", "__pycache__"];
/// Kinds of files that have rules.
const EXTENSIONS: &[&str] = &["rs", "toml", "md", "py", "sh", "yml", "yaml", "txt", "run"];

fn collect_files(root: &Path, folder: &str, files: &mut Vec<String>) -> Result<(), String> {
    let describe = |error: std::io::Error| format!("cannot read the folder `{folder}`: {error}");
    for entry in fs::read_dir(root.join(folder)).map_err(describe)? {
        let entry = entry.map_err(describe)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type().map_err(describe)?;
        if kind.is_dir() {
            // Goldens and data are skipped as text, but their generators are code.
            let generators = path == "tools/goldens";
            if generators || !SKIPPED.contains(&name.as_str()) {
                collect_files(root, &path, files)?;
            }
        } else if kind.is_file() {
            let extension = name.rsplit_once('.').map_or(name.as_str(), |(_, end)| end);
            if EXTENSIONS.contains(&extension) {
                files.push(path);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let findings = check(&crate::workspace_root()).unwrap();
        let errors: Vec<String> = findings
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(Finding::to_string)
            .collect();
        assert!(errors.is_empty(), "cargo xtask tidy:\n{}", errors.join("\n"));
    }

    #[test]
    fn a_finding_reads_as_a_place_a_rule_and_advice() {
        let finding = Finding::error("crates/a/src/lib.rs", 3, "line-length", "break the line");
        assert_eq!(finding.to_string(), "crates/a/src/lib.rs:3: line-length: break the line");
    }
}
