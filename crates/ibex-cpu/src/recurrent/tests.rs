//! Rows give the same bits alone and among others, on every instruction set; what they are is
//! compared with the reference by the table test of the operations.

use super::*;
use crate::pool::ThreadPool;
use crate::testing::{bits, numbers};

const SIZES: Sizes = Sizes { time: 5, batch: 71, units: 37 };

/// The sequence and the gradient of the projections, for all rows and for those of `rows` alone.
fn run(pool: &ThreadPool, cell: Cell, rows: std::ops::Range<usize>) -> [Vec<f32>; 2] {
    let Sizes { time, units, .. } = SIZES;
    let batch = rows.len();
    let sizes = Sizes { batch, ..SIZES };
    let all = cell.gates() * units;
    // The same numbers for the same row, whoever is beside it.
    let pick = |width: usize, steps: usize, seed: u64| -> Vec<f32> {
        let whole = numbers(steps * SIZES.batch * width, seed);
        let row = |step: usize, row: usize| (step * SIZES.batch + row) * width;
        let one = |at: usize| whole[at..at + width].to_vec();
        let places = (0..steps).flat_map(|step| rows.clone().map(move |r| (step, r)));
        places.flat_map(|(step, r)| one(row(step, r))).collect()
    };
    let kernel: Vec<f32> = numbers(units * all, 1).iter().map(|x| x * 0.2).collect();
    let (projection, bias) = (pick(all, time, 2), numbers(all, 3));
    let states = [pick(units, 1, 4), pick(units, 1, 5)];
    let mask: Vec<u8> = pick(1, time, 6).iter().map(|&x| u8::from(x > -0.5)).collect();
    let grads = [pick(units, time, 7), pick(units, 1, 8), pick(units, 1, 9)];
    let room = |width: usize| vec![0.0_f32; time * batch * width * units];
    let (mut sequence, mut kept, mut cells) = (room(1), room(4), room(1));
    let mut last = [vec![0.0; batch * units], vec![0.0; batch * units]];
    let (mut by_projection, mut inner) = (room(cell.gates()), room(1));
    let mut by_states = last.clone();
    let mut recurrence = Recurrence::new(cell, Activation::Tanh, Activation::Sigmoid);
    recurrence.reverse = true;
    let f = Forward {
        recurrence,
        sizes,
        projection: projection.as_ptr(),
        kernel: kernel.as_ptr(),
        bias: if cell.has_recurrent_bias() { bias.as_ptr() } else { std::ptr::null() },
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
        kernel: kernel.as_ptr(),
        states: f.states,
        sequence: sequence.as_ptr(),
        saved: [kept.as_ptr(), cells.as_ptr()],
        mask: mask.as_ptr(),
        by_sequence: grads[0].as_ptr(),
        by_last: [grads[1].as_ptr(), grads[2].as_ptr()],
        projection: by_projection.as_mut_ptr(),
        inner: inner.as_mut_ptr(),
        by_states: by_states.each_mut().map(|state| state.as_mut_ptr()),
    };
    // SAFETY: likewise.
    unsafe { backward(pool, &b) };
    [sequence, by_projection]
}

#[test]
fn a_row_does_not_depend_on_its_neighbours_or_on_threads() {
    for cell in [Cell::Simple, Cell::Lstm, Cell::Gru { reset_after: true }] {
        let all = run(&ThreadPool::new(1), cell, 0..SIZES.batch);
        assert!(all.iter().flatten().all(|x| x.is_finite()));
        assert!(all[1].iter().any(|&x| x != 0.0));
        for threads in [2, 3] {
            let again = run(&ThreadPool::new(threads), cell, 0..SIZES.batch);
            for (one, other) in all.iter().zip(&again) {
                assert_eq!(bits(one), bits(other), "{cell:?}, {threads} threads");
            }
        }
        let (from, count) = (3, 9);
        let few = run(&ThreadPool::new(1), cell, from..from + count);
        for (all, few) in all.iter().zip(&few) {
            let width = few.len() / SIZES.time / count;
            for step in 0..SIZES.time {
                let at = (step * SIZES.batch + from) * width;
                let here = step * count * width..(step + 1) * count * width;
                assert_eq!(bits(&all[at..at + count * width]), bits(&few[here]), "{cell:?}");
            }
        }
    }
}
