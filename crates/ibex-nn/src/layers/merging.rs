//! What the layers share that combine several inputs element by element.

use ibex_graph::{Shape, Tensor};

use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};

/// Checks that inputs broadcast against each other, the batch by itself.
pub(super) fn check_shapes(inputs: &[PartialType]) -> Result<(), ConfigError> {
    let batches: Vec<usize> =
        inputs.iter().filter_map(|ty| ty.shape.0.first().copied().flatten()).collect();
    let mut common: Option<Vec<Option<usize>>> = Some(Vec::new());
    for ty in inputs {
        let sample = ty.shape.0.get(1..).unwrap_or(&[]);
        common = common.and_then(|so_far| broadcast(&so_far, sample));
    }
    if common.is_some() && batches.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(());
    }
    let shapes: Vec<String> = inputs.iter().map(|ty| ty.shape.to_string()).collect();
    Err(ConfigError::new("the inputs do not have matching shapes")
        .expected("equal batches, and equal extents, or 1, along each axis counted from the last")
        .received(shapes.join(" and ")))
}

/// The shape to which two samples broadcast; unknown extents fit anything.
fn broadcast(a: &[Option<usize>], b: &[Option<usize>]) -> Option<Vec<Option<usize>>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[Option<usize>], axis: usize| {
        (axis + dims.len()).checked_sub(rank).map_or(Some(1), |own| dims[own])
    };
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (None, _) | (_, None) => Some(None),
            (Some(1), other) | (other, Some(1)) => Some(other),
            (Some(x), Some(y)) => (x == y).then_some(Some(x)),
        })
        .collect()
}

/// The inputs with axes of extent 1 after the batch, so that all have the same rank.
pub(super) fn aligned(inputs: &[Tensor]) -> Vec<Tensor> {
    let rank = inputs.iter().map(Tensor::rank).max().unwrap_or(0);
    let expand = |x: &Tensor| {
        if x.is_poisoned() || x.rank() == rank || x.rank() == 0 {
            return x.clone();
        }
        let mut dims = vec![x.dim(0)];
        dims.extend(vec![1; rank - x.rank()]);
        dims.extend(x.shape().iter().skip(1));
        x.reshape(Shape::from(dims))
    };
    inputs.iter().map(expand).collect()
}

/// The masks of inputs that were [`aligned`]: one that got more axes has lost its own, as in Keras.
pub(super) fn masks_of(
    aligned: &[Tensor],
    inputs: &[Tensor],
    masks: &[Option<Tensor>],
) -> Vec<Option<Tensor>> {
    let keeps = |(now, before): (&Tensor, &Tensor)| now.rank() == before.rank();
    let pairs = aligned.iter().zip(inputs).map(keeps).zip(masks);
    pairs.map(|(keeps, mask)| mask.clone().filter(|_| keeps)).collect()
}

/// The mask of the result: what any input shows, if all have a mask.
pub(super) fn merged_mask(masks: &[Option<Tensor>]) -> Vec<Option<Tensor>> {
    let all: Option<Vec<&Tensor>> = masks.iter().map(Option::as_ref).collect();
    let merged = all.and_then(|masks| masks.into_iter().cloned().reduce(|a, b| a.logical_or(&b)));
    vec![merged]
}

/// A mask for each element of `x`.
fn elementwise(mask: &Tensor, x: &Tensor) -> Tensor {
    mask.expand_dims(-1).broadcast_to(x.shape())
}

/// Combines inputs so that what is masked in one gives way to the others.
pub(super) fn masked_choice(
    inputs: &[Tensor],
    masks: &[Option<Tensor>],
    combine: fn(&Tensor, &Tensor) -> Tensor,
) -> Option<Tensor> {
    let mut pairs = inputs.iter().zip(masks);
    let (first, mask) = pairs.next()?;
    let (mut output, mut shown) = (first.clone(), mask.as_ref().map(|m| elementwise(m, first)));
    for (x, mask) in pairs {
        let mask = mask.as_ref().map(|m| elementwise(m, x));
        let x = mask.as_ref().map_or_else(|| x.clone(), |m| m.select(x, &output));
        output = shown.as_ref().map_or_else(|| output.clone(), |m| m.select(&output, &x));
        shown = match (shown, mask) {
            (Some(a), Some(b)) => Some(a.logical_or(&b)),
            _ => None,
        };
        output = combine(&output, &x);
    }
    Some(output)
}

/// The product of inputs in which masked elements count as 1; 0 where all are masked.
pub(super) fn masked_product(inputs: &[Tensor], masks: &[Option<Tensor>]) -> Option<Tensor> {
    let of = |(x, mask): (&Tensor, &Option<Tensor>)| match mask {
        Some(mask) => elementwise(mask, x).select(x, &x.ones_like()),
        None => x.clone(),
    };
    let product = inputs.iter().zip(masks).map(of).reduce(|a, b| a * b)?;
    Some(match merged_mask(masks).into_iter().flatten().next() {
        Some(mask) => elementwise(&mask, &product).select(&product, &product.zeros_like()),
        None => product,
    })
}

/// The shape of an input without some axes, for comparing the others.
pub(super) fn without_axis(shape: &PartialShape, axis: usize) -> Vec<Option<usize>> {
    let others = shape.0.iter().enumerate().filter(|(other, _)| *other != axis);
    others.map(|(_, extent)| *extent).collect()
}

/// Defines a layer that combines `$count` inputs with `$combine`, and the function that calls it.
macro_rules! merging_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $function:ident, $count:expr, $combine:expr) => {
        use std::ops::RangeInclusive;

        use ibex_graph::Tensor;

        use super::merging::{aligned, check_shapes, masks_of, merged_mask};
        use $crate::instance::Build;
        use $crate::layer::{Layer, LayerExt};
        use $crate::models::symbolic::{Arguments, SymbolicTensor};
        use $crate::object::ConfigError;
        use $crate::partial::PartialType;
        use $crate::trace::Call;

        $crate::layer! {
            $(#[doc = $doc])*
            $layer {}
        }

        impl $layer {
            /// The layer.
            #[track_caller]
            pub fn new() -> $layer {
                $layer::default()
            }
        }

        $(#[doc = $doc])*
        #[track_caller]
        pub fn $function(inputs: impl Arguments) -> SymbolicTensor {
            $layer::new().call(inputs)
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn build(
                &self,
                _: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                check_shapes(inputs)
            }

            fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                let combine: fn(&[Tensor], &[Option<Tensor>]) -> Option<Tensor> = $combine;
                let aligned = aligned(inputs);
                let masks = masks_of(&aligned, inputs, call.masks());
                combine(&aligned, &masks).into_iter().collect()
            }

            fn supports_masking(&self) -> bool {
                true
            }

            fn mask(
                &self,
                _: &mut Call<'_>,
                _: &[Tensor],
                masks: &[Option<Tensor>],
            ) -> Vec<Option<Tensor>> {
                merged_mask(masks)
            }

            fn takes_list(&self) -> bool {
                true
            }

            fn input_count(&self) -> RangeInclusive<usize> {
                $count
            }
        }
    };
}
pub(super) use merging_layer;
