//! A computation being written: which values variables have, what was updated, what adds to the
//! loss, and where random numbers come from.

use std::collections::{BTreeMap, HashMap};

use ibex_graph::{DType, Scope, Shape, Tensor, Variable};

use crate::arguments::{Bound, CallArguments};
use crate::instance::{Instance, Weight};
use crate::layer::Layer;

/// The state of one traced computation.
///
/// Reading a variable after it was assigned gives the assigned value, so a layer that is called
/// twice updates its statistics twice.
#[derive(Debug, Default)]
pub struct Trace {
    training: bool,
    values: BTreeMap<u64, Tensor>,
    assigned: Vec<Variable>,
    losses: Vec<Tensor>,
    /// The layer that added each of the losses, by its identity.
    adders: Vec<Option<u64>>,
    /// The layers that are being called, the innermost last.
    callers: Vec<u64>,
    forgets_losses: bool,
    penalized: BTreeMap<u64, Tensor>,
    masks: HashMap<(u64, usize), Tensor>,
    random: Option<Variable>,
    streams: u32,
}

impl Trace {
    /// A trace for training or for inference.
    pub fn new(training: bool) -> Trace {
        Trace { training, ..Trace::default() }
    }

    /// Draws random numbers from `state`, an `int64` variable of shape `(2,)`: seed and step.
    ///
    /// Whoever runs the program advances the step.
    pub fn with_random(mut self, state: &Variable) -> Trace {
        self.random = Some(state.clone());
        self
    }

    /// Of a layer that a model calls several times, only the last call adds to the loss.
    ///
    /// So do `fit` and `evaluate` of Keras on JAX; calls in a computation of one's own add up.
    pub fn forgetting_losses(mut self) -> Trace {
        self.forgets_losses = true;
        self
    }

    /// Whether the computation trains.
    pub fn training(&self) -> bool {
        self.training
    }

    /// The value of a variable at this point of the computation.
    pub fn read(&mut self, variable: &Variable) -> Tensor {
        self.values.entry(variable.id()).or_insert_with(|| Tensor::read(variable)).clone()
    }

    /// Gives a variable a new value from this point on.
    pub fn assign(&mut self, variable: &Variable, value: Tensor) {
        if !self.assigned.contains(variable) {
            self.assigned.push(variable.clone());
        }
        self.values.insert(variable.id(), value);
    }

    /// Lets a variable have another value from this point on, but not after the computation; gives
    /// the value before, to be put back in the same way.
    pub(crate) fn substitute(&mut self, variable: &Variable, value: Tensor) -> Tensor {
        let before = self.read(variable);
        self.values.insert(variable.id(), value);
        before
    }

    /// What a penalty on a weight sees: its value, unless a layer has computed with another one.
    pub fn penalized(&mut self, variable: &Variable) -> Tensor {
        match self.penalized.get(&variable.id()) {
            Some(value) => value.clone(),
            None => self.read(variable),
        }
    }

    /// Lets penalties see another value of a weight than the one that is trained.
    pub(crate) fn penalize(&mut self, variable: &Variable, value: Tensor) {
        self.penalized.insert(variable.id(), value);
    }

    /// The variables that were assigned, with their last values, in order of first assignment.
    pub fn updates(&self) -> Vec<(Variable, Tensor)> {
        self.assigned.iter().map(|v| (v.clone(), self.values[&v.id()].clone())).collect()
    }

    /// Adds a scalar to the loss.
    pub fn add_loss(&mut self, loss: Tensor) {
        self.losses.push(loss);
        self.adders.push(self.callers.last().copied());
    }

    /// Runs `f` as a call of `instance`.
    pub(crate) fn within<T>(&mut self, instance: &Instance, f: impl FnOnce(&mut Trace) -> T) -> T {
        // The outermost layer is the model.
        if self.forgets_losses && self.callers.len() == 1 && !self.losses.is_empty() {
            self.forget_losses(instance);
        }
        self.callers.push(instance.identity());
        let found = f(self);
        self.callers.pop();
        found
    }

    /// Takes back what a layer and those inside it added to the loss.
    fn forget_losses(&mut self, instance: &Instance) {
        let mut left = vec![instance];
        while let Some(layer) = left.pop() {
            let own = Some(layer.identity());
            let kept: Vec<bool> = self.adders.iter().map(|adder| *adder != own).collect();
            let mut keeps = kept.iter();
            self.losses.retain(|_| keeps.next().is_some_and(|kept| *kept));
            self.adders.retain(|adder| *adder != own);
            left.extend(layer.children().iter().map(|(_, child)| child.as_ref()));
        }
    }

