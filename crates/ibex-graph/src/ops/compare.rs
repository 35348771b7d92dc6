//! Comparisons of each pair of elements; the result is `bool`.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::ops::binary::alike;
use crate::{DType, OpError, Tensor, Type};

macro_rules! comparisons {
    ($($(#[$doc:meta])* $variant:ident $name:ident $f:expr;)*) => {
        /// A comparison of two numbers.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Compare {
            $($(#[$doc])* $variant,)*
        }

        impl Compare {
            /// Every comparison of the table.
            pub const ALL: &[Compare] = &[$(Compare::$variant,)*];

            /// The comparison of two numbers.
            pub fn eval(self, a: f64, b: f64) -> bool {
                match self {
                    $(Compare::$variant => {
                        let f: fn(&f64, &f64) -> bool = $f;
                        f(&a, &b)
                    })*
                }
            }

            fn function_name(self) -> &'static str {
                match self { $(Compare::$variant => stringify!($name),)* }
            }
        }

        impl Tensor {
            $($(#[$doc])*
            ///
            /// Shapes broadcast; the result is `bool`.
            #[track_caller]
            pub fn $name(&self, other: &Tensor) -> Tensor {
                let (a, b) = self.broadcast_pair(other);
                Tensor::apply(Compare::$variant, &[&a, &b])
            })*
        }
    };
}

comparisons! {
    /// `a == b`; NaN equals nothing.
    Equal equal PartialEq::eq;
    /// `a != b`.
    NotEqual not_equal PartialEq::ne;
    /// `a < b`.
    Less less PartialOrd::lt;
    /// `a <= b`.
    LessEqual less_equal PartialOrd::le;
    /// `a > b`.
    Greater greater PartialOrd::gt;
    /// `a >= b`.
    GreaterEqual greater_equal PartialOrd::ge;
}

impl Rule for Compare {
    fn name(&self) -> &'static str {
        self.function_name()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [a, b] = expect_inputs(self.name(), inputs)?;
        let ty = alike(self.name(), a, b)?;
        Ok(vec![Type::new(DType::Bool, ty.shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let pairs = inputs[0].data.iter().zip(&inputs[1].data);
        let data = pairs.map(|(&a, &b)| self.eval(a, b) as u8 as f64).collect();
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::ZeroAlmostEverywhere
    }
}

impl Described for Compare {
    const INFO: Info = Info {
        name: "compare",
        kind: Kind::Primitive,
        summary: "comparisons: equal, less, greater, …",
        samples: || Compare::ALL.iter().flat_map(|&f| samples(f)).collect(),
        errors: || {
            vec![BadSample::new(
                Compare::Less,
                &[Type::new(DType::F32, [2]), Type::new(DType::F32, [3])],
                "`less` cannot combine (2,) and (3,)\n  expected  equal extents, or 1, along each \
                 axis counted from the last\n  received  (2,) and (3,)",
            )]
        },
    };
}

fn samples(f: Compare) -> Vec<Sample> {
    let integers = |salt| Values::integers(DType::I32, [4, 3], 0, 3, salt);
    let a = Values::of([6], &[f64::NAN, 1.0, 2.0, 2.0, f64::INFINITY, 0.0]);
    let b = Values::of([6], &[f64::NAN, 2.0, 1.0, 2.0, f64::INFINITY, -0.0]);
    vec![
        Sample::new(f.name(), f, vec![a, b]).without_gradient(),
        Sample::new(format!("{} of integers", f.name()), f, vec![integers(1), integers(2)])
            .without_gradient(),
    ]
}
