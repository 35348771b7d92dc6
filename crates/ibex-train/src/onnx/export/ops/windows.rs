//! Convolutions and pooling: channels last here, channels first in ONNX.

use ibex_format::onnx::OnnxAttribute;
use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::conv::{Convolution, ConvolutionInputGradient};
use ibex_graph::ops::pooling::Pool;
use ibex_graph::ops::window::for_each_tap;
use ibex_graph::{DType, Op};

use super::super::builder::{int, ints};
use super::super::site::{Outcome, Site, source};
use crate::error::Result;

fn one(value: String) -> Result<Outcome> {
    Ok(Outcome::Values(vec![value]))
}

/// `(N, *spatial, C)` to `(N, C, *spatial)`.
fn channels_first(rank: usize) -> Vec<usize> {
    [0, rank - 1].into_iter().chain(1..rank - 1).collect()
}

/// `(N, C, *spatial)` to `(N, *spatial, C)`.
fn channels_last(rank: usize) -> Vec<usize> {
    [0].into_iter().chain(2..rank).chain([1]).collect()
}

fn pads(padding: &[(usize, usize)]) -> (String, OnnxAttribute) {
    ints("pads", padding.iter().map(|pad| pad.0).chain(padding.iter().map(|pad| pad.1)))
}

impl Site<'_> {
    /// Input 0 with its channels first.
    fn image(&mut self) -> Result<String> {
        let (x, rank) = (self.x(0), self.rank(0));
        self.builder.transpose(&x, &channels_first(rank))
    }

    fn channels_last(&mut self, y: &str) -> Result<String> {
        let rank = self.rank(0);
        self.builder.transpose(y, &channels_last(rank))
    }
}

