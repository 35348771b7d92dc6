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
    /// The window; none if `None`.
    pub window: Option<Window>,
    /// Whether the window is that of a longer, periodic one.
    pub periodic: bool,
    /// What the window is divided by.
    pub scaling: Option<Scaling>,
}

/// A window: a name, or one's own values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected the name of a window, or a list of numbers")]
pub enum Window {
    /// `hann`, `hamming`, `blackman` or `boxcar`.
    Named(String),
    /// The value at each time.
    Values(Vec<f64>),
}

impl From<&str> for Window {
    fn from(name: &str) -> Window {
        Window::Named(name.to_string())
    }
}

impl From<Vec<f64>> for Window {
    fn from(values: Vec<f64>) -> Window {
        Window::Values(values)
    }
}

impl Window {
    /// The coefficients of cosines of 0, 1, 2 periods; `None` for a name that is not known.
    fn cosines(&self) -> Option<[f64; 3]> {
        let Window::Named(name) = self else { return Some([1.0, 0.0, 0.0]) };
        match name.as_str() {
            "boxcar" | "ones" | "rect" | "rectangular" => Some([1.0, 0.0, 0.0]),
            "hann" | "hanning" => Some([0.5, -0.5, 0.0]),
            "hamming" => Some([0.54, -0.46, 0.0]),
            "blackman" => Some([0.42, -0.5, 0.08]),
            _ => None,
        }
    }

    /// The values of a window of this length.
    pub(crate) fn values(&self, length: usize, periodic: bool) -> Vec<f64> {
        if let Window::Values(values) = self {
            return values.clone();
        }
        let [a, b, c] = self.cosines().unwrap_or([1.0, 0.0, 0.0]);
        let period = if periodic { length } else { length.saturating_sub(1) };
        let at = |i: usize| match length {
            1 => 1.0,
            _ => {
                let angle = 2.0 * PI * i as f64 / period as f64;
                a + b * angle.cos() + c * (2.0 * angle).cos()
            }
        };
        (0..length).map(at).collect()
    }

    /// The error of a window that is not known, or has another length.
    pub(crate) fn check(&self, length: usize) -> Option<ConfigError> {
        match self {
            Window::Values(values) if values.len() != length => Some(
                ConfigError::new("the window has another length than a frame")
                    .expected(format!("{length} values"))
                    .received(values.len().to_string()),
            ),
            Window::Named(name) if self.cosines().is_none() => Some(
                ConfigError::new("unknown window")
                    .expected("hann, hamming, blackman or boxcar")
                    .received(format!("window = {name}")),
            ),
            _ => None,
        }
    }
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
        let (window, scaling) = (Some("hann".into()), Some(Scaling::Density));
        STFT { side: Side::Real, window, periodic: false, scaling }
    }
}

impl Initialize for STFT {
    keras_object!(STFT);

    fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
        let length = shape.first().copied().unwrap_or(1);
        if let Some(mistake) = self.window.as_ref().and_then(|window| window.check(length)) {
            return Err(mistake);
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
        let window = match &self.window {
            Some(window) => window.values(length, self.periodic),
            None => vec![1.0; length],
        };
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
