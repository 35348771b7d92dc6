//! What the compiler makes of typical graphs: how many steps, which of them fused, how much
//! memory.

use ibex_compile::program::{Place, Program, Step, Work};
use ibex_graph::ops::unary::Unary;
use ibex_graph::{Array, DType, Graph, Tensor, Variable, gradients};

fn plan(inputs: &[Tensor], outputs: &[Tensor], updates: &[(Variable, Tensor)]) -> Program {
    let graph = Graph::new(inputs, outputs, updates).unwrap();
    ibex_cpu::device(Some(1)).plan(graph).unwrap()
}

fn input(shape: &[usize]) -> Tensor {
    Tensor::input("x", DType::F32, shape)
}

fn variable(shape: &[usize]) -> Variable {
    Variable::new("v", Array::zeros(DType::F32, shape))
}

#[test]
fn a_dense_layer_is_one_product() {
    let (x, w, b) = (input(&[8, 20]), variable(&[20, 30]), variable(&[30]));
    let y = (x.matmul(&Tensor::read(&w)) + Tensor::read(&b)).relu();
    let program = plan(&[x], &[y], &[]);
    let [step] = program.steps.as_slice() else { panic!("{program}") };
    let Work::Product(product) = &step.work else { panic!("{program}") };
    assert!(product.bias && product.activation == Some(Unary::Relu), "{program}");
    assert_eq!(step.outputs[0].place, Place::Output(0));
    assert_eq!(program.arena_bytes, 0);
}

#[test]
fn a_bias_with_an_axis_for_heads_ends_the_product() {
    let (x, w, b) = (input(&[2, 8, 20]), variable(&[20, 12]), variable(&[3, 4]));
    let heads = x.reshape([16, 20]).matmul(&Tensor::read(&w)).reshape([2, 8, 3, 4]);
    let program = plan(std::slice::from_ref(&x), &[&heads + Tensor::read(&b)], &[]);
    let [step] = program.steps.as_slice() else { panic!("{program}") };
    assert!(matches!(&step.work, Work::Product(product) if product.bias), "{program}");
    // One number for each head, or for each row, is no row of the product.
    for shape in [&[3, 1][..], &[8, 1, 1]] {
        let other = Tensor::read(&variable(shape));
        let program = plan(std::slice::from_ref(&x), &[&heads + other], &[]);
        assert_eq!(program.steps.len(), 2, "{program}");
    }
}

#[test]
fn an_optimizer_update_is_one_pass_in_place() {
    let (w, m, v, g) =
        (variable(&[50, 40]), variable(&[50, 40]), variable(&[50, 40]), input(&[50, 40]));
    let (old, m_old, v_old) = (Tensor::read(&w), Tensor::read(&m), Tensor::read(&v));
    let m_new = &m_old + (&g - &m_old) * 0.1;
    let v_new = &v_old + (g.square() - &v_old) * 0.001;
    let new = old - &m_new * 0.001 / (v_new.sqrt() + 1e-7);
    let program = plan(&[g], &[], &[(w, new), (m, m_new), (v, v_new)]);
    let [step] = program.steps.as_slice() else { panic!("{program}") };
    let places = step.outputs.iter().map(|o| o.place);
    assert!(places.clone().all(|p| matches!(p, Place::Variable(_))), "{program}");
    assert_eq!((places.count(), program.arena_bytes), (3, 0), "{program}");
}

#[test]
fn a_chain_that_feeds_a_sum_is_never_written() {
    let x = input(&[300, 40]);
    let program =
        plan(std::slice::from_ref(&x), &[(x.tanh() * 2.0).square().sum(&[0], false)], &[]);
    assert_eq!((program.steps.len(), program.arena_bytes), (1, 0), "{program}");
    let Work::Elementwise(region) = &program.steps[0].work else { panic!("{program}") };
    assert_eq!((region.outer_axes, region.reduced_axes), (0, 1), "{program}");
}

