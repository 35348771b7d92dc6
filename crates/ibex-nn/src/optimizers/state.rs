//! The variables of an optimizer and what all optimizers share, in Keras's order.

use ibex_graph::{Array, DType, Scope, Tensor, Variable, interpreter};
use serde_json::{Value, json};

use super::clipping::clipped;
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
    /// Slots by group and then by weight, the order in which Keras makes and saves them.
    slots: Vec<Variable>,
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

/// The scalars of one step.
struct Scalars {
    /// The number of updates so far, `int32`.
    updates: Tensor,
    learning_rate: Tensor,
    /// Whether this batch completes an update; `None` if each does.
    due: Option<Tensor>,
}

impl Scalars {
    /// `new` where an update is due, else `old`.
    fn keep(&self, new: Tensor, old: &Tensor) -> Tensor {
        match &self.due {
            Some(due) => due.select(&new, old),
            None => new,
        }
    }
}

impl OptimizerState {
    /// Fresh state for weights, in the order of the model's trainable weights.
    pub fn new(
        optimizer: &Optimizer,
        weights: &[(Variable, Option<Constraint>)],
    ) -> OptimizerState {
        let name = &optimizer.options().name;
        let rate = match &optimizer.options().learning_rate {
            LearningRate::Constant(rate) => *rate,
            LearningRate::Schedule(_) => 0.0,
        };
        let iterations = Array::zeros(DType::I32, ());
        let mut state = OptimizerState {
            optimizer: optimizer.clone(),
            iterations: Variable::new(format!("{name}/iteration"), iterations),
            learning_rate: Variable::new(
                format!("{name}/learning_rate"),
                Array::scalar(rate as f32),
            ),
            trained: Vec::new(),
            slots: Vec::new(),
        };
        for (variable, constraint) in weights {
            state.trained.push(Trained::new(optimizer, variable, constraint));
        }
        for group in optimizer.slots() {
            for trained in &mut state.trained {
                for slot in &group {
                    let shape = (slot.shape)(trained.variable.shape());
                    let value = Array::full(trained.variable.dtype(), shape, slot.initial);
                    let slot = slot_variable(optimizer, &trained.variable, slot.name, value);
                    trained.slots.push(slot.clone());
                    state.slots.push(slot);
                }
            }
        }
        state
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    fn options(&self) -> &Options {
        self.optimizer.options()
    }

    /// The number of batches so far.
    fn batches(&self) -> u64 {
        self.iterations.lock().as_slice::<i32>().map_or(0, |count| count[0].max(0) as u64)
    }

    /// The number of updates so far: of batches, unless gradients accumulate.
    pub fn iterations(&self) -> u64 {
        self.batches() / self.options().period()
    }

    /// The current learning rate; a schedule's value at the current step.
    pub fn learning_rate(&self) -> f64 {
        match &self.options().learning_rate {
            LearningRate::Constant(_) => {
                self.learning_rate.lock().as_slice::<f32>().map_or(0.0, |rate| f64::from(rate[0]))
            }
            LearningRate::Schedule(schedule) => {
                // One scalar, asked for between epochs: compiling a program would be slower.
                let step = Tensor::scalar(DType::F32, self.batches() as f64);
                let value = interpreter::evaluate(&schedule.value(&step));
                value.map_or(f64::NAN, |value| value.to_f64_vec()[0])
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

    /// Every variable, in the order and under the paths of Keras's `optimizer.variables`.
    ///
    /// Iteration, learning rate (unless it is a schedule), moving averages, accumulated gradients,
    /// then the slots.
    pub fn variables(&self) -> Vec<Variable> {
        let mut all = vec![self.iterations.clone()];
        if let LearningRate::Constant(_) = self.options().learning_rate {
            all.push(self.learning_rate.clone());
        }
        all.extend(self.trained.iter().filter_map(|t| t.average.clone()));
        all.extend(self.trained.iter().filter_map(|t| t.accumulated.clone()));
        all.extend(self.slots.iter().cloned());
        all
    }

    /// The optimizer as Keras serializes it now: with the current learning rate.
    pub fn to_value(&self) -> Value {
        let mut value = self.optimizer.to_value();
        if let LearningRate::Constant(_) = self.options().learning_rate {
            value["config"]["learning_rate"] = json!(self.learning_rate());
        }
        value
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
        let _scope = Scope::enter("optimizer");
        let options = self.options();
        let batches = trace.read(&self.iterations);
        let count = |n: u64| Tensor::scalar(batches.dtype(), n as f64);
        let learning_rate = match &options.learning_rate {
            LearningRate::Constant(_) => trace.read(&self.learning_rate),
            // A schedule counts batches, also while gradients accumulate, as in Keras.
            LearningRate::Schedule(schedule) => schedule.value(&batches.cast(DType::F32)),
        };
        let (updates, due) = match options.period() {
            1 => (batches.clone(), None),
            n => {
                let next = (&batches + count(1)).remainder(&count(n));
                (batches.floor_divide(&count(n)), Some(next.equal(&count(0))))
            }
        };
        let scalars = Scalars { updates, learning_rate, due };
        let unscaled = self.trained.iter().zip(gradients).map(|(trained, gradient)| {
            let gradient = gradient.cast(trained.variable.dtype());
            match options.loss_scale_factor {
                Some(factor) => gradient * (1.0 / factor),
                None => gradient,
            }
        });
        let gradients = self.accumulated(trace, &scalars, unscaled.collect());
        let gradients = clipped(options, gradients);
        for (trained, gradient) in self.trained.iter().zip(&gradients) {
            self.update(trace, trained, gradient, &scalars);
        }
        trace.assign(&self.iterations, &batches + count(1));
    }

    /// The means of the gradients since the last update, if gradients accumulate.
    fn accumulated(
        &self,
        trace: &mut Trace,
        scalars: &Scalars,
        gradients: Vec<Tensor>,
    ) -> Vec<Tensor> {
        let Some(due) = &scalars.due else { return gradients };
        let share = 1.0 / self.options().period() as f64;
        let each = self.trained.iter().zip(gradients).map(|(trained, gradient)| {
            let Some(accumulated) = &trained.accumulated else { return gradient };
            let sum = trace.read(accumulated) + gradient;
            trace.assign(accumulated, due.select(&sum.zeros_like(), &sum));
            sum * share
        });
        each.collect()
    }

    /// Weight decay, update, moving average and constraint of one weight.
    fn update(&self, trace: &mut Trace, trained: &Trained, gradient: &Tensor, scalars: &Scalars) {
        let options = self.options();
        let variable = trace.read(&trained.variable);
        let dtype = variable.dtype();
        let rate = scalars.learning_rate.cast(dtype);
        let decayed = match options.decay_of(trained.variable.name()) {
            Some(decay) => &variable - &variable * (&rate * decay),
            None => variable.clone(),
        };
        let slots: Vec<Tensor> = trained.slots.iter().map(|slot| trace.read(slot)).collect();
        let updated = self.optimizer.update(&Step {
            variable: &decayed,
            gradient,
            slots: &slots,
            learning_rate: &rate,
            iterations: &scalars.updates.cast(dtype),
        });
        let mut value = scalars.keep(updated.variable, &variable);
        for ((slot, new), old) in trained.slots.iter().zip(updated.slots).zip(&slots) {
            trace.assign(slot, scalars.keep(new, old));
        }
        if let Some(average) = &trained.average {
            value = self.averaged(trace, average, value, &scalars.updates);
        }
        if let Some(constraint) = &trained.constraint {
            value = constraint.project(&value);
        }
        // What is computed from the new weights is not differentiated through their update.
        trace.assign(&trained.variable, value.stop_gradient());
    }

    /// Updates a moving average; gives the weight's value, which may be overwritten by it.
    fn averaged(
        &self,
        trace: &mut Trace,
        average: &Variable,
        value: Tensor,
        updates: &Tensor,
    ) -> Tensor {
        // The first value is the first average.
        let later = updates.not_equal(&updates.zeros_like()).cast(value.dtype());
        let momentum = later * self.options().ema_momentum;
        let mean = trace.read(average) * &momentum + &value * (1.0 - &momentum);
        trace.assign(average, mean.clone());
        let Some(every) = self.options().ema_overwrite_frequency else { return value };
        let count = |n: u64| Tensor::scalar(updates.dtype(), n as f64);
        let next = (updates + count(1)).remainder(&count(every.max(1)));
        next.equal(&count(0)).select(&mean, &value)
    }

    /// Replaces the weights by their moving averages: the end of training with `use_ema`.
    ///
    /// Nothing happens before the first step, when there is no average yet.
    pub fn finalize_ema(&self) {
        if self.batches() == 0 {
            return;
        }
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
        let options = optimizer.options();
        let extra = |wanted: bool, name: &str| {
            let zeros = || Array::zeros(variable.dtype(), variable.shape());
            wanted.then(|| slot_variable(optimizer, variable, name, zeros()))
        };
        Trained {
            variable: variable.clone(),
            constraint: constraint.clone(),
            slots: Vec::new(),
            average: extra(options.use_ema, "average"),
            accumulated: extra(options.period() > 1, "gradient_accumulator"),
        }
    }
}

/// A variable under Keras's path, such as `adam/dense_kernel_momentum`.
fn slot_variable(optimizer: &Optimizer, of: &Variable, name: &str, value: Array) -> Variable {
    let prefix = &optimizer.options().name;
    Variable::new(format!("{prefix}/{}_{name}", of.name().replace('/', "_")), value)
}
