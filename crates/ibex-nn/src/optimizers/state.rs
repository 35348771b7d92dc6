//! The variables of an optimizer and what all optimizers share, in Keras's order.

use ibex_graph::{Array, DType, Scope, Tensor, Variable, interpreter};
use serde_json::{Value, json};

use super::clipping::clipped;
use super::loss_scale_optimizer::LossScale;
use super::{Initial, Optimizer, Options, Parameter, Slot, Step};
use crate::constraints::Constraint;
use crate::object::ConfigError;
use crate::schedules::LearningRate;
use crate::trace::Trace;

/// An optimizer with the variables that it keeps for the weights it trains.
#[derive(Debug)]
pub struct OptimizerState {
    /// The one that changes the weights: inside a loss scale, the inner optimizer.
    optimizer: Optimizer,
    loss_scale: Option<LossScale>,
    iterations: Variable,
    learning_rate: Variable,
    trained: Vec<Trained>,
    /// Slots by group and then by weight, the order in which Keras makes and saves them.
    slots: Vec<Variable>,
    /// The scalars that all weights share.
    shared: Vec<Variable>,
}

/// One weight with its slots.
#[derive(Debug)]
struct Trained {
    variable: Variable,
    constraint: Option<Constraint>,
    slots: Vec<SlotVariable>,
    average: Option<Variable>,
    accumulated: Option<Variable>,
}

/// One slot of one weight.
#[derive(Debug)]
struct SlotVariable {
    variable: Variable,
    initial: Initial,
}

/// The scalars of one step.
struct Scalars {
    /// The number of updates so far, `int32`.
    updates: Tensor,
    learning_rate: Tensor,
    /// Whether this batch completes an update; `None` if each does.
    due: Option<Tensor>,
    /// Whether all gradients are finite; `None` if that does not matter.
    finite: Option<Tensor>,
    /// What all weights share, after its update.
    shared: Vec<Tensor>,
}

impl Scalars {
    /// `new` where an update is due, else `old`.
    fn keep(&self, new: Tensor, old: &Tensor) -> Tensor {
        match &self.due {
            Some(due) => due.select(&new, old),
            None => new,
        }
    }

    /// Gives a variable a new value, unless the step is skipped.
    fn assign(&self, trace: &mut Trace, variable: &Variable, new: Tensor) {
        let new = match &self.finite {
            Some(finite) => finite.select(&new, &trace.read(variable)),
            None => new,
        };
        trace.assign(variable, new);
    }
}

impl OptimizerState {
    /// Fresh state for weights, in the order of the model's trainable weights.
    pub fn new(
        optimizer: &Optimizer,
        weights: &[(Variable, Option<Constraint>)],
    ) -> OptimizerState {
        let loss_scale = optimizer.loss_scale().map(LossScale::new);
        let optimizer = optimizer.loss_scale().map_or(optimizer, |scale| &scale.inner_optimizer);
        let name = &optimizer.options().name;
        let rate = match &optimizer.options().learning_rate {
            LearningRate::Constant(rate) => *rate,
            LearningRate::Schedule(_) => 0.0,
        };
        let iterations = Array::zeros(DType::I32, ());
        let mut state = OptimizerState {
            optimizer: optimizer.clone(),
            loss_scale,
            iterations: Variable::new(format!("{name}/iteration"), iterations),
            learning_rate: Variable::new(
                format!("{name}/learning_rate"),
                Array::scalar(rate as f32),
            ),
            trained: Vec::new(),
            slots: Vec::new(),
            shared: Vec::new(),
        };
        for (variable, constraint) in weights {
            state.trained.push(Trained::new(optimizer, variable, constraint));
        }
        state.make_slots();
        state.make_shared();
        state
    }

