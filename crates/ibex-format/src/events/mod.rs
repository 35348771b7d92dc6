//! The event files that TensorBoard displays: records with check sums, one for each number or
//! picture of a step.
//!
//! Each kind of summary is a tensor with the name of the plugin that shows it; the messages are
//! those of `tensorflow/core/util/event.proto` and `framework/summary.proto`.
//! It must not know models, callbacks or what is recorded.
//!
//! Read in this order: this file, `record` (how records are framed), `graph`, `profile`.

mod graph;
mod profile;
mod record;

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub use graph::GraphNode;
pub use profile::{Span, write_profile};

use crate::error::{FormatError, Result};
use crate::wire::Message;

/// The codes of element types in tensors.
const FLOAT: i64 = 1;
const DOUBLE: i64 = 2;
const STRING: i64 = 7;

/// What a plugin makes of its tensors: the `DataClass` of `summary.proto`.
#[derive(Clone, Copy)]
enum Class {
    Unknown = 0,
    Scalar = 1,
    Tensor = 2,
    Blobs = 3,
}

/// A bucket of a histogram: from, to, and how many values lie between.
pub type Bucket = (f64, f64, f64);

/// An event file that is being written.
///
/// ```
/// # fn main() -> ibex_format::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let mut file = ibex_format::events::EventFile::create(folder.path())?;
/// file.scalar(0, "loss", 0.5)?;
/// file.flush()
/// # }
/// ```
#[derive(Debug)]
pub struct EventFile {
    file: BufWriter<File>,
    path: PathBuf,
}

impl EventFile {
    /// A new file in `folder`, which is made if need be.
    ///
    /// # Errors
    /// If the folder or the file cannot be made.
    pub fn create(folder: impl AsRef<Path>) -> Result<EventFile> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(FormatError::writing(folder))?;
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let (seconds, process) = (now() as u64, std::process::id());
        let name = format!("events.out.tfevents.{seconds:010}.ibex.{process}.{count}.v2");
        let path = folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = BufWriter::new(file.map_err(FormatError::writing(&path))?);
        let mut events = EventFile { file, path };
        let mut event = event(0);
        event.text(3, "brain.Event:2");
        events.write(event)?;
        Ok(events)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was recorded at `step` or later, in other files of the folder, is void: a training
    /// that goes on from a checkpoint records it again.
    ///
    /// # Errors
    /// If the file cannot be written; of every method.
    pub fn restart(&mut self, step: i64) -> Result<()> {
        let mut session = Message::default();
        session.int(1, 1);
        let mut event = event(step);
        event.message(7, session);
        self.write(event)
    }

    /// A number.
    ///
    /// # Errors
    /// As [`EventFile::restart`].
    pub fn scalar(&mut self, step: i64, tag: &str, value: f32) -> Result<()> {
        let content = value.to_le_bytes();
        self.summary(step, tag, "scalars", (Class::Scalar, b""), tensor(FLOAT, &[], &content))
    }

    /// How values are distributed.
    ///
    /// # Errors
    /// As [`EventFile::restart`].
    pub fn histogram(&mut self, step: i64, tag: &str, buckets: &[Bucket]) -> Result<()> {
        let numbers = buckets.iter().flat_map(|&(from, to, count)| [from, to, count]);
        let content: Vec<u8> = numbers.flat_map(f64::to_le_bytes).collect();
        let shape = [buckets.len(), 3];
        let tensor = tensor(DOUBLE, &shape, &content);
        self.summary(step, tag, "histograms", (Class::Tensor, b""), tensor)
    }

    /// Pictures of one size, as PNG.
    ///
    /// # Errors
    /// As [`EventFile::restart`].
    pub fn images(
        &mut self,
        step: i64,
        tag: &str,
        size: (usize, usize),
        pictures: &[Vec<u8>],
    ) -> Result<()> {
        let numbers = [size.0.to_string().into_bytes(), size.1.to_string().into_bytes()];
        let texts: Vec<&[u8]> = numbers.iter().chain(pictures).map(Vec::as_slice).collect();
        // The content says that these were tensors from the start: `converted_to_tensor`.
        let class = (Class::Blobs, &[0x10, 1][..]);
        self.summary(step, tag, "images", class, texts_tensor(&[texts.len()], &texts))
    }

