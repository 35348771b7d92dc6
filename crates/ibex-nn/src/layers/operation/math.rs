//! `keras.ops.math`: segments, largest elements, Fourier transforms, special functions.

use ibex_graph::ops::composed::fourier::{self, Frames};
use ibex_graph::{Array, DType, Tensor};

use super::given::{Given, float_of};
use super::table::{Outcome, operations};

operations! {
    /// Segments, signals and special functions.
    MATH, "math";
    CDist [] (x y) -> |g| g.two_floats(|x, y| {
        let apart = x.expand_dims(-2) - y.expand_dims(-3);
        apart.square().sum(&[apart.rank().max(1) - 1], false).sqrt()
    });
    Erf [] (x) -> |g| g.of_float(Tensor::erf);
    Erfc [] (x) -> |g| g.of_float(|x| 1.0 - x.erf());
    Erfinv [] (x) -> |g| g.of_float(Tensor::erfinv);
    ExtractSequences [sequence_length sequence_stride] (x) -> |g| {
        Ok(g.float()?.frames(g.needed("sequence_length")?, g.needed("sequence_stride")?))
    };
    FFT [] (x) => |g| {
        let (real, imaginary) = complex(g)?;
        Ok(fourier::fft(&real, &imaginary, -1, false).into())
    };
    FFT2 [] (x) => |g| {
        let (real, imaginary) = complex(g)?;
        let [real, imaginary] = fourier::fft(&real, &imaginary, -1, false);
        Ok(fourier::fft(&real, &imaginary, -2, false).into())
    };
    IFFT2 [] (x) => |g| {
        let (real, imaginary) = complex(g)?;
        let [real, imaginary] = fourier::fft(&real, &imaginary, -1, true);
        Ok(fourier::fft(&real, &imaginary, -2, true).into())
    };
    IRFFT [fft_length] (x) -> |g| {
        let (real, imaginary) = complex(g)?;
        let length = g.count("fft_length")?.unwrap_or(2 * real.dim(-1).max(1) - 2);
        Ok(fourier::inverse_real_fft(&real, &imaginary, length))
    };
    ISTFT [sequence_length sequence_stride fft_length length window center] (x) -> |g| {
        let (real, imaginary) = complex(g)?;
        let frames = frames(g)?;
        Ok(fourier::inverse_short_time_fft(&real, &imaginary, &frames, g.count("length")?))
    };
    InTopK [k] (targets predictions) -> |g| {
        let targets = g.tensor("targets")?.expand_dims(-1);
        let scores = g.tensor("predictions")?;
        let own = scores.take_along_axis(&targets, -1);
        let lowest = Tensor::full(own.dtype(), own.shape(), f64::NEG_INFINITY);
        let own = own.is_nan().select(&lowest, &own);
        let above = scores.greater(&own).cast(DType::I32);
        let above = above.sum(&[scores.rank().max(1) - 1], false);
        Ok(above.less(&Tensor::scalar(DType::I32, g.needed("k")? as f64)))
    };
    Logsumexp [axis keepdims] (x) -> |g| {
        let x = g.float()?;
        let axes = g.axes("axis", x.rank())?.unwrap_or(x.all_axes());
        Ok(x.logsumexp(&axes, g.flag("keepdims", false)?))
    };
    RFFT [fft_length] (x) => |g| {
        let x = g.float()?;
        let length = g.count("fft_length")?.unwrap_or(x.dim(-1));
        Ok(fourier::real_fft(&x, length).into())
    };
    Rsqrt [] (x) -> |g| g.of_float(Tensor::rsqrt);
    STFT [sequence_length sequence_stride fft_length window center] (x) => |g| {
        Ok(fourier::short_time_fft(&g.float()?, &frames(g)?).into())
    };
    SegmentMax [num_segments sorted] (data segment_ids) -> |g| {
        segments(g, |hits, data, count| segment_extreme(hits, data, count, true))
    };
    SegmentMin [num_segments sorted] (data segment_ids) -> |g| {
        segments(g, |hits, data, count| segment_extreme(hits, data, count, false))
    };
    SegmentProd [num_segments sorted] (data segment_ids) -> |g| {
        segments(g, |hits, data, _| {
            let (hits, data) = spread(hits, data);
            hits.select(&data, &data.ones_like()).product(&[0], false)
        })
    };
    SegmentSum [num_segments sorted] (data segment_ids) -> |g| {
        let (data, ids, count) = segmented(g)?;
        Ok(data.scatter_add_rows(&ids, count))
    };
    TopK [k sorted] (x) => |g| {
        let (values, places) = g.first()?.top_k(g.needed("k")?);
        Ok(vec![values, places])
    };
}

