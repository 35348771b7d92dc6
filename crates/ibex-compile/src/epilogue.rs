//! Matrix products and convolutions take in the bias and the activation that follow them: the
//! result is changed while a tile of it is in registers, and never written without.
//!
//! Must not know: groups, memory, kernels (the backend says which products it can end so).

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::unary::Unary;
use ibex_graph::{DType, Op};

use crate::lower::unit::{Home, Lowered, Pointwise, Source, UnitKind};
use crate::lower::view::{Root, View};
use crate::program::{Product, is_contiguous};

/// Whether the backend can end an operation with a bias and an activation.
pub(crate) type Ends<'a> = dyn Fn(&Op, DType) -> bool + 'a;

/// Gives products their epilogues; the units that they take in are removed.
pub(crate) fn absorb(lowered: &mut Lowered, ends: &Ends<'_>) {
    let consumers = sole_consumers(lowered);
    let mut dead = vec![false; lowered.units.len()];
    for index in 0..lowered.units.len() {
        let UnitKind::Op(op) = &lowered.units[index].kind else { continue };
        let &[value] = lowered.units[index].outputs.as_slice() else { continue };
        if !ends(op, lowered.values[value].ty.dtype) {
            continue;
        }
        let op = op.clone();
        let bias = consumers[value].and_then(|unit| Some((unit, bias_of(lowered, unit, value)?)));
        let biased = bias.as_ref().map_or(value, |&(unit, _)| lowered.units[unit].outputs[0]);
        let activation =
            consumers[biased].and_then(|unit| Some((unit, activation_of(lowered, unit, biased)?)));
        let last = match (&bias, activation) {
            (_, Some((unit, _))) => unit,
            (Some((unit, _)), None) => *unit,
            (None, None) => continue,
        };
        let mut unit = lowered.units[index].clone();
        let function = activation.map(|(_, function)| function);
        unit.kind = UnitKind::Product(Product { op, bias: bias.is_some(), activation: function });
        unit.outputs = lowered.units[last].outputs.clone();
        unit.inputs.extend(bias.iter().map(|(_, source)| source.clone()));
        dead[index] = true;
        if let Some((unit, _)) = bias {
            dead[unit] = true;
        }
        dead[last] = false;
        lowered.units[last] = unit;
    }
    lowered.remove(&dead);
}

/// For each value the one unit that reads it, if there is exactly one and it goes nowhere else.
fn sole_consumers(lowered: &Lowered) -> Vec<Option<usize>> {
    let mut uses = vec![0usize; lowered.values.len()];
    let mut consumer = vec![None; lowered.values.len()];
    for (index, unit) in lowered.units.iter().enumerate() {
        for value in unit.inputs.iter().filter_map(Source::value) {
            uses[value] += 1;
            consumer[value] = Some(index);
        }
    }
    for (value, uses) in uses.into_iter().enumerate() {
        if uses != 1 || lowered.values[value].home != Home::Arena {
            consumer[value] = None;
        }
    }
    consumer
}

/// The other operand of an addition to `value`, if it is one number for each column.
fn bias_of(lowered: &Lowered, unit: usize, value: usize) -> Option<Source> {
    let unit = &lowered.units[unit];
    let UnitKind::Pointwise(Pointwise::Binary(Binary::Add)) = unit.kind else { return None };
    let [a, b] = unit.inputs.as_slice() else { return None };
    let (product, bias) = if a.value() == Some(value) { (a, b) } else { (b, a) };
    let whole = product.view()?.is_plain()
        && unit.shape.iter().product::<usize>() == lowered.values[value].ty.shape.size();
    let columns = *lowered.values[value].ty.shape.last()?;
    let view = bias.view().filter(|_| whole)?;
    // The columns may have become several axes, such as heads and what they are made of.
    let is_row = |&at: &usize| view.shape[at..].iter().product::<usize>() == columns;
    let inner = (0..=view.shape.len()).rev().find(is_row)?;
    let repeated =
        view.strides.iter().zip(&view.shape).take(inner).all(|(&s, &d)| s == 0 || d == 1);
    if !repeated
        || !is_contiguous(&view.shape[inner..], &view.strides[inner..])
        || matches!(view.root, Root::Value(v) if v == value)
    {
        return None;
    }
    let row = View { shape: vec![columns], strides: vec![1], ..view.clone() };
    Some(Source::View(bias.dtype(), row))
}

/// The function that a unit applies to `value`.
fn activation_of(lowered: &Lowered, unit: usize, value: usize) -> Option<Unary> {
    let unit = &lowered.units[unit];
    let whole = unit.inputs.first()?.view()?.is_plain()
        && unit.shape.iter().product::<usize>() == lowered.values[value].ty.shape.size();
    match unit.kind {
        UnitKind::Pointwise(Pointwise::Unary(f @ (Unary::Relu | Unary::Sigmoid | Unary::Tanh)))
            if whole =>
        {
            Some(f)
        }
        _ => None,
    }
}
