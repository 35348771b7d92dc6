//! Absolute paths of somebody's machine: they work there and nowhere else.

use super::Finding;

/// First parts of absolute paths which only one machine has.
const ROOTS: &[&str] = &["home", "root", "Users", "work", "opt", "mnt", "workspace"];

/// Checks every line of a text file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| Some((index + 1, machine_path(line)?)));
    let advice = |root: &str| format!("`/{root}/…` is a path of one machine: use a relative one");
    found.map(|(line, root)| Finding::error(path, line, "machine-path", advice(root))).collect()
}

/// The root of the first absolute path of a machine in the line.
fn machine_path(line: &str) -> Option<&'static str> {
    ROOTS.iter().copied().find(|root| {
        let pattern = format!("/{root}/");
        line.match_indices(&pattern).any(|(at, _)| {
            // In `https://host/NAME/`, `../NAME/` and `$X/NAME/` the path goes on from something else.
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| c.is_whitespace() || "\"'`(=,:<>[{".contains(c))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_paths_count() {
        for root in ROOTS {
            let absolute = format!("/{root}/someone");
            for text in [absolute.clone(), format!("see `{absolute}`"), format!("A={absolute}")] {
                assert_eq!(check("a.md", &text).len(), 1, "{text}");
            }
            for text in [format!("..{absolute}"), format!("https://example.org{absolute}")] {
                assert_eq!(check("a.md", &text).len(), 0, "{text}");
            }
        }
        assert_eq!(check("a.md", "one\ntwo `/home`/x\n").len(), 0);
    }
}
