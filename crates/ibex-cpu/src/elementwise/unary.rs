//! Functions of one operand: one row of the table per function.

use super::per_isa;
use crate::isa::Isa;
use crate::simd::{Simd, math};

/// `out[i] = f(x[i])` for `i < count`; `out` may be `x`.
///
/// # Safety
/// Both pointers are valid for `count` floats.
pub type UnaryFn = unsafe fn(x: *const f32, out: *mut f32, count: usize);

/// A row of the table.
trait Row {
    fn apply<S: Simd>(s: S, x: S::F) -> S::F;
}

#[inline(always)]
unsafe fn run<S: Simd, Op: Row>(s: S, x: *const f32, out: *mut f32, count: usize) {
    let whole = count / S::LANES * S::LANES;
    let mut at = 0;
    // SAFETY: `at` stays below `count`, for which the caller's pointers are valid.
    unsafe {
        while at < whole {
            s.store(out.add(at), Op::apply(s, s.load(x.add(at))));
            at += S::LANES;
        }
        if at < count {
            let value = Op::apply(s, s.load_partial(x.add(at), count - at));
            s.store_partial(out.add(at), value, count - at);
        }
    }
}

per_isa!(fn row_for<[Op: Row]; [Op]>(x: *const f32, out: *mut f32, count: usize) = run as UnaryFn);

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = |$s:ident, $x:ident| $body:expr;)*) => {
        /// A function of one operand.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Unary {
            $($(#[$doc])* $name,)*
        }

        mod rows {
            $(pub(super) struct $name;)*
        }

        $(impl Row for rows::$name {
            #[inline(always)]
            fn apply<S: Simd>($s: S, $x: S::F) -> S::F {
                $body
            }
        })*

        impl Unary {
            /// Every function, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its loop for a given instruction set, one of [`Isa::available`].
            pub(crate) fn function_for(self, isa: Isa) -> UnaryFn {
                match self {
                    $(Self::$name => row_for::<rows::$name>(isa),)*
                }
            }
        }
    };
}

impl Unary {
    /// Its loop for the instruction set in use.
    #[must_use]
    pub fn function(self) -> UnaryFn {
        self.function_for(Isa::current())
    }
}

table! {
    /// `x`
    Copy = |_s, x| x;
    /// `-x`
    Neg = |s, x| s.neg(x);
    /// `|x|`
    Abs = |s, x| s.abs(x);
    /// `x²`
    Square = |s, x| s.mul(x, x);
    /// `1 / x`
    Reciprocal = |s, x| s.div(s.splat(1.0), x);
    /// The square root.
    Sqrt = |s, x| s.sqrt(x);
    /// `1 / √x`, within 2 units of the last place.
    Rsqrt = |s, x| s.div(s.splat(1.0), s.sqrt(x));
    /// `e^x`, see [`math::exp`].
    Exp = |s, x| math::exp(s, x);
    /// `e^x - 1`, see [`math::expm1`].
    Expm1 = |s, x| math::expm1(s, x);
    /// The natural logarithm, see [`math::log`].
    Log = |s, x| math::log(s, x);
    /// `ln(1 + x)`, see [`math::log1p`].
    Log1p = |s, x| math::log1p(s, x);
    /// The hyperbolic tangent, see [`math::tanh`].
    Tanh = |s, x| math::tanh(s, x);
    /// `1 / (1 + e^-x)`, see [`math::sigmoid`].
    Sigmoid = |s, x| math::sigmoid(s, x);
    /// The error function, see [`math::erf`].
    Erf = |s, x| math::erf(s, x);
    /// The inverse error function, see [`math::erfinv`].
    Erfinv = |s, x| math::erfinv(s, x);
    /// The sine, see [`math::sin`].
    Sin = |s, x| math::sin(s, x);
    /// The cosine, see [`math::cos`].
    Cos = |s, x| math::cos(s, x);
    /// Rounds towards minus infinity.
    Floor = |s, x| s.floor(x);
    /// Rounds towards plus infinity.
    Ceil = |s, x| s.ceil(x);
    /// Rounds to the nearest integer, halves to even.
    Round = |s, x| s.round(x);
    /// -1, 0 or 1, with the sign of `x`; NaN for NaN.
    Sign = |s, x| {
        let one = s.copy_sign(s.splat(1.0), x);
        let moved = s.lt(s.splat(0.0), s.abs(x));
        s.select(moved, one, x)
    };
    /// `max(x, 0)`; NaN for NaN.
    Relu = |s, x| s.max(s.splat(0.0), x);
}
