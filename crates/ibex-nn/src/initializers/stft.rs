//! `STFT`: the waves of a short-time Fourier transform.

use std::f64::consts::PI;

use ibex_graph::{Array, DType, Shape};
use serde::{Deserialize, Serialize};

use super::{Initialize, Seeds};
use crate::keras_object;
use crate::object::ConfigError;

/// Cosines or sines under a window: a kernel `(frame_length, input_channels, frequencies)`.
///
/// Source: <https://keras.io/api/layers/initializers/>.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct STFT {
    /// Cosines or sines.
    pub side: Side,
    /// The name of the window: `hann`, `hamming`, `blackman` or `boxcar`; none if `None`.
    pub window: Option<String>,
    /// Whether the window is that of a longer, periodic one.
    pub periodic: bool,
    /// What the window is divided by.
    pub scaling: Option<Scaling>,
}

/// Which part of the transform a kernel computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The real part: cosines.
    #[default]
    Real,
    /// The imaginary part: sines.
    Imag,
}

/// What a window is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// The root of the sum of its squares.
    Density,
    /// The sum of its absolute values.
    Spectrum,
}

impl Default for STFT {
    fn default() -> STFT {
        let (window, scaling) = (Some("hann".to_string()), Some(Scaling::Density));
        STFT { side: Side::Real, window, periodic: false, scaling }
    }
}

impl STFT {
    /// The window's coefficients of cosines of 0, 1, 2 periods; `None` for an unknown window.
    fn cosines(&self) -> Option<[f64; 3]> {
        match self.window.as_deref() {
            None | Some("boxcar" | "ones" | "rect" | "rectangular") => Some([1.0, 0.0, 0.0]),
            Some("hann" | "hanning") => Some([0.5, -0.5, 0.0]),
            Some("hamming") => Some([0.54, -0.46, 0.0]),
            Some("blackman") => Some([0.42, -0.5, 0.08]),
            Some(_) => None,
        }
    }

    fn window_values(&self, length: usize) -> Vec<f64> {
        let [a, b, c] = self.cosines().unwrap_or([1.0, 0.0, 0.0]);
        let period = if self.periodic { length } else { length.saturating_sub(1) };
        let at = |i: usize| match length {
            1 => 1.0,
            _ => {
                let angle = 2.0 * PI * i as f64 / period as f64;
                a + b * angle.cos() + c * (2.0 * angle).cos()
            }
        };
        (0..length).map(at).collect()
    }
}

impl Initialize for STFT {
    keras_object!(STFT);

    fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
        if self.cosines().is_none() {
            return Err(ConfigError::new("unknown window of an `STFT` initializer")
                .expected("hann, hamming, blackman or boxcar")
                .received(self.window.clone().unwrap_or_default()));
        }
        match shape.rank() {
            3 => Ok(()),
            _ => Err(ConfigError::new("`STFT` initializes kernels of sequences")
                .expected("a weight (frame_length, input_channels, frequencies)")
                .received(format!("a weight of shape {shape}"))),
        }
    }

    fn initialize(&self, shape: &Shape, _: &mut Seeds) -> Array {
        let [length, channels, frequencies] = [0, 1, 2].map(|axis| shape.get(axis).copied());
        let (length, channels) = (length.unwrap_or(1), channels.unwrap_or(1));
        let frequencies = frequencies.unwrap_or(1);
        let window = self.window_values(length);
        let scale = match (&self.window, self.scaling) {
            (None, _) | (_, None) => 1.0,
            (_, Some(Scaling::Density)) => window.iter().map(|w| w * w).sum::<f64>().sqrt(),
            (_, Some(Scaling::Spectrum)) => window.iter().map(|w| w.abs()).sum(),
        };
        let period = (frequencies.saturating_sub(1) * 2) as f64;
        let mut values = Vec::with_capacity(shape.size());
        for (time, weight) in window.iter().enumerate() {
            for _ in 0..channels {
                values.extend((0..frequencies).map(|frequency| {
                    let angle = -2.0 * PI * time as f64 * frequency as f64 / period;
                    let wave = match self.side {
                        Side::Real => angle.cos(),
                        Side::Imag => angle.sin(),
                    };
                    wave * weight / scale
                }));
            }
        }
        Array::from_f64_slice(DType::F32, shape, &values)
    }
}
