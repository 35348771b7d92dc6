//! [`Features`]: strings or numbers, whichever a data set has.

use ibex_graph::{Array, DType, Shape};

use super::Strings;

/// Strings or numbers, whichever a column of a data set has.
#[derive(Clone, Debug)]
pub enum Features {
    /// Strings.
    Strings(Strings),
    /// Numbers.
    Numbers(Array),
}

impl Features {
    /// The extents.
    pub fn shape(&self) -> &Shape {
        match self {
            Features::Strings(strings) => strings.shape(),
            Features::Numbers(array) => array.shape(),
        }
    }

    /// What the elements are, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Features::Strings(_) => "string",
            Features::Numbers(array) => array.dtype().name(),
        }
    }

    /// The elements as strings: integers in decimal digits, fractions cut off.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Features::Strings(strings) => strings.values().to_vec(),
            Features::Numbers(array) if array.dtype() == DType::Bool => {
                array.bytes().iter().map(|&byte| (byte != 0).to_string()).collect()
            }
            Features::Numbers(array) => integers(array).iter().map(i64::to_string).collect(),
        }
    }
}

/// The elements as integers, fractions cut off.
pub(crate) fn integers(array: &Array) -> Vec<i64> {
    match array.as_slice::<i64>() {
        Ok(values) => values.to_vec(),
        Err(_) => array.to_f64_vec().into_iter().map(|value| value as i64).collect(),
    }
}

impl From<Strings> for Features {
    fn from(strings: Strings) -> Features {
        Features::Strings(strings)
    }
}

impl From<&Strings> for Features {
    fn from(strings: &Strings) -> Features {
        Features::Strings(strings.clone())
    }
}

impl From<Array> for Features {
    fn from(array: Array) -> Features {
        Features::Numbers(array)
    }
}

impl From<&Array> for Features {
    fn from(array: &Array) -> Features {
        Features::Numbers(array.clone())
    }
}

impl From<&Features> for Features {
    fn from(features: &Features) -> Features {
        features.clone()
    }
}

macro_rules! through_strings {
    ($($ty:ty,)*) => {$(
        impl From<$ty> for Features {
            fn from(values: $ty) -> Features {
                Features::Strings(Strings::from(values))
            }
        }
    )*};
}
through_strings! { &str, &[&str], Vec<&str>, Vec<String>, &[String], &Vec<String>, }

impl<const N: usize> From<[&str; N]> for Features {
    fn from(values: [&str; N]) -> Features {
        Features::Strings(Strings::from(values))
    }
}

impl<const N: usize, const M: usize> From<[[&str; M]; N]> for Features {
    fn from(values: [[&str; M]; N]) -> Features {
        Features::Strings(Strings::from(values))
    }
}

impl<const N: usize> From<[i64; N]> for Features {
    fn from(values: [i64; N]) -> Features {
        let mut array = Array::zeros(DType::I64, [N]);
        if let Ok(elements) = array.as_mut_slice::<i64>() {
            elements.copy_from_slice(&values);
        }
        Features::Numbers(array)
    }
}
