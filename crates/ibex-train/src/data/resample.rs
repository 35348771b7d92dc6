//! One image in another size, with Keras's numbers: what [`resize`](ibex_graph::ops::image::resize)
//! computes in a graph, for images of which each has a size of its own.
//!
//! Separable: each new pixel is a weighted sum of a few old ones, along the width and then along
//! the height. It must not know files.

use std::borrow::Cow;

use ibex_graph::ops::image::Interpolation;

/// The pixels of an image: `height`, `width` and channels, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pixels {
    pub(super) extents: [usize; 3],
    pub(super) values: Vec<f32>,
}

/// The old pixels of a new one: the first of them, and their weights.
#[derive(Debug)]
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Pixels {
    /// The part of this height and width that begins at a pixel.
    pub(super) fn crop(&self, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> Pixels {
        let [_, old, channels] = self.extents;
        let mut values = Vec::with_capacity(height * width * channels);
        for row in top..top + height {
            let start = (row * old + left) * channels;
            values.extend_from_slice(&self.values[start..start + width * channels]);
        }
        Pixels { extents: [height, width, channels], values }
    }

    /// The image in another height and width.
    pub(super) fn resized(self, size: [usize; 2], interpolation: Interpolation) -> Pixels {
        let [height, width, channels] = self.extents;
        if size == [height, width] {
            return self;
        }
        let rows = (height != size[0]).then(|| taps(height, size[0], interpolation));
        let columns = (width != size[1]).then(|| taps(width, size[1], interpolation));
        let line = size[1] * channels;
        let narrow = |row: usize| match &columns {
            None => Cow::Borrowed(&self.values[row * line..(row + 1) * line]),
            Some(taps) => {
                let old = width * channels;
                Cow::Owned(resized_row(&self.values[row * old..(row + 1) * old], channels, taps))
            }
        };
        let mut values = vec![0.0; size[0] * line];
        let lines = values.chunks_exact_mut(line.max(1));
        let Some(rows) = rows else {
            lines.enumerate().for_each(|(row, to)| to.copy_from_slice(&narrow(row)));
            return Pixels { extents: [size[0], size[1], channels], values };
        };
        // Far fewer rows are needed than there are where an image is made small.
        let mut known: Vec<Option<Cow<'_, [f32]>>> = vec![None; height];
        for (to, tap) in lines.zip(rows) {
            known[..tap.first].fill(None);
            for (row, weight) in (tap.first..).zip(&tap.weights) {
                let from = known[row].get_or_insert_with(|| narrow(row));
                to.iter_mut().zip(from.iter()).for_each(|(to, from)| *to += from * weight);
            }
        }
        Pixels { extents: [size[0], size[1], channels], values }
    }
}

/// A row in another width; the channels are those of a [`ColorMode`](super::image::ColorMode): 1, 3
/// or 4.
fn resized_row(row: &[f32], channels: usize, taps: &[Taps]) -> Vec<f32> {
    let mut values = vec![0.0; taps.len() * channels];
    match channels {
        1 => resize_row::<1>(row, taps, &mut values),
        3 => resize_row::<3>(row, taps, &mut values),
        _ => resize_row::<4>(row, taps, &mut values),
    }
    values
}

/// [`resized_row`] for a number of channels that is known when compiling.
fn resize_row<const CHANNELS: usize>(row: &[f32], taps: &[Taps], values: &mut [f32]) {
    let (row, _) = row.as_chunks::<CHANNELS>();
    let (values, _) = values.as_chunks_mut::<CHANNELS>();
    for (value, tap) in values.iter_mut().zip(taps) {
        for (source, weight) in row[tap.first..].iter().zip(&tap.weights) {
            for channel in 0..CHANNELS {
                value[channel] += source[channel] * weight;
            }
        }
    }
}

/// The old pixels of every new one along an axis.
fn taps(before: usize, after: usize, interpolation: Interpolation) -> Vec<Taps> {
    let scale = before as f64 / after as f64;
    let tap = |i: usize| {
        if interpolation == Interpolation::Nearest {
            // In `float32` and in this order, as the graph computes it: ties depend on it.
            let place = ((i as f32 + 0.5) * before as f32 / after as f32).floor() as usize;
            return Taps { first: place.min(before - 1), weights: vec![1.0] };
        }
        let source = (i as f64 + 0.5) * scale - 0.5;
        let radius = radius(interpolation);
        let first = (source - radius).floor().max(0.0) as usize;
        let last = ((source + radius).ceil().max(0.0) as usize).min(before - 1);
        let weight = |pixel: usize| kernel(interpolation, (source - pixel as f64).abs());
        // At the ends of the radius, half of the weights of two pixels are nothing.
        let first = (first..=last).find(|&pixel| weight(pixel) != 0.0).unwrap_or(first);
        let last = (first..=last).rfind(|&pixel| weight(pixel) != 0.0).unwrap_or(first);
        let weights: Vec<f64> = (first..=last).map(weight).collect();
        let total: f64 = weights.iter().sum();
        Taps { first, weights: weights.iter().map(|w| (w / total) as f32).collect() }
    };
    (0..after).map(tap).collect()
}

fn radius(interpolation: Interpolation) -> f64 {
    match interpolation {
        Interpolation::Nearest | Interpolation::Bilinear => 1.0,
        Interpolation::Bicubic => 2.0,
        Interpolation::Lanczos3 => 3.0,
        Interpolation::Lanczos5 => 5.0,
    }
}

/// The weight of a pixel at this distance.
fn kernel(interpolation: Interpolation, x: f64) -> f64 {
    match interpolation {
        Interpolation::Nearest => f64::from(x < 0.5),
        Interpolation::Bilinear => (1.0 - x).max(0.0),
        Interpolation::Bicubic if x < 1.0 => ((1.5 * x - 2.5) * x) * x + 1.0,
        Interpolation::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        Interpolation::Bicubic => 0.0,
        Interpolation::Lanczos3 => lanczos(3.0, x),
        Interpolation::Lanczos5 => lanczos(5.0, x),
    }
}

fn lanczos(radius: f64, x: f64) -> f64 {
    let pi = std::f64::consts::PI;
    match x {
        x if x > radius => 0.0,
        x if x <= 1e-3 => 1.0,
        x => radius * (pi * x).sin() * (pi * x / radius).sin() / (pi * pi * x * x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ibex_graph::ops::image::{Channels, Resize, resize};
    use ibex_graph::{Array, Tensor, interpreter};

    #[test]
    fn images_are_resized_as_graphs_do() {
        let values: Vec<f32> = (0..7 * 9 * 3).map(|i| ((i * 37) % 251) as f32).collect();
        let image = Pixels { extents: [7, 9, 3], values };
        let constant = Tensor::constant(Array::from_slice([7, 9, 3], &image.values).unwrap());
        for interpolation in [
            Interpolation::Nearest,
            Interpolation::Bilinear,
            Interpolation::Bicubic,
            Interpolation::Lanczos3,
            Interpolation::Lanczos5,
        ] {
            for size in [[7, 9], [3, 4], [14, 5], [8, 30], [1, 1]] {
                let found = image.clone().resized(size, interpolation);
                let options = Resize::from(interpolation);
                let tensor = resize(&constant, size, options, Channels::Last);
                let expected = interpreter::evaluate(&tensor).unwrap().to_f64_vec();
                assert_eq!(found.values.len(), expected.len());
                for (found, expected) in found.values.iter().zip(expected) {
                    let difference = (f64::from(*found) - expected).abs();
                    // Sums of at most 20 products of weights near 1 and values up to 250.
                    assert!(difference < 2e-4, "{interpolation:?} {size:?}: {difference}");
                }
            }
        }
    }
}
