//! Convolutions, pooling and resizing: layers with the channels first.

use ibex_graph::Array;
use ibex_graph::ops::window::{Padding, Window};
use ibex_nn::models::SymbolicTensor;
use serde_json::{Value as Json, json};

use super::dense::transposed;
use super::node::{NodeSite, one};
use super::shapes::padded;
use super::{NodeError, NodeRow, Outcome, rows, unsupported};

pub(super) const ROWS: &[NodeRow] = rows! {
    "Conv" convolution;
    "ConvTranspose" transposed_convolution;
    "MaxPool" max_pool;
    "AveragePool" average_pool;
    "GlobalAveragePool" |site| global(site, "Average");
    "GlobalMaxPool" |site| global(site, "Max");
    "Resize" |site| resize(site, 2, 3);
    "Upsample" |site| resize(site, 1, 2);
};

/// What a window of a node is like.
struct Windows {
    x: SymbolicTensor,
    /// The extents of the spatial axes, as far as they are known.
    extents: Vec<Option<usize>>,
    size: Vec<usize>,
    strides: Vec<usize>,
    dilation: Vec<usize>,
    pads: Vec<(usize, usize)>,
}

impl Windows {
    fn of(site: &mut NodeSite<'_, '_>, size: Option<Vec<usize>>) -> Result<Windows, NodeError> {
        let x = site.tensor(0)?;
        let shape = x.shape().0;
        let spatial = shape.len().saturating_sub(2);
        if !(1..=3).contains(&spatial) {
            return unsupported(format!("an input of {} axes", shape.len()));
        }
        let size = match size {
            Some(size) if size.len() == spatial => size,
            _ => site.counts("kernel_shape", spatial)?,
        };
        let strides = site.counts("strides", spatial)?;
        let dilation = site.counts("dilations", spatial)?;
        let extents = shape[2..].to_vec();
        let mut windows = Windows { x, extents, size, strides, dilation, pads: Vec::new() };
        windows.pads = windows.padding(site)?;
        Ok(windows)
    }

    fn spatial(&self) -> usize {
        self.size.len()
    }

    /// The padding that TensorFlow calls `same`, if the extents are known.
    fn same(&self) -> Option<Vec<(usize, usize)>> {
        let along = |axis: usize| {
            let (size, stride) = (self.size[axis], self.strides[axis]);
            // Windows that move by one element need the same padding everywhere.
            let extent = if stride == 1 { Some(1) } else { self.extents[axis] }?;
            Some(Padding::Same.explicit(extent, size, stride, self.dilation[axis]))
        };
        (0..self.spatial()).map(along).collect()
    }

    fn padding(&self, site: &NodeSite<'_, '_>) -> Result<Vec<(usize, usize)>, NodeError> {
        let none = vec![(0, 0); self.spatial()];
        match (site.text("auto_pad", "NOTSET").as_str(), self.same()) {
            ("NOTSET", _) => {}
            ("VALID", _) => return Ok(none),
            ("SAME_UPPER", Some(same)) => return Ok(same),
            ("SAME_LOWER", Some(same)) => {
                return Ok(same.into_iter().map(|(low, high)| (high, low)).collect());
            }
            (kind, _) => return unsupported(format!("`auto_pad` = `{}`", kind.escape_debug())),
        }
        let Some(pads) = site.ints("pads") else { return Ok(none) };
        let count = self.spatial();
        let natural: Option<Vec<usize>> = pads
            .iter()
            .map(|&pad| usize::try_from(pad).ok().filter(|pad| *pad < 1 << 20))
            .collect();
        match natural {
            Some(pads) if pads.len() == 2 * count => {
                Ok((0..count).map(|axis| (pads[axis], pads[count + axis])).collect())
            }
            _ => unsupported(format!("`pads` = {pads:?}")),
        }
    }

    fn is_padded(&self) -> bool {
        self.pads.iter().any(|&pad| pad != (0, 0))
    }

