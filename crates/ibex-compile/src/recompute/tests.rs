//! Plans within budgets; that their bits are the same is tested where kernels are.

use expect_test::expect;
use ibex_graph::ops::random;
use ibex_graph::{Array, DType, Error, Graph, Scope, Tensor, Variable, gradients};

use crate::lower::lower;
use crate::lower::unit::units;
use crate::program::{InstructionKind, Place, Program, Step, Work};
use crate::terms::terms;

const LAYERS: usize = 8;

/// A training step of layers `sin(h w)`, with dropout if there is a state to draw from.
///
/// The gradient needs the products, their sines, and what dropout left of them.
fn graph(state: Option<&Variable>) -> Graph {
    let x = Tensor::input("x", DType::F32, [128, 64]);
    let weights: Vec<Variable> = (0..LAYERS)
        .map(|layer| Variable::new(format!("w{layer}"), Array::zeros(DType::F32, [64, 64])))
        .collect();
    let reads: Vec<Tensor> = weights.iter().map(Tensor::read).collect();
    let mut h = x.clone();
    for (layer, w) in reads.iter().enumerate() {
        let _scope = Scope::enter(&format!("layer_{layer}"));
        h = h.matmul(w).sin();
        if let Some(state) = state {
            let drawn = random::uniform(&Tensor::read(state), [128, 64], layer as u32, 0.0, 1.0);
            h = h * drawn.square();
        }
    }
    let loss = h.square().sum_all();
    let found = gradients(&loss, &reads).unwrap();
    let mut updates: Vec<(Variable, Tensor)> = weights
        .into_iter()
        .zip(reads.iter().zip(found))
        .map(|(w, (read, gradient))| (w, read - gradient.unwrap() * 0.1))
        .collect();
    if let Some(state) = state {
        let next =
            Tensor::read(state) + Tensor::constant(Array::from_slice([2], &[0i64, 1]).unwrap());
        updates.push((state.clone(), next));
    }
    Graph::new(&[x], &[loss], &updates).unwrap()
}

/// Plans with and without a budget must leave the same terms; tells whether the budget was met.
fn check_terms(graph: &Graph, part: usize) -> bool {
    let graph = crate::passes::optimise(graph.clone(), &|_, _| true);
    let scheduled = || {
        let mut lowered = units(&graph);
        let groups = crate::fuse::fuse(&lowered);
        let order = crate::schedule::schedule(&mut lowered, groups);
        (lowered, order)
    };
    let (lowered, order) = scheduled();
    let whole = crate::plan::plan(&lowered, &order, &|_| None);
    let expected = terms(&lowered, &order, &whole);
    let (mut lowered, mut order) = scheduled();
    let bytes = whole.arena_bytes * part / 100;
    let Ok(found) = super::within(bytes, &mut lowered, &mut order, &|_| None) else { return false };
    assert!(found.arena_bytes <= bytes);
    assert!(order.iter().any(|group| group.recomputed.is_some()), "{part}");
    assert_eq!(terms(&lowered, &order, &found), expected, "{part} of 100");
    true
}

#[test]
fn every_operand_is_where_it_was_put_and_every_result_the_same() {
    let state = Variable::new("state", Array::zeros(DType::I64, [2]));
    for graph in [graph(None), graph(Some(&state))] {
        let met = [90, 75, 60, 50, 45, 40, 35, 30].map(|part| check_terms(&graph, part));
        assert!(met.iter().filter(|met| **met).count() > 4, "{met:?}");
    }
}

fn plan(graph: &Graph, budget: Option<usize>) -> Result<Program, Error> {
    let graph = crate::passes::optimise(graph.clone(), &|_, _| true);
    lower(&graph, &|_, _| false, &|_| None, budget)
}

fn recomputed(program: &Program) -> Vec<&Step> {
    program.steps.iter().filter(|step| step.recomputed.is_some()).collect()
}

fn is_product(step: &&Step) -> bool {
    matches!(step.work, Work::Op(_))
}

