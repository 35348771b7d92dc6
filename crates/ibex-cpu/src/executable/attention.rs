//! Attention and its gradient.

use ibex_compile::program::Step;
use ibex_graph::DType;
use ibex_graph::ops::attention::{Extents, Scoring};
use ibex_graph::rng::Draw;

use super::Launch;
use super::memory::{Located, Memory};
use super::op::{Places, function};
use crate::attention::{self, Backward, Dropout, Forward, Inputs, Mask, MaskStrides, Shape};

/// A step of either direction, without the addresses.
struct Attention {
    shape: Shape,
    /// The dtype of the mask and how it repeats.
    mask: Option<(Located, DType, MaskStrides)>,
    dropout: Option<(Located, u32, f64)>,
    places: Places,
}

impl Attention {
    /// `first` inputs are always there; `None` if the operands do not fit, which inference
    /// excludes.
    fn new(scoring: &Scoring, first: usize, step: &Step, places: Places) -> Option<Attention> {
        let [query, key, value] = step.inputs.first_chunk()?;
        let extents = Extents::of(&query.shape, &key.shape, &value.shape)?;
        let (mask, _) = scoring.split(&step.inputs[first..]);
        let (mask_place, state) = scoring.split(&places.inputs[first..]);
        let mask = mask.zip(mask_place).map(|(mask, &place)| {
            let mut strides = [0; 4];
            let mut size = 1;
            for (stride, &extent) in strides.iter_mut().zip(&mask.shape).rev() {
                *stride = if extent == 1 { 0 } else { size };
                size *= extent;
            }
            (place, mask.dtype, strides)
        });
        let dropout = scoring.dropout.zip(state);
        let dropout = dropout.map(|(dropout, &state)| (state, dropout.stream, dropout.kept()));
        let Extents { batch, queries, keys, heads, key_heads, dim, value_dim } = extents;
        let scale = scoring.scale.value() as f32;
        let causal = scoring.causal;
        let shape = Shape { batch, queries, keys, heads, key_heads, dim, value_dim, scale, causal };
        Some(Attention { shape, mask, dropout, places })
    }

    /// The addresses of one run.
    ///
    /// # Safety
    /// As for [`Launch::launch`].
    unsafe fn inputs(&self, memory: &Memory) -> Inputs {
        let at = |index: usize| memory.at(self.places.inputs[index]).cast_const().cast();
        let mask = match self.mask {
            None => Mask::None,
            Some((place, DType::Bool, strides)) => Mask::Hide(memory.at(place), strides),
            Some((place, _, strides)) => Mask::Add(memory.at(place).cast(), strides),
        };
        let dropout = self.dropout.map(|(state, stream, kept)| {
            // SAFETY: a state holds two numbers.
            let state = unsafe { memory.read::<i64>(state, 2) };
            let draw = Draw::new(state[0] as u64, state[1] as u64, stream);
            Dropout { draw, kept: kept as f32 }
        });
        Inputs { query: at(0), key: at(1), value: at(2), mask, dropout }
    }
}

/// The result and the statistics of its rows.
pub(super) fn forward(scoring: &Scoring, step: &Step, places: Places) -> Option<Box<dyn Launch>> {
    let attention = Attention::new(scoring, 3, step, places)?;
    // SAFETY: the shape is that of the operands.
    Some(unsafe {
        function(move |memory, pool| {
            let at = |index: usize| memory.at(attention.places.outputs[index]).cast();
            let outputs = Forward { result: at(0), largest: at(1), log_sum: at(2) };
            attention::forward(pool, &attention.shape, &attention.inputs(memory), &outputs);
        })
    })
}

/// The gradients of queries, keys and values.
pub(super) fn backward(scoring: &Scoring, step: &Step, places: Places) -> Option<Box<dyn Launch>> {
    let attention = Attention::new(scoring, 7, step, places)?;
    // SAFETY: the shape is that of the operands.
    Some(unsafe {
        function(move |memory, pool| {
            let from = |index: usize| memory.at(attention.places.inputs[index]).cast_const().cast();
            let to = |index: usize| memory.at(attention.places.outputs[index]).cast();
            let operands = Backward {
                grad: from(3),
                largest: from(4),
                log_sum: from(5),
                mean: from(6),
                by_query: to(0),
                by_key: to(1),
                by_value: to(2),
            };
            attention::backward(pool, &attention.shape, &attention.inputs(memory), &operands);
        })
    })
}
