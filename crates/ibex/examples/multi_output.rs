//! One text, three answers: the age, income and gender of its author, from made-up posts.
//!
//! Age is a number, income one of ten classes, gender one of two: three heads, three losses, and
//! weights that bring the losses to one scale.
//!
//! `cargo run --release --example multi_output` prints, for posts that it has not seen:
//! ```text
//! age_loss         12.932
//! age_mae          2.726
//! gender_accuracy  1.000
//! gender_loss      0.000
//! income_accuracy  1.000
//! income_loss      0.001
//! loss             0.131
//! ```

use ibex::prelude::*;

const WORDS: usize = 60;
const VOCABULARY: usize = 200;

/// Posts and what is known of their authors: age, income (one-hot), gender.
pub struct Posts {
    text: Array2<i32>,
    age: Array2<f32>,
    income: Array2<f32>,
    gender: Array2<f32>,
}

/// Posts whose words come from the age, the income, the gender, or from nowhere.
pub fn posts(count: usize, seed: u64) -> Posts {
    let people = random::uniform([count, 3], 0.0, 1.0, seed);
    let draws = random::uniform([count, WORDS, 2], 0.0, 1.0, seed + 1);
    let income = |i: usize| (people[[i, 1]] * 10.0) as usize;
    let gender = |i: usize| people[[i, 2]].round();
    let text = Array2::from_shape_fn((count, WORDS), |(i, j)| {
        let within = draws[[i, j, 1]];
        match (draws[[i, j, 0]] * 4.0) as usize {
            0 => (people[[i, 0]] * 90.0 + within * 10.0) as i32,
            1 => 100 + income(i) as i32 * 5 + (within * 5.0) as i32,
            2 => 150 + gender(i) as i32 * 10 + (within * 10.0) as i32,
            _ => 170 + (within * 30.0) as i32,
        }
    });
    Posts {
        text,
        age: Array2::from_shape_fn((count, 1), |(i, _)| 18.0 + 62.0 * people[[i, 0]]),
        income: Array2::from_shape_fn((count, 10), |(i, k)| f32::from(income(i) == k)),
        gender: Array2::from_shape_fn((count, 1), |(i, _)| gender(i)),
    }
}

/// What the trained model says about posts that it has not seen.
pub fn multi_output(train: &Posts, test: &Posts, epochs: usize) -> Result<Logs> {
    let text = Input::new([WORDS]).dtype(Int32).name("posts").tensor();
    let embedded = Embedding::new(VOCABULARY, 64).call(&text);
    let summed = GlobalAveragePooling1D::new().call(&embedded);
    let both = Dense::new(128).activation(Relu).call(&summed);
    let age = Dense::new(1).name("age").call(&both);
    let income = Dense::new(10).activation(Softmax).name("income").call(&both);
    let gender = Dense::new(1).activation(Sigmoid).name("gender").call(&both);

    let mut model = Model::new([text], [age, income, gender])?;
    let losses = losses![
        MeanSquaredError::new(),
        CategoricalCrossentropy::new(),
        BinaryCrossentropy::new(),
    ];
    model.compile(
        Compile::new(RMSprop::new(0.003), losses)
            .loss_weights([0.01, 1.0, 1.0])
            .metrics_of("age", ["mae"])
            .metrics_of("income", ["accuracy"])
            .metrics_of("gender", ["accuracy"]),
    )?;
    let y = (&train.age, &train.income, &train.gender);
    model.fit(&train.text, y, Fit::new().epochs(epochs).batch_size(64).verbose(0))?;
    model.evaluate(&test.text, (&test.age, &test.income, &test.gender))
}

fn main() -> Result<()> {
    for (name, value) in multi_output(&posts(4000, 1), &posts(1000, 3), 30)?.iter() {
        println!("{name:16} {value:.3}");
    }
    Ok(())
}
