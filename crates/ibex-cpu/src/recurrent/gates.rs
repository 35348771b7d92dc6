//! The activations of a step as vectors, and their slopes.
//!
//! The usual pair is compiled on its own; the others choose at run time.

use super::{Activation, Cell, Recurrence};
use crate::simd::{Simd, math};

/// The two activations of a cell.
pub(super) trait Pair: Copy + Send + Sync {
    /// Of the candidate and the output.
    fn outer<S: Simd>(self, s: S, x: S::F) -> S::F;
    /// Of the gates.
    fn gate<S: Simd>(self, s: S, x: S::F) -> S::F;
    /// `g` times the slope of [`Pair::outer`] where it gave `y`.
    fn outer_back<S: Simd>(self, s: S, y: S::F, g: S::F) -> S::F;
    /// `g` times the slope of [`Pair::gate`] where it gave `y`.
    fn gate_back<S: Simd>(self, s: S, y: S::F, g: S::F) -> S::F;
}

/// `tanh` and `sigmoid`.
#[derive(Clone, Copy)]
pub(super) struct Usual;

/// Any two activations.
#[derive(Clone, Copy)]
pub(super) struct Any {
    pub(super) outer: Activation,
    pub(super) gate: Activation,
}

impl Any {
    /// The activations of a recurrence, if they are not the usual ones; a simple cell has no gates.
    pub(super) fn unless_usual(recurrence: &Recurrence) -> Option<Any> {
        let Recurrence { cell, activation: outer, recurrent_activation: gate, .. } = *recurrence;
        let usual =
            outer == Activation::Tanh && (gate == Activation::Sigmoid || cell == Cell::Simple);
        (!usual).then_some(Any { outer, gate })
    }
}

impl Pair for Usual {
    #[inline(always)]
    fn outer<S: Simd>(self, s: S, x: S::F) -> S::F {
        math::tanh(s, x)
    }
    #[inline(always)]
    fn gate<S: Simd>(self, s: S, x: S::F) -> S::F {
        math::sigmoid(s, x)
    }
    #[inline(always)]
    fn outer_back<S: Simd>(self, s: S, y: S::F, g: S::F) -> S::F {
        slope_of_tanh(s, y, g)
    }
    #[inline(always)]
    fn gate_back<S: Simd>(self, s: S, y: S::F, g: S::F) -> S::F {
        slope_of_sigmoid(s, y, g)
    }
}

impl Pair for Any {
    #[inline(always)]
    fn outer<S: Simd>(self, s: S, x: S::F) -> S::F {
        apply(self.outer, s, x)
    }
    #[inline(always)]
    fn gate<S: Simd>(self, s: S, x: S::F) -> S::F {
        apply(self.gate, s, x)
    }
    #[inline(always)]
    fn outer_back<S: Simd>(self, s: S, y: S::F, g: S::F) -> S::F {
        back(self.outer, s, y, g)
    }
    #[inline(always)]
    fn gate_back<S: Simd>(self, s: S, y: S::F, g: S::F) -> S::F {
        back(self.gate, s, y, g)
    }
}

#[inline(always)]
fn slope_of_tanh<S: Simd>(s: S, y: S::F, g: S::F) -> S::F {
    s.mul(g, s.mul_add(s.neg(y), y, s.splat(1.0)))
}

#[inline(always)]
fn slope_of_sigmoid<S: Simd>(s: S, y: S::F, g: S::F) -> S::F {
    s.mul(g, s.mul_add(s.neg(y), y, y))
}

#[inline(always)]
fn apply<S: Simd>(activation: Activation, s: S, x: S::F) -> S::F {
    match activation {
        Activation::Tanh => math::tanh(s, x),
        Activation::Sigmoid => math::sigmoid(s, x),
        Activation::HardSigmoid => {
            // The second operand is what comes out for NaN.
            let inside = s.min(s.splat(6.0), s.add(x, s.splat(3.0)));
            s.div(s.max(s.splat(0.0), inside), s.splat(6.0))
        }
        Activation::Relu => s.max(s.splat(0.0), x),
        Activation::Linear => x,
    }
}

#[inline(always)]
fn back<S: Simd>(activation: Activation, s: S, y: S::F, g: S::F) -> S::F {
    let zero = s.splat(0.0);
    match activation {
        Activation::Tanh => slope_of_tanh(s, y, g),
        Activation::Sigmoid => slope_of_sigmoid(s, y, g),
        Activation::HardSigmoid => {
            let below = s.select(s.lt(y, s.splat(1.0)), s.div(g, s.splat(6.0)), zero);
            s.select(s.lt(zero, y), below, zero)
        }
        Activation::Relu => s.select(s.lt(zero, y), g, zero),
        Activation::Linear => g,
    }
}
