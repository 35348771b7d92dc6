//! How a model is to be trained: optimizer, losses, metrics.

use std::collections::BTreeMap;

use ibex_graph::{Array, DType};
use ibex_nn::losses::{Loss, LossChoice};
pub use ibex_nn::metrics::MetricChoice;
use ibex_nn::optimizers::{LossScaleOptimizer, Optimizer};
use ibex_nn::policy::DTypePolicy;
use ibex_nn::{ConfigError, PartialType};

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

    /// Sets what belongs to one output, by its name; what was not given by names is forgotten.
    fn insert(&mut self, output: &str, value: T) {
        match self {
            PerOutput::Dict(dict) => _ = dict.insert(output.to_string(), Some(value)),
            other => *other = PerOutput::Dict([(output.to_string(), Some(value))].into()),
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
    pub losses: PerOutput<LossChoice>,
    /// The factor of each output's loss.
    pub loss_weights: PerOutput<f64>,
    /// What judges the model, without sample weights.
    pub metrics: PerOutput<Vec<MetricChoice>>,
    /// What judges the model, with sample weights.
    pub weighted_metrics: PerOutput<Vec<MetricChoice>>,
    /// Whether a model of the policy `mixed_float16` scales its loss; it does by default.
    pub auto_scale_loss: bool,
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
            auto_scale_loss: true,
        }
    }

    /// Whether a model of the policy `mixed_float16` gets a [`LossScaleOptimizer`] around its
    /// optimizer; it does by default, as in Keras.
    pub fn auto_scale_loss(mut self, scales: bool) -> Compile {
        self.auto_scale_loss = scales;
        self
    }

    /// The optimizer that trains a model of this policy.
    pub(crate) fn optimizer_for(&self, policy: DTypePolicy) -> Optimizer {
        let scales = self.auto_scale_loss && policy == DTypePolicy::MIXED_FLOAT16;
        match scales && self.optimizer.loss_scale().is_none() {
            true => LossScaleOptimizer::new(self.optimizer.clone()).into(),
            false => self.optimizer.clone(),
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
        self.metrics.insert(output, list);
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

    /// Metrics of one output that use the sample weights, by its name.
    pub fn weighted_metrics_of<M: Into<MetricChoice>>(
        mut self,
        output: &str,
        metrics: impl IntoIterator<Item = M>,
    ) -> Compile {
        let list = metrics.into_iter().map(Into::into).collect();
        self.weighted_metrics.insert(output, list);
        self
    }

    /// The loss of one output, by its name; outputs without one are not trained.
    pub fn loss_of(mut self, output: &str, loss: impl Into<LossChoice>) -> Compile {
        self.losses.insert(output, loss.into());
        self
    }

    /// The factor of one output's loss, by its name.
    pub fn loss_weight_of(mut self, output: &str, factor: f64) -> Compile {
        self.loss_weights.insert(output, factor);
        self
    }

    /// The loss of each output, for targets and predictions of these types.
    pub(crate) fn losses_for(
        &self,
        names: &[String],
        outputs: &[PartialType],
        targets: &[PartialType],
    ) -> Result<Vec<Option<Loss>>, ConfigError> {
        let choices = self.losses.resolve("losses", names)?.into_iter().enumerate();
        let one = |(i, choice): (usize, Option<LossChoice>)| {
            let target = targets.get(i).unwrap_or(&outputs[i]);
            choice.map(|choice| choice.resolve(target, &outputs[i])).transpose()
        };
        choices.map(one).collect()
    }

    /// Targets for every output: those without a loss may have been left out, as in Keras.
    pub(crate) fn with_spare_targets(
        &self,
        y: Vec<Array>,
        names: &[String],
    ) -> Result<Vec<Array>, ConfigError> {
        let is_some = |loss: &Option<LossChoice>| loss.is_some();
        let has_loss: Vec<bool> =
            self.losses.resolve("losses", names)?.iter().map(is_some).collect();
        let wanted = has_loss.iter().filter(|has| **has).count();
        if y.len() == names.len() || y.len() != wanted || y.is_empty() {
            return Ok(y);
        }
        for metrics in [&self.metrics, &self.weighted_metrics] {
            let metrics = metrics.resolve("metrics", names)?;
            let judged =
                |list: &Option<Vec<MetricChoice>>| list.as_ref().is_some_and(|l| !l.is_empty());
            if has_loss.iter().zip(&metrics).any(|(has, list)| !has && judged(list)) {
                return Ok(y);
            }
        }
        let count = y[0].shape().first().copied().unwrap_or(0);
        let mut given = y.into_iter();
        let spare = || Array::zeros(DType::F32, [count, 0]);
        let target = |has: &bool| if *has { given.next() } else { None }.unwrap_or_else(spare);
        Ok(has_loss.iter().map(target).collect())
    }

    /// The factor of each output's loss, in the order of the outputs.
    pub fn loss_weights(mut self, weights: impl IntoIterator<Item = f64>) -> Compile {
        self.loss_weights = PerOutput::List(weights.into_iter().map(Some).collect());
        self
    }
}

/// One loss for each output, or a list of losses.
#[derive(Clone, Debug)]
pub struct Losses(pub PerOutput<LossChoice>);

impl Losses {
    /// No loss yet: [`Compile::loss_of`] gives one to some outputs.
    pub fn none() -> Losses {
        Losses(PerOutput::None)
    }
}

impl<L: Into<LossChoice>> From<L> for Losses {
    fn from(loss: L) -> Losses {
        Losses(PerOutput::Each(loss.into()))
    }
}

/// A list of losses of different kinds, one for each output.
#[macro_export]
macro_rules! losses {
    ($($loss:expr),* $(,)?) => {
        $crate::compile::Losses($crate::compile::PerOutput::List(vec![
            $(Some(::ibex_nn::losses::LossChoice::from($loss))),*
        ]))
    };
}

#[cfg(test)]
mod tests {
    use ibex_nn::losses::MeanSquaredError;
    use ibex_nn::optimizers::Adam;

    use super::*;

    #[test]
    fn only_mixed_float16_scales_the_loss() {
        let config = Compile::new(Adam::new(0.1), MeanSquaredError::new());
        let scales = |config: &Compile, policy| config.optimizer_for(policy).loss_scale().is_some();
        assert!(scales(&config, DTypePolicy::MIXED_FLOAT16));
        assert!(!scales(&config, DTypePolicy::MIXED_BFLOAT16));
        assert!(!scales(&config, DTypePolicy::FLOAT32));
        assert!(!scales(&config.clone().auto_scale_loss(false), DTypePolicy::MIXED_FLOAT16));
        // One that is there stays as it is.
        let own = LossScaleOptimizer::new(Adam::new(0.1)).initial_scale(4.0);
        let own = Compile::new(own, MeanSquaredError::new());
        let kept = own.optimizer_for(DTypePolicy::MIXED_FLOAT16);
        assert_eq!(kept.loss_scale().unwrap().initial_scale, 4.0);
    }
}
