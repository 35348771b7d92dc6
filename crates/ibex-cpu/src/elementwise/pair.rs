//! Two functions of two operands in one loop: what the first gives never leaves its register.
//!
//! The same operations, rounded one after the other: the same bits as two loops.

use super::binary::{Row, operand, rows};
use super::{Binary, Form, per_isa};
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

struct SubFrom;
struct Sqrt;

impl Row for SubFrom {
    #[inline(always)]
    fn apply<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.sub(b, a)
    }
}

impl Row for Sqrt {
    #[inline(always)]
    fn apply<S: Simd>(s: S, a: S::F, _: S::F) -> S::F {
        s.sqrt(a)
    }
}

#[inline(always)]
unsafe fn run<S: Simd, F: Row, G: Row, const A: bool, const B: bool, const C: bool>(
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
        let (fixed_a, fixed_b) = (operand::<S, A>(s, a, count), operand::<S, B>(s, b, count));
        let fixed_c = operand::<S, C>(s, c, count);
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
            let x = if A { fixed_a } else { s.load_partial(a.add(at), rest) };
            let y = if B { fixed_b } else { s.load_partial(b.add(at), rest) };
            let z = if C { fixed_c } else { s.load_partial(c.add(at), rest) };
            s.store_partial(out.add(at), G::apply(s, F::apply(s, x, y), z), rest);
        }
    }
}

per_isa!(fn pair_for<[F: Row, G: Row, const A: bool, const B: bool, const C: bool];
    [F, G, A, B, C]>(
    a: *const f32, b: *const f32, c: *const f32, out: *mut f32, count: usize) = run as PairFn);

fn by_form<F: Row, G: Row>(isa: Isa, forms: [Form; 3]) -> PairFn {
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

fn second<F: Row>(isa: Isa, second: Binary, swapped: bool, forms: [Form; 3]) -> Option<PairFn> {
    Some(match (second, swapped) {
        (Binary::Add, _) => by_form::<F, rows::Add>(isa, forms),
        (Binary::Mul, _) => by_form::<F, rows::Mul>(isa, forms),
        (Binary::Sub, false) => by_form::<F, rows::Sub>(isa, forms),
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
        First::Function(Binary::Add) => second::<rows::Add>(isa, next, swapped, forms),
        First::Function(Binary::Sub) => second::<rows::Sub>(isa, next, swapped, forms),
        First::Function(Binary::Mul) => second::<rows::Mul>(isa, next, swapped, forms),
        First::Function(Binary::Div) => second::<rows::Div>(isa, next, swapped, forms),
        First::Sqrt => second::<Sqrt>(isa, next, swapped, forms),
        First::Function(_) => None,
    }
}
