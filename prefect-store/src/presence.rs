//! Whether a process lives: a file beside the database that it holds locked.
//!
//! The system gives the lock back when the process ends, in whatever way; numbers of processes are given out again.
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

/// This process, as others see it. When it is dropped the process has ended for them, in whatever way.
#[derive(Debug)]
pub(crate) struct Presence {
    pub(crate) id: Uuid,
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

/// What the lock file of a process says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It is locked.
    Alive,
    /// Nobody holds it.
    Gone,
    /// It cannot be asked.
    Unknown,
}

impl Presence {
    pub(crate) fn announce(folder: &Path) -> io::Result<Self> {
        make_folder(folder)?;
        let id = Uuid::now_v7();
        let path = path_of(folder, id);
        let file = private(OpenOptions::new().write(true).create_new(true)).open(&path)?;
        file.try_lock()?;
        Ok(Self { id, path, _file: file })
    }

    /// The process has ended well: nobody will ask.
    pub(crate) fn end(self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn path_of(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(id.simple().to_string())
}

/// Asks the lock file of a process on this machine.
pub(crate) fn look(folder: &Path, id: Uuid) -> Sign {
    let Ok(file) = OpenOptions::new().write(true).open(path_of(folder, id)) else { return Sign::Unknown };
    match file.try_lock() {
        Ok(()) => Sign::Gone,
        Err(TryLockError::WouldBlock) => Sign::Alive,
        Err(TryLockError::Error(_)) => Sign::Unknown,
    }
}

/// Takes away the file of a process that is gone.
pub(crate) fn forget(folder: &Path, id: Uuid) {
    let _ = fs::remove_file(path_of(folder, id));
}

/// Takes away files that nobody holds and that belong to no process of `known`: a process may end between making its file and
/// telling the database of it.
pub(crate) fn sweep(folder: &Path, known: &[Uuid]) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let id = entry.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok());
        let Some(id) = id.filter(|id| !known.contains(id)) else { continue };
        // A young one may just be about to be locked.
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > Duration::from_mins(1)) && look(folder, id) == Sign::Gone {
            forget(folder, id);
        }
    }
}

/// Makes a folder that only this user may enter, and those above it that are missing.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Files that are made with these options are for this user alone.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
