//! What kind of problem targets pose, which last activation and loss fit, and whether a model's
//! choice does.
//!
//! It judges by a thousand samples, and speaks up only where the combination cannot be meant:
//! [`Model::advice`] of a sound model is empty.
//! It must not know programs or the training loop.

use std::fmt;

use ibex_graph::Array;
use ibex_nn::ConfigError;
use ibex_nn::activations::Activation;
use ibex_nn::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanSquaredError,
    SparseCategoricalCrossentropy,
};
use ibex_nn::models::SymbolicTensor;
use serde_json::Value;

use crate::data::Arrays;
use crate::error::{Error, Result};
use crate::model::Model;

/// Samples that are looked at.
const SAMPLES: usize = 1000;
/// Inputs beyond this are not normalised.
const LARGE: f64 = 50.0;
/// As many different whole numbers at most are taken for classes where they may be quantities.
const FEW: usize = 20;

/// What targets ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// So many numbers for each sample.
    Regression {
        /// The extent of the targets' last axis.
        outputs: usize,
    },
    /// One answer, yes or no.
    Binary,
    /// So many answers, each yes or no.
    MultiLabel {
        /// The extent of the targets' last axis.
        labels: usize,
    },
    /// One of so many classes, as a one-hot vector or a distribution.
    OneHot {
        /// The extent of the targets' last axis.
        classes: usize,
    },
    /// One of so many classes, as an index.
    Classes {
        /// The largest index, plus one.
        classes: usize,
    },
}

impl Problem {
    /// The problem that targets pose.
    ///
    /// ```
    /// use ibex_graph::Array;
    /// use ibex_train::problem::Problem;
    ///
    /// let labels = Array::from_slice([6], &[0, 1, 2, 2, 1, 0])?;
    /// let problem = Problem::of(&labels);
    /// assert_eq!(problem, Problem::Classes { classes: 3 });
    /// assert_eq!(problem.units(), 3);
    /// assert_eq!(problem.loss().class_name(), "SparseCategoricalCrossentropy");
    /// # Ok::<(), ibex_train::Error>(())
    /// ```
    pub fn of(targets: &Array) -> Problem {
        let count = targets.shape().first().copied().unwrap_or(0).min(SAMPLES);
        let values = match targets.shape().rank() {
            0 => targets.to_f64_vec(),
            _ => targets.rows(0, count).to_f64_vec(),
        };
        let last = if targets.shape().rank() > 1 { targets.shape().dims().last() } else { None };
        let width = last.copied().unwrap_or(1).max(1);
        let bits = values.iter().all(|&v| v == 0.0 || v == 1.0);
        if width > 1 && !targets.dtype().is_float() && !bits {
            return classes(&values).unwrap_or(Problem::Regression { outputs: width });
        }
        if width > 1 {
            let near_one = |row: &[f64]| (row.iter().sum::<f64>() - 1.0).abs() < 1e-4;
            let chances = values.iter().all(|v| (0.0..=1.0).contains(v));
            return match chances && values.chunks(width).all(near_one) {
                true => Problem::OneHot { classes: width },
                false if bits => Problem::MultiLabel { labels: width },
                false => Problem::Regression { outputs: width },
            };
        }
        match bits {
            true => Problem::Binary,
            false => classes(&values).unwrap_or(Problem::Regression { outputs: 1 }),
        }
    }

    /// The units of the last layer.
    pub fn units(self) -> usize {
        match self {
            Problem::Binary => 1,
            Problem::Regression { outputs: n }
            | Problem::MultiLabel { labels: n }
            | Problem::OneHot { classes: n }
            | Problem::Classes { classes: n } => n,
        }
    }

    /// The last activation.
    pub fn activation(self) -> Activation {
        match self {
            Problem::Regression { .. } => Activation::Linear,
            Problem::Binary | Problem::MultiLabel { .. } => Activation::Sigmoid,
            Problem::OneHot { .. } | Problem::Classes { .. } => Activation::Softmax,
        }
    }

    /// The loss.
    pub fn loss(self) -> Loss {
        match self {
            Problem::Regression { .. } => MeanSquaredError::new().into(),
            Problem::Binary | Problem::MultiLabel { .. } => BinaryCrossentropy::new().into(),
            Problem::OneHot { .. } => CategoricalCrossentropy::new().into(),
            Problem::Classes { .. } => SparseCategoricalCrossentropy::new().into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Regression { outputs } => write!(f, "{}", counted(*outputs, "quantity")),
            Problem::Binary => f.write_str("two classes"),
            Problem::MultiLabel { labels } => write!(f, "{labels} labels, each on or off"),
            Problem::OneHot { classes } => write!(f, "{classes} classes as one-hot vectors"),
            Problem::Classes { classes } => write!(f, "{classes} classes as indices"),
        }
    }
}

