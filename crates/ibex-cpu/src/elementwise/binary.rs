//! Functions and comparisons of two operands: one row of a table per function.

use super::{Form, per_isa, read};
use crate::isa::Isa;
use crate::simd::{Simd, math};

/// `out[i] = f(a[i], b[i])` for `i < count`; `out` may be `a` or `b`.
///
/// # Safety
/// `out` and vector operands are valid for `count` floats, scalar operands for one.
pub type BinaryFn = unsafe fn(a: *const f32, b: *const f32, out: *mut f32, count: usize);

/// `out[i] = a[i] ⋄ b[i]` as a byte 0 or 1, for `i < count`.
///
/// # Safety
/// Vector operands are valid for `count` floats, scalar operands for one, `out` for `count` bytes.
pub type ComparisonFn = unsafe fn(a: *const f32, b: *const f32, out: *mut u8, count: usize);

pub(super) trait Row {
    fn apply<S: Simd>(s: S, a: S::F, b: S::F) -> S::F;
}

trait ComparisonRow {
    /// The mask, and whether its opposite is meant.
    fn apply<S: Simd>(s: S, a: S::F, b: S::F) -> S::M;
    const OPPOSITE: bool;
}

#[inline(always)]
unsafe fn run<S: Simd, Op: Row, const A: bool, const B: bool>(
    s: S,
    a: *const f32,
    b: *const f32,
    out: *mut f32,
    count: usize,
) {
    let whole = count / S::LANES * S::LANES;
    // SAFETY: `at` stays below `count`, for which the caller's pointers are valid; a scalar is
    // read before anything is written.
    unsafe {
        let (fixed_a, fixed_b) = (operand::<S, A>(s, a, count), operand::<S, B>(s, b, count));
        let mut at = 0;
        while at < whole {
            let x = if A { fixed_a } else { s.load(a.add(at)) };
            let y = if B { fixed_b } else { s.load(b.add(at)) };
            s.store(out.add(at), Op::apply(s, x, y));
            at += S::LANES;
        }
        if at < count {
            let rest = count - at;
            let x = if A { fixed_a } else { s.load_partial(a.add(at), rest) };
            let y = if B { fixed_b } else { s.load_partial(b.add(at), rest) };
            s.store_partial(out.add(at), Op::apply(s, x, y), rest);
        }
    }
}

/// A scalar operand in every lane; zeros for a vector operand.
///
/// # Safety
/// A scalar is valid for one float, unless `count` is 0.
#[inline(always)]
pub(super) unsafe fn operand<S: Simd, const SCALAR: bool>(
    s: S,
    from: *const f32,
    count: usize,
) -> S::F {
    // SAFETY: as the caller promises.
    if SCALAR && count > 0 { s.splat(unsafe { *from }) } else { s.splat(0.0) }
}

#[inline(always)]
unsafe fn compare<S: Simd, Op: ComparisonRow, const A: bool, const B: bool>(
    s: S,
    a: *const f32,
    b: *const f32,
    out: *mut u8,
    count: usize,
) {
    let mut at = 0;
    // SAFETY: `at` stays below `count`, for which the caller's pointers are valid.
    unsafe {
        while at < count {
            let rest = S::LANES.min(count - at);
            let mask = Op::apply(s, read::<S, A>(s, a, at, rest), read::<S, B>(s, b, at, rest));
            let mut bytes = [0_u8; crate::simd::MAX_LANES];
            s.store_mask(bytes.as_mut_ptr(), mask);
            if Op::OPPOSITE {
                bytes.iter_mut().for_each(|byte| *byte ^= 1);
            }
            if rest == S::LANES {
                out.add(at).copy_from_nonoverlapping(bytes.as_ptr(), S::LANES);
            } else {
                out.add(at).copy_from_nonoverlapping(bytes.as_ptr(), rest);
            }
            at += S::LANES;
        }
    }
}

per_isa!(fn row_for<[Op: Row, const A: bool, const B: bool]; [Op, A, B]>(
    a: *const f32, b: *const f32, out: *mut f32, count: usize) = run as BinaryFn);
per_isa!(fn comparison_for<[Op: ComparisonRow, const A: bool, const B: bool]; [Op, A, B]>(
    a: *const f32, b: *const f32, out: *mut u8, count: usize) = compare as ComparisonFn);

