//! Where programs run: a value, never a type parameter.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ibex_graph::{Array, DType, Error, Graph, Op};

use crate::Program;

/// What a device must do.
pub trait Backend: Send + Sync + fmt::Debug {
    /// The name for logs, such as `cpu (avx512, 2 threads)`.
    fn name(&self) -> String;

    /// Whether it runs this operation itself.
    ///
    /// It is asked about library operations with the dtype of their first output, and gets the
    /// decomposition of those that it lacks; and about every operation that computes with `float16`
    /// or `bfloat16`, and gets those that it lacks in `float32`, with casts.
    fn supports(&self, op: &Op, dtype: DType) -> bool;

    /// Whether it can end a matrix product or convolution of this dtype with a bias and an
    /// activation (`relu`, `sigmoid` or `tanh`).
    fn ends(&self, op: &Op, dtype: DType) -> bool {
        let _ = (op, dtype);
        false
    }

    /// The input and the output of an operation that may lie in the same place, because each
    /// element is read before what takes its place is written.
    fn overwrites(&self, op: &Op) -> Option<(usize, usize)> {
        let _ = op;
        None
    }

    /// Makes a program ready to run.
    ///
    /// # Errors
    /// If the device cannot hold or run it.
    fn load(&self, program: Program) -> Result<Box<dyn Executable>, Error>;
}

/// A program that is ready to run, again and again, without allocating.
pub trait Executable: Send + fmt::Debug {
    /// Runs once: reads `inputs`, updates the variables in place, fills [`Executable::outputs`].
    ///
    /// # Errors
    /// [`Error::Call`] if the inputs are not those of the graph.
    fn run(&mut self, inputs: &[&Array]) -> Result<(), Error>;

    /// Runs once, but fills memory of the caller's instead of [`Executable::outputs`], which are
    /// left as they were: for results that are kept, and large.
    ///
    /// # Errors
    /// As for [`Executable::run`]; and if the memory is not that of the outputs, one after the
    /// other.
    fn run_into(&mut self, inputs: &[&Array], outputs: &mut [&mut [u8]]) -> Result<(), Error>;

    /// Runs once and says how long each step of [`Executable::program`] took.
    ///
    /// # Errors
    /// As for [`Executable::run`].
    fn profile(&mut self, inputs: &[&Array]) -> Result<Vec<Duration>, Error>;

    /// The outputs of the last run, in the graph's order.
    fn outputs(&self) -> &[Array];

    /// The program it runs, for `explain-plan` and profiles.
    fn program(&self) -> &Program;
}

/// A place where programs run.
#[derive(Clone, Debug)]
pub struct Device(Arc<dyn Backend>);

impl Device {
    /// The device of a backend.
    pub fn new(backend: impl Backend + 'static) -> Device {
        Device(Arc::new(backend))
    }

    /// The name for logs.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Optimises, plans and loads a graph.
    ///
    /// # Errors
    /// If the device cannot hold or run it.
    pub fn compile(&self, graph: Graph) -> Result<Box<dyn Executable>, Error> {
        self.compile_within(graph, None)
    }

    /// Like [`Device::compile`], with at most so many bytes for intermediate values.
    ///
    /// # Errors
    /// As for [`Device::compile`]; [`Error::Budget`] if so few do not suffice.
    pub fn compile_within(
        &self,
        graph: Graph,
        budget: Option<usize>,
    ) -> Result<Box<dyn Executable>, Error> {
        self.0.load(self.plan_within(graph, budget)?)
    }

    /// Optimises and plans a graph as [`Device::compile`] does, without loading it.
    ///
    /// # Errors
    /// As for [`Device::compile`].
    pub fn plan(&self, graph: Graph) -> Result<Program, Error> {
        self.plan_within(graph, None)
    }

    /// Like [`Device::plan`], with at most so many bytes for intermediate values: what would not
    /// fit is computed a second time where it is needed again, with the same bits.
    ///
    /// Arguments, results, variables and constants are not counted.
    ///
    /// # Errors
    /// As for [`Device::compile_within`].
    pub fn plan_within(&self, graph: Graph, budget: Option<usize>) -> Result<Program, Error> {
        let graph = crate::passes::optimise(graph, &|op, dtype| self.0.supports(op, dtype));
        let (ends, overwrites) =
            (|op: &Op, dtype| self.0.ends(op, dtype), |op: &Op| self.0.overwrites(op));
        crate::lower::lower(&graph, &ends, &overwrites, budget)
    }
}
