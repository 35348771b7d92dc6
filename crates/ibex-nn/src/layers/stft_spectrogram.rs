//! `STFTSpectrogram`: the spectrum of each frame of a signal, by a convolution.

use ibex_graph::Tensor;
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::window::Padding;
use serde::{Deserialize, Serialize};

use super::options::{DataFormat, check_positive, expect_rank};
use crate::initializers::{STFT, Scaling, Side, Window};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

/// What powers and magnitudes are at least.
const EPSILON: f64 = 1e-7;

layer! {
    /// The spectrum of each frame of a signal: a short-time Fourier transform.
    ///
    /// Input `(batch, time, channels)`, output `(batch, frames, channels · frequencies)`, or
    /// `(batch, frames, frequencies, channels)` with `expand_dims`.
    /// Weights `real_kernel` and `imag_kernel` `(frame_length, 1, frequencies)`, which start as
    /// waves under a window and are trained unless the layer is frozen.
    /// Source:
    /// <https://keras.io/api/layers/preprocessing_layers/audio_preprocessing/stft_spectrogram/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, STFTSpectrogram};
    ///
    /// let y = STFTSpectrogram::new(256).call(&Input::new([1024, 1]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 7, 129)");
    /// ```
    STFTSpectrogram {
        /// What is given of the spectrum; the logarithm of the magnitude by default.
        mode: is SpectrogramMode = SpectrogramMode::Log,
        /// The length of a frame; 256 by default.
        frame_length: is usize = 256,
        /// The distance between two frames; half a frame by default.
        frame_step: given usize = None,
        /// The length of the transform; the next power of two by default.
        fft_length: given usize = None,
        /// What frames are multiplied with; `hann` by default.
        window: some Window = Some("hann".into()),
        /// Whether the window is that of a longer, periodic one.
        periodic: is bool = false,
        /// What the window is divided by.
        scaling: some Scaling = Some(Scaling::Density),
        /// How the ends of the signal are padded; not at all by default.
        #[serde(with = "super::options::padding")]
        padding: is Padding = Padding::Valid,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// Whether frequencies have an axis of their own.
        expand_dims: is bool = false,
    }
}

/// What is given of a spectrum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpectrogramMode {
    /// The logarithm of the magnitude.
    #[default]
    Log,
    /// The magnitude.
    Magnitude,
    /// The density of power, of both halves of the spectrum.
    Psd,
    /// The real part.
    Real,
    /// The imaginary part.
    Imag,
    /// The angle, in radians.
    Angle,
    /// The real parts, then the imaginary ones.
    Stft,
}

impl STFTSpectrogram {
    /// Frames of this length, half overlapping.
    #[track_caller]
    pub fn new(frame_length: usize) -> STFTSpectrogram {
        STFTSpectrogram { frame_length, ..STFTSpectrogram::default() }
    }

    /// Frames as they are, without a window.
    pub fn without_window(mut self) -> STFTSpectrogram {
        self.window = None;
        self
    }

    /// The window as it is, divided by nothing.
    pub fn without_scaling(mut self) -> STFTSpectrogram {
        self.scaling = None;
        self
    }

    fn step(&self) -> usize {
        self.frame_step.unwrap_or(self.frame_length / 2)
    }

    fn frequencies(&self) -> usize {
        self.fft_length.unwrap_or_else(|| self.frame_length.next_power_of_two()) / 2 + 1
    }

    fn kernel(&self, side: Side) -> WeightSpec {
        let name = match side {
            Side::Real => "real_kernel",
            Side::Imag => "imag_kernel",
        };
        let initializer = STFT {
            side,
            window: self.window.clone(),
            periodic: self.periodic,
            scaling: self.scaling,
        };
        WeightSpec::new(name, [self.frame_length, 1, self.frequencies()], initializer)
    }

    /// From `(batch, channels, frames, frequencies)` to the arrangement of the output.
    fn arranged(&self, spectrum: &Tensor) -> Tensor {
        let [batch, channels, frames, frequencies] = [0, 1, 2, 3].map(|axis| spectrum.dim(axis));
        let joined = channels * frequencies;
        match (self.data_format, self.expand_dims) {
            (DataFormat::ChannelsLast, true) => spectrum.transpose(&[0, 2, 3, 1]),
            (DataFormat::ChannelsLast, false) => {
                spectrum.transpose(&[0, 2, 1, 3]).reshape([batch, frames, joined])
            }
            (DataFormat::ChannelsFirst, true) => spectrum.clone(),
            (DataFormat::ChannelsFirst, false) => {
                spectrum.transpose(&[0, 1, 3, 2]).reshape([batch, joined, frames])
            }
        }
    }