    /// A text, in Markdown.
    ///
    /// # Errors
    /// As [`EventFile::restart`].
    pub fn text(&mut self, step: i64, tag: &str, text: &str) -> Result<()> {
        let tensor = texts_tensor(&[], &[text.as_bytes()]);
        self.summary(step, tag, "text", (Class::Tensor, b""), tensor)
    }

    /// The configuration of a Keras model, which the graph page shows as its layers.
    ///
    /// # Errors
    /// As [`EventFile::restart`].
    pub fn keras_model(&mut self, tag: &str, json: &str) -> Result<()> {
        let tensor = texts_tensor(&[], &[json.as_bytes()]);
        self.summary(0, tag, "graph_keras_model", (Class::Unknown, b"1"), tensor)
    }

    /// A graph, whose nodes are grouped by the `/` in their names.
    ///
    /// # Errors
    /// As [`EventFile::restart`].
    pub fn graph(&mut self, nodes: &[GraphNode]) -> Result<()> {
        let mut event = event(0);
        event.message(4, graph::message(nodes));
        self.write(event)
    }

    /// Hands everything to the system, so that TensorBoard sees it.
    ///
    /// # Errors
    /// As [`EventFile::restart`].
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(FormatError::writing(&self.path))
    }

    fn summary(
        &mut self,
        step: i64,
        tag: &str,
        plugin: &str,
        (class, content): (Class, &[u8]),
        tensor: Message,
    ) -> Result<()> {
        let mut data = Message::default();
        data.text(1, plugin);
        if !content.is_empty() {
            data.bytes(2, content);
        }
        let mut metadata = Message::default();
        metadata.message(1, data);
        if class as i64 != 0 {
            metadata.int(4, class as i64);
        }
        let mut value = Message::default();
        value.text(1, tag);
        value.message(8, tensor);
        value.message(9, metadata);
        let mut summary = Message::default();
        summary.message(1, value);
        let mut event = event(step);
        event.message(5, summary);
        self.write(event)
    }

    fn write(&mut self, event: Message) -> Result<()> {
        record::write(&mut self.file, &event.0).map_err(FormatError::writing(&self.path))
    }
}

/// An event of this moment.
fn event(step: i64) -> Message {
    let mut event = Message::default();
    event.double(1, now());
    if step != 0 {
        event.int(2, step);
    }
    event
}

/// Seconds since 1970; a clock before that is taken as 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A tensor of an element type and a shape.
fn typed(dtype: i64, shape: &[usize]) -> Message {
    let mut tensor = Message::default();
    tensor.int(1, dtype);
    let mut dims = Message::default();
    for &extent in shape {
        let mut dim = Message::default();
        dim.int(1, extent as i64);
        dims.message(2, dim);
    }
    tensor.message(2, dims);
    tensor
}

fn tensor(dtype: i64, shape: &[usize], content: &[u8]) -> Message {
    let mut tensor = typed(dtype, shape);
    tensor.bytes(4, content);
    tensor
}

fn texts_tensor(shape: &[usize], texts: &[&[u8]]) -> Message {
    let mut tensor = typed(STRING, shape);
    texts.iter().for_each(|text| tensor.bytes(8, text));
    tensor
}

/// The buckets of TensorBoard's histograms: as many of one width from the least value to the
/// largest, each with the values in it; values that are not finite are left out.
///
/// ```
/// let buckets = ibex_format::events::buckets(&[0.0, 1.0, 1.0, 3.0], 3);
/// assert_eq!(buckets, [(0.0, 1.0, 1.0), (1.0, 2.0, 2.0), (2.0, 3.0, 1.0)]);
/// ```
pub fn buckets(values: &[f64], count: usize) -> Vec<Bucket> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if count == 0 {
        return Vec::new();
    }
    if low > high {
        return vec![(0.0, 0.0, 0.0); count];
    }
    if low == high {
        let mut all = vec![(low, high, 0.0); count];
        all[count - 1].2 = finite().count() as f64;
        return all;
    }
    let width = (high - low) / count as f64;
    let edge = |index: usize| if index == count { high } else { low + width * index as f64 };
    let mut all: Vec<Bucket> = (0..count).map(|i| (edge(i), edge(i + 1), 0.0)).collect();
    for value in finite() {
        all[(((value - low) / width) as usize).min(count - 1)].2 += 1.0;
    }
    all
}
