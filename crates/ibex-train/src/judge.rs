//! What judges a model: its losses and metrics, with the variables in which they add up.

use ibex_graph::{Array, DType, Scope, Tensor, Variable};
use ibex_nn::losses::Loss;
use ibex_nn::metrics::Metric;
use ibex_nn::models::Functional;
use ibex_nn::{PartialType, Trace};

use crate::compile::{Compile, MetricChoice};
use crate::error::Result;
use crate::history::Logs;

/// Losses and metrics of a compiled model, for training or for evaluation.
///
/// Training and evaluation have a judge each, so that evaluating never disturbs training.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) losses: Vec<Option<Loss>>,
    pub(crate) loss_weights: Vec<Option<f64>>,
    /// The mean of the total loss, then of each output's if there are several.
    means: Vec<Mean>,
    metrics: Vec<Tracked>,
}

/// A running mean, weighted by the number of samples.
#[derive(Debug)]
struct Mean {
    name: String,
    total: Variable,
    count: Variable,
}

impl Mean {
    fn value(&self) -> f64 {
        let number = |v: &Variable| v.read().as_slice::<f32>().map_or(0.0, |v| f64::from(v[0]));
        match number(&self.count) {
            0.0 => 0.0,
            count => number(&self.total) / count,
        }
    }
}

/// A metric of one output.
#[derive(Debug)]
struct Tracked {
    name: String,
    output: usize,
    weighted: bool,
    metric: Metric,
    states: Vec<Variable>,
    initial: Vec<f64>,
}

impl Judge {
    /// The judge of a model for targets of these types.
    ///
    /// # Errors
    /// If losses or metrics do not fit outputs or targets.
    pub(crate) fn new(
        compile: &Compile,
        model: &Functional,
        targets: &[PartialType],
    ) -> Result<Judge> {
        let names = &model.names_for_judging();
        let outputs: &[PartialType] = &model.output_types();
        let losses = compile.losses_for(names, outputs, targets)?;
        let loss_weights = compile.loss_weights.resolve("loss weights", names)?;
        for (i, loss) in losses.iter().enumerate() {
            if let (Some(loss), Some(target)) = (loss, targets.get(i)) {
                loss.check(target, &outputs[i])?;
            }
        }
        let mut judge = Judge { losses, loss_weights, means: Vec::new(), metrics: Vec::new() };
        judge.add_mean("loss".to_string());
        if judge.losses.iter().flatten().count() > 1 {
            let named: Vec<String> = model
                .names_of_losses()
                .iter()
                .zip(&judge.losses)
                .filter(|(_, loss)| loss.is_some())
                .map(|(name, _)| format!("{name}_loss"))
                .collect();
            named.into_iter().for_each(|name| judge.add_mean(name));
        }
        for (weighted, choices) in [(false, &compile.metrics), (true, &compile.weighted_metrics)] {
            let choices = choices.resolve("metrics", names)?;
            for (output, choices) in choices.iter().enumerate() {
                for choice in choices.iter().flatten() {
                    judge.add_metric(choice, output, weighted, names, outputs, targets)?;
                }
            }
        }
        Ok(judge)
    }

    fn add_mean(&mut self, name: String) {
        let state = |part: &str| Variable::new(format!("{name}/{part}"), Array::scalar(0f32));
        self.means.push(Mean { total: state("total"), count: state("count"), name });
    }

    fn add_metric(
        &mut self,
        choice: &MetricChoice,
        output: usize,
        weighted: bool,
        names: &[String],
        outputs: &[PartialType],
        targets: &[PartialType],
    ) -> Result<()> {
        let target = targets.get(output).unwrap_or(&outputs[output]);
        let metric = choice.resolve(target, &outputs[output])?;
        let name =
            self.free_name(&choice.name(), weighted, (names.len() > 1).then(|| &names[output]));
        let states = metric.states(target, &outputs[output])?;
        let variables = states
            .iter()
            .map(|state| {
                let value = Array::full(state.ty.dtype, &state.ty.shape, state.initial);
                Variable::new(format!("{name}/{}", state.name), value)
            })
            .collect();
        let initial = states.iter().map(|state| state.initial).collect();
        self.metrics.push(Tracked { name, output, weighted, metric, states: variables, initial });
        Ok(())
    }

