//! What is said while a training runs, on stderr.

use std::fmt::Arguments;
use std::io::Write;

/// Writes to stderr; a reader that has gone away does not end a training.
pub(crate) fn say(text: Arguments<'_>) {
    let _ = std::io::stderr().write_fmt(text);
}
