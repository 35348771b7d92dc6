//! `keras.ops.image`.

use ibex_graph::ops::image::{
    self, Aspect, Borders, Channels, FillMode, Interpolation, Resize, Similarity,
};
use ibex_graph::ops::window::Padding;
use ibex_graph::{DType, Tensor};

use super::given::{Given, float_of};
use super::table::{Outcome, operations};

operations! {
    /// Images.
    IMAGE, "image";
    AffineTransform [interpolation fill_mode fill_value data_format] (images transform) -> |g| {
        let (images, transform) = (g.tensor("images")?, g.tensor("transform")?);
        let (how, mode) = (g.choice("interpolation", METHODS)?, fill_mode(g)?);
        let value = g.number("fill_value")?.unwrap_or(0.0);
        Ok(image::affine_transform(&images, &transform, how, mode, value, channels(g)?))
    };
    CropImages [top_cropping left_cropping bottom_cropping right_cropping target_height
        target_width data_format] (images) -> |g| {
        let [vertical, horizontal] = borders(g, "cropping")?;
        Ok(image::crop_images(&g.first()?, vertical, horizontal, channels(g)?))
    };
    ExtractPatches [size strides dilation_rate padding data_format] (images) -> |g| {
        let numbers = |name| -> Outcome<Option<Vec<usize>>> {
            let found = g.integers(name)?;
            let count = |n: &isize| usize::try_from(*n).unwrap_or(0);
            Ok(found.map(|found| found.iter().map(count).collect::<Vec<usize>>()))
        };
        let both = |n: Vec<usize>| if n.len() == 1 { vec![n[0]; 2] } else { n };
        let size = both(numbers("size")?.unwrap_or_default());
        let strides = numbers("strides")?.map_or(size.clone(), both);
        let dilation = both(numbers("dilation_rate")?.unwrap_or(vec![1]));
        let fits = dilation.len() == size.len();
        let dilation =
            if fits { dilation } else { vec![dilation.first().map_or(1, |n| *n); size.len()] };
        let padding = g.choice("padding", &[("valid", Padding::Valid), ("same", Padding::Same)])?;
        let images = g.first()?;
        Ok(image::extract_patches(&images, &size, &strides, &dilation, padding, channels(g)?))
    };
    GaussianBlur [kernel_size sigma data_format] (images) -> |g| {
        let images = g.first()?;
        let size = g.integers("kernel_size")?.unwrap_or(vec![3, 3]);
        let [height, width] = size[..] else {
            return Err(g.wrong("the kernel does not fit", "a height and a width", size.len()));
        };
        let size = [height, width].map(|extent| usize::try_from(extent).unwrap_or(0));
        let sigma = match g.optional("sigma")? {
            Some(sigma) => sigma.cast(DType::F32),
            None => Tensor::full(DType::F32, [2], 1.0),
        };
        Ok(image::gaussian_blur(&images, size, &sigma, channels(g)?))
    };
    HSVToRGB [data_format] (images) -> |g| Ok(image::hsv_to_rgb(&g.float()?, channels(g)?));
    MapCoordinates [order fill_mode fill_value] (inputs coordinates) -> |g| {
        let (inputs, places) = (g.tensor("inputs")?, g.tensor("coordinates")?);
        let order = g.needed("order")?;
        let how = match order {
            0 => Interpolation::Nearest,
            1 => Interpolation::Bilinear,
            other => return Err(g.wrong("the order does not fit", "0 or 1", other)),
        };
        let value = g.number("fill_value")?.unwrap_or(0.0);
        Ok(image::map_coordinates(&inputs, &places, how, fill_mode(g)?, value))
    };
    PadImages [top_padding left_padding bottom_padding right_padding target_height target_width
        data_format] (images) -> |g| {
        let [vertical, horizontal] = borders(g, "padding")?;
        Ok(image::pad_images(&g.first()?, vertical, horizontal, channels(g)?))
    };
    PerspectiveTransform [interpolation fill_value data_format]
        (images start_points end_points) -> |g| {
        let images = g.tensor("images")?;
        let (start, end) = (g.tensor("start_points")?, g.tensor("end_points")?);
        let how = g.choice("interpolation", METHODS)?;
        let value = g.number("fill_value")?.unwrap_or(0.0);
        Ok(image::perspective_transform(&images, &start, &end, how, value, channels(g)?))
    };
    RGBToGrayscale [data_format] (images) -> |g| {
        Ok(image::rgb_to_grayscale(&g.first()?, channels(g)?))
    };
    RGBToHSV [data_format] (images) -> |g| Ok(image::rgb_to_hsv(&g.float()?, channels(g)?));
    Resize [size interpolation antialias crop_to_aspect_ratio pad_to_aspect_ratio fill_mode
        fill_value data_format] (images) -> resize;
    ScaleAndTranslate [spatial_dims method antialias]
        (images output_shape scale translation) -> |g| {
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
    SSIM [max_val filter_size filter_sigma k1 k2 data_format] (image1 image2) -> |g| {
        let [first, second] = g.pair(float_of)?;
        let number = |name, default| g.number(name).map(|found| found.unwrap_or(default));
        let similarity = Similarity {
            largest: number("max_val", 1.0)?,
            size: g.count("filter_size")?.unwrap_or(11),
            sigma: number("filter_sigma", 1.5)?,
            guards: [number("k1", 0.01)?, number("k2", 0.03)?],
        };
        Ok(image::structural_similarity(&first, &second, &similarity, channels(g)?))
    };
    SobelEdges [data_format] (images) -> |g| Ok(image::sobel_edges(&g.float()?, channels(g)?));
}

/// The mode in which places outside an image are filled; a constant by default.
fn fill_mode(g: &Given<'_>) -> Outcome<FillMode> {
    let choices = [
        ("constant", FillMode::Constant),
        ("nearest", FillMode::Nearest),
        ("wrap", FillMode::Wrap),
        ("mirror", FillMode::Mirror),
        ("reflect", FillMode::Reflect),
    ];
    g.choice("fill_mode", &choices)
}

/// The borders at the top and the bottom, and on the left and the right.
fn borders(g: &Given<'_>, what: &str) -> Outcome<[Borders; 2]> {
    let side = |name: &str| g.count(&format!("{name}_{what}"));
    let vertical =
        Borders { before: side("top")?, after: side("bottom")?, extent: g.count("target_height")? };
    let horizontal =
        Borders { before: side("left")?, after: side("right")?, extent: g.count("target_width")? };
    Ok([vertical, horizontal])
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
