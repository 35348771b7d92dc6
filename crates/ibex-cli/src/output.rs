//! What the command says: results on stdout, everything else on stderr.
//!
//! A reader that has gone away (`ibex summary … | head`) is no failure, so errors are passed over.

use std::io::Write;

/// Prints a result.
pub(crate) fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Tells of progress, a choice that was made, or a failure.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
