//! The gradients of a whole model against central differences.

use ibex_graph::interpreter::Values;
use ibex_graph::{GradientCheck, GradientReport, Type};

use crate::data::{Arrays, Samples};
use crate::error::Result;
use crate::model::Model;

impl Model {
    /// Compares the gradient of the loss by every trainable weight with central differences, in
    /// `f64`; the loss is that of a training step on this batch, regularisation included.
    ///
    /// Slow: for small models and few samples.
    ///
    /// # Errors
    /// If the model is not compiled, the data does not fit, or the loss is not differentiable.
    pub fn check_gradients(
        &mut self,
        x: impl Into<Arrays>,
        y: impl Into<Arrays>,
        check: GradientCheck,
    ) -> Result<GradientReport> {
        let samples = Samples { x: x.into().0, y: y.into().0, weights: Vec::new() };
        let samples = self.prepare(samples)?;
        let values: Vec<Values> = samples.arrays().map(Values::from).collect();
        let types: Vec<Type> = values.iter().map(|v| v.ty.clone()).collect();
        let (loss, weights, inputs) = self.training_loss(&types)?;
        let given: Vec<_> = inputs.into_iter().zip(values).collect();
        Ok(check.loss(&loss, &weights, &given)?)
    }
}
