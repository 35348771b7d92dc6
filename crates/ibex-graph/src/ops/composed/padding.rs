//! Composed padding: elements around a tensor that repeat its own.

use crate::ops::concatenate::concatenate;
use crate::{Array, DType, OpError, Tensor};

/// Which elements stand outside a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// The last element.
    Edge,
    /// The mirror image, without the last element: `c b | a b c | b a`.
    Reflect,
    /// The mirror image, with the last element: `b a | a b c | c b`.
    Symmetric,
    /// The other end: `b c | a b c | a b`.
    Wrap,
}

impl Filling {
    /// The element of an axis that stands at a place outside it.
    fn source(self, place: isize, extent: isize) -> isize {
        match self {
            Filling::Edge => place.clamp(0, extent - 1),
            Filling::Wrap => place.rem_euclid(extent),
            Filling::Symmetric => {
                let folded = place.rem_euclid(2 * extent);
                folded.min(2 * extent - 1 - folded)
            }
            Filling::Reflect if extent == 1 => 0,
            Filling::Reflect => {
                let folded = place.rem_euclid(2 * extent - 2);
                folded.min(2 * extent - 2 - folded)
            }
        }
    }
}

/// The most elements of its own on one side of an axis: their places are listed.
const MAX_WIDTH: usize = 1 << 24;

impl Tensor {
    /// This tensor with elements of its own before and after each axis.
    ///
    /// `keras.ops.pad` with the modes `edge`, `reflect`, `symmetric` and `wrap`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// # use ibex_graph::ops::composed::padding::Filling;
    /// let x = Tensor::constant(Array::from_slice([3], &[1f32, 2., 3.])?);
    /// let y = evaluate(&x.pad_with(&[(2, 1)], Filling::Reflect))?;
    /// assert_eq!(y.to_f64_vec(), [3., 2., 1., 2., 3., 2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn pad_with(&self, widths: &[(usize, usize)], filling: Filling) -> Tensor {
        if self.is_poisoned() {
            return self.clone();
        }
        let empty = |(axis, &(low, high)): (usize, &(usize, usize))| {
            low + high > 0 && self.shape()[axis] == 0
        };
        if widths.len() != self.rank() || widths.iter().enumerate().any(empty) {
            return Tensor::poisoned(OpError::new(
                "the widths of `pad_with` do not fit",
                "a pair for each axis, none around an axis without elements",
                format!("{} pairs for {}", widths.len(), self.shape()),
            ));
        }
        if let Some(width) = widths.iter().flat_map(|w| [w.0, w.1]).find(|w| *w > MAX_WIDTH) {
            return Tensor::poisoned(OpError::new(
                "the widths of `pad_with` do not fit",
                format!("at most {MAX_WIDTH} elements on one side"),
                width.to_string(),
            ));
        }
        let mut padded = self.clone();
        for (axis, &(low, high)) in widths.iter().enumerate().filter(|(_, w)| **w != (0, 0)) {
            let extent = self.shape()[axis] as isize;
            let places = |range: std::ops::Range<isize>| {
                let sources: Vec<f64> =
                    range.map(|place| filling.source(place, extent) as f64).collect();
                let places = Array::from_f64_slice(DType::I32, [sources.len()], &sources);
                padded.take(&Tensor::constant(places), axis as isize)
            };
            let before = places(-(low as isize)..0);
            let after = places(extent..extent + high as isize);
            padded = concatenate(&[before, padded.clone(), after], axis as isize);
        }
        padded
    }
}
