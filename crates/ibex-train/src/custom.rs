//! Computations of one's own: trace, differentiate, compile, call.
//!
//! The same public pieces as `fit` uses: a [`Trace`] to read and assign variables in, gradients
//! as graphs, one program for all of it.

use ibex_compile::{Device, Executable};
use ibex_graph::{Array, DType, Graph, Shape, Tensor, Variable};
use ibex_nn::Trace;

use crate::error::Result;

/// A computation that is being written.
#[derive(Debug)]
pub struct Tracer {
    trace: Trace,
    inputs: Vec<Tensor>,
    random: Variable,
    draws: bool,
}

impl Tracer {
    /// An argument of the function.
    #[track_caller]
    pub fn input(&mut self, name: &str, shape: impl Into<Shape>, dtype: DType) -> Tensor {
        let input = Tensor::input(name, dtype, shape);
        self.inputs.push(input.clone());
        input
    }

    /// Reads, assignments, losses and random numbers.
    pub fn trace(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Normal numbers of mean 0 and variance 1, others at each call.
    pub fn random_normal(&mut self, shape: impl Into<Shape>) -> Tensor {
        self.draws = true;
        self.trace.random_normal(shape)
    }

    /// Uniform numbers in `[0, 1)`, others at each call.
    pub fn random_uniform(&mut self, shape: impl Into<Shape>) -> Tensor {
        self.draws = true;
        self.trace.random_uniform(shape)
    }
}

/// A traced function, ready to be compiled.
#[derive(Debug)]
pub struct Traced {
    graph: Result<Graph>,
}

/// Traces a function of tensors for training: layers act as in `fit`.
///
/// Mistakes inside are reported by [`Traced::compile`], all together.
pub fn trace<const N: usize>(
    seed: u64,
    f: impl FnOnce(&mut Tracer) -> Result<[Tensor; N]>,
) -> Traced {
    let random = Variable::new("random_state", crate::model::random_state(seed));
    let mut tracer = Tracer {
        trace: Trace::new(true).with_random(&random),
        inputs: Vec::new(),
        random,
        draws: false,
    };
    let graph = f(&mut tracer).and_then(|outputs| {
        if tracer.draws {
            let one = Array::from_f64_slice(DType::I64, [2], &[0.0, 1.0]);
            let state = tracer.trace.read(&tracer.random) + Tensor::constant(one);
            tracer.trace.assign(&tracer.random.clone(), state);
        }
        Ok(Graph::new(&tracer.inputs, &outputs, &tracer.trace.updates())?)
    });
    Traced { graph }
}

impl Traced {
    /// The function as a program on a device.
    ///
    /// # Errors
    /// Every mistake in the function.
    pub fn compile(self, device: &Device) -> Result<Function> {
        Ok(Function { executable: device.compile(self.graph?)? })
    }
}

/// A compiled function of arrays.
#[derive(Debug)]
pub struct Function {
    executable: Box<dyn Executable>,
}

impl Function {
    /// Calls the function: variables are updated, the outputs are returned.
    ///
    /// # Errors
    /// If the arguments are not those of the function.
    pub fn call(&mut self, inputs: &[&Array]) -> Result<&[Array]> {
        self.executable.run(inputs)?;
        Ok(self.executable.outputs())
    }
}
