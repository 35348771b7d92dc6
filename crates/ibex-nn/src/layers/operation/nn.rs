//! `keras.ops.nn`: activations, convolutions, pooling, normalisation, losses, attention.

use ibex_graph::ops::attention::{AttentionOptions, dot_product_attention};
use ibex_graph::ops::composed::patches::Patches;
use ibex_graph::ops::window::Padding;
use ibex_graph::{DType, Shape, Tensor};

use super::ctc::{ctc_decode, ctc_loss};
use super::elementwise::choose;
use super::given::{Given, float_of};
use super::table::{Outcome, operations};
use crate::activations::{self, Activation};
use crate::layers::DataFormat;
use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, LossFunction, SparseCategoricalCrossentropy,
};

/// Keras's guard against division by zero.
const EPSILON: f64 = 1e-7;

operations! {
    /// What layers are made of.
    NN, "nn";
    AdaptiveAveragePool [output_size data_format] (inputs) -> |g| {
        adaptive(g, Tensor::adaptive_average_pool)
    };
    AdaptiveMaxPool [output_size data_format] (inputs) -> |g| {
        adaptive(g, Tensor::adaptive_max_pool)
    };
    AveragePool [pool_size strides padding data_format] (inputs) -> |g| {
        pool(g, Tensor::average_pool)
    };
    BatchNorm [axis epsilon] (x mean variance offset scale) -> batch_norm;
    BinaryCrossentropy [from_logits] (target output) -> |g| {
        let [target, output] = g.pair(float_of)?;
        // The mean over an axis of one element leaves each value as it is.
        let loss = BinaryCrossentropy::new().from_logits(g.flag("from_logits", false)?);
        Ok(loss.call(&target.expand_dims(-1), &output.expand_dims(-1)))
    };
    CategoricalCrossentropy [from_logits axis] (target output) -> |g| {
        let [target, output] = g.pair(float_of)?;
        let loss = CategoricalCrossentropy::new().from_logits(g.flag("from_logits", false)?);
        Ok(loss.axis(g.integer("axis")?.unwrap_or(-1)).call(&target, &output))
    };
    Celu [alpha] (x) -> |g| {
        let alpha = g.number("alpha")?.unwrap_or(1.0);
        g.of_float(|x| activations::celu::celu_with(x, alpha))
    };
    Conv [strides padding data_format dilation_rate] (inputs kernel) -> |g| {
        convolve(g, |x, kernel, spatial| {
            let groups = x.dim(-1).checked_div(kernel.dim(-2)).unwrap_or(1).max(1);
            x.convolution(kernel, &spatial.strides, spatial.padding, &spatial.dilation, groups)
        })
    };
    ConvTranspose [strides padding output_padding data_format dilation_rate]
        (inputs kernel) -> |g| {
        let extra = g.integers("output_padding")?;
        convolve(g, |x, kernel, spatial| {
            let extra = extra.as_ref().map(|extra| each(extra, spatial.strides.len()));
            let (strides, dilation) = (&spatial.strides, &spatial.dilation);
            x.convolution_transpose(kernel, strides, spatial.padding, extra.as_deref(), dilation)
        })
    };
    CTCDecode [strategy beam_width top_paths merge_repeated mask_index]
        (inputs sequence_lengths) => ctc_decode;
    CTCLoss [mask_index] (target output target_length output_length) -> ctc_loss;
    DepthToSpace [block_size data_format] (x) -> |g| blocks(g, true);
    DepthwiseConv [strides padding data_format dilation_rate] (inputs kernel) -> |g| {
        convolve(g, |x, kernel, spatial| {
            x.depthwise_convolution(kernel, &spatial.strides, spatial.padding, &spatial.dilation)
        })
    };
    DotProductAttention [is_causal flash_attention attn_logits_soft_cap]
        (query key value bias mask scale) -> attention;
    Elu [alpha] (x) -> |g| {
        let alpha = g.number("alpha")?.unwrap_or(1.0);
        g.of_float(|x| activations::elu::elu_with(x, alpha))
    };
    Fold [output_size kernel_size dilation padding stride] (x) -> |g| {
        let size = each(&g.integers("output_size")?.unwrap_or_default(), 2);
        Ok(g.float()?.fold(&size, &patches(g)?))
    };
    Gelu [approximate] (x) -> |g| match g.flag("approximate", true)? {
        true => g.of_float(activations::gelu::gelu_approximate),
        false => g.of_float(|x| Activation::Gelu.apply(x)),
    };
    Glu [axis] (x) -> |g| {
        let axis = g.integer("axis")?.unwrap_or(-1);
        g.of_float(|x| match x.dim(axis) % 2 {
            0 => Activation::Glu.apply(&x.move_axis(axis, -1)).move_axis(-1, axis),
            _ => x.split(2, axis).swap_remove(0),
        })
    };
    HardShrink [threshold] (x) -> |g| {
        let threshold = g.number("threshold")?.unwrap_or(0.5);
        g.of_float(|x| activations::hard_shrink::hard_shrink_with(x, threshold))
    };
    HardSigmoid [] (x) -> |g| g.of_float(|x| Activation::HardSigmoid.apply(x));
    HardSilu [] (x) -> |g| g.of_float(|x| Activation::HardSilu.apply(x));
    HardTanh [] (x) -> |g| g.of_float(|x| Activation::HardTanh.apply(x));
    LayerNorm [axis epsilon rms_scaling] (x gamma beta) -> layer_norm;
    LeakyRelu [negative_slope] (x) -> |g| {
        let slope = g.number("negative_slope")?.unwrap_or(0.2);
        g.of_float(|x| activations::leaky_relu::leaky_relu_with(x, slope))
    };
    LogSigmoid [] (x) -> |g| g.of_float(|x| Activation::LogSigmoid.apply(x));
    LogSoftmax [axis] (x) -> |g| along_axes(g, Tensor::log_softmax);
    MaxPool [pool_size strides padding data_format] (inputs) -> |g| pool(g, Tensor::max_pool);
    Moments [axes keepdims synchronized] (x) => |g| {
        let x = g.float()?;
        let axes = g.axes("axes", x.rank())?.unwrap_or(x.all_axes());
        let keep = g.flag("keepdims", false)?;
        Ok(vec![x.mean(&axes, keep), x.variance(&axes, keep)])
    };
    MultiHot [num_classes axis dtype sparse num_tokens] (inputs) -> |g| {
        let x = g.first()?;
        let classes = if g.has("num_classes") { "num_classes" } else { "num_tokens" };
        let dtype = g.dtype("dtype")?.unwrap_or(DType::F32);
        let axis = g.integer("axis")?.unwrap_or(-1);
        let hits = x.one_hot(g.needed(classes)?, axis, dtype);
        Ok(hits.max(&[usize::from(x.rank() > 1)], false))
    };
    Normalize [axis order epsilon] (x) -> |g| {
        let x = g.float()?;
        let axes = g.axes("axis", x.rank())?.unwrap_or(vec![x.rank().max(1) - 1]);
        let epsilon = g.number("epsilon")?.unwrap_or(EPSILON);
        let order = g.count("order")?.unwrap_or(2);
        if order == 2 {
            let square = x.square().sum(&axes, true);
            let limit = Tensor::scalar(x.dtype(), 1.0 / epsilon);
            return Ok(&x * square.rsqrt().minimum(&limit));
        }
        let norm = x.vector_norm(order as f64, &axes, true);
        Ok(&x / norm.maximum(&Tensor::scalar(x.dtype(), epsilon)))
    };
    OneHot [num_classes axis dtype sparse] (x) -> |g| {
        let dtype = g.dtype("dtype")?.unwrap_or(DType::F32);
        let axis = g.integer("axis")?.unwrap_or(-1);
        Ok(g.first()?.one_hot(g.needed("num_classes")?, axis, dtype))
    };
    PSNR [max_val] (x1 x2) -> |g| {
        let largest = g.number("max_val")?.unwrap_or(1.0);
        g.two_floats(|a, b| {
            let error = (a - b).square().mean_all();
            20.0 * largest.log10() - error.log() * (10.0 / std::f64::consts::LN_10)
        })
    };
    RMSNorm [axis epsilon] (x scale) -> |g| {
        let x = g.float()?;
        let axes = g.axes("axis", x.rank())?.unwrap_or(vec![x.rank().max(1) - 1]);
        let wide = x.cast(DType::F32.max(x.dtype()));
        let epsilon = g.number("epsilon")?.unwrap_or(EPSILON);
        let normal = &wide * (wide.square().mean(&axes, true) + epsilon).rsqrt();
        let scaled = match g.optional("scale")? {
            Some(scale) => normal * scale.cast(wide.dtype()),
            None => normal,
        };
        Ok(scaled.cast(x.dtype()))
    };
    Relu [] (x) -> |g| g.one(|x| match x.dtype().is_float() {
        true => x.relu(),
        false => x.maximum(&x.zeros_like()),
    });
    Relu6 [] (x) -> |g| g.of_float(|x| Activation::Relu6.apply(x));
    Selu [] (x) -> |g| g.of_float(|x| Activation::Selu.apply(x));
    SeparableConv [strides padding data_format dilation_rate]
        (inputs depthwise_kernel pointwise_kernel) -> |g| {
        let pointwise = g.tensor("pointwise_kernel")?;
        convolve(g, |x, kernel, spatial| {
            let (strides, dilation) = (&spatial.strides, &spatial.dilation);
            let once = vec![1; strides.len()];
            x.depthwise_convolution(kernel, strides, spatial.padding, dilation).convolution(
                &pointwise,
                &once,
                Padding::Valid,
                &once,
                1,
            )
        })
    };
    Sigmoid [] (x) -> |g| g.of_float(Tensor::sigmoid);
    Silu [] (x) -> |g| g.of_float(|x| Activation::Silu.apply(x));
    SoftShrink [threshold] (x) -> |g| {
        let threshold = g.number("threshold")?.unwrap_or(0.5);
        g.of_float(|x| activations::soft_shrink::soft_shrink_with(x, threshold))
    };
    Softmax [axis] (x) -> |g| along_axes(g, Tensor::softmax);
    Softplus [] (x) -> |g| g.of_float(Tensor::softplus);
    Softsign [] (x) -> |g| g.of_float(|x| Activation::Softsign.apply(x));
    SpaceToDepth [block_size data_format] (x) -> |g| blocks(g, false);
    SparseCategoricalCrossentropy [from_logits axis] (target output) -> |g| {
        let target = g.tensor("target")?.cast(DType::I32);
        let output = g.tensor("output")?;
        let loss = SparseCategoricalCrossentropy::new().from_logits(g.flag("from_logits", false)?);
        Ok(loss.axis(g.integer("axis")?.unwrap_or(-1)).call(&target, &output))
    };
    SparsePlus [] (x) -> |g| g.of_float(|x| Activation::SparsePlus.apply(x));
    SparseSigmoid [] (x) -> |g| g.of_float(|x| Activation::SparseSigmoid.apply(x));
    Sparsemax [axis] (x) -> |g| {
        let axis = g.integer("axis")?.unwrap_or(-1);
        g.of_float(|x| activations::sparsemax::sparsemax_along(x, axis))
    };
    Squareplus [b] (x) -> |g| {
        let b = g.number("b")?.unwrap_or(4.0);
        g.of_float(|x| activations::squareplus::squareplus_with(x, b))
    };
    TanhShrink [] (x) -> |g| g.of_float(|x| Activation::TanhShrink.apply(x));
    Threshold [threshold default_value] (x) -> |g| {
        let threshold = g.number("threshold")?.unwrap_or(0.0);
        let value = g.number("default_value")?.unwrap_or(0.0);
        g.of_float(|x| activations::threshold::threshold(x, threshold, value))
    };
    Unfold [kernel_size dilation padding stride] (x) -> |g| Ok(g.float()?.unfold(&patches(g)?));
}

