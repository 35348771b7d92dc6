//! How a model is to be trained: optimizer, losses, metrics.

use std::collections::BTreeMap;

use ibex_nn::ConfigError;
use ibex_nn::losses::Loss;
pub use ibex_nn::metrics::MetricChoice;
use ibex_nn::optimizers::Optimizer;

/// Something for each output of a model.
#[derive(Clone, Debug, Default)]
pub enum PerOutput<T> {
    /// Nothing for any output.
    #[default]
    None,
    /// The same for each output.
    Each(T),
    /// One for each output, in order.
    List(Vec<Option<T>>),
    /// Some outputs, by name.
    Dict(BTreeMap<String, Option<T>>),
}

impl<T: Clone> PerOutput<T> {
    /// What belongs to each output.
    ///
    /// # Errors
    /// If the list has another length, or the dictionary a name that no output has.
    pub fn resolve(&self, noun: &str, outputs: &[String]) -> Result<Vec<Option<T>>, ConfigError> {
        match self {
            PerOutput::None => Ok(vec![None; outputs.len()]),
            PerOutput::Each(one) => Ok(vec![Some(one.clone()); outputs.len()]),
            PerOutput::List(list) if list.len() == outputs.len() => Ok(list.clone()),
            PerOutput::List(list) => Err(ConfigError::new(format!("wrong number of {noun}"))
                .expected(format!("{}, one for each output", outputs.len()))
                .received(list.len().to_string())),
            PerOutput::Dict(dict) => {
                if let Some(unknown) = dict.keys().find(|key| !outputs.contains(key)) {
                    let error = ConfigError::new(format!(
                        "{noun} are given for `{unknown}`, which is no output of the model"
                    ))
                    .expected(outputs.join(", "));
                    return Err(error);
                }
                Ok(outputs.iter().map(|name| dict.get(name).cloned().flatten()).collect())
            }
        }
    }

    /// Whether there is nothing for any output.
    pub fn is_none(&self) -> bool {
        matches!(self, PerOutput::None)
    }
}

/// How a model is to be trained.
///
/// Keras: `model.compile(optimizer, loss, loss_weights, metrics, weighted_metrics)`.
#[derive(Clone, Debug)]
pub struct Compile {
    /// How gradients change weights.
    pub optimizer: Optimizer,
    /// What training makes small.
    pub losses: PerOutput<Loss>,
    /// The factor of each output's loss.
    pub loss_weights: PerOutput<f64>,
    /// What judges the model, without sample weights.
    pub metrics: PerOutput<Vec<MetricChoice>>,
    /// What judges the model, with sample weights.
    pub weighted_metrics: PerOutput<Vec<MetricChoice>>,
}

impl Compile {
    /// An optimizer and a loss: one for each output, or [`losses!`](crate::losses).
    pub fn new(optimizer: impl Into<Optimizer>, losses: impl Into<Losses>) -> Compile {
        Compile {
            optimizer: optimizer.into(),
            losses: losses.into().0,
            loss_weights: PerOutput::None,
            metrics: PerOutput::None,
            weighted_metrics: PerOutput::None,
        }
    }

    /// The same metrics for each output.
    pub fn metrics<M: Into<MetricChoice>>(
        mut self,
        metrics: impl IntoIterator<Item = M>,
    ) -> Compile {
        self.metrics = PerOutput::Each(metrics.into_iter().map(Into::into).collect());
        self
    }

    /// One more metric for each output.
    pub fn metric(mut self, metric: impl Into<MetricChoice>) -> Compile {
        match &mut self.metrics {
            PerOutput::Each(list) => list.push(metric.into()),
            other => *other = PerOutput::Each(vec![metric.into()]),
        }
        self
    }

    /// Metrics of one output, by its name.
    pub fn metrics_of<M: Into<MetricChoice>>(
        mut self,
        output: &str,
        metrics: impl IntoIterator<Item = M>,
    ) -> Compile {
        let list = metrics.into_iter().map(Into::into).collect();
        match &mut self.metrics {
            PerOutput::Dict(dict) => _ = dict.insert(output.to_string(), Some(list)),
            other => *other = PerOutput::Dict([(output.to_string(), Some(list))].into()),
        }
        self
    }

    /// Metrics that use the sample weights, the same for each output.
    pub fn weighted_metrics<M: Into<MetricChoice>>(
        mut self,
        metrics: impl IntoIterator<Item = M>,
    ) -> Compile {
        self.weighted_metrics = PerOutput::Each(metrics.into_iter().map(Into::into).collect());
        self
    }

    /// The factor of each output's loss, in the order of the outputs.
    pub fn loss_weights(mut self, weights: impl IntoIterator<Item = f64>) -> Compile {
        self.loss_weights = PerOutput::List(weights.into_iter().map(Some).collect());
        self
    }
}

/// One loss for each output, or a list of losses.
#[derive(Clone, Debug)]
pub struct Losses(pub PerOutput<Loss>);

impl<L: Into<Loss>> From<L> for Losses {
    fn from(loss: L) -> Losses {
        Losses(PerOutput::Each(loss.into()))
    }
}

/// A list of losses of different kinds, one for each output.
#[macro_export]
macro_rules! losses {
    ($($loss:expr),* $(,)?) => {
        $crate::compile::Losses($crate::compile::PerOutput::List(vec![
            $(Some(::ibex_nn::losses::Loss::from($loss))),*
        ]))
    };
}
