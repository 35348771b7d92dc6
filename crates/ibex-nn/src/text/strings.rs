//! [`Strings`]: an array of strings.

use ibex_graph::Shape;

use crate::object::ConfigError;

/// An array of strings in host memory: a shape and elements in row-major order.
///
/// ```
/// use ibex_nn::text::Strings;
///
/// let words = Strings::from([["to", "be"], ["or", "not"]]);
/// assert_eq!(words.shape().dims(), [2, 2]);
/// assert_eq!(words.values()[3], "not");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    shape: Shape,
    values: Vec<String>,
}

impl Strings {
    /// Strings of this shape.
    ///
    /// # Errors
    /// If the shape has another number of elements.
    pub fn new(shape: impl Into<Shape>, values: Vec<String>) -> Result<Strings, ConfigError> {
        let shape = shape.into();
        match shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) == Some(values.len()) {
            true => Ok(Strings { shape, values }),
            false => Err(ConfigError::new("the strings do not fit the shape")
                .expected(format!("the elements of {shape}"))
                .received(format!("{} strings", values.len()))),
        }
    }

    /// The extents.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The strings, row-major.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// The strings, row-major, without the shape.
    pub fn into_values(self) -> Vec<String> {
        self.values
    }

    fn list<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Strings {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        Strings { shape: [values.len()].into(), values }
    }
}

impl From<&str> for Strings {
    /// One string, without axes.
    fn from(value: &str) -> Strings {
        Strings { shape: Shape::scalar(), values: vec![value.to_string()] }
    }
}

impl From<&Strings> for Strings {
    fn from(strings: &Strings) -> Strings {
        strings.clone()
    }
}

impl From<&[&str]> for Strings {
    fn from(values: &[&str]) -> Strings {
        Strings::list(values.iter().copied())
    }
}

impl<const N: usize> From<&[&str; N]> for Strings {
    fn from(values: &[&str; N]) -> Strings {
        Strings::list(values.iter().copied())
    }
}

impl<const N: usize> From<[&str; N]> for Strings {
    fn from(values: [&str; N]) -> Strings {
        Strings::list(values)
    }
}

impl<const N: usize, const M: usize> From<[[&str; M]; N]> for Strings {
    fn from(rows: [[&str; M]; N]) -> Strings {
        let values = rows.into_iter().flatten().map(str::to_string).collect();
        Strings { shape: [N, M].into(), values }
    }
}

impl From<Vec<&str>> for Strings {
    fn from(values: Vec<&str>) -> Strings {
        Strings::list(values)
    }
}

impl From<Vec<String>> for Strings {
    fn from(values: Vec<String>) -> Strings {
        Strings { shape: [values.len()].into(), values }
    }
}

impl From<&[String]> for Strings {
    fn from(values: &[String]) -> Strings {
        Strings::list(values.iter().cloned())
    }
}

impl From<&Vec<String>> for Strings {
    fn from(values: &Vec<String>) -> Strings {
        Strings::from(values.as_slice())
    }
}
