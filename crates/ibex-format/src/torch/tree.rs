//! The tensors in the dictionaries of a pickle, each with the path of keys that leads to it.

use super::value::{Id, Value, Values, View};
use crate::error::{FormatError, Problem, Result, excerpt};

/// How deep dictionaries and lists may lie in one another: an optimizer's state needs five.
const MAX_DEPTH: usize = 20;

/// What a path may take; a name in PyTorch is seldom longer than a hundred bytes.
const MAX_PATH: usize = 1024;

/// What all paths together may take for each value of the pickle, before sharing is refused.
const PATH_BYTES: usize = 128;

/// Lists of more numbers than this are data, not words about the weights.
const MAX_TEXT: usize = 256;

/// What was found in a pickle.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Tensors with their paths, in the order of the file.
    pub(super) tensors: Vec<(Vec<String>, View)>,
    /// Numbers and short texts with their paths.
    pub(super) texts: Vec<(Vec<String>, String)>,
}

/// Collects what a pickle holds.
///
/// # Errors
/// When containers lie too deep or contain one another, so that the paths have no end.
pub(super) fn collect(values: &Values) -> Result<Found> {
    let budget = values.values.len().saturating_mul(PATH_BYTES).saturating_add(1 << 16);
    let mut walk = Walk { values, found: Found::default(), path: Vec::new(), budget };
    walk.visit(values.root)?;
    Ok(walk.found)
}

struct Walk<'a> {
    values: &'a Values,
    found: Found,
    path: Vec<String>,
    budget: usize,
}

impl Walk<'_> {
    fn visit(&mut self, id: Id) -> Result<()> {
        let values = self.values;
        match values.get(id) {
            Value::Tensor(view) => self.found.tensors.push((self.path.clone(), *view)),
            Value::Dict(pairs) => {
                for (key, value) in pairs {
                    if let Some(key) = self.name(*key) {
                        self.enter(key, *value)?;
                    }
                }
            }
            Value::List(items) | Value::Tuple(items) => {
                for (index, item) in items.iter().enumerate() {
                    // Numbers in lists are options of an optimizer.
                    if matches!(values.get(*item), Value::Tensor(_))
                        || matches!(values.get(*item), Value::Dict(_))
                    {
                        self.enter(index.to_string(), *item)?;
                    }
                }
            }
            Value::Bool(value) => self.note(value.to_string()),
            Value::Integer(value) => self.note(value.to_string()),
            Value::Float(value) => self.note(value.to_string()),
            Value::Text(text) if text.len() <= MAX_TEXT => self.note(text.clone()),
            _ => {}
        }
        Ok(())
    }

    fn name(&self, key: Id) -> Option<String> {
        match self.values.get(key) {
            Value::Text(name) => Some(name.clone()),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn note(&mut self, text: String) {
        if !self.path.is_empty() {
            self.found.texts.push((self.path.clone(), text));
        }
    }

    fn enter(&mut self, key: String, value: Id) -> Result<()> {
        let length = self.path.iter().map(|part| part.len() + 24).sum::<usize>() + key.len() + 48;
        let left = self.budget.checked_sub(length);
        if self.path.len() >= MAX_DEPTH || length > MAX_PATH || left.is_none() {
            return Err(self.endless(&key));
        }
        self.budget = left.unwrap_or(0);
        self.path.push(key);
        self.visit(value)?;
        self.path.pop();
        Ok(())
    }

    fn endless(&self, key: &str) -> FormatError {
        Problem::new("the dictionaries of the pickle lie too deep, or in one another")
            .expected(format!("at most {MAX_DEPTH} levels, and names of at most {MAX_PATH} bytes"))
            .received(excerpt(&format!("{}.{key}", self.path.join("."))))
            .refused()
    }
}
