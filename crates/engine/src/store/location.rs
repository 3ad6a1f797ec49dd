//! Where the data are.

use std::path::PathBuf;

use super::postgres::Target;

/// Where the data are, which decides which store is opened.
#[derive(Clone, Debug)]
pub enum Location {
    /// In a file in this folder, for as long as nobody deletes it.
    Folder(PathBuf),
    /// In a file that goes away with the process.
    Ephemeral,
    /// On a server that many instances share.
    Server(Box<Target>),
}

impl Location {
    /// The place, for people. Without a password.
    pub fn describe(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Ephemeral => "ephemeral, gone when it stops".to_owned(),
            Self::Server(target) => target.describe(),
        }
    }
}