#[test]
fn sums_over_groups_share_one_pass_over_long_rows() {
    let x = input(&[16, 64, 8, 4]);
    let sums = [x.square().sum(&[1, 3], true), (x.exp() * &x).sum(&[1, 3], true)];
    let program = plan(std::slice::from_ref(&x), &sums, &[]);
    let regions = program.steps.iter().map(|step| match &step.work {
        Work::Elementwise(region) => region.space.clone(),
        _ => panic!("{program}"),
    });
    let large: Vec<_> = regions.filter(|space| space.iter().product::<usize>() > 512).collect();
    assert_eq!(large, [[16, 64, 32]; 1], "{program}");
}

#[test]
fn a_loop_writes_the_gradient_of_what_it_reads_once() {
    let (x, w) = (input(&[20, 8, 16]), Tensor::read(&variable(&[16, 16])));
    let step = |state: Tensor, at: isize| {
        (x.slice_axis(0, at..at + 1).squeeze(0) + state.matmul(&w)).tanh()
    };
    let state = (0..20).fold(Tensor::full(DType::F32, [8, 16], 0.0), step);
    let dx = gradients(&state.sum_all(), std::slice::from_ref(&x)).unwrap().remove(0).unwrap();
    let program = plan(&[x], &[dx], &[]);
    let whole = |step: &Step| step.outputs.iter().any(|output| output.size() == 20 * 8 * 16);
    assert_eq!(program.steps.iter().filter(|&step| whole(step)).count(), 1, "{program}");
}

#[test]
fn views_take_no_step() {
    let (x, y) = (input(&[6, 10, 8]), input(&[10, 8, 6]));
    let turned = x.transpose(&[1, 2, 0]).flip(&[1]);
    let sliced = (turned + &y).reshape([80, 6]);
    let program =
        plan(&[x, y.clone()], &[sliced.matmul(&y.reshape([80, 6]).transpose(&[1, 0]))], &[]);
    assert_eq!(program.steps.len(), 2, "{program}");
}

#[test]
fn a_dying_operand_is_overwritten() {
    let x = input(&[16, 16]);
    // Products cannot be fused, and what is between them can be computed in place.
    let y = x.matmul(&x).exp().matmul(&x).exp().matmul(&x);
    let program = plan(&[x], &[y], &[]);
    assert_eq!(program.steps.len(), 5, "{program}");
    assert_eq!(program.arena_bytes, 2 * 16 * 16 * 4, "{program}");
}

#[test]
fn the_gradient_of_a_pooling_is_computed_where_it_is_read() {
    use ibex_graph::ops::window::Padding;
    let (x, scale) = (input(&[4, 32, 32, 16]), variable(&[16]));
    let y = (&x * Tensor::read(&scale)).relu();
    let loss = y.max_pool(&[2, 2], &[2, 2], Padding::Valid).square().sum_all();
    let found = gradients(&loss, &[x.clone(), Tensor::read(&scale)]).unwrap();
    let found: Vec<Tensor> = found.into_iter().flatten().collect();
    // Both gradients sum up, or write, what is handed on to the whole image.
    let program = plan(std::slice::from_ref(&x), &[found[0].clone(), found[1].clone()], &[]);
    let image = 4 * 32 * 32 * 16;
    let written = |step: &Step| step.outputs.iter().filter(|o| o.size() == image).count();
    let arena = program.steps.iter().filter(|step| {
        let places = step.outputs.iter().filter(|o| o.size() == image);
        places.into_iter().any(|o| matches!(o.place, Place::Arena(_)))
    });
    // The activation for the pooling is all that is kept of its size.
    assert_eq!(arena.count(), 1, "{program}");
    assert_eq!(program.steps.iter().map(written).sum::<usize>(), 2, "{program}");
    // So it is where one pass has to be over before the next begins.
    let loss = x.relu().max_pool(&[2, 2], &[2, 2], Padding::Valid).square().sum_all();
    let dx = gradients(&loss, std::slice::from_ref(&x)).unwrap().remove(0).unwrap();
    let again = &dx * (&dx * &x).sum_all();
    let twice = plan(std::slice::from_ref(&x), &[again], &[]);
    assert_eq!(twice.steps.iter().map(written).sum::<usize>(), 2, "{twice}");
    // What the activation lets through is decided among the maxima.
    let masks = program.steps.iter().filter(|step| step.work.to_string().contains("greater"));
    assert!(masks.clone().count() == 1 && masks.clone().all(|s| written(s) == 0), "{program}");
}