    /// Makes the slots: group by group, and in each for one weight after the other.
    fn make_slots(&mut self) {
        let groups = |trained: &Trained| {
            self.optimizer
                .slots(Parameter { path: trained.variable.name(), shape: trained.variable.shape() })
        };
        let mut waiting: Vec<_> =
            self.trained.iter().map(|trained| groups(trained).into_iter()).collect();
        loop {
            let next: Vec<Option<Vec<Slot>>> = waiting.iter_mut().map(Iterator::next).collect();
            if next.iter().all(Option::is_none) {
                return;
            }
            for (trained, group) in self.trained.iter_mut().zip(next) {
                for slot in group.into_iter().flatten() {
                    let variable = trained.slot_variable(&self.optimizer, &slot);
                    trained
                        .slots
                        .push(SlotVariable { variable: variable.clone(), initial: slot.initial });
                    self.slots.push(variable);
                }
            }
        }
    }

    fn make_shared(&mut self) {
        let Some(first) = self.trained.first() else { return };
        let dtype = first.variable.dtype();
        for slot in self.optimizer.shared() {
            let initial = match slot.initial {
                Initial::Filled(value) => value,
                Initial::Copied => 0.0,
            };
            let value = Array::full(dtype, (slot.shape)(first.variable.shape()), initial);
            let name = format!("{}/{}", self.options().name, slot.name);
            self.shared.push(Variable::new(name, value));
        }
    }

    /// The optimizer that changes the weights; inside a loss scale, the inner one.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The name in files: that of the outermost optimizer.
    pub fn name(&self) -> &str {
        match &self.loss_scale {
            Some(scale) => &scale.optimizer.name,
            None => &self.options().name,
        }
    }

    /// Whether a loss scale is around the optimizer.
    pub fn has_loss_scale(&self) -> bool {
        self.loss_scale.is_some()
    }

    fn options(&self) -> &Options {
        self.optimizer.options()
    }

    /// The number of batches so far.
    fn batches(&self) -> u64 {
        self.iterations.read().as_slice::<i32>().map_or(0, |count| count[0].max(0) as u64)
    }

    /// The number of updates so far: of batches, unless gradients accumulate.
    pub fn iterations(&self) -> u64 {
        self.batches() / self.options().period()
    }

