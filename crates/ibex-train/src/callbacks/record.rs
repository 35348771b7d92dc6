//! What callbacks that record a training in files have in common.
//!
//! It must not know what they record.

use std::fs::File;
use std::io::{self, Write};

use crate::error::Error;
use crate::progress::say;

/// Writes a line at the end of a file, whole or not at all.
pub(super) fn append(file: &mut File, line: &[u8]) -> io::Result<()> {
    let length = file.metadata()?.len();
    file.write_all(line).inspect_err(|_| {
        // What could be written of it is taken back; there is nothing more to be done.
        let _ = file.set_len(length);
    })
}

/// Says that a training goes on without a record.
pub(super) fn warn_of_lost_record(callback: &str, error: &Error) {
    say(format_args!(
        "warning: {callback} records no more of this training, which goes on\n{error}\n"
    ));
}
