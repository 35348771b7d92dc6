//! Strided views of values: how reshapes, transposes and broadcasts cost nothing.
//!
//! Must not know: operations, groups, memory.

use crate::program::is_contiguous;

/// What a view looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    /// A value that a unit computes.
    Value(usize),
    /// An argument of the program.
    Input(usize),
    /// The old value of a variable.
    Variable(usize),
    /// A constant in memory.
    Constant(usize),
}

/// Elements of a root under a shape and strides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) root: Root,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<isize>,
    pub(crate) offset: isize,
}

impl View {
    /// The whole of a root, row-major.
    pub(crate) fn whole(root: Root, shape: &[usize]) -> View {
        View { root, shape: shape.to_vec(), strides: row_major(shape), offset: 0 }
    }

    /// Whether the elements lie in row-major order without gaps, from the first of the root on.
    pub(crate) fn is_plain(&self) -> bool {
        self.offset == 0 && self.is_contiguous()
    }

    pub(crate) fn is_contiguous(&self) -> bool {
        is_contiguous(&self.shape, &self.strides)
    }

    pub(crate) fn transpose(&self, axes: &[usize]) -> View {
        View {
            root: self.root,
            shape: axes.iter().map(|&a| self.shape[a]).collect(),
            strides: axes.iter().map(|&a| self.strides[a]).collect(),
            offset: self.offset,
        }
    }

    pub(crate) fn broadcast(&self, shape: &[usize]) -> View {
        let lead = shape.len() - self.shape.len();
        let mut strides = vec![0; lead];
        let own = self.shape.iter().zip(&self.strides).zip(&shape[lead..]);
        strides.extend(own.map(|((&from, &s), &to)| if from == to && from != 1 { s } else { 0 }));
        View { root: self.root, shape: shape.to_vec(), strides, offset: self.offset }
    }

    /// Every `step`-th element from `start` on along each axis, as many as `shape` says.
    pub(crate) fn slice(&self, start: &[usize], step: &[usize], shape: &[usize]) -> View {
        let first = start.iter().zip(&self.strides).map(|(&at, &s)| at as isize * s);
        // Of an empty slice no element may be looked at, not even the first.
        let first = if shape.contains(&0) { 0 } else { first.sum() };
        View {
            root: self.root,
            shape: shape.to_vec(),
            strides: step.iter().zip(&self.strides).map(|(&by, &s)| by as isize * s).collect(),
            offset: self.offset + first,
        }
    }

    /// The opposite order along `axes`.
    pub(crate) fn reverse(&self, axes: &[usize]) -> View {
        let mut view = self.clone();
        for &axis in axes {
            view.offset += view.shape[axis].saturating_sub(1) as isize * view.strides[axis];
            view.strides[axis] = -view.strides[axis];
        }
        view
    }

    /// The view under another shape of the same size, if strides can express it.
    pub(crate) fn reshape(&self, shape: &[usize]) -> Option<View> {
        let strides = match self.shape.contains(&0) {
            true => row_major(shape),
            false => restride(&self.shape, &self.strides, shape)?,
        };
        Some(View { root: self.root, shape: shape.to_vec(), strides, offset: self.offset })
    }
}

/// Row-major strides.
pub(crate) fn row_major(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as isize;
    }
    strides
}

/// The strides under which `shape` walks the elements of `from`, both without empty axes and of
/// the same size, in the same order; `None` if no strides do.
fn restride(from: &[usize], strides: &[isize], shape: &[usize]) -> Option<Vec<isize>> {
    let old: Vec<(usize, isize)> =
        from.iter().copied().zip(strides.iter().copied()).filter(|&(d, _)| d != 1).collect();
    let mut result = vec![0; shape.len()];
    let (mut first_old, mut first_new) = (0, 0);
    while first_new < shape.len() {
        let (mut end_old, mut end_new) = (first_old, first_new + 1);
        let (mut size_old, mut size_new) = (1, shape[first_new]);
        while size_old != size_new {
            if size_new > size_old {
                size_old *= old.get(end_old)?.0;
                end_old += 1;
            } else {
                size_new *= shape.get(end_new)?;
                end_new += 1;
            }
        }
        let run = &old[first_old..end_old];
        if run.windows(2).any(|pair| pair[0].1 != pair[1].1 * pair[1].0 as isize) {
            return None;
        }
        let mut stride = run.last().map_or(0, |last| last.1);
        for axis in (first_new..end_new).rev() {
            result[axis] = stride;
            stride *= shape[axis] as isize;
        }
        (first_old, first_new) = (end_old, end_new);
    }
    Some(result)
}

/// The coarsest shape, without axes of extent 1, whose axes split those of both; `None` if they
/// cut the elements at places that do not divide each other.
pub(crate) fn refine(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let cuts = |shape: &[usize]| -> Vec<usize> {
        let inner = shape.iter().rev().scan(1, |size, &d| {
            *size *= d;
            Some(*size)
        });
        inner.collect()
    };
    let mut all = cuts(a);
    all.extend(cuts(b));
    all.sort_unstable();
    all.dedup();
    let mut shape = Vec::with_capacity(all.len());
    let mut before = 1;
    for cut in all {
        if before == 0 || cut % before != 0 {
            return None;
        }
        if cut != before {
            shape.push(cut / before);
        }
        before = cut;
    }
    shape.reverse();
    Some(shape)
}

/// For each axis of `space`, which refines `shape`, the axis of `shape` that it is a part of.
pub(crate) fn parts(space: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut axes = vec![0; space.len()];
    let mut axis = shape.len();
    let mut left = 1;
    for at in (0..space.len()).rev() {
        while left == 1 && axis > 0 {
            axis -= 1;
            left = shape[axis];
        }
        axes[at] = axis;
        left /= space[at].max(1);
    }
    axes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_keeps_strides_where_it_can() {
        let view = View::whole(Root::Input(0), &[2, 3, 4]);
        let columns = view.transpose(&[2, 0, 1]);
        assert_eq!(columns.strides, [1, 12, 4]);
        assert_eq!(columns.reshape(&[4, 6]).unwrap().strides, [1, 4]);
        // The stride along the axis of extent 1 is never used.
        let [outer, _, rows, pairs] = columns.reshape(&[4, 1, 2, 3]).unwrap().strides[..] else {
            panic!("four axes")
        };
        assert_eq!([outer, rows, pairs], [1, 12, 4]);
        assert!(columns.reshape(&[24]).is_none());
        let rows = View::whole(Root::Input(0), &[3]).broadcast(&[2, 3]);
        assert_eq!(rows.strides, [0, 1]);
        assert!(rows.reshape(&[6]).is_none());
        assert!(view.broadcast(&[2, 3, 4]).is_plain());
    }

    #[test]
    fn refinements_split_both_shapes() {
        assert_eq!(refine(&[6, 4], &[24]), Some(vec![6, 4]));
        assert_eq!(refine(&[6, 4], &[2, 12]), Some(vec![2, 3, 4]));
        assert_eq!(refine(&[6, 4], &[4, 6]), None);
        assert_eq!(refine(&[1, 5, 1], &[5]), Some(vec![5]));
        assert_eq!(refine(&[], &[1]), Some(vec![]));
        assert_eq!(parts(&[2, 3, 4], &[6, 4]), [0, 0, 1]);
        assert_eq!(parts(&[2, 3], &[1, 2, 1, 3, 1]), [1, 3]);
    }
}