/// One number for each of `count` axes.
fn each(numbers: &[isize], count: usize) -> Vec<usize> {
    let at = |axis: usize| numbers.get(axis).or(numbers.first()).copied().unwrap_or(1);
    (0..count).map(|axis| usize::try_from(at(axis)).unwrap_or(0)).collect()
}

fn format(g: &Given<'_>) -> Outcome<DataFormat> {
    g.choice(
        "data_format",
        &[
            ("channels_last", DataFormat::ChannelsLast),
            ("channels_first", DataFormat::ChannelsFirst),
        ],
    )
}

fn padding(g: &Given<'_>) -> Outcome<Padding> {
    g.choice("padding", &[("valid", Padding::Valid), ("same", Padding::Same)])
}

/// Numbers of one of the options for each spatial axis of `x`.
fn spatial(g: &Given<'_>, name: &str, x: &Tensor) -> Outcome<Option<Vec<usize>>> {
    let count = x.rank().saturating_sub(2);
    let numbers = g.integers(name)?.map(|numbers| each(&numbers, count));
    match numbers {
        Some(numbers) if numbers.contains(&0) => {
            Err(g.wrong(&format!("the argument `{name}` does not fit"), "at least 1", 0))
        }
        other => Ok(other),
    }
}

/// How a convolution moves over the spatial axes.
struct Spatial {
    strides: Vec<usize>,
    dilation: Vec<usize>,
    padding: Padding,
}

