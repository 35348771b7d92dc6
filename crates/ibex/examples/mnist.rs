//! The convolutional network of every introduction on MNIST: above 99 % in five epochs.
//!
//! The images come from `$IBEX_DATA_HOME/mnist` or are downloaded once.
//!
//! `cargo run --release --example mnist` (about 40 s on two cores) shows five epochs and prints:
//! ```text
//! test accuracy 0.9930
//! ```

use ibex::prelude::*;

/// The convnet 32-64-64 and a dense head, compiled.
pub fn convnet() -> Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Rescaling::new(1.0 / 255.0))
        .add(Conv2D::new(32, 3).activation(Relu))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).activation(Relu))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).activation(Relu))
        .add(Flatten::new())
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(10).activation(Softmax))
        .build()?;
    let loss = SparseCategoricalCrossentropy::new();
    model.compile(Compile::new(RMSprop::new(0.001), loss).metrics(["accuracy"]))?;
    Ok(model)
}

/// The test accuracy after training on the first `samples` images.
pub fn mnist(samples: usize, epochs: usize) -> Result<f64> {
    let data = datasets::mnist::load()?;
    let mut model = convnet()?;
    let (x, y) = (data.train.x.rows(0, samples), data.train.y.rows(0, samples));
    model.fit(&x, &y, Fit::new().epochs(epochs).batch_size(64))?;
    Ok(model.evaluate(&data.test.x, &data.test.y)?.get("accuracy").unwrap_or(0.0))
}

fn main() -> Result<()> {
    println!("test accuracy {:.4}", mnist(60_000, 5)?);
    Ok(())
}
