//! A small convolutional network reads the handwritten digits that are bundled with Ibex.
//!
//! `cargo run --release --example digits` shows twelve epochs and prints:
//! ```text
//! test accuracy 0.981, saved in digits.keras
//! ```

use ibex::prelude::*;

/// The test accuracy after `epochs` epochs; the trained model goes to `path`.
pub fn digits(epochs: usize, path: &std::path::Path) -> Result<f64> {
    let data = datasets::digits::load()?;

    let mut model = Sequential::new()
        .add(Input::new([8, 8, 1]))
        .add(Rescaling::new(1.0 / 16.0))
        .add(Conv2D::new(32, 3).padding(Same).activation(Relu))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).padding(Same).activation(Relu))
        .add(Flatten::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(10).activation(Softmax))
        .build()?;
    let loss = SparseCategoricalCrossentropy::new();
    model.compile(Compile::new(Adam::new(0.002), loss).metrics(["accuracy"]))?;

    let fit = Fit::new().epochs(epochs).validation_data(&data.test.x, &data.test.y).verbose(2);
    let history = model.fit(&data.train.x, &data.train.y, fit)?;
    model.save(path)?;
    Ok(history.last("val_accuracy").unwrap_or(0.0))
}

fn main() -> Result<()> {
    let accuracy = digits(12, "digits.keras".as_ref())?;
    println!("test accuracy {accuracy:.3}, saved in digits.keras");
    Ok(())
}
