//! Pixels of images at places between them.

use ibex_compile::program::Step;
use ibex_graph::ops::image::{FillMode, Interpolation};
use ibex_graph::ops::sample_pixels::SamplePixels;

use super::Launch;
use super::op::{Places, function};
use crate::sampling::{Border, Sampling, sample};

/// The pixels of images at rows and columns.
pub(super) fn sample_pixels(op: SamplePixels, step: &Step, places: Places) -> Box<dyn Launch> {
    let (images, rows) = (&step.inputs[0].shape, &step.inputs[1].shape);
    let sampling = Sampling {
        images: images[0],
        height: images[1],
        width: images[2],
        channels: images[3],
        places: rows[1] * rows[2],
        shared: rows[0] == 1,
        border: match op.mode {
            FillMode::Constant => Border::Constant(op.value.value() as f32),
            FillMode::Nearest => Border::Nearest,
            FillMode::Wrap => Border::Wrap,
            FillMode::Mirror => Border::Mirror,
            FillMode::Reflect => Border::Reflect,
        },
        linear: op.interpolation != Interpolation::Nearest,
    };
    // SAFETY: the sizes are those of the operands.
    unsafe {
        function(move |memory, pool| {
            let [images, rows, columns] =
                [0, 1, 2].map(|i| memory.at(places.inputs[i]).cast_const().cast());
            sample(pool, &sampling, images, rows, columns, memory.at(places.outputs[0]).cast());
        })
    }
}
