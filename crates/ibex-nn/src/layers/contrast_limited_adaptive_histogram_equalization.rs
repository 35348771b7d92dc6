//! `ContrastLimitedAdaptiveHistogramEqualization`: spreads the values of each part of an image.

use ibex_graph::{Array, DType, Tensor};

use super::augmentation::{
    Augmentation, BYTES, Drawn, Draws, ImageSize, augmentation_layer, config_with, rescaled,
    written,
};
use super::options::{DataFormat, Extents, check_positive};
use crate::layer;
use crate::object::ConfigError;

/// How many values are told apart.
const BINS: usize = 256;

layer! {
    /// Spreads the values of each channel evenly in each tile of an image, and between the tiles
    /// bilinearly; no value gets more than a limited share, so that noise stays noise.
    ///
    /// Input and output have the same shape; images are changed outside training too.
    /// Source: Zuiderveld, "Contrast limited adaptive histogram equalization", 1994,
    /// <https://keras.io/api/layers/preprocessing_layers/image_augmentation/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{ContrastLimitedAdaptiveHistogramEqualization, Input};
    ///
    /// let layer = ContrastLimitedAdaptiveHistogramEqualization::new().tile_grid_size([2, 2]);
    /// let y = layer.call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    ContrastLimitedAdaptiveHistogramEqualization {
        /// The smallest and the largest value of a pixel; 0 and 255 by default.
        value_range: is [f64; 2] = BYTES,
        /// How many times its even share a value has at most; 4 by default, 0 for no limit.
        clip_limit: is f64 = 4.0,
        /// How many tiles there are in each direction; 8 and 8 by default.
        tile_grid_size: into Extents<2> = Extents([8, 8]),
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
    }
}

impl ContrastLimitedAdaptiveHistogramEqualization {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> ContrastLimitedAdaptiveHistogramEqualization {
        ContrastLimitedAdaptiveHistogramEqualization::default()
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("tile_grid_size", &self.tile_grid_size.0, &mut found);
        found
    }

    /// Images `(batch, height, width, channels)` of bytes with their values spread.
    fn spread(&self, images: &Tensor) -> Tensor {
        let [batch, height, width, channels] = *images.shape().dims() else {
            return images.clone();
        };
        let axes = [
            Tiles::new(height, self.tile_grid_size.0[0]),
            Tiles::new(width, self.tile_grid_size.0[1]),
        ];
        let [rows, columns] = &axes;
        let whole = images.take(&rows.mirrored(), 1).take(&columns.mirrored(), 2);
        let values = whole.clip(0.0, 255.0).cast(DType::I32);
        let tables = self.tables(&values, &axes);
        let outside = |tiles: &Tiles| integers(&tiles.with_borders());
        let tables = tables.take(&outside(rows), 1).take(&outside(columns), 2).flatten();
        // Where the table of a value lies: by image, channel, value, and by tile.
        let across = BINS * channels;
        let down = across * (columns.count + 2);
        let each = down * (rows.count + 2);
        let place = |axis: usize, extent: usize, step: usize| {
            let mut shape = [1; 4];
            shape[axis] = extent;
            Tensor::iota(DType::I32, shape, axis) * step as f64
        };
        let base = values + place(0, batch, each) + place(3, channels, BINS);
        let at = |row: usize, column: usize| {
            let row = rows.along(1, |place| (place.tiles[row] * down) as f64, DType::I32);
            let column =
                columns.along(2, |place| (place.tiles[column] * across) as f64, DType::I32);
            tables.take(&(&base + row + column), 0)
        };
        let share = |tiles: &Tiles, axis| tiles.along(axis, |place| place.share, DType::F32);
        let mixed = |a: Tensor, b: Tensor, share: &Tensor| a * (1.0 - share) + b * share;
        let (downwards, sideways) = (share(rows, 1), share(columns, 2));
        let top = mixed(at(0, 0), at(0, 1), &sideways);
        let bottom = mixed(at(1, 0), at(1, 1), &sideways);
        let spread = mixed(top, bottom, &downwards);
        spread.slice_axis(1, 0..height as isize).slice_axis(2, 0..width as isize)
    }

