//! Medians, ratios, and the Markdown table of a comparison.

use super::options::Options;

/// What one run of one program gave.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    pub(super) name: &'static str,
    pub(super) step_ms: f64,
    pub(super) predict_ms: Option<f64>,
    pub(super) memory_mb: Option<f64>,
}

/// One round: everybody once, in turn.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) ibex: Measurement,
    pub(super) others: Vec<Measurement>,
}

/// The head of the table, with what was measured.
pub(super) fn header(options: &Options, machine: &str) -> String {
    format!(
        "The machine, in the same run:\n\n```text\n{machine}```\n\n\
         Median over {} rounds, everybody in turn, {} threads, {}-{}.\n\
         A ratio is Ibex over the peer, within one round: below 1 Ibex is faster.\n\n\
         | workload | program | step, ms | Ibex / it | predict, ms a batch | Ibex / it | memory, MB |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
        options.rounds,
        options.threads,
        std::env::consts::ARCH,
        std::env::consts::OS,
    )
}

/// The rows of one workload: Ibex first, then the others from the fastest to the slowest.
pub(super) fn rows(workload: &str, rounds: &[Round]) -> String {
    let mut names: Vec<&'static str> = Vec::new();
    for other in rounds.iter().flat_map(|round| &round.others) {
        if !names.contains(&other.name) {
            names.push(other.name);
        }
    }
    let ibex: Vec<&Measurement> = rounds.iter().map(|round| &round.ibex).collect();
    let mut text = row(workload, &ibex, [String::new(), String::new()]);
    let mut others: Vec<(f64, String)> = Vec::new();
    for name in names {
        let of = |round: &Round| round.others.iter().find(|other| other.name == name).cloned();
        let pairs: Vec<(&Measurement, Measurement)> =
            rounds.iter().filter_map(|round| Some((&round.ibex, of(round)?))).collect();
        let steps = pairs.iter().map(|(ibex, other)| Some(ibex.step_ms / other.step_ms));
        let predicted =
            pairs.iter().map(|(ibex, other)| Some(ibex.predict_ms? / other.predict_ms?));
        let ratios = [cell(steps), cell(predicted)];
        let found: Vec<&Measurement> = pairs.iter().map(|(_, other)| other).collect();
        let step = median(found.iter().map(|other| other.step_ms).collect());
        others.push((step, row(workload, &found, ratios)));
    }
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    text.extend(others.into_iter().map(|(_, row)| row));
    text
}

fn row(workload: &str, found: &[&Measurement], [steps, predicted]: [String; 2]) -> String {
    let name = found.first().map_or("", |first| first.name);
    let step = cell(found.iter().map(|one| Some(one.step_ms)));
    let predict = cell(found.iter().map(|one| one.predict_ms));
    let memory: Vec<f64> = found.iter().filter_map(|one| one.memory_mb).collect();
    let memory = if memory.is_empty() { String::new() } else { format!("{:.0}", median(memory)) };
    format!("| {workload} | {name} | {step} | {steps} | {predict} | {predicted} | {memory} |\n")
}

/// The median of what was measured, or nothing.
fn cell(values: impl Iterator<Item = Option<f64>>) -> String {
    let values: Vec<f64> = values.flatten().collect();
    if values.is_empty() { String::new() } else { three_digits(median(values)) }
}

/// A number with three significant digits, without an exponent.
fn three_digits(value: f64) -> String {
    let decimals = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        value if value >= 0.1 => 3,
        value if value >= 0.01 => 4,
        _ => 5,
    };
    format!("{value:.decimals$}")
}

/// The middle value; of an even number the mean of the two in the middle; of none NaN.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(name: &'static str, step_ms: f64) -> Measurement {
        let predict_ms = (name != "fast").then_some(step_ms / 2.0);
        Measurement { name, step_ms, predict_ms, memory_mb: Some(10.0 * step_ms) }
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is twice as slow in the second round: the ratio stays what it is.
        let round = |factor: f64| Round {
            ibex: measurement("Ibex", factor),
            others: vec![measurement("slow", 4.0 * factor), measurement("fast", 2.0 * factor)],
        };
        let text = rows("w", &[round(1.0), round(2.0), round(1.0)]);
        assert_eq!(
            text,
            "| w | Ibex | 1.00 |  | 0.500 |  | 10 |\n| w | fast | 2.00 | 0.500 |  |  | 20 |\n\
             | w | slow | 4.00 | 0.250 | 2.00 | 0.250 | 40 |\n"
        );
    }

    #[test]
    fn numbers_have_three_digits() {
        let texts: Vec<String> =
            [215.4, 13.52, 1.7, 0.058, 0.0029].into_iter().map(three_digits).collect();
        assert_eq!(texts, ["215", "13.5", "1.70", "0.0580", "0.00290"]);
    }
}