#[test]
fn what_is_cheap_is_computed_again_before_what_is_not() {
    let graph = graph(None);
    let whole = plan(&graph, None).unwrap();
    assert!(recomputed(&whole).is_empty() && whole.memory.budget.is_none(), "{whole}");
    let most = plan(&graph, Some(whole.arena_bytes * 3 / 4)).unwrap();
    assert!(most.arena_bytes <= whole.arena_bytes * 3 / 4, "{most}");
    let again = recomputed(&most);
    assert!(!again.is_empty() && !again.iter().any(is_product), "{most}");
    assert!(again.iter().all(|step| step.recomputed == Some(128 * 64)), "{most}");
    let half = plan(&graph, Some(whole.arena_bytes * 2 / 5)).unwrap();
    assert!(half.arena_bytes <= whole.arena_bytes * 2 / 5, "{half}");
    assert!(recomputed(&half).iter().any(is_product), "{half}");
    // Everything is computed twice at most.
    let products = |program: &Program| program.steps.iter().filter(is_product).count();
    assert!(products(&half) < products(&whole) + LAYERS, "{half}");
}

#[test]
fn plans_do_not_depend_on_anything_but_the_graph() {
    let graph = graph(None);
    let bytes = plan(&graph, None).unwrap().arena_bytes / 2;
    let text = || plan(&graph, Some(bytes)).unwrap().to_string();
    assert_eq!(text(), text());
}

#[test]
fn random_numbers_are_drawn_again_before_their_state_moves_on() {
    let state = Variable::new("state", Array::zeros(DType::I64, [2]));
    let graph = graph(Some(&state));
    let whole = plan(&graph, None).unwrap();
    let within = plan(&graph, Some(whole.arena_bytes / 2)).unwrap();
    let draws = |step: &Step| match &step.work {
        Work::Elementwise(region) => {
            region.code.iter().any(|i| matches!(i.kind, InstructionKind::RandomUniform { .. }))
        }
        Work::Op(_) | Work::Product(_) => false,
    };
    assert!(recomputed(&within).iter().any(|step| draws(step)), "{within}");
    let index = within.variables.iter().position(|v| *v == state).unwrap();
    let writes = |step: &Step| step.outputs.iter().any(|o| o.place == Place::Variable(index));
    let written = within.steps.iter().position(writes).unwrap();
    let drawn = within.steps.iter().rposition(draws).unwrap();
    assert!(drawn < written, "{within}");
}

#[test]
fn the_explanation_names_what_is_computed_again() {
    let graph = graph(None);
    let bytes = plan(&graph, None).unwrap().arena_bytes * 3 / 4;
    let text = plan(&graph, Some(bytes)).unwrap().to_string();
    let again: Vec<&str> = text.lines().filter(|line| line.contains("recomputed")).collect();
    let last = again[again.len() - 1];
    let first = again[0];
    assert!(
        first.contains("  # layer_") && first.ends_with("  (recomputed, 8.2 kFLOP)"),
        "{first}"
    );
    assert!(last.starts_with("budget      "), "{last}");
}

#[test]
fn a_budget_that_is_too_small_is_explained() {
    let Error::Budget(text) = plan(&graph(None), Some(40_000)).unwrap_err() else {
        panic!("another error")
    };
    expect![[r#"
        the intermediate values of the step do not fit into the memory budget
          expected  at most 39.1 KiB
          received  128.0 KiB in the smallest plan that was found, 528.0 KiB in the fastest
          largest   32.0 KiB  matmul float32 (128, 64) of `layer_5`
                    32.0 KiB  matmul float32 (128, 64) of `layer_6`
                    32.0 KiB  sin float32 (128, 64) of `layer_5`
                    32.0 KiB  matmul float32 (128, 64) of `layer_7`
          note: not counted: 128.0 KiB of weights and optimizer state, 32.0 KiB of the batch
          help: use a smaller batch"#]]
    .assert_eq(&text);
}
