//! Rewrites of a graph into one that computes the same with less work.
//!
//! [`PASSES`] is the list; `optimise` runs it round after round until a round changes nothing.
//! A pass knows the operations and nothing of kernels, memory or layers; what the backend can do
//! itself reaches `decompose` as a predicate.
//! Read in this order: `parts`, `dead_code`, `common_subexpression`, `constant_folding`,
//! `widen`, `decompose`, `simplify`, `join_pads`.
//!
//! Every pass is linear in the number of nodes, keeps the inputs, outputs and their order, and
//! never makes the result less accurate: a rewrite is exact, or has no more roundings than what it
//! replaces.
//! The one thing that may differ is the sign of a zero.

mod common_subexpression;
mod constant_folding;
mod dead_code;
mod decompose;
mod join_pads;
mod parts;
pub mod simplify;
#[cfg(test)]
mod testing;
mod widen;

use std::time::{Duration, Instant};

use ibex_graph::{DType, Graph, Op};

use parts::Parts;

/// Whether the backend runs an operation itself: a library operation with a first output of this
/// dtype, and any operation with values of this dtype if it is half precision.
pub type Supports<'a> = dyn Fn(&Op, DType) -> bool + 'a;

/// One rewrite of whole graphs.
pub struct Pass {
    /// Name in snake case: that of its file.
    pub name: &'static str,
    /// One line: what it does.
    pub summary: &'static str,
    /// Rewrites the graph and says how many changes it made.
    run: fn(&mut Parts, &Supports<'_>) -> usize,
}

/// Every pass, in the order in which a round runs them.
pub static PASSES: &[Pass] = &[
    Pass {
        name: "widen",
        summary: "half precision that the backend lacks is computed in float32",
        run: widen::run,
    },
    Pass {
        name: "decompose",
        summary: "library operations that the backend lacks become their parts",
        run: decompose::run,
    },
    Pass {
        name: "simplify",
        summary: "operations that do nothing, or too much, become cheaper ones",
        run: simplify::run,
    },
    Pass {
        name: "join_pads",
        summary: "a sum of padded parts of a tensor becomes the parts one after another",
        run: join_pads::run,
    },
    Pass {
        name: "constant_folding",
        summary: "what depends on constants only is computed now",
        run: constant_folding::run,
    },
    Pass {
        name: "common_subexpression",
        summary: "what is computed twice is computed once",
        run: common_subexpression::run,
    },
    Pass {
        name: "dead_code",
        summary: "what no output and no variable needs is left out",
        run: dead_code::run,
    },
];

/// A round rarely enables more than one other; the bound only guards against a pair of rewrites
/// that undo each other.
pub const MAX_ROUNDS: usize = 8;

/// What one pass did in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The round, from 0.
    pub round: usize,
    /// The pass.
    pub pass: &'static str,
    /// How many changes it made.
    pub changes: usize,
    /// How many nodes the graph had afterwards.
    pub nodes: usize,
    /// How long it took.
    pub time: Duration,
}

/// Applies every pass; `supports` tells which library operations the backend has itself.
pub fn optimise(graph: Graph, supports: &Supports<'_>) -> Graph {
    optimise_reporting(graph, supports).0
}

/// Like [`optimise`], and tells what each pass did.
pub fn optimise_reporting(graph: Graph, supports: &Supports<'_>) -> (Graph, Vec<Report>) {
    let mut parts = Parts::from(&graph);
    let mut reports = Vec::new();
    for round in 0..MAX_ROUNDS {
        let mut changed = false;
        for pass in PASSES {
            let start = Instant::now();
            let changes = (pass.run)(&mut parts, supports);
            let time = start.elapsed();
            parts.check(pass.name);
            changed |= changes > 0;
            reports.push(Report {
                round,
                pass: pass.name,
                changes,
                nodes: parts.nodes.len(),
                time,
            });
        }
        if !changed {
            break;
        }
    }
    (parts.into_graph(), reports)
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.summary)
    }
}