fn convolve(
    g: &Given<'_>,
    f: impl FnOnce(&Tensor, &Tensor, &Spatial) -> Tensor,
) -> Outcome<Tensor> {
    let [x, kernel] = g.pair(float_of)?;
    if x.rank() < 3 || x.rank() != kernel.rank() {
        let expected = "(batch, …, channels) and a kernel of as many axes";
        let received = format!("{} and {}", x.shape(), kernel.shape());
        return Err(g.wrong("the inputs do not fit", expected, received));
    }
    let once = vec![1; x.rank() - 2];
    let spatial = Spatial {
        strides: spatial(g, "strides", &x)?.unwrap_or(once.clone()),
        dilation: spatial(g, "dilation_rate", &x)?.unwrap_or(once),
        padding: padding(g)?,
    };
    Ok(format(g)?.channels_last(&x, |x| f(x, &kernel, &spatial)))
}

fn pool(g: &Given<'_>, f: fn(&Tensor, &[usize], &[usize], Padding) -> Tensor) -> Outcome<Tensor> {
    let x = g.float()?;
    let size = spatial(g, "pool_size", &x)?.unwrap_or(vec![2; x.rank().saturating_sub(2)]);
    let strides = spatial(g, "strides", &x)?.unwrap_or(size.clone());
    let padding = padding(g)?;
    Ok(format(g)?.channels_last(&x, |x| f(x, &size, &strides, padding)))
}

