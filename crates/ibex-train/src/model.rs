//! [`Model`]: layers with weights, on a device, perhaps compiled for training.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ibex_compile::{Device, Program};
use ibex_graph::{Array, DType, Shape, Tensor, Type, Variable};
use ibex_nn::initializers::Seeds;
use ibex_nn::models::{Functional, Sequential, SymbolicTensor};
use ibex_nn::optimizers::OptimizerState;
use ibex_nn::{ConfigError, Instance, Layer, PartialType, Trace, Weight};

use crate::compile::Compile;
use crate::custom::Trainable;
use crate::data::{Samples, fit_inputs};
use crate::error::{Error, Result};
use crate::judge::Judge;
use crate::profile::Profile;
use crate::step::{Mode, Parts, StepProgram};

static SEED: AtomicU64 = AtomicU64::new(0);

/// Sets the seed of the models that are made from now on: initial weights, dropout, shuffling.
///
/// Without it the seed is 0: the same program gives the same numbers every time.
pub fn set_random_seed(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
}

/// The seed that was set last.
pub(crate) fn seed() -> u64 {
    SEED.load(Ordering::Relaxed)
}

/// A model: layers with weights, on a device, perhaps compiled for training.
#[derive(Debug)]
pub struct Model {
    pub(crate) functional: Functional,
    pub(crate) instance: Arc<Instance>,
    pub(crate) device: Device,
    pub(crate) random: Variable,
    pub(crate) compiled: Option<Compiled>,
    /// Whether stateful layers go on where the batch before left them.
    pub(crate) carries_states: bool,
    /// The bytes that the intermediate values of a training step may take.
    pub(crate) memory_budget: Option<usize>,
    /// Programs by mode and batch signature; the few signatures of a run are searched in order.
    pub(crate) programs: Vec<StepProgram>,
    /// Where times go while the model is profiled.
    pub(crate) profile: Option<Box<Profile>>,
}

/// What `compile` adds.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) config: Compile,
    pub(crate) optimizer: OptimizerState,
    /// Whether training has begun, here or before the model was saved.
    pub(crate) begun: bool,
    /// Whether advice was given.
    pub(crate) advised: bool,
    /// Made with the first data: metrics depend on the targets' types.
    pub(crate) judges: Option<Judges>,
}

/// One judge for training and one for evaluation, for targets of these types.
#[derive(Debug)]
pub(crate) struct Judges {
    targets: Vec<PartialType>,
    pub(crate) train: Judge,
    pub(crate) evaluate: Judge,
}

impl Model {
    /// The model that computes `outputs` from `inputs`.
    ///
    /// # Errors
    /// Every mistake in the layer calls between them.
    #[track_caller]
    pub fn new(
        inputs: impl IntoIterator<Item = SymbolicTensor>,
        outputs: impl IntoIterator<Item = SymbolicTensor>,
    ) -> Result<Model> {
        let functional =
            Functional::new(inputs.into_iter().collect(), outputs.into_iter().collect())?;
        Model::from_functional(functional)
    }

    /// The model of a functional description, with fresh weights.
    ///
    /// # Errors
    /// If the description cannot be built.
    pub fn from_functional(functional: Functional) -> Result<Model> {
        let model = Model::without_weights(functional)?;
        let mut seeds = Seeds::new(model.seed());
        for (_, layer) in model.instance.children() {
            layer.materialize(layer.name(), &mut seeds);
        }
        Ok(model)
    }

    /// The model of a functional description, before there are values of its weights.
    pub(crate) fn without_weights(functional: Functional) -> Result<Model> {
        let seed = seed();
        let types: Vec<PartialType> = functional.inputs().iter().map(|t| t.ty()).collect();
        let instance = Instance::of(&functional.shared(), &types)?;
        Ok(Model {
            functional,
            instance,
            device: ibex_cpu::device(None),
            random: Variable::new("random_state", random_state(seed)),
            compiled: None,
            carries_states: false,
            memory_budget: None,
            programs: Vec::new(),
            profile: None,
        })
    }

    /// Runs on another device than the CPU with all its cores.
    pub fn set_device(&mut self, device: Device) {
        self.device = device;
        self.programs.clear();
    }

