//! Whether a secret has got anywhere: into a file, or into a text, as it is or encoded.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::program::Home;

pub(super) const CANARY: &str = "c4n4ry-\"value\"-of-a-secret";

/// Every file below a folder but those of the key.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => files(&path, found),
            _ if path.file_name().unwrap().to_string_lossy().starts_with("secrets.key") => {}
            _ => found.push(path),
        }
    }
}

/// The value, and how it could be written down by accident.
pub(super) fn looks(value: &str) -> Vec<Vec<u8>> {
    let mut hex = String::new();
    value.bytes().for_each(|byte| _ = write!(hex, "{byte:02x}"));
    let mut looks = vec![value.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // Base64 of the value wherever it begins in what is encoded: the middle of it.
    for before in 0..3 {
        let padded = [&vec![b'x'; before][..], value.as_bytes()].concat();
        let encoded = base64(&padded);
        looks.push(encoded.as_bytes()[4..encoded.len() - 6].to_vec());
    }
    looks
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let digits = (0..4).map(|i| char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]));
        text.extend(digits.take(three.len() + 1));
        text.extend(std::iter::repeat_n('=', 3 - three.len()));
    }
    text
}

#[track_caller]
pub(super) fn nowhere(home: &Home, value: &str) {
    let mut found = Vec::new();
    files(&home.0, &mut found);
    assert!(found.iter().any(|path| path.ends_with("prefect.db")), "{found:?}");
    for path in found {
        let bytes = std::fs::read(&path).unwrap();
        for look in looks(value) {
            let there = bytes.windows(look.len()).any(|window| window == look);
            assert!(!there, "{} in {}", String::from_utf8_lossy(&look), path.display());
        }
    }
}

#[test]
fn what_is_looked_for_would_be_found() {
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
    let encoded = base64(format!("xx{CANARY}yy").as_bytes());
    assert!(looks(CANARY).iter().any(|look| encoded.contains(std::str::from_utf8(look).unwrap())));
}
