//! Weights as histograms and as pictures.

use ibex_format::events::{EventFile, buckets};
use ibex_graph::Array;

use crate::error::Result;
use crate::model::Model;
use crate::plot::grey_png;

/// As many buckets as TensorFlow's histograms have.
const BUCKETS: usize = 30;
/// So many pictures of one weight at most: the filters of a large convolution are thousands.
const PICTURES: usize = 16;

/// Records every weight of the model.
pub(super) fn write(file: &mut EventFile, model: &Model, epoch: i64, pictures: bool) -> Result<()> {
    for variable in model.variables() {
        let (name, value) = (variable.name().replace(':', "_"), variable.get());
        let values = value.to_f64_vec();
        file.histogram(epoch, &format!("{name}/histogram"), &buckets(&values, BUCKETS))?;
        if pictures && let Some((size, images)) = as_pictures(&value, &values) {
            let images = images.into_iter().map(|grey| grey_png(size, &grey));
            let images = images.collect::<std::result::Result<Vec<_>, _>>()?;
            file.images(epoch, &format!("{name}/image"), size, &images)?;
        }
    }
    Ok(())
}

/// Width and height, and the grey values of each picture.
type Pictures = ((usize, usize), Vec<Vec<u8>>);

/// The weight as grey pictures of one size, as Keras arranges it: a row for a vector, a matrix
/// lying, a filter for each of its last axis; `None` for what is no picture.
fn as_pictures(value: &Array, values: &[f64]) -> Option<Pictures> {
    let dims: Vec<usize> = value.shape().iter().copied().filter(|&extent| extent != 1).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = most - least;
    if !spread.is_finite() {
        return None;
    }
    let grey = |value: f64| ((value - least) / spread.max(f64::MIN_POSITIVE) * 255.0).round() as u8;
    match *dims.as_slice() {
        [width] => Some(((width, 1), vec![values.iter().map(|&v| grey(v)).collect()])),
        [rows, columns] if rows > columns => {
            let turned = (0..columns).flat_map(|c| (0..rows).map(move |r| r * columns + c));
            Some(((rows, columns), vec![turned.map(|at| grey(values[at])).collect()]))
        }
        [rows, columns] => Some(((columns, rows), vec![values.iter().map(|&v| grey(v)).collect()])),
        [height, width, count] => {
            let one = |index: usize| {
                let pixels = (0..height * width).map(|at| grey(values[at * count + index]));
                pixels.collect::<Vec<u8>>()
            };
            Some(((width, height), (0..count.min(PICTURES)).map(one).collect()))
        }
        _ => None,
    }
}
