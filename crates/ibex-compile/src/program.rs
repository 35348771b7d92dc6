//! What a backend runs.

/// A compiled graph: steps over planned memory.
#[derive(Debug)]
pub struct Program {}
