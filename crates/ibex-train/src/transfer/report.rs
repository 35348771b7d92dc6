//! What belonged to what, for people.

use std::fmt;

use ibex_format::FormatError;
use ibex_format::error::Problem;
use ibex_graph::Shape;

use super::matching::Pair;
use super::source::{Group, Source};
use super::units::Unit;

/// How many lines of a list are worth reading in an error.
const FEW: usize = 8;

/// Why a layer took its weights from a group of arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The names agree.
    Name,
    /// It was the next one in order that fits.
    Order {
        /// How many groups would have fitted: with one there was no choice.
        of: usize,
    },
}

/// A layer that got its weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The layer.
    pub layer: String,
    /// Where its weights were in the file.
    pub source: String,
    /// Why.
    pub reason: Reason,
}

/// What became of every layer and every array.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferReport {
    /// Layers that got their weights, in the model's order.
    pub matches: Vec<Match>,
    /// Layers that kept the weights they had, each with its shapes.
    pub unmatched: Vec<String>,
    /// Arrays that no layer took, each with its shape.
    pub unused: Vec<String>,
}

impl TransferReport {
    pub(super) fn of(units: &[Unit], source: &Source, pairs: &[Pair]) -> TransferReport {
        let matches = pairs.iter().map(|pair| Match {
            layer: units[pair.unit].path.clone(),
            source: shown(&source.groups[pair.group].name).to_string(),
            reason: pair.reason,
        });
        let is_left = |index: usize| !pairs.iter().any(|pair| pair.unit == index);
        let unmatched = units.iter().enumerate().filter(|(index, _)| is_left(*index));
        let is_unused = |index: usize| !pairs.iter().any(|pair| pair.group == index);
        let unused = source.groups.iter().enumerate().filter(|(index, _)| is_unused(*index));
        TransferReport {
            matches: matches.collect(),
            unmatched: unmatched.map(|(_, unit)| described(unit)).collect(),
            unused: unused.map(|(_, group)| contents(group)).collect(),
        }
    }

    /// Why the weights cannot be taken.
    pub(super) fn error(&self) -> FormatError {
        Problem::new(format!(
            "{} of {} layers find no weights that fit",
            self.unmatched.len(),
            self.unmatched.len() + self.matches.len()
        ))
        .expected(few(&self.unmatched))
        .received(match self.unused.is_empty() {
            true => "no other arrays in the file".to_string(),
            false => few(&self.unused),
        })
        .help(
            "shapes must agree once axes are in the order of Keras; a layer that the file lacks \
             keeps its weights with `Mismatch::Skip` (`--skip-mismatch`)",
        )
        .invalid()
    }

    /// How many layers were matched by order although several groups fitted.
    pub fn guesses(&self) -> usize {
        let is_guess = |m: &&Match| matches!(m.reason, Reason::Order { of } if of > 1);
        self.matches.iter().filter(is_guess).count()
    }
}

impl fmt::Display for TransferReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.matches.iter().filter(|m| m.reason == Reason::Name).count();
        let (all, guesses) = (self.matches.len(), self.guesses());
        writeln!(
            f,
            "{all} of {} layers have weights: {named} by name, {} by shape, {guesses} by order",
            all + self.unmatched.len(),
            all - named - guesses
        )?;
        let width = self.matches.iter().map(|m| m.layer.chars().count()).max().unwrap_or(0);
        for Match { layer, source, reason } in &self.matches {
            let reason = match reason {
                Reason::Name => String::new(),
                Reason::Order { of: 1 } => "  the only one that fits".to_string(),
                Reason::Order { of } => format!("  first of {of} that fit"),
            };
            writeln!(f, "  {layer:width$} <- {source}{reason}")?;
        }
        for layer in &self.unmatched {
            writeln!(f, "  {layer} keeps its weights")?;
        }
        for array in &self.unused {
            writeln!(f, "  unused: {array}")?;
        }
        Ok(())
    }
}

fn few(lines: &[String]) -> String {
    let mut text = lines.iter().take(FEW).cloned().collect::<Vec<_>>().join("\n            ");
    if lines.len() > FEW {
        text.push_str(&format!("\n            and {} more", lines.len() - FEW));
    }
    text
}

fn described(unit: &Unit) -> String {
    let shapes = unit.weights.iter().map(|w| format!("{} {}", w.name, Shape::from(&w.shape[..])));
    format!("`{}` ({}): {}", unit.path, unit.class, shapes.collect::<Vec<_>>().join(", "))
}

fn contents(group: &Group) -> String {
    let shapes = group.arrays.iter().map(|(role, a)| format!("{role} {}", Shape::from(a.shape())));
    format!("`{}`: {}", shown(&group.name), shapes.collect::<Vec<_>>().join(", "))
}

/// A group may have no name of its own, when the file holds one layer.
fn shown(name: &str) -> &str {
    if name.is_empty() { "(no name)" } else { name }
}