    /// The word for the padding, if Keras has one; otherwise the input is padded by itself.
    fn keras_padding(
        &mut self,
        site: &mut NodeSite<'_, '_>,
        value: f64,
    ) -> Result<&'static str, NodeError> {
        if !self.is_padded() {
            return Ok("valid");
        }
        if self.same().as_ref() == Some(&self.pads) {
            return Ok("same");
        }
        self.x = self.padded(site, value)?;
        Ok("valid")
    }

    fn padded(&self, site: &mut NodeSite<'_, '_>, value: f64) -> Result<SymbolicTensor, NodeError> {
        if self.spatial() == 2 && value == 0.0 {
            let borders: Vec<[usize; 2]> = self.pads.iter().map(|&(l, h)| [l, h]).collect();
            let config = json!({"padding": borders, "data_format": "channels_first"});
            return site.plain("ZeroPadding2D", config, self.x.clone());
        }
        let own = self.pads.iter().map(|&(low, high)| [low as i64, high as i64]);
        let pairs = [[0, 0], [0, 0]].into_iter().chain(own).collect();
        Ok(padded((&self.x).into(), pairs, "constant", value))
    }

    /// Counts a last window that is not whole, if `ceil_mode` says so: as further padding.
    fn count_partial(&mut self, site: &NodeSite<'_, '_>) -> Result<(), NodeError> {
        if site.int("ceil_mode", 0) == 0 {
            return Ok(());
        }
        for axis in 0..self.spatial() {
            let Some(extent) = self.extents[axis] else {
                return unsupported("`ceil_mode` along an open extent");
            };
            let (low, high) = self.pads[axis];
            let window = Window {
                size: self.size[axis],
                stride: self.strides[axis],
                dilation: self.dilation[axis],
                low,
                high,
            };
            let rest = extent + low + high - window.span().unwrap_or(1).min(extent + low + high);
            let missing = (window.stride - rest % window.stride) % window.stride;
            // A window that begins in the padding behind the input does not count.
            let start = rest + missing;
            if missing > 0 && start < extent + low {
                self.pads[axis].1 += missing;
            }
        }
        Ok(())
    }

    fn config(&self, padding: &str) -> Json {
        json!({
            "strides": self.strides,
            "padding": padding,
            "data_format": "channels_first",
        })
    }
}

/// The kernel `(F, C, *k)` in another order: `(*k, …)`.
fn kernel_last(kernel: &Array, last: [usize; 2]) -> Result<Array, NodeError> {
    let axes: Vec<usize> = (2..kernel.shape().rank()).chain(last).collect();
    transposed(kernel, &axes)
}

fn convolution(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (kernel, bias) = (site.known(1)?, site.optional(2)?);
    if kernel.shape().rank() < 3 {
        return unsupported(format!("a kernel of shape {}", kernel.shape()));
    }
    let mut windows = Windows::of(site, Some(kernel.shape()[2..].to_vec()))?;
    let spatial = windows.spatial();
    let Ok(groups @ 1..) = usize::try_from(site.int("group", 1)) else {
        return unsupported("`group` below 1");
    };
    let padding = windows.keras_padding(site, 0.0)?;
    let mut config = windows.config(padding);
    config["kernel_size"] = json!(windows.size);
    config["dilation_rate"] = json!(windows.dilation);
    config["use_bias"] = json!(bias.is_some());
    let (filters, depth) = (kernel.shape()[0], kernel.shape()[1]);
    let depthwise = groups > 1 && depth == 1 && filters % groups == 0 && spatial < 3;
    let (class_name, kernel) = match depthwise {
        true => {
            let multiplier = filters / groups;
            config["depth_multiplier"] = json!(multiplier);
            // `(C · m, 1, *k)` as `(C, m, *k)`.
            let mut extents = vec![groups, multiplier];
            extents.extend_from_slice(&windows.size);
            (format!("DepthwiseConv{spatial}D"), kernel_last(&kernel.reshape(extents)?, [0, 1])?)
        }
        false => {
            config["filters"] = json!(filters);
            config["groups"] = json!(groups);
            (format!("Conv{spatial}D"), kernel_last(&kernel, [1, 0])?)
        }
    };
    let weights = [kernel].into_iter().chain(bias).collect();
    one(site.layer(&class_name, config, vec![windows.x], weights)?.swap_remove(0))
}

