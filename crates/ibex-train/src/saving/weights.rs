//! The tree of a weights file: which array lies where, both ways.
//!
//! The places are those of Keras 3: `layers/dense_1/vars/0` for the first weight of the second
//! dense layer of a model, whatever the layer is called; the name is an attribute beside it.
//! A layer that is met twice is stored where it is met first.
//! It must not know archives, configurations or optimizers.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ibex_format::error::Problem;
use ibex_format::{Attribute, FormatError, Hdf5Group, Hdf5Node, RawArray};
use ibex_graph::{Array, Shape, Variable};
use ibex_nn::layer::snake_case;
use ibex_nn::models::listed_layers;
use ibex_nn::{Instance, Layer, Weight};

use crate::arrays::{dtype_of, from_raw, lent};
use crate::error::Result;

/// The group below a saved object in which its arrays lie.
const VARIABLES: &str = "vars";

/// What to do about a file that does not fit, whether it holds a model or only weights.
pub(super) const HELP: &str = "save it again from the model it belongs to; `load_weights_with` and \
                    `Mismatch::Skip` take from it what fits";

/// A layer and its place in the tree.
pub(super) struct Placed {
    pub(super) path: String,
    pub(super) instance: Arc<Instance>,
}

/// What to do with a weight of the file whose shape is not that of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mismatch {
    /// It is an error, and nothing is loaded.
    #[default]
    Refuse,
    /// The layer keeps the weights that it has; so does one that the file lacks.
    Skip,
}

/// Values for variables, checked but not yet assigned.
#[derive(Debug, Default)]
pub(crate) struct Assignments<'a> {
    values: Vec<(Variable, New<'a>)>,
    /// The names of the layers that keep the weights they had.
    pub(crate) skipped: Vec<String>,
}

/// What a variable gets: the bytes of the file as they are, or what was made of them.
#[derive(Debug)]
enum New<'a> {
    Bytes(&'a [u8]),
    Array(Array),
}

impl<'a> Assignments<'a> {
    /// Adds the value of a variable of the same shape.
    ///
    /// # Errors
    /// If an element cannot be held.
    fn push(&mut self, variable: &Variable, array: &'a RawArray) -> Result<()> {
        // Weights are large: those that need no change are copied once.
        let new = match dtype_of(array) == Some(variable.dtype()) {
            true => New::Bytes(array.data()),
            false => New::Array(from_raw(array)?.cast(variable.dtype())),
        };
        self.values.push((variable.clone(), new));
        Ok(())
    }

    /// Gives every variable its value.
    pub(crate) fn carry_out(self) -> Result<Vec<String>> {
        for (variable, value) in &self.values {
            match value {
                New::Bytes(bytes) => variable.lock().bytes_mut().copy_from_slice(bytes),
                New::Array(array) => variable.set(array)?,
            }
        }
        Ok(self.skipped)
    }
}

/// Writes the weights of a model, and of the layers in it, into a tree.
///
/// # Errors
/// If a name cannot be one in a file.
pub(crate) fn write(root: &Arc<Instance>, name: &str, tree: &mut Hdf5Group) -> Result<()> {
    for placed in placed_layers(root) {
        let layer = &placed.instance;
        let name = if placed.path.is_empty() { name } else { layer.name() };
        let values = weights_in_order(layer);
        write_group(tree, &placed.path, name, values.into_iter().filter_map(Weight::variable))?;
    }
    Ok(())
}

/// Writes the variables of one object: `path/vars/0`, `path/vars/1`, ….
///
/// # Errors
/// If a name cannot be one in a file.
pub(crate) fn write_group<'a>(
    tree: &mut Hdf5Group,
    path: &str,
    name: &str,
    variables: impl Iterator<Item = &'a Variable>,
) -> Result<()> {
    let group = tree.group_mut(&joined(path, VARIABLES))?;
    group.attributes.insert("name".to_string(), Attribute::Text(name.to_string()));
    for (index, variable) in variables.enumerate() {
        group.insert(&index.to_string(), lent(variable)?)?;
    }
    Ok(())
}

