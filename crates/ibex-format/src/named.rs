//! What most files of weights hold: arrays by name, in an order, and a few words about them.
//!
//! It must not know any file format, nor what the names mean.

use std::collections::BTreeMap;

use crate::array::RawArray;
use crate::error::{Problem, Result, excerpt};

/// Arrays by name in the order of their file, and the texts that the file holds beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedArrays {
    /// The arrays; no name occurs twice.
    pub arrays: Vec<(String, RawArray)>,
    /// Texts about the arrays: a format's metadata, or numbers of a checkpoint.
    pub metadata: BTreeMap<String, String>,
}

impl NamedArrays {
    /// Arrays without texts.
    ///
    /// # Errors
    /// When a name occurs twice.
    pub fn new(arrays: Vec<(String, RawArray)>) -> Result<Self> {
        let mut names = std::collections::HashSet::new();
        if let Some((name, _)) = arrays.iter().find(|(name, _)| !names.insert(name.as_str())) {
            return Err(Problem::new(format!("two arrays have the name `{}`", excerpt(name)))
                .expected("a name of its own for each array")
                .invalid());
        }
        Ok(Self { arrays, metadata: BTreeMap::new() })
    }

    /// The array of that name.
    pub fn get(&self, name: &str) -> Option<&RawArray> {
        self.arrays.iter().find(|(other, _)| other == name).map(|(_, array)| array)
    }

    /// The number of bytes of all arrays together.
    pub fn bytes(&self) -> u64 {
        self.arrays.iter().map(|(_, array)| array.data().len() as u64).sum()
    }
}
