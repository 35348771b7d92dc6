//! Strings on the host: arrays of them, their hashes, and how texts become tokens.
//!
//! Graphs hold numbers only, so layers that read or write strings work on data before or after a
//! model, with what is here.
//! It must not know layers, graphs or files.
//! Read in this order: [`Strings`], [`hash`], [`Standardize`], [`Split`], [`ngrams`].

mod features;
mod strings;
mod tokens;

pub use features::Features;
pub(crate) use features::integers;
pub use ibex_graph::hash;
pub use strings::Strings;
pub use tokens::{Split, Standardize, ngrams};