/// Reads the weights of a model, and of the layers in it, out of a tree.
///
/// # Errors
/// If the file lacks a weight, has more than the layer, or one has another shape; see
/// [`Mismatch`].
pub(crate) fn read<'a>(
    root: &Arc<Instance>,
    tree: &'a Hdf5Group,
    mismatch: Mismatch,
) -> Result<Assignments<'a>> {
    let mut assignments = Assignments::default();
    for placed in placed_layers(root) {
        match fitting(&placed, tree).and_then(|pairs| assigned(pairs, &mut assignments)) {
            Ok(()) => {}
            Err(_) if mismatch == Mismatch::Skip => {
                assignments.skipped.push(placed.instance.name().to_string());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(assignments)
}

/// The arrays of one object, in order; `None` if the tree has no such object.
pub(crate) fn read_group<'a>(tree: &'a Hdf5Group, path: &str) -> Option<Vec<&'a RawArray>> {
    let group = tree.group(&joined(path, VARIABLES))?;
    let array = |index: usize| match group.children.get(&index.to_string()) {
        Some(Hdf5Node::Dataset(dataset)) => Some(&dataset.array),
        _ => None,
    };
    Some((0..group.children.len()).map_while(array).collect())
}

/// Pairs variables with arrays of the same shapes; `None` if they do not fit.
pub(crate) fn paired<'a>(
    variables: &[Variable],
    arrays: &[&'a RawArray],
) -> Result<Option<Assignments<'a>>> {
    let fits =
        |(variable, array): (&Variable, &&RawArray)| variable.shape().dims() == array.shape();
    if variables.len() != arrays.len() || !variables.iter().zip(arrays).all(fits) {
        return Ok(None);
    }
    let mut assignments = Assignments::default();
    for (variable, array) in variables.iter().zip(arrays) {
        assignments.push(variable, array)?;
    }
    Ok(Some(assignments))
}

/// Whether a tree has every weight of a model, and of the layers in it, with its shape.
///
/// # Errors
/// As [`read`] with [`Mismatch::Refuse`].
pub(crate) fn check(root: &Arc<Instance>, tree: &Hdf5Group) -> Result<()> {
    placed_layers(root).iter().try_for_each(|placed| fitting(placed, tree).map(|_| ()))
}

/// Adds the values of weights, each with an array of its shape.
///
/// # Errors
/// If an array cannot be held.
pub(super) fn assigned<'a>(
    pairs: Vec<(&Weight, &'a RawArray)>,
    assignments: &mut Assignments<'a>,
) -> Result<()> {
    for (weight, array) in pairs {
        if let Some(variable) = weight.variable() {
            assignments.push(variable, array)?;
        }
    }
    Ok(())
}

/// The weights of one layer, each with an array of its shape.
fn fitting<'p, 'a>(
    placed: &'p Placed,
    tree: &'a Hdf5Group,
) -> Result<Vec<(&'p Weight, &'a RawArray)>> {
    let weights = weights_in_order(&placed.instance);
    if weights.is_empty() {
        return Ok(Vec::new());
    }
    let arrays = read_group(tree, &placed.path).unwrap_or_default();
    for (index, weight) in weights.iter().enumerate() {
        let Some(array) = arrays.get(index) else {
            return Err(missing(placed, weight, index, arrays.len(), tree).into());
        };
        if array.shape() != weight.spec().shape.dims() {
            return Err(mismatched(placed, weight, index, array).into());
        }
    }
    if arrays.len() > weights.len() {
        return Err(surplus(placed, &weights, arrays.len()).into());
    }
    Ok(weights.into_iter().zip(arrays).collect())
}

