//! Duplicates: samples of one part that are in another one too, or nearly.
//!
//! A sample that is trained on says nothing when it is tested on. Exact duplicates have the same
//! bytes; near ones have the same fingerprint but for a few bits: 64 comparisons of brightness
//! for images, and for other samples as many signs of random sums.
//! It must not know models.

use std::collections::HashMap;

use ibex_graph::Array;
use ibex_graph::rng::Draw;
use sha2::{Digest, Sha256};

use super::Samples;

/// Bits of a fingerprint that near duplicates differ in at most.
const NEAR: u32 = 4;
/// The height and the width of the picture that an image's fingerprint is made of.
const SIDE: [usize; 2] = [8, 9];

/// Two samples that are the same, or nearly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The place in the first part.
    pub first: u32,
    /// The place in the second part.
    pub second: u32,
    /// Whether they have the same bytes.
    pub exact: bool,
}

/// The samples of `second` that are in `first` too: each with the first one that it is like.
///
/// Targets are not compared. Near duplicates are looked for only if `near`.
///
/// ```
/// use ibex_graph::Array;
/// use ibex_train::Samples;
/// use ibex_train::data::duplicates::between;
///
/// let samples = |values: &[f32]| Samples {
///     x: vec![Array::from_slice([values.len() / 2, 2], values).unwrap()],
///     ..Samples::default()
/// };
/// let (train, test) = (samples(&[1., 2., 3., 4.]), samples(&[5., 6., 3., 4.]));
/// let found = between(&train, &test, false);
/// assert_eq!((found.len(), found[0].first, found[0].second), (1, 1, 1));
/// ```
pub fn between(first: &Samples, second: &Samples, near: bool) -> Vec<Duplicate> {
    let mut places: HashMap<[u8; 32], u32> = HashMap::new();
    for row in 0..first.count() as u32 {
        places.entry(digest(first, row)).or_insert(row);
    }
    let fingerprints = |samples: &Samples| -> Vec<u64> {
        let one = |row: u32| fingerprint(samples, row);
        if near { (0..samples.count() as u32).map(one).collect() } else { Vec::new() }
    };
    let (known, others) = (Nearby::of(fingerprints(first)), fingerprints(second));
    let mut found = Vec::new();
    for row in 0..second.count() as u32 {
        if let Some(&same) = places.get(&digest(second, row)) {
            found.push(Duplicate { first: same, second: row, exact: true });
        } else if let Some(like) = others.get(row as usize).and_then(|print| known.find(*print)) {
            found.push(Duplicate { first: like, second: row, exact: false });
        }
    }
    found
}

fn rows(samples: &Samples, row: u32) -> impl Iterator<Item = Array> {
    let row = row as usize;
    samples.x.iter().map(move |array| array.rows(row, row + 1))
}

fn digest(samples: &Samples, row: u32) -> [u8; 32] {
    let mut digest = Sha256::new();
    rows(samples, row).for_each(|array| digest.update(array.bytes()));
    digest.finalize().into()
}

/// 64 bits that change little where a sample does.
fn fingerprint(samples: &Samples, row: u32) -> u64 {
    let Some(array) = rows(samples, row).next() else { return 0 };
    let values = array.to_f64_vec();
    match *array.shape().dims() {
        [_, height, width, channels] if height >= SIDE[0] && width >= SIDE[1] => {
            pictured(&values, [height, width, channels])
        }
        _ => projected(&values),
    }
}

/// Whether each of 64 patches is brighter than the one at its right.
fn pictured(values: &[f64], [height, width, channels]: [usize; 3]) -> u64 {
    let patch = |row: usize, column: usize| {
        let range = |i: usize, parts: usize, extent: usize| {
            i * extent / parts..((i + 1) * extent / parts).max(i * extent / parts + 1)
        };
        let (mut sum, mut count) = (0.0, 0.0);
        for y in range(row, SIDE[0], height) {
            for x in range(column, SIDE[1], width) {
                let pixel = (y * width + x) * channels;
                sum += values[pixel..pixel + channels].iter().sum::<f64>();
                count += 1.0;
            }
        }
        sum / count
    };
    let mut bits = 0;
    for row in 0..SIDE[0] {
        for column in 0..SIDE[1] - 1 {
            bits = bits << 1 | u64::from(patch(row, column) > patch(row, column + 1));
        }
    }
    bits
}