/// A convolution.
pub(super) fn convolution(site: &mut Site<'_>, op: &Convolution) -> Result<Outcome> {
    let (x, kernel, rank) = (site.image()?, site.x(1), site.rank(0));
    let window = site.shape(1)[..rank - 2].to_vec();
    // `(*k, C / groups, F)` to `(F, C / groups, *k)`.
    let order: Vec<usize> = [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect();
    let kernel = site.builder.transpose(&kernel, &order)?;
    let options = vec![
        ints("dilations", op.dilation.clone()),
        int("group", op.groups),
        ints("kernel_shape", window),
        pads(&op.padding),
        ints("strides", op.strides.clone()),
    ];
    let y = site.builder.node_with("Conv", &[x, kernel], options);
    one(site.channels_last(&y)?)
}

/// The gradient of a convolution by its input, which is a transposed convolution.
pub(super) fn transposed_convolution(
    site: &mut Site<'_>,
    op: &ConvolutionInputGradient,
) -> Result<Outcome> {
    let (x, kernel, rank) = (site.image()?, site.x(1), site.rank(0));
    let convolution = &op.convolution;
    let spatial = rank - 2;
    let window = site.shape(1)[..spatial].to_vec();
    let mut padding = convolution.padding.clone();
    let mut extra = vec![0; spatial];
    for axis in 0..spatial {
        // What the kernel reaches from all positions, before anything is cut off.
        let span = (window[axis] - 1) * convolution.dilation[axis] + 1;
        let reach = (site.shape(0)[axis + 1] - 1) * convolution.strides[axis] + span;
        let end = op.input_shape[axis + 1] + padding[axis].0;
        padding[axis].1 = reach.saturating_sub(end);
        extra[axis] = end.saturating_sub(reach);
    }
    // `(*k, C / groups, F)` to `(F, C / groups, *k)`.
    let order: Vec<usize> = [rank - 1, rank - 2].into_iter().chain(0..spatial).collect();
    let kernel = site.builder.transpose(&kernel, &order)?;
    let options = vec![
        ints("dilations", convolution.dilation.clone()),
        int("group", convolution.groups),
        ints("kernel_shape", window),
        ints("output_padding", extra),
        pads(&padding),
        ints("strides", convolution.strides.clone()),
    ];
    let y = site.builder.node_with("ConvTranspose", &[x, kernel], options);
    one(site.channels_last(&y)?)
}

fn pool_options(pool: &Pool) -> Vec<(String, OnnxAttribute)> {
    vec![
        ints("kernel_shape", pool.window.clone()),
        pads(&pool.padding),
        ints("strides", pool.strides.clone()),
    ]
}

/// The largest elements of windows, and their places if somebody wants them.
pub(super) fn max_pool(site: &mut Site<'_>, pool: &Pool) -> Result<Outcome> {
    let dtype = site.dtype(0);
    let floats = matches!(dtype, DType::F32 | DType::F64);
    let mut x = site.image()?;
    if !floats {
        x = site.cast_to(&x, DType::F64);
    }
    let found = site.builder.nodes("MaxPool", &[x], 2, pool_options(pool));
    let mut largest = site.channels_last(&found[0])?;
    if !floats {
        largest = site.cast_to(&largest, dtype);
    }
    // ONNX counts places through all samples and channels.
    let places: usize = site.shape(0)[1..site.rank(0) - 1].iter().product();
    let count = site.builder.scalar(DType::I64, places as f64)?;
    let place = site.builder.node("Mod", &[&found[1], &count]);
    let place = site.channels_last(&place)?;
    let place = site.cast_to(&place, DType::I32);
    Ok(Outcome::Values(vec![largest, place]))
}

fn pooled_average(site: &mut Site<'_>, x: &str, pool: &Pool, all: bool) -> Result<String> {
    let rank = pool.window.len() + 2;
    let x = site.builder.transpose(x, &channels_first(rank))?;
    let mut options = pool_options(pool);
    options.insert(0, int("count_include_pad", usize::from(all)));
    let y = site.builder.node_with("AveragePool", &[x], options);
    site.builder.transpose(&y, &channels_last(rank))
}

/// The sums of windows: averages, times the size of a window.
pub(super) fn window_sum(site: &mut Site<'_>, pool: &Pool) -> Result<Outcome> {
    let dtype = site.dtype(0);
    let mut x = site.x(0);
    if dtype != DType::F32 {
        x = site.cast_to(&x, DType::F32);
    }
    let average = pooled_average(site, &x, pool, true)?;
    let size: usize = pool.window.iter().product();
    let size = site.builder.scalar(DType::F32, size as f64)?;
    let sum = site.builder.node("Mul", &[average, size]);
    one(if dtype == DType::F32 { sum } else { site.cast_to(&sum, dtype) })
}

/// Sums of windows that are divided by what the windows cover are averages.
pub(super) fn average(site: &mut Site<'_>, op: Binary) -> Result<Option<String>> {
    let node = site.producer(0).clone();
    let Op::WindowSum(sum) = &node.op else { return Ok(None) };
    let pool = &sum.pool;
    if site.dtype(0) != DType::F32 {
        return Ok(None);
    }
    let size = pool.window.iter().product::<usize>() as f64;
    let factor =
        site.splat(1).map(|factor| if op == Binary::Divide { factor } else { 1.0 / factor });
    let x = site.name(node.inputs[0]);
    if let Some(factor) = factor {
        let whole = (factor - size).abs() < 1e-6 * size;
        return if whole { pooled_average(site, &x, pool, true).map(Some) } else { Ok(None) };
    }
    let Op::Constant(counts) = &site.graph.node(source(site.graph, site.node.inputs[1]).node).op
    else {
        return Ok(None);
    };
    let extents = &site.graph.ty(node.inputs[0]).shape[1..=pool.window.len()];
    let mut covered = Vec::new();
    for_each_tap(&pool.windows(), extents, |place, _, _| {
        if covered.len() <= place {
            covered.resize(place + 1, 0.0);
        }
        covered[place] += 1.0;
    });
    let divides = op == Binary::Divide && counts.value.to_f64_vec() == covered;
    if divides { pooled_average(site, &x, pool, false).map(Some) } else { Ok(None) }
}
