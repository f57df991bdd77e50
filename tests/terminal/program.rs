//! Runs the program of this folder, in an environment of which everything is known.
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that is removed at the end.
pub(crate) struct Home(pub(crate) PathBuf);

impl Home {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("prefect-terminal-{}-{n:04}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Program {
    pub(crate) command: Command,
    pub(crate) home: Home,
}

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn program(arguments: &[&str]) -> Program {
    let home = Home::new();
    let mut command = command(&home, arguments);
    // The tests of what is recorded ask for it; elsewhere the id of the run would be in every text.
    command.env("PREFECT__STORE__RECORD_RUNS", "false");
    Program { command, home }
}

/// The program `prefect`, which has no flows.
pub(crate) fn alone(arguments: &[&str]) -> Program {
    let home = Home::new();
    let command = alone_at(&home, arguments);
    Program { command, home }
}

/// The same, as a user with this home calls it.
pub(crate) fn alone_at(home: &Home, arguments: &[&str]) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(env!("CARGO_BIN_EXE_prefect_alone"));
    command.arg0("/usr/bin/prefect").args(arguments);
    command.env_clear().env("HOME", &home.0).env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// The program, as a user with this home calls it.
pub(crate) fn command(home: &Home, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_terminal_flows"));
    command.args(arguments).env_clear().env("HOME", &home.0).env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// The program with one flow of this name.
pub(crate) fn run(flow: &str) -> Program {
    program(&["run", flow])
}

impl Program {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Writes the user's configuration file.
    pub(crate) fn config(self, text: &str) -> Self {
        let folder = self.home.0.join(".prefect");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), text).unwrap();
        self
    }

    pub(crate) fn ran(mut self) -> Ran {
        ran(&mut self.command)
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// The text with every control character visible, for messages of tests.
pub(crate) fn visible(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        let _ = if c.is_control() && c != '\n' { write!(out, "{}", c.escape_default()) } else { write!(out, "{c}") };
        out
    })
}
