//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a file of the repository is, by its path from the root.
pub fn repository(relative: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(relative)
}

/// The Markdown pages of one of its folders.
pub fn pages(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository(folder)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "md")).collect()
}

/// All of the program's code as one text, without its unit tests in files of their own.
pub fn code() -> String {
    let mut folders: Vec<_> =
        ["server", "engine", "rush"].map(|name| repository(&format!("crates/{name}/src"))).into();
    let mut code = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") {
                code += &fs::read_to_string(path).expect("a text");
            }
        }
    }
    code
}

/// The text of a file.
#[track_caller]
pub fn read(relative: &str) -> String {
    let path = repository(relative);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
