//! Numerical gradient checking: is a gradient right? And would we notice if it were not?
//!
//! `cargo run --release --example gradient_check` prints a line for each weight, such as
//! ```text
//! dense/kernel (4, 5): relative difference 2.8e-9 over 20 of 20 elements, worst at 8: …
//! ```
//! and three verdicts:
//! ```text
//! the model is right
//! the cube is right
//! the other cube is wrong
//! ```

use ibex::prelude::*;

/// The largest relative difference between the gradients of a model and central differences.
pub fn model_error() -> Result<f64> {
    let mut model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(5).activation(Tanh).kernel_regularizer(L2::new(0.01)))
        .add(Dense::new(3).activation(Softmax))
        .build()?;
    model.compile(Compile::new(SGD::new(0.1), CategoricalCrossentropy::new()))?;
    let x = random::normal([6, 4], 1);
    let y = Array2::from_shape_fn((6, 3), |(i, k)| f32::from(i % 3 == k));
    let report = model.check_gradients(&x, &y, GradientCheck::new())?;
    println!("{report}");
    Ok(report.relative_error())
}

/// The same for `x³` with a hand-written derivative of `factor · x²`.
pub fn cube_error(factor: f64) -> Result<f64> {
    let cube = |x: &Tensor| with_derivative(x, &(x * x * x), &(x * x * factor));
    let report = check_gradients(&[array![0.5, -1.0, 2.0].into()], |x| cube(&x[0]).sum_all())?;
    println!("x³ with derivative {factor} x²: {report}");
    Ok(report.relative_error())
}

fn main() -> Result<()> {
    println!("the model is {}", verdict(model_error()?));
    println!("the cube is {}", verdict(cube_error(3.0)?));
    println!("the other cube is {}", verdict(cube_error(2.0)?));
    Ok(())
}

fn verdict(error: f64) -> &'static str {
    if error < 1e-6 { "right" } else { "wrong" }
}