/// The signs of 64 sums of the values with random signs.
fn projected(values: &[f64]) -> u64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let mut sums = [0.0; 64];
    for (i, value) in values.iter().enumerate() {
        // One draw has the signs of 64 sums, and half as many to spare.
        let [a, b, ..] = Draw::new(0, 0, 0).block(i as u64);
        let signs = u64::from(a) << 32 | u64::from(b);
        for (bit, sum) in sums.iter_mut().enumerate() {
            *sum += if signs >> bit & 1 == 1 { value - mean } else { mean - value };
        }
    }
    sums.iter().enumerate().fold(0, |bits, (i, sum)| bits | u64::from(*sum > 0.0) << i)
}

/// Fingerprints by each of five parts of their bits: two that differ in four bits at most have one
/// part in common.
struct Nearby {
    prints: Vec<u64>,
    parts: Vec<HashMap<u64, Vec<u32>>>,
}

/// The first bits of the parts, and the end.
const PARTS: [u32; 6] = [0, 13, 26, 39, 52, 64];

fn part(print: u64, i: usize) -> u64 {
    (print >> PARTS[i]) & ((1 << (PARTS[i + 1] - PARTS[i])) - 1)
}

impl Nearby {
    fn of(prints: Vec<u64>) -> Nearby {
        let mut parts = vec![HashMap::new(); PARTS.len() - 1];
        for (row, print) in prints.iter().enumerate() {
            for (i, part_of) in parts.iter_mut().enumerate() {
                let rows: &mut Vec<u32> = part_of.entry(part(*print, i)).or_default();
                rows.push(row as u32);
            }
        }
        Nearby { prints, parts }
    }

    /// The first row whose fingerprint is near.
    fn find(&self, print: u64) -> Option<u32> {
        let rows = (0..self.parts.len()).flat_map(|i| self.parts[i].get(&part(print, i)));
        let near = |row: &&u32| (self.prints[**row as usize] ^ print).count_ones() <= NEAR;
        rows.flatten().filter(near).min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ibex_graph::DType;

    fn images(seed: u64, count: usize) -> Samples {
        let values: Vec<f64> = (0..count * 16 * 18 * 3)
            .map(|i| f64::from(Draw::new(seed, 0, 0).uniform(i as u64) * 255.0))
            .collect();
        let x = vec![Array::from_f64_slice(DType::F32, [count, 16, 18, 3], &values)];
        Samples { x, ..Samples::default() }
    }

    #[test]
    fn copies_and_what_is_nearly_one_are_found() {
        let (train, mut test) = (images(1, 30), images(2, 10));
        assert!(between(&train, &test, true).is_empty());
        let copy = |samples: &Samples, row: usize| samples.x[0].rows(row, row + 1).to_f64_vec();
        let size = 16 * 18 * 3;
        let mut values = test.x[0].to_f64_vec();
        values[3 * size..4 * size].copy_from_slice(&copy(&train, 7));
        // A little brighter, with a little noise.
        let near: Vec<f64> =
            copy(&train, 21).iter().enumerate().map(|(i, v)| v + 3.0 + (i % 3) as f64).collect();
        values[8 * size..9 * size].copy_from_slice(&near);
        test.x = vec![Array::from_f64_slice(DType::F32, [10, 16, 18, 3], &values)];
        let exact = Duplicate { first: 7, second: 3, exact: true };
        assert_eq!(between(&train, &test, false), [exact]);
        let like = Duplicate { first: 21, second: 8, exact: false };
        assert_eq!(between(&train, &test, true), [exact, like]);
    }

    #[test]
    fn rows_of_numbers_have_fingerprints_too() {
        let row = |seed: u64| -> Vec<f64> {
            (0..200).map(|i| f64::from(Draw::new(seed, 0, 0).uniform(i))).collect()
        };
        let samples = |rows: Vec<Vec<f64>>| Samples {
            x: vec![Array::from_f64_slice(DType::F32, [rows.len(), 200], &rows.concat())],
            ..Samples::default()
        };
        let near: Vec<f64> =
            row(3).iter().enumerate().map(|(i, v)| v + 1e-4 * (i % 2) as f64).collect();
        let train = samples((0..20).map(row).collect());
        let test = samples(vec![row(77), near, row(5)]);
        let found = between(&train, &test, true);
        assert_eq!(found.iter().map(|d| (d.first, d.second)).collect::<Vec<_>>(), [(3, 1), (5, 2)]);
    }
}
