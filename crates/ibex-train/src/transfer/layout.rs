//! From the layout of PyTorch to that of Keras and back: axes, gates, biases.
//!
//! Every function gives `None` when the shapes are not those of such a weight.

use ibex_format::RawArray;

/// How a weight of Keras is made of arrays of PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrangement {
    /// As it is.
    Same,
    /// `(out, in)` to `(in, out)`.
    Linear,
    /// `(out, in, k…)` to `(k…, in, out)`; of transposed convolutions `(in, out, k…)` likewise.
    Convolution,
    /// `(channels × multiplier, 1, k…)` to `(k…, channels, multiplier)`.
    Depthwise,
    /// One number for each channel, or one for all, to any shape of that many.
    Spread,
    /// [`Arrangement::Linear`], with the first two of three gates exchanged.
    Gates,
    /// The sum of the biases of input and state.
    BiasSum,
    /// The biases of input and state as two rows, with the first two of three gates exchanged.
    BiasRows,
}

impl Arrangement {
    /// The weight of Keras, of the shape that it must have.
    pub(super) fn to_keras(self, arrays: &[&RawArray], shape: &[usize]) -> Option<RawArray> {
        let first = *arrays.first()?;
        let made = match self {
            Self::Same => first.clone(),
            Self::Linear => first.permuted(&[1, 0]).ok()?,
            Self::Convolution => reversed_axes(first)?,
            Self::Depthwise => reversed_axes(first)?.reshaped(shape).ok()?,
            Self::Spread if first.len() == 1 => repeated(first, shape)?,
            Self::Spread => first.clone().reshaped(shape).ok()?,
            Self::Gates => exchanged(&first.permuted(&[1, 0]).ok()?)?,
            Self::BiasSum => sum(first, arrays.get(1)?)?,
            Self::BiasRows => {
                let rows = [exchanged(first)?, exchanged(arrays.get(1)?)?];
                stacked(&rows)?
            }
        };
        (made.shape() == shape).then_some(made)
    }

    /// The arrays of PyTorch.
    pub(super) fn to_torch(self, weight: &RawArray) -> Option<Vec<RawArray>> {
        let rank = weight.shape().len();
        Some(match self {
            Self::Same => vec![weight.clone()],
            Self::Linear => vec![weight.permuted(&[1, 0]).ok()?],
            Self::Convolution => vec![kernel_first(weight)?],
            Self::Depthwise => {
                let (channels, kernel) = weight
                    .shape()
                    .split_last_chunk::<2>()
                    .map(|(k, c)| (c[0] * c[1], k.to_vec()))?;
                let mut shape = kernel;
                shape.extend([1, channels]);
                vec![kernel_first(&weight.clone().reshaped(&shape).ok()?)?]
            }
            Self::Spread => vec![weight.clone().reshaped(&[weight.len()]).ok()?],
            Self::Gates => vec![exchanged(weight)?.permuted(&[1, 0]).ok()?],
            Self::BiasSum => {
                let zeros = vec![0; weight.data().len()];
                let zeros = RawArray::new(weight.dtype(), weight.shape().to_vec(), zeros).ok()?;
                vec![weight.clone(), zeros]
            }
            Self::BiasRows if rank == 2 => {
                let half = weight.data().len() / 2;
                let row = |bytes: &[u8]| {
                    let row =
                        RawArray::new(weight.dtype(), vec![weight.shape()[1]], bytes.to_vec());
                    exchanged(&row.ok()?)
                };
                vec![row(&weight.data()[..half])?, row(&weight.data()[half..])?]
            }
            Self::BiasRows => return None,
        })
    }
}

/// The kernel `(rows, units)` of a dense layer behind a flattened `(…, channels)`, from one whose
/// rows are in the order of channels first.
pub(super) fn channels_last_rows(kernel: &RawArray, flattened: &[usize]) -> Option<RawArray> {
    let (channels, places) = flattened.split_last()?;
    let mut first = vec![*channels];
    first.extend(places);
    first.push(*kernel.shape().get(1)?);
    let mut axes: Vec<usize> = (1..=places.len()).collect();
    axes.extend([0, places.len() + 1]);
    let turned = kernel.clone().reshaped(&first).ok()?.permuted(&axes).ok()?;
    turned.reshaped(kernel.shape()).ok()
}

/// The other way round.
pub(super) fn channels_first_rows(kernel: &RawArray, flattened: &[usize]) -> Option<RawArray> {
    let places = flattened.len().checked_sub(1)?;
    let mut last = flattened.to_vec();
    last.push(*kernel.shape().get(1)?);
    let mut axes = vec![places];
    axes.extend(0..places);
    axes.push(places + 1);
    let turned = kernel.clone().reshaped(&last).ok()?.permuted(&axes).ok()?;
    turned.reshaped(kernel.shape()).ok()
}

