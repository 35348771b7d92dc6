//! Curves over all thresholds of a probability: ROC, precision and recall.

use std::path::Path;

use super::Judged;
use crate::error::Result;
use crate::plot::{Series, line_chart};

/// At most so many classes have a curve of their own.
const CURVES: usize = 7;

/// Draws the share of true positives against that of false positives, for each class.
///
/// Of two classes the second one has a curve; of more, each of the first seven.
///
/// # Errors
/// If a class does not occur among the samples, or the file cannot be written.
pub fn roc_curve(judged: &Judged, labels: &[String], path: impl AsRef<Path>) -> Result<()> {
    let mut series = each(judged, labels, |steps, positives, negatives| {
        let point = |&(tp, fp): &(f64, f64)| (fp / negatives.max(1.0), tp / positives.max(1.0));
        let points: Vec<(f64, f64)> = steps.iter().map(point).collect();
        let area = area_under(&points);
        (points, format!("AUC {area:.4}"))
    });
    let points = vec![(0.0, 0.0), (1.0, 1.0)];
    series.push(Series { name: "chance".to_string(), points, dashed: true });
    let (x, y) = ("false positive rate", "true positive rate");
    Ok(line_chart("ROC", x, y, &series, path)?)
}

/// Draws precision against recall, for each class as in [`roc_curve`].
///
/// # Errors
/// As [`roc_curve`].
pub fn precision_recall_curve(
    judged: &Judged,
    labels: &[String],
    path: impl AsRef<Path>,
) -> Result<()> {
    let series = each(judged, labels, |steps, positives, _| {
        let point = |&(tp, fp): &(f64, f64)| (tp / positives.max(1.0), tp / (tp + fp));
        let points: Vec<(f64, f64)> = steps.iter().skip(1).map(point).collect();
        let mut average = 0.0;
        let mut before = 0.0;
        for &(recall, precision) in &points {
            average += (recall - before) * precision;
            before = recall;
        }
        (points, format!("AP {average:.4}"))
    });
    Ok(line_chart("Precision and recall", "recall", "precision", &series, path)?)
}

/// A curve, and what is said about it.
type Curve = (Vec<(f64, f64)>, String);

/// A curve for each class, from its true and false positives at each threshold.
fn each(
    judged: &Judged,
    labels: &[String],
    curve: impl Fn(&[(f64, f64)], f64, f64) -> Curve,
) -> Vec<Series> {
    let classes = if judged.classes == 2 { 1..2 } else { 0..judged.classes.min(CURVES) };
    let one = |class: usize| {
        let (truth, scores) = judged.of_class(class);
        let positives = truth.iter().filter(|&&truth| truth).count() as f64;
        let steps = positives_by_threshold(&truth, &scores);
        let (points, fact) = curve(&steps, positives, truth.len() as f64 - positives);
        let name = labels.get(class).cloned().unwrap_or(format!("class {class}"));
        Series { name: format!("{name} ({fact})"), points, dashed: false }
    };
    classes.map(one).collect()
}

/// True and false positives if the samples with the largest scores are taken as positive: none,
/// those with the largest score, and so on to all.
fn positives_by_threshold(truth: &[bool], scores: &[f64]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut steps = vec![(0.0, 0.0)];
    let (mut tp, mut fp) = (0.0, 0.0);
    for (position, &index) in order.iter().enumerate() {
        if truth[index] {
            tp += 1.0
        } else {
            fp += 1.0
        }
        // Samples of one score are on the same side of every threshold.
        if order.get(position + 1).is_none_or(|&next| scores[next] != scores[index]) {
            steps.push((tp, fp));
        }
    }
    steps
}

fn area_under(points: &[(f64, f64)]) -> f64 {
    points.windows(2).map(|p| (p[1].0 - p[0].0) * (p[0].1 + p[1].1) / 2.0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of `sklearn.metrics.roc_auc_score` and `roc_curve`.
    #[test]
    fn areas_are_those_of_scikit_learn() {
        let truth = [false, false, true, true, true, false];
        let scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.4];
        let steps = positives_by_threshold(&truth, &scores);
        let wanted = [(0.0, 0.0), (1.0, 0.0), (2.0, 2.0), (3.0, 2.0), (3.0, 3.0)];
        assert_eq!(steps, wanted);
        let points: Vec<(f64, f64)> = steps.iter().map(|&(tp, fp)| (fp / 3.0, tp / 3.0)).collect();
        assert!((area_under(&points) - 2.0 / 3.0).abs() < 1e-12, "{}", area_under(&points));
    }
}
