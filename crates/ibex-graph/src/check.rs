//! The numerical gradient check: gradients as graphs against central differences.
//!
//! Both are computed by the exact interpreter in `f64`, so what is compared are formulas, not
//! the rounding of kernels.
//! It knows nothing of layers: a whole model is checked as the graph of its loss.
//!
//! ```
//! use ibex_graph::{Array, check_gradients};
//!
//! let x = Array::from_slice([3], &[0.5f32, -1.0, 2.0])?;
//! let report = check_gradients(&[x], |x| (x[0].tanh() * &x[0]).sum_all())?;
//! assert!(report.relative_error() < 1e-7, "{report}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashMap;
use std::fmt;

use crate::interpreter::{Values, run_values};
use crate::{Array, Error, Graph, Op, Shape, Tensor, Variable, gradients};

/// Compares the gradient of the scalar that `f` computes with central differences, for each
/// floating-point input; see [`GradientCheck`] for steps, subsets and variables.
///
/// # Errors
/// If `f` makes a mistake, gives no floating-point scalar, or is not differentiable.
pub fn check_gradients(
    inputs: &[Array],
    f: impl FnOnce(&[Tensor]) -> Tensor,
) -> Result<GradientReport, Error> {
    let values: Vec<Values> = inputs.iter().map(Values::from).collect();
    GradientCheck::new().function(&values, f)
}

/// How gradients are compared with central differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientCheck {
    epsilon: f64,
    elements: usize,
}

impl Default for GradientCheck {
    fn default() -> GradientCheck {
        GradientCheck { epsilon: 1e-7, elements: usize::MAX }
    }
}

impl GradientCheck {
    /// Steps of 1e-7, every element.
    pub fn new() -> GradientCheck {
        GradientCheck::default()
    }

    /// The step to either side of each element.
    ///
    /// A smaller step loses digits to rounding (about `1e-16 / epsilon`), a larger one sees the
    /// curvature (about `epsilon²`).
    pub fn epsilon(mut self, epsilon: f64) -> GradientCheck {
        self.epsilon = epsilon;
        self
    }

    /// Moves at most `count` elements of each input, evenly spread: each costs two runs.
    pub fn elements(mut self, count: usize) -> GradientCheck {
        self.elements = count;
        self
    }

    /// Checks a function of some values with respect to each of them that is floating-point.
    ///
    /// # Errors
    /// As for [`check_gradients`].
    pub fn function(
        &self,
        inputs: &[Values],
        f: impl FnOnce(&[Tensor]) -> Tensor,
    ) -> Result<GradientReport, Error> {
        let argument =
            |(i, v): (usize, &Values)| Tensor::input(&format!("input {i}"), v.ty.dtype, v.shape());
        let arguments: Vec<Tensor> = inputs.iter().enumerate().map(argument).collect();
        let loss = f(&arguments);
        let floats = arguments.iter().filter(|t| t.dtype().is_float());
        let wrt: Vec<Tensor> = floats.cloned().collect();
        let pairs: Vec<(Tensor, Values)> =
            arguments.into_iter().zip(inputs.iter().cloned()).collect();
        self.loss(&loss, &wrt, &pairs)
    }

