//! The recorded runs of Prefect 1, as they lie in their files.
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// The records of a folder, by name.
///
/// # Panics
/// If a file cannot be read, or is no JSON.
#[must_use]
pub fn all(folder: &Path) -> Vec<(String, Json)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let record = serde_json::from_str(&fs::read_to_string(file).unwrap());
        (name.clone(), record.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    files.iter().map(read).collect()
}

/// The records of this project.
#[must_use]
pub fn own_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reference/prefect1")
}
