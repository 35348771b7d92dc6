//! Logistic regression: is a banknote genuine? Four numbers in, one probability out.
//!
//! Reads `$IBEX_DATA_HOME/tabular/banknote_authentication.csv` (V. Lohweg, UCI Machine Learning
//! Repository, CC BY 4.0), and makes up two clouds of points if it is not there.
//!
//! `cargo run --release --example logistic_regression` prints:
//! ```text
//! kernel [[-2.5276],
//!  [-1.46341],
//!  [-1.742678],
//!  [-0.158077]]
//! bias [2.609004]
//! test accuracy 0.993
//! ```

use std::path::PathBuf;

use ibex::prelude::*;

/// Four numbers for each banknote, and whether it is forged.
pub fn banknotes() -> Option<(Array2<f32>, Array2<f32>)> {
    let folder = PathBuf::from(std::env::var_os("IBEX_DATA_HOME")?);
    let text = std::fs::read_to_string(folder.join("tabular/banknote_authentication.csv")).ok()?;
    let numbers: Vec<f32> = text.split([',', '\n']).filter_map(|n| n.trim().parse().ok()).collect();
    let table = Array2::from_shape_vec((numbers.len() / 5, 5), numbers).ok()?;
    Some((table.slice(s![.., ..4]).to_owned(), table.slice(s![.., 4..]).to_owned()))
}

/// Two clouds of points, one for each class.
pub fn clouds() -> (Array2<f32>, Array2<f32>) {
    let y = Array2::from_shape_fn((1372, 1), |(i, _)| (i % 2) as f32);
    let noise = random::normal([1372, 4], 1);
    let x = Array2::from_shape_fn((1372, 4), |(i, j)| noise[[i, j]] + 2.0 * y[[i, 0]]);
    (x, y)
}

/// The accuracy on the fifth of the samples that was kept apart.
pub fn logistic_regression(x: &Array2<f32>, y: &Array2<f32>, epochs: usize) -> Result<f64> {
    // The file is sorted by class: every fifth banknote is kept for the test.
    let part = |data: &Array2<f32>, test: bool| {
        let rows: Vec<usize> = (0..data.nrows()).filter(|i| (i % 5 == 4) == test).collect();
        data.select(Axis(0), &rows)
    };
    let (train, test) = (part(x, false), part(x, true));
    let mut model =
        Sequential::new().add(Input::new([4])).add(Dense::new(1).activation(Sigmoid)).build()?;
    model.compile(Compile::new(SGD::new(0.1), BinaryCrossentropy::new()).metrics(["accuracy"]))?;
    model.fit(&train, &part(y, false), Fit::new().epochs(epochs).verbose(0))?;
    for (weight, value) in model.weights().iter().zip(model.get_weights()) {
        println!("{} {value}", weight.spec().name);
    }
    Ok(model.evaluate(&test, &part(y, true))?.get("accuracy").unwrap_or(0.0))
}

fn main() -> Result<()> {
    let (x, y) = banknotes().unwrap_or_else(|| {
        println!("no banknotes under $IBEX_DATA_HOME: two clouds of points instead");
        clouds()
    });
    println!("test accuracy {:.3}", logistic_regression(&x, &y, 50)?);
    Ok(())
}
