//! The subscripts of [`einsum`](super::einsum::einsum): reading them and checking them against
//! shapes.
//!
//! Nothing here knows how sums are computed.

use std::collections::BTreeMap;

use crate::{OpError, Shape};

/// The name of an axis.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Label {
    /// An axis of `...`, counted from the last one.
    Ellipsis(usize),
    /// An axis named by a letter.
    Letter(char),
}

/// The axes of all operands and of the result.
pub(crate) struct Equation {
    /// The labels of each operand's axes.
    pub(crate) operands: Vec<Vec<Label>>,
    /// The labels of the result's axes, none twice.
    pub(crate) result: Vec<Label>,
}

/// The subscripts of one tensor: letters, and where among them `...` stands.
struct Term {
    text: String,
    letters: Vec<char>,
    ellipsis: Option<usize>,
}

impl Equation {
    /// Reads `subscripts` for operands of the given shapes, of which there must be one.
    pub(crate) fn parse(subscripts: &str, shapes: &[&Shape]) -> Result<Equation, OpError> {
        let reader = Reader { subscripts };
        let (inputs, output) = match subscripts.split_once("->") {
            Some((inputs, output)) => (inputs, Some(output)),
            None => (subscripts, None),
        };
        let terms: Vec<Term> =
            inputs.split(',').map(|term| reader.term(term)).collect::<Result<_, _>>()?;
        if terms.len() != shapes.len() {
            let expected = format!("one operand for each of {} terms", terms.len());
            return Err(reader.fail(expected, shapes.len().to_string()));
        }
        let mut operands = Vec::with_capacity(terms.len());
        for (term, shape) in terms.iter().zip(shapes) {
            operands.push(reader.label(term, shape)?);
        }
        reader.check_extents(&operands, shapes)?;
        let hidden = operands.iter().flatten().map(|label| match label {
            Label::Ellipsis(axis) => axis + 1,
            Label::Letter(_) => 0,
        });
        let width = hidden.max().unwrap_or(0);
        let result = match output {
            Some(text) => reader.result(&reader.term(text)?, width, &operands)?,
            None => implicit(&terms, width),
        };
        Ok(Equation { operands, result })
    }
}

/// The result without an arrow: `...` and then the letters that occur once, in order.
fn implicit(terms: &[Term], width: usize) -> Vec<Label> {
    let mut counts = BTreeMap::new();
    for letter in terms.iter().flat_map(|term| &term.letters) {
        *counts.entry(*letter).or_insert(0) += 1;
    }
    let once = counts.into_iter().filter(|&(_, count)| count == 1);
    ellipsis(width).chain(once.map(|(letter, _)| Label::Letter(letter))).collect()
}

/// The labels of the last `width` axes that `...` stands for.
fn ellipsis(width: usize) -> impl Iterator<Item = Label> {
    (0..width).rev().map(Label::Ellipsis)
}

/// Reads the parts of one text and says what is wrong with it.
struct Reader<'a> {
    subscripts: &'a str,
}

impl Reader<'_> {
    fn fail(&self, expected: impl Into<String>, received: impl Into<String>) -> OpError {
        let what = format!("`einsum` cannot apply \"{}\"", self.subscripts);
        OpError::new(what, expected, received)
    }

    fn term(&self, text: &str) -> Result<Term, OpError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let mut term = Term { text: text.clone(), letters: Vec::new(), ellipsis: None };
        let mut rest = text.as_str();
        while let Some(next) = rest.chars().next() {
            if let (Some(after), None) = (rest.strip_prefix("..."), term.ellipsis) {
                term.ellipsis = Some(term.letters.len());
                rest = after;
            } else if next.is_ascii_alphabetic() {
                term.letters.push(next);
                rest = &rest[1..];
            } else {
                let expected = "letters, and `...` at most once in each term";
                return Err(self.fail(expected, format!("`{rest}` in the term \"{text}\"")));
            }
        }
        Ok(term)
    }

    /// The label of each axis of `shape`.
    fn label(&self, term: &Term, shape: &Shape) -> Result<Vec<Label>, OpError> {
        let named = term.letters.len();
        let fits = match term.ellipsis {
            Some(_) => shape.rank() >= named,
            None => shape.rank() == named,
        };
        if !fits {
            let least = if term.ellipsis.is_some() { "at least " } else { "" };
            return Err(self.fail(
                format!("an operand of rank {least}{named} for the term \"{}\"", term.text),
                format!("rank {}, shape {shape}", shape.rank()),
            ));
        }
        let letters = term.letters.iter().map(|&letter| Label::Letter(letter));
        let mut labels: Vec<Label> = letters.collect();
        if let Some(at) = term.ellipsis {
            labels.splice(at..at, ellipsis(shape.rank() - named));
        }
        Ok(labels)
    }

    /// Checks that equal letters have equal extents and that the axes of `...` broadcast.
    fn check_extents(&self, operands: &[Vec<Label>], shapes: &[&Shape]) -> Result<(), OpError> {
        let mut extents: BTreeMap<Label, usize> = BTreeMap::new();
        let axes = operands.iter().zip(shapes).flat_map(|(l, shape)| l.iter().zip(shape.iter()));
        for (&label, &extent) in axes {
            let before = *extents.entry(label).or_insert(extent);
            match label {
                Label::Letter(letter) if before != extent => {
                    let expected = format!("one extent for `{letter}`");
                    return Err(self.fail(expected, format!("{before} and {extent}")));
                }
                Label::Ellipsis(_) if before != extent && before != 1 && extent != 1 => {
                    let expected = "axes under `...` that are equal or 1";
                    return Err(self.fail(expected, format!("{before} and {extent}")));
                }
                Label::Ellipsis(_) if before == 1 => {
                    extents.insert(label, extent);
                }
                Label::Letter(_) | Label::Ellipsis(_) => {}
            }
        }
        Ok(())
    }

    /// The labels after the arrow.
    fn result(
        &self,
        term: &Term,
        width: usize,
        operands: &[Vec<Label>],
    ) -> Result<Vec<Label>, OpError> {
        for (i, letter) in term.letters.iter().enumerate() {
            if term.letters[..i].contains(letter) {
                let expected = "each letter at most once after the arrow";
                return Err(self.fail(expected, format!("`{letter}` twice")));
            }
            if !operands.iter().any(|labels| labels.contains(&Label::Letter(*letter))) {
                let expected = "letters after the arrow that a term before it has";
                return Err(self.fail(expected, format!("`{letter}`")));
            }
        }
        let mut labels: Vec<Label> = term.letters.iter().map(|&l| Label::Letter(l)).collect();
        match term.ellipsis {
            Some(at) => drop(labels.splice(at..at, ellipsis(width))),
            None if width > 0 => {
                let expected = "`...` after the arrow, as before it";
                return Err(self.fail(expected, format!("\"{}\"", term.text)));
            }
            None => {}
        }
        Ok(labels)
    }
}
