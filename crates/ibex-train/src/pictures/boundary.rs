//! Where a classifier of two numbers changes its mind.

use std::path::Path;

use ibex_graph::Array;
use ibex_nn::ConfigError;

use super::judged::{Judged, judge};
use crate::data::Samples;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::plot::draw;
use crate::plot::layout::{COLOURS, Frame, WHITE, draw_axes};
use crate::plot::scene::{Colour, Scene, Shape, rectangle};
use crate::plot::ticks::ticks;

/// Pixels of the background to a side.
const SIDE: usize = 160;

/// Draws the samples of a model with two numbers as input, over the colours of what it predicts
/// at every place between them.
///
/// # Errors
/// If the model has other inputs, is no classifier of the data, or the file cannot be written.
pub fn decision_boundary(
    model: &mut Model,
    samples: &Samples,
    path: impl AsRef<Path>,
) -> Result<()> {
    let x = match samples.x.as_slice() {
        [x] if x.shape().dims().get(1..) == Some(&[2]) => x,
        other => {
            let shapes: Vec<String> = other.iter().map(|x| x.shape().to_string()).collect();
            return Err(Error::Data(
                ConfigError::new("a decision boundary is that of two features")
                    .expected("one input of shape (samples, 2)")
                    .received(shapes.join(", ")),
            ));
        }
    };
    let judged = judge(model, samples, 256)?;
    let points = x.to_f64_vec();
    let axis = |axis: usize| {
        let values = points.iter().skip(axis).step_by(2);
        let low = values.clone().copied().fold(f64::INFINITY, f64::min);
        let high = values.copied().fold(f64::NEG_INFINITY, f64::max);
        let room = 0.08 * (high - low).max(1e-6);
        (low - room, high + room)
    };
    let (x, y) = (axis(0), axis(1));
    let frame = Frame { left: 64.0, right: 624.0, top: 24.0, bottom: 584.0, x, y };
    let page = (648.0, 632.0);
    let mut shapes = vec![rectangle((0.0, 0.0), page, WHITE)];
    shapes.push(Shape::Picture {
        corner: (frame.left, frame.top),
        size: (frame.right - frame.left, frame.bottom - frame.top),
        width: SIDE,
        height: SIDE,
        pixels: background(model, x, y, judged.classes)?,
    });
    draw_axes(&frame, &ticks(x.0, x.1, 8, false), &ticks(y.0, y.1, 8, false), &mut shapes);
    for (point, &class) in points.chunks_exact(2).zip(&judged.truth) {
        let centre = frame.place((point[0], point[1]));
        shapes.push(Shape::Circle { centre, radius: 4.2, fill: WHITE });
        shapes.push(Shape::Circle { centre, radius: 3.2, fill: COLOURS[class % COLOURS.len()] });
    }
    Ok(draw(&Scene { size: page, shapes }, path.as_ref())?)
}

/// The colours of the classes at every place, mixed by their scores.
fn background(model: &mut Model, x: (f64, f64), y: (f64, f64), classes: usize) -> Result<Vec<u8>> {
    let part = |(low, high): (f64, f64), index: usize| {
        (low + (high - low) * (index as f64 + 0.5) / SIDE as f64) as f32
    };
    let places =
        (0..SIDE * SIDE).flat_map(|at| [part(x, at % SIDE), part(y, SIDE - 1 - at / SIDE)]);
    let places: Vec<f32> = places.collect();
    let places = Array::from_slice([SIDE * SIDE, 2], &places)?;
    let truth = Array::zeros(ibex_graph::DType::I32, [SIDE * SIDE]);
    let samples = Samples { x: vec![places], y: vec![truth], weights: Vec::new() };
    let Judged { scores, .. } = judge(model, &samples, 4096)?;
    Ok(scores.chunks_exact(classes).flat_map(mixed).collect())
}

/// A light mixture of the colours of classes.
fn mixed(scores: &[f64]) -> Colour {
    let total = scores.iter().map(|score| score.max(0.0)).sum::<f64>().max(1e-12);
    let mut mixture = [0.0; 3];
    for (class, score) in scores.iter().enumerate() {
        let colour = COLOURS[class % COLOURS.len()];
        for (sum, channel) in mixture.iter_mut().zip(colour) {
            *sum += score.max(0.0) / total * f64::from(channel);
        }
    }
    mixture.map(|channel| (255.0 - 0.45 * (255.0 - channel)).round() as u8)
}
