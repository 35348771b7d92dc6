//! One image in another size, with Keras's numbers: what [`resize`](ibex_graph::ops::image::resize)
//! computes in a graph, for images of which each has a size of its own.
//!
//! Separable: each new pixel is a weighted sum of a few old ones, along the width and then along
//! the height. It must not know files.

use ibex_graph::ops::image::Interpolation;

/// The pixels of an image, or of a part of one: `height`, `width` and channels, row by row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixels<'a> {
    pub(super) extents: [usize; 3],
    /// From the first pixel on, with at least as many as the rows need.
    values: &'a [u8],
    /// How far apart rows begin.
    stride: usize,
}

/// The old pixels of the new ones along an axis.
#[derive(Debug)]
enum Taps {
    /// Pairs of neighbours: the first of them, and both weights.
    Pairs(Vec<(usize, [f32; 2])>),
    /// Any number of neighbours: the first of them, and their weights.
    Runs(Vec<(usize, Vec<f32>)>),
}

impl<'a> Pixels<'a> {
    /// The pixels of an image of these extents.
    pub(super) fn new(extents: [usize; 3], values: &'a [u8]) -> Pixels<'a> {
        Pixels { extents, values, stride: extents[1] * extents[2] }
    }

    /// The part of this height and width that begins at a pixel.
    pub(super) fn crop(self, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> Pixels<'a> {
        let channels = self.extents[2];
        let first = top * self.stride + left * channels;
        Pixels { extents: [height, width, channels], values: &self.values[first..], ..self }
    }

    /// Writes the image in another height and width; `to` has as many numbers.
    pub(super) fn resize(self, size: [usize; 2], interpolation: Interpolation, to: &mut [f32]) {
        let [height, width, channels] = self.extents;
        let columns = (width != size[1]).then(|| Taps::new(width, size[1], interpolation));
        let line = size[1] * channels;
        let floats = |row: usize, to: &mut [f32]| {
            let row = &self.values[row * self.stride..];
            to.iter_mut().zip(row).for_each(|(to, &from)| *to = f32::from(from));
        };
        let mut wide = vec![0.0; width * channels + BEHIND];
        let mut narrow = |row: usize, to: &mut [f32]| match &columns {
            None => floats(row, to),
            Some(taps) => {
                floats(row, &mut wide[..width * channels]);
                resize_row(&wide, channels, taps, to);
            }
        };
        let lines = to.chunks_exact_mut(line.max(1));
        if height == size[0] {
            lines.enumerate().for_each(|(row, to)| narrow(row, to));
            return;
        }
        // Far fewer rows are needed than there are where an image is made small.
        let rows = Taps::new(height, size[0], interpolation);
        let mut known = Known { narrow, line, rows: vec![(0, Vec::new()); rows.most()] };
        match rows {
            Taps::Pairs(pairs) => {
                for (to, (first, [above, below])) in lines.zip(pairs) {
                    let [a, b] = [0, 1].map(|next| known.find(first + next));
                    let (a, b) = (known.row(a), known.row(b));
                    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
                        *to = a * above + b * below;
                    }
                }
            }
            Taps::Runs(runs) => {
                for (to, (first, weights)) in lines.zip(runs) {
                    to.fill(0.0);
                    for (row, weight) in (first..).zip(weights) {
                        let row = known.find(row);
                        let from = known.row(row);
                        to.iter_mut().zip(from).for_each(|(to, from)| *to += from * weight);
                    }
                }
            }
        }
    }
}

/// The last rows that were made narrow: each once, though several new rows need it.
struct Known<F> {
    narrow: F,
    line: usize,
    /// As many as a new row needs, with their numbers.
    rows: Vec<(usize, Vec<f32>)>,
}

impl<F: FnMut(usize, &mut [f32])> Known<F> {
    /// Where a row is held; rows are asked for in rising order.
    fn find(&mut self, row: usize) -> usize {
        let place = row % self.rows.len();
        let (held, values) = &mut self.rows[place];
        if *held != row || values.is_empty() {
            values.resize(self.line, 0.0);
            (self.narrow)(row, values);
            *held = row;
        }
        place
    }

    fn row(&self, place: usize) -> &[f32] {
        &self.rows[place].1
    }
}

/// Numbers that may be read behind the last pixel of a row, which is read four at a time.
const BEHIND: usize = 3;

/// A row, with [`BEHIND`] numbers behind it, in another width; the channels are those of a
/// [`ColorMode`](super::image::ColorMode): 1, 3 or 4.
fn resize_row(row: &[f32], channels: usize, taps: &Taps, to: &mut [f32]) {
    match channels {
        1 => resize_row_of::<1>(row, taps, to),
        3 => resize_row_of::<3>(row, taps, to),
        _ => resize_row_of::<4>(row, taps, to),
    }
}

