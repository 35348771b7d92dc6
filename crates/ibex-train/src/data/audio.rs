//! [`AudioReader`]: audio files as waves, as Keras's `audio_dataset_from_directory` gives them.
//!
//! WAV, FLAC, MP3 and Ogg Vorbis. Waves are `float32` from -1 to 1.
//! Source: <https://keras.io/api/data_loading/audio/>.

use std::fs::File;
use std::path::Path;

use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;
use symphonia::core::audio::SampleBuffer;
use symphonia::core::codecs::{CODEC_TYPE_NULL, CodecParameters, DecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::probe::Hint;

use super::Samples;
use super::folder::{Files, LabelledFile};
use crate::error::{Error, Result};

/// The most numbers of a wave: about an hour of stereo. What is longer is refused.
const MOST: usize = 1 << 28;

/// Frames for each byte of a file, at most, that its head is believed; else they are counted.
const FRAMES_OF_A_BYTE: u64 = 12;

/// How audio files become waves `(1, frames, channels)` of `float32`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AudioReader {
    length: Option<usize>,
    channels: Option<usize>,
}

/// A wave and how many of its frames a second takes.
#[derive(Clone, Debug)]
pub struct Wave {
    /// The wave, `(frames, channels)` of `float32`.
    pub samples: Array,
    /// Frames in a second.
    pub rate: u32,
}

impl AudioReader {
    /// Waves as long as they are: batches of them are to be
    /// [`padded`](super::Batch::padded).
    pub fn new() -> AudioReader {
        AudioReader::default()
    }

    /// Waves of so many frames: longer ones are cut, shorter ones filled with zeros.
    pub fn output_sequence_length(mut self, frames: usize) -> AudioReader {
        self.length = Some(frames);
        self
    }

    /// Files of so many channels only; others are refused.
    pub fn channels(mut self, channels: usize) -> AudioReader {
        self.channels = Some(channels);
        self
    }

    /// The frames and channels of a file, from its head if that says them.
    ///
    /// # Errors
    /// As [`AudioReader::read`].
    pub fn measure(&self, path: &Path) -> Result<(usize, usize)> {
        let file = open(path)?;
        let bytes = file.metadata().map_or(0, |facts| facts.len());
        let codec = opened(file, path).map_err(|reason| unusable(path, reason))?.codec;
        if let (Some(frames), Some(channels)) = (codec.n_frames, codec.channels)
            && frames <= bytes.saturating_mul(FRAMES_OF_A_BYTE)
            && let Ok(frames) = usize::try_from(frames)
            && frames.saturating_mul(channels.count()) <= MOST
        {
            return Ok((frames, channels.count()));
        }
        let wave = self.read(path)?.samples;
        Ok((wave.shape().dims()[0], wave.shape().dims()[1]))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no audio that can be used.
    pub fn read(&self, path: &Path) -> Result<Wave> {
        self.decode(open(path)?, path).map_err(|reason| unusable(path, reason))
    }

    /// A function for [`Dataset::map`](super::Dataset::map): the wave of a file and its label.
    pub fn labelled(
        &self,
        files: &Files,
    ) -> impl Fn(LabelledFile) -> Result<Samples> + Send + Sync + 'static {
        let (reader, target) = (*self, files.target());
        move |(path, label)| {
            let wave = reader.read(&path)?.samples;
            let [frames, channels] = wave.shape().dims()[..] else { return Ok(Samples::default()) };
            let x = vec![wave.reshape([1, frames, channels])?];
            Ok(Samples { x, y: target(label), weights: Vec::new() })
        }
    }

    fn decode(&self, file: File, path: &Path) -> Result<Wave, String> {
        let text = |error: SymphoniaError| error.to_string();
        let Opened { mut format, track: id, codec } = opened(file, path)?;
        let mut decoder = symphonia::default::get_codecs()
            .make(&codec, &DecoderOptions::default())
            .map_err(text)?;
        let (mut values, mut channels, mut rate) = (Vec::new(), 0, codec.sample_rate.unwrap_or(0));
        let enough = |values: &Vec<f32>, channels: usize| {
            self.length.is_some_and(|length| channels > 0 && values.len() >= length * channels)
        };
        while !enough(&values, channels) {
            let packet = match format.next_packet() {
                Ok(packet) if packet.track_id() == id => packet,
                Ok(_) => continue,
                // What ends in the middle of a packet is at its end, as players see it.
                Err(SymphoniaError::IoError(error))
                    if error.kind() == std::io::ErrorKind::UnexpectedEof =>
                {
                    break;
                }
                Err(error) => return Err(text(error)),
            };
            let decoded = decoder.decode(&packet).map_err(text)?;
            let spec = *decoded.spec();
            if channels != 0 && channels != spec.channels.count() {
                return Err("a number of channels that changes".to_string());
            }
            (channels, rate) = (spec.channels.count(), spec.rate);
            let mut buffer = SampleBuffer::<f32>::new(decoded.capacity() as u64, spec);
            buffer.copy_interleaved_ref(decoded);
            values.extend_from_slice(buffer.samples());
            if values.len() > MOST {
                return Err(format!("more than {MOST} numbers"));
            }
        }
        if channels == 0 || values.is_empty() {
            return Err("no sound".to_string());
        }
        if let Some(wanted) = self.channels.filter(|wanted| *wanted != channels) {
            return Err(format!("{channels} channels in place of {wanted}"));
        }
        if let Some(frames) = codec.n_frames.and_then(|frames| usize::try_from(frames).ok()) {
            // The last block of a file may be longer than its sound.
            values.truncate(frames.max(1).saturating_mul(channels));
        }
        if let Some(length) = self.length {
            values.resize(length * channels, 0.0);
        }
        let frames = values.len() / channels;
        let samples = Array::from_slice([frames, channels], &values[..frames * channels]);
        Ok(Wave { samples: samples.unwrap_or_else(|_| Array::zeros(DType::F32, [0, 1])), rate })
    }
}

/// A file whose head was read.
struct Opened {
    format: Box<dyn FormatReader>,
    track: u32,
    codec: CodecParameters,
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_path_buf(),
        source,
    })
}

fn opened(file: File, path: &Path) -> Result<Opened, String> {
    let mut hint = Hint::new();
    if let Some(ending) = path.extension().and_then(|ending| ending.to_str()) {
        hint.with_extension(ending);
    }
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    // What an encoder adds at both ends to fill its blocks is no sound.
    let formats = FormatOptions { enable_gapless: true, ..FormatOptions::default() };
    let facts = MetadataOptions::default();
    let probed = symphonia::default::get_probe().format(&hint, stream, &formats, &facts);
    let format = probed.map_err(|error| error.to_string())?.format;
    let track = format.tracks().iter().find(|t| t.codec_params.codec != CODEC_TYPE_NULL);
    let track = track.ok_or("a file without sound")?;
    let (track, codec) = (track.id, track.codec_params.clone());
    Ok(Opened { format, track, codec })
}

fn unusable(path: &Path, reason: String) -> Error {
    Error::Data(
        ConfigError::new(format!("`{}` is no audio that can be used", path.display()))
            .expected("a whole WAV, FLAC, MP3 or Ogg Vorbis file")
            .received(reason),
    )
}
