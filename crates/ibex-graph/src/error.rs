//! What can be wrong with a graph, said once and completely.
//!
//! A text has up to five parts: what, expected, received, where, help.

use std::fmt;

use crate::Origin;

/// One mistake in the use of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpError {
    /// What cannot be done, in one clause.
    pub what: String,
    /// What would have been right.
    pub expected: String,
    /// What was there instead.
    pub received: String,
    /// What to do about it; empty if there is nothing to add.
    pub help: String,
    /// Where the operation was written.
    pub origin: Origin,
}

impl OpError {
    /// An error without help and origin; the origin is filled in by the node that fails.
    pub fn new(
        what: impl Into<String>,
        expected: impl Into<String>,
        received: impl Into<String>,
    ) -> OpError {
        OpError {
            what: what.into(),
            expected: expected.into(),
            received: received.into(),
            help: String::new(),
            origin: Origin::unknown(),
        }
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> OpError {
        self.help = help.into();
        self
    }

    /// The text without the place: what the error tables of the operations compare.
    pub fn message(&self) -> String {
        let mut text = self.what.clone();
        for (label, part) in
            [("expected  ", &self.expected), ("received  ", &self.received), ("help: ", &self.help)]
        {
            if !part.is_empty() {
                text.push_str(&format!("\n  {label}{part}"));
            }
        }
        text
    }
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (label, part) in [("expected  ", &self.expected), ("received  ", &self.received)] {
            if !part.is_empty() {
                write!(f, "\n  {label}{part}")?;
            }
        }
        if let Some(location) = self.origin.location() {
            write!(f, "\n  at {}:{}:{}", location.file(), location.line(), location.column())?;
        }
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for OpError {}

/// Everything that is wrong with a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Operations that were used wrongly, in order of creation.
    Ops(Vec<OpError>),
    /// The verifier found a node that contradicts its rule: a mistake of a compiler pass.
    Invalid(String),
    /// A program was called with inputs that are not those of its graph.
    Call(String),
    /// The values of a program do not fit into the memory that it may have.
    Budget(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Ops(errors) => {
                for (i, error) in errors.iter().enumerate() {
                    let gap = if i > 0 { "\n" } else { "" };
                    write!(f, "{gap}{error}")?;
                }
                Ok(())
            }
            Error::Invalid(text) => write!(f, "the graph is not valid: {text}"),
            Error::Call(text) | Error::Budget(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

impl From<OpError> for Error {
    fn from(error: OpError) -> Error {
        Error::Ops(vec![error])
    }
}