fn missing(
    placed: &Placed,
    weight: &Weight,
    index: usize,
    count: usize,
    tree: &Hdf5Group,
) -> FormatError {
    let layer = placed.instance.name();
    let problem = Problem::new(format!(
        "the file has no weight `{}` for layer `{layer}`",
        weight.spec().name
    ))
    .expected(format!("{} of shape {}", weight.spec().dtype, weight.spec().shape));
    let problem = match tree.group(&placed.path) {
        Some(_) => problem.received(format!("a layer with {count} of its weights")),
        None => problem.received(format!("no layer there; {}", stored_layers(placed, tree))),
    };
    problem.help(HELP).missing().in_member(place(placed, index))
}

/// The layers that the file has where this one was looked for.
fn stored_layers(placed: &Placed, tree: &Hdf5Group) -> String {
    let parent = placed.path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let names: Vec<String> = tree.group(parent).map_or(Vec::new(), |group| {
        group.children.keys().take(16).map(|name| format!("`{}`", name.escape_debug())).collect()
    });
    if names.is_empty() {
        "the file has no layers".into()
    } else {
        format!("only {}", names.join(", "))
    }
}

fn mismatched(placed: &Placed, weight: &Weight, index: usize, array: &RawArray) -> FormatError {
    let layer = placed.instance.name();
    let stored = Shape::from(array.shape());
    Problem::new(format!(
        "the weight `{}` of layer `{layer}` has another shape in the file",
        weight.spec().name
    ))
    .expected(weight.spec().shape.to_string())
    .received(stored.to_string())
    .help(HELP)
    .invalid()
    .in_member(place(placed, index))
}

fn surplus(placed: &Placed, weights: &[&Weight], count: usize) -> FormatError {
    let names: Vec<&str> = weights.iter().map(|w| w.spec().name.as_str()).collect();
    Problem::new(format!("the file has more weights for layer `{}`", placed.instance.name()))
        .expected(format!("{} ({})", names.len(), names.join(", ")))
        .received(count.to_string())
        .help(HELP)
        .invalid()
        .in_member(joined(&placed.path, VARIABLES))
}

fn place(placed: &Placed, index: usize) -> String {
    format!("{}/{index}", joined(&placed.path, VARIABLES))
}

/// A layer's own weights in the order of files: trained ones, then the others.
fn weights_in_order(instance: &Instance) -> Vec<&Weight> {
    let own = |trained| instance.weights().iter().filter(move |w| w.spec().trainable == trained);
    own(true).chain(own(false)).collect()
}

/// Every layer once, the model first, each with its place.
pub(super) fn placed_layers(root: &Arc<Instance>) -> Vec<Placed> {
    let (mut placed, mut seen) = (Vec::new(), HashSet::new());
    place_layer(root, String::new(), &mut seen, &mut placed);
    placed
}

fn place_layer(
    instance: &Arc<Instance>,
    path: String,
    seen: &mut HashSet<*const Instance>,
    placed: &mut Vec<Placed>,
) {
    if !seen.insert(Arc::as_ptr(instance)) {
        return;
    }
    placed.push(Placed { path: path.clone(), instance: instance.clone() });
    let Some(layers) = listed_layers(instance) else {
        for (name, child) in instance.children() {
            place_layer(child, joined(&path, name), seen, placed);
        }
        return;
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for child in layers {
        let stem = stem_of(child.layer().as_ref());
        let count = counts.entry(stem.clone()).or_default();
        let name = if *count == 0 { stem } else { format!("{stem}_{count}") };
        *count += 1;
        place_layer(child, joined(&path, &format!("layers/{name}")), seen, placed);
    }
}

/// The stem of automatic names, which is that of places too; without the package of a registered
/// class.
fn stem_of(layer: &dyn Layer) -> String {
    match layer.class_name().rsplit_once('>') {
        Some((_, name)) => snake_case(name),
        None => layer.stem(),
    }
}

pub(super) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}/{name}") }
}
