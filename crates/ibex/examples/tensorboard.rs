//! Everything that can be recorded for TensorBoard: numbers, histograms, pictures of weights, the
//! graph, texts, a profile and the vectors of an embedding.
//!
//! `cargo run --release --example tensorboard` prints:
//! ```text
//! recorded in tensorboard-logs
//! look at it with: tensorboard --logdir tensorboard-logs
//! ```

use std::path::Path;

use ibex::prelude::*;

/// The words that the embedding learns.
const WORDS: [&str; 8] = ["bad", "dull", "poor", "weak", "fine", "good", "great", "rich"];

/// Trains a classifier of three words each by whether most of them are good ones.
pub fn record(folder: &Path, epochs: usize) -> Result<History> {
    let words = random::integers([256, 3], 0, WORDS.len() as i32, 1);
    let is_good = |row: ndarray::ArrayView1<'_, i32>| row.iter().filter(|&&w| w >= 4).count() > 1;
    let labels = Array1::from_iter(words.rows().into_iter().map(|row| i32::from(is_good(row))));

    let mut model = Sequential::new()
        .add(Input::new([3]).dtype(Int32))
        .add(Embedding::new(WORDS.len(), 4).name("words"))
        .add(Flatten::new())
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(2).activation(Softmax))
        .build()?;
    let loss = SparseCategoricalCrossentropy::new();
    model.compile(Compile::new(Adam::new(0.02), loss).metric("accuracy"))?;

    let board = TensorBoard::new(folder)
        .histogram_freq(1)
        .write_images(true)
        .write_steps_per_second(true)
        .update_freq(4)
        .profile_batch(2, 5)
        .embeddings_freq(1)
        .embeddings_metadata("words", WORDS);
    let fit = Fit::new().epochs(epochs).verbose(0).validation_split(0.25).callback(board);
    model.fit(&words, &labels, fit)
}

fn main() -> Result<()> {
    let folder = Path::new("tensorboard-logs");
    record(folder, 5)?;
    println!("recorded in {}", folder.display());
    println!("look at it with: tensorboard --logdir {}", folder.display());
    Ok(())
}
