//! The order of the crates: which may depend on which.
//!
//! The table is the one place where the order is written down for the machine; ARCHITECTURE.md says
//! why it is so.
//! Dependencies of tests alone are free: a test may compare a crate with a later one.

use super::Finding;

/// A crate, and the Ibex crates it may know, in the order of the pipeline.
const ORDER: &[(&str, &[&str])] = &[
    ("ibex-format", &[]),
    ("ibex-graph", &[]),
    ("ibex-compile", &["ibex-graph"]),
    ("ibex-cpu", &["ibex-graph", "ibex-compile"]),
    ("ibex-nn", &["ibex-graph"]),
    ("ibex-train", &["ibex-format", "ibex-graph", "ibex-compile", "ibex-cpu", "ibex-nn"]),
    ("ibex", &["ibex-format", "ibex-graph", "ibex-compile", "ibex-cpu", "ibex-nn", "ibex-train"]),
    ("ibex-cli", &["ibex"]),
    ("xtask", &[]),
    ("fuzz", &["ibex-format"]),
];

/// Checks the manifest of one crate; the workspace's own manifest has no rule here.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let Some(name) = path.strip_suffix("/Cargo.toml").and_then(|folder| folder.rsplit('/').next())
    else {
        return Vec::new();
    };
    let Some((_, allowed)) = ORDER.iter().find(|(krate, _)| *krate == name) else {
        let advice = format!("`{name}` is not in the order of the crates: add a row to ORDER");
        return vec![Finding::error(path, 1, "crate-order", advice)];
    };
    let mut findings = Vec::new();
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        }
        let Some(dependency) = dependency_of(&section, line) else {
            continue;
        };
        let is_ours = ORDER.iter().any(|(krate, _)| *krate == dependency);
        if is_ours && !allowed.contains(&dependency.as_str()) {
            let advice = format!("`{name}` must not know `{dependency}` (see ARCHITECTURE.md)");
            findings.push(Finding::error(path, index + 1, "crate-order", advice));
        }
    }
    findings
}

/// The dependency that a line of a manifest names, if it is one of the library itself.
fn dependency_of(section: &str, line: &str) -> Option<String> {
    let (kind, table) = match section.split_once("dependencies") {
        Some((kind, table)) => (kind, table),
        None => return None,
    };
    if kind.ends_with("dev-") || kind.starts_with("workspace") {
        return None;
    }
    if let Some(name) = table.strip_prefix('.') {
        return line.starts_with('[').then(|| name.trim_matches('"').to_owned());
    }
    let (key, _) = line.split_once('=')?;
    let name = key.trim().split('.').next()?.trim_matches('"');
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lines(path: &str, text: &str, expected: &[usize]) {
        let lines: Vec<usize> = check(path, text).iter().map(|found| found.line).collect();
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn a_crate_knows_only_earlier_ones() {
        let graph = "crates/ibex-graph/Cargo.toml";
        check_lines(graph, "[dependencies]\nserde = \"1\"\n", &[]);
        check_lines(graph, "[dependencies]\nibex-nn = { workspace = true }\n", &[2]);
        check_lines(graph, "[dependencies]\nibex-nn.workspace = true\n", &[2]);
        check_lines(graph, "[dependencies.ibex-nn]\npath = \"../ibex-nn\"\n", &[1]);
        check_lines(graph, "[target.'cfg(unix)'.dependencies]\nibex-cpu = \"1\"\n", &[2]);
        check_lines(graph, "[build-dependencies]\nibex-cpu = \"1\"\n", &[2]);
        check_lines(graph, "[dev-dependencies]\nibex-cpu = { workspace = true }\n", &[]);
        check_lines("crates/ibex-nn/Cargo.toml", "[dependencies]\nibex-graph = \"1\"\n", &[]);
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        check_lines("crates/ibex-new/Cargo.toml", "", &[1]);
        check_lines("Cargo.toml", "[workspace.dependencies]\nibex-nn = \"1\"\n", &[]);
    }

    #[test]
    fn the_order_is_an_order() {
        for (index, (name, allowed)) in ORDER.iter().enumerate() {
            for earlier in *allowed {
                let place = ORDER.iter().position(|(krate, _)| krate == earlier);
                assert!(place.is_some_and(|place| place < index), "{name} before {earlier}");
            }
        }
    }
}
