//! The smallest network that learns: the truth table of AND, from numbers to a curve.
//!
//! `cargo run --release --example and_gate` prints, after the summary:
//! ```text
//! 4000 steps in 0.005 s
//! final loss 0.0022, curve in and_gate.png
//! [[0.9291],
//!  [0.048179],
//!  [0.035404],
//!  [0.003117]]
//! ```

use std::path::Path;
use std::time::Instant;

use ibex::prelude::*;

/// The history and the four answers after `epochs` epochs of four steps.
pub fn and_gate(epochs: usize, curve: &Path) -> Result<(History, Array)> {
    let x = array![[1., 1.], [1., 0.], [0., 1.], [0., 0.]];
    let y = array![[1.], [0.], [0.], [0.]];

    let mut model = Sequential::new()
        .add(Input::new([2]))
        .add(Dense::new(2).activation(Sigmoid))
        .add(Dense::new(1).activation(Sigmoid))
        .build()?;
    model.compile(Compile::new(SGD::new(0.3), MeanSquaredError::new()))?;
    println!("{}", model.summary());

    let started = Instant::now();
    let history = model.fit(&x, &y, Fit::new().epochs(epochs).batch_size(1).verbose(0))?;
    println!("{} steps in {:.3} s", 4 * epochs, started.elapsed().as_secs_f64());
    history.plot(curve)?;
    Ok((history, model.predict(&x)?))
}

fn main() -> Result<()> {
    let (history, answers) = and_gate(1000, Path::new("and_gate.png"))?;
    println!("final loss {:.4}, curve in and_gate.png", history.get("loss")[999]);
    println!("{answers}");
    Ok(())
}