    /// The device that the model runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The seed of initial weights, random layers and shuffling.
    pub fn seed(&self) -> u64 {
        self.random.read().as_slice::<i64>().map_or(0, |state| state[0] as u64)
    }

    /// Sets the seed of random layers and shuffling; initial weights stay as they are.
    pub fn set_seed(&mut self, seed: u64) {
        *self.random.lock() = random_state(seed);
    }

    /// The layers and calls.
    pub fn functional(&self) -> &Functional {
        &self.functional
    }

    /// The name: its own, or Keras's `sequential` or `functional`.
    pub fn name(&self) -> String {
        let own = self.functional.base().name.clone();
        own.unwrap_or_else(|| self.functional.kind().to_lowercase())
    }

    /// The layers with their weights, in Keras's order.
    pub fn layers(&self) -> &[Arc<Instance>] {
        self.functional.layers()
    }

    /// The layer of that name.
    ///
    /// # Errors
    /// If there is none; the nearest name is suggested.
    pub fn layer(&self, name: &str) -> Result<&Arc<Instance>> {
        let found = self.layers().iter().find(|layer| layer.name() == name);
        found.ok_or_else(|| {
            let names = self.layers().iter().map(|l| l.name());
            let error = ConfigError::new(format!("the model has no layer `{name}`"));
            Error::Config(match ibex_nn::object::nearest(name, names.clone()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.expected(names.collect::<Vec<_>>().join(", ")),
            })
        })
    }

    /// The weights, in Keras's order.
    pub fn weights(&self) -> Vec<&Weight> {
        self.instance.all_weights()
    }

    /// The variables of the weights, in Keras's order.
    pub fn variables(&self) -> Vec<Variable> {
        self.weights().into_iter().filter_map(|w| w.variable().cloned()).collect()
    }

    /// The variables that training changes, in Keras's order.
    pub fn trainable_variables(&self) -> Vec<Variable> {
        let weights = self.instance.trainable_weights();
        weights.into_iter().filter_map(|w| w.variable().cloned()).collect()
    }

    /// The values of all weights, in Keras's order.
    pub fn get_weights(&self) -> Vec<Array> {
        self.variables().iter().map(Variable::get).collect()
    }

    /// Replaces the values of all weights, in Keras's order.
    ///
    /// # Errors
    /// If there are more or fewer, or one has another shape; then nothing is changed.
    pub fn set_weights(&mut self, values: &[Array]) -> Result<()> {
        let variables = self.variables();
        if values.len() != variables.len() {
            return Err(Error::Config(
                ConfigError::new("wrong number of weights")
                    .expected(variables.len().to_string())
                    .received(values.len().to_string()),
            ));
        }
        for (variable, value) in variables.iter().zip(values) {
            if variable.shape() != value.shape() {
                variable.set(value)?;
            }
        }
        for (variable, value) in variables.iter().zip(values) {
            variable.set(value)?;
        }
        Ok(())
    }

    /// What stateful layers carry from batch to batch, in the order of the layers.
    pub fn states(&self) -> Vec<Variable> {
        let states = self.instance.all_states();
        states.into_iter().filter_map(|state| state.variable().cloned()).collect()
    }

    /// Whether stateful layers go on where the batch before left them, in `fit`, `evaluate` and
    /// `predict`.
    ///
    /// Keras means them to; on JAX, the reference here, every batch of these three begins with the
    /// states that the layers had before the call, which is the default.
    /// In computations of one's own states always go on.
    pub fn set_carries_states(&mut self, carries_states: bool) {
        self.carries_states = carries_states;
        self.programs.clear();
    }

    /// Sets what stateful layers carry from batch to batch to zero: the next batch begins anew.
    pub fn reset_states(&mut self) {
        self.instance.reset_states();
    }

