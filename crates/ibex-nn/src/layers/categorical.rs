//! What the layers that give categories share: how indices become vectors, in a graph and on the
//! host.

use ibex_graph::{Array, DType, Shape, Tensor};
use serde::{Deserialize, Serialize};

use crate::object::ConfigError;

/// What a layer of categories gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputMode {
    /// The index of each element.
    #[default]
    Int,
    /// A vector for each element, 1 at its index.
    OneHot,
    /// A vector for each sample, 1 at the indices that occur in it.
    #[serde(alias = "binary")]
    MultiHot,
    /// A vector for each sample, at each index how often it occurs.
    Count,
    /// The counts, each times the weight of its token.
    #[serde(alias = "tf-idf")]
    TfIdf,
}

impl OutputMode {
    /// The error of a layer that does not have this mode, if it is not among `modes`.
    pub(super) fn check(self, modes: &[OutputMode]) -> Option<ConfigError> {
        let name = |mode: &OutputMode| match mode {
            OutputMode::Int => "int",
            OutputMode::OneHot => "one_hot",
            OutputMode::MultiHot => "multi_hot",
            OutputMode::Count => "count",
            OutputMode::TfIdf => "tf_idf",
        };
        let names: Vec<&str> = modes.iter().map(name).collect();
        (!modes.contains(&self)).then(|| {
            ConfigError::new("the layer has no such output mode")
                .expected(names.join(", "))
                .received(format!("output_mode = {}", name(&self)))
        })
    }
}

/// The error of `sparse = true`, which needs tensors that graphs do not have.
pub(super) fn check_sparse(sparse: bool) -> Option<ConfigError> {
    sparse.then(|| {
        ConfigError::new("sparse outputs are not supported")
            .expected("sparse = false")
            .received("sparse = true")
    })
}

/// The element type of vectors where the layer's is `dtype`: float32 unless that is a float.
pub(super) fn vectors_of(dtype: DType) -> DType {
    if dtype.is_float() { dtype } else { DType::F32 }
}

/// Indices as vectors of `depth` elements; an index outside `0..depth` is in none of them.
pub(super) fn encode(
    indices: &Tensor,
    mode: OutputMode,
    depth: usize,
    dtype: DType,
    weights: Option<&Tensor>,
) -> Tensor {
    let x = indices;
    if mode == OutputMode::Int || x.is_poisoned() {
        return x.clone();
    }
    if mode == OutputMode::OneHot {
        let x = if x.rank() > 1 && x.dim(-1) == 1 { x.squeeze(-1) } else { x.clone() };
        return x.one_hot(depth, -1, dtype);
    }
    let x = if x.rank() == 0 { x.expand_dims(0) } else { x.clone() };
    let vectors = x.one_hot(depth, -1, dtype);
    let sample = [usize::from(x.rank() > 1)];
    match (mode, weights) {
        (OutputMode::MultiHot, _) => vectors.max(&sample, false),
        (_, None) => vectors.sum(&sample, false),
        (_, Some(weights)) => (vectors * weights.cast(dtype).expand_dims(-1)).sum(&sample, false),
    }
}

/// The same on the host: indices of this shape as an array of `dtype`.
pub(super) fn encode_host(
    indices: &[i64],
    shape: &Shape,
    mode: OutputMode,
    depth: usize,
    dtype: DType,
) -> Array {
    let dims = shape.dims();
    let place = |index: i64| usize::try_from(index).ok().filter(|&place| place < depth);
    match mode {
        OutputMode::Int => int_array(indices, shape, dtype),
        OutputMode::OneHot => {
            let dims = match dims {
                [front @ .., 1] if !front.is_empty() => front,
                all => all,
            };
            let mut values = vec![0.0; indices.len() * depth];
            for (vector, &index) in indices.iter().enumerate() {
                if let Some(place) = place(index) {
                    values[vector * depth + place] = 1.0;
                }
            }
            Array::from_f64_slice(dtype, [dims, &[depth]].concat(), &values)
        }
        OutputMode::MultiHot | OutputMode::Count | OutputMode::TfIdf => {
            let (batch, length, rest) = match dims {
                [] => (vec![], 1, vec![]),
                [length] => (vec![], *length, vec![]),
                [batch, length, rest @ ..] => (vec![*batch], *length, rest.to_vec()),
            };
            let inner: usize = rest.iter().product();
            let samples: usize = batch.iter().product();
            let mut values = vec![0.0; samples * inner * depth];
            for (element, &index) in indices.iter().enumerate() {
                let Some(place) = place(index) else { continue };
                let vector = element / (length * inner) * inner + element % inner;
                let value = &mut values[vector * depth + place];
                *value = if mode == OutputMode::MultiHot { 1.0 } else { *value + 1.0 };
            }
            Array::from_f64_slice(dtype, [batch, rest, vec![depth]].concat(), &values)
        }
    }
}

/// Integers as an array of `dtype`, without the detour over `f64`.
pub(super) fn int_array(values: &[i64], shape: &Shape, dtype: DType) -> Array {
    match (dtype, Array::from_slice(shape, values)) {
        (DType::I64, Ok(array)) => array,
        (_, Ok(array)) => array.cast(dtype),
        // The caller has as many values as the shape has elements.
        (_, Err(_)) => Array::zeros(dtype, shape),
    }
}
