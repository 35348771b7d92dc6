//! What the layers share that add or remove elements at the ends of spatial axes.

use ibex_graph::ops::reshape::Reshape;
use ibex_graph::{OpError, Tensor};

use super::options::DataFormat;
use crate::object::ConfigError;
use crate::partial::PartialShape;

/// `x` with zeros before and after each spatial axis.
///
/// Even without any it is another tensor, without the mask of the first, as in Keras.
pub(super) fn padded(x: &Tensor, data_format: DataFormat, borders: &[[usize; 2]]) -> Tensor {
    if borders.iter().all(|border| *border == [0, 0]) {
        return Tensor::apply(Reshape { shape: x.shape().clone() }, &[x]);
    }
    let mut widths = vec![(0, 0); x.rank()];
    for (axis, [low, high]) in data_format.spatial_axes(x.rank()).into_iter().zip(borders) {
        widths[axis] = (*low, *high);
    }
    x.pad(&widths, 0.0)
}

/// Whether something is left of `extent` elements between the borders.
fn leaves_some(extent: usize, border: &[usize; 2]) -> bool {
    border[0].checked_add(border[1]).is_some_and(|removed| removed < extent)
}

/// Checks that something is left of an input of this shape, as far as it is known.
pub(super) fn check_cropping(
    shape: &PartialShape,
    data_format: DataFormat,
    borders: &[[usize; 2]],
) -> Result<(), ConfigError> {
    let axes = data_format.spatial_axes(shape.rank());
    let fits = |(axis, border): (usize, &[usize; 2])| {
        shape.0[axis].is_none_or(|extent| leaves_some(extent, border))
    };
    match axes.into_iter().zip(borders).all(fits) {
        true => Ok(()),
        false => Err(ConfigError::new("nothing is left between the borders")
            .expected("`cropping` that is smaller than the input along each spatial axis")
            .received(format!("cropping = {borders:?} for {shape}"))),
    }
}

/// `x` without the elements at both ends of each spatial axis.
pub(super) fn cropped(x: &Tensor, data_format: DataFormat, borders: &[[usize; 2]]) -> Tensor {
    let (mut start, mut stop) = (vec![0; x.rank()], x.shape().to_vec());
    for (axis, border) in data_format.spatial_axes(x.rank()).into_iter().zip(borders) {
        if !leaves_some(stop[axis], border) {
            return Tensor::poisoned(OpError::new(
                "nothing is left between the borders",
                "`cropping` that is smaller than the input along each spatial axis",
                format!("cropping = {borders:?} for {}", x.shape()),
            ));
        }
        start[axis] = border[0];
        stop[axis] -= border[1];
    }
    x.strided_slice(&start, &stop, &vec![1; x.rank()])
}

/// Defines a layer that pads `$rank` spatial axes with zeros.
macro_rules! zero_padding_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal) => {
        use ibex_graph::Tensor;

        use super::borders::padded;
        use super::options::{Borders, DataFormat};
        use super::pooling::expect_spatial;
        use $crate::instance::Build;
        use $crate::layer::Layer;
        use $crate::object::ConfigError;
        use $crate::partial::PartialType;
        use $crate::trace::Call;

        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                /// Zeros before and after each spatial axis; 1 everywhere by default.
                padding: into Borders<$rank> = Borders::from(1),
                /// Where the channels are; last by default.
                data_format: is DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl $layer {
            /// This many zeros: one number, or each side by itself.
            #[track_caller]
            pub fn new(padding: impl Into<Borders<$rank>>) -> $layer {
                $layer { padding: padding.into(), ..$layer::default() }
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn build(
                &self,
                _: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                expect_spatial(&inputs[0].shape, $rank, self.data_format)
            }

            fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                vec![padded(&inputs[0], self.data_format, &self.padding.0)]
            }
        }
    };
}
pub(super) use zero_padding_layer;

/// Defines a layer that cuts off both ends of `$rank` spatial axes, `$default` by default.
///
/// `$format` are the fields of a layer that has a data format, `$of` gives it.
macro_rules! cropping_layer {
    (
        $(#[doc = $doc:literal])* $layer:ident, $rank:literal, $default:literal,
        { $($format:tt)* }, |$this:ident| $of:expr
    ) => {
        use ibex_graph::Tensor;

        use super::borders::{check_cropping, cropped};
        use super::options::{Borders, DataFormat};
        use super::pooling::expect_spatial;
        use $crate::instance::Build;
        use $crate::layer::Layer;
        use $crate::object::ConfigError;
        use $crate::partial::PartialType;
        use $crate::trace::Call;

        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                /// Elements to remove before and after, along each spatial axis.
                cropping: into Borders<$rank> = Borders::from($default),
                $($format)*
            }
        }

        impl $layer {
            /// Removes this many: one number, or each side by itself.
            #[track_caller]
            pub fn new(cropping: impl Into<Borders<$rank>>) -> $layer {
                $layer { cropping: cropping.into(), ..$layer::default() }
            }

            fn format(&self) -> DataFormat {
                let $this = self;
                $of
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn build(
                &self,
                _: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                expect_spatial(&inputs[0].shape, $rank, self.format())?;
                check_cropping(&inputs[0].shape, self.format(), &self.cropping.0)
            }

            fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                vec![cropped(&inputs[0], self.format(), &self.cropping.0)]
            }
        }
    };
}
pub(super) use cropping_layer;
