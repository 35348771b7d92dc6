//! Writing trees as HDF5 files of version 1.8, which every h5py reads.
//!
//! Arrays are contiguous and uncompressed, as Keras writes them, and equal trees give equal bytes.
//! Large arrays are written from where they lie, by `blanks`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use hdf5_pure::{AttrValue, DatasetBuilder, FileBuilder, FinishedGroup, GroupBuilder, LibVer};

use super::blanks::{Blanks, Filling};
use super::types::{BFLOAT16, DTYPE_ATTRIBUTE, to_hdf5};
use super::{Attribute, Hdf5Dataset, Hdf5Group, Hdf5Node, MAX_DEPTH, check_name, join};
use crate::array::RawDType;
use crate::atomic::write_atomically;
use crate::error::{FormatError, Problem, Result, excerpt};

/// Writes a tree as a file, whole or not at all.
///
/// The tree is given away so that its arrays need not be copied.
///
/// # Errors
/// When a name or the nesting cannot be stored, and when the disk refuses.
pub fn write(path: impl AsRef<Path>, root: Hdf5Group) -> Result<()> {
    write_atomically(path, |file: &mut File| {
        let mut out = BufWriter::new(file);
        write_to(&mut out, root)?;
        out.flush().map_err(FormatError::writing(""))
    })
}

/// The bytes of a tree as a file.
///
/// # Errors
/// When a name or the nesting cannot be stored.
pub fn to_bytes(root: Hdf5Group) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_to(&mut bytes, root)?;
    Ok(bytes)
}

/// Writes a tree as a file into `out`.
///
/// # Errors
/// When a name or the nesting cannot be stored, and when `out` fails.
pub fn write_to(out: &mut dyn Write, root: Hdf5Group) -> Result<()> {
    let mut builder = FileBuilder::new();
    builder.with_libver_bounds(LibVer::Earliest, LibVer::V18);
    let mut blanks = Blanks::default();
    fill(&mut builder, root, &mut blanks, "", 0)?;
    let mut filling = Filling::new(out, blanks);
    builder.finish_to(&mut filling).map_err(|error| match error {
        hdf5_pure::Error::Io(error) => FormatError::writing("")(error),
        error => Problem::new("the tree cannot be written as an HDF5 file")
            .received(error.to_string())
            .invalid(),
    })?;
    filling.finish()
}

/// The root of a file, or a group below it.
trait Container {
    fn dataset(&mut self, name: &str) -> &mut DatasetBuilder;
    fn group(&mut self, name: &str) -> GroupBuilder;
    fn add(&mut self, group: FinishedGroup);
    fn attribute(&mut self, name: &str, value: AttrValue);
}

macro_rules! containers {
    ($($builder:ty),+) => {$(
        impl Container for $builder {
            fn dataset(&mut self, name: &str) -> &mut DatasetBuilder {
                self.create_dataset(name)
            }

            fn group(&mut self, name: &str) -> GroupBuilder {
                self.create_group(name)
            }

            fn add(&mut self, group: FinishedGroup) {
                self.add_group(group);
            }

            fn attribute(&mut self, name: &str, value: AttrValue) {
                self.set_attr(name, value);
            }
        }
    )+};
}

containers!(FileBuilder, GroupBuilder);

fn fill(
    container: &mut dyn Container,
    group: Hdf5Group,
    blanks: &mut Blanks,
    path: &str,
    depth: usize,
) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Problem::new("the groups are nested too deep")
            .expected(format!("at most {MAX_DEPTH} levels"))
            .invalid()
            .in_member(excerpt(path)));
    }
    for (name, value) in group.attributes {
        container.attribute(&name, to_hdf5_value(value));
    }
    for (name, node) in group.children {
        let path = join(path, &name);
        check_name(&name, &path)?;
        match node {
            Hdf5Node::Group(child) => {
                let mut builder = container.group(&name);
                fill(&mut builder, child, blanks, &path, depth + 1)?;
                container.add(builder.finish());
            }
            Hdf5Node::Dataset(dataset) => add_dataset(container.dataset(&name), dataset, blanks)
                .map_err(|error| error.in_member(excerpt(&path)))?,
        }
    }
    Ok(())
}

