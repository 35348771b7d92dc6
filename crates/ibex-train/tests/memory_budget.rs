//! Training under a memory budget: smaller plans, the same bits.

mod common;

use common::{Arrays, Failures, cases, golden, same_bits, state};
use ibex_train::{Error, Fit, Model};

const BATCH: usize = 8;

/// Parts of the plan without a budget.
const PARTS: [f64; 3] = [0.9, 0.75, 0.5];

fn load(name: &str, threads: usize) -> Model {
    let mut model = Model::load(golden(&format!("models/{name}.keras"))).unwrap();
    model.set_device(ibex_cpu::device(Some(threads)));
    model
}

/// The state after two epochs, or the error.
fn trained(
    name: &str,
    threads: usize,
    budget: Option<usize>,
) -> Result<Vec<ibex_graph::Array>, Error> {
    let mut model = load(name, threads);
    let mut arrays = Arrays::open(&format!("models/{name}.npz"));
    let mut fit = Fit::new().epochs(2).batch_size(BATCH).verbose(0);
    if let Some(bytes) = budget {
        fit = fit.memory_budget(bytes);
    }
    model.fit_samples(arrays.samples(), fit)?;
    Ok(state(&model))
}

#[test]
fn a_budget_changes_no_bit() {
    let (mut failures, mut recomputed) = (Failures::default(), 0);
    let all = cases("models/index.json").into_iter().filter(|case| case["trains"] == true);
    for case in all {
        let name = case["name"].as_str().unwrap();
        let mut model = load(name, 1);
        let Ok(plan) = model.plan(BATCH, true, None) else { continue };
        let mut plain = None;
        for part in PARTS {
            let bytes = (plan.arena_bytes as f64 * part) as usize;
            // Few of these small models have anything to spare: it is not told which.
            let Ok(within) = model.plan(BATCH, true, Some(bytes)) else { continue };
            if within.arena_bytes > bytes {
                failures.add(format!("{name}: {} of {bytes} bytes", within.arena_bytes));
            }
            if within.steps.iter().all(|step| step.recomputed.is_none()) {
                continue;
            }
            recomputed += 1;
            let plain = plain.get_or_insert_with(|| trained(name, 1, None).unwrap());
            for threads in [1, 2] {
                let what = format!("{name}, {part} of the plan, {threads} threads");
                let found = failures.of(&what, trained(name, threads, Some(bytes)));
                if found.is_some_and(|found| !same_bits(&found, plain)) {
                    failures.add(format!("{what}: other bits"));
                }
            }
        }
    }
    failures.finish(recomputed);
    assert!(recomputed >= 12, "{recomputed} budgets had steps that recompute");
}

#[test]
fn a_budget_of_the_whole_plan_changes_nothing() {
    let plain = load("convnet_digits", 1).plan(BATCH, true, None).unwrap();
    let within = load("convnet_digits", 1).plan(BATCH, true, Some(plain.arena_bytes)).unwrap();
    assert!(within.steps.iter().all(|step| step.recomputed.is_none()));
    let text = within.to_string();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("budget ")).collect();
    assert_eq!(lines.join("\n"), plain.to_string());
}

#[test]
fn a_budget_holds_for_one_fit() {
    let mut model = load("convnet_digits", 1);
    let samples = Arrays::open("models/convnet_digits.npz").samples();
    let fit = || Fit::new().batch_size(BATCH).verbose(0);
    let error = model.fit_samples(samples.clone(), fit().memory_budget(1)).unwrap_err();
    assert!(matches!(error, Error::Graph(ibex_graph::Error::Budget(_))), "{error}");
    model.fit_samples(samples, fit()).unwrap();
}
