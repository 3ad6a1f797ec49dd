//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a file of the repository is, by its path from the root.
pub fn repository(relative: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(relative)
}

/// The text of a file.
#[track_caller]
pub fn read(relative: &str) -> String {
    let path = repository(relative);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
