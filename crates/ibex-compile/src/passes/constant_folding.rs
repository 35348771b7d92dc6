//! Computes now what depends on constants only, with the reference rules.
//!
//! What it will not do: make large constants, do much arithmetic, or decide what an overflowing
//! integer is; a constant of one repeated number stays a broadcast, which costs nothing.

use ibex_graph::interpreter::Values;
use ibex_graph::ops::broadcast::Broadcast;
use ibex_graph::{Array, DType, Node, Op, Type, ValueId};

use super::Supports;
use super::parts::{Builder, Parts, Placed};

/// The largest result, and the largest operand looked at.
const MAX_BYTES: usize = 64 << 10;
/// The most multiplications spent on one node: a few milliseconds of the reference rules.
const MAX_WORK: usize = 1 << 20;
/// Integers up to here are exact in the `f64` of the reference rules.
const EXACT: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;

/// Folds nodes; counts those folded.
pub(super) fn run(parts: &mut Parts, _: &Supports<'_>) -> usize {
    let mut folded = 0;
    parts.rebuild(|builder, node| match fold(builder, &node) {
        Some(placed) => {
            folded += 1;
            placed
        }
        None => Placed::At(builder.push(node)),
    });
    folded
}

fn fold(builder: &mut Builder, node: &Node) -> Option<Placed> {
    if let Op::Constant(constant) = &node.op {
        return uniform(builder, node, &constant.value);
    }
    let known = |v: &ValueId| builder.constant(*v).is_some();
    let leaf = node.inputs.is_empty();
    if leaf || matches!(node.op, Op::Broadcast(_)) || !node.inputs.iter().all(known) {
        return None;
    }
    let small = |ty: &Type| ty.bytes() <= MAX_BYTES;
    let operands_small = node.inputs.iter().all(|&v| small(builder.ty(v)));
    if !operands_small || !node.types.iter().all(small) || work(builder, node) > MAX_WORK {
        return None;
    }
    let inputs: Vec<Values> =
        node.inputs.iter().map(|&v| value(builder, v)).collect::<Option<_>>()?;
    let inputs: Vec<&Values> = inputs.iter().collect();
    let outputs = node.op.rule().reference(&inputs, &node.types);
    if !outputs.iter().all(is_exact) {
        return None;
    }
    let place = |v: &Values| builder.push_constant(v.to_array(), &node.origin);
    Some(Placed::Outputs(outputs.iter().map(place).collect()))
}

/// A constant of one repeated number as a broadcast of it.
fn uniform(builder: &mut Builder, node: &Node, value: &Array) -> Option<Placed> {
    let width = value.dtype().size();
    let first = value.bytes().get(..width)?;
    if value.size() < 2 || value.bytes().chunks_exact(width).any(|element| element != first) {
        return None;
    }
    let scalar = Array::from_bytes(value.dtype(), (), first).ok()?;
    let scalar = builder.push_constant(scalar, &node.origin);
    let op = Broadcast { shape: value.shape().clone() }.into();
    let node = builder.infer(op, &[scalar], &node.origin)?;
    Some(Placed::At(builder.push(node)))
}

/// The value of a constant or of a repeated one.
fn value(builder: &Builder, id: ValueId) -> Option<Values> {
    let constant = Values::from(&*builder.constant(id)?.value);
    let node = builder.node(id);
    let value = match &node.op {
        Op::Broadcast(op) => {
            use ibex_graph::op::Rule;
            op.reference(&[&constant], &node.types).pop()?
        }
        _ => constant,
    };
    is_exact(&value).then_some(value)
}

/// Whether rounding to the dtype keeps the numbers: floats always round as they would have when
/// run, integers may have left their range.
fn is_exact(values: &Values) -> bool {
    let (low, high) = match values.ty.dtype {
        DType::U8 => (0.0, f64::from(u8::MAX)),
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::I64 => (-EXACT, EXACT),
        DType::Bool | DType::F16 | DType::BF16 | DType::F32 | DType::F64 => return true,
    };
    values.data.iter().all(|v| (low..=high).contains(v) && v.fract() == 0.0)
}

/// A bound on the arithmetic of a node.
fn work(builder: &Builder, node: &Node) -> usize {
    let outputs: usize = node.types.iter().map(|ty| ty.shape.size()).sum();
    let inputs = node.inputs.iter().map(|&v| builder.shape(v).size()).max().unwrap_or(0);
    match node.op {
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Select(_)
        | Op::Cast(_)
        | Op::StopGradient(_)
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Reduce(_)
        | Op::Slice(_)
        | Op::Pad(_)
        | Op::Reverse(_)
        | Op::Concatenate(_)
        | Op::Softplus(_) => outputs + inputs,
        // Each output may need every input: right for products of matrices, too much for others.
        _ => outputs.saturating_mul(inputs),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use ibex_graph::{Array, DType, Graph, Tensor};

    use super::super::testing::check_pass;

    #[test]
    fn constants_fold_through_broadcasts_of_them() {
        let c = Tensor::constant(Array::from_slice([3], &[1f32, 2., 4.]).unwrap());
        let graph = Graph::new(&[], &[(c + 0.5).square(), Tensor::full(DType::F32, [3], 2.0)], &[]);
        check_pass(
            "constant_folding",
            graph.unwrap(),
            expect![[r#"
                %0 = constant[[1, 2, 4]]() : float32 (3,)
                %1 = constant[0.5]() : float32 ()
                %2 = broadcast[(3,)](%1) : float32 (3,)
                %3 = constant[[1.5, 2.5, 4.5]]() : float32 (3,)
                %4 = constant[[2.25, 6.25, 20.25]]() : float32 (3,)
                %5 = constant[2]() : float32 ()
                %6 = broadcast[(3,)](%5) : float32 (3,)
                return %4, %6"#]],
        );
    }

    #[test]
    fn a_uniform_constant_becomes_a_broadcast() {
        let c = Tensor::constant(Array::full(DType::I32, [2, 8], 7.0));
        check_pass(
            "constant_folding",
            Graph::new(&[], &[c], &[]).unwrap(),
            expect![[r#"
                %0 = constant[7]() : int32 ()
                %1 = broadcast[(2, 8)](%0) : int32 (2, 8)
                return %1"#]],
        );
    }

    #[test]
    fn integers_that_overflow_are_left_to_the_device() {
        let c = Tensor::constant(Array::from_slice([2], &[200u8, 3]).unwrap());
        check_pass(
            "constant_folding",
            Graph::new(&[], &[&c + &c], &[]).unwrap(),
            expect![[r#"
                %0 = constant[[200, 3]]() : uint8 (2,)
                %1 = add(%0, %0) : uint8 (2,)
                return %1"#]],
        );
    }

    #[test]
    fn large_results_are_not_made() {
        let values: Vec<f32> = (0..20_000).map(|i| i as f32).collect();
        let c = Tensor::constant(Array::from_slice([20_000], &values).unwrap());
        check_pass(
            "constant_folding",
            Graph::new(&[], &[c.exp()], &[]).unwrap(),
            expect![[r#"
                %0 = constant[…]() : float32 (20000,)
                %1 = exp(%0) : float32 (20000,)
                return %1"#]],
        );
    }
}
