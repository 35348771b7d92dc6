//! Tables: columns as features, one of them as the target.

use super::{LabelForm, Wanted};
use crate::data::table::{Choices, Encoder, Table, Target, Task};
use crate::error::Result;

/// What can be chosen about tables.
#[derive(Clone, Debug, Default)]
pub struct TableChoices {
    /// The column to be told.
    pub target: Option<String>,
    /// What it is to be taken for.
    pub task: Task,
    /// Whether the first line names the columns, where that cannot be seen.
    pub header: Option<bool>,
    /// What is between fields, where that cannot be seen.
    pub delimiter: Option<u8>,
    /// What columns become.
    pub features: Choices,
}

impl TableChoices {
    /// The table without the rows whose target is missing.
    pub(super) fn complete(&self, table: Table) -> Result<Table> {
        let Some(target) = &self.target else { return Ok(table) };
        let column = table.column(target)?.1;
        let there = |row: &u32| column.text(*row as usize).is_some();
        let rows: Vec<u32> = (0..table.count() as u32).filter(there).collect();
        // All missing: the error about the target says it better.
        Ok(if rows.is_empty() || rows.len() == table.count() { table } else { table.at(&rows) })
    }

    /// The class of each row.
    pub(super) fn classes(&self, table: &Table) -> Result<Option<Vec<u32>>> {
        let Some(target) = &self.target else { return Ok(None) };
        let encoder = Encoder::of_target(table, target, self.task)?;
        if encoder.class_names().is_empty() {
            return Ok(None);
        }
        let y = encoder.targets(table)?.to_f64_vec();
        Ok(Some(y.into_iter().map(|class| class as u32).collect()))
    }

    pub(super) fn learn(&self, table: &Table, wanted: &Wanted) -> Result<Encoder> {
        let encoder = Encoder::learn(table, self.target.as_deref(), self.task, &self.features)?;
        let two = encoder.class_names().len() == 2;
        let bits = wanted.labels == LabelForm::Bit || wanted.labels == LabelForm::Natural && two;
        Ok(encoder.with_labels(match wanted.labels {
            _ if bits => LabelForm::Bit,
            LabelForm::OneHot => LabelForm::OneHot,
            _ => LabelForm::Index,
        }))
    }
}

impl Encoder {
    /// The names of the classes; none for a quantity.
    pub fn class_names(&self) -> &[String] {
        match self.target() {
            Some((_, Target::Classes { names })) => names,
            _ => &[],
        }
    }

    /// Mean and deviation of a quantity.
    pub fn scale(&self) -> Option<(f64, f64)> {
        match self.target()? {
            (_, Target::Quantity { mean, deviation }) => Some((*mean, *deviation)),
            _ => None,
        }
    }
}