/// Keras gives all that the kernel reaches; what ONNX's padding takes away is cut off.
fn transposed_convolution(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (kernel, bias) = (site.known(1)?, site.optional(2)?);
    if kernel.shape().rank() < 3 || site.int("group", 1) != 1 {
        return unsupported("a transposed convolution in groups");
    }
    if site.node.attribute("output_shape").is_some() || site.text("auto_pad", "NOTSET") != "NOTSET"
    {
        return unsupported("a transposed convolution of a given output shape");
    }
    let windows = Windows::of(site, Some(kernel.shape()[2..].to_vec()))?;
    let spatial = windows.spatial();
    let extra = match site.ints("output_padding") {
        Some(extra) if extra.len() == spatial => extra,
        _ => vec![0; spatial],
    };
    let mut config = windows.config("valid");
    config["kernel_size"] = json!(windows.size);
    config["dilation_rate"] = json!(windows.dilation);
    config["filters"] = json!(kernel.shape()[1]);
    config["use_bias"] = json!(bias.is_some());
    let has_bias = bias.is_some();
    let weights = [kernel_last(&kernel, [1, 0])?].into_iter().chain(bias).collect();
    let class_name = format!("Conv{spatial}DTranspose");
    let mut y = site.layer(&class_name, config, vec![windows.x.clone()], weights)?.swap_remove(0);
    let mut cuts = Vec::new();
    let mut more = vec![[0, 0]; 2];
    for axis in 0..spatial {
        let span =
            (windows.size[axis] - 1).saturating_mul(windows.dilation[axis]).saturating_add(1);
        let beyond = windows.strides[axis].saturating_sub(span);
        let (low, high) = windows.pads[axis];
        let extra = extra[axis].clamp(0, 1 << 20) as usize;
        let high = high.saturating_add(beyond);
        cuts.push([low, high.saturating_sub(extra)]);
        more.push([0, extra.saturating_sub(high) as i64]);
    }
    if more.iter().any(|more| *more != [0, 0]) {
        if has_bias {
            return unsupported("output padding beyond the kernel");
        }
        y = padded((&y).into(), more, "constant", 0.0);
    }
    if cuts.iter().all(|cut| *cut == [0, 0]) {
        return one(y);
    }
    let cut: Json = if spatial == 1 { json!(cuts[0]) } else { json!(cuts) };
    let config = json!({"cropping": cut, "data_format": "channels_first"});
    if spatial == 1 {
        let [low, high] = cuts[0];
        let end = (high > 0).then(|| -(high as isize));
        let part = ndarray::SliceInfoElem::Slice { start: low as isize, end, step: 1 };
        let whole = ndarray::SliceInfoElem::Slice { start: 0, end: None, step: 1 };
        return one(y.slice([whole, whole, part]));
    }
    one(site.plain(&format!("Cropping{spatial}D"), config, y)?)
}

fn pool(site: &mut NodeSite<'_, '_>, kind: &str, windows: Windows, padding: &str) -> Outcome {
    let mut config = windows.config(padding);
    config["pool_size"] = json!(windows.size);
    let class_name = format!("{kind}Pooling{}D", windows.spatial());
    one(site.plain(&class_name, config, windows.x)?)
}

