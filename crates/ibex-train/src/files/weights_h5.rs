//! The row of `.weights.h5` files.

use std::path::Path;

use ibex_format::{Hdf5Group, Hdf5Node, NamedArrays, RawArray, hdf5};

use super::Format;
use crate::error::Result;
use crate::model::Model;
use crate::transfer::Layout;

/// Weights of Keras 3, and any other tree of arrays.
pub(super) const FORMAT: Format = Format {
    name: "Keras 3 weights",
    endings: &[".weights.h5"],
    is_start: |bytes| bytes.starts_with(b"\x89HDF\r\n\x1a\n"),
    open_model: None,
    read: |path| Ok(named(hdf5::read(path)?)),
    save_model: Some(save_model),
    write: Some(write),
    layout: Layout::Keras,
    is_tree: true,
    read_config: None,
};

/// The arrays of a tree under their paths.
pub(super) fn named(root: Hdf5Group) -> NamedArrays {
    let mut content = NamedArrays::default();
    collect(root, "", &mut content.arrays);
    content
}

fn collect(group: Hdf5Group, above: &str, arrays: &mut Vec<(String, RawArray)>) {
    let path = |name: &str| if above.is_empty() { name.into() } else { format!("{above}/{name}") };
    for (name, node) in group.children {
        match node {
            Hdf5Node::Group(child) => collect(child, &path(&name), arrays),
            Hdf5Node::Dataset(dataset) => arrays.push((path(&name), dataset.array)),
        }
    }
}

/// The tree in which arrays lie under their names.
pub(super) fn tree(content: &NamedArrays) -> Result<Hdf5Group> {
    let mut root = Hdf5Group::new();
    for (name, array) in &content.arrays {
        root.insert(name, array.clone())?;
    }
    Ok(root)
}

fn save_model(model: &Model, path: &Path, _: Layout) -> Result<()> {
    model.save_weights(path)
}

fn write(content: &NamedArrays, path: &Path) -> Result<()> {
    Ok(hdf5::write(path, tree(content)?)?)
}
