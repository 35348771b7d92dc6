//! HDF5 files as trees of groups, datasets and attributes: `.weights.h5` and Keras 2 models.
//!
//! The bytes are read and written by the crate `hdf5-pure`; this module adds bounds, a tree
//! that owns its arrays, and the conventions of h5py and Keras for bool and bfloat16.
//! It must not know which groups Keras makes, nor what their arrays mean.
//!
//! Children and attributes are in the order of their names, which is also how h5py lists them.
//! Soft and external links are passed over, as Keras refuses to follow them.
//!
//! Read in this order: this file, `types`, `read`, `write`, `blanks`.
//!
//! ```
//! use ibex_format::{Attribute, Hdf5Group, RawArray, hdf5};
//!
//! # fn main() -> ibex_format::Result<()> {
//! let mut weights = Hdf5Group::new();
//! weights.insert("layers/dense/vars/0", RawArray::from_slice(&[2], &[0.5f32, -1.0])?)?;
//! let vars = weights.group_mut("layers/dense/vars")?;
//! vars.attributes.insert("name".into(), Attribute::Text("dense".into()));
//!
//! let back = hdf5::from_bytes(hdf5::to_bytes(weights)?)?;
//! assert_eq!(back.array("layers/dense/vars/0")?.to_f32_vec(), [0.5, -1.0]);
//! # Ok(())
//! # }
//! ```

mod blanks;
mod read;
mod types;
mod write;

use std::collections::BTreeMap;

use crate::array::RawArray;
use crate::error::{FormatError, Problem, Result, excerpt};

pub use read::{from_bytes, read};
pub use write::{to_bytes, write, write_to};

pub(crate) use read::from_source;

/// How deep groups may lie in one another; a model nested ten deep needs about forty.
pub const MAX_DEPTH: usize = 100;

/// A value attached to a group or a dataset.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// One text, of fixed or variable length in the file.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// One integer or truth value.
    Integer(i64),
    /// Several integers.
    Integers(Vec<i64>),
    /// One floating-point number.
    Float(f64),
    /// Several floating-point numbers.
    Floats(Vec<f64>),
}

impl Attribute {
    /// The text, when it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The texts, when there are several or none.
    ///
    /// An empty list has no type in Python, so that h5py stores it as one of floats.
    pub fn as_texts(&self) -> Option<&[String]> {
        match self {
            Self::Texts(texts) => Some(texts),
            Self::Floats(numbers) if numbers.is_empty() => Some(&[]),
            _ => None,
        }
    }
}

/// An array with its attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Hdf5Dataset {
    /// The numbers.
    pub array: RawArray,
    /// The values attached to them, by name.
    pub attributes: BTreeMap<String, Attribute>,
}

impl From<RawArray> for Hdf5Dataset {
    fn from(array: RawArray) -> Self {
        Self { array, attributes: BTreeMap::new() }
    }
}

/// A child of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Hdf5Node {
    /// A group, which may be empty.
    Group(Hdf5Group),
    /// An array.
    Dataset(Hdf5Dataset),
}

/// A folder of arrays and further groups; the root of a file is one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hdf5Group {
    /// The values attached to the group, by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// The groups and arrays within, by name.
    pub children: BTreeMap<String, Hdf5Node>,
}

impl Hdf5Group {
    /// A group of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What lies at a path such as `layers/dense/vars/0`, seen from this group.
    pub fn get(&self, path: &str) -> Option<&Hdf5Node> {
        let (parent, name) = match path.rsplit_once('/') {
            Some((parent, name)) => (self.group(parent)?, name),
            None => (self, path),
        };
        parent.children.get(name)
    }

    /// The group at a path; the empty path is this group.
    pub fn group(&self, path: &str) -> Option<&Self> {
        if path.is_empty() {
            return Some(self);
        }
        path.split('/').try_fold(self, |group, name| match group.children.get(name) {
            Some(Hdf5Node::Group(child)) => Some(child),
            _ => None,
        })
    }

    /// The array at a path.
    ///
    /// # Errors
    /// `Missing`, naming what lies where the array was looked for.
    pub fn array(&self, path: &str) -> Result<&RawArray> {
        match self.get(path) {
            Some(Hdf5Node::Dataset(dataset)) => Ok(&dataset.array),
            found => Err(self.missing_array(path, found.is_some())),
        }
    }

