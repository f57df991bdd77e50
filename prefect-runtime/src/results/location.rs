//! Names of results: parts between slashes, that never lead out of the store.
use crate::TaskError;

/// Inputs of tasks become parts of such names, so a name may be anything.
pub(super) fn check(location: &str) -> Result<(), TaskError> {
    let why = if location.contains(|c: char| c.is_control() || c == '\\') {
        "a backslash or a control character is in it"
    } else if location.split('/').any(str::is_empty) {
        "a part of it is empty"
    } else if location.split('/').any(|part| part == "." || part == "..") {
        "`.` and `..` lead to other folders"
    } else if location.split('/').any(|part| part.len() > 255) {
        "a part of it is longer than 255 bytes"
    } else {
        return Ok(());
    };
    Err(format!("{location:?} is no name for a result: {why}").into())
}
