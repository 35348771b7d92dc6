//! [`PadSequences`]: lists of several lengths as one array.
//!
//! Source: <https://keras.io/api/data_loading/timeseries/#pad_sequences-function>.

use ibex_graph::{Array, DType};

/// Where values are added to a list, or taken from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// At its beginning.
    #[default]
    Pre,
    /// At its end.
    Post,
}

/// How lists are brought to one length; `keras.utils.pad_sequences`.
///
/// ```
/// use ibex_train::data::PadSequences;
///
/// let padded = PadSequences::new().apply(&[vec![1], vec![2, 3]]);
/// assert_eq!(padded.to_f64_vec(), [0., 1., 2., 3.]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PadSequences {
    length: Option<usize>,
    padding: End,
    truncating: End,
    value: i32,
}

impl PadSequences {
    /// To the length of the longest list, with zeros at the beginning.
    pub fn new() -> PadSequences {
        PadSequences::default()
    }

    /// To this length; longer lists are cut.
    pub fn max_length(mut self, length: usize) -> PadSequences {
        self.length = Some(length);
        self
    }

    /// Where values are added.
    pub fn padding(mut self, end: End) -> PadSequences {
        self.padding = end;
        self
    }

    /// Where values are taken from longer lists.
    pub fn truncating(mut self, end: End) -> PadSequences {
        self.truncating = end;
        self
    }

    /// The value that is added.
    pub fn value(mut self, value: i32) -> PadSequences {
        self.value = value;
        self
    }

    /// The lists as `int32` of shape `(lists, length)`.
    pub fn apply(&self, lists: &[Vec<i32>]) -> Array {
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let length = self.length.unwrap_or(longest);
        let mut values = Vec::with_capacity(lists.len() * length);
        for list in lists {
            let kept = match (list.len() > length, self.truncating) {
                (false, _) => list.as_slice(),
                (true, End::Pre) => &list[list.len() - length..],
                (true, End::Post) => &list[..length],
            };
            let added = std::iter::repeat_n(self.value, length - kept.len());
            match self.padding {
                End::Pre => values.extend(added.chain(kept.iter().copied())),
                End::Post => values.extend(kept.iter().copied().chain(added)),
            }
        }
        // invariant: each list gave `length` values.
        let array = Array::from_slice([lists.len(), length], &values);
        array.unwrap_or_else(|_| Array::zeros(DType::I32, [lists.len(), length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_padded_and_cut_at_either_end() {
        let lists = [vec![1], vec![2, 3], vec![4, 5, 6]];
        let values = |pad: PadSequences| pad.apply(&lists).to_f64_vec();
        // What `keras.utils.pad_sequences` gives.
        assert_eq!(values(PadSequences::new()), [0., 0., 1., 0., 2., 3., 4., 5., 6.]);
        let two = PadSequences::new().max_length(2);
        assert_eq!(values(two), [0., 1., 2., 3., 5., 6.]);
        let post = two.padding(End::Post).truncating(End::Post).value(-1);
        assert_eq!(values(post), [1., -1., 2., 3., 4., 5.]);
        assert_eq!(PadSequences::new().apply(&[]).shape().dims(), [0, 0]);
    }
}