    /// What becomes of each value, `(batch, rows, columns, channels, values)`.
    fn tables(&self, values: &Tensor, [rows, columns]: &[Tiles; 2]) -> Tensor {
        let (batch, channels) = (values.dim(0), values.dim(3));
        let size = rows.extent * columns.extent;
        let tiles = values
            .reshape([batch, rows.count, rows.extent, columns.count, columns.extent, channels])
            .transpose(&[0, 1, 3, 5, 2, 4])
            .reshape([batch * rows.count * columns.count * channels, size]);
        let ones = Tensor::full(DType::F32, tiles.shape(), 1.0);
        let mut counts = ones.add_along_axis(&tiles, 1, BINS);
        if self.clip_limit > 0.0 {
            let limit = self.clip_limit * size as f64 / BINS as f64;
            let kept = counts.clip(0.0, limit);
            let rest = (counts - &kept).sum(&[1], true) / BINS as f64;
            counts = kept + rest;
        }
        let below = counts.cumulative_sum(1);
        let least = below.min(&[1], true);
        let span = size as f64 - &least;
        let divisor = span.equal(&span.zeros_like()).select(&span.ones_like(), &span);
        let tables = ((&below - &least) * 255.0 / divisor).clip(0.0, 255.0);
        tables.reshape([batch, rows.count, columns.count, channels, BINS])
    }
}

/// The tiles along one axis.
struct Tiles {
    /// How many pixels of the image there are.
    pixels: usize,
    /// How many tiles there are.
    count: usize,
    /// How many pixels a tile has; the last tiles may reach beyond the image.
    extent: usize,
}

/// Between which tiles a pixel lies, those at the borders counted twice.
struct Place {
    tiles: [usize; 2],
    /// How far it is on the way to the second.
    share: f64,
}

impl Tiles {
    fn new(pixels: usize, count: usize) -> Tiles {
        Tiles { pixels, count, extent: pixels.div_ceil(count.max(1)) }
    }

    /// The pixels of all tiles: beyond the image those before its end, in reverse.
    fn mirrored(&self) -> Tensor {
        let period = 2 * self.pixels.max(1);
        let pixel = |at: usize| match at % period {
            at if at < self.pixels => at,
            at => period - 1 - at,
        };
        integers(&(0..self.count * self.extent).map(pixel).collect::<Vec<_>>())
    }

    /// The tiles, and once more those at the borders.
    fn with_borders(&self) -> Vec<usize> {
        let last = self.count.saturating_sub(1);
        [0].into_iter().chain(0..self.count).chain([last]).collect()
    }

    /// A number of each pixel's place, along `axis` of four.
    fn along(&self, axis: usize, number: impl Fn(&Place) -> f64, dtype: DType) -> Tensor {
        let numbers: Vec<f64> =
            (0..self.count * self.extent).map(|pixel| number(&self.place(pixel))).collect();
        let mut shape = [1; 4];
        shape[axis] = numbers.len();
        Tensor::constant(Array::from_f64_slice(dtype, shape, &numbers))
    }

    fn place(&self, pixel: usize) -> Place {
        // In `float32`, as Keras has it.
        let extent = self.extent as f32;
        let place = (pixel as f32 - extent / 2.0) / extent + 1.0;
        let first = place.floor();
        let tile = |number: f32| (number.max(0.0) as usize).min(self.count + 1);
        Place { tiles: [tile(first), tile(first + 1.0)], share: f64::from(place - first) }
    }
}

fn integers(values: &[usize]) -> Tensor {
    let values: Vec<f64> = values.iter().map(|&value| value as f64).collect();
    Tensor::constant(Array::from_f64_slice(DType::I32, [values.len()], &values))
}

impl Augmentation for ContrastLimitedAdaptiveHistogramEqualization {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn draw(&self, _: &mut Draws<'_>, _: ImageSize) -> Drawn {
        Drawn::new()
    }

    fn transform(&self, images: &Tensor, _: &Drawn) -> Tensor {
        self.data_format.channels_last(&images.cast(DType::F32), |images| {
            let spread = self.spread(&rescaled(images, self.value_range, BYTES));
            rescaled(&spread, BYTES, self.value_range)
        })
    }

    fn acts_always(&self) -> bool {
        true
    }

    fn keeps_integers(&self) -> bool {
        true
    }
}

augmentation_layer!(ContrastLimitedAdaptiveHistogramEqualization, random = false, |layer| {
    config_with(layer, &[("value_range", written(layer.value_range))])
});
