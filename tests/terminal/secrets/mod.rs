//! `secrets` and `slack`: what is kept in the store, and that nothing but `secrets get` shows it.
mod canary;
mod kept;
mod keys;
mod read;
mod webhooks;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::{Home, Ran, command};

const KEY: &str = "PREFECT__SECRETS__KEY";
const NEXT: &str = "PREFECT__SECRETS__NEXT_KEY";

/// A key as hex: the same byte again and again.
fn key(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

/// Runs the program `prefect` in this home with this on its standard input.
fn piped(home: &Home, words: &[&str], input: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_prefect_alone"));
    command.args(words).env_clear().env("HOME", &home.0).env("TZ", "UTC");
    command.envs(variables.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that refuses its words reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn done(home: &Home, words: &[&str], input: &str) -> String {
    let ran = piped(home, words, input, &[]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{words:?}: {ran:?}");
    ran.out
}

/// The error of words that change nothing.
#[track_caller]
fn refused(home: &Home, words: &[&str], input: &str, variables: &[(&str, &str)]) -> String {
    let ran = piped(home, words, input, variables);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{words:?}: {ran:?}");
    ran.err
}

fn own_key(home: &Home) -> PathBuf {
    home.0.join(".prefect/secrets.key")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The program whose flows read secrets.
fn secretive(home: &Home, flow: &str) -> Command {
    let mut command = command(home, &["run", flow]);
    command.env("FLOWS", "secretive");
    command
}