    /// The group at a path, made with those above it when it is not there.
    ///
    /// # Errors
    /// When a name cannot be one, or when an array lies on the path.
    pub fn group_mut(&mut self, path: &str) -> Result<&mut Self> {
        if path.is_empty() {
            return Ok(self);
        }
        path.split('/').try_fold(self, |group, name| {
            check_name(name, path)?;
            let child = group.children.entry(name.to_string());
            match child.or_insert_with(|| Hdf5Node::Group(Self::new())) {
                Hdf5Node::Group(child) => Ok(child),
                Hdf5Node::Dataset(_) => Err(taken(path)),
            }
        })
    }

    /// Puts an array at a path, making the groups above it.
    ///
    /// # Errors
    /// When a name cannot be one, or when the place is taken.
    pub fn insert(&mut self, path: &str, array: RawArray) -> Result<()> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        check_name(name, path)?;
        let children = &mut self.group_mut(parent)?.children;
        if children.contains_key(name) {
            return Err(taken(path));
        }
        children.insert(name.to_string(), Hdf5Node::Dataset(array.into()));
        Ok(())
    }

    /// Every array of the tree with its path, in the order of the names.
    pub fn arrays(&self) -> Vec<(String, &RawArray)> {
        let mut found = Vec::new();
        self.collect_arrays("", &mut found);
        found
    }

    fn collect_arrays<'a>(&'a self, above: &str, found: &mut Vec<(String, &'a RawArray)>) {
        for (name, node) in &self.children {
            let path = join(above, name);
            match node {
                Hdf5Node::Group(group) => group.collect_arrays(&path, found),
                Hdf5Node::Dataset(dataset) => found.push((path, &dataset.array)),
            }
        }
    }

    fn missing_array(&self, path: &str, is_group: bool) -> FormatError {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let received = match self.group(parent) {
            _ if is_group => "a group".to_string(),
            None => format!("no group `{}`", excerpt(parent)),
            Some(group) if group.children.is_empty() => "an empty group".to_string(),
            Some(group) => {
                let names: Vec<_> =
                    group.children.keys().take(16).map(|n| format!("`{}`", excerpt(n))).collect();
                format!("only {}", names.join(", "))
            }
        };
        Problem::new(format!("there is no array `{}`", excerpt(path))).received(received).missing()
    }
}

fn check_name(name: &str, path: &str) -> Result<()> {
    if !name.is_empty() && name != "." && !name.contains(['/', '\0']) {
        return Ok(());
    }
    Err(Problem::new("the path of a group or an array has a part that cannot be a name")
        .expected("names that are not empty and not `.`, with `/` between them")
        .received(format!("`{}`", excerpt(path)))
        .invalid())
}

fn taken(path: &str) -> FormatError {
    Problem::new(format!("the place `{}` is taken", excerpt(path)))
        .expected("a path at which, and above which, no array lies")
        .invalid()
}

/// The path of a child.
fn join(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_string() } else { format!("{above}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn sample() -> Hdf5Group {
        let mut root = Hdf5Group::new();
        root.insert("layers/dense/vars/0", RawArray::scalar(1.0f32)).unwrap();
        root.insert("layers/dense/vars/1", RawArray::scalar(2.0f32)).unwrap();
        root.group_mut("vars").unwrap();
        root
    }

    #[test]
    fn paths_lead_to_arrays_and_groups() {
        let root = sample();
        assert_eq!(root.array("layers/dense/vars/1").unwrap().to_f32_vec(), [2.0]);
        assert!(root.group("vars").is_some_and(|group| group.children.is_empty()));
        assert!(root.group("layers/dense/vars/0").is_none());
        let paths: Vec<String> = root.arrays().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["layers/dense/vars/0", "layers/dense/vars/1"]);
    }

    #[test]
    fn a_missing_array_says_what_is_there() {
        let text = |path| sample().array(path).unwrap_err().to_string();
        expect![[r#"
            there is no array `layers/dense/vars/2`
              received  only `0`, `1`"#]]
        .assert_eq(&text("layers/dense/vars/2"));
        expect![[r#"
            there is no array `layers/conv2d/vars/0`
              received  no group `layers/conv2d/vars`"#]]
        .assert_eq(&text("layers/conv2d/vars/0"));
        expect![[r#"
            there is no array `layers/dense`
              received  a group"#]]
        .assert_eq(&text("layers/dense"));
    }

    #[test]
    fn a_place_is_taken_once() {
        let mut root = sample();
        let array = RawArray::scalar(0.0f32);
        assert!(root.insert("vars", array.clone()).is_err());
        assert!(root.insert("layers/dense/vars/0", array.clone()).is_err());
        assert!(root.insert("layers/dense/vars/0/deeper", array.clone()).is_err());
        for path in ["", "a//b", "/a", "a/", "./a", "a\0"] {
            assert!(root.insert(path, array.clone()).is_err(), "{path:?}");
        }
    }
}
