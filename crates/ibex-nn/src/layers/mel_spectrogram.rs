//! `MelSpectrogram`: the power of a signal in bands that are as wide as the ear hears them.

use std::f64::consts::PI;

use ibex_graph::ops::window::Padding;
use ibex_graph::{Array, DType, OpError, Tensor};
use serde_json::{Value, json};

use super::options::check_positive;
use crate::initializers::Window;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The power of a signal in bands of the mel scale, frame by frame.
    ///
    /// Input `(…, samples)`, output `(…, num_mel_bins, frames)`.
    /// The signal is reflected at its ends, so that frames are centred at multiples of the stride.
    /// Source:
    /// <https://keras.io/api/layers/preprocessing_layers/audio_preprocessing/mel_spectrogram/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, MelSpectrogram};
    ///
    /// let layer = MelSpectrogram::new().fft_length(256).sequence_stride(100).num_mel_bins(20);
    /// let y = layer.call(&Input::new([1000]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 20, 11)");
    /// ```
    MelSpectrogram {
        /// The length of the Fourier transform; 2048 by default.
        fft_length: is usize = 2048,
        /// The distance between two frames; 512 by default.
        sequence_stride: is usize = 512,
        /// The length of a frame; that of the transform by default.
        sequence_length: given usize = None,
        /// What frames are multiplied with; `hann` by default.
        window: some Window = Some("hann".into()),
        /// The number of samples in a second; 16000 by default.
        sampling_rate: is f64 = 16_000.0,
        /// The number of bands; 128 by default.
        num_mel_bins: is usize = 128,
        /// Where the lowest band begins, in hertz; 20 by default.
        min_freq: is f64 = 20.0,
        /// Where the highest band ends, in hertz; half the sampling rate by default.
        max_freq: some f64 = None,
        /// Whether the power is given in decibels; it is by default.
        power_to_db: is bool = true,
        /// How many decibels below the loudest band all others are at least; 80 by default.
        top_db: is f64 = 80.0,
        /// The power of the magnitude that is summed; 2 by default.
        mag_exp: is f64 = 2.0,
        /// What powers are at least, in decibels.
        min_power: is f64 = 1e-10,
        /// The power of 0 decibels; 1 by default.
        ref_power: is f64 = 1.0,
    }
}

impl MelSpectrogram {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> MelSpectrogram {
        MelSpectrogram::default()
    }

    fn frame_length(&self) -> usize {
        self.sequence_length.unwrap_or(self.fft_length)
    }

    fn highest(&self) -> f64 {
        self.max_freq.unwrap_or((self.sampling_rate / 2.0).trunc())
    }

    fn frequencies(&self) -> usize {
        self.fft_length / 2 + 1
    }

    /// Waves under the window: cosines of all frequencies, then sines.
    fn waves(&self) -> Tensor {
        let (length, frame) = (self.fft_length, self.frame_length());
        let mut window = vec![0.0; (length - frame) / 2];
        match &self.window {
            Some(given) => window.extend(given.values(frame, true)),
            None => window = vec![1.0; length],
        }
        window.resize(length, 0.0);
        let mut values = Vec::with_capacity(length * self.frequencies() * 2);
        for (time, weight) in window.iter().enumerate() {
            for part in [f64::cos, f64::sin] {
                values.extend((0..self.frequencies()).map(|frequency| {
                    let turns = (time * frequency % length) as f64 / length as f64;
                    weight * part(-2.0 * PI * turns)
                }));
            }
        }
        let shape = [length, 1, self.frequencies() * 2];
        Tensor::constant(Array::from_f64_slice(DType::F32, shape, &values))
    }

    /// How much each frequency counts in each band, in the precision in which Keras computes it.
    fn bands(&self) -> Tensor {
        let mel = |hertz: f32| 1127.0 * (1.0 + hertz / 700.0).ln();
        let rate = self.sampling_rate as f32;
        let linear = evenly(0.0, rate / 2.0, self.frequencies());
        let (low, high) = (self.min_freq as f32, self.highest() as f32);
        let edges = evenly(mel(low), mel(high), self.num_mel_bins + 2);
        let mut values = vec![0.0; self.num_mel_bins];
        for &hertz in linear.iter().skip(1) {
            let at = mel(hertz);
            values.extend(edges.windows(3).map(|edge| {
                let rising = (at - edge[0]) / (edge[1] - edge[0]);
                let falling = (edge[2] - at) / (edge[2] - edge[1]);
                f64::from(rising.min(falling).max(0.0))
            }));
        }
        let shape = [self.frequencies(), self.num_mel_bins];
        Tensor::constant(Array::from_f64_slice(DType::F32, shape, &values))
    }