    /// Freezes or thaws every layer; as in Keras, compile again for it to take effect.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.instance.set_trainable(trainable);
        self.programs.clear();
    }

    /// Gives back the memory of the compiled programs, above all what a training step keeps for its
    /// gradients; to train, evaluate or predict again compiles them again.
    pub fn release_programs(&mut self) {
        self.programs.clear();
    }

    /// Calls the model inside a traced computation, such as a training step of one's own; the
    /// first output of a model with several.
    pub fn call(&self, trace: &mut Trace, inputs: impl Tensors) -> Tensor {
        self.call_all(trace, inputs).swap_remove(0)
    }

    /// Calls the model inside a traced computation and gives every output.
    pub fn call_all(&self, trace: &mut Trace, inputs: impl Tensors) -> Vec<Tensor> {
        self.instance.call(trace, &inputs.into_tensors())
    }

    /// Sets optimizer, losses and metrics; a new optimizer starts without state.
    ///
    /// # Errors
    /// If losses or metrics are given for outputs that the model does not have.
    pub fn compile(&mut self, config: Compile) -> Result<()> {
        let names = self.functional.names_for_judging();
        let outputs = self.functional.output_types();
        config.losses_for(&names, &outputs, &outputs)?;
        config.loss_weights.resolve("loss weights", &names)?;
        config.metrics.resolve("metrics", &names)?;
        config.weighted_metrics.resolve("metrics", &names)?;
        config.optimizer.check()?;
        let optimizer = config.optimizer_for(self.functional.base().dtype);
        let optimizer = OptimizerState::new(&optimizer, &self.trained());
        self.programs.clear();
        self.compiled =
            Some(Compiled { config, optimizer, begun: false, advised: false, judges: None });
        Ok(())
    }

    /// The compile configuration, if the model is compiled.
    pub fn compile_config(&self) -> Option<&Compile> {
        self.compiled.as_ref().map(|c| &c.config)
    }

    /// The optimizer with its state.
    ///
    /// # Errors
    /// If the model is not compiled.
    pub fn optimizer(&self) -> Result<&OptimizerState> {
        let compiled = self.compiled.as_ref().ok_or(Error::NotCompiled("optimizer"))?;
        Ok(&compiled.optimizer)
    }

    /// Checks data against the model and makes the judges for its targets.
    pub(crate) fn prepare(&mut self, samples: Samples) -> Result<Samples> {
        let names = self.functional.input_names();
        let types: Vec<PartialType> = self.functional.inputs().iter().map(|t| t.ty()).collect();
        let x = fit_inputs(samples.x, &names, &types)?;
        let y: Vec<Array> = samples.y.into_iter().map(crate::data::narrowed).collect();
        let compiled = self.compiled.as_ref().ok_or(Error::NotCompiled("fit"))?;
        let y = compiled.config.with_spare_targets(y, &self.functional.names_for_judging())?;
        let weights = samples.weights.into_iter().map(crate::data::narrowed).collect();
        let samples = Samples { x, y, weights };
        samples.check()?;
        self.prepare_judges(&samples.y)?;
        self.check_weights(&samples.weights)?;
        Ok(samples)
    }

    /// Checks the inputs of samples alone.
    pub(crate) fn prepare_inputs(&self, samples: Samples) -> Result<Samples> {
        let names = self.functional.input_names();
        let types: Vec<PartialType> = self.functional.inputs().iter().map(|t| t.ty()).collect();
        let x = fit_inputs(samples.x, &names, &types)?;
        let samples = Samples { x, ..Samples::default() };
        samples.check()?;
        Ok(samples)
    }

    /// Checks the batch of this number of a dataset: after the first, the targets' types stay.
    pub(crate) fn prepare_next(&mut self, samples: Samples, number: usize) -> Result<Samples> {
        let judged =
            |model: &Model| Some(model.compiled.as_ref()?.judges.as_ref()?.targets.clone());
        let before = judged(self);
        let samples = self.prepare(samples)?;
        let now = judged(self);
        if number > 0 && before != now {
            let text = |targets: Option<Vec<PartialType>>| {
                let targets = targets.unwrap_or_default();
                targets.iter().map(|t| format!("{} {}", t.dtype, t.shape)).collect::<Vec<_>>()
            };
            return Err(Error::Data(
                ConfigError::new(format!("batch {} of the dataset has other targets", number + 1))
                    .expected(format!("{}, as before", text(before).join(", ")))
                    .received(text(now).join(", ")),
            ));
        }
        Ok(samples)
    }

    /// Whether the weights of samples can be those of the outputs' losses.
    fn check_weights(&self, weights: &[Array]) -> Result<()> {
        for (i, output) in self.functional.outputs().iter().enumerate() {
            let Some(weight) = weights.get(i).or(weights.first()) else { return Ok(()) };
            let shape = output.shape();
            let pairs = shape.0.iter().zip(weight.shape().iter());
            let fits = |(have, &want): (&Option<usize>, &usize)| {
                want == 1 || have.is_none_or(|have| have == want)
            };
            if weight.shape().rank() > shape.rank() || !pairs.skip(1).all(fits) {
                let name = &self.functional.names_for_judging()[i];
                let what = format!("the sample weights do not fit the output `{name}`");
                return Err(Error::Data(
                    ConfigError::new(what)
                        .expected(format!("one for each sample, as for predictions {shape}"))
                        .received(format!("weights of shape {}", weight.shape())),
                ));
            }
        }
        Ok(())
    }

    fn prepare_judges(&mut self, y: &[Array]) -> Result<()> {
        let outputs = self.functional.output_types();
        let names = self.functional.names_for_judging();
        let compiled = self.compiled.as_mut().ok_or(Error::NotCompiled("fit"))?;
        if y.len() != outputs.len() {
            return Err(Error::Data(
                ConfigError::new("wrong number of targets")
                    .expected(format!("{} ({})", outputs.len(), names.join(", ")))
                    .received(y.len().to_string()),
            ));
        }
        let target = |array: &Array| {
            let mut shape = ibex_nn::PartialShape::from(array.shape());
            if let Some(batch) = shape.0.first_mut() {
                *batch = None;
            }
            PartialType::new(array.dtype(), shape)
        };
        let targets: Vec<PartialType> = y.iter().map(target).collect();
        let losses = compiled.config.losses_for(&names, &outputs, &targets)?;
        for ((loss, array), output) in losses.iter().zip(y).zip(&outputs) {
            if let Some(loss) = loss {
                loss.check_labels(array, output).map_err(Error::Data)?;
            }
        }
        if compiled.judges.as_ref().is_none_or(|judges| judges.targets != targets) {
            let judge = || Judge::new(&compiled.config, &self.functional, &targets);
            let (train, evaluate) = (judge()?, judge()?);
            compiled.judges = Some(Judges { targets, train, evaluate });
            self.programs.clear();
        }
        Ok(())
    }

    /// The judge of training or of evaluation.
    pub(crate) fn judge(&self, mode: Mode) -> Option<&Judge> {
        let judges = self.compiled.as_ref()?.judges.as_ref()?;
        Some(if mode == Mode::Train { &judges.train } else { &judges.evaluate })
    }

    /// The loss of a training step, what reads the trained weights, and the batch's arguments.
    pub(crate) fn training_loss(
        &self,
        types: &[Type],
    ) -> Result<(Tensor, Vec<Tensor>, Vec<Tensor>)> {
        self.parts(Mode::Train).training_loss(types)
    }

    /// The graph of a step for batches of these types.
    pub(crate) fn graph(&self, mode: Mode, types: &[Type]) -> Result<ibex_graph::Graph> {
        self.parts(mode).graph(mode, types)
    }

    /// What a step compiles to for batches of `batch_size`, as text: training or prediction.
    ///
    /// # Errors
    /// As [`Model::plan`].
    pub fn explain_plan(
        &mut self,
        batch_size: usize,
        train: bool,
        memory_budget: Option<usize>,
    ) -> Result<String> {
        Ok(self.plan(batch_size, train, memory_budget)?.to_string())
    }

    /// What a step compiles to for batches of `batch_size`: training or prediction.
    ///
    /// Unknown extents other than the batch are taken as 16; `memory_budget` bounds the bytes of
    /// intermediate values, as [`Fit::memory_budget`](crate::Fit::memory_budget) does.
    ///
    /// # Errors
    /// If the step cannot be built, or not within the budget.
    pub fn plan(
        &mut self,
        batch_size: usize,
        train: bool,
        memory_budget: Option<usize>,
    ) -> Result<Program> {
        let mode = if train { Mode::Train } else { Mode::Predict };
        let mut examples: Vec<PartialType> =
            self.functional.inputs().iter().map(|t| t.ty()).collect();
        if train {
            let targets = self.example_targets()?;
            let one = |ty: &PartialType| Array::zeros(ty.dtype, batch_of(ty, 1));
            self.prepare_judges(&targets.iter().map(one).collect::<Vec<Array>>())?;
            examples.extend(targets);
        }
        let types: Vec<Type> =
            examples.iter().map(|ty| Type::new(ty.dtype, batch_of(ty, batch_size))).collect();
        // The program is not loaded: its memory need not be there.
        Ok(self.device.plan_within(self.graph(mode, &types)?, memory_budget)?)
    }

    /// The types of targets of the kind that the losses take.
    fn example_targets(&self) -> Result<Vec<PartialType>> {
        let compiled = self.compiled.as_ref().ok_or(Error::NotCompiled("explain_plan"))?;
        let types = self.functional.output_types();
        let names = self.functional.names_for_judging();
        let losses = compiled.config.losses_for(&names, &types, &types)?;
        let outputs = self.functional.outputs().iter().zip(losses);
        Ok(outputs
            .map(|(output, loss)| {
                let mut shape = output.shape().clone();
                match loss.is_some_and(|loss| loss.takes_integers()) {
                    true => {
                        shape.0.truncate(shape.0.len().saturating_sub(1).max(1));
                        PartialType::new(DType::I32, shape)
                    }
                    false => PartialType::new(DType::F32, shape),
                }
            })
            .collect())
    }

    fn parts(&self, mode: Mode) -> Parts<'_> {
        Parts {
            functional: &self.functional,
            instance: &self.instance,
            random: &self.random,
            judge: self.judge(mode),
            optimizer: self.compiled.as_ref().map(|c| &c.optimizer),
            carries_states: self.carries_states,
            memory_budget: self.memory_budget,
        }
    }

    /// The position of the program for batches of these types, made if need be.
    pub(crate) fn program(&mut self, mode: Mode, types: &[Type]) -> Result<usize> {
        let initialized = self.instance.is_initialized();
        let budget = self.parts(mode).budget(mode);
        let same = |p: &StepProgram| {
            let inner = p.initialized == initialized && p.budget == budget;
            p.mode == mode && p.types == types && inner
        };
        let known = self.programs.iter().position(same);
        if let Some(index) = known {
            return Ok(index);
        }
        // A step of another budget would keep its memory beside this one.
        self.programs.retain(|p| p.mode != mode || p.budget == budget);
        let program = self.parts(mode).program(&self.device, mode, types.to_vec())?;
        self.programs.push(program);
        if let (Mode::Train, Some(compiled)) = (mode, &mut self.compiled) {
            compiled.begun = true;
        }
        Ok(self.programs.len() - 1)
    }
}

