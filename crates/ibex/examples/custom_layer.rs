//! A layer, a loss, a metric and a callback of one's own, without touching the library.
//!
//! The layer fits a straight line robustly: a few targets are far off.
//!
//! `cargo run --release --example custom_layer` prints:
//! ```text
//! gain 2.91, offset 1.05
//! stopped after 3 epochs, 94 % of the targets within 1
//! ```

use ibex::prelude::*;

/// `gain · x + offset` with one gain and one offset for each feature.
#[derive(Clone, Debug)]
pub struct Scale {
    start: f64,
    base: Base,
}

impl Scale {
    /// A layer whose gains start at `start`.
    #[track_caller]
    pub fn new(start: f64) -> Scale {
        Scale { start, base: Base::new() }
    }
}

layer_setters!(Scale);

impl Layer for Scale {
    layer_facts!(Scale, |layer| json!({"start": layer.start}));

    fn module(&self) -> Option<&'static str> {
        None
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let features = inputs[0].shape.dim(-1).unwrap_or(1);
        build.weight(WeightSpec::new("gain", [features], Constant::new(self.start)));
        build.weight(WeightSpec::new("offset", [features], Zeros));
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![&inputs[0] * call.weight("gain") + call.weight("offset")]
    }
}

/// Stops when the loss is small enough.
#[derive(Debug)]
pub struct StopBelow(f64);

impl Callback for StopBelow {
    fn name(&self) -> &'static str {
        "StopBelow"
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        *event.stop = event.logs.get("loss").is_some_and(|loss| loss < self.0);
        Ok(())
    }
}

/// The gain and offset found for `y = 3x + 1`, and the history.
pub fn custom_layer() -> Result<(Vec<f64>, History)> {
    let x = random::uniform([256, 1], -1.0, 1.0, 1);
    let y = Array2::from_shape_fn((256, 1), |(i, _)| match i % 16 {
        0 => 50.0,
        _ => 3.0 * x[[i, 0]] + 1.0,
    });
    let mut model = Sequential::new().add(Input::new([1])).add(Scale::new(0.5)).build()?;
    let robust = custom_loss("robust", |y, p| ((y - p).square() + 1.0).sqrt().mean(&[1], false));
    let close = custom_metric("close", |y, p| (y - p).abs().less(&y.ones_like()).cast(Float32));
    model.compile(Compile::new(SGD::new(0.5), robust).metric(close))?;
    let fit = Fit::new().epochs(50).verbose(0).callback(StopBelow(4.02));
    let history = model.fit(&x, &y, fit)?;
    Ok((model.get_weights().iter().flat_map(Array::to_f64_vec).collect(), history))
}

fn main() -> Result<()> {
    let (weights, history) = custom_layer()?;
    println!("gain {:.2}, offset {:.2}", weights[0], weights[1]);
    println!(
        "stopped after {} epochs, {:.0} % of the targets within 1",
        history.epochs.len(),
        100.0 * history.last("close").unwrap_or(0.0)
    );
    Ok(())
}