    /// Powers in decibels, none too far below the largest.
    fn decibels(&self, power: &Tensor) -> Tensor {
        let scalar = |value: f64| Tensor::scalar(DType::F32, value);
        let decibel = 10.0 / std::f64::consts::LN_10;
        let reference = 10.0 * self.ref_power.abs().max(self.min_power).log10();
        let level = power.maximum(&scalar(self.min_power)).log() * decibel - reference;
        let lowest = level.max(&level.all_axes(), false) - self.top_db;
        level.maximum(&lowest)
    }
}

/// `count` numbers from one to another, as JAX spaces them.
fn evenly(start: f32, stop: f32, count: usize) -> Vec<f32> {
    let last = count.saturating_sub(1).max(1) as f32;
    let at = |i: usize| {
        let share = i as f32 / last;
        if i + 1 == count { stop } else { start * (1.0 - share) + stop * share }
    };
    (0..count).map(at).collect()
}

/// The last axis with `border` elements before and after it, mirrored at its ends.
fn reflected(x: &Tensor, border: usize) -> Tensor {
    let length = x.dim(-1) as i64;
    let period = (2 * (length - 1)).max(1);
    let place = |i: i64| {
        let folded = i.rem_euclid(period);
        if folded < length { folded } else { period - folded }
    };
    let border = border as i64;
    let places: Vec<f64> = (-border..length + border).map(|i| place(i) as f64).collect();
    let places = Array::from_f64_slice(DType::I32, [places.len()], &places);
    x.take(&Tensor::constant(places), -1)
}

impl Layer for MelSpectrogram {
    layer_facts!(MelSpectrogram, |layer| {
        let mut config = serde_json::to_value(layer).unwrap_or_default();
        if let Value::Object(config) = &mut config {
            config.insert("sequence_length".to_string(), json!(layer.frame_length()));
            config.insert("max_freq".to_string(), json!(layer.highest()));
        }
        config
    });

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        for (name, value) in [
            ("fft_length", self.fft_length),
            ("sequence_stride", self.sequence_stride),
            ("num_mel_bins", self.num_mel_bins),
        ] {
            check_positive(name, &[value], &mut found);
        }
        if self.frame_length() > self.fft_length {
            found.push(
                ConfigError::new("a frame does not fit into the transform")
                    .expected(format!("`fft_length` of {} or more", self.frame_length()))
                    .received(format!("fft_length = {}", self.fft_length)),
            );
        }
        found.extend(self.window.as_ref().and_then(|window| window.check(self.frame_length())));
        found
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = inputs[0].cast(DType::F32);
        if x.rank() == 0 || x.dim(-1) == 0 {
            return vec![Tensor::poisoned(OpError::new(
                "a signal has samples along its last axis",
                "(…, samples)",
                inputs[0].shape().to_string(),
            ))];
        }
        let padded = reflected(&x, self.fft_length / 2);
        let batch: Vec<usize> = x.shape().iter().take(x.rank() - 1).copied().collect();
        let count: usize = batch.iter().product();
        let signals = padded.reshape([count, padded.dim(-1), 1]);
        let stride = [self.sequence_stride];
        let parts = signals.convolution(&self.waves(), &stride, Padding::Valid, &[1], 1);
        let [real, imag] = [0, 1].map(|part| {
            let first = (part * self.frequencies()) as isize;
            parts.slice_axis(2, first..first + self.frequencies() as isize).square()
        });
        let magnitude = (real + imag).sqrt();
        let power = match self.mag_exp {
            1.0 => magnitude,
            exponent => magnitude.power(&Tensor::scalar(DType::F32, exponent)),
        };
        let bands = power.matmul(&self.bands());
        let level = if self.power_to_db { self.decibels(&bands) } else { bands };
        let level = level.transpose(&[0, 2, 1]);
        let shape = [batch, vec![level.dim(1), level.dim(2)]].concat();
        vec![level.reshape(shape).cast(self.base.dtype.compute())]
    }
}
