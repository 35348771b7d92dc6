//! Concrete shapes: the extents of a tensor along its axes, outermost first.

use std::fmt;
use std::ops::Deref;

/// The extents of a tensor along its axes; a scalar has none.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// The shape of a scalar, `()`.
    pub const fn scalar() -> Shape {
        Shape(Vec::new())
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements; the product of the extents.
    pub fn size(&self) -> usize {
        self.0.iter().product()
    }

    /// Number of elements; `None` if no memory could hold as many bytes.
    ///
    /// The bound, 2⁴⁷, is what the addresses of processors reach; sums of many such sizes do not
    /// overflow. An extent of 0 does not excuse the others: strides are products, too.
    pub fn checked_size(&self) -> Option<usize> {
        let fits = |size: &usize| *size <= 1 << 47;
        let step = |size: usize, &extent: &usize| size.checked_mul(extent.max(1)).filter(fits);
        self.0.iter().try_fold(1, step).map(|_| self.size())
    }

    /// The extents as a slice.
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// Row-major strides in elements.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.rank()];
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }

    /// The axis that `axis` names, counting from the end when negative; `None` if out of range.
    pub fn axis(&self, axis: isize) -> Option<usize> {
        resolve_axis(axis, self.rank())
    }

    /// The shape to which both broadcast under NumPy's rules, or `None`.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let dim = |s: &Shape, i: usize| (i + s.rank()).checked_sub(rank).map_or(1, |j| s.0[j]);
        (0..rank)
            .map(|i| match (dim(self, i), dim(other, i)) {
                (a, b) if a == b => Some(a),
                (1, b) => Some(b),
                (a, 1) => Some(a),
                _ => None,
            })
            .collect::<Option<Vec<usize>>>()
            .map(Shape)
    }

    /// The shape without the given axes, or with them kept as 1.
    pub fn reduce(&self, axes: &[usize], keep_dims: bool) -> Shape {
        let kept = self.0.iter().enumerate().filter_map(|(i, &d)| match axes.contains(&i) {
            false => Some(d),
            true => keep_dims.then_some(1),
        });
        Shape(kept.collect())
    }
}

/// The index that `axis` names among `rank` axes, counting from the end when negative.
pub fn resolve_axis(axis: isize, rank: usize) -> Option<usize> {
    let resolved = if axis < 0 { axis + rank as isize } else { axis };
    (0..rank as isize).contains(&resolved).then_some(resolved as usize)
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Shape {
        Shape(dims.to_vec())
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Shape {
        Shape(dims.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Shape {
        Shape(dims)
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Shape {
        shape.clone()
    }
}

impl From<()> for Shape {
    fn from((): ()) -> Shape {
        Shape::scalar()
    }
}

impl fmt::Display for Shape {
    /// As Python prints a tuple: `()`, `(3,)`, `(2, 3)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.0.iter().map(usize::to_string).collect();
        match dims.as_slice() {
            [one] => write!(f, "({one},)"),
            many => write!(f, "({})", many.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_follows_numpy() {
        let check = |a: &[usize], b: &[usize], want: Option<&[usize]>| {
            assert_eq!(Shape::from(a).broadcast(&Shape::from(b)), want.map(Shape::from));
        };
        check(&[2, 3], &[3], Some(&[2, 3]));
        check(&[2, 1], &[1, 3], Some(&[2, 3]));
        check(&[], &[4], Some(&[4]));
        check(&[0], &[1], Some(&[0]));
        check(&[2], &[3], None);
        check(&[5, 1, 2], &[4, 1], Some(&[5, 4, 2]));
    }

    #[test]
    fn shapes_print_like_tuples() {
        assert_eq!(Shape::scalar().to_string(), "()");
        assert_eq!(Shape::from([3]).to_string(), "(3,)");
        assert_eq!(Shape::from([2, 3]).to_string(), "(2, 3)");
    }

    #[test]
    fn strides_are_row_major() {
        assert_eq!(Shape::from([2, 3, 4]).strides(), [12, 4, 1]);
    }
}
