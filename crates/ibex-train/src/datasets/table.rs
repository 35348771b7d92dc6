//! Tables of numbers as text: one sample per line, the target in the last column.

use ibex_graph::{Array, Element};

use super::{DatasetError, Split};

/// A table of numbers with a fixed number of columns.
#[derive(Debug)]
pub(super) struct Table {
    columns: usize,
    values: Vec<f64>,
}

impl Table {
    /// Reads lines of `columns` numbers, separated by commas or by spaces; `place` is for errors.
    pub(super) fn parse(text: &str, columns: usize, place: &str) -> Result<Table, DatasetError> {
        let mut values = Vec::with_capacity(text.len() / 2);
        for (index, line) in text.lines().enumerate() {
            let wrong = |expected: String, received: String| DatasetError::Line {
                place: place.to_owned(),
                line: index + 1,
                expected,
                received,
            };
            let before = values.len();
            let separated = line.split([',', ' ', '\t']).filter(|field| !field.is_empty());
            for field in separated {
                let number = field.parse().ok().filter(|number: &f64| number.is_finite());
                values.push(number.ok_or_else(|| wrong("a number".into(), shorten(field)))?);
            }
            let found = values.len() - before;
            if found != columns && found != 0 {
                return Err(wrong(format!("{columns} numbers"), format!("{found}")));
            }
        }
        Ok(Table { columns, values })
    }

    /// The number of samples.
    pub(super) fn len(&self) -> usize {
        self.values.len() / self.columns
    }

    /// The samples of these row numbers as elements of type `T`; the inputs of one sample have the
    /// shape `input`, and the last column is the target.
    pub(super) fn split<T: Element>(
        &self,
        rows: &[usize],
        input: &[usize],
    ) -> Result<Split, DatasetError> {
        let mut inputs = Vec::with_capacity(rows.len() * self.columns);
        let mut targets = Vec::with_capacity(rows.len());
        let all: Vec<&[f64]> = self.values.chunks_exact(self.columns).collect();
        for row in rows.iter().filter_map(|&row| all.get(row)) {
            if let Some((target, values)) = row.split_last() {
                inputs.extend(values.iter().map(|&value| T::from_f64(value)));
                targets.push(T::from_f64(*target));
            }
        }
        let shape: Vec<usize> = [&[targets.len()], input].concat();
        let x = Array::from_slice(shape, &inputs)?;
        Ok(Split { x, y: Array::from_slice([targets.len()], &targets)? })
    }
}

/// The beginning of a field, for an error.
fn shorten(field: &str) -> String {
    let mut text: String = field.chars().take(20).collect();
    if text.len() < field.len() {
        text.push('…');
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_chosen_by_row() {
        let table = Table::parse("1,2,10\n3 4\t20\n\n5,6,30\n", 3, "a.csv").unwrap();
        assert_eq!(table.len(), 3);
        let split = table.split::<f32>(&[2, 0], &[2]).unwrap();
        assert_eq!(split.x.as_slice::<f32>().unwrap(), [5., 6., 1., 2.]);
        assert_eq!(split.y.as_slice::<f32>().unwrap(), [30., 10.]);
        assert_eq!(split.x.shape().dims(), [2, 2]);
    }

    #[test]
    fn wrong_lines_are_named() {
        let message = |text: &str| Table::parse(text, 2, "a.csv").unwrap_err().to_string();
        assert_eq!(message("1,2\n1,x\n"), "a.csv, line 2\n  expected  a number\n  received  `x`");
        assert_eq!(message("1,2,3"), "a.csv, line 1\n  expected  2 numbers\n  received  3");
        assert!(message("1,inf").contains("received  `inf`"));
    }
}