    /// The current learning rate; a schedule's value at the current step.
    pub fn learning_rate(&self) -> f64 {
        match &self.options().learning_rate {
            LearningRate::Constant(_) => {
                self.learning_rate.read().as_slice::<f32>().map_or(0.0, |rate| f64::from(rate[0]))
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
    /// The loss scale if there is one, iteration, learning rate (unless it is a schedule), moving
    /// averages, accumulated gradients, then the slots, and what all weights share.
    pub fn variables(&self) -> Vec<Variable> {
        let scale = self.loss_scale.iter().flat_map(LossScale::variables);
        scale.chain(self.inner_variables()).collect()
    }

    /// The variables without those of a loss scale.
    pub fn inner_variables(&self) -> Vec<Variable> {
        self.copy_weights();
        let mut all = vec![self.iterations.clone()];
        if let LearningRate::Constant(_) = self.options().learning_rate {
            all.push(self.learning_rate.clone());
        }
        all.extend(self.trained.iter().filter_map(|t| t.average.clone()));
        all.extend(self.trained.iter().filter_map(|t| t.accumulated.clone()));
        all.extend(self.slots.iter().cloned());
        all.extend(self.shared.iter().cloned());
        all
    }

    /// Before the first step, slots that are copies of weights follow them.
    fn copy_weights(&self) {
        if self.batches() > 0 {
            return;
        }
        for trained in &self.trained {
            for slot in trained.slots.iter().filter(|slot| slot.initial == Initial::Copied) {
                let value = trained.variable.get();
                slot.variable.lock().bytes_mut().copy_from_slice(value.bytes());
            }
        }
    }

    /// The optimizer as Keras serializes it now: with the current learning rate.
    pub fn to_value(&self) -> Value {
        let value = self.inner_to_value();
        match &self.loss_scale {
            Some(scale) => {
                let mut outer = Optimizer::from(scale.optimizer.clone()).to_value();
                outer["config"] = scale.optimizer.with_inner(value);
                outer
            }
            None => value,
        }
    }

    /// The same without a loss scale around it.
    pub fn inner_to_value(&self) -> Value {
        let mut value = self.optimizer.to_value();
        if let LearningRate::Constant(_) = self.options().learning_rate {
            value["config"]["learning_rate"] = json!(self.learning_rate());
        }
        value
    }

    /// The loss times the loss scale, if there is one.
    pub fn scale_loss(&self, trace: &mut Trace, loss: &Tensor) -> Tensor {
        match (&self.loss_scale, self.options().loss_scale_factor) {
            (Some(scale), _) => loss * scale.value(trace).cast(loss.dtype()),
            (None, Some(factor)) => loss * factor,
            (None, None) => loss.clone(),
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
        let gradients = self.unscaled(trace, gradients);
        let finite = self.loss_scale.as_ref().map(|_| all_finite(&gradients));
        let shared: Vec<Tensor> = self.shared.iter().map(|v| trace.read(v)).collect();
        let mut scalars = Scalars { updates, learning_rate, due, finite, shared };
        let gradients = self.accumulated(trace, &scalars, gradients);
        let gradients = clipped(options, gradients);
        self.update_shared(trace, &mut scalars);
        for (trained, gradient) in self.trained.iter().zip(&gradients) {
            self.update(trace, trained, gradient, &scalars);
        }
        scalars.assign(trace, &self.iterations, &batches + count(1));
        if let (Some(scale), Some(finite)) = (&self.loss_scale, &scalars.finite) {
            scale.follow(trace, finite);
        }
    }

    /// The gradients of the loss itself, in the dtypes of the weights.
    fn unscaled(&self, trace: &mut Trace, gradients: &[Tensor]) -> Vec<Tensor> {
        let scale = self.loss_scale.as_ref().map(|scale| scale.value(trace));
        let factor = self.options().loss_scale_factor;
        let one = |(trained, gradient): (&Trained, &Tensor)| {
            let gradient = gradient.cast(trained.variable.dtype());
            match (&scale, factor) {
                (Some(scale), _) => &gradient / scale.cast(gradient.dtype()),
                (None, Some(factor)) => gradient * (1.0 / factor),
                (None, None) => gradient,
            }
        };
        self.trained.iter().zip(gradients).map(one).collect()
    }

    /// Updates the scalars that all weights share.
    fn update_shared(&self, trace: &mut Trace, scalars: &mut Scalars) {
        let Some(first) = scalars.shared.first() else { return };
        let number = scalars.updates.cast(first.dtype()) + 1.0;
        let new = self.optimizer.update_shared(&scalars.shared, &number);
        for ((variable, new), old) in self.shared.iter().zip(&new).zip(&scalars.shared) {
            scalars.assign(trace, variable, scalars.keep(new.clone(), old));
        }
        scalars.shared = new;
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
            scalars.assign(trace, accumulated, due.select(&sum.zeros_like(), &sum));
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
        let path = trained.variable.name();
        let decay = self.optimizer.weight_decay(Parameter { path, shape: variable.shape() });
        let decayed = match decay.filter(|_| options.decays(path)) {
            Some(decay) => &variable - &variable * (&rate * decay),
            None => variable.clone(),
        };
        let started = scalars.updates.not_equal(&scalars.updates.zeros_like());
        let slot_value = |slot: &SlotVariable, value: Tensor| match slot.initial {
            Initial::Filled(_) => value,
            // The weight may have got another value since the slot was made.
            Initial::Copied => started.select(&value, &variable),
        };
        let slots: Vec<Tensor> =
            trained.slots.iter().map(|slot| slot_value(slot, trace.read(&slot.variable))).collect();
        let shared: Vec<Tensor> = scalars.shared.iter().map(|s| s.cast(dtype)).collect();
        let updated = self.optimizer.update(&Step {
            variable: &decayed,
            gradient,
            slots: &slots,
            shared: &shared,
            learning_rate: &rate,
            iterations: &scalars.updates.cast(dtype),
        });
        let mut value = scalars.keep(updated.variable, &variable);
        for ((slot, new), old) in trained.slots.iter().zip(updated.slots).zip(&slots) {
            scalars.assign(trace, &slot.variable, scalars.keep(new, old));
        }
        if let Some(average) = &trained.average {
            value = self.averaged(trace, average, value, scalars);
        }
        if let Some(constraint) = &trained.constraint {
            value = constraint.project(&value);
        }
        // What is computed from the new weights is not differentiated through their update.
        scalars.assign(trace, &trained.variable, value.stop_gradient());
    }

    /// Updates a moving average; gives the weight's value, which may be overwritten by it.
    fn averaged(
        &self,
        trace: &mut Trace,
        average: &Variable,
        value: Tensor,
        scalars: &Scalars,
    ) -> Tensor {
        let updates = &scalars.updates;
        // The first value is the first average.
        let later = updates.not_equal(&updates.zeros_like()).cast(value.dtype());
        let momentum = later * self.options().ema_momentum;
        let mean = trace.read(average) * &momentum + &value * (1.0 - &momentum);
        scalars.assign(trace, average, mean.clone());
        let Some(every) = self.options().ema_overwrite_frequency else { return value };
        let count = |n: u64| Tensor::scalar(updates.dtype(), n as f64);
        let next = (updates + count(1)).remainder(&count(every.max(1)));
        next.equal(&count(0)).select(&mean, &value)
    }

    /// Puts the moving averages in the place of the weights and the weights in theirs; `false` if
    /// the optimizer keeps none.
    pub fn swap_ema(&self) -> bool {
        let averaged = self.trained.iter().filter_map(|t| Some((&t.variable, t.average.as_ref()?)));
        let mut any = false;
        for (variable, average) in averaged {
            std::mem::swap(&mut *variable.lock(), &mut *average.lock());
            any = true;
        }
        any
    }

    /// Makes the moving averages those of the weights as they are.
    pub fn weights_to_ema(&self) {
        for trained in &self.trained {
            if let Some(average) = &trained.average {
                let value = trained.variable.get();
                average.lock().bytes_mut().copy_from_slice(value.bytes());
            }
        }
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
            wanted.then(|| variable_of(optimizer, variable, name, zeros()))
        };
        Trained {
            variable: variable.clone(),
            constraint: constraint.clone(),
            slots: Vec::new(),
            average: extra(options.use_ema, "average"),
            accumulated: extra(options.period() > 1, "gradient_accumulator"),
        }
    }
    fn slot_variable(&self, optimizer: &Optimizer, slot: &Slot) -> Variable {
        let value = match slot.initial {
            Initial::Copied => self.variable.get(),
            Initial::Filled(initial) => {
                let dtype = slot.dtype.unwrap_or(self.variable.dtype());
                Array::full(dtype, (slot.shape)(self.variable.shape()), initial)
            }
        };
        variable_of(optimizer, &self.variable, slot.name, value)
    }
}

/// A variable under Keras's path, such as `adam/dense_kernel_momentum`.
fn variable_of(optimizer: &Optimizer, of: &Variable, name: &str, value: Array) -> Variable {
    let prefix = &optimizer.options().name;
    let path = of.name();
    let own = match name {
        "" => path.rsplit('/').next().unwrap_or(path).to_string(),
        name => format!("{}_{name}", path.replace('/', "_")),
    };
    Variable::new(format!("{prefix}/{own}"), value)
}

/// Whether all elements of all gradients are finite.
fn all_finite(gradients: &[Tensor]) -> Tensor {
    let each = gradients.iter().map(|g| g.is_finite().all(&g.all_axes(), false));
    let all = each.reduce(|a, b| a.logical_and(&b));
    all.unwrap_or_else(|| Tensor::scalar(DType::Bool, 1.0))
}
