//! Oxford-IIIT Pets: 7,349 photos of cats and dogs, 37 breeds.
//!
//! The archive is large and its publishers state no SHA-256: it is not downloaded, but used where
//! it was unpacked.
//! Source: O. Parkhi and others, Cats and Dogs, 2012; CC BY-SA 4.0.

use std::path::Path;

use super::store::Store;
use super::{DatasetError, Entry, Loads};
use crate::data::{Files, IMAGE_ENDINGS};

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "oxford_iiit_pet",
    summary: "photos of cats and dogs of 37 breeds, in the folder that they were unpacked to",
    licence: "CC BY-SA 4.0",
    loads: Loads::Files(load),
};

/// A photo that is there wherever the archive was unpacked.
const FIRST: &str = "images/Abyssinian_1.jpg";

/// The photos with their breeds, from `$IBEX_DATA_HOME/oxford_iiit_pet/images`,
/// `$IBEX_DATA_HOME/oxford-iiit-pet/images` or `$IBEX_CACHE_HOME/oxford_iiit_pet/images`.
///
/// # Errors
/// If the photos are not there.
pub fn load() -> Result<Files, DatasetError> {
    let store = Store::from_environment();
    let folders = ["oxford_iiit_pet", "oxford-iiit-pet"];
    let first = store.find("oxford_iiit_pet", FIRST, &folders)?;
    files(first.parent().unwrap_or(Path::new(".")))
}

/// Whether the photo of this name is of a cat: the names of their breeds are written large.
pub fn is_cat(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

/// The breed in the name of a photo, such as `great_pyrenees` in `great_pyrenees_12.jpg`.
pub fn breed(name: &str) -> &str {
    name.rsplit_once('_').map_or(name, |(breed, _)| breed)
}

fn files(folder: &Path) -> Result<Files, DatasetError> {
    let unreadable = |source| DatasetError::Unreadable { path: folder.to_path_buf(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.to_string_lossy().to_lowercase();
        if IMAGE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            paths.push(path);
        }
    }
    paths.sort();
    Files::by_name(paths, |name| breed(name).to_string()).map_err(|error| DatasetError::Damaged {
        path: folder.to_path_buf(),
        expected: "photos named after their breeds".to_string(),
        received: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breeds_are_in_the_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["Abyssinian_1.jpg", "great_pyrenees_12.jpg", "Abyssinian_2.mat", "pug_3.jpg"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let files = files(folder.path()).unwrap();
        assert_eq!(files.class_names(), ["Abyssinian", "great_pyrenees", "pug"]);
        assert_eq!((files.count(), files.labels()), (3, vec![0, 1, 2]));
        assert!(is_cat("Abyssinian_1.jpg") && !is_cat("pug_3.jpg"));
    }
}
