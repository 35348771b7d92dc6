//! Images seen from elsewhere: four points are moved, and the plane with them.

use super::affine_transform::{per_image, pixel_grid, sample_images};
use super::map_coordinates::Sampling;
use super::{Channels, FillMode, Interpolation, computed};
use crate::Tensor;
use crate::ops::concatenate::concatenate;

/// Images in the perspective that brings `start_points` to `end_points`.
///
/// Points are four pairs `(x, y)`, `(4, 2)` for all images or `(N, 4, 2)`; no three of them lie on
/// a line.
/// What comes from outside is `value`; interpolation is nearest or bilinear.
/// `keras.ops.image.perspective_transform`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, Interpolation, perspective_transform};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([2, 2, 1], &[1f32, 2., 3., 4.])?);
/// let corners = Tensor::constant(Array::from_slice([4, 2], &[0f32, 0., 1., 0., 0., 1., 1., 1.])?);
/// let other = [1f32, 0., 0., 0., 1., 1., 0., 1.];
/// let mirrored = Tensor::constant(Array::from_slice([4, 2], &other)?);
/// let nearest = Interpolation::Nearest;
/// let y = perspective_transform(&x, &corners, &mirrored, nearest, 0.0, Channels::Last);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [2., 1., 4., 3.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn perspective_transform(
    images: &Tensor,
    start_points: &Tensor,
    end_points: &Tensor,
    interpolation: Interpolation,
    value: f64,
    channels: Channels,
) -> Tensor {
    let sampling = Sampling { interpolation, mode: FillMode::Constant, value };
    if let Err(poisoned) = sampling.check("perspective_transform") {
        return poisoned;
    }
    channels.batched("perspective_transform", images, |images| {
        let dtype = computed(images.dtype());
        let points = |given| per_image("perspective_transform", given, images.dim(0), &[4, 2]);
        let (start, end) = match (points(start_points), points(end_points)) {
            (Ok(start), Ok(end)) => (start.cast(dtype), end.cast(dtype)),
            (Err(poisoned), _) | (_, Err(poisoned)) => return poisoned,
        };
        let matrix = homography(&start, &end);
        let [y, x] = pixel_grid(images, dtype);
        // The denominator is computed for each row, as the numerators are.
        let row = |at: isize| {
            let row = matrix.slice_axis(1, at..at + 1);
            let element = |column: isize| row.slice_axis(2, column..column + 1);
            element(0) * &x + element(1) * &y + element(2)
        };
        let depth = row(2);
        sample_images(images, [&(row(1) / &depth), &(row(0) / &depth)], sampling)
    })
}

/// The matrix `(N, 3, 3)` that brings `end` to `start`, points `(N, 4, 2)` each.
///
/// A point is `(x, y, 1)` up to a factor. The first three points of each quadrilateral are a basis
/// in which the fourth has coordinates that are told up to a factor by an adjugate matrix; equal
/// coordinates up to the factors of the basis is what the map keeps.
fn homography(start: &Tensor, end: &Tensor) -> Tensor {
    let (from, to) = (basis(end), basis(start));
    let scale = to.coordinates / from.coordinates;
    let matrix = (to.points * scale.matrix_transpose()).matmul(&from.adjugate);
    // Keras has 1 in the last place.
    let corner = matrix.slice_axis(1, 2..).slice_axis(2, 2..);
    matrix / corner
}

/// Three points as columns, the adjugate of that matrix, and the coordinates of a fourth point in
/// it `(N, 3, 1)`, up to a factor.
struct Basis {
    points: Tensor,
    adjugate: Tensor,
    coordinates: Tensor,
}

fn basis(points: &Tensor) -> Basis {
    let one = points.slice_axis(2, ..1).ones_like();
    let homogeneous = concatenate(&[points, &one], 2);
    let point = |at: isize| homogeneous.slice_axis(1, at..at + 1);
    let (a, b, c) = (point(0), point(1), point(2));
    let adjugate = concatenate(&[cross(&b, &c), cross(&c, &a), cross(&a, &b)], 1);
    let coordinates = adjugate.matmul(&point(3).matrix_transpose());
    Basis { points: homogeneous.slice_axis(1, ..3).matrix_transpose(), adjugate, coordinates }
}

/// The cross product along the last axis, which has three elements.
fn cross(a: &Tensor, b: &Tensor) -> Tensor {
    let turned =
        |x: &Tensor, by: isize| concatenate(&[x.slice_axis(-1, by..), x.slice_axis(-1, ..by)], -1);
    turned(a, 1) * turned(b, 2) - turned(a, 2) * turned(b, 1)
}
