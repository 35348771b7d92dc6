//! A profile as the profiler of TensorBoard shows it: `XSpace` of `xplane.proto`.

use std::path::Path;

use crate::atomic::write_atomically;
use crate::error::{FormatError, Result};
use crate::wire::Message;

/// A stretch of time with a name, on one line of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What was done.
    pub name: String,
    /// When it began and how long it took, in nanoseconds since the beginning of the profile.
    pub begin: u64,
    /// How long it took, in nanoseconds.
    pub duration: u64,
}

/// Writes a profile of one thread into the folder of a run, under a name such as a date.
///
/// # Errors
/// If the file cannot be written.
pub fn write_profile(
    folder: impl AsRef<Path>,
    name: &str,
    thread: &str,
    spans: &[Span],
) -> Result<()> {
    let folder = folder.as_ref().join("plugins").join("profile").join(name);
    std::fs::create_dir_all(&folder).map_err(FormatError::writing(&folder))?;
    let path = folder.join("ibex.xplane.pb");
    let bytes = message(thread, spans).0;
    write_atomically(&path, |file| {
        std::io::Write::write_all(file, &bytes).map_err(FormatError::writing(&path))
    })
}

fn message(thread: &str, spans: &[Span]) -> Message {
    let mut names: Vec<&str> = Vec::new();
    let mut line = Message::default();
    line.int(1, 1);
    line.text(2, thread);
    for span in spans {
        let known = names.iter().position(|name| *name == span.name);
        let index = known.unwrap_or_else(|| {
            names.push(&span.name);
            names.len() - 1
        });
        let mut event = Message::default();
        event.int(1, index as i64 + 1);
        // Picoseconds.
        event.int(2, span.begin as i64 * 1000);
        event.int(3, span.duration as i64 * 1000);
        line.message(4, event);
    }
    let mut plane = Message::default();
    plane.int(1, 1);
    plane.text(2, "/host:CPU");
    plane.message(3, line);
    for (index, name) in names.into_iter().enumerate() {
        let mut metadata = Message::default();
        metadata.int(1, index as i64 + 1);
        metadata.text(2, name);
        let mut entry = Message::default();
        entry.int(1, index as i64 + 1);
        entry.message(2, metadata);
        plane.message(4, entry);
    }
    let mut space = Message::default();
    space.message(1, plane);
    space
}