/// [`resize_row`] for a number of channels that is known when compiling.
fn resize_row_of<const CHANNELS: usize>(row: &[f32], taps: &Taps, to: &mut [f32]) {
    // Four numbers at a time, whatever the channels, are one vector: those that belong to the next
    // pixel are written again with it.
    let mut write = |at: usize, value: [f32; 4]| {
        let to = &mut to[at * CHANNELS..];
        match to.first_chunk_mut::<4>() {
            Some(to) => *to = value,
            None => to.iter_mut().zip(value).for_each(|(to, value)| *to = value),
        }
    };
    match taps {
        Taps::Pairs(pairs) => {
            for (at, &(first, [left, right])) in pairs.iter().enumerate() {
                let row = &row[first * CHANNELS..];
                // Two reads: one of all would be put in order by hand.
                let pixels = row.first_chunk::<4>().zip(row[CHANNELS..].first_chunk::<4>());
                if let Some((a, b)) = pixels {
                    let mut sum = [0.0; 4];
                    for i in 0..4 {
                        sum[i] = a[i] * left + b[i] * right;
                    }
                    write(at, sum);
                }
            }
        }
        Taps::Runs(runs) => {
            for (at, (first, weights)) in runs.iter().enumerate() {
                let mut sum = [0.0; 4];
                let pixels = (*first..).map_while(|pixel| row[pixel * CHANNELS..].first_chunk());
                for (value, weight) in pixels.zip(weights) {
                    let value: &[f32; 4] = value;
                    for i in 0..4 {
                        sum[i] += value[i] * weight;
                    }
                }
                write(at, sum);
            }
        }
    }
}

impl Taps {
    /// The old pixels of every new one along an axis.
    fn new(before: usize, after: usize, interpolation: Interpolation) -> Taps {
        let scale = before as f64 / after as f64;
        if interpolation == Interpolation::Bilinear && before > 1 {
            return Taps::Pairs((0..after).map(|i| pair(i, before, scale)).collect());
        }
        let run = |i: usize| match interpolation {
            // In `float32` and in this order, as the graph computes it: ties depend on it.
            Interpolation::Nearest => {
                let place = ((i as f32 + 0.5) * before as f32 / after as f32).floor() as usize;
                (place.min(before - 1), vec![1.0])
            }
            _ => run(i, before, scale, interpolation),
        };
        Taps::Runs((0..after).map(run).collect())
    }

    /// The most old pixels that one new pixel has.
    fn most(&self) -> usize {
        match self {
            Taps::Pairs(_) => 2,
            Taps::Runs(runs) => runs.iter().map(|(_, weights)| weights.len()).max().unwrap_or(1),
        }
    }
}

/// Where a new pixel lies among the old ones.
fn place(i: usize, scale: f64) -> f64 {
    (i as f64 + 0.5) * scale - 0.5
}

/// What [`run`] finds for straight lines between at least two pixels, without a list for each.
fn pair(i: usize, before: usize, scale: f64) -> (usize, [f32; 2]) {
    let source = place(i, scale);
    let first = source.floor();
    if first < 0.0 {
        return (0, [1.0, 0.0]);
    }
    let left = first as usize;
    if left + 1 >= before {
        return (before - 2, [0.0, 1.0]);
    }
    let weights = [first, first + 1.0].map(|pixel| (1.0 - (source - pixel).abs()).max(0.0));
    let total = weights[0] + weights[1];
    (left, weights.map(|weight| (weight / total) as f32))
}

/// The old pixels of a new one, from the first on, as weights.
fn run(i: usize, before: usize, scale: f64, interpolation: Interpolation) -> (usize, Vec<f32>) {
    let (source, radius) = (place(i, scale), radius(interpolation));
    let first = (source - radius).floor().max(0.0) as usize;
    let last = ((source + radius).ceil().max(0.0) as usize).min(before - 1);
    let weight = |pixel: usize| kernel(interpolation, (source - pixel as f64).abs());
    // At the ends of the radius, half of the weights of two pixels are nothing.
    let first = (first..=last).find(|&pixel| weight(pixel) != 0.0).unwrap_or(first);
    let last = (first..=last).rfind(|&pixel| weight(pixel) != 0.0).unwrap_or(first);
    let weights: Vec<f64> = (first..=last).map(weight).collect();
    let total: f64 = weights.iter().sum();
    (first, weights.iter().map(|w| (w / total) as f32).collect())
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
        for channels in [1, 3, 4] {
            check(channels);
        }
    }

    fn check(channels: usize) {
        let values: Vec<u8> = (0..7 * 9 * channels).map(|i| (i * 37 % 251) as u8).collect();
        let image = Pixels::new([7, 9, channels], &values);
        let floats: Vec<f32> = values.iter().map(|&value| f32::from(value)).collect();
        let constant = Tensor::constant(Array::from_slice([7, 9, channels], &floats).unwrap());
        for interpolation in [
            Interpolation::Nearest,
            Interpolation::Bilinear,
            Interpolation::Bicubic,
            Interpolation::Lanczos3,
            Interpolation::Lanczos5,
        ] {
            for size in [[7, 9], [3, 4], [14, 5], [8, 30], [1, 1], [7, 20], [20, 9]] {
                // What was there before does not matter.
                let mut found = vec![f32::NAN; size[0] * size[1] * channels];
                image.resize(size, interpolation, &mut found);
                let options = Resize::from(interpolation);
                let tensor = resize(&constant, size, options, Channels::Last);
                let expected = interpreter::evaluate(&tensor).unwrap().to_f64_vec();
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(expected) {
                    let difference = (f64::from(*found) - expected).abs();
                    // Sums of at most 20 products of weights near 1 and values up to 250.
                    assert!(difference < 2e-4, "{interpolation:?} {size:?}: {difference}");
                }
            }
        }
    }
}
