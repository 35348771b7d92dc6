//! Computations of one's own: trace, differentiate, compile, call.
//!
//! The same public pieces as `fit` uses: a [`Trace`] in which variables are read and assigned,
//! gradients as graphs, one program for all of it.
//! It must not know data sets, files or the training loop.
//! Read this file first, then `functions` (losses and metrics from plain functions) and `check`
//! (the gradients of a whole model against central differences).
//!
//! ```
//! use ibex_graph::DType;
//! use ibex_train::trace;
//!
//! let mut slope = trace(|t| {
//!     let x = t.input("x", [3], DType::F32);
//!     let y = (&x * &x).sum_all();
//!     t.grad(&y, [&x])
//! })
//! .compile(&ibex_cpu::device(None))?;
//! let gradients = slope.call(&ndarray::array![1., 2., 3.])?;
//! assert_eq!(gradients[0].to_f64_vec(), [2., 4., 6.]);
//! # Ok::<(), ibex_train::Error>(())
//! ```

use std::ops::{Deref, DerefMut};

use ibex_compile::{Device, Executable};
use ibex_graph::grad::explain_missing;
use ibex_graph::{Array, DType, Graph, OpError, Origin, Shape, Tensor, Type, Variable, gradients};
use ibex_nn::constraints::Constraint;
use ibex_nn::optimizers::{Optimizer, OptimizerState};
use ibex_nn::{ConfigError, Trace};

use crate::data::Arrays;
use crate::error::{Error, Result};
use crate::model::{Model, random_state, random_step, seed};

mod check;
mod functions;

pub use functions::{custom_loss, custom_metric, with_derivative};

/// A computation that is being written: a [`Trace`] with arguments and gradients.
#[derive(Debug)]
pub struct Tracer {
    trace: Trace,
    inputs: Vec<Tensor>,
}

impl Deref for Tracer {
    type Target = Trace;

    fn deref(&self) -> &Trace {
        &self.trace
    }
}

impl DerefMut for Tracer {
    fn deref_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }
}

impl Tracer {
    /// The next argument of the function, `name` in messages.
    #[track_caller]
    pub fn input(&mut self, name: &str, shape: impl Into<Shape>, dtype: DType) -> Tensor {
        let input = Tensor::input(name, dtype, shape);
        self.inputs.push(input.clone());
        input
    }

    /// The gradients of a scalar with respect to variables or tensors, in their order.
    ///
    /// A variable stands for the value that it has at this point: after an optimizer was applied,
    /// the updated one.
    /// Gradients that do not exist are mistakes, reported by [`Traced::compile`].
    #[track_caller]
    pub fn grad<T: Differentiable>(
        &mut self,
        loss: &Tensor,
        by: impl IntoIterator<Item = T>,
    ) -> Vec<Tensor> {
        // Closures do not know who called: the place is passed to them.
        let here = Origin::here();
        let mistake = |mut error: OpError| {
            error.origin = here.clone();
            Tensor::poisoned(error)
        };
        let targets: Vec<(String, Tensor)> =
            by.into_iter().map(|target| target.value(&mut self.trace)).collect();
        let values: Vec<Tensor> = targets.iter().map(|(_, value)| value.clone()).collect();
        let found = match gradients(loss, &values) {
            Ok(found) => found,
            Err(ibex_graph::Error::Ops(errors)) => {
                // A poisoned loss reports its mistakes itself.
                let poison = match errors.into_iter().next() {
                    Some(error) if !loss.is_poisoned() => mistake(error),
                    _ => loss.clone(),
                };
                return vec![poison; targets.len()];
            }
            Err(other) => {
                let error = OpError::new(other.to_string(), "", "");
                return vec![mistake(error); targets.len()];
            }
        };
        let missing = |name: &str, value: &Tensor| {
            mistake(
                OpError::new(
                    format!("no gradient reaches {name}"),
                    "a differentiable path to the value that is differentiated",
                    explain_missing(loss, value),
                )
                .help("leave it out, or connect it to the loss"),
            )
        };
        let pairs = found.into_iter().zip(&targets);
        pairs.map(|(grad, (name, value))| grad.unwrap_or_else(|| missing(name, value))).collect()
    }
}

/// What can be differentiated by: a variable, or any tensor of the computation.
pub trait Differentiable {
    /// Its name for messages and its value at this point.
    fn value(&self, trace: &mut Trace) -> (String, Tensor);
}

impl Differentiable for Variable {
    fn value(&self, trace: &mut Trace) -> (String, Tensor) {
        (format!("the weight `{}`", self.name()), trace.read(self))
    }
}

impl Differentiable for Tensor {
    fn value(&self, _: &mut Trace) -> (String, Tensor) {
        (format!("`{}`", self.op()), self.clone())
    }
}

impl<T: Differentiable> Differentiable for &T {
    fn value(&self, trace: &mut Trace) -> (String, Tensor) {
        (*self).value(trace)
    }
}

/// What a traced function returns: one tensor, an array of them, or a list.
pub trait Outputs {
    /// What a call gives back.
    type Values<'a>;

    /// The tensors, in order.
    fn into_tensors(self) -> Vec<Tensor>;

    /// The arrays of the same structure.
    fn values(arrays: &[Array]) -> Self::Values<'_>;
}

impl Outputs for () {
    type Values<'a> = ();

    fn into_tensors(self) -> Vec<Tensor> {
        Vec::new()
    }

    fn values(_: &[Array]) {}
}

impl Outputs for Tensor {
    type Values<'a> = &'a Array;

    fn into_tensors(self) -> Vec<Tensor> {
        vec![self]
    }

    fn values(arrays: &[Array]) -> &Array {
        &arrays[0]
    }
}