fn adaptive(g: &Given<'_>, f: fn(&Tensor, &[usize]) -> Tensor) -> Outcome<Tensor> {
    let x = g.float()?;
    let size = spatial(g, "output_size", &x)?.unwrap_or_default();
    Ok(format(g)?.channels_last(&x, |x| f(x, &size)))
}

/// A function along one axis, along several as if they were one, or along all.
fn along_axes(g: &Given<'_>, f: fn(&Tensor, isize) -> Tensor) -> Outcome<Tensor> {
    let x = g.float()?;
    let axes = match g.value("axis") {
        None => x.all_axes(),
        Some(_) => g.axes("axis", x.rank())?.unwrap_or_default(),
    };
    if let [axis] = axes[..] {
        return Ok(f(&x, axis as isize));
    }
    let rest = x.all_axes().into_iter().filter(|axis| !axes.contains(axis));
    let order: Vec<usize> = rest.chain(axes.iter().copied()).collect();
    let moved = x.transpose(&order);
    let mut joined = moved.shape()[..x.rank() - axes.len()].to_vec();
    joined.push(axes.iter().map(|&axis| x.shape()[axis]).product());
    let result = f(&moved.reshape(joined), -1).reshape(moved.shape());
    let back: Vec<usize> =
        x.all_axes().iter().map(|axis| order.iter().position(|o| o == axis).unwrap_or(0)).collect();
    Ok(result.transpose(&back))
}

/// A vector laid along one axis of a shape of `rank` axes.
fn laid_along(vector: &Tensor, axis: usize, rank: usize) -> Tensor {
    let mut shape = vec![1; rank];
    shape[axis] = vector.shape().size();
    vector.reshape(shape)
}

fn batch_norm(g: &Given<'_>) -> Outcome<Tensor> {
    let x = g.float()?;
    let axis = g.axis(-1, x.rank())?;
    let along = |name| -> Outcome<Option<Tensor>> {
        let vector = g.optional(name)?;
        Ok(vector.map(|vector| laid_along(&vector.cast(x.dtype()), axis, x.rank())))
    };
    let needed = |name: &str, found: Option<Tensor>| {
        found.ok_or_else(|| g.wrong("an argument is missing", name, "nothing"))
    };
    let mean = needed("mean", along("mean")?)?;
    let variance = needed("variance", along("variance")?)?;
    let mut factor = (variance + g.number("epsilon")?.unwrap_or(1e-3)).rsqrt();
    if let Some(scale) = along("scale")? {
        factor = factor * scale;
    }
    let result = (&x - mean) * factor;
    Ok(match along("offset")? {
        Some(offset) => result + offset,
        None => result,
    })
}

