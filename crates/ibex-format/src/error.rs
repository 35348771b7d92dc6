//! The one error type of this crate: what went wrong, what was expected, what was received,
//! where, and what to do about it.
//!
//! It must not know any particular format: the modules that read and write say what they found.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is a [`FormatError`].
pub type Result<T, E = FormatError> = std::result::Result<T, E>;

/// Why a file or an array could not be read or written, grouped by what the reader can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system refused: missing folder, permission, full disk.
    #[error(transparent)]
    Io(Box<IoFailure>),
    /// The bytes are not what the format says they must be.
    #[error("{0}")]
    Damaged(Box<Problem>),
    /// The file is sound, but holds something that is not read here.
    #[error("{0}")]
    Unsupported(Box<Problem>),
    /// The file asks for more than is safe: size, nesting, a path that leaves its archive.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// A name that was asked for is not in the file.
    #[error("{0}")]
    Missing(Box<Problem>),
    /// An argument of the caller cannot be used as it is.
    #[error("{0}")]
    Invalid(Box<Problem>),
}

impl FormatError {
    /// Names the file in which the error occurred, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, path: impl AsRef<Path>) -> Self {
        match self.location_mut() {
            Some(location) => {
                location.file.get_or_insert_with(|| path.as_ref().to_path_buf());
            }
            None => self.name_io_path(path.as_ref()),
        }
        self
    }

    /// Names the member (of an archive or a tree) in which the error occurred.
    ///
    /// Called from the inside outwards: the outermost member comes first in the text.
    #[must_use]
    pub fn in_member(mut self, name: impl Into<String>) -> Self {
        if let Some(location) = self.location_mut() {
            location.members.insert(0, name.into());
        }
        self
    }

    /// Where the error occurred; `None` for an error of the operating system.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Io(_) => None,
            Self::Damaged(p)
            | Self::Unsupported(p)
            | Self::Refused(p)
            | Self::Missing(p)
            | Self::Invalid(p) => Some(&p.location),
        }
    }

    /// Turns an error of the operating system met while reading `path` into a [`FormatError`].
    pub fn reading(path: impl AsRef<Path>) -> impl Fn(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::io("read", &path, source)
    }

    /// Turns an error of the operating system met while writing `path` into a [`FormatError`].
    pub fn writing(path: impl AsRef<Path>) -> impl Fn(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::io("write", &path, source)
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io(Box::new(IoFailure { action, path: path.to_path_buf(), source }))
    }

    fn location_mut(&mut self) -> Option<&mut Location> {
        match self {
            Self::Io(_) => None,
            Self::Damaged(p)
            | Self::Unsupported(p)
            | Self::Refused(p)
            | Self::Missing(p)
            | Self::Invalid(p) => Some(&mut p.location),
        }
    }

    fn name_io_path(&mut self, path: &Path) {
        if let Self::Io(failure) = self
            && failure.path.as_os_str().is_empty()
        {
            failure.path = path.to_path_buf();
        }
    }
}

/// What went wrong with the content of a file, or with an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One sentence saying what cannot be done.
    pub what: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was there instead.
    pub received: Option<String>,
    /// Where it was found.
    pub location: Location,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem of which only the headline is known yet.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            expected: None,
            received: None,
            location: Location::default(),
            help: None,
        }
    }

    /// Adds what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Adds what was there instead.
    #[must_use]
    pub fn received(mut self, received: impl Into<String>) -> Self {
        self.received = Some(received.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As [`FormatError::Damaged`].
    pub fn damaged(self) -> FormatError {
        FormatError::Damaged(Box::new(self))
    }

    /// As [`FormatError::Unsupported`].
    pub fn unsupported(self) -> FormatError {
        FormatError::Unsupported(Box::new(self))
    }

    /// As [`FormatError::Refused`].
    pub fn refused(self) -> FormatError {
        FormatError::Refused(Box::new(self))
    }

    /// As [`FormatError::Missing`].
    pub fn missing(self) -> FormatError {
        FormatError::Missing(Box::new(self))
    }

    /// As [`FormatError::Invalid`].
    pub fn invalid(self) -> FormatError {
        FormatError::Invalid(Box::new(self))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(expected) = &self.expected {
            write!(f, "\n  expected  {expected}")?;
        }
        if let Some(received) = &self.received {
            write!(f, "\n  received  {received}")?;
        }
        if !self.location.is_empty() {
            write!(f, "\n  at {}", self.location)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// A file, and the members inside one another that lead to the place of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// The file, when it is known.
    pub file: Option<PathBuf>,
    /// The members, outermost first: `model.weights.h5`, then `layers/dense/vars/0`.
    pub members: Vec<String>,
}

impl Location {
    /// Whether nothing is known about the place.
    pub fn is_empty(&self) -> bool {
        self.file.is_none() && self.members.is_empty()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().map(|path| path.display().to_string());
        let parts: Vec<&str> = file
            .iter()
            .map(String::as_str)
            .chain(self.members.iter().map(String::as_str))
            .collect();
        f.write_str(&parts.join(": "))
    }
}

/// An operation that the operating system refused.
#[derive(Debug)]
pub struct IoFailure {
    /// What was tried, as a verb: `read`, `write`.
    pub action: &'static str,
    /// The file or folder it was tried on.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl IoFailure {
    /// What the user can do about it, when the kind of the failure tells.
    pub fn help(&self) -> Option<String> {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        match self.source.kind() {
            io::ErrorKind::NotFound => match folder {
                Some(folder) if !folder.is_dir() => {
                    Some(format!("the folder `{}` does not exist; create it", folder.display()))
                }
                _ => Some("check the path".into()),
            },
            io::ErrorKind::PermissionDenied => {
                Some("choose a place for which this user has the permission".into())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space on that disk, or choose another one".into())
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                Some("the disk is mounted read-only; choose another one".into())
            }
            io::ErrorKind::IsADirectory => Some("give the path of a file, not of a folder".into()),
            io::ErrorKind::NotADirectory => {
                Some("a part of the path is a file where a folder is needed".into())
            }
            _ => None,
        }
    }
}

impl fmt::Display for IoFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} `{}`: {}", self.action, self.path.display(), self.source)?;
        match self.help() {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for IoFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A shape as Python prints it: `()`, `(3,)`, `(3, 4)`.
pub(crate) fn shape_text(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => {
            let parts: Vec<String> = shape.iter().map(ToString::to_string).collect();
            format!("({})", parts.join(", "))
        }
    }
}

/// At most the first 60 characters of a text that a file gave us, safe to print on one line.
pub fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn text_says_what_expected_received_where_and_help() {
        let error = Problem::new("the array does not fit its bytes")
            .expected("48 bytes for float32 of shape (3, 4)")
            .received("12 bytes")
            .help("write the file again")
            .damaged()
            .in_member("x0.npy")
            .in_file("data.npz");
        expect![[r#"
            the array does not fit its bytes
              expected  48 bytes for float32 of shape (3, 4)
              received  12 bytes
              at data.npz: x0.npy
              help: write the file again"#]]
        .assert_eq(&error.to_string());
    }

    #[test]
    fn members_are_named_from_the_outside_in() {
        let error = Problem::new("x").damaged().in_member("vars/0").in_member("model.weights.h5");
        let location = error.location().map(ToString::to_string);
        assert_eq!(location.as_deref(), Some("model.weights.h5: vars/0"));
    }

    #[test]
    fn shapes_print_as_python_prints_them() {
        assert_eq!(shape_text(&[]), "()");
        assert_eq!(shape_text(&[3]), "(3,)");
        assert_eq!(shape_text(&[3, 4]), "(3, 4)");
    }
}