    /// The scalars that layers added to the loss, in order.
    pub fn losses(&self) -> &[Tensor] {
        &self.losses
    }

    /// The mask of a tensor: `bool`, false where a time step is padding.
    pub fn mask(&self, tensor: &Tensor) -> Option<Tensor> {
        self.masks.get(&(tensor.sequence(), tensor.output_index())).cloned()
    }

    /// Attaches a mask to a tensor.
    pub fn set_mask(&mut self, tensor: &Tensor, mask: Tensor) {
        self.masks.insert((tensor.sequence(), tensor.output_index()), mask);
    }

    /// Takes the mask of a tensor away, wherever else the tensor is used.
    pub fn clear_mask(&mut self, tensor: &Tensor) {
        self.masks.remove(&(tensor.sequence(), tensor.output_index()));
    }

    /// The state for the next draw and its stream, different for each call in a trace.
    pub fn next_random(&mut self) -> (Tensor, u32) {
        self.streams += 1;
        let state = match self.random.clone() {
            Some(state) => self.read(&state),
            None => Tensor::full(DType::I64, [2], 0.0),
        };
        (state, self.streams)
    }

    /// The same for a layer with its own seed, which then replaces that of the model.
    pub fn next_random_of(&mut self, seed: Option<u64>) -> (Tensor, u32) {
        let (state, stream) = self.next_random();
        let Some(seed) = seed else { return (state, stream) };
        let seed = Tensor::full(DType::I64, [1], seed as f64);
        let step = state.slice_axis(0, 1..);
        (ibex_graph::ops::concatenate::concatenate(&[seed, step], 0), stream)
    }

    /// Whether random numbers were drawn.
    pub fn draws(&self) -> bool {
        self.streams > 0
    }

    /// Uniform numbers in `[0, 1)`.
    pub fn random_uniform(&mut self, shape: impl Into<Shape>) -> Tensor {
        let (state, stream) = self.next_random();
        ibex_graph::ops::random::uniform(&state, shape, stream, 0.0, 1.0)
    }

    /// Normal numbers of mean 0 and variance 1.
    pub fn random_normal(&mut self, shape: impl Into<Shape>) -> Tensor {
        let (state, stream) = self.next_random();
        ibex_graph::ops::random::normal(&state, shape, stream)
    }
}

/// What a layer sees while its forward function runs.
#[derive(Debug)]
pub struct Call<'a> {
    trace: &'a mut Trace,
    instance: &'a Instance,
    received: &'a Received<'a>,
}

/// What a call was given.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// The arguments by name.
    pub(crate) bound: &'a Bound,
    /// The inputs, in the order of the signature.
    pub(crate) inputs: &'a [Tensor],
    /// The mask of each input, if the layer is told one.
    pub(crate) masks: Vec<Option<Tensor>>,
}

