//! Numbers of steps, which files hold as whole numbers.

use serde::{Deserialize, Serialize, Serializer};

/// A number of steps; made from any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Deserialize)]
pub struct Steps(pub f64);

impl Serialize for Steps {
    /// A whole number without a point, as Keras writes it.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // Above 2^53 not every whole number is an f64.
        match self.0.fract() == 0.0 && self.0.abs() < 9e15 {
            true => (self.0 as i64).serialize(to),
            false => self.0.serialize(to),
        }
    }
}

macro_rules! from_numbers {
    ($($ty:ty),*) => {$(
        impl From<$ty> for Steps {
            fn from(steps: $ty) -> Steps {
                Steps(steps as f64)
            }
        }
    )*};
}
from_numbers!(i32, u32, i64, u64, usize, f32, f64);