/// `(a, b, k…)` to `(k…, b, a)`.
fn reversed_axes(array: &RawArray) -> Option<RawArray> {
    let rank = array.shape().len();
    let mut axes: Vec<usize> = (2..rank).collect();
    axes.extend([1, 0]);
    array.permuted(&axes).ok()
}

/// `(k…, b, a)` to `(a, b, k…)`.
fn kernel_first(array: &RawArray) -> Option<RawArray> {
    let kernel = array.shape().len().checked_sub(2)?;
    let mut axes = vec![kernel + 1, kernel];
    axes.extend(0..kernel);
    array.permuted(&axes).ok()
}

fn repeated(one: &RawArray, shape: &[usize]) -> Option<RawArray> {
    let count: usize = shape.iter().product();
    RawArray::new(one.dtype(), shape.to_vec(), one.data().repeat(count)).ok()
}

/// Exchanges the first two thirds of the last axis: reset and update gate.
fn exchanged(array: &RawArray) -> Option<RawArray> {
    let extent = *array.shape().last()?;
    if extent == 0 || !extent.is_multiple_of(3) {
        return None;
    }
    let third = extent / 3 * array.dtype().size();
    let rows = array.data().chunks_exact(3 * third);
    let data = rows.flat_map(|row| {
        row[third..2 * third].iter().chain(&row[..third]).chain(&row[2 * third..]).copied()
    });
    RawArray::new(array.dtype(), array.shape().to_vec(), data.collect()).ok()
}

fn sum(one: &RawArray, other: &RawArray) -> Option<RawArray> {
    let numbers = one.to_f32_vec().into_iter().zip(other.to_f32_vec());
    let sums: Vec<f32> = numbers.map(|(a, b)| a + b).collect();
    (one.shape() == other.shape()).then_some(())?;
    RawArray::from_slice(one.shape(), &sums).ok()
}

fn stacked(rows: &[RawArray; 2]) -> Option<RawArray> {
    let [first, second] = rows;
    (first.shape() == second.shape() && first.dtype() == second.dtype()).then_some(())?;
    let shape: Vec<usize> = [2].into_iter().chain(first.shape().iter().copied()).collect();
    RawArray::new(first.dtype(), shape, [first.data(), second.data()].concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(shape: &[usize]) -> RawArray {
        let count: usize = shape.iter().product();
        RawArray::from_slice(shape, &(0..count).map(|i| i as f32).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_goes_to_keras_comes_back() {
        type Case<'a> = (Arrangement, &'a [&'a [usize]], &'a [usize]);
        let cases: [Case; 7] = [
            (Arrangement::Same, &[&[4]], &[4]),
            (Arrangement::Linear, &[&[3, 2]], &[2, 3]),
            (Arrangement::Convolution, &[&[4, 3, 5, 2]], &[5, 2, 3, 4]),
            (Arrangement::Depthwise, &[&[6, 1, 5, 2]], &[5, 2, 3, 2]),
            (Arrangement::Spread, &[&[4]], &[1, 1, 4]),
            (Arrangement::Gates, &[&[6, 5]], &[5, 6]),
            (Arrangement::BiasRows, &[&[6], &[6]], &[2, 6]),
        ];
        for (arrangement, shapes, keras) in cases {
            let arrays: Vec<RawArray> = shapes.iter().map(|shape| ramp(shape)).collect();
            let refs: Vec<&RawArray> = arrays.iter().collect();
            let made = arrangement.to_keras(&refs, keras).unwrap();
            assert_eq!(made.shape(), keras);
            assert_eq!(arrangement.to_torch(&made).unwrap(), arrays, "{arrangement:?}");
            assert!(arrangement.to_keras(&refs, &[7, 7]).is_none());
        }
    }

    #[test]
    fn gates_and_rows_by_hand() {
        let bias = ramp(&[3]);
        let rows = Arrangement::BiasRows.to_keras(&[&bias, &bias], &[2, 3]).unwrap();
        assert_eq!(rows.to_f32_vec(), [1.0, 0.0, 2.0, 1.0, 0.0, 2.0]);
        let both = Arrangement::BiasSum.to_keras(&[&bias, &bias], &[3]).unwrap();
        assert_eq!(both.to_f32_vec(), [0.0, 2.0, 4.0]);
        // Two channels of three places: channel 0 is rows 0 to 2 in PyTorch.
        let kernel = ramp(&[6, 1]);
        let last = channels_last_rows(&kernel, &[3, 2]).unwrap();
        assert_eq!(last.to_f32_vec(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(channels_first_rows(&last, &[3, 2]).unwrap(), kernel);
    }
}
