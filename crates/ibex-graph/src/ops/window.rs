//! Sliding windows: padding, how many positions there are, and what each one covers.
//!
//! Shared by convolution and pooling; it knows neither batch nor channels.

use crate::OpError;
use crate::interpreter::for_each_index;

/// How the ends of a spatial axis are padded, by the names of Keras.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Padding {
    /// Not at all: only whole windows.
    #[default]
    Valid,
    /// So that `ceil(extent / stride)` windows fit, with the odd element at the end, as
    /// TensorFlow pads.
    Same,
    /// Before the first element only, so that no window sees what comes after its own place.
    Causal,
}

impl Padding {
    /// Elements added before and after an axis of `extent` elements.
    pub fn explicit(
        self,
        extent: usize,
        window: usize,
        stride: usize,
        dilation: usize,
    ) -> (usize, usize) {
        let span = window.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
        match self {
            Padding::Valid => (0, 0),
            Padding::Causal => (span - 1, 0),
            Padding::Same => {
                // A stride of 0 is reported by the operation, which is told the padding first.
                let count = extent.div_ceil(stride.max(1));
                let needed = count.saturating_sub(1).saturating_mul(stride).saturating_add(span);
                let total = needed.saturating_sub(extent);
                (total / 2, total - total / 2)
            }
        }
    }

    /// The same for each of several axes; no padding where attributes are missing, which the
    /// operation reports.
    pub(crate) fn along(
        self,
        extents: &[usize],
        window: &[usize],
        strides: &[usize],
        dilation: &[usize],
    ) -> Vec<(usize, usize)> {
        let of = |values: &[usize], axis: usize| values.get(axis).copied().unwrap_or(1);
        let pad = |axis: usize| {
            let (window, stride) = (of(window, axis), of(strides, axis));
            self.explicit(of(extents, axis), window, stride, of(dilation, axis))
        };
        (0..strides.len()).map(pad).collect()
    }
}

/// A window that slides along one axis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Window {
    /// Elements that it covers.
    pub size: usize,
    /// Distance between two positions of it.
    pub stride: usize,
    /// Distance between two elements that it covers.
    pub dilation: usize,
    /// Elements of padding before the axis.
    pub low: usize,
    /// Elements of padding after the axis.
    pub high: usize,
}

impl Window {
    /// From its first to its last element; `None` if nothing is covered or it cannot be counted.
    pub fn span(&self) -> Option<usize> {
        self.size.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)
    }

    /// How many positions it has along `extent` elements; `None` if it does not fit once.
    pub fn positions(&self, extent: usize) -> Option<usize> {
        let padded = extent.checked_add(self.low)?.checked_add(self.high)?;
        padded.checked_sub(self.span()?)?.checked_div(self.stride).map(|steps| steps + 1)
    }

    /// The element that is under `tap` at `position`; `None` in the padding.
    pub fn source(&self, position: usize, tap: usize, extent: usize) -> Option<usize> {
        let at = position * self.stride + tap * self.dilation;
        at.checked_sub(self.low).filter(|&source| source < extent)
    }
}

/// How many positions the windows of operation `name` have along each spatial axis.
pub(crate) fn positions(
    name: &str,
    windows: &[Window],
    extents: &[usize],
) -> Result<Vec<usize>, OpError> {
    let along = |(axis, (window, &extent)): (usize, (&Window, &usize))| {
        window.positions(extent).filter(|_| extent > 0).ok_or_else(|| {
            let dilated = match window.dilation {
                1 => String::new(),
                dilation => format!(" dilated by {dilation}"),
            };
            OpError::new(
                format!(
                    "`{name}` finds no place for a window of {}{dilated} along spatial axis {axis}",
                    window.size
                ),
                match window.span() {
                    Some(span) => format!("at least {span} elements with the padding"),
                    None => "a window of at least 1".to_string(),
                },
                format!("{extent} elements padded by {} and {}", window.low, window.high),
            )
            .help("pad with `same`, or use a smaller window or fewer layers that shrink the input")
        })
    };
    windows.iter().zip(extents).enumerate().map(along).collect()
}

/// Calls `f` with the flat indices of each position, tap and source element that meet, positions
/// and then taps in row-major order.
pub fn for_each_tap(windows: &[Window], extents: &[usize], mut f: impl FnMut(usize, usize, usize)) {
    let count = |(w, &extent): (&Window, &usize)| w.positions(extent).unwrap_or(0);
    let counts: Vec<usize> = windows.iter().zip(extents).map(count).collect();
    let taps: Vec<usize> = windows.iter().map(|w| w.size).collect();
    let mut position = 0;
    for_each_index(&counts, |at| {
        let mut tap = 0;
        for_each_index(&taps, |under| {
            let source = (0..windows.len()).try_fold(0, |flat, axis| {
                let source = windows[axis].source(at[axis], under[axis], extents[axis])?;
                Some(flat * extents[axis] + source)
            });
            if let Some(source) = source {
                f(position, tap, source);
            }
            tap += 1;
        });
        position += 1;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_that_of_tensorflow() {
        // (extent, window, stride, dilation) and the padding, worked out by TensorFlow's rule:
        // max((ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0), the smaller half first.
        for ((extent, window, stride, dilation), padding) in [
            ((5, 3, 1, 1), (1, 1)),
            ((6, 3, 2, 1), (0, 1)),
            ((5, 2, 1, 1), (0, 1)),
            ((7, 3, 1, 2), (2, 2)),
            ((4, 1, 3, 1), (0, 0)),
            ((224, 7, 2, 1), (2, 3)),
        ] {
            let found = Padding::Same.explicit(extent, window, stride, dilation);
            assert_eq!(found, padding, "{extent} {window} {stride} {dilation}");
        }
        assert_eq!(Padding::Causal.explicit(9, 3, 1, 2), (4, 0));
        assert_eq!(Padding::Valid.explicit(9, 3, 1, 2), (0, 0));
    }

    #[test]
    fn absurd_windows_do_not_fit() {
        let window = |size, stride, dilation| Window { size, stride, dilation, low: 0, high: 0 };
        assert_eq!(window(3, 1, usize::MAX).positions(9), None);
        assert_eq!(window(0, 1, 1).positions(9), None);
        assert_eq!(window(3, 0, 1).positions(9), None);
        assert_eq!(window(3, 2, 1).positions(9), Some(4));
    }
}
