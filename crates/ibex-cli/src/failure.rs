//! How a command fails: with a text and an exit code.

use std::fmt;
use std::process::ExitCode;

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments do not fit together: exit code 2.
    Usage(String),
    /// The work failed: exit code 1.
    Work(String),
    /// A signal broke the work off: exit code 128 and its number, as shells have it.
    Interrupted {
        /// The signal.
        signal: usize,
        /// What happened, and how to go on.
        text: String,
    },
    /// The work is done, and what was compared is not the same: exit code 1, and nothing to say.
    Different,
}

impl Failure {
    /// A name or value on the command line that is not known.
    pub(crate) fn usage(error: impl fmt::Display) -> Failure {
        Failure::Usage(error.to_string())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Work(_) | Failure::Different => ExitCode::from(1),
            Failure::Interrupted { signal, .. } => {
                ExitCode::from(128u8.wrapping_add(*signal as u8))
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(text) | Failure::Work(text) | Failure::Interrupted { text, .. } => {
                f.write_str(text)
            }
            Failure::Different => f.write_str("the files differ"),
        }
    }
}

impl From<ibex::Error> for Failure {
    fn from(error: ibex::Error) -> Failure {
        Failure::Work(error.to_string())
    }
}
