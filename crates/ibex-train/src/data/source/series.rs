//! Series: windows of rows, and what comes after them.

use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;
use serde::{Deserialize, Serialize};

use super::TableChoices;
use crate::data::table::{Column, Encoder, Table, Task};
use crate::data::{Samples, Windows};
use crate::error::{Error, Result};

/// What can be chosen about series.
#[derive(Clone, Debug)]
pub struct SeriesChoices {
    /// Rows in a window; without it a table is no series.
    pub window: Option<usize>,
    /// How many rows after the last one of the window the target is.
    pub horizon: usize,
    /// Rows between the beginnings of windows.
    pub stride: usize,
    /// Rows between the rows of a window.
    pub sampling_rate: usize,
}

impl Default for SeriesChoices {
    fn default() -> SeriesChoices {
        SeriesChoices { window: None, horizon: 1, stride: 1, sampling_rate: 1 }
    }
}

/// How a series becomes windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesRecipe {
    encoder: Encoder,
    target: String,
    scale: (f64, f64),
    window: usize,
    horizon: usize,
    stride: usize,
    sampling_rate: usize,
}

impl SeriesChoices {
    pub(super) fn learn(&self, table: &Table, choices: &TableChoices) -> Result<SeriesRecipe> {
        let Some(target) = &choices.target else {
            return Err(Error::Data(
                ConfigError::new("a series needs a column to be told")
                    .expected("the name of a column")
                    .received("none"),
            ));
        };
        let (name, _) = table.column(target)?;
        // The past of the target is an input too.
        let encoder = Encoder::learn(table, None, Task::Regression, &choices.features)?;
        let told = Encoder::of_target(table, name, Task::Regression)?;
        Ok(SeriesRecipe {
            encoder,
            target: name.clone(),
            scale: told.scale().unwrap_or((0.0, 1.0)),
            window: self.window.unwrap_or(1),
            horizon: self.horizon,
            stride: self.stride,
            sampling_rate: self.sampling_rate,
        })
    }
}

impl SeriesRecipe {
    /// Rows in a window.
    pub fn window(&self) -> usize {
        self.window
    }

    pub(super) fn scale(&self) -> (f64, f64) {
        self.scale
    }

    /// The windows of a table and the target `horizon` rows after each.
    pub(super) fn samples(&self, table: &Table) -> Result<Samples> {
        let x = self.encoder.inputs(table)?;
        let Column::Numbers(values) = table.column(&self.target)?.1 else {
            return Err(Error::Data(ConfigError::new(format!(
                "the target `{}` is no quantity",
                self.target
            ))));
        };
        let first = (self.window.max(1) - 1) * self.sampling_rate + self.horizon;
        let later = values.get(first..).unwrap_or_default();
        let windows =
            Windows::new(self.window).stride(self.stride).sampling_rate(self.sampling_rate);
        let targets = Array::from_f64_slice(DType::F32, [later.len(), 1], later);
        windows.samples(&x, Some(&targets))
    }
}
