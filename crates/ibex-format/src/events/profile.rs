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
    /// When it began, in nanoseconds since the beginning of the profile.
    pub begin: u64,
    /// How long it took, in nanoseconds.
    pub duration: u64,
    /// The number of the training step that this is, if it is one.
    ///
    /// The profiler takes for a step what is called `train`, and shows it only if something else
    /// lies within.
    pub step: Option<i64>,
}

/// What marks a step: that a group of spans begins with it, and its number.
const STATS: [&str; 2] = ["_r", "step_num"];

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
        for (index, value) in span.step.iter().flat_map(|&step| [1, step]).enumerate() {
            let mut stat = Message::default();
            stat.int(1, index as i64 + 1);
            stat.int(4, value);
            event.message(4, stat);
        }
        line.message(4, event);
    }
    let mut plane = Message::default();
    plane.int(1, 1);
    plane.text(2, "/host:CPU");
    plane.message(3, line);
    declare(&mut plane, 4, &names);
    declare(&mut plane, 5, &STATS);
    let mut space = Message::default();
    space.message(1, plane);
    space
}

/// Numbers the names from 1, in the map of that field.
fn declare(plane: &mut Message, field: u64, names: &[&str]) {
    for (index, name) in names.iter().enumerate() {
        let mut metadata = Message::default();
        metadata.int(1, index as i64 + 1);
        metadata.text(2, name);
        let mut entry = Message::default();
        entry.int(1, index as i64 + 1);
        entry.message(2, metadata);
        plane.message(field, entry);
    }
}
