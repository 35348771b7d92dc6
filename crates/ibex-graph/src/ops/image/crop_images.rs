//! Images without their borders.

use super::Channels;
use crate::{OpError, Tensor};

/// What is known of the borders along one axis: two of the three numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Borders {
    /// The width of the border before the image: at the top or on the left.
    pub before: Option<usize>,
    /// The width of the border after the image: at the bottom or on the right.
    pub after: Option<usize>,
    /// The extent of the result.
    pub extent: Option<usize>,
}

impl Borders {
    /// The borders before and after when both and the smaller extent add up to the larger one.
    pub(super) fn resolve(
        &self,
        name: &str,
        side: &str,
        (small, large): (Option<usize>, Option<usize>),
    ) -> Result<(usize, usize), OpError> {
        let wrong = |what: String| {
            let text = |number: Option<usize>| number.map_or("none".into(), |n| n.to_string());
            let [before, after, extent] = [self.before, self.after, self.extent].map(text);
            OpError::new(
                what,
                "two of the borders before and after and the extent of the result, that leave \
                 none below 0",
                format!("before {before}, after {after}, extent {extent}"),
            )
        };
        let total = small.zip(large).map(|(small, large)| large.checked_sub(small));
        let rest = |border: usize| total.flatten().and_then(|total| total.checked_sub(border));
        let found = match (self.before, self.after, total) {
            (Some(before), Some(after), None) => Some((before, after)),
            (Some(before), None, Some(_)) => rest(before).map(|after| (before, after)),
            (None, Some(after), Some(_)) => rest(after).map(|before| (before, after)),
            _ => return Err(wrong(format!("`{name}` needs two numbers for the {side}"))),
        };
        found.ok_or_else(|| wrong(format!("`{name}` cannot have such a {side}")))
    }
}

/// The part of images within `vertical` and `horizontal` borders. `keras.ops.image.crop_images`.
///
/// ```
/// use ibex_graph::ops::image::crop_images::{Borders, crop_images};
/// use ibex_graph::ops::image::Channels;
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([2, 2, 1], &[1f32, 2., 3., 4.])?);
/// let last = Borders { before: Some(1), extent: Some(1), ..Borders::default() };
/// let all = Borders { before: Some(0), after: Some(0), ..Borders::default() };
/// let y = crop_images(&x, last, all, Channels::Last);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [3., 4.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn crop_images(
    images: &Tensor,
    vertical: Borders,
    horizontal: Borders,
    channels: Channels,
) -> Tensor {
    let axes = match channels.axes("crop_images", images) {
        Ok(axes) => axes,
        Err(poisoned) => return poisoned,
    };
    let mut cropped = images.clone();
    for (side, axis, borders) in
        [("height", axes.height, vertical), ("width", axes.width, horizontal)]
    {
        let extent = images.shape()[axis];
        let resolved = borders.resolve("crop_images", side, (borders.extent, Some(extent)));
        let kept = resolved.and_then(|(before, after)| {
            match extent.checked_sub(after).filter(|&end| before <= end) {
                Some(end) => Ok((before, end)),
                None => Err(OpError::new(
                    format!("`crop_images` cannot cut so much of the {side}"),
                    format!("borders of {extent} together at most"),
                    format!("{before} and {after}"),
                )),
            }
        });
        cropped = match kept {
            Ok((start, end)) => cropped.slice_axis(axis as isize, start as isize..end as isize),
            Err(error) => return Tensor::poisoned(error),
        };
    }
    cropped
}
