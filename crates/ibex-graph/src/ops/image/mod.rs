//! Functions of images, composed of operations: no backend knows them.
//! (The one operation that some are made of is [`super::sample_pixels`].)
//!
//! An image is `(height, width, channels)` or `(channels, height, width)`, as [`Channels`] says;
//! a batch of images has an axis more in front.
//! One file each, named as in `keras.ops.image`; the numbers are those of Keras on JAX, and
//! `tests/goldens/image` holds them.
//! This module knows no layer and draws no random number: who wants those gives them.

pub mod affine_transform;
pub mod crop_images;
pub mod elastic_transform;
pub mod extract_patches;
pub mod gaussian_blur;
pub mod hsv;
pub mod map_coordinates;
pub mod pad_images;
pub mod perspective_transform;
pub mod resize;
pub mod rgb_to_grayscale;
pub mod scale_and_translate;
mod sobel_edges;
mod structural_similarity;

pub use affine_transform::affine_transform;
pub use crop_images::{Borders, crop_images};
pub use elastic_transform::{Elasticity, elastic_transform};
pub use extract_patches::extract_patches;
pub use gaussian_blur::gaussian_blur;
pub use hsv::{hsv_to_rgb, rgb_to_hsv};
pub use map_coordinates::{FillMode, map_coordinates};
pub use pad_images::pad_images;
pub use perspective_transform::perspective_transform;
pub use resize::{Aspect, Resize, resize};
pub use rgb_to_grayscale::rgb_to_grayscale;
pub use scale_and_translate::scale_and_translate;
pub use sobel_edges::sobel_edges;
pub use structural_similarity::{Similarity, structural_similarity};

use serde::{Deserialize, Serialize};

use crate::{DType, OpError, Tensor};

/// Where images have their channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// `(…, height, width, channels)`.
    #[default]
    Last,
    /// `(…, channels, height, width)`.
    First,
}

/// How values between pixels are found, under Keras's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Straight lines between neighbours.
    #[default]
    Bilinear,
    /// Cubic convolution with `a = -0.5` over four neighbours (Keys 1981).
    Bicubic,
    /// A windowed sinc over six neighbours.
    Lanczos3,
    /// A windowed sinc over ten neighbours.
    Lanczos5,
}

/// The indices of the axes of images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageAxes {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Channels {
    /// The axes of an image or a batch of images, or the error of `name` on anything else.
    #[track_caller]
    pub(crate) fn axes(self, name: &str, images: &Tensor) -> Result<ImageAxes, Tensor> {
        if images.is_poisoned() {
            return Err(images.clone());
        }
        if !matches!(images.rank(), 3 | 4) {
            return Err(Tensor::poisoned(OpError::new(
                format!("`{name}` takes an image or a batch of images"),
                "3 or 4 axes",
                images.shape().to_string(),
            )));
        }
        let first = images.rank() - 3;
        Ok(match self {
            Channels::Last => ImageAxes { height: first, width: first + 1, channels: first + 2 },
            Channels::First => ImageAxes { channels: first, height: first + 1, width: first + 2 },
        })
    }

    /// Runs `f` on a batch of images with channels last, and gives the result the form of `images`.
    #[track_caller]
    pub(crate) fn batched(
        self,
        name: &str,
        images: &Tensor,
        f: impl FnOnce(&Tensor) -> Tensor,
    ) -> Tensor {
        if let Err(poisoned) = self.axes(name, images) {
            return poisoned;
        }
        let single = images.rank() == 3;
        let batch = if single { images.expand_dims(0) } else { images.clone() };
        let result = match self {
            Channels::Last => f(&batch),
            Channels::First => f(&batch.move_axis(1, -1)).move_axis(-1, 1),
        };
        if single { result.squeeze(0) } else { result }
    }
}

/// The dtype in which functions of images of this dtype are computed.
pub(crate) fn computed(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// The nearest values of an integer dtype: rounded, ties to even, and moved to the nearest end.
pub(crate) fn saturated(values: &Tensor, dtype: DType) -> Tensor {
    if values.dtype() == dtype {
        return values.clone();
    }
    // The largest `float32` below the end of the dtype, where the end itself is none.
    let (low, high) = match dtype {
        DType::Bool => (0.0, 1.0),
        DType::U8 => (0.0, 255.0),
        DType::I32 => (-2_147_483_648.0, 2_147_483_520.0),
        DType::I64 => (-9_223_372_036_854_775_808.0, 9_223_371_487_098_961_920.0),
        _ => return values.cast(dtype),
    };
    values.round().clip(low, high).cast(dtype)
}