impl<'a> Call<'a> {
    /// A call of `instance` in `trace`.
    pub(crate) fn new(
        trace: &'a mut Trace,
        instance: &'a Instance,
        received: &'a Received<'a>,
    ) -> Call<'a> {
        Call { trace, instance, received }
    }

    /// The arguments of the call, by name.
    pub fn arguments(&self) -> &'a Bound {
        self.received.bound
    }

    /// Whether the argument of that name is the flag `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.received.bound.flag(name)
    }

    /// The tensors of the argument of that name, in order; none if it was not given.
    pub fn tensors(&self, name: &str) -> Vec<Tensor> {
        let argument = self.received.bound.get(name);
        let inputs = argument.into_iter().flat_map(|argument| argument.tensors());
        inputs.filter_map(|&input| self.received.inputs.get(input).cloned()).collect()
    }

    /// The tensor that is the argument of that name, if it was given.
    pub fn tensor(&self, name: &str) -> Option<Tensor> {
        self.tensors(name).into_iter().next()
    }

    /// The mask of an input: given by the call, or carried by the input.
    pub fn mask(&self, input: usize) -> Option<Tensor> {
        self.received.masks.get(input).cloned().flatten()
    }

    /// The masks of all inputs.
    pub fn masks(&self) -> &[Option<Tensor>] {
        &self.received.masks
    }

    /// Whether the computation trains.
    pub fn training(&self) -> bool {
        self.trace.training()
    }

    /// Whether the layer itself is trainable; a frozen batch normalisation does not adapt.
    pub fn trainable(&self) -> bool {
        self.instance.is_trainable()
    }

    /// The current value of the weight that `build` called `name`.
    pub fn weight(&mut self, name: &str) -> Tensor {
        match self.instance.weight(name) {
            Some(weight) => self.read(weight),
            None => missing_weight(name),
        }
    }

    /// The current value of the weight, if `build` asked for it.
    pub fn optional_weight(&mut self, name: &str) -> Option<Tensor> {
        let weight = self.instance.weight(name)?;
        Some(self.read(weight))
    }

    /// The current values of the states that `build` asked for, in order.
    pub fn states(&mut self) -> Vec<Tensor> {
        self.instance.states().iter().map(|state| self.read(state)).collect()
    }

    /// Gives the states new values, in order: the next batch begins with them.
    pub fn set_states(&mut self, values: &[Tensor]) {
        for (state, value) in self.instance.states().iter().zip(values) {
            if let Some(variable) = state.variable() {
                self.trace.assign(variable, value.cast(state.spec().dtype));
            }
        }
    }

    /// The value of a weight, in the dtype of the computation if the layer's policy mixes two.
    fn read(&mut self, weight: &Weight) -> Tensor {
        let value = match weight.variable() {
            Some(variable) => self.trace.read(variable),
            None => weight.placeholder(),
        };
        let policy = self.instance.layer().base().dtype;
        match policy.variable() != policy.compute() && weight.spec().trainable {
            true => value.cast(policy.compute()),
            false => value,
        }
    }

    /// Gives a weight that is not trained a new value.
    pub fn assign(&mut self, name: &str, value: Tensor) {
        if let Some(variable) = self.instance.weight(name).and_then(Weight::variable) {
            self.trace.assign(variable, value);
        }
    }

    /// Calls the child that `build` called `name`.
    pub fn child(&mut self, name: &str, inputs: &[Tensor]) -> Vec<Tensor> {
        match self.instance.child(name) {
            Some(child) => child.call(self.trace, inputs),
            None => vec![missing_weight(name)],
        }
    }

    /// Calls the child that `build` called `name` with tensors and values by position and name.
    pub fn child_with(&mut self, name: &str, arguments: &CallArguments<Tensor>) -> Vec<Tensor> {
        let (tensors, slots) = arguments.split();
        match self.instance.child(name) {
            Some(child) => child.call_with(self.trace, &tensors, &slots),
            None => vec![missing_weight(name)],
        }
    }

    /// Runs `f` as the child that `build` called `name`: what it reads are that layer's weights.
    ///
    /// `inputs` and `masks` are what the child is called on; its activity regularizer does not act.
    /// Nothing if there is no such child.
    pub fn inside<T>(
        &mut self,
        name: &str,
        inputs: &[Tensor],
        masks: &[Option<Tensor>],
        f: impl FnOnce(&dyn Layer, &mut Call<'_>) -> T,
    ) -> Option<T> {
        let child = self.instance.child(name)?;
        let layer = child.layer().as_ref();
        let slots = CallArguments::of_inputs(layer, inputs.len());
        let bound = Bound::of(layer, &slots).unwrap_or_default();
        let received = Received { bound: &bound, inputs, masks: masks.to_vec() };
        let mut call = Call::new(self.trace, child, &received);
        Some(in_scope(layer.base().known_name(), || f(layer, &mut call)))
    }

    /// The whole trace: losses, masks, random numbers.
    pub fn trace(&mut self) -> &mut Trace {
        self.trace
    }

    /// The instance that is being called.
    pub fn instance(&self) -> &Instance {
        self.instance
    }
}

fn missing_weight(name: &str) -> Tensor {
    Tensor::poisoned(
        ibex_graph::OpError::new(
            format!("the layer reads `{name}`, which its `build` did not ask for"),
            format!("`build.weight(\"{name}\", …)` or `build.child(\"{name}\", …)` in `build`"),
            "nothing of that name",
        )
        .help("the names in `build` and `forward` must be the same"),
    )
}

/// Enters the scope of a layer, if it has a name, while `f` runs: nodes made in it carry the name.
pub(crate) fn in_scope<T>(name: Option<&str>, f: impl FnOnce() -> T) -> T {
    let _scope = name.map(Scope::enter);
    f()
}
