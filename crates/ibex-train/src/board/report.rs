//! The page, live or as one file that needs nothing else.

use std::path::Path;

use ibex_nn::ConfigError;

use super::run::Run;
use crate::error::{Error, Result};

/// The page; what it shows is put in the place of the marks.
const PAGE: &str = include_str!("page.html");
const DATA: &str = "/*RUN*/null";

/// The page that asks its server for the run.
pub(super) fn live_page() -> String {
    PAGE.to_string()
}

/// Makes one page of a run that was recorded in a folder.
///
/// # Errors
/// If no run was recorded there, or the page cannot be written.
pub fn report(folder: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<()> {
    let folder = folder.as_ref();
    let text = super::read(folder)?;
    let value = ibex_format::json::parse(text.as_bytes())?;
    let run: Run = serde_json::from_value(value).map_err(|error| {
        let path = folder.join(super::FILE);
        Error::Config(
            ConfigError::new(format!("`{}` is no record of a run", path.display()))
                .received(error.to_string())
                .help("record one with `ibex train … --run-dir DIR`"),
        )
    })?;
    let json = serde_json::to_string(&run).unwrap_or_default();
    // No text of the run can end the script that holds it.
    let json = json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028");
    crate::write_text(out, &PAGE.replacen(DATA, &json, 1))
}
