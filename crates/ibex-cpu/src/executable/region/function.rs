//! Which loop computes an instruction.
//!
//! `float32` has precompiled vector loops for nearly everything; the rest, and the other dtypes,
//! run element by element through `f64` (integer sums and products exactly).

use half::{bf16, f16};
use ibex_compile::program::InstructionKind;
use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::compare::Compare;
use ibex_graph::ops::unary::Unary;
use ibex_graph::{DType, Element, with_element};

use crate::elementwise::{self, BinaryFn, ComparisonFn, First, Form, PairFn, SelectFn, UnaryFn};

/// A loop over registers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    Unary(UnaryFn),
    Binary(BinaryFn),
    /// Two functions, one after the other.
    Pair(PairFn),
    Compare(ComparisonFn),
    Select(SelectFn),
    /// A choice among elements of so many bytes.
    Choose(usize, [usize; 3]),
    Cast(DType, DType),
    SlowUnary(Unary, DType),
    SlowBinary(Binary, DType, [usize; 3]),
    SlowCompare(Compare, DType, [usize; 3]),
}

/// A number as the bytes of an element.
pub(crate) fn bits(dtype: DType, number: f64) -> [u8; 8] {
    let mut bytes = [0; 8];
    let number = if dtype == DType::Bool { f64::from(u8::from(number != 0.0)) } else { number };
    with_element!(dtype, T => {
        let value = T::from_f64(number);
        // SAFETY: an element has at most eight bytes.
        unsafe { bytes.as_mut_ptr().cast::<T>().write_unaligned(value) };
    });
    bytes
}

/// The loop of an instruction whose first operand is of type `from` and whose result is of type
/// `to`; `uniform` tells which operands are single values.
///
/// Loads, constants and positions have no loop; they get the copying one.
pub(super) fn call(kind: InstructionKind, from: DType, to: DType, uniform: [bool; 3]) -> Call {
    let form = |index: usize| if uniform[index] { Form::Scalar } else { Form::Vector };
    let steps = uniform.map(|single| usize::from(!single));
    match kind {
        InstructionKind::Unary(f, _) => match fast_unary(f).filter(|_| from == DType::F32) {
            Some(fast) => Call::Unary(fast.function()),
            None => Call::SlowUnary(f, from),
        },
        InstructionKind::Binary(f, _, _) => match fast_binary(f).filter(|_| from == DType::F32) {
            Some(fast) => Call::Binary(fast.function(form(0), form(1))),
            None => Call::SlowBinary(f, from, steps),
        },
        InstructionKind::Compare(f, _, _) => match from {
            DType::F32 => Call::Compare(fast_compare(f).function(form(0), form(1))),
            _ => Call::SlowCompare(f, from, steps),
        },
        // The kernel reads a mask of its own for each element.
        InstructionKind::Select(..) if to == DType::F32 && !uniform[0] => {
            Call::Select(elementwise::select(form(1), form(2)))
        }
        InstructionKind::Select(..) => Call::Choose(to.size(), steps),
        InstructionKind::Cast(_)
        | InstructionKind::Load(_)
        | InstructionKind::Constant(_)
        | InstructionKind::Iota { .. }
        | InstructionKind::RandomUniform { .. }
        | InstructionKind::Unpool { .. } => Call::Cast(from, to),
    }
}

/// The loop that computes the register `of`, a function of `float32`, and the register that
/// `next` takes from it; with the operands of both.
pub(super) fn pair(
    of: usize,
    first: InstructionKind,
    next: InstructionKind,
    is_uniform: impl Fn(usize) -> bool,
) -> Option<(Call, [usize; 3])> {
    let (first, a, b) = match first {
        InstructionKind::Binary(f, a, b) => (First::Function(fast_binary(f)?), a, b),
        InstructionKind::Unary(Unary::Square, a) => {
            (First::Function(elementwise::Binary::Mul), a, a)
        }
        InstructionKind::Unary(Unary::Sqrt, a) => (First::Sqrt, a, a),
        _ => return None,
    };
    let InstructionKind::Binary(second, x, y) = next else { return None };
    let (swapped, c) = if x == of { (false, y) } else { (true, x) };
    let form = |register| if is_uniform(register) { Form::Scalar } else { Form::Vector };
    let forms = [form(a), form(b), form(c)];
    let found = elementwise::pair(first, fast_binary(second)?, swapped, forms)?;
    Some((Call::Pair(found), [a, b, c]))
}

