//! The data folder: where the database lives, and the lock that keeps a second program out.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

/// The database file within the folder.
const DATABASE: &str = "poltrona.db";
/// The file that is locked while a program uses the folder; it holds that program's process id.
const LOCK: &str = "poltrona.lock";
/// The mode of its files: they hold who bought what.
const PRIVATE: u32 = 0o600;

/// A data folder that this process has to itself until it is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    ephemeral: bool,
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it.
    #[error(
        "the data folder {path} is in use{by}: stop it, or choose another folder with --data-dir"
    )]
    InUse {
        /// The folder.
        path: String,
        /// ` by process 123`, when that is known.
        by: String,
    },
    /// It cannot be made, opened or locked.
    #[error(
        "the data folder {path} cannot be used: {source}; check its owner and permissions, or choose another with --data-dir"
    )]
    Io {
        /// The folder.
        path: String,
        /// The system's own error.
        source: io::Error,
    },
}

impl Folder {
    /// Makes the folder if needed and locks it.
    pub fn lock(path: &Path) -> Result<Self, Error> {
        Self::take(path, false)
    }

    /// A folder of its own in the system's temporary place, deleted when it is dropped.
    pub fn ephemeral(name: &str) -> Result<Self, Error> {
        Self::take(&std::env::temp_dir().join(format!("poltrona-{name}")), true)
    }

    fn take(path: &Path, ephemeral: bool) -> Result<Self, Error> {
        let io_error = |source| Error::Io { path: path.display().to_string(), source };
        // It holds who bought what: no other user may read it.
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(PRIVATE)
            .open(path.join(LOCK))
            .map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, &mut file)),
            Err(TryLockError::Error(source)) => return Err(io_error(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(io_error)?;
        write!(file, "{}", std::process::id()).map_err(io_error)?;
        make_private(path).map_err(io_error)?;
        Ok(Self { path: path.to_owned(), ephemeral, _lock: file })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database file is.
    pub fn database(&self) -> PathBuf {
        database_in(&self.path)
    }
}

/// Makes the files readable by their owner alone. SQLite copies the database's mode to its log, so the
/// database is created here first.
fn make_private(folder: &Path) -> io::Result<()> {
    let database = database_in(folder);
    File::options().create(true).append(true).mode(PRIVATE).open(&database)?;
    let beside = |suffix: &str| folder.join(format!("{DATABASE}{suffix}"));
    for file in [database, beside("-wal"), beside("-shm"), folder.join(LOCK)] {
        match fs::metadata(&file) {
            // Another owner's file is theirs to open or close.
            Ok(about)
                if about.mode() & 0o077 != 0 && about.uid() == fs::metadata(folder)?.uid() =>
            {
                fs::set_permissions(&file, Permissions::from_mode(PRIVATE))?;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Which file a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// Which file `path` leads to now; another one, or none, once it was moved, replaced or deleted.
pub fn identity(path: &Path) -> io::Result<Identity> {
    let about = fs::metadata(path)?;
    Ok(Identity { device: about.dev(), inode: about.ino() })
}

/// Where the database file of a data folder is, locked or not.
pub fn database_in(path: &Path) -> PathBuf {
    path.join(DATABASE)
}

/// The process that has a folder locked, as ` by process 123`; `None` when none has. Makes no file,
/// and locks the folder only for this instant, in which no other program can start in it.
pub fn user_of(path: &Path) -> io::Result<Option<String>> {
    let mut file = match File::open(path.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder(&mut file))),
        Err(TryLockError::Error(source)) => Err(source),
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.ephemeral {
            // The system cleans up temporary files that cannot be deleted here.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn in_use(path: &Path, file: &mut File) -> Error {
    Error::InUse { path: path.display().to_string(), by: holder(file) }
}

/// The process that a lock names, in words.
fn holder(file: &mut File) -> String {
    let mut pid = String::new();
    match file.read_to_string(&mut pid) {
        Ok(_) if !pid.is_empty() => format!(" by process {pid}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_the_owners_alone_whatever_the_folder_and_the_umask_allow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        for name in [DATABASE, "poltrona.db-wal", LOCK] {
            fs::write(path.join(name), b"").unwrap();
            fs::set_permissions(path.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        let _locked = Folder::lock(path).unwrap();
        let database = super::super::connection::connect(&database_in(path)).unwrap();
        database.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").unwrap();
        for name in [DATABASE, "poltrona.db-wal", "poltrona.db-shm", LOCK] {
            let mode = fs::metadata(path.join(name)).unwrap().mode() & 0o777;
            assert_eq!(mode, PRIVATE, "{name}");
        }
    }
}
