//! One step as one program: forward, loss, gradients, optimizer and metrics in a single graph.
//!
//! The same builder makes the programs of training, evaluation and prediction; a program is made
//! once for each signature (the dtypes and shapes of a batch) and kept.

use ibex_compile::{Device, Executable};
use ibex_graph::grad::explain_missing;
use ibex_graph::{DType, Graph, OpError, Tensor, Type, Variable, gradients};
use ibex_nn::losses::Loss;
use ibex_nn::models::Functional;
use ibex_nn::optimizers::OptimizerState;
use ibex_nn::{Instance, Trace};

use crate::error::{Error, Result};
use crate::judge::Judge;

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// Weights, statistics and metrics change.
    Train,
    /// Metrics change, and the states of layers if the model carries them.
    Evaluate,
    /// The states of layers change if the model carries them; the outputs are returned.
    Predict,
}

/// A program for batches of one signature.
#[derive(Debug)]
pub(crate) struct StepProgram {
    pub(crate) mode: Mode,
    pub(crate) types: Vec<Type>,
    /// Whether it was made after the first step: see [`Instance::is_initialized`].
    pub(crate) initialized: bool,
    /// The bytes that its intermediate values may take.
    pub(crate) budget: Option<usize>,
    pub(crate) executable: Box<dyn Executable>,
}

/// What programs are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) functional: &'a Functional,
    pub(crate) instance: &'a Instance,
    pub(crate) random: &'a Variable,
    pub(crate) judge: Option<&'a Judge>,
    pub(crate) optimizer: Option<&'a OptimizerState>,
    /// Whether stateful layers go on where the batch before left them.
    pub(crate) carries_states: bool,
    /// The bytes that the intermediate values of a training step may take.
    pub(crate) memory_budget: Option<usize>,
}

/// The symbols of a batch: inputs, targets, weights of the samples.
struct Batch {
    inputs: Vec<Tensor>,
    x: Vec<Tensor>,
    y: Vec<Tensor>,
    weights: Vec<Tensor>,
}

/// A batch with the model's outputs and their losses.
struct Judged {
    batch: Batch,
    trace: Trace,
    outputs: Vec<Tensor>,
    masks: Vec<Option<Tensor>>,
    /// The loss of each output that has one.
    values: Vec<Option<Tensor>>,
    /// The loss that training makes small.
    total: Tensor,
}

