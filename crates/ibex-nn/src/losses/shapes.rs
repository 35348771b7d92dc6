//! Shapes of targets and predictions: matching their ranks, and saying why they do not fit.

use ibex_graph::{Array, Tensor};

use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};

/// Both tensors with equally many axes, if they differ by a last axis of extent 1.
///
/// A vector gains the axis rather than the other losing it if `expand_vectors`, as Keras's
/// `squeeze_or_expand_to_same_rank` does.
pub(crate) fn same_rank(a: &Tensor, b: &Tensor, expand_vectors: bool) -> (Tensor, Tensor) {
    let shorter = |long: &Tensor, short: &Tensor| {
        let differs = long.rank() == short.rank() + 1 && long.dim(-1) == 1;
        match (differs, short.rank() == 1 && expand_vectors) {
            (false, _) => (long.clone(), short.clone()),
            (true, true) => (long.clone(), short.expand_dims(-1)),
            (true, false) => (long.squeeze(-1), short.clone()),
        }
    };
    if a.rank() > b.rank() {
        shorter(a, b)
    } else {
        let (b, a) = shorter(b, a);
        (a, b)
    }
}

/// What targets say about classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Labels {
    /// One probability for each sample.
    Binary,
    /// The index of a class.
    Sparse,
    /// A number for each class.
    OneHot,
}

/// What targets of this type say about predictions of that type, as Keras guesses it.
pub(crate) fn labels(y_true: &PartialType, y_pred: &PartialType) -> Labels {
    let (target, output) = (&y_true.shape, &y_pred.shape);
    let one = |shape: &PartialShape| shape.dim(-1) == Some(1);
    let several = output.dim(-1).is_some_and(|classes| classes > 1);
    if one(output) {
        Labels::Binary
    } else if target.rank() < output.rank() || one(target) && several {
        Labels::Sparse
    } else {
        Labels::OneHot
    }
}

/// Both shapes after [`same_rank`].
fn same_rank_shapes(a: &PartialShape, b: &PartialShape) -> (PartialShape, PartialShape) {
    let (mut a, mut b) = (a.clone(), b.clone());
    let one = |shape: &PartialShape| shape.dim(-1) == Some(1);
    if a.rank() == b.rank() + 1 && one(&a) {
        b.0.push(Some(1));
    } else if b.rank() == a.rank() + 1 && one(&b) {
        a.0.push(Some(1));
    }
    (a, b)
}