/// The shape of a batch of `size`; other unknown extents are taken as 16.
fn batch_of(ty: &PartialType, size: usize) -> Shape {
    let mut shape = ty.shape.clone();
    if let Some(batch) = shape.0.first_mut() {
        *batch = Some(size);
    }
    shape.filled(16)
}

/// The random state of a seed at step 0; `float64` holds 53 bits exactly, as the interpreter needs.
pub(crate) fn random_state(seed: u64) -> Array {
    Array::from_f64_slice(DType::I64, [2], &[(seed & ((1 << 53) - 1)) as f64, 0.0])
}

/// What advances a random state by one step.
pub(crate) fn random_step() -> Array {
    Array::from_f64_slice(DType::I64, [2], &[0.0, 1.0])
}

/// What a model may be called on inside a traced computation: one tensor, or several.
pub trait Tensors {
    /// The tensors, in the order of the model's inputs.
    fn into_tensors(self) -> Vec<Tensor>;
}

impl Tensors for &Tensor {
    fn into_tensors(self) -> Vec<Tensor> {
        vec![self.clone()]
    }
}

impl<const N: usize> Tensors for [&Tensor; N] {
    fn into_tensors(self) -> Vec<Tensor> {
        self.into_iter().cloned().collect()
    }
}

impl Tensors for &[Tensor] {
    fn into_tensors(self) -> Vec<Tensor> {
        self.to_vec()
    }
}

/// Making a model from a chain of layers.
pub trait BuildModel {
    /// The model, with fresh weights.
    ///
    /// # Errors
    /// Every mistake in the chain.
    fn build(self) -> Result<Model>;
}

impl BuildModel for Sequential {
    #[track_caller]
    fn build(self) -> Result<Model> {
        Model::from_functional(self.to_functional()?)
    }
}
