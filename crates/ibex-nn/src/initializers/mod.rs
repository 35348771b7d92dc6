//! Initial values of weights, one file for each initializer, one row each in the table.
//!
//! Distributions are Keras's; the draws are Ibex's own counter-based ones.

use std::fmt;

use ibex_graph::rng::Draw;
use ibex_graph::{Array, Shape};
use serde_json::Value;

use crate::keras_family;
use crate::object::ConfigError;

mod constant;
mod given;
mod identity;
mod orthogonal;
mod random;
mod stft;
mod stream;
mod variance_scaling;

pub use constant::{Constant, Ones, Zeros};
pub(crate) use given::Given;
pub use identity::Identity;
pub use orthogonal::Orthogonal;
pub use random::{RandomNormal, RandomUniform, TruncatedNormal};
pub use stft::{STFT, Scaling, Side, Window};
pub use variance_scaling::{
    Distribution, GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform,
    Mode, VarianceScaling,
};

/// How an initializer behaves.
pub trait Initialize: fmt::Debug + Send + Sync {
    /// The name in files.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// Whether it can give values of this shape.
    ///
    /// # Errors
    /// Saying which shapes it needs.
    fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
        let _ = shape;
        Ok(())
    }

    /// `float32` values of the given shape.
    fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array;
}

keras_family! {
    /// Initial values of a weight.
    Initializer(dyn Initialize), "keras.initializers", "initializer", {
        Zeros: ["zeros", "zero"],
        Ones: ["ones", "one"],
        Constant: ["constant"],
        Identity: ["identity", "IdentityInitializer"],
        RandomNormal: ["random_normal", "normal"],
        RandomUniform: ["random_uniform", "uniform"],
        TruncatedNormal: ["truncated_normal"],
        VarianceScaling: ["variance_scaling"],
        GlorotNormal: ["glorot_normal"],
        GlorotUniform: ["glorot_uniform"],
        HeNormal: ["he_normal"],
        HeUniform: ["he_uniform"],
        LecunNormal: ["lecun_normal"],
        LecunUniform: ["lecun_uniform"],
        Orthogonal: ["orthogonal", "OrthogonalInitializer"],
        STFT: ["stft", "STFTInitializer"],
    }
}

/// The source of random initial values: one draw for each weight, in order.
#[derive(Debug, Clone)]
pub struct Seeds {
    seed: u64,
    next: u32,
}

impl Seeds {
    /// Draws that follow from `seed`.
    pub fn new(seed: u64) -> Seeds {
        Seeds { seed, next: 0 }
    }

    /// The next draw; an initializer with its own seed uses that instead.
    pub fn draw(&mut self, own: Option<u64>) -> Draw {
        self.next += 1;
        match own {
            Some(seed) => Draw::new(seed, 0, 0),
            None => Draw::new(self.seed, u64::MAX, self.next),
        }
    }
}
