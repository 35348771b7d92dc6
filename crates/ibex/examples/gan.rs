//! A generative adversarial network with a training step of its own: trace, differentiate,
//! compile, call.
//!
//! The real points lie on a circle of radius 2; the generator learns to put points there.
//!
//! `cargo run --release --example gan` prints:
//! ```text
//! step 1000: critic loss 1.31184, generator loss 0.842943
//! step 2000: critic loss 1.374184, generator loss 0.763704
//! step 3000: critic loss 1.379103, generator loss 0.700464
//! step 4000: critic loss 1.396975, generator loss 0.683479
//! radius 1.98 ± 0.12, share of each quadrant [0.26, 0.24, 0.25, 0.26]
//! ```

use ibex::prelude::*;

const BATCH: usize = 128;
const NOISE: usize = 8;

/// Points on a circle of radius 2, a little off it.
pub fn circle(count: usize, seed: u64) -> Array2<f32> {
    let angle = random::uniform([count], 0.0, std::f64::consts::TAU, seed);
    let noise = random::normal([count, 2], seed + 1);
    Array2::from_shape_fn((count, 2), |(i, j)| {
        2.0 * if j == 0 { angle[i].cos() } else { angle[i].sin() } + 0.05 * noise[[i, j]]
    })
}

fn network(inputs: usize, outputs: usize) -> Result<Model> {
    Sequential::new()
        .add(Input::new([inputs]))
        .add(Dense::new(64).activation(LeakyRelu))
        .add(Dense::new(64).activation(LeakyRelu))
        .add(Dense::new(outputs))
        .build()
}

/// Points that the generator makes after `steps` steps.
pub fn gan(real: &Array2<f32>, steps: usize) -> Result<Array> {
    let (mut generator, critic) = (network(NOISE, 2)?, network(2, 1)?);
    let g_optimizer = Adam::new(0.0005).beta_1(0.5).build(&generator);
    let d_optimizer = Adam::new(0.001).beta_1(0.5).build(&critic);
    let bce = Loss::from(BinaryCrossentropy::new().from_logits(true));
    let truth = |is_real: f64, scores: &Tensor| {
        bce.value(&(scores.ones_like() * is_real), scores, None, None)
    };

    let mut step = trace(|t| {
        let real = t.input("real", [BATCH, 2], Float32);
        let noise = t.random_normal([BATCH, NOISE]);
        let fake = generator.call(t, &noise);
        let on_fake = critic.call(t, &fake);
        let d_loss = truth(1.0, &critic.call(t, &real)) + truth(0.0, &on_fake);
        let g_loss = truth(1.0, &on_fake);
        let d_gradients = t.grad(&d_loss, critic.trainable_variables());
        let g_gradients = t.grad(&g_loss, generator.trainable_variables());
        d_optimizer.apply(t, &d_gradients);
        g_optimizer.apply(t, &g_gradients);
        [d_loss, g_loss]
    })
    .compile(&Device::cpu())?;

    for i in 0..steps {
        let start = i * BATCH % (real.nrows() - BATCH + 1);
        let [d, g] = step.call(&real.slice(s![start..start + BATCH, ..]))?;
        if (i + 1) % 1000 == 0 {
            println!("step {}: critic loss {d}, generator loss {g}", i + 1);
        }
    }
    generator.predict(&random::normal([1000, NOISE], 7))
}

/// Mean and deviation of the points' distance from the centre, and the share in each quadrant.
pub fn judge(points: &Array) -> (f32, f32, [f32; 4]) {
    let points = points.to_f32_vec();
    let radii: Array1<f32> = points.chunks(2).map(|p| p[0].hypot(p[1])).collect();
    let mut quadrants = [0.0; 4];
    for p in points.chunks(2) {
        quadrants[usize::from(p[0] > 0.0) + 2 * usize::from(p[1] > 0.0)] +=
            1.0 / radii.len() as f32;
    }
    (radii.mean().unwrap_or(0.0), radii.std(0.0), quadrants)
}

fn main() -> Result<()> {
    let (radius, deviation, quadrants) = judge(&gan(&circle(4096, 1), 4000)?);
    println!("radius {radius:.2} ± {deviation:.2}, share of each quadrant {quadrants:.2?}");
    Ok(())
}
