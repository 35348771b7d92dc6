//! Where the files of data sets are: on disk, in the cache, or at an address.
//!
//! Looked for in this order: `$IBEX_DATA_HOME/NAME`, then the cache (`$IBEX_CACHE_HOME/NAME`, by
//! default `~/.cache/ibex/NAME`), then the mirrors of the data set.
//! A file reaches its place in the cache only whole and with the right checksum; a download that
//! was cut off goes on where it stopped.
//! The checksum of a packed file is that of the unpacked bytes, so that the same data packed anew
//! are welcome.
//! This module must not know what the bytes mean.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::DatasetError;
use crate::download::{Download, cache_home};

/// A file: its name, and the size and checksum of what is in it.
///
/// A file that ends in `.gz`, but for archives (`.tar.gz`), is meant unpacked.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) bytes: u64,
    pub(super) sha256: &'static str,
}

impl File {
    fn is_packed(&self) -> bool {
        self.name.ends_with(".gz") && !self.name.ends_with(".tar.gz")
    }
}

/// Where a data set can be downloaded.
pub(super) struct Mirrors {
    pub(super) dataset: &'static str,
    /// Addresses of folders that hold the files, in the order in which they are tried.
    pub(super) mirrors: &'static [&'static str],
}

/// The folders on this machine.
pub(super) struct Store {
    data_home: Option<PathBuf>,
    cache_home: Option<PathBuf>,
}

impl Store {
    /// The folders that the environment names.
    pub(super) fn from_environment() -> Store {
        let data_home = env::var_os("IBEX_DATA_HOME").filter(|text| !text.is_empty());
        Store { data_home: data_home.map(PathBuf::from), cache_home: cache_home() }
    }

    /// The unpacked bytes of a file, downloaded if it is nowhere on disk.
    pub(super) fn fetch(&self, from: &Mirrors, file: &File) -> Result<Vec<u8>, DatasetError> {
        let found = self.find(from.dataset, file.name, &[from.dataset]);
        let (looked, place) = match found {
            Ok(path) => return unpack(&path, file),
            Err(DatasetError::Missing { looked, place, .. }) => (looked, place),
            Err(other) => return Err(other),
        };
        let dataset = from.dataset;
        let mut attempts = Vec::new();
        if let Some(cache) = &self.cache_home {
            let folder = cache.join(dataset);
            for mirror in from.mirrors {
                let address = format!("{mirror}/{}", file.name);
                match download(&address, &folder, file) {
                    Ok(bytes) => return Ok(bytes),
                    Err(reason) => attempts.push(format!("{address}: {reason}")),
                }
            }
        }
        Err(DatasetError::Missing { dataset, file: file.name, looked, attempts, place })
    }

    /// The place of a file on disk: in one of `folders` of the data home, or in the cache.
    pub(super) fn find(
        &self,
        dataset: &'static str,
        file: &'static str,
        folders: &[&str],
    ) -> Result<PathBuf, DatasetError> {
        let homes = self.data_home.iter();
        let mut looked: Vec<PathBuf> = homes
            .flat_map(|home| folders.iter().map(|folder| home.join(folder).join(file)))
            .collect();
        let cached = self.cache_home.as_ref().map(|cache| cache.join(dataset).join(file));
        looked.extend(cached.clone());
        match looked.iter().find(|path| path.is_file()) {
            Some(path) => Ok(path.clone()),
            None => {
                let place = match cached {
                    Some(path) => path.display().to_string(),
                    None => format!("$IBEX_CACHE_HOME/{dataset}/{file}"),
                };
                Err(DatasetError::Missing { dataset, file, looked, attempts: Vec::new(), place })
            }
        }
    }
}

/// The unpacked bytes of the file at `path`, if they are those that belong there.
fn unpack(path: &Path, file: &File) -> Result<Vec<u8>, DatasetError> {
    let unreadable = |source| DatasetError::Unreadable { path: path.to_owned(), source };
    let packed = fs::File::open(path).map_err(unreadable)?;
    let damaged = |received: String| DatasetError::Damaged {
        path: path.to_owned(),
        expected: match file.is_packed() {
            true => format!("{} bytes when unpacked, SHA-256 {}", file.bytes, file.sha256),
            false => format!("{} bytes, SHA-256 {}", file.bytes, file.sha256),
        },
        received,
    };
    // One byte more than expected is enough to see that there are too many.
    let mut bytes = Vec::with_capacity(usize::try_from(file.bytes).unwrap_or(0));
    let unpacked = match file.is_packed() {
        true => MultiGzDecoder::new(packed).take(file.bytes + 1).read_to_end(&mut bytes),
        false => packed.take(file.bytes + 1).read_to_end(&mut bytes),
    };
    match unpacked {
        Ok(_) if bytes.len() as u64 > file.bytes => {
            return Err(damaged(format!("more than {} bytes", file.bytes)));
        }
        Ok(_) => {}
        Err(error) => return Err(damaged(format!("bytes that gzip cannot unpack: {error}"))),
    }
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if digest != file.sha256 {
        return Err(damaged(format!("{} bytes, SHA-256 {digest}", bytes.len())));
    }
    Ok(bytes)
}

/// Downloads a file into `folder` and gives its unpacked bytes; the reason otherwise.
fn download(address: &str, folder: &Path, file: &File) -> Result<Vec<u8>, String> {
    let place = folder.join(file.name);
    let part = folder.join(format!("{}.part", file.name));
    let cannot_write = |error: io::Error| format!("cannot write `{}`: {error}", part.display());
    fs::create_dir_all(folder).map_err(cannot_write)?;
    let mut target = fs::File::options()
        .create(true)
        .read(true)
        .append(true)
        .open(&part)
        .map_err(cannot_write)?;
    // Another process may be downloading the same file: let it finish, and use what it got.
    target.lock().map_err(cannot_write)?;
    if place.is_file() {
        return unpack(&place, file).map_err(|error| error.to_string());
    }
    let rest = Download::new(address, file.name).at_most(most_packed_bytes(file));
    if let Err(reason) = rest.append_to(&mut target) {
        // Nothing that came is nothing to go on from.
        let is_empty = target.metadata().is_ok_and(|data| data.len() == 0);
        let removed = if is_empty { fs::remove_file(&part) } else { Ok(()) };
        return Err(removed.map_or_else(cannot_write, |()| reason));
    }
    target.sync_all().map_err(cannot_write)?;
    match unpack(&part, file) {
        Ok(bytes) => {
            fs::rename(&part, &place).map_err(cannot_write)?;
            Ok(bytes)
        }
        Err(error) => {
            // What is wrong cannot be continued.
            let removed = fs::remove_file(&part);
            Err(removed.map_or_else(cannot_write, |()| error.to_string()))
        }
    }
}

/// The most bytes that a mirror may send: packing cannot make a file much larger.
fn most_packed_bytes(file: &File) -> u64 {
    file.bytes + file.bytes / 100 + 4096
}

/// Whether `$IBEX_DATA_HOME` has this folder; says so where a test is skipped for the lack of it.
#[cfg(test)]
pub(super) fn has_data(folder: &str) -> bool {
    let there =
        env::var_os("IBEX_DATA_HOME").is_some_and(|home| Path::new(&home).join(folder).is_dir());
    if !there {
        eprintln!("skipped: $IBEX_DATA_HOME/{folder} is not there");
    }
    there
}

#[cfg(test)]
mod tests;