#[test]
fn what_an_lstm_keeps_and_its_gradient_lie_where_the_projections_were() {
    use ibex_graph::ops::recurrent::{Activation, Cell, Recurrence, Sequence};
    let (x, kernel) = (input(&[7, 16, 32]), variable(&[8, 32]));
    let zeros = Tensor::full(DType::F32, [16, 8], 0.0);
    let lstm = Recurrence::new(Cell::Lstm, Activation::Tanh, Activation::Sigmoid);
    // Something that computes the projections, and the last state alone is wanted.
    let states = [zeros.clone(), zeros];
    let projection = &x * 2.0;
    let sequence = Sequence::Projection(&projection);
    let run = lstm.run(sequence, &Tensor::read(&kernel), None, &states, None);
    let loss = run.states[0].square().sum_all();
    let grad = gradients(&loss, std::slice::from_ref(&x)).unwrap().remove(0).unwrap();
    let program = plan(&[x], &[grad], &[]);
    let recurrent = program.steps.iter().filter(|step| match &step.work {
        Work::Op(op) => op.name().starts_with("recurrent"),
        _ => false,
    });
    let steps: Vec<_> = recurrent.collect();
    let [forward, backward] = steps.as_slice() else { panic!("{program}") };
    assert_eq!(forward.outputs[3].place, forward.inputs[0].place, "{program}");
    assert_eq!(backward.outputs[3].place, backward.inputs[4].place, "{program}");
}

#[test]
fn gradients_of_features_lie_where_the_features_were() {
    use ibex_graph::ops::recurrent::{Activation, Cell, Recurrence, Sequence};
    let x = input(&[7, 16, 5]);
    let reads = [&[5, 24][..], &[8, 24], &[24]].map(|shape| Tensor::read(&variable(shape)));
    let [kernel, recurrent, bias] = &reads;
    let cell = Cell::Gru { reset_after: true };
    let gru = Recurrence::new(cell, Activation::Tanh, Activation::Sigmoid);
    let zeros = Tensor::full(DType::F32, [16, 8], 0.0);
    let features = &x * 2.0;
    let sequence = Sequence::Features(&features, kernel, Some(bias));
    let run = gru.run(sequence, recurrent, Some(bias), &[zeros], None);
    let loss = run.states[0].square().sum_all();
    let grad = gradients(&loss, std::slice::from_ref(&x)).unwrap().remove(0).unwrap();
    let program = plan(&[x], &[grad], &[]);
    let named = |step: &&Step| match &step.work {
        Work::Op(op) => op.name() == "recurrent_gradient",
        _ => false,
    };
    let step = program.steps.iter().find(named).unwrap();
    assert_eq!(step.outputs.last().unwrap().place, step.inputs[0].place, "{program}");
}

#[test]
fn a_training_step_needs_no_more_than_what_lives_at_once() {
    let (x, y) = (input(&[32, 64]), input(&[32, 10]));
    let shapes: [&[usize]; 4] = [&[64, 128], &[128], &[128, 10], &[10]];
    let variables = shapes.map(variable);
    let reads = variables.each_ref().map(Tensor::read);
    let h = (x.matmul(&reads[0]) + &reads[1]).relu();
    let z = h.matmul(&reads[2]) + &reads[3];
    let loss = (z - &y).square().mean_all();
    let grads = gradients(&loss, &reads).unwrap();
    let updates: Vec<(Variable, Tensor)> = variables
        .into_iter()
        .zip(reads.iter().zip(grads))
        .map(|(variable, (read, grad))| (variable, read - grad.unwrap() * 0.1))
        .collect();
    let program = plan(&[x, y], &[loss], &updates);
    // Blocks of different lives leave gaps now and then.
    let bound = program.memory.lower_bound;
    assert!(program.arena_bytes <= bound + bound / 8, "{program}");
    // Two forward products, the loss, three backward products, their fused ends and updates.
    assert!(program.steps.len() <= 13, "{program}");
    let text = program.to_string();
    for part in ["matmul + bias, relu(", "arena  ", "variables   ", "x: float32 (32, 64)"] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}
