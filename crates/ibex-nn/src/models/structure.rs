//! How the inputs or outputs of a model are arranged: one tensor, lists and dictionaries.
//!
//! Tensors stand in the order in which Keras flattens them: lists as they are, dictionaries by
//! their sorted keys.
//! Must not know: layers and calls.

use std::collections::BTreeMap;

use crate::arguments::Argument;

/// How several tensors are arranged.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Structure {
    /// One tensor by itself.
    #[default]
    Single,
    /// A list, perhaps of lists and dictionaries.
    List(Vec<Structure>),
    /// A dictionary, perhaps of lists and dictionaries.
    Dict(BTreeMap<String, Structure>),
}

impl Structure {
    /// One tensor by itself, or a list of several.
    pub fn of_count(count: usize) -> Structure {
        match count {
            1 => Structure::Single,
            _ => Structure::list(count),
        }
    }

    /// A list of so many tensors.
    pub fn list(count: usize) -> Structure {
        Structure::List(vec![Structure::Single; count])
    }

    /// A dictionary of tensors.
    pub fn dict(keys: impl IntoIterator<Item = impl Into<String>>) -> Structure {
        Structure::Dict(keys.into_iter().map(|key| (key.into(), Structure::Single)).collect())
    }

    /// The structures directly in it, in order.
    fn inner(&self) -> Vec<&Structure> {
        match self {
            Structure::Single => Vec::new(),
            Structure::List(items) => items.iter().collect(),
            Structure::Dict(items) => items.values().collect(),
        }
    }

    /// How many tensors there are.
    pub fn count(&self) -> usize {
        match self {
            Structure::Single => 1,
            other => other.inner().into_iter().map(Structure::count).sum(),
        }
    }

    /// Whether there are no lists or dictionaries in it, if it is one.
    pub fn is_flat(&self) -> bool {
        self.inner().into_iter().all(|inner| *inner == Structure::Single)
    }

    /// What a call gives: Keras unpacks a list of one.
    pub fn unpacked(&self) -> &Structure {
        match self {
            Structure::List(items) if items.len() == 1 => &items[0],
            other => other,
        }
    }

    /// Values, one for each tensor, arranged in this way; those that are missing are left out.
    pub fn arranged<T>(&self, values: impl IntoIterator<Item = T>) -> Argument<T> {
        self.fill(&mut values.into_iter()).unwrap_or_else(|| Argument::List(Vec::new()))
    }

    fn fill<T>(&self, values: &mut impl Iterator<Item = T>) -> Option<Argument<T>> {
        Some(match self {
            Structure::Single => Argument::Tensor(values.next()?),
            Structure::List(items) => {
                Argument::List(items.iter().filter_map(|item| item.fill(&mut *values)).collect())
            }
            Structure::Dict(items) => {
                let filled =
                    items.iter().map(|(key, item)| Some((key.clone(), item.fill(values)?)));
                Argument::Dict(filled.collect::<Option<_>>()?)
            }
        })
    }

    /// The names by which users speak of tensors that `layers` give: the keys of a dictionary,
    /// otherwise the names of the layers.
    pub fn names(&self, layers: &[String]) -> Vec<String> {
        match self {
            Structure::Dict(items) if self.is_flat() => items.keys().cloned().collect(),
            _ => layers.to_vec(),
        }
    }

    /// The names of the losses of tensors that `layers` give: keys and places on the way to each,
    /// where the name of the layer stands for the last place.
    pub fn paths(&self, layers: &[String]) -> Vec<String> {
        let mut layers = layers.iter();
        let mut found = Vec::new();
        self.add_paths(&mut Vec::new(), &mut layers, &mut found);
        found
    }

    fn add_paths<'a>(
        &self,
        way: &mut Vec<String>,
        layers: &mut impl Iterator<Item = &'a String>,
        found: &mut Vec<String>,
    ) {
        let steps: Vec<(String, &Structure, bool)> = match self {
            Structure::Single => return,
            Structure::List(items) => {
                items.iter().enumerate().map(|(i, item)| (i.to_string(), item, true)).collect()
            }
            Structure::Dict(items) => {
                items.iter().map(|(key, item)| (key.clone(), item, false)).collect()
            }
        };
        for (step, inner, is_place) in steps {
            way.push(step);
            if *inner == Structure::Single {
                let layer = layers.next().cloned().unwrap_or_default();
                if let Some(last) = way.last_mut().filter(|_| is_place) {
                    *last = layer;
                }
                found.push(way.join("/"));
            }
            inner.add_paths(way, layers, found);
            way.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn nested() -> Structure {
        let inner = Structure::Dict([("a".to_string(), Structure::list(2))].into());
        Structure::List(vec![Structure::Single, inner, Structure::dict(["d", "c"])])
    }

    #[test]
    fn values_are_arranged_in_the_order_in_which_keras_flattens() {
        let filled = nested().arranged((0..5).map(|i| json!(i)));
        assert_eq!(Value::from(filled), json!([0, {"a": [1, 2]}, {"c": 3, "d": 4}]));
        assert_eq!((nested().count(), nested().is_flat()), (5, false));
    }

    #[test]
    fn losses_are_named_by_the_way_to_the_output() {
        let layers = ["v", "w", "x", "y", "z"].map(str::to_string);
        // As `CompileLoss` of Keras names them.
        assert_eq!(nested().paths(&layers), ["v", "1/a/w", "1/a/x", "2/c", "2/d"]);
        assert_eq!(nested().names(&layers), layers);
        assert_eq!(Structure::dict(["b", "a"]).names(&layers[..2]), ["a", "b"]);
    }
}
