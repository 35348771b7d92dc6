//! `OrthogonalRegularizer`: rows, or columns, that point into like directions cost.

use ibex_graph::{OpError, Tensor};
use serde::{Deserialize, Serialize};

use super::{Regularize, check_factor};
use crate::keras_object;
use crate::object::ConfigError;

/// `factor` times the mean absolute cosine between the rows, or columns, of a matrix.
///
/// Source: <https://keras.io/api/layers/regularizers/#orthogonalregularizer-class>.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct OrthogonalRegularizer {
    /// The factor.
    pub factor: f64,
    /// What is to be orthogonal.
    pub mode: OrthogonalMode,
}

/// What an [`OrthogonalRegularizer`] compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrthogonalMode {
    /// Rows.
    #[default]
    Rows,
    /// Columns.
    Columns,
}

impl OrthogonalRegularizer {
    /// A penalty with this factor, which Keras rounds to `float32`.
    pub fn new(factor: f64, mode: OrthogonalMode) -> OrthogonalRegularizer {
        OrthogonalRegularizer { factor: f64::from(factor as f32), mode }
    }
}

impl Default for OrthogonalRegularizer {
    fn default() -> OrthogonalRegularizer {
        OrthogonalRegularizer::new(0.01, OrthogonalMode::Rows)
    }
}

impl Regularize for OrthogonalRegularizer {
    keras_object!(OrthogonalRegularizer);

    fn check(&self) -> Result<(), ConfigError> {
        check_factor("factor", self.factor)
    }

    fn penalty(&self, x: &Tensor) -> Tensor {
        if x.is_poisoned() || x.rank() != 2 {
            return Tensor::poisoned(OpError::new(
                "`OrthogonalRegularizer` is for matrices",
                "a weight of two axes",
                format!("a weight of shape {}", x.shape()),
            ));
        }
        let rows = match self.mode {
            OrthogonalMode::Rows => x.clone(),
            OrthogonalMode::Columns => x.matrix_transpose(),
        };
        let count = rows.dim(0);
        // Keras keeps the length away from 0 by its epsilon.
        let unit = &rows / rows.l2_norm(&[1], true).maximum(&Tensor::scalar(x.dtype(), 1e-7));
        let others = 1.0 - Tensor::eye(x.dtype(), count, count, 0);
        let cosines = (unit.matmul(&unit.matrix_transpose()) * others).abs().sum_all();
        let pairs = count as f64 * (count as f64 - 1.0) / 2.0;
        cosines * (self.factor * 0.5 / pairs)
    }
}