fn max_pool(site: &mut NodeSite<'_, '_>) -> Outcome {
    if site.node.outputs.len() > 1 && !site.node.outputs[1].is_empty() {
        return unsupported("the places of the largest elements");
    }
    let mut windows = Windows::of(site, None)?;
    if windows.dilation.iter().any(|&d| d != 1) {
        return unsupported("dilated windows");
    }
    windows.count_partial(site)?;
    // Padding never wins.
    let padding = windows.keras_padding(site, f64::from(f32::MIN))?;
    pool(site, "Max", windows, padding)
}

fn average_pool(site: &mut NodeSite<'_, '_>) -> Outcome {
    let mut windows = Windows::of(site, None)?;
    if windows.dilation.iter().any(|&d| d != 1) {
        return unsupported("dilated windows");
    }
    let before = windows.pads.clone();
    windows.count_partial(site)?;
    let counts_padding = site.int("count_include_pad", 0) == 1;
    if counts_padding && windows.pads == before {
        if windows.is_padded() {
            windows.x = windows.padded(site, 0.0)?;
        }
        return pool(site, "Average", windows, "valid");
    }
    if !windows.is_padded() {
        return pool(site, "Average", windows, "valid");
    }
    match !counts_padding && windows.same().as_ref() == Some(&windows.pads) {
        true => pool(site, "Average", windows, "same"),
        false => unsupported("averages whose padding does not count"),
    }
}

fn global(site: &mut NodeSite<'_, '_>, kind: &str) -> Outcome {
    let x = site.tensor(0)?;
    let spatial = x.shape().rank().saturating_sub(2);
    if !(1..=3).contains(&spatial) {
        return unsupported(format!("an input of {} axes", spatial + 2));
    }
    let config = json!({"keepdims": true, "data_format": "channels_first"});
    one(site.plain(&format!("Global{kind}Pooling{spatial}D"), config, x)?)
}

/// Images enlarged a whole number of times.
fn resize(site: &mut NodeSite<'_, '_>, scales: usize, sizes: usize) -> Outcome {
    let x = site.tensor(0)?;
    let shape = x.shape().0;
    // In the first versions the scales are the second input.
    let scales = if site.context.opset < 11 { 1 } else { scales };
    let scales: Vec<f64> = if site.has(scales) && site.known(scales)?.size() > 0 {
        site.known(scales)?.to_f64_vec()
    } else if site.has(sizes) {
        let sizes = site.integers(sizes)?;
        let pairs = shape.iter().zip(&sizes);
        pairs.map(|(own, &to)| own.map_or(1.0, |own| to as f64 / own as f64)).collect()
    } else {
        Vec::new()
    };
    let whole = |scale: &f64| scale.fract() == 0.0 && *scale >= 1.0 && *scale < 1e6;
    let enlarges = scales.len() == 4 && scales[..2] == [1.0, 1.0] && scales.iter().all(whole);
    if !enlarges {
        return unsupported("resizing of other than images, or not by whole numbers");
    }
    let at = site.text("coordinate_transformation_mode", "half_pixel");
    let interpolation = match (site.text("mode", "nearest").as_str(), at.as_str()) {
        ("nearest", "half_pixel" | "asymmetric" | "pytorch_half_pixel") => "nearest",
        ("linear", "half_pixel" | "pytorch_half_pixel") if site.context.opset >= 11 => "bilinear",
        (mode, at) => {
            let (mode, at) = (mode.escape_debug(), at.escape_debug());
            return unsupported(format!("mode `{mode}` with `{at}`"));
        }
    };
    let rounding = site.text("nearest_mode", "round_prefer_floor");
    if interpolation == "nearest" && at == "asymmetric" && rounding != "floor" && scales[2] > 2.0 {
        return unsupported(format!("`nearest_mode` = `{}`", rounding.escape_debug()));
    }
    let config = json!({
        "size": [scales[2] as usize, scales[3] as usize],
        "interpolation": interpolation,
        "data_format": "channels_first",
    });
    one(site.plain("UpSampling2D", config, x)?)
}
