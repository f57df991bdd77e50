//! Where the key of the secrets database is: a variable of the environment, a file that one names, or a file of our own.
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::seal::Key;
use crate::Config;

pub(crate) const KEY: &str = "PREFECT__SECRETS__KEY";
const KEY_FILE: &str = "PREFECT__SECRETS__KEY_FILE";
/// The key that comes next, while the one before is still in use elsewhere.
pub(crate) const NEXT_KEY: &str = "PREFECT__SECRETS__NEXT_KEY";
const NEXT_KEY_FILE: &str = "PREFECT__SECRETS__NEXT_KEY_FILE";

/// A key is one line.
const LONGEST: u64 = 4096;

const WHAT_A_KEY_IS: &str = "a key is 32 random bytes as base64 or hex, for example from `openssl rand -base64 32`";

/// The keys that there are. One of them is that of the secrets; while it is being changed, it may be either.
pub(super) struct Keys {
    pub(super) now: Option<Key>,
    pub(super) next: Option<Key>,
    /// Those that were changed: other stores may have them still.
    kept: Vec<Key>,
    pub(super) place: Place,
}

/// Where keys come from.
pub(super) enum Place {
    /// From this variable.
    Variable(&'static str),
    Own(OwnFile),
}

impl Keys {
    /// The error is a sentence, and shows nothing of a key.
    pub(super) fn read(config: &Config) -> Result<Self, String> {
        if let Some((key, variable)) = given(config, KEY, KEY_FILE)? {
            let next = given(config, NEXT_KEY, NEXT_KEY_FILE)?.map(|(key, _)| key);
            return Ok(Self { now: Some(key), next, kept: Vec::new(), place: Place::Variable(variable) });
        }
        let own = OwnFile::of(config)?;
        Ok(Self { now: own.read()?, next: own.read_next()?, kept: own.read_kept()?, place: Place::Own(own) })
    }

    /// The one that has this id.
    pub(super) fn of_id(&self, id: &[u8]) -> Option<&Key> {
        self.now.iter().chain(&self.next).chain(&self.kept).find(|key| key.id() == id)
    }
}

/// What the environment says, and by which variable.
fn given(
    config: &Config,
    variable: &'static str,
    of_file: &'static str,
) -> Result<Option<(Key, &'static str)>, String> {
    let text = |name| config.given_variable(name).map_err(|error| error.to_string());
    match (text(variable)?, text(of_file)?) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("{variable} and {of_file} are both set: unset one of them")),
        (Some(text), None) => match Key::parse(text) {
            Some(key) => Ok(Some((key, variable))),
            None => Err(format!("{variable} is no key: {WHAT_A_KEY_IS}")),
        },
        (None, Some(path)) => {
            let path = Path::new(path);
            let text = read(path).map_err(|error| format!("{of_file} names {}, {error}", path.display()))?;
            let text = text.ok_or_else(|| format!("{of_file} names {}, which is not there", path.display()))?;
            match Key::parse(&text) {
                Some(key) => Ok(Some((key, of_file))),
                None => Err(format!("{of_file} names {}, which holds no key: {WHAT_A_KEY_IS}", path.display())),
            }
        }
    }
}

/// `None` if there is no file. The error goes on with a sentence that has the path.
fn read(path: &Path) -> Result<Option<zeroize::Zeroizing<String>>, String> {
    let cannot = |error: io::Error| format!("which cannot be read: {error}");
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A pipe would be waited for.
        Ok(file) if !file.is_file() => return Err("which is no file".to_owned()),
        found => found.map_err(cannot)?,
    };
    let mut text = zeroize::Zeroizing::new(String::new());
    File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)).map_err(cannot)?;
    Ok(Some(text))
}

/// The file that is made when the first secret is kept. While its key is changed, the new one is beside it; and the old one
/// stays there.
pub(super) struct OwnFile {
    pub(super) path: PathBuf,
}

impl OwnFile {
    fn of(config: &Config) -> Result<Self, String> {
        let folder = config.home_dir().map_err(|error| error.to_string())?;
        Ok(Self { path: folder.join("secrets.key") })
    }

    pub(super) fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
    }

    pub(super) fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    pub(super) fn next(&self) -> PathBuf {
        self.beside(".next")
    }

    pub(super) fn read(&self) -> Result<Option<Key>, String> {
        read_own(&self.path)
    }

    pub(super) fn read_next(&self) -> Result<Option<Key>, String> {
        read_own(&self.next())
    }

    /// Where a key stays that was changed.
    pub(super) fn kept(&self, id: &[u8]) -> PathBuf {
        self.beside(&format!(".{}", HEXLOWER.encode(id)))
    }

    fn read_kept(&self) -> Result<Vec<Key>, String> {
        let cannot = |error: io::Error| format!("{} cannot be read: {error}", self.folder().display());
        let files = match fs::read_dir(self.folder()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files.map_err(cannot)?,
        };
        let mut kept = Vec::new();
        for file in files {
            let path = file.map_err(cannot)?.path();
            let id = path.extension().and_then(|id| HEXLOWER.decode(id.as_encoded_bytes()).ok());
            // No other file has such a name.
            if id.is_some_and(|id| path == self.kept(&id)) {
                kept.extend(read_own(&path)?);
            }
        }
        Ok(kept)
    }
}

/// A file of ours, which nobody else may read.
fn read_own(path: &Path) -> Result<Option<Key>, String> {
    let shown = path.display();
    let Some(text) = read(path).map_err(|error| format!("the key of the secrets is in {shown}, {error}"))? else {
        return Ok(None);
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if fs::metadata(path).is_ok_and(|data| data.mode() & 0o077 != 0) {
            return Err(format!(
                "{shown} holds the key of the secrets and is open to other users: run `chmod 600 {shown}`"
            ));
        }
    }
    let key = Key::parse(&text);
    key.map(Some).ok_or_else(|| format!("{shown} holds no key: put back the file that was there, from a copy"))
}
