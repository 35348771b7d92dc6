//! Images seen through an affine transformation, with the numbers of SciPy's `affine_transform`,
//! which Keras's `ImageDataGenerator` is made of.
//!
//! It must not know where the transformation comes from.

use std::str::FromStr;

use ibex_nn::ConfigError;

use super::generator::Transform;

/// What lies beyond the border of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FillMode {
    /// One value: `kkkk|abcd|kkkk`.
    Constant,
    /// The nearest pixel: `aaaa|abcd|dddd`.
    #[default]
    Nearest,
    /// The image mirrored: `dcba|abcd|dcba`.
    Reflect,
    /// The image again: `abcd|abcd|abcd`.
    Wrap,
}

impl FromStr for FillMode {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<FillMode, ConfigError> {
        match text {
            "constant" => Ok(FillMode::Constant),
            "nearest" => Ok(FillMode::Nearest),
            "reflect" => Ok(FillMode::Reflect),
            "wrap" => Ok(FillMode::Wrap),
            _ => Err(ConfigError::new("unknown fill mode")
                .expected("constant, nearest, reflect or wrap")
                .received(text)),
        }
    }
}

/// From where in the old image a pixel of the new one comes: `matrix · place + offset`.
pub(super) struct Affine {
    matrix: [[f64; 2]; 2],
    offset: [f64; 2],
}

type Matrix = [[f64; 3]; 3];

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let element = |i: usize, j: usize| (0..3).map(|k| a[i][k] * b[k][j]).sum();
    std::array::from_fn(|i| std::array::from_fn(|j| element(i, j)))
}

impl Affine {
    /// Rotation, shift, shear and zoom around the middle of an image; `None` if nothing moves.
    pub(super) fn of(transform: &Transform, height: usize, width: usize) -> Option<Affine> {
        let Transform { theta, tx, ty, shear, zx, zy, .. } = *transform;
        let mut matrix: Option<Matrix> = None;
        let mut then = |next: Matrix| {
            matrix = Some(matrix.map_or(next, |before| product(&before, &next)));
        };
        if theta != 0.0 {
            let (sin, cos) = theta.to_radians().sin_cos();
            then([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]);
        }
        if tx != 0.0 || ty != 0.0 {
            then([[1.0, 0.0, tx], [0.0, 1.0, ty], [0.0, 0.0, 1.0]]);
        }
        if shear != 0.0 {
            let (sin, cos) = shear.to_radians().sin_cos();
            then([[1.0, -sin, 0.0], [0.0, cos, 0.0], [0.0, 0.0, 1.0]]);
        }
        if zx != 1.0 || zy != 1.0 {
            then([[zx, 0.0, 0.0], [0.0, zy, 0.0], [0.0, 0.0, 1.0]]);
        }
        let middle = [height as f64 / 2.0 - 0.5, width as f64 / 2.0 - 0.5];
        let moved = |x: f64, y: f64| [[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]];
        let there = moved(middle[0], middle[1]);
        let back = moved(-middle[0], -middle[1]);
        let whole = product(&product(&there, &matrix?), &back);
        // As Keras has it: the matrix is made with height before width and used the other way
        // round, so that `tx` moves along the width, and the middle of an image that is not
        // square is not quite its middle.
        Some(Affine {
            matrix: [[whole[1][1], whole[1][0]], [whole[0][1], whole[0][0]]],
            offset: [whole[1][2], whole[0][2]],
        })
    }
}

/// The image through the transformation, with `order` 1 for straight lines between pixels.
pub(super) fn resampled(
    values: &[f32],
    extents: [usize; 3],
    affine: &Affine,
    fill: (FillMode, f64),
    order: u8,
) -> Vec<f32> {
    match extents[2] {
        1 => resampled_of::<1>(values, extents, affine, fill, order),
        3 => resampled_of::<3>(values, extents, affine, fill, order),
        // One channel after the other, each of which finds the places anew.
        channels => {
            let mut all = vec![0.0; values.len()];
            for channel in 0..channels {
                let own: Vec<f32> =
                    values.iter().skip(channel).step_by(channels).copied().collect();
                let found = resampled_of::<1>(&own, extents, affine, fill, order);
                let to = all.iter_mut().skip(channel).step_by(channels);
                to.zip(found).for_each(|(to, from)| *to = from);
            }
            all
        }
    }
}

