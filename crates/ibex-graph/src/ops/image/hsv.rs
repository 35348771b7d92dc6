//! Colours as hue, saturation and value, and back.
//!
//! Source: Smith, "Color gamut transform pairs", 1978.

use super::Channels;
use crate::ops::concatenate::concatenate;
use crate::{DType, OpError, Tensor};

/// The three channels of float images, and the axis they lie along.
#[track_caller]
fn planes(name: &str, images: &Tensor, channels: Channels) -> Result<([Tensor; 3], isize), Tensor> {
    let axis = channels.axes(name, images)?.channels;
    if !images.dtype().is_float() || images.shape()[axis] != 3 {
        return Err(Tensor::poisoned(OpError::new(
            format!("`{name}` needs float images with three channels"),
            "float32 and 3 channels",
            images.ty().to_string(),
        )));
    }
    let axis = axis as isize;
    let plane = |at: isize| images.slice_axis(axis, at..at + 1);
    Ok(([plane(0), plane(1), plane(2)], axis))
}

/// Red, green and blue in `0..=1` as hue, saturation and value in `0..=1`.
///
/// `keras.ops.image.rgb_to_hsv`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, rgb_to_hsv};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let blue = Tensor::constant(Array::from_slice([1, 1, 3], &[0f32, 0., 1.])?);
/// let y = evaluate(&rgb_to_hsv(&blue, Channels::Last))?.to_f32_vec();
/// assert_eq!(y, [2. / 3., 1., 1.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn rgb_to_hsv(images: &Tensor, channels: Channels) -> Tensor {
    let epsilon = match images.dtype() {
        DType::F64 => f64::EPSILON,
        DType::F16 => 2f64.powi(-10),
        DType::BF16 => 2f64.powi(-7),
        _ => f64::from(f32::EPSILON),
    };
    let number = |value: f64| Tensor::scalar(images.dtype(), value);
    let ([red, green, blue], axis) = match planes("rgb_to_hsv", images, channels) {
        Ok(planes) => planes,
        Err(poisoned) => return poisoned,
    };
    let clean = |x: Tensor| x.abs().less(&number(epsilon)).select(&x.zeros_like(), &x);
    let (red, green, blue) = (clean(red), clean(green), clean(blue));
    let value = red.maximum(&green).maximum(&blue);
    let range = &value - red.minimum(&green).minimum(&blue);
    let (zero, one) = (value.zeros_like(), value.ones_like());
    let lit = value.greater(&zero);
    let coloured = range.greater(&zero);
    let saturation = lit.select(&(&range / lit.select(&value, &one)), &zero);
    let sixth = 1.0 / (coloured.select(&range, &one) * 6.0);
    let from_green = &sixth * (&blue - &red) + 2.0 / 6.0;
    let from_blue = &sixth * (&red - &green) + 4.0 / 6.0;
    let from_red = &sixth * (&green - &blue);
    let hue = value.equal(&green).select(&from_green, &from_blue);
    let hue = value.equal(&red).select(&from_red, &hue);
    let turn = hue.less(&zero).cast(hue.dtype());
    let hue = coloured.select(&hue, &zero) + turn;
    concatenate(&[hue, saturation, value], axis)
}

/// Hue, saturation and value in `0..=1` as red, green and blue in `0..=1`.
///
/// `keras.ops.image.hsv_to_rgb`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, hsv_to_rgb};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let yellow = Tensor::constant(Array::from_slice([1, 1, 3], &[1f32 / 6., 1., 0.5])?);
/// let y = evaluate(&hsv_to_rgb(&yellow, Channels::Last))?.to_f32_vec();
/// assert_eq!(y, [0.5, 0.5, 0.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn hsv_to_rgb(images: &Tensor, channels: Channels) -> Tensor {
    let ([hue, saturation, value], axis) = match planes("hsv_to_rgb", images, channels) {
        Ok(planes) => planes,
        Err(poisoned) => return poisoned,
    };
    let sixths = hue.remainder(&hue.ones_like()) * 6.0;
    let red = (&sixths - 3.0).abs() - 1.0;
    let green = 2.0 - (&sixths - 2.0).abs();
    let blue = 2.0 - (&sixths - 4.0).abs();
    let pale = 1.0 - &saturation;
    let mixed = |colour: Tensor| &value * (&pale + &saturation * colour.clip(0.0, 1.0));
    concatenate(&[mixed(red), mixed(green), mixed(blue)], axis)
}