/// The precompiled `float32` loop of a function, if it has one.
pub(crate) fn vector_loop(f: Unary) -> Option<UnaryFn> {
    fast_unary(f).map(elementwise::Unary::function)
}

fn fast_unary(f: Unary) -> Option<elementwise::Unary> {
    use elementwise::Unary as Fast;
    Some(match f {
        Unary::Negative => Fast::Neg,
        Unary::Abs => Fast::Abs,
        Unary::Sign => Fast::Sign,
        Unary::Exp => Fast::Exp,
        Unary::Expm1 => Fast::Expm1,
        Unary::Log => Fast::Log,
        Unary::Log1p => Fast::Log1p,
        Unary::Sqrt => Fast::Sqrt,
        Unary::Rsqrt => Fast::Rsqrt,
        Unary::Reciprocal => Fast::Reciprocal,
        Unary::Square => Fast::Square,
        Unary::Sin => Fast::Sin,
        Unary::Cos => Fast::Cos,
        Unary::Tanh => Fast::Tanh,
        Unary::Sigmoid => Fast::Sigmoid,
        Unary::Relu => Fast::Relu,
        Unary::Erf => Fast::Erf,
        Unary::Erfinv => Fast::Erfinv,
        Unary::Floor => Fast::Floor,
        Unary::Ceil => Fast::Ceil,
        Unary::Round => Fast::Round,
        Unary::Tan
        | Unary::Asin
        | Unary::Acos
        | Unary::Atan
        | Unary::Sinh
        | Unary::Cosh
        | Unary::Asinh
        | Unary::Acosh
        | Unary::Atanh
        | Unary::IsNan
        | Unary::IsInf
        | Unary::IsFinite
        | Unary::Not => return None,
    })
}

fn fast_binary(f: Binary) -> Option<elementwise::Binary> {
    use elementwise::Binary as Fast;
    Some(match f {
        Binary::Add => Fast::Add,
        Binary::Subtract => Fast::Sub,
        Binary::Multiply => Fast::Mul,
        Binary::Divide => Fast::Div,
        Binary::Power => Fast::Pow,
        Binary::Maximum => Fast::Max,
        Binary::Minimum => Fast::Min,
        Binary::Remainder
        | Binary::Atan2
        | Binary::BitAnd
        | Binary::BitOr
        | Binary::BitXor
        | Binary::ShiftLeft
        | Binary::ShiftRight
        | Binary::Gcd
        | Binary::NextAfter
        | Binary::And
        | Binary::Or
        | Binary::Xor => return None,
    })
}

fn fast_compare(f: Compare) -> elementwise::Comparison {
    use elementwise::Comparison as Fast;
    match f {
        Compare::Equal => Fast::Equal,
        Compare::NotEqual => Fast::NotEqual,
        Compare::Less => Fast::Less,
        Compare::LessEqual => Fast::LessEqual,
        Compare::Greater => Fast::Greater,
        Compare::GreaterEqual => Fast::GreaterEqual,
    }
}

