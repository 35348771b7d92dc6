//! Predictions of a classifier beside the truth.

use ibex_graph::Array;
use ibex_nn::ConfigError;

use crate::data::{Arrays, Samples};
use crate::error::{Error, Result};
use crate::model::Model;

/// What a classifier says about samples, and what is true.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The number of classes; two for a single probability.
    pub classes: usize,
    /// The class of each sample.
    pub truth: Vec<usize>,
    /// The class that was predicted for each sample.
    pub predicted: Vec<usize>,
    /// The score of each class for each sample, one row after another.
    pub scores: Vec<f64>,
}

impl Judged {
    /// How often class `truth` was taken for class `predicted`, as `[truth][predicted]`.
    pub fn confusion(&self) -> Vec<Vec<usize>> {
        let mut counts = vec![vec![0; self.classes]; self.classes];
        for (&truth, &predicted) in self.truth.iter().zip(&self.predicted) {
            counts[truth][predicted] += 1;
        }
        counts
    }

    /// The scores of one class, and whether it was the true one.
    pub fn of_class(&self, class: usize) -> (Vec<bool>, Vec<f64>) {
        let truth = self.truth.iter().map(|&truth| truth == class).collect();
        let scores = self.scores.chunks_exact(self.classes).map(|row| row[class]).collect();
        (truth, scores)
    }
}

/// Predicts samples with a classifier of one output.
///
/// The targets may be classes, one-hot rows, or zeros and ones for a single probability.
///
/// # Errors
/// If the data does not fit the model, or the model is no classifier of it.
pub fn judge(model: &mut Model, samples: &Samples, batch_size: usize) -> Result<Judged> {
    let outputs = model.predict_all(Arrays(samples.x.clone()), batch_size)?;
    let ([output], [target]) = (outputs.as_slice(), samples.y.as_slice()) else {
        return Err(refused("one output and one target", format!("{} outputs", outputs.len())));
    };
    let count = samples.count();
    let (rows, targets) = (output.to_f64_vec(), target.to_f64_vec());
    if output.shape().rank() != 2 || rows.is_empty() {
        return Err(refused("a score for each class", format!("outputs {}", output.shape())));
    }
    let width = rows.len() / count;
    let scores: Vec<f64> = match width {
        1 => rows.iter().flat_map(|&p| [1.0 - p, p]).collect(),
        _ => rows,
    };
    let classes = width.max(2);
    let truth = classes_of(target, &targets, classes, count)?;
    let predicted = scores.chunks_exact(classes).map(largest).collect();
    Ok(Judged { classes, truth, predicted, scores })
}

fn refused(expected: impl Into<String>, received: impl Into<String>) -> Error {
    Error::Data(
        ConfigError::new("the model is no classifier of this data")
            .expected(expected)
            .received(received),
    )
}

/// The position of the largest, the first one if there are several.
fn largest(row: &[f64]) -> usize {
    let better = |best: usize, index: usize| if row[index] > row[best] { index } else { best };
    (0..row.len()).fold(0, better)
}

fn classes_of(target: &Array, values: &[f64], classes: usize, count: usize) -> Result<Vec<usize>> {
    if values.len() == count * classes {
        return Ok(values.chunks_exact(classes).map(largest).collect());
    }
    if values.len() != count {
        let expected = format!("a class from 0 to {}, or a row of them", classes - 1);
        return Err(refused(expected, format!("targets of shape {}", target.shape())));
    }
    let class = |&value: &f64| match value {
        value if value.fract() == 0.0 && (0.0..classes as f64).contains(&value) => {
            Ok(value as usize)
        }
        other => Err(refused(format!("classes from 0 to {}", classes - 1), other.to_string())),
    };
    values.iter().map(class).collect()
}