    /// Checks a loss with respect to arguments and variables.
    ///
    /// `wrt` are arguments of the graph or reads of variables; `inputs` gives every argument its
    /// value, and variables keep the values they have.
    ///
    /// # Errors
    /// As for [`check_gradients`], and if one of `wrt` is neither an argument nor a variable.
    pub fn loss(
        &self,
        loss: &Tensor,
        wrt: &[Tensor],
        inputs: &[(Tensor, Values)],
    ) -> Result<GradientReport, Error> {
        let found = gradients(loss, wrt)?;
        let exact = wrt.iter().zip(&found).map(|(w, g)| g.clone().unwrap_or(w.zeros_like()));
        let exact: Vec<Tensor> = exact.collect();
        let arguments: Vec<Tensor> = inputs.iter().map(|(tensor, _)| tensor.clone()).collect();
        let forward = Graph::new(&arguments, std::slice::from_ref(loss), &[])?;
        let backward = Graph::new(&arguments, &exact, &[])?;
        let mut point = Point {
            inputs: inputs.iter().map(|(_, value)| value.clone()).collect(),
            variables: forward
                .variables()
                .into_iter()
                .map(|v| (v.clone(), Values::from(&v.get())))
                .collect(),
        };
        let exact = run_values(&backward, &point.inputs, &point.variables)?.values;
        let mut report = GradientReport { inputs: Vec::with_capacity(wrt.len()) };
        for (tensor, exact) in wrt.iter().zip(&exact) {
            let place = Place::of(tensor, &arguments)?;
            let numeric = self.differences(&forward, &mut point, &place, tensor.shape().size())?;
            report.inputs.push(InputReport::new(tensor, exact, &numeric));
        }
        Ok(report)
    }

    /// The derivative along single elements: their indices and central differences.
    fn differences(
        &self,
        forward: &Graph,
        point: &mut Point,
        place: &Place,
        size: usize,
    ) -> Result<Vec<(usize, f64)>, Error> {
        let count = self.elements.min(size);
        let mut numeric = Vec::with_capacity(count);
        for index in (0..count).map(|i| (i as u128 * size as u128 / count as u128) as usize) {
            let Some(&before) = point.at(place).and_then(|values| values.data.get(index)) else {
                continue;
            };
            let mut sides = [0.0; 2];
            for (side, step) in sides.iter_mut().zip([self.epsilon, -self.epsilon]) {
                point.set(place, index, before + step);
                let values = run_values(forward, &point.inputs, &point.variables)?.values;
                *side = values.first().and_then(|v| v.data.first()).copied().unwrap_or(f64::NAN);
            }
            point.set(place, index, before);
            numeric.push((index, (sides[0] - sides[1]) / (2.0 * self.epsilon)));
        }
        Ok(numeric)
    }
}

/// The values at which a graph is evaluated.
struct Point {
    inputs: Vec<Values>,
    variables: HashMap<Variable, Values>,
}

/// Which value of a point moves.
enum Place {
    Argument(usize),
    Variable(Variable),
}

impl Place {
    fn of(tensor: &Tensor, arguments: &[Tensor]) -> Result<Place, Error> {
        if let Op::Read(read) = tensor.op() {
            return Ok(Place::Variable(read.variable.clone()));
        }
        let same = |a: &Tensor| a.sequence() == tensor.sequence();
        arguments.iter().position(same).map(Place::Argument).ok_or_else(|| {
            Error::Call(format!(
                "gradients can be checked only where a value can be moved\n  expected  an \
                 argument or a variable\n  received  `{}`",
                tensor.op()
            ))
        })
    }
}

impl Point {
    fn at(&self, place: &Place) -> Option<&Values> {
        match place {
            Place::Argument(index) => self.inputs.get(*index),
            Place::Variable(variable) => self.variables.get(variable),
        }
    }

    fn set(&mut self, place: &Place, index: usize, value: f64) {
        let values = match place {
            Place::Argument(at) => self.inputs.get_mut(*at),
            Place::Variable(variable) => self.variables.get_mut(variable),
        };
        if let Some(element) = values.and_then(|values| values.data.get_mut(index)) {
            *element = value;
        }
    }
}

/// How well gradients agree with central differences.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientReport {
    /// One entry for each input or variable that was moved.
    pub inputs: Vec<InputReport>,
}

impl GradientReport {
    /// The largest relative error of all inputs; below 1e-6 the gradients are right.
    pub fn relative_error(&self) -> f64 {
        // `f64::max` would drop the NaN of a gradient that is not a number.
        let larger = |a: f64, b: f64| if b.is_nan() || b > a { b } else { a };
        self.inputs.iter().map(|input| input.relative_error).fold(0.0, larger)
    }
}

