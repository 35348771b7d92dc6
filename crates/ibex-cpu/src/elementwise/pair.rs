//! Two functions of two operands in one loop: what the first gives never leaves its register.
//!
//! The same operations, rounded one after the other: the same bits as two loops.

use super::{Binary, Form, per_isa, read};
use crate::isa::Isa;
use crate::simd::Simd;

/// `out[i] = g(f(a[i], b[i]), c[i])` for `i < count`; `out` may be any operand.
///
/// # Safety
/// `out` and vector operands are valid for `count` floats, scalar operands for one.
pub type PairFn =
    unsafe fn(a: *const f32, b: *const f32, c: *const f32, out: *mut f32, count: usize);

/// What is computed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// A function of two operands.
    Function(Binary),
    /// The root of the first operand; the second is read all the same.
    Sqrt,
}

trait Part {
    fn apply<S: Simd>(s: S, a: S::F, b: S::F) -> S::F;
}

struct Add;
struct Sub;
struct SubFrom;
struct Mul;
struct Div;
struct Sqrt;

macro_rules! parts {
    ($($part:ident |$s:ident, $a:ident, $b:ident| $body:expr;)*) => {$(
        impl Part for $part {
            #[inline(always)]
            fn apply<S: Simd>($s: S, $a: S::F, $b: S::F) -> S::F {
                $body
            }
        }
    )*};
}
parts! {
    Add |s, a, b| s.add(a, b);
    Sub |s, a, b| s.sub(a, b);
    SubFrom |s, a, b| s.sub(b, a);
    Mul |s, a, b| s.mul(a, b);
    Div |s, a, b| s.div(a, b);
    Sqrt |s, a, _b| s.sqrt(a);
}

#[inline(always)]
unsafe fn run<S: Simd, F: Part, G: Part, const A: bool, const B: bool, const C: bool>(
    s: S,
    a: *const f32,
    b: *const f32,
    c: *const f32,
    out: *mut f32,
    count: usize,
) {
    let whole = count / S::LANES * S::LANES;
    // SAFETY: `at` stays below `count`, for which the caller's pointers are valid; a scalar is
    // read before anything is written.
    unsafe {
        if count == 0 {
            return;
        }
        let fixed = |scalar: bool, from: *const f32| s.splat(if scalar { *from } else { 0.0 });
        let (fixed_a, fixed_b, fixed_c) = (fixed(A, a), fixed(B, b), fixed(C, c));
        let mut at = 0;
        while at < whole {
            let x = if A { fixed_a } else { s.load(a.add(at)) };
            let y = if B { fixed_b } else { s.load(b.add(at)) };
            let z = if C { fixed_c } else { s.load(c.add(at)) };
            s.store(out.add(at), G::apply(s, F::apply(s, x, y), z));
            at += S::LANES;
        }
        if at < count {
            let rest = count - at;
            let x = if A { fixed_a } else { read::<S, false>(s, a, at, rest) };
            let y = if B { fixed_b } else { read::<S, false>(s, b, at, rest) };
            let z = if C { fixed_c } else { read::<S, false>(s, c, at, rest) };
            s.store_partial(out.add(at), G::apply(s, F::apply(s, x, y), z), rest);
        }
    }
}

per_isa!(fn pair_for<[F: Part, G: Part, const A: bool, const B: bool, const C: bool];
    [F, G, A, B, C]>(
    a: *const f32, b: *const f32, c: *const f32, out: *mut f32, count: usize) = run as PairFn);

fn by_form<F: Part, G: Part>(isa: Isa, forms: [Form; 3]) -> PairFn {
    match forms.map(|form| form == Form::Scalar) {
        [false, false, false] => pair_for::<F, G, false, false, false>(isa),
        [false, false, true] => pair_for::<F, G, false, false, true>(isa),
        [false, true, false] => pair_for::<F, G, false, true, false>(isa),
        [false, true, true] => pair_for::<F, G, false, true, true>(isa),
        [true, false, false] => pair_for::<F, G, true, false, false>(isa),
        [true, false, true] => pair_for::<F, G, true, false, true>(isa),
        [true, true, false] => pair_for::<F, G, true, true, false>(isa),
        [true, true, true] => pair_for::<F, G, true, true, true>(isa),
    }
}

fn second<F: Part>(isa: Isa, second: Binary, swapped: bool, forms: [Form; 3]) -> Option<PairFn> {
    Some(match (second, swapped) {
        (Binary::Add, _) => by_form::<F, Add>(isa, forms),
        (Binary::Mul, _) => by_form::<F, Mul>(isa, forms),
        (Binary::Sub, false) => by_form::<F, Sub>(isa, forms),
        (Binary::Sub, true) => by_form::<F, SubFrom>(isa, forms),
        _ => return None,
    })
}

/// The loop for `next(first(a, b), c)`, or `next(c, first(a, b))` if `swapped`, for operands
/// of these forms, if there is one.
#[must_use]
pub fn pair(first: First, next: Binary, swapped: bool, forms: [Form; 3]) -> Option<PairFn> {
    pair_on(Isa::current(), first, next, swapped, forms)
}

pub(crate) fn pair_on(
    isa: Isa,
    first: First,
    next: Binary,
    swapped: bool,
    forms: [Form; 3],
) -> Option<PairFn> {
    match first {
        First::Function(Binary::Add) => second::<Add>(isa, next, swapped, forms),
        First::Function(Binary::Sub) => second::<Sub>(isa, next, swapped, forms),
        First::Function(Binary::Mul) => second::<Mul>(isa, next, swapped, forms),
        First::Function(Binary::Div) => second::<Div>(isa, next, swapped, forms),
        First::Sqrt => second::<Sqrt>(isa, next, swapped, forms),
        First::Function(_) => None,
    }
}
