//! What the flags change about how a model is trained; the rest stays as the file says.

use clap::Args;
use ibex::graph::Array;
use ibex::nn::losses::LossChoice;
use ibex::nn::metrics::MetricChoice;
use ibex::nn::optimizers::{Optimizer, OptimizerState};
use ibex::nn::schedules::LearningRate;
use ibex::train::compile::PerOutput;
use ibex::train::{Compile, Model};

use crate::failure::Failure;
use crate::output::note;

/// Flags in place of the file's own compile configuration.
#[derive(Debug, Args)]
pub(super) struct Overrides {
    /// Optimizer, such as adam, sgd or rmsprop [default: the file's]
    #[arg(long, value_name = "NAME")]
    optimizer: Option<String>,
    /// Learning rate [default: the file's or the optimizer's]
    #[arg(long, value_name = "X", value_parser = rate, allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Loss, such as mse or sparse_categorical_crossentropy [default: the file's]
    #[arg(long, value_name = "NAME")]
    loss: Option<String>,
    /// Metrics, separated by commas, such as accuracy,auc [default: the file's]
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    metrics: Vec<String>,
    /// Layers whose weights stay as they are: names, or their beginnings before a `*`
    #[arg(long, value_name = "a,b*", value_delimiter = ',')]
    freeze: Vec<String>,
}

impl Overrides {
    /// Compiles `model` (called `named` in texts) as the flags say.
    ///
    /// The state of the file's optimizer is kept unless another optimizer is asked for, or layers
    /// are frozen: then the state has no place for what is left to train.
    ///
    /// # Errors
    /// If a name is unknown, or neither file nor flags say how to train.
    pub(super) fn apply(&self, model: &mut Model, named: &str) -> Result<(), Failure> {
        self.freeze(model)?;
        let nothing = self.optimizer.is_none()
            && self.freeze.is_empty()
            && self.learning_rate.is_none()
            && self.loss.is_none()
            && self.metrics.is_empty();
        if nothing && model.compile_config().is_some() {
            return Ok(());
        }
        let config = self.configuration(model, named)?;
        let old = match (&self.optimizer, model.optimizer()) {
            (None, Ok(state)) if self.freeze.is_empty() => Some(state_values(state)),
            _ => None,
        };
        model.compile(config)?;
        if let Some(old) = old {
            let state = model.optimizer()?;
            for (variable, value) in without_rate(state).iter().zip(&old.slots) {
                variable.set(value).map_err(ibex::Error::from)?;
            }
            if let (None, Some(rate)) = (self.learning_rate, old.learning_rate) {
                state.set_learning_rate(rate).map_err(Failure::usage)?;
            }
        }
        Ok(())
    }

    /// Freezes the layers of the flags.
    fn freeze(&self, model: &Model) -> Result<(), Failure> {
        for name in self.freeze.iter().map(|name| name.trim()) {
            let Some(beginning) = name.strip_suffix('*') else {
                model.layer(name)?.set_trainable(false);
                continue;
            };
            let layers = model.layers().iter();
            let chosen: Vec<_> = layers.filter(|l| l.name().starts_with(beginning)).collect();
            if chosen.is_empty() {
                return Err(Failure::Work(format!(
                    "the model has no layer whose name begins with `{beginning}`\n  help: `ibex \
                     summary` lists the layers"
                )));
            }
            chosen.into_iter().for_each(|layer| layer.set_trainable(false));
        }
        Ok(())
    }

    fn configuration(&self, model: &Model, named: &str) -> Result<Compile, Failure> {
        let own = model.compile_config().cloned();
        let missing = |what: &str| {
            Failure::usage(format!(
                "{named} is not compiled: it does not say which {what} to train with\n  help: add \
                 `--{what} NAME`"
            ))
        };
        let optimizer: Optimizer = match (&self.optimizer, &own) {
            (Some(name), _) => name.parse().map_err(Failure::usage)?,
            (None, Some(own)) => own.optimizer.clone(),
            (None, None) => return Err(missing("optimizer")),
        };
        let losses = match (&self.loss, &own) {
            (Some(name), _) => PerOutput::Each(name.parse::<LossChoice>().map_err(Failure::usage)?),
            (None, Some(own)) => own.losses.clone(),
            (None, None) => return Err(missing("loss")),
        };
        let metrics = self.named_metrics(model)?;
        let auto_scale_loss = own.as_ref().is_none_or(|own| own.auto_scale_loss);
        let given = own.map(|c| (c.loss_weights, c.metrics, c.weighted_metrics));
        let (loss_weights, own_metrics, weighted_metrics) = given.unwrap_or_default();
        let metrics = if metrics.is_empty() { own_metrics } else { PerOutput::Each(metrics) };
        let optimizer = self.with_learning_rate(optimizer)?;
        Ok(Compile { optimizer, losses, loss_weights, metrics, weighted_metrics, auto_scale_loss })
    }

    /// The metrics of the flags, each known by its name.
    fn named_metrics(&self, model: &Model) -> Result<Vec<MetricChoice>, Failure> {
        let named = |name: &String| MetricChoice::from(name.trim());
        let metrics: Vec<MetricChoice> = self.metrics.iter().map(named).collect();
        for output in model.functional().outputs() {
            for metric in &metrics {
                metric.resolve(&output.ty(), &output.ty()).map_err(Failure::usage)?;
            }
        }
        Ok(metrics)
    }

    fn with_learning_rate(&self, optimizer: Optimizer) -> Result<Optimizer, Failure> {
        let Some(rate) = self.learning_rate else { return Ok(optimizer) };
        if let LearningRate::Schedule(schedule) = &optimizer.options().learning_rate {
            note(&format!(
                "the learning rate {rate} takes the place of the file's schedule `{}`",
                schedule.class_name()
            ));
        }
        optimizer.with_learning_rate(rate).map_err(Failure::usage)
    }
}

/// What an optimizer has learned so far.
struct StateValues {
    /// `None` for a schedule, which follows from the number of steps.
    learning_rate: Option<f64>,
    /// Everything else, in order.
    slots: Vec<Array>,
}

fn state_values(state: &OptimizerState) -> StateValues {
    let constant = matches!(state.optimizer().options().learning_rate, LearningRate::Constant(_));
    StateValues {
        learning_rate: constant.then(|| state.learning_rate()),
        slots: without_rate(state).iter().map(|variable| variable.get()).collect(),
    }
}

/// The variables of an optimizer but for the learning rate, which a schedule does not have.
fn without_rate(state: &OptimizerState) -> Vec<ibex::graph::Variable> {
    let mut variables = state.variables();
    if matches!(state.optimizer().options().learning_rate, LearningRate::Constant(_)) {
        // Keras's order: the number of steps, the learning rate, then the slots.
        let scale = variables.len() - state.inner_variables().len();
        variables.remove(scale + 1);
    }
    variables
}

/// A number above zero.
fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number above 0".to_string()),
    }
}
