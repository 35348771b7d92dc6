//! From a graph to a [`Program`]: views, fusion, order, places, steps.
//!
//! Read in this order: [`view`], [`unit`] (nodes become units of work over strided views),
//! [`epilogue`](crate::epilogue) (products take in what follows them),
//! [`fuse`](crate::fuse) (units become groups), [`rederive`](crate::rederive) (what is cheap is not
//! handed on), [`schedule`](crate::schedule) (groups get an
//! order), [`plan`](crate::plan) (values get places), [`recompute`](crate::recompute) (fewer of
//! them at a time, under a budget), [`emit`] (groups become steps).

mod emit;
pub(crate) mod unit;
pub(crate) mod view;

use ibex_graph::{Error, Graph};

use crate::epilogue::Ends;
use crate::plan::Overwrites;
use crate::program::Program;
use crate::{epilogue, fuse, plan, recompute, rederive, schedule};

/// Lowers an optimised graph; the arena takes at most `budget` bytes, if there is one.
///
/// # Errors
/// [`Error::Invalid`] if a library operation is left that the backend neither has nor got
/// decomposed; [`Error::Budget`] if the arena cannot be made as small as that.
pub(crate) fn lower(
    graph: &Graph,
    ends: &Ends<'_>,
    overwrites: &Overwrites<'_>,
    budget: Option<usize>,
) -> Result<Program, Error> {
    let mut lowered = unit::units(graph);
    epilogue::absorb(&mut lowered, ends);
    let mut groups = fuse::fuse(&lowered);
    rederive::rederive(&mut lowered, &mut groups);
    let mut order = schedule::schedule(&mut lowered, groups);
    let plan = match budget {
        None => plan::plan(&lowered, &order, overwrites),
        Some(bytes) => recompute::within(bytes, &mut lowered, &mut order, overwrites)?,
    };
    Ok(emit::emit(lowered, &order, &plan))
}
