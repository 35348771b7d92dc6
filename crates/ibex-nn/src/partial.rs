//! Shapes of which some extents are not known yet: the batch, or a length.

use std::fmt;

use ibex_graph::{DType, Shape, Type};

/// A shape in which `None` stands for an extent that is known only when data comes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PartialShape(pub Vec<Option<usize>>);

impl PartialShape {
    /// The shape of a batch of samples of shape `sample`: `(None, …)`.
    pub fn batch_of(sample: &[Option<usize>]) -> PartialShape {
        PartialShape([None].into_iter().chain(sample.iter().copied()).collect())
    }

    /// Number of axes, the batch included.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The extent of an axis, counted from the end when negative; `None` if unknown or absent.
    pub fn dim(&self, axis: isize) -> Option<usize> {
        let axis = ibex_graph::shape::resolve_axis(axis, self.rank())?;
        self.0[axis]
    }

    /// The shape with `size` for every unknown extent.
    pub fn filled(&self, size: usize) -> Shape {
        Shape::from(self.0.iter().map(|d| d.unwrap_or(size)).collect::<Vec<usize>>())
    }

    /// Whether a concrete shape is one of those that this one stands for.
    pub fn accepts(&self, shape: &Shape) -> bool {
        self.rank() == shape.rank()
            && self.0.iter().zip(shape.iter()).all(|(want, have)| want.is_none_or(|w| w == *have))
    }

    /// The shape whose known extents are those on which two concrete shapes agree.
    pub fn common(a: &Shape, b: &Shape) -> PartialShape {
        PartialShape(a.iter().zip(b.iter()).map(|(a, b)| (a == b).then_some(*a)).collect())
    }
}

impl From<&Shape> for PartialShape {
    fn from(shape: &Shape) -> PartialShape {
        PartialShape(shape.iter().map(|&d| Some(d)).collect())
    }
}

impl fmt::Display for PartialShape {
    /// As Keras prints it: `(None, 64)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dim = |d: &Option<usize>| d.map_or("None".to_string(), |d| d.to_string());
        let dims: Vec<String> = self.0.iter().map(dim).collect();
        match dims.as_slice() {
            [one] => f.pad(&format!("({one},)")),
            many => f.pad(&format!("({})", many.join(", "))),
        }
    }
}

/// A dtype and a shape of which some extents are not known yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PartialType {
    /// Element type.
    pub dtype: DType,
    /// Extents, as far as known.
    pub shape: PartialShape,
}

impl PartialType {
    /// A type of the given parts.
    pub fn new(dtype: DType, shape: PartialShape) -> PartialType {
        PartialType { dtype, shape }
    }

    /// The type with `size` for every unknown extent.
    pub fn filled(&self, size: usize) -> Type {
        Type::new(self.dtype, self.shape.filled(size))
    }
}

impl fmt::Display for PartialType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dtype, self.shape)
    }
}
