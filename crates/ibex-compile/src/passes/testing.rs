//! What the tests of the passes share.

use std::collections::HashMap;

use expect_test::Expect;
use ibex_graph::interpreter::{Outcome, Values, run_values};
use ibex_graph::{DType, Graph};

use super::PASSES;
use super::parts::Parts;

/// Runs one pass once, compares the printed result, and checks that it computes the same.
pub(super) fn check_pass(name: &str, graph: Graph, expected: Expect) {
    let pass = PASSES.iter().find(|pass| pass.name == name).expect("a pass of the table");
    let mut parts = Parts::from(&graph);
    (pass.run)(&mut parts, &|_, _| false);
    parts.check(name);
    let after = parts.into_graph();
    expected.assert_eq(&after.to_string());
    check_same(&graph, &after);
}

/// Runs both graphs on the same random inputs; their results must agree.
///
/// Folded constants are rounded to `float32`, which the interpreter's `f64` does not do otherwise:
/// hence 1e-6, some units in its last place.
pub(super) fn check_same(before: &Graph, after: &Graph) {
    for salt in 1..4 {
        let inputs: Vec<Values> = before
            .inputs()
            .iter()
            .zip(salt * 100..)
            .map(|(&id, salt)| random(&before.node(id).types[0], salt))
            .collect();
        let run = |graph| run_values(graph, &inputs, &HashMap::new()).expect("inputs fit");
        let (a, b) = (run(before), run(after));
        assert_eq!(a.values.len(), b.values.len());
        for (a, b) in all(&a).zip(all(&b)) {
            assert_eq!(a.ty, b.ty);
            for (&a, &b) in a.data.iter().zip(&b.data) {
                let near = (a - b).abs() <= 1e-6 * a.abs().max(1.0);
                assert!(a == b || a.is_nan() && b.is_nan() || near, "{a} became {b}\n{after}");
            }
        }
    }
}

fn all(outcome: &Outcome) -> impl Iterator<Item = &Values> {
    outcome.values.iter()
}

fn random(ty: &ibex_graph::Type, salt: u64) -> Values {
    match ty.dtype {
        dtype if dtype.is_float() => {
            let mut values = Values::uniform(&ty.shape, -2.0, 2.0, salt);
            values.ty.dtype = dtype;
            values
        }
        DType::Bool => Values::integers(DType::Bool, &ty.shape, 0, 2, salt),
        DType::U8 => Values::integers(DType::U8, &ty.shape, 0, 9, salt),
        dtype => Values::integers(dtype, &ty.shape, -9, 9, salt),
    }
}