    /// The name of a metric in logs: Keras tells those that use weights apart by a prefix, and
    /// numbers what is the same even then.
    fn free_name(&self, own: &str, weighted: bool, output: Option<&String>) -> String {
        let full = |own: &str| output.map_or(own.to_string(), |output| format!("{output}_{own}"));
        let taken = |name: &str| {
            let mut names = self.metrics.iter().map(|m| &m.name);
            names.any(|n| n == name) || self.means.iter().any(|m| m.name == name)
        };
        let mut own = own.to_string();
        if weighted && taken(&full(&own)) {
            own = format!("weighted_{own}");
        }
        let stem = full(&own);
        let numbered = (1..).map(|i| format!("{stem}_{i}"));
        let mut candidates = std::iter::once(stem.clone()).chain(numbered);
        candidates.find(|name| !taken(name)).unwrap_or(stem.clone())
    }

    /// Adds a batch's losses to their running means, weighted by the number of samples as in Keras.
    pub(crate) fn track_losses(
        &self,
        trace: &mut Trace,
        total: &Tensor,
        values: &[Option<Tensor>],
        samples: usize,
    ) {
        let _scope = Scope::enter("metrics");
        let each = values.iter().flatten();
        for (mean, value) in self.means.iter().zip(std::iter::once(total).chain(each)) {
            let sum = trace.read(&mean.total) + value.cast(DType::F32) * samples as f64;
            trace.assign(&mean.total, sum);
            let count = trace.read(&mean.count) + samples as f64;
            trace.assign(&mean.count, count);
        }
    }

    /// Adds a batch to the metrics of one output.
    pub(crate) fn track_metrics(
        &self,
        trace: &mut Trace,
        output: usize,
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) {
        let _scope = Scope::enter("metrics");
        for tracked in self.metrics.iter().filter(|m| m.output == output) {
            let weight = weight.filter(|_| tracked.weighted);
            let states: Vec<Tensor> = tracked.states.iter().map(|v| trace.read(v)).collect();
            let updated = tracked.metric.update_masked(&states, y_true, y_pred, weight, mask);
            for (variable, value) in tracked.states.iter().zip(updated) {
                trace.assign(variable, value);
            }
        }
    }

    /// The variables in which batches add up.
    pub(crate) fn variables(&self) -> Vec<Variable> {
        let means = self.means.iter().flat_map(|mean| [mean.total.clone(), mean.count.clone()]);
        let metrics = self.metrics.iter().flat_map(|tracked| tracked.states.iter().cloned());
        means.chain(metrics).collect()
    }

    /// Forgets all batches: the start of an epoch.
    pub(crate) fn reset(&self) {
        for mean in &self.means {
            mean.total.lock().bytes_mut().fill(0);
            mean.count.lock().bytes_mut().fill(0);
        }
        for tracked in &self.metrics {
            for (variable, &initial) in tracked.states.iter().zip(&tracked.initial) {
                let mut value = variable.lock();
                match initial == 0.0 {
                    true => value.bytes_mut().fill(0),
                    false => *value = Array::full(value.dtype(), value.shape().clone(), initial),
                }
            }
        }
    }

    /// Losses and metrics over the batches since the last reset, sorted by name as Keras logs them.
    pub(crate) fn logs(&self) -> Logs {
        let means = self.means.iter().map(|mean| (mean.name.clone(), mean.value()));
        let metrics = self.metrics.iter().map(|tracked| {
            let states: Vec<Array> = tracked.states.iter().map(Variable::get).collect();
            (tracked.name.clone(), tracked.metric.result(&states))
        });
        let mut all: Vec<(String, f64)> = means.chain(metrics).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        // Outputs of one layer share their names: Keras shows the last.
        all.reverse();
        all.dedup_by(|a, b| a.0 == b.0);
        all.reverse();
        all.into_iter().collect()
    }
}
