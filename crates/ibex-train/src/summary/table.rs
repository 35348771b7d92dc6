//! A table drawn with box characters, of a fixed width in all.
//!
//! Widths, line breaks and cuts are those of the Python library that Keras draws with, so that
//! the texts are the same.
//! It must not know what stands in the cells.

use std::fmt;

/// Where text stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    Center,
}

/// A column: its title, and the width that it would like to have.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) align: Align,
    pub(super) width: usize,
}

/// Columns and rows.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    /// The width of each column without the blanks beside it.
    widths: Vec<usize>,
    rows: Vec<Vec<String>>,
}

/// A horizontal line: left end, stroke, crossing, right end.
type Rule = [char; 4];

const TOP: Rule = ['┏', '━', '┳', '┓'];
const BELOW_TITLES: Rule = ['┡', '━', '╇', '┩'];
const BETWEEN_ROWS: Rule = ['├', '─', '┼', '┤'];
const BOTTOM: Rule = ['└', '─', '┴', '┘'];

impl Table {
    /// A table of `width` characters in all.
    pub(super) fn new(columns: Vec<Column>, width: usize) -> Table {
        let wanted: Vec<usize> = columns.iter().map(|column| column.width + 2).collect();
        let borders = columns.len() + 1;
        let widths = shrunk(&wanted, width.saturating_sub(borders));
        let widths = widths.into_iter().map(|width| width.saturating_sub(2)).collect();
        Table { columns, widths, rows: Vec::new() }
    }

    /// Adds a row with one cell for each column.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn write_rule(&self, f: &mut fmt::Formatter<'_>, rule: Rule) -> fmt::Result {
        let [left, stroke, crossing, right] = rule;
        for (i, width) in self.widths.iter().enumerate() {
            let start = if i == 0 { left } else { crossing };
            write!(f, "{start}{}", stroke.to_string().repeat(width + 2))?;
        }
        writeln!(f, "{right}")
    }

    fn write_row(&self, f: &mut fmt::Formatter<'_>, cells: &[String], bar: char) -> fmt::Result {
        let lines: Vec<Vec<String>> =
            cells.iter().zip(&self.widths).map(|(cell, &width)| wrapped(cell, width)).collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(0);
        for i in 0..height {
            for ((column, &width), lines) in self.columns.iter().zip(&self.widths).zip(&lines) {
                let text = lines.get(i).map_or("", String::as_str);
                let text = match column.align {
                    Align::Left => format!("{text:<width$}"),
                    Align::Right => format!("{text:>width$}"),
                    Align::Center => format!("{text:^width$}"),
                };
                write!(f, "{bar} {text} ")?;
            }
            writeln!(f, "{bar}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles: Vec<String> = self.columns.iter().map(|c| c.title.to_string()).collect();
        self.write_rule(f, TOP)?;
        self.write_row(f, &titles, '┃')?;
        for (i, row) in self.rows.iter().enumerate() {
            self.write_rule(f, if i == 0 { BELOW_TITLES } else { BETWEEN_ROWS })?;
            self.write_row(f, row, '│')?;
        }
        self.write_rule(f, if self.rows.is_empty() { BELOW_TITLES } else { BOTTOM })
    }
}

/// Widths that add up to `room` at most: each gives up an even share, ties rounded to even.
fn shrunk(widths: &[usize], room: usize) -> Vec<usize> {
    let mut excess = widths.iter().sum::<usize>().saturating_sub(room);
    let mut left = widths.len();
    let shrink = |&width: &usize| {
        let share = (excess as f64 / left as f64).round_ties_even() as usize;
        let share = share.min(width);
        excess -= share;
        left -= 1;
        width - share
    };
    widths.iter().map(shrink).collect()
}

/// The lines of a text: broken between words, and cut where a word is too long.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        let length = word.trim_end().chars().count();
        let used = line.chars().count();
        if used + length > width && used > 0 {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.iter().map(|line| cut(line.trim_end(), width)).collect()
}

/// The words, each with the blanks around it: those before the first, and those after each.
fn words(text: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut inside = false;
    for (at, c) in text.char_indices() {
        let begins = !c.is_whitespace() && !inside;
        if begins && !text[..at].trim().is_empty() {
            starts.push(at);
        }
        inside = !c.is_whitespace();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &text[start..end]).collect()
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_string();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_break_between_blanks_and_long_ones_are_cut() {
        assert_eq!(wrapped("left[0][0], right[0][0]", 18), ["left[0][0],", "right[0][0]"]);
        assert_eq!(
            wrapped("   └ layer_normalization (LayerNormalization)", 18),
            ["   └", "layer_normalizati…", "(LayerNormalizati…"]
        );
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn widths_shrink_by_even_shares() {
        assert_eq!(shrunk(&[38, 30, 18], 76), [35, 26, 15]);
        assert_eq!(shrunk(&[10, 10], 30), [10, 10]);
    }
}