fn add_dataset(
    builder: &mut DatasetBuilder,
    dataset: Hdf5Dataset,
    blanks: &mut Blanks,
) -> Result<()> {
    let Hdf5Dataset { array, attributes } = dataset;
    let (dtype, count) = (array.dtype(), array.len() as u64);
    let shape: Vec<u64> = array.shape().iter().map(|&extent| extent as u64).collect();
    builder.with_shape(&shape).with_raw_data(to_hdf5(dtype)?, blanks.instead_of(array), count);
    let mut attributes: BTreeMap<_, _> = attributes;
    if dtype == RawDType::BF16 {
        attributes.insert(DTYPE_ATTRIBUTE.into(), Attribute::Text(BFLOAT16.into()));
    }
    for (name, value) in attributes {
        builder.set_attr(&name, to_hdf5_value(value));
    }
    Ok(())
}

/// As h5py stores a Python value: texts with variable length, integers and floats with 64 bits.
fn to_hdf5_value(value: Attribute) -> AttrValue {
    match value {
        Attribute::Text(text) => AttrValue::VarLenString(text),
        Attribute::Texts(texts) => AttrValue::VarLenStringArray(texts),
        Attribute::Integer(number) => AttrValue::I64(number),
        Attribute::Integers(numbers) => AttrValue::I64Array(numbers),
        Attribute::Float(number) => AttrValue::F64(number),
        Attribute::Floats(numbers) => AttrValue::F64Array(numbers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::RawArray;
    use crate::hdf5::from_bytes;

    fn sample() -> Hdf5Group {
        let mut root = Hdf5Group::new();
        for dtype in RawDType::ALL {
            for shape in [vec![], vec![2], vec![2, 3], vec![0, 3]] {
                let count = shape.iter().product::<usize>() * dtype.size();
                let data = (0..count).map(|i| (i % 2) as u8).collect();
                let path = format!("layers/{dtype}/{}", shape.len() + shape.contains(&0) as usize);
                root.insert(&path, RawArray::new(dtype, shape, data).unwrap()).unwrap();
            }
        }
        root.group_mut("empty/vars").unwrap();
        root.attributes.insert("backend".into(), Attribute::Text("jax".into()));
        let vars = root.group_mut("layers/float32").unwrap();
        let names = vec!["dense/kernel".to_string(), "β".to_string(), String::new()];
        vars.attributes.insert("weight_names".into(), Attribute::Texts(names));
        vars.attributes.insert("long".into(), Attribute::Text("x".repeat(100_000)));
        vars.attributes.insert("count".into(), Attribute::Integer(-3));
        vars.attributes.insert("counts".into(), Attribute::Integers(vec![1, 2]));
        vars.attributes.insert("rate".into(), Attribute::Float(0.5));
        vars.attributes.insert("rates".into(), Attribute::Floats(vec![0.25, 4.0]));
        root
    }

    #[test]
    fn every_element_type_shape_and_attribute_comes_back() {
        let bytes = to_bytes(sample()).unwrap();
        assert_eq!(bytes, to_bytes(sample()).unwrap());
        assert_eq!(from_bytes(bytes).unwrap(), sample());
    }

    #[test]
    fn a_group_of_thousands_of_arrays_comes_back() {
        let mut root = Hdf5Group::new();
        for index in 0..3000 {
            let path = format!("optimizer/vars/{index}");
            root.insert(&path, RawArray::scalar(index as f32)).unwrap();
        }
        assert_eq!(from_bytes(to_bytes(root.clone()).unwrap()).unwrap(), root);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| {
            let mut root = Hdf5Group::new();
            root.group_mut(&vec!["a"; levels].join("/")).unwrap();
            root
        };
        let deep = nested(MAX_DEPTH);
        assert_eq!(from_bytes(to_bytes(deep.clone()).unwrap()).unwrap(), deep);
        assert!(to_bytes(nested(MAX_DEPTH + 1)).is_err());
    }

    #[test]
    fn names_are_checked() {
        let mut root = Hdf5Group::new();
        root.children.insert("a/b".into(), Hdf5Node::Group(Hdf5Group::new()));
        assert!(matches!(to_bytes(root), Err(FormatError::Invalid(_))));
    }
}
