//! `ibex predict`: writes a model's outputs for data.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use clap::Args;
use ibex::graph::Array;
use ibex::train::callbacks::LambdaCallback;
use ibex::train::{InBatches, npz};
use serde_json::{Map, Value, json};

use super::source::{DataFlags, for_model, is_arrays};
use super::{Threads, check_writable, open_for_prediction, positive};
use crate::failure::Failure;
use crate::output::{note, print};

/// What `ibex predict` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model
    #[arg(value_name = "MODEL.keras")]
    model: PathBuf,
    /// The data: x0, x1, … in an .npz file; or a .csv or .parquet file or a folder as trained on
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Where the outputs go, as y0, y1, …
    #[arg(long, value_name = "FILE.npz")]
    out: PathBuf,
    /// Samples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    batch_size: usize,
    /// Print one JSON object: names and shapes of the outputs, and seconds
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    source: DataFlags,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        check_writable(&self.out)?;
        let mut model = open_for_prediction(&self.model)?;
        self.threads.apply(&mut model);
        let samples = match is_arrays(&self.data) {
            true => npz::read_samples(&self.data, model.functional().inputs().len(), None)?,
            false => for_model(&self.data, &self.model, &model, &self.source)?,
        };
        let clock = Clock::default();
        let way = InBatches::of(self.batch_size).callback(clock.callback());
        let outputs = model.predict_with(samples.x, way)?;
        npz::write_outputs(&self.out, &outputs)?;
        let names = model.functional().output_names();
        if self.json {
            print(&clock.object(&names, &outputs).to_string());
            return Ok(());
        }
        for (i, (name, output)) in names.iter().zip(&outputs).enumerate() {
            note(&format!("y{i} `{name}` {} -> {}", output.shape(), self.out.display()));
        }
        Ok(())
    }
}

/// When each batch began, and when the last one ended.
#[derive(Default)]
struct Clock(Rc<RefCell<Vec<Instant>>>);

impl Clock {
    fn callback(&self) -> LambdaCallback {
        let (first, last) = (Rc::clone(&self.0), Rc::clone(&self.0));
        LambdaCallback::new()
            .on_predict_batch_begin(move |_| {
                first.borrow_mut().push(Instant::now());
                Ok(())
            })
            .on_predict_end(move |_| {
                last.borrow_mut().push(Instant::now());
                Ok(())
            })
    }

    /// `{"outputs": {"y0": {"name": …, "shape": […]}, …}, "seconds": x, "step_seconds_median": x}`.
    fn object(&self, names: &[String], outputs: &[Array]) -> Value {
        let times = self.0.borrow();
        let mut steps: Vec<f64> =
            times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let seconds: f64 = steps.iter().sum();
        steps.sort_by(f64::total_cmp);
        let output = |(i, (name, array)): (usize, (&String, &Array))| {
            let shape = array.shape().to_vec();
            (format!("y{i}"), json!({ "name": name, "shape": shape }))
        };
        let outputs: Map<String, Value> =
            names.iter().zip(outputs).enumerate().map(output).collect();
        let median = steps.get(steps.len() / 2);
        json!({ "outputs": outputs, "seconds": seconds, "step_seconds_median": median })
    }
}