fn by_form<Op: Row>(isa: Isa, a: Form, b: Form) -> BinaryFn {
    match (a, b) {
        (Form::Vector, Form::Vector) => row_for::<Op, false, false>(isa),
        (Form::Vector, Form::Scalar) => row_for::<Op, false, true>(isa),
        (Form::Scalar, Form::Vector) => row_for::<Op, true, false>(isa),
        (Form::Scalar, Form::Scalar) => row_for::<Op, true, true>(isa),
    }
}

fn comparison_by_form<Op: ComparisonRow>(isa: Isa, a: Form, b: Form) -> ComparisonFn {
    match (a, b) {
        (Form::Vector, Form::Vector) => comparison_for::<Op, false, false>(isa),
        (Form::Vector, Form::Scalar) => comparison_for::<Op, false, true>(isa),
        (Form::Scalar, Form::Vector) => comparison_for::<Op, true, false>(isa),
        (Form::Scalar, Form::Scalar) => comparison_for::<Op, true, true>(isa),
    }
}

macro_rules! tables {
    (
        functions { $(
            $(#[$doc:meta])* $name:ident = |$s:ident, $a:ident, $b:ident| $body:expr;
        )* }
        comparisons { $(
            $(#[$cdoc:meta])* $cname:ident =
                $opposite:literal |$cs:ident, $ca:ident, $cb:ident| $cbody:expr;
        )* }
    ) => {
        /// A function of two operands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Binary {
            $($(#[$doc])* $name,)*
        }

        /// A comparison of two operands; with NaN only "not equal" holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Comparison {
            $($(#[$cdoc])* $cname,)*
        }

        pub(super) mod rows {
            $(pub(in super::super) struct $name;)*
            $(pub(super) struct $cname;)*
        }

        $(impl Row for rows::$name {
            #[inline(always)]
            fn apply<S: Simd>($s: S, $a: S::F, $b: S::F) -> S::F {
                $body
            }
        })*

        $(impl ComparisonRow for rows::$cname {
            #[inline(always)]
            fn apply<S: Simd>($cs: S, $ca: S::F, $cb: S::F) -> S::M {
                $cbody
            }
            const OPPOSITE: bool = $opposite;
        })*

        impl Binary {
            /// Every function, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its loop for a given instruction set, one of [`Isa::available`].
            pub(crate) fn function_for(self, isa: Isa, a: Form, b: Form) -> BinaryFn {
                match self {
                    $(Self::$name => by_form::<rows::$name>(isa, a, b),)*
                }
            }
        }

        impl Comparison {
            /// Every comparison, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$cname,)*];

            /// Its loop for a given instruction set, one of [`Isa::available`].
            pub(crate) fn function_for(self, isa: Isa, a: Form, b: Form) -> ComparisonFn {
                match self {
                    $(Self::$cname => comparison_by_form::<rows::$cname>(isa, a, b),)*
                }
            }
        }
    };
}

impl Binary {
    /// Its loop for the instruction set in use, for operands of these forms.
    #[must_use]
    pub fn function(self, a: Form, b: Form) -> BinaryFn {
        self.function_for(Isa::current(), a, b)
    }
}

impl Comparison {
    /// Its loop for the instruction set in use, for operands of these forms.
    #[must_use]
    pub fn function(self, a: Form, b: Form) -> ComparisonFn {
        self.function_for(Isa::current(), a, b)
    }
}

tables! {
    functions {
    /// `a + b`
    Add = |s, a, b| s.add(a, b);
    /// `a - b`
    Sub = |s, a, b| s.sub(a, b);
    /// `a · b`
    Mul = |s, a, b| s.mul(a, b);
    /// `a / b`
    Div = |s, a, b| s.div(a, b);
    /// The larger; NaN if either is.
    Max = |s, a, b| s.select(s.is_nan(a), a, s.max(a, b));
    /// The smaller; NaN if either is.
    Min = |s, a, b| s.select(s.is_nan(a), a, s.min(a, b));
    /// `a^b`, see [`math::pow`].
    Pow = |s, a, b| math::pow(s, a, b);
    /// `(a - b)²`
    SquaredDifference = |s, a, b| s.mul(s.sub(a, b), s.sub(a, b));
    }
    comparisons {
    /// `a < b`
    Less = false |s, a, b| s.lt(a, b);
    /// `a <= b`
    LessEqual = false |s, a, b| s.le(a, b);
    /// `a > b`
    Greater = false |s, a, b| s.lt(b, a);
    /// `a >= b`
    GreaterEqual = false |s, a, b| s.le(b, a);
    /// `a == b`
    Equal = false |s, a, b| s.eq(a, b);
    /// `a != b`
    NotEqual = true |s, a, b| s.eq(a, b);
    }
}
