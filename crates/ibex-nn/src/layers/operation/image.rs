//! `keras.ops.image`.

use ibex_graph::Tensor;
use ibex_graph::ops::image::{self, Aspect, Channels, Interpolation, Resize};

use super::given::Given;
use super::table::{Outcome, operations};

operations! {
    /// Images.
    IMAGE, "image";
    Resize [size interpolation antialias crop_to_aspect_ratio pad_to_aspect_ratio fill_mode
        fill_value data_format] (images) -> resize;
    ScaleAndTranslate [spatial_dims method antialias] (images output_shape scale translation) -> |g| {
        let images = g.tensor("images")?;
        let shape = g.integers("output_shape")?.unwrap_or_default();
        let shape: Vec<usize> = shape.iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect();
        let axes = g.axes("spatial_dims", images.rank())?.unwrap_or_default();
        let (scale, translation) = (g.tensor("scale")?, g.tensor("translation")?);
        let interpolation = g.choice("method", METHODS)?;
        let antialias = g.flag("antialias", true)?;
        Ok(image::scale_and_translate(
            &images,
            shape,
            &scale,
            &translation,
            &axes,
            interpolation,
            antialias,
        ))
    };
}

/// The interpolations under all of Keras's names; bilinear is the default.
const METHODS: &[(&str, Interpolation)] = &[
    ("bilinear", Interpolation::Bilinear),
    ("linear", Interpolation::Bilinear),
    ("trilinear", Interpolation::Bilinear),
    ("triangle", Interpolation::Bilinear),
    ("nearest", Interpolation::Nearest),
    ("bicubic", Interpolation::Bicubic),
    ("cubic", Interpolation::Bicubic),
    ("tricubic", Interpolation::Bicubic),
    ("lanczos3", Interpolation::Lanczos3),
    ("lanczos5", Interpolation::Lanczos5),
];

fn channels(g: &Given<'_>) -> Outcome<Channels> {
    let choices = [("channels_last", Channels::Last), ("channels_first", Channels::First)];
    g.choice("data_format", &choices)
}

fn resize(g: &Given<'_>) -> Outcome<Tensor> {
    let size = g.integers("size")?.unwrap_or_default();
    let [height, width] = size[..] else {
        return Err(g.wrong("the size does not fit", "a height and a width", size.len()));
    };
    let positive = |extent: isize| usize::try_from(extent).unwrap_or(0);
    let aspect =
        match (g.flag("crop_to_aspect_ratio", false)?, g.flag("pad_to_aspect_ratio", false)?) {
            (true, _) => Aspect::Crop,
            (_, true) => Aspect::Pad(g.number("fill_value")?.unwrap_or(0.0)),
            _ => Aspect::Stretch,
        };
    let options = Resize {
        interpolation: g.choice("interpolation", METHODS)?,
        antialias: g.flag("antialias", false)?,
        aspect,
    };
    Ok(image::resize(&g.first()?, [positive(height), positive(width)], options, channels(g)?))
}