impl Call {
    /// Runs the loop over `count` positions.
    ///
    /// # Safety
    /// Each operand holds `count` elements of its type, or one if it was declared uniform, and
    /// `to` has room for `count` results; it may be the memory of an operand as wide.
    #[inline]
    pub(super) unsafe fn run(&self, read: [*const u8; 3], to: *mut u8, count: usize) {
        let [a, b, c] = read;
        // SAFETY: as the caller promises.
        unsafe {
            match *self {
                Call::Unary(f) => f(a.cast(), to.cast(), count),
                Call::Binary(f) => f(a.cast(), b.cast(), to.cast(), count),
                Call::Pair(f) => f(a.cast(), b.cast(), c.cast(), to.cast(), count),
                Call::Compare(f) => f(a.cast(), b.cast(), to, count),
                Call::Select(f) => f(a, b.cast(), c.cast(), to.cast(), count),
                Call::Choose(width, steps) => match width {
                    1 => choose::<u8>(read, steps, to, count),
                    2 => choose::<u16>(read, steps, to, count),
                    4 => choose::<u32>(read, steps, to, count),
                    _ => choose::<u64>(read, steps, to, count),
                },
                Call::Cast(from, into) => cast(from, into, a, to, count),
                Call::SlowUnary(f, dtype) => slow_unary(f, dtype, a, to, count),
                Call::SlowBinary(f, dtype, steps) => slow_binary(f, dtype, read, steps, to, count),
                Call::SlowCompare(f, dtype, steps) => {
                    with_element!(dtype, T => slow_compare::<T>(f, read, steps, to, count));
                }
            }
        }
    }
}

/// # Safety
/// As for [`Call::run`].
unsafe fn choose<T: Copy>(read: [*const u8; 3], steps: [usize; 3], to: *mut u8, count: usize) {
    let (a, b) = (read[1].cast::<T>(), read[2].cast::<T>());
    for i in 0..count {
        // SAFETY: as the caller promises.
        unsafe {
            let yes = *read[0].add(i * steps[0]) != 0;
            let (yes_value, no_value) = (*a.add(i * steps[1]), *b.add(i * steps[2]));
            *to.cast::<T>().add(i) = if yes { yes_value } else { no_value };
        }
    }
}

/// # Safety
/// As for [`Call::run`].
unsafe fn cast(from: DType, into: DType, x: *const u8, to: *mut u8, count: usize) {
    // SAFETY: the pointers are those of elements of these types.
    unsafe {
        match (from, into) {
            (DType::BF16, DType::F32) => {
                return elementwise::cast::<bf16, f32>(x.cast(), to.cast(), count);
            }
            (DType::F32, DType::BF16) => {
                return elementwise::cast::<f32, bf16>(x.cast(), to.cast(), count);
            }
            (DType::F16, DType::F32) => {
                return elementwise::cast::<f16, f32>(x.cast(), to.cast(), count);
            }
            (DType::F32, DType::F16) => {
                return elementwise::cast::<f32, f16>(x.cast(), to.cast(), count);
            }
            _ => {}
        }
    }
    with_element!(from, S => {
        let x = x.cast::<S>();
        if into == DType::Bool {
            for i in 0..count {
                // SAFETY: as the caller promises.
                unsafe { *to.add(i) = u8::from((*x.add(i)).to_f64() != 0.0) };
            }
        } else {
            with_element!(into, T => {
                for i in 0..count {
                    // SAFETY: as the caller promises.
                    unsafe { *to.cast::<T>().add(i) = T::from_f64((*x.add(i)).to_f64()) };
                }
            });
        }
    });
}

/// # Safety
/// As for [`Call::run`].
unsafe fn slow_unary(f: Unary, dtype: DType, x: *const u8, to: *mut u8, count: usize) {
    let tests = matches!(f, Unary::IsNan | Unary::IsInf | Unary::IsFinite | Unary::Not);
    with_element!(dtype, T => {
        for i in 0..count {
            // SAFETY: as the caller promises; tests give one byte for each element.
            unsafe {
                let y = f.eval((*x.cast::<T>().add(i)).to_f64());
                match tests {
                    true => *to.add(i) = u8::from(y != 0.0),
                    false => *to.cast::<T>().add(i) = T::from_f64(y),
                }
            }
        }
    });
}