/// The real and the imaginary part.
fn complex(g: &Given<'_>) -> Outcome<(Tensor, Tensor)> {
    let parts = g.tensors("x")?;
    match parts.as_slice() {
        [real, imaginary] if real.shape() == imaginary.shape() => {
            let dtype = float_of(real.dtype());
            Ok((real.cast(dtype), imaginary.cast(dtype)))
        }
        parts => Err(g.wrong(
            "the input is not a complex tensor",
            "a real and an imaginary part of one shape",
            format!("{} tensors", parts.len()),
        )),
    }
}

/// How a signal is cut into frames, and the window of each.
fn frames(g: &Given<'_>) -> Outcome<Frames> {
    let length = g.needed("sequence_length")?;
    let fft_length = g.needed("fft_length")?;
    if fft_length < length || length == 0 {
        let received = format!("sequence_length={length}, fft_length={fft_length}");
        return Err(g.wrong("the frames do not fit", "fft_length >= sequence_length", received));
    }
    // A window that was not given is Keras's default; `null` in a file means none.
    let window = match g.options.get("window") {
        Some(serde_json::Value::Null) => None,
        None => Some(fourier::hann_window(length)),
        Some(serde_json::Value::String(name)) => Some(match name.as_str() {
            "hann" => fourier::hann_window(length),
            "hamming" => fourier::hamming_window(length),
            other => return Err(g.wrong("unknown window", "hann or hamming", other)),
        }),
        Some(_) => {
            let window = g.tensor("window")?;
            match window.op() {
                ibex_graph::Op::Constant(constant) if window.shape().dims() == [length] => {
                    Some(Array::to_f64_vec(&constant.value))
                }
                _ => return Err(g.wrong("the window does not fit", "one number each", length)),
            }
        }
    };
    let stride = g.needed("sequence_stride")?.max(1);
    Ok(Frames { stride, fft_length, window, length, centred: g.flag("center", true)? })
}

fn segmented(g: &Given<'_>) -> Outcome<(Tensor, Tensor, usize)> {
    let data = g.tensor("data")?;
    let ids = g.tensor("segment_ids")?.cast(DType::I32);
    Ok((data, ids, g.needed("num_segments")?))
}

/// A reduction of the rows of each segment; `hits` says which rows are in which.
fn segments(g: &Given<'_>, f: impl Fn(&Tensor, &Tensor, usize) -> Tensor) -> Outcome<Tensor> {
    let (data, ids, count) = segmented(g)?;
    Ok(f(&ids.one_hot(count, -1, DType::Bool), &data, count))
}

/// Rows × segments × the rest of each row.
fn spread(hits: &Tensor, data: &Tensor) -> (Tensor, Tensor) {
    let mut shape = hits.shape().to_vec();
    let inner = data.shape().get(1..).unwrap_or_default();
    let mut reshaped = shape.clone();
    reshaped.extend(vec![1; inner.len()]);
    shape.extend_from_slice(inner);
    let data = data.expand_dims(1).broadcast_to(shape.clone());
    (hits.reshape(reshaped).broadcast_to(shape), data)
}

/// The largest or smallest row of each segment; the other infinity for an empty one.
fn segment_extreme(hits: &Tensor, data: &Tensor, count: usize, largest: bool) -> Tensor {
    let _ = count;
    let (hits, data) = spread(hits, data);
    let limit = match (data.dtype().is_float(), largest) {
        (true, true) => f64::NEG_INFINITY,
        (true, false) => f64::INFINITY,
        (false, true) => f64::from(i32::MIN),
        (false, false) => f64::from(i32::MAX),
    };
    let others = Tensor::full(data.dtype(), data.shape(), limit);
    let chosen = hits.select(&data, &others);
    if largest { chosen.max(&[0], false) } else { chosen.min(&[0], false) }
}
