//! Downloading a file from where an earlier attempt stopped, with a progress bar.
//!
//! It must not know what the bytes are, nor how they are checked.

use std::env;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

#[cfg(test)]
pub(crate) mod server;

/// Where downloaded files are kept: `$IBEX_CACHE_HOME`, by default `~/.cache/ibex`.
pub(crate) fn cache_home() -> Option<PathBuf> {
    let named = env::var_os("IBEX_CACHE_HOME").filter(|text| !text.is_empty());
    named
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cache").join("ibex")))
}

/// A file at an address.
#[derive(Debug)]
pub(crate) struct Download<'a> {
    address: &'a str,
    name: &'a str,
    most: u64,
    version: Option<String>,
}

impl<'a> Download<'a> {
    /// The file at `address`, called `name` on the progress bar.
    pub(crate) fn new(address: &'a str, name: &'a str) -> Download<'a> {
        Download { address, name, most: u64::MAX - 1, version: None }
    }

    /// Gives up when the server sends more bytes.
    pub(crate) fn at_most(mut self, most: u64) -> Download<'a> {
        self.most = most;
        self
    }

    /// Goes on only with the same version of the file (its `ETag`), and begins anew with another.
    pub(crate) fn of_version(mut self, version: Option<String>) -> Download<'a> {
        self.version = version;
        self
    }

    /// Appends to `target` what it still lacks of the file; gives the reason otherwise.
    ///
    /// What has come stays there, to go on from.
    pub(crate) fn append_to(&self, target: &mut File) -> Result<(), String> {
        let have = target.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
        let mut request = agent(10).get(self.address);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
            if let Some(version) = &self.version {
                request = request.header("If-Range", version);
            }
        }
        let response = request.call().map_err(|error| error.to_string())?;
        let start = match response.status().as_u16() {
            206 => have,
            200 => {
                target.set_len(0).map_err(|error| error.to_string())?;
                0
            }
            416 => {
                // Nothing lies beyond what is here: whether it is whole, its checksum tells.
                return Ok(());
            }
            status => return Err(format!("the server answered {status}")),
        };
        let length = response.body().content_length();
        let bar = progress_bar(self.name, length.map(|rest| start + rest));
        bar.set_position(start);
        let limit = self.most.saturating_sub(start);
        let mut body = bar.wrap_read(response.into_body().into_reader().take(limit + 1));
        let copied = copy(&mut body, target)?;
        bar.finish_and_clear();
        if copied > limit {
            target.set_len(0).map_err(|error| error.to_string())?;
            return Err(format!("the server sent more than {limit} bytes"));
        }
        if let Some(length) = length.filter(|&length| length != copied) {
            return Err(format!("the connection ended after {copied} of {length} bytes"));
        }
        Ok(())
    }
}

/// What a server says about a file before it is downloaded.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The version, by which a later answer is known to be about the same bytes.
    pub(crate) version: Option<String>,
    /// The SHA-256 of the bytes, where the server of a hub states it.
    pub(crate) sha256: Option<String>,
}

/// Asks for the facts about a file, without following to where its bytes are.
pub(crate) fn facts(address: &str) -> Result<Facts, String> {
    let response = agent(0).head(address).call().map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    // Some servers tell nothing, but give the file.
    if matches!(status, 403 | 405 | 501) {
        return Ok(Facts::default());
    }
    if status >= 400 {
        return Err(format!("the server answered {status}"));
    }
    let header = |name: &str| {
        let text = response.headers().get(name)?.to_str().ok()?;
        Some(text.to_string())
    };
    let linked = header("x-linked-etag").map(|text| text.trim_matches('"').to_lowercase());
    let is_digest =
        |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(Facts { version: header("etag"), sha256: linked.filter(is_digest) })
}

fn agent(redirects: u32) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(redirects)
        .max_redirects_will_error(false)
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(Duration::from_secs(30)))
        .build()
        .into()
}

fn copy(body: &mut impl Read, target: &mut File) -> Result<u64, String> {
    let copied = io::copy(body, target).map_err(|error| error.to_string())?;
    target.flush().map_err(|error| error.to_string())?;
    Ok(copied)
}

/// A bar on the terminal's error stream; nothing where that is not a terminal.
fn progress_bar(name: &str, total: Option<u64>) -> ProgressBar {
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}
