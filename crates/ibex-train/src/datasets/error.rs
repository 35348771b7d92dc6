//! What can go wrong with a data set, and what helps.

use std::io;
use std::path::PathBuf;

use ibex_graph::array::ArrayError;

use super::idx::IdxError;

/// A data set that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// No data set has this name.
    #[error(
        "there is no data set `{name}`\n  expected  {}{}",
        known.join(", "),
        nearest(name, known)
    )]
    UnknownName {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// The data set is not one of arrays.
    #[error(
        "the data set `{name}` is {kind}, not arrays\n  help: load it with the function of its own \
         module"
    )]
    NoArrays {
        /// The data set.
        name: &'static str,
        /// What it is.
        kind: &'static str,
    },
    /// A file is neither on disk nor to be had from anywhere.
    #[error(
        "the file `{file}` of the data set `{dataset}` is not there\n  looked in {}{}\n  \
         help: put the file at {place}, or set IBEX_DATA_HOME to the folder that holds \
         `{dataset}/{file}`",
        list(looked.iter().map(|path| path.display().to_string())),
        downloads(attempts)
    )]
    Missing {
        /// The data set.
        dataset: &'static str,
        /// The file.
        file: &'static str,
        /// Where it was looked for on disk.
        looked: Vec<PathBuf>,
        /// What happened at each address.
        attempts: Vec<String>,
        /// Where to put the file by hand.
        place: String,
    },
    /// A file is there but cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is there, but it is not the one that belongs there.
    #[error(
        "`{}` is damaged, or another file\n  expected  {expected}\n  received  {received}\n  \
         help: delete it; it is then looked for elsewhere",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        received: String,
    },
    /// A line of a text file is not what the data set has there.
    #[error("{place}, line {line}\n  expected  {expected}\n  received  {received}")]
    Line {
        /// The file.
        place: String,
        /// The number of the line, from 1.
        line: usize,
        /// What belongs there.
        expected: String,
        /// What is there.
        received: String,
    },
    /// A file of images or labels does not keep to its format.
    #[error("{place}: {source}")]
    Idx {
        /// The file.
        place: String,
        /// What is wrong with it.
        source: IdxError,
    },
    /// The elements do not fit the shape of the data set.
    #[error(transparent)]
    Array(#[from] ArrayError),
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join("\n            ")
}

fn downloads(attempts: &[String]) -> String {
    match attempts {
        [] => String::new(),
        _ => format!("\n  tried     {}", list(attempts.iter().cloned())),
    }
}

/// A hint at the known name that differs least, if it differs by little.
fn nearest(name: &str, known: &[&'static str]) -> String {
    let closest = known.iter().map(|candidate| (distance(name, candidate), candidate)).min();
    match closest {
        Some((edits, candidate)) if edits <= 2 => {
            format!("\n  help: did you mean `{candidate}`?")
        }
        _ => String::new(),
    }
}

/// The number of insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let changed = usize::from(left[i - 1] != right[j - 1]);
            let mut best =
                (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "ab", 1), ("abc", "acb", 1), ("a", "xyz", 3)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn a_missing_file_says_where_it_was_looked_for_and_where_to_put_it() {
        let error = DatasetError::Missing {
            dataset: "mnist",
            file: "train.gz",
            looked: vec![
                PathBuf::from("data/mnist/train.gz"),
                PathBuf::from("cache/mnist/train.gz"),
            ],
            attempts: vec!["https://example.org/train.gz: no route".into()],
            place: "cache/mnist/train.gz".into(),
        };
        assert_eq!(
            error.to_string(),
            "the file `train.gz` of the data set `mnist` is not there\n  \
             looked in data/mnist/train.gz\n            cache/mnist/train.gz\n  \
             tried     https://example.org/train.gz: no route\n  \
             help: put the file at cache/mnist/train.gz, or set IBEX_DATA_HOME to the folder that \
             holds `mnist/train.gz`"
        );
    }
}