/// The agreement for one input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputReport {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// How many elements were moved.
    pub checked: usize,
    /// `|numeric - gradient| / (|numeric| + |gradient|)` in Euclidean norm over the elements
    /// moved; 0 where both vanish.
    pub relative_error: f64,
    /// The element with the largest difference: flat index, gradient, central difference.
    pub worst: Option<(usize, f64, f64)>,
}

impl InputReport {
    fn new(tensor: &Tensor, exact: &Values, numeric: &[(usize, f64)]) -> InputReport {
        let pair = |&(i, n): &(usize, f64)| (i, exact.data.get(i).copied().unwrap_or(f64::NAN), n);
        let pairs: Vec<(usize, f64, f64)> = numeric.iter().map(pair).collect();
        let norm = |f: fn(f64, f64) -> f64| {
            pairs.iter().map(|&(_, gradient, n)| f(gradient, n).powi(2)).sum::<f64>().sqrt()
        };
        let sum = norm(|gradient, _| gradient) + norm(|_, numeric| numeric);
        let difference = norm(|gradient, numeric| gradient - numeric);
        let by_difference = |a: &&(usize, f64, f64), b: &&(usize, f64, f64)| {
            (a.1 - a.2).abs().total_cmp(&(b.1 - b.2).abs())
        };
        InputReport {
            name: tensor.op().rule().attributes(),
            shape: tensor.shape().clone(),
            checked: pairs.len(),
            relative_error: if sum == 0.0 { 0.0 } else { difference / sum },
            worst: pairs.iter().max_by(by_difference).copied(),
        }
    }
}

impl fmt::Display for GradientReport {
    /// One line for each input.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, input) in self.inputs.iter().enumerate() {
            let gap = if i > 0 { "\n" } else { "" };
            write!(
                f,
                "{gap}{} {}: relative difference {:.1e} over {} of {} elements",
                input.name,
                input.shape,
                input.relative_error,
                input.checked,
                input.shape.size()
            )?;
            if let Some((index, gradient, numeric)) = input.worst {
                write!(f, ", worst at {index}: gradient {gradient:.9e}, numeric {numeric:.9e}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    #[test]
    fn a_wrong_gradient_is_seen() {
        let x = Array::from_slice([2], &[1.5f32, -0.5]).unwrap();
        // The gradient through the second factor is stopped: x² seems to have gradient x.
        let report = check_gradients(&[x], |x| (&x[0] * x[0].stop_gradient()).sum_all()).unwrap();
        assert!((report.relative_error() - 1.0 / 3.0).abs() < 1e-6, "{report}");
    }

    #[test]
    fn variables_are_moved_and_left_as_they_were() {
        let w = Variable::new("dense/kernel", Array::from_slice([2], &[0.5f32, 2.0]).unwrap());
        let (x, read) = (Tensor::input("x", DType::F32, [2]), Tensor::read(&w));
        let loss = (&x * &read).tanh().sum_all();
        let given = (x, Values::of([2], &[1.0, -0.25]));
        let check = GradientCheck::new().elements(1);
        let report = check.loss(&loss, &[read], &[given]).unwrap();
        assert!(report.relative_error() < 1e-7, "{report}");
        assert_eq!(w.get().to_f64_vec(), [0.5, 2.0]);
        let text = report.to_string();
        assert!(text.starts_with("dense/kernel (2,): relative difference "), "{text}");
        assert!(text.contains(" over 1 of 2 elements, worst at 0: gradient "), "{text}");
    }

    #[test]
    fn only_leaves_can_be_moved() {
        let x = Tensor::input("x", DType::F32, [2]);
        let y = x.exp();
        let given = (x, Values::of([2], &[1.0, 2.0]));
        let error = GradientCheck::new().loss(&y.sum_all(), &[y], &[given]).unwrap_err();
        assert!(error.to_string().ends_with("received  `exp`"), "{error}");
    }
}
