//! Recurrences: whole layers of ONNX where the cells agree, and steps one after another elsewhere.

use ibex_graph::ops::recurrent::Recurrent;

use super::super::site::{Outcome, Site};
use crate::error::Result;

/// A sequence through a recurrent cell.
pub(super) fn recurrent(site: &mut Site<'_>, op: &Recurrent) -> Result<Outcome> {
    let _ = (site, op);
    Ok(Outcome::Parts)
}
