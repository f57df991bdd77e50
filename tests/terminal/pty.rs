//! A terminal: a pseudo-terminal for the program, and what would be on its screen.
use std::fs::{File, OpenOptions};
use std::io::{Read, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::program::{Home, Program, visible};

pub(crate) struct Terminal {
    master: File,
    child: Child,
    stdin: Option<ChildStdin>,
    /// All that the program wrote.
    pub(crate) bytes: Vec<u8>,
    screen: Screen,
    _home: Home,
}

/// Where the program reads from.
#[derive(Clone, Copy)]
enum Input {
    Pipe,
    Keyboard,
}

impl Terminal {
    /// Starts the program on a terminal of this size, with a pipe as its standard input.
    pub(crate) fn start(program: Program, rows: u16, columns: u16) -> Self {
        Self::with_input(program, rows, columns, Input::Pipe)
    }

    /// The same, and what is typed at the terminal is its standard input.
    pub(crate) fn with_keyboard(program: Program, rows: u16, columns: u16) -> Self {
        Self::with_input(program, rows, columns, Input::Keyboard)
    }

    fn with_input(mut program: Program, rows: u16, columns: u16, input: Input) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave: OwnedFd = OpenOptions::new().read(true).write(true).open(name).unwrap().into();
        let command = &mut program.command;
        match input {
            Input::Pipe => command.stdin(Stdio::piped()),
            Input::Keyboard => command.stdin(slave.try_clone().unwrap()),
        };
        command.stdout(slave.try_clone().unwrap()).stderr(slave);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let Program { command, home } = program;
        // While its handles are open there is no end to be read.
        drop(command);
        let screen = Screen::new(rows.into(), columns.into());
        Self { master: File::from(master), child, stdin, bytes: Vec::new(), screen, _home: home }
    }

    /// Reads until the screen looks like that.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        loop {
            let lines = self.screen.lines();
            if is_so(&lines) {
                return lines;
            }
            assert!(self.read(), "it ended before {what}:\n{}", visible(&String::from_utf8_lossy(&self.bytes)));
        }
    }

    /// Types a line.
    pub(crate) fn answer(&mut self, line: &str) {
        writeln!(self.master, "{line}").unwrap();
    }

    /// Whether what is typed is shown.
    pub(crate) fn shows_what_is_typed(&self) -> bool {
        tcgetattr(&self.master).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// What Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Lets the flow go on that waits for a line.
    pub(crate) fn enter(&mut self) {
        drop(self.stdin.take());
    }

    /// Reads to the end: the exit code.
    pub(crate) fn read_to_the_end(&mut self) -> Option<i32> {
        while self.read() {}
        self.child.wait().unwrap().code()
    }

    /// Reads to the end: the exit code, and what is on the screen.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>, String) {
        let code = self.read_to_the_end();
        (code, self.screen.lines(), String::from_utf8(std::mem::take(&mut self.bytes)).unwrap())
    }

    fn read(&mut self) -> bool {
        let mut some = [0; 4096];
        // Linux gives an error where others give the end of the file.
        let n = self.master.read(&mut some).unwrap_or(0);
        self.bytes.extend_from_slice(&some[..n]);
        self.screen.write(&some[..n]);
        n > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The part of a terminal that is needed: it fails on anything else.
struct Screen {
    rows: usize,
    columns: usize,
    lines: Vec<Vec<char>>,
    /// What has scrolled out at the top is kept: rows count from the first that was written.
    row: usize,
    column: usize,
    /// Bytes of a character or an escape sequence that has not ended.
    rest: Vec<u8>,
}

impl Screen {
    fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, lines: vec![Vec::new()], row: 0, column: 0, rest: Vec::new() }
    }

    /// All lines ever written, as they are now, without blanks at their ends.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    fn write(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.rest);
        let whole = match std::str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            Err(error) => error.valid_up_to(),
        };
        let text = std::str::from_utf8(&bytes[..whole]).unwrap();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\r' => self.column = 0,
                '\n' => self.down(),
                '\x1b' => {
                    let Some(length) = text[at..].find(|c: char| c.is_ascii_alphabetic()) else {
                        self.rest = bytes[at..].to_vec();
                        return;
                    };
                    self.escape(&text[at + 1..=at + length]);
                    chars.nth(length - 1);
                }
                c => {
                    assert!(!c.is_control(), "what does the terminal do on {c:?}?");
                    self.put(c);
                }
            }
        }
        self.rest = bytes[whole..].to_vec();
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(Vec::new());
        }
    }

    fn put(&mut self, c: char) {
        if self.column == self.columns {
            self.column = 0;
            self.down();
        }
        let line = &mut self.lines[self.row];
        if line.len() <= self.column {
            line.resize(self.column + 1, ' ');
        }
        line[self.column] = c;
        self.column += 1;
    }

    fn escape(&mut self, sequence: &str) {
        let (number, command) = sequence[1..].split_at(sequence.len() - 2);
        match command {
            // Colours.
            "m" => {}
            "K" => self.lines[self.row].truncate(self.column),
            "J" => {
                self.lines[self.row].truncate(self.column);
                self.lines.truncate(self.row + 1);
            }
            "A" => {
                // Not beyond the top of the screen.
                let top = self.lines.len().saturating_sub(self.rows);
                self.row = self.row.saturating_sub(number.parse().unwrap()).max(top);
            }
            other => panic!("what does the terminal do on {other:?} of {sequence:?}?"),
        }
    }
}
