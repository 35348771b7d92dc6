//! From a graph to a program: rewrites, fusion, layout, scheduling and a static memory plan.
//!
//! [`Device::compile`] is the only door: it optimises a [`Graph`](ibex_graph::Graph), lowers it
//! to a [`Program`] and hands that to the device's [`Backend`].
//! This crate knows no kernel and no layer.
//! Read in this order: [`device`], [`passes`], [`program`], then `lower` with `epilogue`, `fuse`,
//! `rederive`, `schedule`, `plan`, `recompute` and `explain`.

pub mod device;
mod epilogue;
mod explain;
mod flops;
mod fuse;
mod lower;
pub mod passes;
mod plan;
pub mod program;
mod recompute;
mod rederive;
mod schedule;
#[cfg(test)]
mod terms;

pub use device::{Backend, Device, Executable};
pub use program::Program;