/// # Safety
/// As for [`Call::run`].
unsafe fn slow_binary(
    f: Binary,
    dtype: DType,
    read: [*const u8; 3],
    steps: [usize; 3],
    to: *mut u8,
    count: usize,
) {
    // SAFETY: as the caller promises.
    unsafe {
        match (dtype, f) {
            (DType::I64, _) if exact::<i64>(f, read, steps, to, count) => {}
            (DType::I32, _) if exact::<i32>(f, read, steps, to, count) => {}
            (DType::U8, _) if exact::<u8>(f, read, steps, to, count) => {}
            (DType::Bool, Binary::And) => truth(|a, b| a & b, read, steps, to, count),
            (DType::Bool, Binary::Or) => truth(|a, b| a | b, read, steps, to, count),
            (DType::Bool, Binary::Xor) => truth(|a, b| a ^ b, read, steps, to, count),
            _ => with_element!(dtype, T => {
                for i in 0..count {
                    let a = (*read[0].cast::<T>().add(i * steps[0])).to_f64();
                    let b = (*read[1].cast::<T>().add(i * steps[1])).to_f64();
                    *to.cast::<T>().add(i) = T::from_f64(f.eval(a, b));
                }
            }),
        }
    }
}

/// A function of truth values, which are bytes 0 or 1.
///
/// # Safety
/// As for [`Call::run`].
#[inline(always)]
unsafe fn truth(
    f: impl Fn(u8, u8) -> u8,
    read: [*const u8; 3],
    steps: [usize; 3],
    to: *mut u8,
    count: usize,
) {
    for i in 0..count {
        // SAFETY: as the caller promises.
        unsafe { *to.add(i) = f(*read[0].add(i * steps[0]), *read[1].add(i * steps[1])) };
    }
}

/// Integers that wrap.
trait Integer: Copy + Ord {
    fn sum(self, other: Self) -> Self;
    fn difference(self, other: Self) -> Self;
    fn product(self, other: Self) -> Self;
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl Integer for $type {
            fn sum(self, other: Self) -> Self { self.wrapping_add(other) }
            fn difference(self, other: Self) -> Self { self.wrapping_sub(other) }
            fn product(self, other: Self) -> Self { self.wrapping_mul(other) }
        }
    )*};
}
integers!(u8 i32 i64);

/// Whether the function was computed without leaving the integers.
///
/// # Safety
/// As for [`Call::run`].
unsafe fn exact<T: Integer>(
    f: Binary,
    read: [*const u8; 3],
    steps: [usize; 3],
    to: *mut u8,
    count: usize,
) -> bool {
    let function: fn(T, T) -> T = match f {
        Binary::Add => T::sum,
        Binary::Subtract => T::difference,
        Binary::Multiply => T::product,
        Binary::Maximum => T::max,
        Binary::Minimum => T::min,
        Binary::Divide
        | Binary::Power
        | Binary::Remainder
        | Binary::Atan2
        | Binary::BitAnd
        | Binary::BitOr
        | Binary::BitXor
        | Binary::ShiftLeft
        | Binary::ShiftRight
        | Binary::Gcd
        | Binary::NextAfter
        | Binary::And
        | Binary::Or
        | Binary::Xor => return false,
    };
    for i in 0..count {
        // SAFETY: as the caller promises.
        unsafe {
            let a = *read[0].cast::<T>().add(i * steps[0]);
            let b = *read[1].cast::<T>().add(i * steps[1]);
            *to.cast::<T>().add(i) = function(a, b);
        }
    }
    true
}

/// # Safety
/// As for [`Call::run`].
unsafe fn slow_compare<T: Copy + PartialOrd>(
    f: Compare,
    read: [*const u8; 3],
    steps: [usize; 3],
    to: *mut u8,
    count: usize,
) {
    let function: fn(&T, &T) -> bool = match f {
        Compare::Equal => T::eq,
        Compare::NotEqual => T::ne,
        Compare::Less => T::lt,
        Compare::LessEqual => T::le,
        Compare::Greater => T::gt,
        Compare::GreaterEqual => T::ge,
    };
    for i in 0..count {
        // SAFETY: as the caller promises.
        unsafe {
            let a = *read[0].cast::<T>().add(i * steps[0]);
            let b = *read[1].cast::<T>().add(i * steps[1]);
            *to.add(i) = u8::from(function(&a, &b));
        }
    }
}
