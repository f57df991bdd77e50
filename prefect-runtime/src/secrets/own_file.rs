//! Writing the file of our own that holds the key. What is read is always whole: a file gets its name when it is on the disk.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};

use super::key::OwnFile;
use super::seal::Key;

impl OwnFile {
    /// Makes the file, unless somebody else just did: gives what is in it then.
    pub(super) fn make(&self) -> Result<Key, String> {
        let key = random()?;
        let written = self.write(&key).map_err(|error| self.cannot("made", &error))?;
        match written.persist_noclobber(&self.path) {
            Ok(_) => self.folder_written().map_err(|error| self.cannot("made", &error))?,
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return self.read()?.ok_or_else(|| format!("{} was taken away again: try again", self.path.display()));
            }
            Err(error) => return Err(self.cannot("made", &error.error)),
        }
        Ok(key)
    }

    /// Only one process may change the key at a time: while the file lives that is given.
    pub(super) fn lock(&self) -> Result<File, String> {
        let path = self.beside(".lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let locked = options.open(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|error| format!("{} cannot be locked: {error}", path.display()))
    }

    /// Writes the key that comes next, on the disk when this returns.
    pub(super) fn put_next(&self, key: &Key) -> Result<(), String> {
        // A change of another store may have been broken off: that has it already.
        self.keep(self.read_next()?)?;
        let put = || {
            self.write(key)?.persist(self.next()).map_err(|error| error.error)?;
            self.folder_written()
        };
        put().map_err(|error| self.cannot("changed", &error))
    }

    /// Makes the key that comes next the one that is in use.
    pub(super) fn turn(&self) -> Result<(), String> {
        self.keep(self.read()?)?;
        let turned = fs::rename(self.next(), &self.path).and_then(|()| self.folder_written());
        turned.map_err(|error| self.cannot("changed", &error))
    }

    /// A key that is about to be replaced stays under the name of its id: another store of this user, or a copy of this one,
    /// may have secrets that nothing else opens.
    fn keep(&self, replaced: Option<Key>) -> Result<(), String> {
        let Some(key) = replaced else { return Ok(()) };
        let cannot = |error: &io::Error| self.cannot("kept", error);
        let written = self.write(&key).map_err(|error| cannot(&error))?;
        match written.persist_noclobber(self.kept(&key.id())) {
            Ok(_) => self.folder_written().map_err(|error| cannot(&error)),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(cannot(&error.error)),
        }
    }

    /// A file without a name yet, for this user alone.
    fn write(&self, key: &Key) -> io::Result<tempfile::NamedTempFile> {
        let folder = self.folder();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(key.to_text().as_bytes())?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// A new name is on the disk when its folder is.
    fn folder_written(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(self.folder())?.sync_all() } else { Ok(()) }
    }

    fn cannot(&self, what: &str, error: &io::Error) -> String {
        format!("the key of the secrets, {}, cannot be {what}: {error}", self.path.display())
    }
}

pub(super) fn random() -> Result<Key, String> {
    Key::random().map_err(no_randomness)
}

pub(super) fn no_randomness(error: getrandom::Error) -> String {
    format!("the system gives no random bytes: {error}")
}