/// A number of things.
fn counted(count: usize, thing: &str) -> String {
    match (count, thing) {
        (1, _) => format!("1 {thing}"),
        (_, "quantity") => format!("{count} quantities"),
        _ => format!("{count} {thing}s"),
    }
}

/// The classes of whole numbers from 0, if most numbers up to the largest occur.
fn classes(values: &[f64]) -> Option<Problem> {
    let whole = |v: &f64| *v >= 0.0 && v.fract() == 0.0 && *v < 1e6;
    if values.is_empty() || !values.iter().all(whole) {
        return None;
    }
    let mut distinct: Vec<u64> = values.iter().map(|&v| v as u64).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let count = distinct.last().copied().unwrap_or(0) as usize + 1;
    let dense = distinct.len() * 2 >= count && count <= values.len();
    dense.then_some(Problem::Classes { classes: count })
}

/// One output of a model with its loss and its targets.
struct Chosen<'a> {
    name: &'a str,
    units: Option<usize>,
    /// The last activation, if the last layer has one that is known.
    activation: Option<String>,
    loss: &'a Loss,
    targets: &'a Array,
    problem: Problem,
}

/// A rule: what is wrong with a choice, if it applies.
type Rule = fn(&Chosen<'_>) -> Option<ConfigError>;

/// The rules, of which the first that applies is told.
const RULES: &[Rule] = &[softmax_of_one_unit, distance_to_classes, chances, out_of_range];

impl Model {
    /// What in this model, its losses and this data cannot be meant; empty for a sound model.
    ///
    /// `fit` writes it to stderr before the first epoch, unless it is silent.
    ///
    /// # Errors
    /// If the model is not compiled, or the data does not fit.
    pub fn advice(
        &mut self,
        x: impl Into<Arrays>,
        y: impl Into<Arrays>,
    ) -> Result<Vec<ConfigError>> {
        let samples = crate::Samples { x: x.into().0, y: y.into().0, weights: Vec::new() };
        let samples = self.prepare(samples)?;
        self.advice_on(&samples)
    }

    /// The advice on data that was prepared.
    pub(crate) fn advice_on(&self, samples: &crate::Samples) -> Result<Vec<ConfigError>> {
        let Some(judge) = self.judge(crate::step::Mode::Train) else {
            return Err(Error::NotCompiled("advice"));
        };
        let names = self.functional().output_names();
        let outputs = self.functional().outputs().iter().zip(&names);
        let mut all = Vec::new();
        for (((output, name), loss), targets) in outputs.zip(&judge.losses).zip(&samples.y) {
            let Some(loss) = loss else { continue };
            let chosen = Chosen {
                name,
                units: output.shape().dim(-1),
                activation: activation(output),
                loss,
                targets,
                problem: Problem::of(targets),
            };
            all.extend(RULES.iter().find_map(|rule| rule(&chosen)));
        }
        all.extend(self.large_inputs(samples));
        Ok(all)
    }

    /// Inputs of large numbers that no layer scales.
    fn large_inputs(&self, samples: &crate::Samples) -> Option<ConfigError> {
        let scales = |class: &str| {
            class.ends_with("Normalization")
                || ["Rescaling", "Embedding", "Discretization", "CategoryEncoding", "Hashing"]
                    .contains(&class)
        };
        if self.layers().iter().any(|layer| scales(layer.layer().class_name())) {
            return None;
        }
        let functional = self.functional();
        let inputs = functional.inputs().iter().zip(functional.input_names()).zip(&samples.x);
        inputs.into_iter().find_map(|((input, name), values)| {
            if !input.dtype().is_float() {
                return None;
            }
            let count = samples.count().min(SAMPLES);
            let numbers = values.rows(0, count).to_f64_vec();
            let largest = numbers.into_iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
            (largest > LARGE).then(|| {
                ConfigError::new(format!("the input `{name}` is not normalised"))
                    .expected("numbers of about 1, such as pixels divided by 255")
                    .received(format!("numbers up to {largest}"))
                    .help(
                        "divide, subtract mean and divide by deviation, or begin with a \
                         `Rescaling` or `Normalization` layer",
                    )
            })
        })
    }
}

impl Chosen<'_> {
    fn is(&self, activation: &str) -> bool {
        self.activation.as_deref() == Some(activation)
    }

    fn activation_text(&self) -> &str {
        self.activation.as_deref().unwrap_or("another activation")
    }

    fn expects_logits(&self) -> bool {
        self.loss.config().get("from_logits").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether the loss measures distances between numbers.
    fn loss_is_distance(&self) -> bool {
        let class = self.loss.class_name();
        class.starts_with("Mean") || ["Huber", "LogCosh"].contains(&class)
    }

    fn error(&self, what: &str) -> ConfigError {
        ConfigError::new(format!("the output `{}` {what}", self.name))
    }

    fn advised(&self, error: ConfigError) -> ConfigError {
        let activation = self.problem.activation().name();
        error.help(format!(
            "the targets look like {}: a last layer of {} with `{activation}`, and the loss `{}`",
            self.problem,
            counted(self.problem.units(), "unit"),
            self.problem.loss().class_name()
        ))
    }
}

fn softmax_of_one_unit(chosen: &Chosen<'_>) -> Option<ConfigError> {
    if !chosen.is("softmax") || chosen.units != Some(1) {
        return None;
    }
    let error = chosen.error("is always 1: it has one unit and softmax makes it sum to 1");
    let error = error.expected("sigmoid for one unit, or one unit for each class");
    Some(chosen.advised(error.received("1 unit, softmax")))
}

/// Class indices are names, not quantities.
fn distance_to_classes(chosen: &Chosen<'_>) -> Option<ConfigError> {
    let Problem::Classes { classes } = chosen.problem else { return None };
    let as_classes = chosen.is("softmax") || chosen.units.is_some_and(|units| units > 1);
    let as_number = !chosen.targets.dtype().is_float() && classes <= FEW;
    if !chosen.loss_is_distance() || !(as_classes || as_number) {
        return None;
    }
    let error = chosen.error("is compared with class indices as if they were quantities");
    let error = error.expected("a cross-entropy for classes");
    Some(chosen.advised(error.received(format!(
        "the loss `{}`, targets from 0 to {}",
        chosen.loss.class_name(),
        classes - 1
    ))))
}

/// Cross-entropies take probabilities, or logits if they are told so.
fn chances(chosen: &Chosen<'_>) -> Option<ConfigError> {
    let class = chosen.loss.class_name();
    let wanted = match class {
        "BinaryCrossentropy" | "BinaryFocalCrossentropy" => "sigmoid",
        "CategoricalCrossentropy"
        | "CategoricalFocalCrossentropy"
        | "SparseCategoricalCrossentropy" => "softmax",
        _ => return None,
    };
    chosen.activation.as_ref()?;
    let probabilities = chosen.is("softmax") || chosen.is("sigmoid");
    if chosen.expects_logits() {
        let error = chosen.error(&format!("goes through `{}` twice", chosen.activation_text()));
        let error = error.expected("a linear last layer for `from_logits`");
        let received = format!("`{}`, `{class}` from logits", chosen.activation_text());
        return probabilities.then(|| error.received(received).help("leave out one of the two"));
    }
    // Softmax gives probabilities for a binary loss too, unusual as that is.
    let fits = chosen.is(wanted) || wanted == "sigmoid" && chosen.is("softmax");
    if fits || chosen.is("hard_sigmoid") && wanted == "sigmoid" {
        return None;
    }
    let error = chosen.error(&format!("gives no probabilities for `{class}`"));
    let error = error.expected(format!("`{wanted}`, or `from_logits` and a linear last layer"));
    Some(chosen.advised(error.received(format!("`{}`", chosen.activation_text()))))
}

/// Targets that the last activation cannot reach.
fn out_of_range(chosen: &Chosen<'_>) -> Option<ConfigError> {
    let (low, high) = match chosen.activation.as_deref()? {
        "sigmoid" | "softmax" | "hard_sigmoid" => (0.0, 1.0),
        "tanh" | "softsign" | "hard_tanh" => (-1.0, 1.0),
        "relu" | "softplus" | "exponential" => (0.0, f64::INFINITY),
        _ => return None,
    };
    if !chosen.loss_is_distance() {
        return None;
    }
    let count = chosen.targets.shape().first().copied().unwrap_or(0).min(SAMPLES);
    let values = chosen.targets.rows(0, count).to_f64_vec();
    let beyond = values.into_iter().find(|v| *v < low || *v > high)?;
    let error =
        chosen.error(&format!("cannot reach its targets through `{}`", chosen.activation_text()));
    let error = error.expected(match high.is_finite() {
        true => format!("targets from {low} to {high}"),
        false => format!("targets of at least {low}"),
    });
    Some(chosen.advised(error.received(beyond.to_string())))
}

/// The activation that gives an output, if it can be told.
fn activation(output: &SymbolicTensor) -> Option<String> {
    let layer = output.call_node().layer();
    let config = layer.config();
    let named = |config: &Value| {
        let value = config.get("activation")?;
        let name = value.as_str().or_else(|| value.get("config")?.as_str());
        name.or_else(|| value.get("class_name")?.as_str()).map(ibex_nn::layer::snake_case)
    };
    match layer.class_name() {
        "Softmax" => Some("softmax".to_string()),
        "ReLU" => Some("relu".to_string()),
        "Flatten" | "Reshape" | "Dropout" | "Identity" | "Permute" => {
            activation(output.call_node().inputs().first()?)
        }
        "TimeDistributed" => named(config.get("layer")?.get("config")?),
        _ => named(&config),
    }
}

#[cfg(test)]
mod tests;
