//! What the permitted names make of their arguments: storages, views of them, dictionaries.

use super::globals::Global;
use super::value::{Id, Storage, Value, Values, View};
use crate::array::RawDType;
use crate::error::{FormatError, Problem, Result};

/// PyTorch's own limit on the number of axes.
pub(super) const MAX_RANK: usize = 64;

/// What `callee(*arguments)` stands for.
pub(super) fn called(values: &mut Values, callee: Id, arguments: Id) -> Result<Value> {
    let global = match values.get(callee) {
        Value::Global(global) => *global,
        // A call of something that is passed over is passed over.
        Value::Opaque => return Ok(Value::Opaque),
        _ => return Err(unfit("a call of something that is no function")),
    };
    if global == Global::OrderedDict {
        return ordered_dict(values, arguments).ok_or_else(|| unfit("a dictionary of no pairs"));
    }
    made(values, global, arguments)
}

fn made(values: &Values, global: Global, arguments: Id) -> Result<Value> {
    let items = values.items(arguments).unwrap_or_default();
    let found = match global {
        Global::Tensor => tensor(values, items, None),
        Global::TensorOfDType => match items.get(6).map(|id| values.get(*id)) {
            Some(Value::Global(Global::DType(dtype))) => tensor(values, items, Some(*dtype)),
            _ => None,
        },
        Global::Parameter => match items.first().map(|id| values.get(*id)) {
            Some(Value::Tensor(view)) => Some(Value::Tensor(*view)),
            _ => None,
        },
        Global::FromType => match items {
            [function, _, arguments, ..] => match values.get(*function) {
                // Only the functions that make tensors: they never come back here.
                Value::Global(inner @ (Global::Tensor | Global::TensorOfDType)) => {
                    return made(values, *inner, *arguments);
                }
                _ => None,
            },
            _ => None,
        },
        Global::Size => {
            let extents = items.first().and_then(|id| values.items(*id));
            let extents = extents.filter(|extents| extents.len() <= MAX_RANK);
            extents.map(|extents| Value::Tuple(extents.to_vec()))
        }
        Global::Opaque => Some(Value::Opaque),
        Global::OrderedDict | Global::Storage(_) | Global::DType(_) => None,
    };
    found.ok_or_else(|| unfit(&format!("{} arguments that do not fit {global:?}", items.len())))
}

/// Pairs are moved, not copied: calls that share a list cannot make it many.
fn ordered_dict(values: &mut Values, arguments: Id) -> Option<Value> {
    let Some(&list) = values.items(arguments)?.first() else {
        return Some(Value::Dict(Vec::new()));
    };
    let pairs = match values.values.get_mut(list as usize) {
        Some(Value::List(pairs)) => std::mem::take(pairs),
        _ => return None,
    };
    let pair = |pair: Id| match values.items(pair) {
        Some([key, value]) => Some((*key, *value)),
        _ => None,
    };
    pairs.into_iter().map(pair).collect::<Option<Vec<_>>>().map(Value::Dict)
}

/// `(storage, offset, size, stride, …)`.
fn tensor(values: &Values, items: &[Id], dtype: Option<RawDType>) -> Option<Value> {
    let [storage, offset, shape, strides, ..] = items else { return None };
    let Value::Storage(storage) = values.get(*storage) else { return None };
    let rank = values.counts(*shape, MAX_RANK)?.len();
    (values.counts(*strides, MAX_RANK)?.len() == rank).then_some(())?;
    Some(Value::Tensor(View {
        dtype: dtype.unwrap_or(storage.dtype),
        storage: *storage,
        offset: values.count(*offset)?,
        shape: *shape,
        strides: *strides,
    }))
}

/// `('storage', type, key, location, count)`, in older files with the part of another storage.
pub(super) fn storage(values: &Values, reference: Id) -> Result<Value> {
    let items = values.items(reference).unwrap_or_default();
    let read = || {
        let [kind, class, key, _, count, rest @ ..] = items else { return None };
        if values.text(*kind)? != "storage" {
            return None;
        }
        let Value::Global(Global::Storage(dtype)) = values.get(*class) else { return None };
        let part = rest.first().and_then(|id| values.items(*id));
        let offset = match part {
            Some([_, offset, _]) => values.count(*offset)?,
            _ => 0,
        };
        values.key(*key)?;
        Some(Storage { key: *key, dtype: *dtype, count: values.count(*count)?, offset })
    };
    match read() {
        Some(storage) => Ok(Value::Storage(storage)),
        None => Err(unfit("a reference to something that is no storage")),
    }
}

fn unfit(received: &str) -> FormatError {
    Problem::new("the pickle describes something that is no state dictionary")
        .received(received)
        .help("in PyTorch, save `model.state_dict()`")
        .unsupported()
}
