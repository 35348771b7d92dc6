//! Files that are elsewhere: `hf://OWNER/NAME/FILE`, `https://…`.
//!
//! They are kept under `$IBEX_CACHE_HOME/hub` (by default `~/.cache/ibex/hub`), and are not asked
//! for again once they are there.
//! A file reaches its place only whole, and with the checksum that its hub, or the fragment
//! `#sha256=…` of its address, states; a download that was cut off goes on where it stopped.
//! It must not know what the files are for.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ibex_format::FormatError;
use ibex_format::error::Problem;
use sha2::{Digest, Sha256};

use crate::download::{Download, cache_home, facts};
use crate::error::Result;

/// The folder of the cache for files by address.
const FOLDER: &str = "hub";

/// The hub of `hf://`, unless `$HF_ENDPOINT` names another one.
const HUB: &str = "https://huggingface.co";

/// The place of a file on this machine: a path as it is, or where the download of an address is.
///
/// # Errors
/// If the address is none, or the file is neither in the cache nor to be had; the text says where
/// to put it by hand.
///
/// ```
/// let path = ibex_train::sources::resolve("model.keras".as_ref())?;
/// assert_eq!(path, std::path::Path::new("model.keras"));
/// # Ok::<(), ibex_train::Error>(())
/// ```
pub fn resolve(path: &Path) -> Result<PathBuf> {
    let Some(text) = path.to_str().filter(|text| is_address(text)) else {
        return Ok(path.to_path_buf());
    };
    let endpoint = env::var("HF_ENDPOINT").ok().filter(|text| !text.is_empty());
    let address = Address::parse(text, endpoint.as_deref().unwrap_or(HUB))?;
    Ok(address.fetch(cache_home().as_deref())?)
}

fn is_address(text: &str) -> bool {
    ["hf://", "https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Where a file is, and where it is kept.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    /// As the user wrote it.
    text: String,
    /// Where to download it.
    url: String,
    /// The path below the cache.
    place: PathBuf,
    /// What its bytes must be.
    sha256: Option<String>,
    /// Whether the server may state the checksum.
    is_hub: bool,
}

impl Address {
    fn parse(text: &str, endpoint: &str) -> Result<Address, FormatError> {
        let (plain, fragment) = text.split_once('#').unwrap_or((text, ""));
        let sha256 = match fragment.strip_prefix("sha256=") {
            Some(digest) if is_digest(digest) => Some(digest.to_lowercase()),
            None if fragment.is_empty() => None,
            _ => return Err(unusable(text, "`#sha256=` and 64 hexadecimal digits at its end")),
        };
        let text = text.to_string();
        if let Some(rest) = plain.strip_prefix("hf://") {
            let wanted = "`hf://OWNER/NAME/FILE`, or `hf://OWNER/NAME@REVISION/FILE`";
            let parts: Vec<&str> = rest.splitn(3, '/').collect();
            let [owner, name, file] = parts[..] else { return Err(unusable(&text, wanted)) };
            let (name, revision) = name.split_once('@').unwrap_or((name, "main"));
            let place = place(&["huggingface.co", owner, name, revision, file]);
            let place = place.ok_or_else(|| unusable(&text, wanted))?;
            let endpoint = endpoint.trim_end_matches('/');
            let url = format!("{endpoint}/{owner}/{name}/resolve/{revision}/{file}");
            return Ok(Address { text, url, place, sha256, is_hub: true });
        }
        let rest = plain.split_once("://").map_or(plain, |(_, rest)| rest);
        let path = rest.split('?').next().unwrap_or(rest).replace(':', "_");
        let place = place(&[&path]).filter(|place| place.components().count() > 1);
        let place = place.ok_or_else(|| unusable(&text, "`https://HOST/PATH/FILE`"))?;
        Ok(Address { url: plain.to_string(), text, place, sha256, is_hub: false })
    }

    /// The file in the cache, downloaded if it is not there.
    fn fetch(&self, cache: Option<&Path>) -> Result<PathBuf, FormatError> {
        let Some(cache) = cache else {
            return Err(self.missing(Path::new("$IBEX_CACHE_HOME"), "there is no cache folder"));
        };
        let place = cache.join(FOLDER).join(&self.place);
        if place.is_file() {
            return Ok(place);
        }
        match self.download(&place) {
            Ok(()) => Ok(place),
            Err(reason) => Err(self.missing(&place, &reason)),
        }
    }

    fn download(&self, place: &Path) -> Result<(), String> {
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let part = place.with_file_name(format!("{name}.part"));
        let tag = place.with_file_name(format!("{name}.part.version"));
        let cannot = |error: io::Error| format!("cannot write `{}`: {error}", part.display());
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(cannot)?;
        }
        let known = facts(&self.url)?;
        let options = fs::OpenOptions::new().create(true).read(true).append(true).to_owned();
        let mut target = options.open(&part).map_err(cannot)?;
        // Another process may be downloading the same file: let it finish, and use what it got.
        target.lock().map_err(cannot)?;
        if place.is_file() {
            return Ok(());
        }
        // Bytes of an unknown version cannot be continued.
        let begun = fs::read_to_string(&tag).ok();
        if begun != known.version {
            target.set_len(0).map_err(cannot)?;
        }
        if let Some(version) = &known.version {
            fs::write(&tag, version).map_err(cannot)?;
        }
        let download = Download::new(&self.url, &name).of_version(known.version);
        download.append_to(&mut target)?;
        target.sync_all().map_err(cannot)?;
        let stated = known.sha256.filter(|_| self.is_hub);
        let checked = match self.sha256.clone().or(stated) {
            Some(expected) => check(&part, &expected),
            None => Ok(()),
        };
        let done = checked.and_then(|()| fs::rename(&part, place).map_err(cannot));
        if done.is_err() {
            // What is wrong cannot be continued.
            let _ = fs::remove_file(&part);
        }
        let _ = fs::remove_file(&tag);
        done
    }

    fn missing(&self, place: &Path, reason: &str) -> FormatError {
        Problem::new(format!("`{}` is not on this machine, and cannot be downloaded", self.text))
            .expected(format!("the file at {}", place.display()))
            .received(format!("{}: {reason}", self.url))
            .help(format!(
                "download it where there is a network, and put it at {}",
                place.display()
            ))
            .missing()
    }
}

/// A relative path of parts that cannot leave their folder.
fn place(parts: &[&str]) -> Option<PathBuf> {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0', '*', '"', '<', '>'])
    };
    let parts: Vec<&str> = parts.iter().flat_map(|part| part.split('/')).collect();
    parts.iter().all(|part| plain(part)).then(|| parts.iter().collect())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the bytes of a file have a checksum.
fn check(path: &Path, expected: &str) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("cannot read `{}`: {error}", path.display());
    let mut file = File::open(path).map_err(unreadable)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
    }
    let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    match found == expected {
        true => Ok(()),
        false => Err(format!("the file has the SHA-256 {found}, not {expected}")),
    }
}

fn unusable(text: &str, expected: &str) -> FormatError {
    Problem::new("this address cannot be used").expected(expected).received(text).invalid()
}

#[cfg(test)]
mod tests;