impl<const N: usize> Outputs for [Tensor; N] {
    type Values<'a> = [&'a Array; N];

    fn into_tensors(self) -> Vec<Tensor> {
        self.into()
    }

    fn values(arrays: &[Array]) -> [&Array; N] {
        std::array::from_fn(|i| &arrays[i])
    }
}

impl Outputs for Vec<Tensor> {
    type Values<'a> = &'a [Array];

    fn into_tensors(self) -> Vec<Tensor> {
        self
    }

    fn values(arrays: &[Array]) -> &[Array] {
        arrays
    }
}

/// A traced function, ready to be compiled.
#[derive(Debug)]
pub struct Traced<O> {
    inputs: Vec<Tensor>,
    graph: Result<Graph>,
    outputs: std::marker::PhantomData<fn() -> O>,
}

/// Traces a function of tensors; layers act as in training.
///
/// Random numbers follow [`set_random_seed`](crate::set_random_seed) and differ in each call.
/// Mistakes inside are reported by [`Traced::compile`], all together.
pub fn trace<O: Outputs>(f: impl FnOnce(&mut Tracer) -> O) -> Traced<O> {
    let random = Variable::new("random_state", random_state(seed()));
    let mut tracer = Tracer { trace: Trace::new(true).with_random(&random), inputs: Vec::new() };
    let outputs = f(&mut tracer).into_tensors();
    let Tracer { mut trace, inputs } = tracer;
    if trace.draws() {
        let state = trace.read(&random) + Tensor::constant(random_step());
        trace.assign(&random, state);
    }
    let graph = Graph::new(&inputs, &outputs, &trace.updates()).map_err(Error::from);
    Traced { inputs, graph, outputs: std::marker::PhantomData }
}

impl<O: Outputs> Traced<O> {
    /// The function as a program on a device.
    ///
    /// # Errors
    /// Every mistake in the function.
    pub fn compile(self, device: &Device) -> Result<Function<O>> {
        let argument =
            |t: &Tensor| Argument { name: t.op().rule().attributes(), ty: t.ty().clone() };
        let arguments = self.inputs.iter().map(argument).collect();
        let executable = device.compile(self.graph?)?;
        Ok(Function { executable, arguments, outputs: self.outputs })
    }
}

/// What a function takes.
#[derive(Debug)]
struct Argument {
    name: String,
    ty: Type,
}

/// A compiled function of arrays.
#[derive(Debug)]
pub struct Function<O> {
    executable: Box<dyn Executable>,
    arguments: Vec<Argument>,
    outputs: std::marker::PhantomData<fn() -> O>,
}

impl<O: Outputs> Function<O> {
    /// Calls the function: variables are updated, the outputs are returned.
    ///
    /// Numbers of another dtype are cast to the argument's.
    ///
    /// # Errors
    /// If the arguments are not those of the function.
    pub fn call(&mut self, inputs: impl Into<Arrays>) -> Result<O::Values<'_>> {
        let inputs = inputs.into().0;
        if inputs.len() != self.arguments.len() {
            let names: Vec<&str> = self.arguments.iter().map(|a| a.name.as_str()).collect();
            return Err(Error::Data(
                ConfigError::new("wrong number of arguments")
                    .expected(format!("{} ({})", names.len(), names.join(", ")))
                    .received(inputs.len().to_string()),
            ));
        }
        let mut arrays = Vec::with_capacity(inputs.len());
        for (array, argument) in inputs.into_iter().zip(&self.arguments) {
            if *array.shape() != argument.ty.shape {
                return Err(Error::Data(
                    ConfigError::new(format!("argument `{}` has the wrong shape", argument.name))
                        .expected(argument.ty.shape.to_string())
                        .received(array.shape().to_string())
                        .help("a traced function takes arrays of the shapes it was traced with"),
                ));
            }
            arrays.push(match array.dtype() == argument.ty.dtype {
                true => array,
                false => array.cast(argument.ty.dtype),
            });
        }
        self.call_exactly(&arrays.iter().collect::<Vec<&Array>>())
    }

    /// Calls the function with arrays that have its dtypes and shapes, without copying them.
    ///
    /// # Errors
    /// As for [`Function::call`].
    pub fn call_exactly(&mut self, inputs: &[&Array]) -> Result<O::Values<'_>> {
        self.executable.run(inputs)?;
        Ok(O::values(self.executable.outputs()))
    }
}

/// What an optimizer may train: a model, or some variables.
pub trait Trainable {
    /// The variables that training changes, with their constraints, in order.
    fn trained(&self) -> Vec<(Variable, Option<Constraint>)>;
}

impl Trainable for Model {
    fn trained(&self) -> Vec<(Variable, Option<Constraint>)> {
        let weights = self.instance.trainable_weights();
        let trained =
            |w: &ibex_nn::Weight| Some((w.variable()?.clone(), w.spec().constraint.clone()));
        weights.into_iter().filter_map(trained).collect()
    }
}

impl Trainable for [Variable] {
    fn trained(&self) -> Vec<(Variable, Option<Constraint>)> {
        self.iter().map(|variable| (variable.clone(), None)).collect()
    }
}

impl Trainable for Vec<Variable> {
    fn trained(&self) -> Vec<(Variable, Option<Constraint>)> {
        self.as_slice().trained()
    }
}

/// Giving an optimizer the weights that it trains, as `optimizer.build` does in Keras.
pub trait BuildOptimizer {
    /// The optimizer with fresh slots for the weights of a model, or for some variables.
    fn build(self, weights: &(impl Trainable + ?Sized)) -> OptimizerState;
}

impl<T: Into<Optimizer>> BuildOptimizer for T {
    fn build(self, weights: &(impl Trainable + ?Sized)) -> OptimizerState {
        OptimizerState::new(&self.into(), &weights.trained())
    }
}
