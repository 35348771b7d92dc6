//! Regression with few samples: house prices in Boston, judged by 4-fold cross-validation.
//!
//! Needs `$IBEX_DATA_HOME/tabular/housing.csv`; see `ibex::train::datasets::boston_housing` for
//! what is wrong with this data set.
//!
//! `cargo run --release --example house_prices` prints:
//! ```text
//! mean absolute error of each fold: [1.92, 2.27, 2.44, 2.40], mean 2.26 (1,000 dollars)
//! ```

use ibex::prelude::*;

fn build(features: usize) -> Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([features]))
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(64).activation(Relu))
        .add(Dense::new(1))
        .build()?;
    model.compile(Compile::new(RMSprop::new(0.001), MeanSquaredError::new()).metrics(["mae"]))?;
    Ok(model)
}

/// The validation error of each fold in 1,000 dollars.
pub fn house_prices(folds: usize, epochs: usize) -> Result<Vec<f64>> {
    let data = datasets::boston_housing::load()?;
    let (x, y) = (data.train.x.to_ndarray::<f32>(), data.train.y.to_ndarray::<f32>());
    let size = x.len_of(Axis(0)) / folds;
    let mut errors = Vec::new();
    for fold in 0..folds {
        let (held, rest): (Vec<usize>, Vec<usize>) =
            (0..folds * size).partition(|row| row / size == fold);
        // Mean and deviation come from the training part alone.
        let train = x.select(Axis(0), &rest);
        let (Some(mean), deviation) = (train.mean_axis(Axis(0)), train.std_axis(Axis(0), 0.0))
        else {
            continue;
        };
        let train = (train - &mean) / &deviation;
        let validation = (x.select(Axis(0), &held) - &mean) / &deviation;

        let mut model = build(train.len_of(Axis(1)))?;
        let fit = Fit::new().epochs(epochs).batch_size(16).verbose(0);
        model.fit(&train, &y.select(Axis(0), &rest), fit)?;
        let logs = model.evaluate(&validation, &y.select(Axis(0), &held))?;
        errors.push(logs.get("mae").unwrap_or(f64::NAN));
    }
    Ok(errors)
}

fn main() -> Result<()> {
    let errors = house_prices(4, 80)?;
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    println!("mean absolute error of each fold: {errors:.2?}, mean {mean:.2} (1,000 dollars)");
    Ok(())
}