/// Whether extents `a` and `b` can be equal.
fn alike(a: &Option<usize>, b: &Option<usize>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// That targets and predictions do not go together.
pub(crate) fn misfit(
    name: &str,
    y_true: &PartialType,
    y_pred: &PartialType,
    expected: &str,
) -> ConfigError {
    ConfigError::new(format!("the targets do not fit the predictions of the loss `{name}`"))
        .expected(expected)
        .received(format!("targets {}, predictions {}", y_true.shape, y_pred.shape))
}

/// Whether targets and predictions have one shape, or broadcast to one.
pub(crate) fn expect_broadcast(
    name: &str,
    y_true: &PartialType,
    y_pred: &PartialType,
) -> Result<(), ConfigError> {
    let (a, b) = same_rank_shapes(&y_true.shape, &y_pred.shape);
    let fits =
        |(a, b): (&Option<usize>, &Option<usize>)| alike(a, b) || *a == Some(1) || *b == Some(1);
    match a.0.iter().rev().zip(b.0.iter().rev()).all(fits) {
        true => Ok(()),
        false => {
            let expected = format!("targets of the predictions' shape {}", y_pred.shape);
            Err(misfit(name, y_true, y_pred, &expected))
        }
    }
}

/// Whether targets and predictions have one shape.
pub(crate) fn expect_same(
    name: &str,
    y_true: &PartialType,
    y_pred: &PartialType,
) -> Result<(), ConfigError> {
    let (a, b) = same_rank_shapes(&y_true.shape, &y_pred.shape);
    if a.rank() == b.rank() && a.0.iter().zip(&b.0).all(|(a, b)| alike(a, b)) {
        return Ok(());
    }
    let expected = format!("targets of the predictions' shape {}", y_pred.shape);
    let error = misfit(name, y_true, y_pred, &expected);
    let classes = y_pred.shape.dim(-1).unwrap_or(0);
    let sparse = labels(y_true, y_pred) == Labels::Sparse && y_true.shape.rank() <= b.rank();
    Err(match sparse && classes > 1 {
        true => error.help(format!(
            "for targets that are class indices use `SparseCategoricalCrossentropy`, or make them \
             one-hot vectors of {classes}"
        )),
        false => error.help("the last layer's units must be the extent of the targets' last axis"),
    })
}

/// Whether targets are one class index for each prediction along the last axis.
pub(crate) fn expect_indices(
    name: &str,
    y_true: &PartialType,
    y_pred: &PartialType,
) -> Result<(), ConfigError> {
    if y_true.dtype.is_float() {
        return Err(ConfigError::new(format!("the targets of the loss `{name}` are no integers"))
            .expected("class indices of an integer type, such as int32")
            .received(format!("targets of type {}", y_true.dtype))
            .help(
                "convert them, as with `y.astype(\"int32\")`; for probabilities use \
                 `CategoricalCrossentropy`, for numbers a regression loss",
            ));
    }
    let mut target = y_true.shape.clone();
    if target.rank() == y_pred.shape.rank() && target.dim(-1) == Some(1) {
        target.0.pop();
    }
    let samples = y_pred.shape.0.split_last().map_or(&[][..], |(_, samples)| samples);
    if target.rank() == samples.len() && target.0.iter().zip(samples).all(|(a, b)| alike(a, b)) {
        return Ok(());
    }
    let wanted = PartialShape(samples.to_vec());
    let expected = format!("a class index for each sample: targets {wanted}");
    let error = misfit(name, y_true, y_pred, &expected);
    let one_hot = y_true.shape.rank() == y_pred.shape.rank();
    Err(match one_hot {
        true => error.help("for one-hot targets use `CategoricalCrossentropy`"),
        false => error,
    })
}

/// The first of `values` for which `wrong` holds, and its position.
pub(crate) fn first_wrong(values: &Array, wrong: impl Fn(f64) -> bool) -> Option<(f64, String)> {
    let numbers = values.to_f64_vec();
    let at = numbers.iter().position(|&value| wrong(value))?;
    let strides = values.shape().strides();
    let index: Vec<String> = strides
        .iter()
        .zip(values.shape().iter())
        .map(|(stride, extent)| (at / stride.max(&1) % extent.max(&1)).to_string())
        .collect();
    Some((numbers[at], format!("[{}]", index.join(", "))))
}

/// Whether all targets lie between 0 and 1, as probabilities do.
pub(crate) fn expect_probabilities(name: &str, y_true: &Array) -> Result<(), ConfigError> {
    match first_wrong(y_true, |value| !(0.0..=1.0).contains(&value)) {
        None => Ok(()),
        Some((value, index)) => {
            Err(ConfigError::new(format!("a target of the loss `{name}` is not a probability"))
                .expected("targets from 0 to 1")
                .received(format!("{value} at {index}"))
                .help("scale the targets, or use a loss for numbers such as `MeanSquaredError`"))
        }
    }
}

/// Whether all targets are whole numbers of classes, `ignored` aside.
pub(crate) fn expect_classes(
    name: &str,
    y_true: &Array,
    classes: Option<usize>,
    ignored: Option<i64>,
) -> Result<(), ConfigError> {
    let bound = classes.map_or(f64::INFINITY, |classes| classes as f64);
    let ignored = ignored.map(|class| class as f64);
    let fraction = |value: f64| value.fract() != 0.0 || value.is_nan();
    let outside = |value: f64| !(value >= 0.0 && value < bound) && Some(value) != ignored;
    if let Some((value, index)) = first_wrong(y_true, fraction) {
        return Err(ConfigError::new(format!("a target of the loss `{name}` is no class index"))
            .expected("whole numbers")
            .received(format!("{value} at {index}"))
            .help("for one-hot or soft targets use `CategoricalCrossentropy`"));
    }
    match first_wrong(y_true, outside) {
        None => Ok(()),
        Some((value, index)) => {
            let last = bound - 1.0;
            let error =
                ConfigError::new(format!("a target of the loss `{name}` is no class of the model"))
                    .expected(format!("class indices from 0 to {last}"))
                    .received(format!("{value} at {index}"));
            Err(match value >= bound {
                true => error.help(format!(
                    "the last layer needs at least {} units, or classes must count from 0",
                    value + 1.0
                )),
                false => error.help("classes count from 0; `ignore_class` skips one index"),
            })
        }
    }
}