/// [`resampled`] for a number of channels that is known when compiling.
fn resampled_of<const CHANNELS: usize>(
    values: &[f32],
    [height, width, _]: [usize; 3],
    affine: &Affine,
    (mode, beyond): (FillMode, f64),
    order: u8,
) -> Vec<f32> {
    let (pixels, _) = values.as_chunks::<CHANNELS>();
    let mut all = vec![beyond as f32; values.len()];
    let (results, _) = all.as_chunks_mut::<CHANNELS>();
    for (row, results) in results.chunks_exact_mut(width.max(1)).enumerate() {
        for (column, result) in results.iter_mut().enumerate() {
            let place = [row as f64, column as f64];
            let from: [f64; 2] = std::array::from_fn(|axis| {
                let [a, b] = affine.matrix[axis];
                a * place[0] + b * place[1] + affine.offset[axis]
            });
            let (rows, columns) =
                (taps(from[0], height, mode, order), taps(from[1], width, mode, order));
            let (Some(rows), Some(columns)) = (rows, columns) else { continue };
            let mut sum = [0.0; CHANNELS];
            for (i, row_weight) in rows {
                for (j, column_weight) in columns {
                    let pixel = &pixels[i * width + j];
                    for channel in 0..CHANNELS {
                        sum[channel] += f64::from(pixel[channel]) * row_weight * column_weight;
                    }
                }
            }
            *result = sum.map(|sum| sum as f32);
        }
    }
    all
}

/// The pixels that a place lies between, with their weights; `None` beyond a constant border.
#[inline]
fn taps(place: f64, extent: usize, mode: FillMode, order: u8) -> Option<[(usize, f64); 2]> {
    let last = extent as f64 - 1.0;
    if (0.0..=last).contains(&place) {
        // The usual case: cutting off is rounding down, and no mode matters.
        let near = |at: usize| at.min(extent - 1);
        let first = place as usize;
        let part = place - first as f64;
        return Some(match order {
            0 => [(near((place + 0.5) as usize), 1.0), (0, 0.0)],
            _ => [(first, 1.0 - part), (near(first + 1), part)],
        });
    }
    taps_beyond(place, extent, mode, order)
}

/// [`taps`] of a place outside of the image.
fn taps_beyond(place: f64, extent: usize, mode: FillMode, order: u8) -> Option<[(usize, f64); 2]> {
    let last = extent as f64 - 1.0;
    let inside = match mode {
        FillMode::Constant => return None,
        FillMode::Nearest => place.clamp(0.0, last.max(0.0)),
        FillMode::Reflect => reflected(place, extent as f64),
        FillMode::Wrap if last <= 0.0 => 0.0,
        // As SciPy has it: the period is one pixel short.
        FillMode::Wrap if place < 0.0 => place + last * ((-place / last).trunc() + 1.0),
        FillMode::Wrap => place - last * (place / last).trunc(),
    };
    // Between the last pixel and the border, its neighbour is what the mirror shows.
    let index = |at: f64| match mode {
        FillMode::Reflect => {
            let period = 2 * extent as i64;
            let at = (at as i64).rem_euclid(period);
            if at < extent as i64 { at as usize } else { (period - 1 - at) as usize }
        }
        _ => at.clamp(0.0, last.max(0.0)) as usize,
    };
    Some(match order {
        0 => [(index((inside + 0.5).floor()), 1.0), (0, 0.0)],
        _ => {
            let first = inside.floor();
            let part = inside - first;
            [(index(first), 1.0 - part), (index(first + 1.0), part)]
        }
    })
}

/// A place beyond the border as the mirror shows it, in SciPy's steps: ties depend on them.
fn reflected(place: f64, extent: f64) -> f64 {
    let period = 2.0 * extent;
    if place < 0.0 {
        let near = place + period * (-place / period).trunc();
        return if near < -extent { near + period } else { -near - 1.0 };
    }
    let near = place - period * (place / period).trunc();
    if near >= extent { period - near - 1.0 } else { near }
}
