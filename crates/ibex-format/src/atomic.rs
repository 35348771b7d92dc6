//! Writing a file so that it is either the old one or the new one, whatever happens meanwhile.
//!
//! The bytes go to a temporary file in the same folder, are forced to the disk, and take the
//! name of the target in one step.
//! It must not know what is written.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{FormatError, Problem, Result};

/// Writes `path` whole or not at all.
///
/// `write` receives a fresh file; when it fails, or the process dies, the old file is untouched.
/// A target that is no regular file (a device, a pipe) is written directly, and a symbolic link
/// is followed, so that neither is replaced.
///
/// # Errors
/// What `write` returns; or the reason for which the operating system refused, naming `path`.
pub fn write_atomically<T>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut File) -> Result<T>,
) -> Result<T> {
    let path = path.as_ref();
    let named = |error: FormatError| error.in_file(path);
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(Problem::new("cannot write over a folder")
            .expected("the path of a file")
            .received("a folder")
            .invalid()
            .in_file(path)),
        Ok(metadata) if !metadata.is_file() => {
            let mut file =
                OpenOptions::new().write(true).open(path).map_err(FormatError::writing(path))?;
            write(&mut file).map_err(named)
        }
        Ok(_) => {
            let target = fs::canonicalize(path).map_err(FormatError::writing(path))?;
            replace(path, &target, write).map_err(named)
        }
        Err(_) => replace(path, path, write).map_err(named),
    }
}

/// Writes a temporary neighbour of `target` and lets it take the name of `target`.
///
/// `shown` is the path as the caller gave it, for the texts of errors.
fn replace<T>(
    shown: &Path,
    target: &Path,
    write: impl FnOnce(&mut File) -> Result<T>,
) -> Result<T> {
    let failed = FormatError::writing(shown);
    let (temporary, mut file) = Temporary::create_beside(target).map_err(&failed)?;
    if let Ok(old) = fs::metadata(target) {
        // Best effort: a file system without permissions must not keep anyone from saving.
        let _ = file.set_permissions(old.permissions());
    }
    let value = write(&mut file)?;
    file.sync_all().map_err(&failed)?;
    drop(file);
    temporary.rename_to(target).map_err(&failed)?;
    sync_folder(target);
    Ok(value)
}

/// A file that is removed again unless it is renamed.
struct Temporary {
    path: Option<PathBuf>,
}

impl Temporary {
    fn create_beside(target: &Path) -> io::Result<(Self, File)> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        loop {
            let mut unique = std::ffi::OsString::from(".");
            unique.push(name);
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            unique.push(format!(".{}-{count}.tmp", process::id()));
            let path = target.with_file_name(unique);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Self { path: Some(path) }, file)),
                // Left behind by a process of the same number that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn rename_to(mut self, target: &Path) -> io::Result<()> {
        if let Some(path) = &self.path {
            fs::rename(path, target)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // The write has failed already; that error matters, not this one.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes the new name survive a loss of power, where the platform lets folders be synchronised.
fn sync_folder(target: &Path) {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Some file systems refuse this although the rename has succeeded; the file is whole anyway.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.keras");
        let put = |bytes: &'static [u8]| {
            move |file: &mut File| file.write_all(bytes).map_err(FormatError::writing("x"))
        };
        write_atomically(&path, put(b"old")).unwrap();
        let failed: Result<()> = write_atomically(&path, |file| {
            put(b"half")(file)?;
            Err(Problem::new("stopped").damaged())
        });
        assert_eq!(failed.unwrap_err().location().unwrap().file.as_deref(), Some(&*path));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names_in(folder.path()), ["model.keras"]);
        write_atomically(&path, put(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names_in(folder.path()), ["model.keras"]);
    }

    #[test]
    fn a_panic_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let target = path.clone();
        let outcome = std::panic::catch_unwind(move || {
            write_atomically::<()>(target, |_| panic!("a bug in the caller"))
        });
        assert!(outcome.is_err());
        assert!(names_in(folder.path()).is_empty());
    }

    #[test]
    fn the_reason_names_the_path_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("a.npz");
        let text = write_atomically(&path, |_| Ok(())).unwrap_err().to_string();
        let text = text.replace(&folder.path().display().to_string(), "FOLDER");
        assert!(text.starts_with("cannot write `FOLDER/missing/a.npz`: "), "{text}");
        assert!(text.contains("help: the folder `FOLDER/missing` does not exist"), "{text}");

        let text = write_atomically(folder.path(), |_| Ok(())).unwrap_err().to_string();
        assert!(text.starts_with("cannot write over a folder"), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        let link = folder.path().join("link");
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let write = |file: &mut File| file.write_all(b"new").map_err(FormatError::writing("x"));
        write_atomically(&link, write).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");

        use std::os::unix::fs::FileTypeExt;
        write_atomically("/dev/null", write).unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }
}
