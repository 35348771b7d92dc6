//! What a pickle describes: plain values that refer to each other by number.
//!
//! Numbers in place of references keep a hostile pickle from nesting so deep that it cannot even
//! be dropped.

use super::globals::Global;
use crate::array::RawDType;

/// The longest key of a storage; PyTorch's are numbers.
const MAX_KEY: usize = 256;

/// The number of a value in its [`Values`].
pub(super) type Id = u32;

/// A value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Integer(i64),
    /// An integer of more than 64 bits, little-endian.
    Long(Vec<u8>),
    Float(f64),
    Text(String),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Tuple(Vec<Id>),
    Global(Global),
    Storage(Storage),
    Tensor(View),
    /// Something without weights in it.
    Opaque,
}

/// Bytes that lie beside the pickle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Storage {
    /// The text or number by which it is found.
    pub(super) key: Id,
    pub(super) dtype: RawDType,
    /// The number of elements.
    pub(super) count: u64,
    /// The first element, where a storage is a part of another.
    pub(super) offset: u64,
}

/// A tensor: elements of a storage, in any order.
///
/// Extents and strides are values of their own, so that a thousand tensors that share them take
/// no more room than the pickle has for them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) storage: Storage,
    pub(super) dtype: RawDType,
    pub(super) offset: u64,
    pub(super) shape: Id,
    pub(super) strides: Id,
}

/// The values of a pickle, and which of them it is about.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) values: Vec<Value>,
    pub(super) root: Id,
}

impl Values {
    pub(super) fn get(&self, id: Id) -> &Value {
        self.values.get(id as usize).unwrap_or(&Value::None)
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn integer(&self, id: Id) -> Option<i64> {
        match self.get(id) {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The number in a text or an integer, as the key of a storage is written.
    pub(super) fn key(&self, id: Id) -> Option<String> {
        match self.get(id) {
            Value::Text(key) if key.len() <= MAX_KEY => Some(key.clone()),
            Value::Integer(key) => Some(key.to_string()),
            _ => None,
        }
    }

    /// Extents or strides of at most `most` axes.
    pub(super) fn counts(&self, id: Id, most: usize) -> Option<Vec<u64>> {
        let items = self.items(id).filter(|items| items.len() <= most)?;
        items.iter().map(|item| self.count(*item)).collect()
    }

    pub(super) fn count(&self, id: Id) -> Option<u64> {
        self.integer(id).and_then(|number| u64::try_from(number).ok())
    }

    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }
}