fn layer_norm(g: &Given<'_>) -> Outcome<Tensor> {
    let x = g.float()?;
    let axes = g.axes("axis", x.rank())?.unwrap_or(vec![x.rank().max(1) - 1]);
    let wide = x.cast(DType::F32.max(x.dtype()));
    let epsilon = g.number("epsilon")?.unwrap_or(EPSILON);
    let factor = (wide.variance(&axes, true) + epsilon).rsqrt();
    let only_scaled = g.flag("rms_scaling", false)?;
    let mut result = match only_scaled {
        true => &wide * factor,
        false => (&wide - wide.mean(&axes, true)) * factor,
    };
    let shape: Vec<usize> = x
        .all_axes()
        .iter()
        .map(|axis| match axes.contains(axis) {
            true => x.shape()[*axis],
            false => 1,
        })
        .collect();
    let weight = |name| -> Outcome<Option<Tensor>> {
        let weight = g.optional(name)?.map(|weight| weight.cast(wide.dtype()));
        let fits = |weight: &Tensor| weight.shape().size() == Shape::from(shape.clone()).size();
        Ok(weight.map(|w| if fits(&w) { w.reshape(shape.clone()) } else { w }))
    };
    if let Some(gamma) = weight("gamma")? {
        result = result * gamma;
    }
    if let Some(beta) = weight("beta")?.filter(|_| !only_scaled) {
        result = result + beta;
    }
    Ok(result.cast(x.dtype()))
}

fn attention(g: &Given<'_>) -> Outcome<Tensor> {
    if g.has("attn_logits_soft_cap") {
        let received = "attn_logits_soft_cap";
        return Err(g.wrong("scores cannot be capped", "no cap, as Keras on JAX", received));
    }
    let inputs = g.together(&["query", "key", "value"], float_of)?;
    let bias = g.optional("bias")?.map(|bias| bias.cast(inputs[0].dtype()));
    let mask = g.optional("mask")?;
    let mask = match (bias, mask) {
        (Some(bias), Some(mask)) => {
            let hidden = -0.7 * f64::from(f32::MAX);
            let hidden = Tensor::scalar(bias.dtype(), hidden);
            Some(choose(&mask.cast(DType::Bool), &bias, &hidden))
        }
        (bias, mask) => bias.or(mask),
    };
    let causal = g.flag("is_causal", false)?;
    let options = AttentionOptions {
        scale: g.number("scale")?,
        mask: mask.as_ref(),
        causal,
        ..AttentionOptions::default()
    };
    Ok(dot_product_attention(&inputs[0], &inputs[1], &inputs[2], &options))
}

/// The windows that `unfold` and `fold` share.
fn patches(g: &Given<'_>) -> Outcome<Patches> {
    let pair = |name, default| -> Outcome<[usize; 2]> {
        let numbers = each(&g.integers(name)?.unwrap_or(vec![default]), 2);
        Ok([numbers[0], numbers[1]])
    };
    let patches = Patches {
        size: pair("kernel_size", 1)?,
        dilation: pair("dilation", 1)?,
        padding: pair("padding", 0)?,
        stride: pair("stride", 1)?,
    };
    let needed = [patches.size, patches.dilation, patches.stride].concat();
    match needed.contains(&0) {
        true => Err(g.wrong("the windows do not fit", "sizes and strides of at least 1", 0)),
        false => Ok(patches),
    }
}

/// Blocks of places as channels, or channels as blocks of places.
fn blocks(g: &Given<'_>, to_space: bool) -> Outcome<Tensor> {
    let x = g.first()?;
    let size = g.needed("block_size")?.max(1);
    let first = format(g)? == DataFormat::ChannelsFirst;
    let [batch, a, b, c] = x.shape().dims() else {
        return Err(g.wrong("the input does not fit", "four axes", x.shape()));
    };
    let (batch, height, width, channels) =
        if first { (*batch, *b, *c, *a) } else { (*batch, *a, *b, *c) };
    let fits = match to_space {
        true => channels % (size * size) == 0,
        false => height % size == 0 && width % size == 0,
    };
    if !fits {
        return Err(g.wrong("the input does not divide into blocks", &size.to_string(), x.shape()));
    }
    let (rows, columns) = (height / size, width / size);
    let fewer = channels / (size * size);
    let (apart, order, whole) = match (to_space, first) {
        (true, false) => (
            vec![batch, height, width, size, size, fewer],
            [0, 1, 3, 2, 4, 5],
            vec![batch, height * size, width * size, fewer],
        ),
        (true, true) => (
            vec![batch, fewer, size, size, height, width],
            [0, 1, 4, 2, 5, 3],
            vec![batch, fewer, height * size, width * size],
        ),
        (false, false) => (
            vec![batch, rows, size, columns, size, channels],
            [0, 1, 3, 2, 4, 5],
            vec![batch, rows, columns, channels * size * size],
        ),
        (false, true) => (
            vec![batch, channels, rows, size, columns, size],
            [0, 1, 3, 5, 2, 4],
            vec![batch, channels * size * size, rows, columns],
        ),
    };
    Ok(x.reshape(apart).transpose(&order).reshape(whole))
}
