//! Samples beside what a model says about them.

use std::path::Path;

use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;

use super::Judged;
use crate::error::{Error, Result};
use crate::plot::draw;
use crate::plot::layout::WHITE;
use crate::plot::scene::{Anchor, Colour, Scene, Shape, rectangle, text};

const RIGHT: Colour = [0, 110, 80];
const WRONG: Colour = [196, 60, 0];
const TILE: f64 = 84.0;

/// A picture of a sample: width, height, and three bytes for each pixel.
pub(crate) struct Tile {
    pub(crate) size: (usize, usize),
    pub(crate) pixels: Vec<u8>,
}

/// Draws images in rows, each with its class and, where it is wrong, what was predicted instead.
///
/// # Errors
/// If the inputs are no images, or the file cannot be written.
pub fn sample_grid(
    images: &Array,
    judged: &Judged,
    labels: &[String],
    count: usize,
    path: impl AsRef<Path>,
) -> Result<()> {
    let Some(tiles) = sample_tiles(images, count) else {
        return Err(Error::Data(
            ConfigError::new("the samples are no images")
                .expected("an input of shape (samples, height, width, 1 or 3)")
                .received(images.shape().to_string()),
        ));
    };
    let columns = tiles.len().clamp(1, 10);
    let rows = tiles.len().div_ceil(columns);
    let (gap, caption) = (10.0, 20.0);
    let place = |index: usize| {
        let (row, column) = ((index / columns) as f64, (index % columns) as f64);
        (gap + column * (TILE + gap), gap + row * (TILE + caption + gap))
    };
    let width = gap + columns as f64 * (TILE + gap);
    let page = (width, gap + rows as f64 * (TILE + caption + gap));
    let mut shapes = vec![rectangle((0.0, 0.0), page, WHITE)];
    let label = |class: usize| labels.get(class).cloned().unwrap_or_else(|| class.to_string());
    for (index, tile) in tiles.into_iter().enumerate() {
        let corner = place(index);
        let (width, height) = tile.size;
        let scale = TILE / width.max(height) as f64;
        let size = (width as f64 * scale, height as f64 * scale);
        let inner = (corner.0 + (TILE - size.0) / 2.0, corner.1 + (TILE - size.1) / 2.0);
        shapes.push(Shape::Picture { corner: inner, size, width, height, pixels: tile.pixels });
        let (truth, predicted) = (judged.truth[index], judged.predicted[index]);
        let (caption, colour) = match truth == predicted {
            true => (label(truth), RIGHT),
            false => (format!("{} → {}", label(truth), label(predicted)), WRONG),
        };
        let at = (corner.0 + TILE / 2.0, corner.1 + TILE + 15.0);
        shapes.push(text(at, &caption, 12.0, Anchor::Middle, colour));
    }
    Ok(draw(&Scene { size: page, shapes }, path.as_ref())?)
}

/// The first images as tiles; `None` if the array holds none.
///
/// Numbers up to 1 are taken as shares of white, larger ones, or bytes, as shares of the largest
/// value that all of them have.
pub(crate) fn sample_tiles(images: &Array, count: usize) -> Option<Vec<Tile>> {
    let (height, width, channels) = match *images.shape().dims() {
        [_, height, width] if height > 1 && width > 1 => (height, width, 1),
        [_, height, width, channels @ (1 | 3)] => (height, width, channels),
        _ => return None,
    };
    let count = images.shape().first().copied()?.min(count);
    let shown = images.rows(0, count);
    let values = shown.to_f64_vec();
    let least = values.iter().copied().fold(0.0, f64::min);
    let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let most = match (shown.dtype(), most) {
        (DType::U8, most) if most > 16.0 => 255.0,
        (_, most) if most <= 1.0 && least >= 0.0 => 1.0,
        (_, most) => most,
    };
    let byte = |value: f64| ((value - least) / (most - least) * 255.0).clamp(0.0, 255.0) as u8;
    let tile = |image: &[f64]| {
        let pixels = match channels {
            1 => image.iter().flat_map(|&value| [byte(value); 3]).collect(),
            _ => image.iter().map(|&value| byte(value)).collect(),
        };
        Tile { size: (width, height), pixels }
    };
    Some(values.chunks_exact(height * width * channels).map(tile).collect())
}