impl Parts<'_> {
    /// The graph of a step for batches of these types.
    ///
    /// # Errors
    /// Every mistake in the graph; a trainable weight that no gradient reaches.
    pub(crate) fn graph(&self, mode: Mode, types: &[Type]) -> Result<Graph> {
        if mode == Mode::Predict {
            let batch = self.batch(types);
            let mut trace = self.trace(mode);
            let outputs = self.instance.call(&mut trace, &batch.x);
            return Ok(Graph::new(&batch.inputs, &outputs, &self.kept(trace.updates()))?);
        }
        let Some(judge) = self.judge else { return Err(Error::NotCompiled("fit")) };
        let Judged { batch, mut trace, outputs, masks, values, total } =
            self.judged(judge, mode, types)?;
        let weight = |i: usize| batch.weights.get(i).or(batch.weights.first());
        if mode == Mode::Train {
            let spare = outputs.iter().zip(&judge.losses).filter(|(_, loss)| loss.is_none());
            let spare: Vec<Tensor> = spare.map(|(output, _)| output.sum_all()).collect();
            self.learn(&mut trace, &total, &spare)?;
        }
        judge.track_losses(&mut trace, &total, &values, batch.x.first().map_or(1, |t| t.dim(0)));
        for (i, output) in outputs.iter().enumerate() {
            // In Keras the mask of an output does not survive differentiation: metrics count
            // padding while training, and do not when evaluating.
            let mask = masks[i].as_ref().filter(|_| mode == Mode::Evaluate);
            if let Some(y) = batch.y.get(i) {
                judge.track_metrics(&mut trace, i, y, output, weight(i), mask);
            }
        }
        let updates = match mode {
            Mode::Train => self.advanced(trace),
            Mode::Evaluate | Mode::Predict => trace.updates(),
        };
        Ok(Graph::new(&batch.inputs, &[], &self.kept(updates))?)
    }

    /// Of some updates those that outlast the batch.
    fn kept(&self, mut updates: Vec<(Variable, Tensor)>) -> Vec<(Variable, Tensor)> {
        if !self.carries_states {
            let states = self.instance.all_states();
            let states: Vec<&Variable> = states.into_iter().filter_map(|s| s.variable()).collect();
            updates.retain(|(variable, _)| !states.contains(&variable));
        }
        updates
    }

    /// The loss of a training step, what reads the trained weights, and the batch's arguments.
    ///
    /// # Errors
    /// If there is nothing to train by.
    pub(crate) fn training_loss(
        &self,
        types: &[Type],
    ) -> Result<(Tensor, Vec<Tensor>, Vec<Tensor>)> {
        let Some(judge) = self.judge else { return Err(Error::NotCompiled("fit")) };
        let Judged { batch, mut trace, total, .. } = self.judged(judge, Mode::Train, types)?;
        let weights = self.instance.trainable_weights();
        let reads = weights.iter().filter_map(|w| Some(trace.read(w.variable()?))).collect();
        Ok((total, reads, batch.inputs))
    }

    fn trace(&self, mode: Mode) -> Trace {
        Trace::new(mode == Mode::Train).with_random(self.random).forgetting_losses()
    }

    /// The forward pass of a batch and its losses.
    fn judged(&self, judge: &Judge, mode: Mode, types: &[Type]) -> Result<Judged> {
        let batch = self.batch(types);
        let mut trace = self.trace(mode);
        let outputs = self.instance.call(&mut trace, &batch.x);
        let masks: Vec<Option<Tensor>> = outputs.iter().map(|t| trace.mask(t)).collect();
        let outputs: Vec<Tensor> = outputs.iter().map(judged_precision).collect();
        let weight = |i: usize| batch.weights.get(i).or(batch.weights.first());
        let mut values = Vec::new();
        for (i, output) in outputs.iter().enumerate() {
            let value = match (&judge.losses[i], batch.y.get(i)) {
                (Some(loss), Some(y)) => {
                    Some(target_loss(loss, y, output, weight(i), masks[i].as_ref()))
                }
                _ => None,
            };
            values.push(value);
        }
        let total = self.total(judge, &mut trace, &values)?;
        Ok(Judged { batch, trace, outputs, masks, values, total })
    }

    /// Compiles the program of a step.
    ///
    /// # Errors
    /// As [`Parts::graph`]; or if the device cannot run it.
    pub(crate) fn program(
        &self,
        device: &Device,
        mode: Mode,
        types: Vec<Type>,
    ) -> Result<StepProgram> {
        let initialized = self.instance.is_initialized();
        let budget = self.budget(mode);
        let executable = device.compile_within(self.graph(mode, &types)?, budget)?;
        Ok(StepProgram { mode, types, initialized, budget, executable })
    }

    /// The bytes that the intermediate values of a step may take: what is kept for gradients is
    /// what makes training large.
    pub(crate) fn budget(&self, mode: Mode) -> Option<usize> {
        self.memory_budget.filter(|_| mode == Mode::Train)
    }

    fn batch(&self, types: &[Type]) -> Batch {
        let names = self.functional.input_names();
        let wanted: Vec<DType> = self.functional.inputs().iter().map(|t| t.dtype()).collect();
        let (count, outputs) = (wanted.len(), self.functional.outputs().len());
        let inputs: Vec<Tensor> = types
            .iter()
            .enumerate()
            .map(|(i, ty)| {
                let name = match i.checked_sub(count) {
                    None => names[i].clone(),
                    Some(j) if j < outputs => format!("y{j}"),
                    Some(j) => format!("sample_weight{}", j - outputs),
                };
                Tensor::input(&name, ty.dtype, &ty.shape)
            })
            .collect();
        let x = inputs.iter().zip(&wanted).map(|(t, &dtype)| t.cast(dtype)).collect();
        let y = inputs.iter().skip(count).take(outputs).cloned().collect();
        let weights = inputs.iter().skip(count + outputs).map(|t| t.cast(DType::F32)).collect();
        Batch { inputs, x, y, weights }
    }

    /// The weighted sum of the losses of the outputs, of the layers and of the weights' penalties.
    fn total(&self, judge: &Judge, trace: &mut Trace, values: &[Option<Tensor>]) -> Result<Tensor> {
        let weighted = values.iter().enumerate().filter_map(|(i, value)| {
            let value = value.as_ref()?;
            Some(match judge.loss_weights[i] {
                Some(factor) => value * factor,
                None => value.clone(),
            })
        });
        let mut terms: Vec<Tensor> = weighted.collect();
        terms.extend(trace.losses().iter().cloned());
        // As in Keras, what is not trained is not penalized either.
        for weight in self.instance.trainable_weights() {
            if let (Some(penalty), Some(variable)) = (&weight.spec().regularizer, weight.variable())
            {
                terms.push(penalty.penalty(&trace.penalized(variable)));
            }
        }
        let total = terms.into_iter().reduce(|a, b| a + b);
        total.ok_or_else(|| {
            Error::Config(
                ibex_nn::ConfigError::new("there is no loss to train by")
                    .expected("a loss for at least one output")
                    .help("give `Compile::new` a loss"),
            )
        })
    }

    /// Gradients and optimizer.
    ///
    /// Weights that lead to nothing but `spare`, outputs that have no loss by intention, get a
    /// gradient of zero; that nothing depends on a weight is a mistake.
    fn learn(&self, trace: &mut Trace, total: &Tensor, spare: &[Tensor]) -> Result<()> {
        let Some(optimizer) = self.optimizer else { return Err(Error::NotCompiled("fit")) };
        let scaled = optimizer.scale_loss(trace, total);
        let weights = self.instance.trainable_weights();
        let variables: Vec<&Variable> = weights.iter().filter_map(|w| w.variable()).collect();
        // Statistics were assigned in this trace, trained weights were not: these reads are the
        // ones that the forward pass used.
        let reads: Vec<Tensor> = variables.iter().map(|v| trace.read(v)).collect();
        let mut found = gradients(&scaled, &reads)?;
        for output in spare {
            for ((gradient, read), other) in
                found.iter_mut().zip(&reads).zip(gradients(output, &reads)?)
            {
                if gradient.is_none() && other.is_some() {
                    *gradient = Some(read.zeros_like());
                }
            }
        }
        let missing = |(variable, read): (&&Variable, &Tensor)| {
            OpError::new(
                format!("no gradient reaches the weight `{}`", variable.name()),
                "a differentiable path from every trainable weight to the loss",
                explain_missing(&scaled, read),
            )
            .help("set `trainable = false` on its layer, or connect it to the loss")
        };
        let pairs = variables.iter().zip(&reads).zip(&found);
        let wrong: Vec<OpError> =
            pairs.filter(|(_, g)| g.is_none()).map(|(pair, _)| missing(pair)).collect();
        if !wrong.is_empty() {
            return Err(Error::Graph(ibex_graph::Error::Ops(wrong)));
        }
        let found: Vec<Tensor> = found.into_iter().flatten().collect();
        optimizer.apply(trace, &found);
        Ok(())
    }

    /// The updates of a training step, the random state's step among them.
    fn advanced(&self, mut trace: Trace) -> Vec<(Variable, Tensor)> {
        let state = trace.read(self.random);
        trace.assign(self.random, state + Tensor::constant(crate::model::random_step()));
        trace.updates()
    }
}

/// An output as losses and metrics see it: Keras computes them in `float32`.
fn judged_precision(output: &Tensor) -> Tensor {
    match output.dtype() {
        DType::F16 | DType::BF16 => output.cast(DType::F32),
        _ => output.clone(),
    }
}

/// The loss of one output.
fn target_loss(
    loss: &Loss,
    y: &Tensor,
    output: &Tensor,
    weight: Option<&Tensor>,
    mask: Option<&Tensor>,
) -> Tensor {
    let _scope = ibex_graph::Scope::enter("loss");
    let y = if loss.takes_integers() { y.clone() } else { y.cast(output.dtype()) };
    loss.value(&y, output, weight, mask)
}
