//! Rows give the same bits alone and among others, on every instruction set; what they are is
//! compared with the reference by the table test of the operations.

use std::ptr::{null, null_mut};

use super::*;
use crate::pool::ThreadPool;
use crate::testing::{bits, numbers};

/// More rows of all steps than are in hand at once.
const SIZES: Sizes = Sizes { time: 35, batch: 71, units: 37, features: 9 };

/// How the gradients of the weights are added up.
#[derive(Clone, Copy, Debug)]
enum Way {
    Near,
    Far,
}

/// The sequence, the gradient of what a step takes and those of the weights, for `rows` alone.
fn run(
    pool: &ThreadPool,
    (cell, input, way): (Cell, Input, Way),
    rows: Range<usize>,
) -> [Vec<f32>; 6] {
    let Sizes { time, units, .. } = SIZES;
    let batch = rows.len();
    let all = cell.gates() * units;
    let projects = input != Input::Projection;
    let features = if projects { SIZES.features } else { all };
    let sizes = Sizes { batch, features, ..SIZES };
    // The same numbers for the same row, whoever is beside it.
    let pick = |width: usize, steps: usize, seed: u64| -> Vec<f32> {
        let whole = numbers(steps * SIZES.batch * width, seed);
        let row = |step: usize, row: usize| (step * SIZES.batch + row) * width;
        let one = |at: usize| whole[at..at + width].to_vec();
        let places = (0..steps).flat_map(|step| rows.clone().map(move |r| (step, r)));
        places.flat_map(|(step, r)| one(row(step, r))).collect()
    };
    let kernel: Vec<f32> = numbers(units * all, 1).iter().map(|x| x * 0.2).collect();
    let (given, bias) = (pick(features, time, 2), numbers(all, 3));
    let (input_kernel, input_bias) = (numbers(features * all, 10), numbers(all, 11));
    let states = [pick(units, 1, 4), pick(units, 1, 5)];
    let mask: Vec<u8> = pick(1, time, 6).iter().map(|&x| u8::from(x > -0.5)).collect();
    let grads = [pick(units, time, 7), pick(units, 1, 8), pick(units, 1, 9)];
    let room = |width: usize| vec![0.0_f32; time * batch * width * units];
    let (mut sequence, mut kept, mut cells) = (room(1), room(4), room(1));
    let mut last = [vec![0.0; batch * units], vec![0.0; batch * units]];
    let mut by_input = vec![0.0; time * batch * features];
    let (mut by_kernel, mut by_bias) = (kernel.clone(), bias.clone());
    let (mut by_input_kernel, mut by_input_bias) = (input_kernel.clone(), bias.clone());
    let mut by_states = last.clone();
    let mut recurrence = Recurrence::new(cell, Activation::Tanh, Activation::Sigmoid);
    recurrence.input = input;
    recurrence.reverse = true;
    let f = Forward {
        recurrence,
        sizes,
        input: given.as_ptr(),
        input_kernel: if projects { input_kernel.as_ptr() } else { null() },
        input_bias: if projects { input_bias.as_ptr() } else { null() },
        kernel: kernel.as_ptr(),
        bias: if cell.has_recurrent_bias() { bias.as_ptr() } else { null() },
        states: states.each_ref().map(|state| state.as_ptr()),
        mask: mask.as_ptr(),
        sequence: sequence.as_mut_ptr(),
        last: last.each_mut().map(|state| state.as_mut_ptr()),
        saved: [kept.as_mut_ptr(), cells.as_mut_ptr()],
    };
    // SAFETY: every buffer has the size of its role.
    unsafe { forward(pool, &f) };
    let b = Backward {
        recurrence,
        sizes,
        input: f.input,
        input_kernel: f.input_kernel,
        kernel: kernel.as_ptr(),
        states: f.states,
        sequence: sequence.as_ptr(),
        saved: [kept.as_ptr(), cells.as_ptr()],
        mask: mask.as_ptr(),
        by_sequence: grads[0].as_ptr(),
        by_last: [grads[1].as_ptr(), grads[2].as_ptr()],
        by_states: by_states.each_mut().map(|state| state.as_mut_ptr()),
        by_kernel: by_kernel.as_mut_ptr(),
        by_bias: if cell.has_recurrent_bias() { by_bias.as_mut_ptr() } else { null_mut() },
        by_input_kernel: if projects { by_input_kernel.as_mut_ptr() } else { null_mut() },
        by_input_bias: if projects { by_input_bias.as_mut_ptr() } else { null_mut() },
        by_input: by_input.as_mut_ptr(),
    };
    let near = match way {
        Way::Near => near::Near::new(&b),
        Way::Far => None,
    };
    assert_eq!(near.is_some(), matches!(way, Way::Near));
    // SAFETY: likewise.
    unsafe { backward::run(pool, &b, near) };
    [sequence, by_input, by_kernel, by_bias, by_input_kernel, by_input_bias]
}

const CELLS: [Cell; 4] =
    [Cell::Simple, Cell::Lstm, Cell::Gru { reset_after: true }, Cell::Gru { reset_after: false }];

const INPUTS: [Input; 2] = [Input::Projection, Input::Features { bias: true }];

#[test]
fn threads_change_nothing() {
    for cell in CELLS {
        let [projection, features] = INPUTS;
        let ways = [(projection, Way::Near), (features, Way::Near), (features, Way::Far)];
        for case in ways.map(|(input, way)| (cell, input, way)) {
            let all = run(&ThreadPool::new(1), case, 0..SIZES.batch);
            assert!(all.iter().flatten().all(|x| x.is_finite()));
            assert!(all[1].iter().any(|&x| x != 0.0));
            for threads in [2, 3] {
                let again = run(&ThreadPool::new(threads), case, 0..SIZES.batch);
                for (one, other) in all.iter().zip(&again) {
                    assert_eq!(bits(one), bits(other), "{case:?}, {threads} threads");
                }
            }
        }
    }
}

/// The other tests see small weights only, whose gradients are added up near.
#[test]
fn gradients_are_the_same_near_and_far() {
    let pool = ThreadPool::new(2);
    for cell in CELLS {
        for input in INPUTS {
            let [near, far] =
                [Way::Near, Way::Far].map(|way| run(&pool, (cell, input, way), 0..SIZES.batch));
            for (what, (near, far)) in near.iter().zip(&far).enumerate() {
                let most = near.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                for (x, y) in near.iter().zip(far) {
                    assert!((x - y).abs() <= 2e-6 * most, "{cell:?}, {input:?}, {what}: {x} {y}");
                }
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    let run = |cell, rows| run(&ThreadPool::new(1), (cell, Input::Projection, Way::Near), rows);
    for cell in CELLS {
        let (from, count) = (3, 9);
        let (all, few) = (run(cell, 0..SIZES.batch), run(cell, from..from + count));
        for (all, few) in all.iter().zip(&few).take(2) {
            let width = few.len() / SIZES.time / count;
            for step in 0..SIZES.time {
                let at = (step * SIZES.batch + from) * width;
                let here = step * count * width..(step + 1) * count * width;
                assert_eq!(bits(&all[at..at + count * width]), bits(&few[here]), "{cell:?}");
            }
        }
    }
}
