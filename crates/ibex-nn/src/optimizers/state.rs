//! The variables of an optimizer and what all optimizers share, in Keras's order.

use ibex_graph::{Array, DType, Tensor, Variable};

use super::{Optimizer, Options, Step};
use crate::constraints::Constraint;
use crate::object::ConfigError;
use crate::schedules::LearningRate;
use crate::trace::Trace;

/// An optimizer with the variables that it keeps for the weights it trains.
#[derive(Debug)]
pub struct OptimizerState {
    optimizer: Optimizer,
    iterations: Variable,
    learning_rate: Variable,
    trained: Vec<Trained>,
}

/// One weight with its slots.
#[derive(Debug)]
struct Trained {
    variable: Variable,
    constraint: Option<Constraint>,
    slots: Vec<Variable>,
    average: Option<Variable>,
    accumulated: Option<Variable>,
}

impl OptimizerState {
    /// Fresh state for weights, in the order of the model's trainable weights.
    pub fn new(
        optimizer: &Optimizer,
        weights: &[(Variable, Option<Constraint>)],
    ) -> OptimizerState {
        let options = optimizer.options();
        let trained = weights
            .iter()
            .map(|(variable, constraint)| Trained::new(optimizer, variable, constraint))
            .collect();
        let rate = match &options.learning_rate {
            LearningRate::Constant(rate) => *rate,
            LearningRate::Schedule(_) => 0.0,
        };
        OptimizerState {
            optimizer: optimizer.clone(),
            iterations: Variable::new("iteration", Array::zeros(DType::I32, ())),
            learning_rate: Variable::new("learning_rate", Array::scalar(rate as f32)),
            trained,
        }
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    fn options(&self) -> &Options {
        self.optimizer.options()
    }

    /// The number of updates so far.
    pub fn iterations(&self) -> u64 {
        self.iterations.get().to_f64_vec().first().map_or(0, |&n| n as u64)
    }

    /// The current learning rate; a schedule's value at the current step.
    pub fn learning_rate(&self) -> f64 {
        match &self.options().learning_rate {
            LearningRate::Constant(_) => {
                self.learning_rate.get().to_f64_vec().first().copied().unwrap_or(0.0)
            }
            LearningRate::Schedule(schedule) => {
                let step = Tensor::scalar(DType::F32, self.iterations() as f64);
                let graph = ibex_graph::Graph::new(&[], &[schedule.value(&step)], &[]);
                let run = graph.and_then(|graph| ibex_graph::interpreter::run(&graph, &[]));
                run.map_or(f64::NAN, |outcome| outcome.values[0].data[0])
            }
        }
    }

    /// Changes the learning rate from the next step on.
    ///
    /// # Errors
    /// If the learning rate is a schedule.
    pub fn set_learning_rate(&self, rate: f64) -> Result<(), ConfigError> {
        if let LearningRate::Schedule(schedule) = &self.options().learning_rate {
            return Err(ConfigError::new("the learning rate follows a schedule")
                .expected("a constant learning rate")
                .received(schedule.class_name())
                .help("compile with a number as learning rate to change it during training"));
        }
        self.learning_rate.lock().bytes_mut().copy_from_slice(&(rate as f32).to_ne_bytes());
        Ok(())
    }

    /// Every variable, in the order of Keras's `optimizer.variables`.
    pub fn variables(&self) -> Vec<Variable> {
        let mut all = vec![self.iterations.clone()];
        if let LearningRate::Constant(_) = self.options().learning_rate {
            all.push(self.learning_rate.clone());
        }
        all.extend(self.trained.iter().filter_map(|t| t.average.clone()));
        all.extend(self.trained.iter().filter_map(|t| t.accumulated.clone()));
        all.extend(self.trained.iter().flat_map(|t| t.slots.iter().cloned()));
        all
    }

    /// The loss times the loss scale, if there is one.
    pub fn scale_loss(&self, loss: &Tensor) -> Tensor {
        match self.options().loss_scale_factor {
            Some(factor) => loss * factor,
            None => loss.clone(),
        }
    }

    /// Writes one update into `trace`; one gradient for each weight, in order.
    pub fn apply(&self, trace: &mut Trace, gradients: &[Tensor]) {
        let _scope = ibex_graph::Scope::enter("optimizer");
        let iterations = trace.read(&self.iterations);
        let options = self.options();
        let (gradients, due) = self.accumulate(trace, &iterations, gradients);
        let unscaled = gradients.iter().map(|g| match options.loss_scale_factor {
            Some(factor) => g / factor,
            None => g.clone(),
        });
        let clipped = clip(options, unscaled.collect());
        let rate = match &options.learning_rate {
            LearningRate::Constant(_) => trace.read(&self.learning_rate),
            LearningRate::Schedule(schedule) => schedule.value(&iterations.cast(DType::F32)),
        };
        for (trained, gradient) in self.trained.iter().zip(&clipped) {
            self.update(trace, trained, gradient, &rate, &iterations, due.as_ref());
        }
        let one = Tensor::scalar(iterations.dtype(), 1.0);
        trace.assign(&self.iterations, iterations + one);
    }

    /// The gradients to apply, and whether they are applied at this step.
    fn accumulate(
        &self,
        trace: &mut Trace,
        iterations: &Tensor,
        gradients: &[Tensor],
    ) -> (Vec<Tensor>, Option<Tensor>) {
        let Some(steps) = self.options().gradient_accumulation_steps.filter(|&n| n > 1) else {
            return (gradients.to_vec(), None);
        };
        let period = Tensor::scalar(iterations.dtype(), steps as f64);
        let last = Tensor::scalar(iterations.dtype(), steps as f64 - 1.0);
        let due = iterations.remainder(&period).equal(&last);
        let mut means = Vec::new();
        for (trained, gradient) in self.trained.iter().zip(gradients) {
            let Some(accumulated) = &trained.accumulated else { continue };
            let sum = trace.read(accumulated) + gradient;
            means.push(&sum * (1.0 / steps as f64));
            trace.assign(accumulated, due.select(&sum.zeros_like(), &sum));
        }
        (means, Some(due))
    }

    fn update(
        &self,
        trace: &mut Trace,
        trained: &Trained,
        gradient: &Tensor,
        rate: &Tensor,
        iterations: &Tensor,
        due: Option<&Tensor>,
    ) {
        let options = self.options();
        let variable = trace.read(&trained.variable);
        let dtype = variable.dtype();
        let rate = rate.cast(dtype);
        let decayed = match options.weight_decay {
            Some(decay) => &variable - &variable * (&rate * decay),
            None => variable.clone(),
        };
        let slots: Vec<Tensor> = trained.slots.iter().map(|slot| trace.read(slot)).collect();
        let updated = self.optimizer.update(&Step {
            variable: &decayed,
            gradient,
            slots: &slots,
            learning_rate: &rate,
            iterations: &iterations.cast(dtype),
        });
        let keep = |new: Tensor, old: &Tensor| match due {
            Some(due) => due.select(&new, old),
            None => new,
        };
        let mut value = keep(updated.variable, &variable);
        for ((slot, new), old) in trained.slots.iter().zip(updated.slots).zip(&slots) {
            trace.assign(slot, keep(new, old));
        }
        if let Some(average) = &trained.average {
            let mean = self.moving_average(trace, average, &value, iterations, due);
            if let Some(every) = options.ema_overwrite_frequency {
                let next = iterations + Tensor::scalar(iterations.dtype(), 1.0);
                let period = Tensor::scalar(iterations.dtype(), every as f64);
                let now = next.remainder(&period).equal(&next.zeros_like());
                value = now.select(&mean, &value);
            }
        }
        if let Some(constraint) = &trained.constraint {
            value = constraint.project(&value);
        }
        // What is computed from the new weights is not differentiated through their update.
        trace.assign(&trained.variable, value.stop_gradient());
    }

    fn moving_average(
        &self,
        trace: &mut Trace,
        average: &Variable,
        value: &Tensor,
        iterations: &Tensor,
        due: Option<&Tensor>,
    ) -> Tensor {
        // At the first step the average starts from the value itself.
        let not_first = iterations.not_equal(&iterations.zeros_like()).cast(value.dtype());
        let momentum = not_first * self.options().ema_momentum;
        let old = trace.read(average);
        let mean = &momentum * &old + (1.0 - &momentum) * value;
        let mean = match due {
            Some(due) => due.select(&mean, &old),
            None => mean,
        };
        trace.assign(average, mean.clone());
        mean
    }

    /// Replaces the weights by their moving averages: the end of training with `use_ema`.
    pub fn finalize_ema(&self) {
        for trained in &self.trained {
            if let Some(average) = &trained.average {
                let value = average.get();
                trained.variable.lock().bytes_mut().copy_from_slice(value.bytes());
            }
        }
    }
}

impl Trained {
    fn new(optimizer: &Optimizer, variable: &Variable, constraint: &Option<Constraint>) -> Trained {
        let name = |slot: &str| format!("{}_{slot}", variable.name().replace('/', "_"));
        let zeros = || Array::zeros(variable.dtype(), variable.shape());
        let slots = optimizer.slots().into_iter().map(|slot| {
            let shape = (slot.shape)(variable.shape());
            let value = Array::full(variable.dtype(), shape, slot.initial);
            Variable::new(name(slot.name), value)
        });
        let options = optimizer.options();
        let accumulates = options.gradient_accumulation_steps.is_some_and(|n| n > 1);
        Trained {
            variable: variable.clone(),
            constraint: constraint.clone(),
            slots: slots.collect(),
            average: options.use_ema.then(|| Variable::new(name("average"), variable.get())),
            accumulated: accumulates.then(|| Variable::new(name("gradient_accumulator"), zeros())),
        }
    }
}

/// The gradients, clipped by the one way that is asked for.
fn clip(options: &Options, gradients: Vec<Tensor>) -> Vec<Tensor> {
    if let Some(bound) = options.clipnorm {
        return gradients
            .iter()
            .map(|g| scaled_to(g, &g.square().sum_all().sqrt(), bound))
            .collect();
    }
    if let Some(bound) = options.global_clipnorm {
        let squares = gradients.iter().map(|g| g.square().sum_all().cast(DType::F32));
        let Some(sum) = squares.reduce(|a, b| a + b) else { return gradients };
        let norm = sum.sqrt();
        return gradients.iter().map(|g| scaled_to(g, &norm, bound)).collect();
    }
    match options.clipvalue {
        Some(bound) => {
            let limit = |g: &Tensor, at: f64| Tensor::full(g.dtype(), g.shape().clone(), at);
            gradients
                .iter()
                .map(|g| g.maximum(&limit(g, -bound)).minimum(&limit(g, bound)))
                .collect()
        }
        None => gradients,
    }
}

/// `gradient`, made shorter if `norm` exceeds `bound`.
fn scaled_to(gradient: &Tensor, norm: &Tensor, bound: f64) -> Tensor {
    let limit = Tensor::scalar(norm.dtype(), bound);
    let factor = &limit / norm.maximum(&limit);
    gradient * factor.cast(gradient.dtype())
}