    /// What the mode gives of the parts of a spectrum.
    fn of_parts(&self, real: Tensor, imag: Tensor) -> Tensor {
        let at_least = |x: Tensor| x.maximum(&Tensor::scalar(x.dtype(), EPSILON));
        let power = || real.square() + imag.square();
        match self.mode {
            SpectrogramMode::Real => real,
            SpectrogramMode::Imag => imag,
            SpectrogramMode::Angle => imag.atan2(&real),
            SpectrogramMode::Stft => concatenate(&[real, imag], 3),
            SpectrogramMode::Psd => {
                // The frequencies between the ends stand for their mirror images, too.
                let power = power();
                let last = power.dim(3).saturating_sub(1) as isize;
                let inner = power.slice_axis(3, 1..last.max(1));
                &power + inner.pad(&[(0, 0), (0, 0), (0, 0), (1, 1)], 0.0)
            }
            SpectrogramMode::Magnitude => at_least(power()).sqrt(),
            SpectrogramMode::Log => at_least(at_least(power()).sqrt()).log(),
        }
    }
}

impl Layer for STFTSpectrogram {
    layer_facts!(STFTSpectrogram);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("frame_length", &[self.frame_length], &mut found);
        if self.step() == 0 || self.step() > self.frame_length {
            found.push(
                ConfigError::new("frames would leave gaps, or not advance")
                    .expected("`frame_step` between 1 and `frame_length`")
                    .received(format!(
                        "frame_step = {}, frame_length = {}",
                        self.step(),
                        self.frame_length
                    )),
            );
        }
        if let Some(length) = self.fft_length.filter(|&length| length < self.frame_length) {
            found.push(
                ConfigError::new("a frame does not fit into the transform")
                    .expected(format!("`fft_length` of {} or more", self.frame_length))
                    .received(format!("fft_length = {length}")),
            );
        }
        if self.padding == Padding::Causal {
            found.push(
                ConfigError::new("spectrograms have no causal padding")
                    .expected("valid or same")
                    .received("padding = causal"),
            );
        }
        found.extend(self.window.as_ref().and_then(|window| window.check(self.frame_length)));
        found
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let axes = match self.data_format {
            DataFormat::ChannelsLast => "(batch, time, channels)",
            DataFormat::ChannelsFirst => "(batch, channels, time)",
        };
        expect_rank(&inputs[0].shape, 3, axes)?;
        if !inputs[0].dtype.is_float() {
            return Err(ConfigError::new("a signal is of floats")
                .expected("an input of float16, float32 or float64")
                .received(inputs[0].dtype.name()));
        }
        if self.mode != SpectrogramMode::Imag {
            build.weight(self.kernel(Side::Real));
        }
        if self.mode != SpectrogramMode::Real {
            build.weight(self.kernel(Side::Imag));
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = match self.data_format {
            DataFormat::ChannelsLast => inputs[0].transpose(&[0, 2, 1]),
            DataFormat::ChannelsFirst => inputs[0].clone(),
        };
        let [batch, channels, time] = [0, 1, 2].map(|axis| x.dim(axis));
        let signals = x.reshape([batch * channels, time, 1]);
        let mut part = |name: &str| {
            let kernel = call.optional_weight(name)?.cast(x.dtype());
            let y = signals.convolution(&kernel, &[self.step()], self.padding, &[1], 1);
            let (frames, frequencies) = (y.dim(1), y.dim(2));
            Some(y.reshape([batch, channels, frames, frequencies]))
        };
        let (real, imag) = (part("real_kernel"), part("imag_kernel"));
        // In each mode the kernels are there that it needs; one alone stands for both.
        let Some(either) = real.clone().or(imag.clone()) else { return vec![inputs[0].clone()] };
        let spectrum = self.of_parts(real.unwrap_or(either.clone()), imag.unwrap_or(either));
        vec![self.arranged(&spectrum)]
    }
}
