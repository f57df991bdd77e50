//! The value of a secret: typed without being shown, or from a pipe. Never on the command line.
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use super::Stream;
use crate::SecretString;
#[cfg(unix)]
use crate::terminal::signals;

/// In bytes. A secret is a password, a URL or a key file.
const LONGEST: u64 = 64 << 10;

/// Reads a value. The error is a sentence, and shows nothing of it.
pub(super) fn read(prompt: &str) -> Result<SecretString, String> {
    let text = if io::stdin().is_terminal() { typed(prompt) } else { piped() };
    let text = text.map_err(|error| format!("the value cannot be read: {error}. Nothing was changed"))?;
    if text.is_empty() {
        return Err("the value is empty: type it, or give it by a pipe. Nothing was changed".to_owned());
    }
    if text.len() as u64 > LONGEST {
        return Err(format!(
            "the value is longer than {} KiB: is it the right file? Nothing was changed",
            LONGEST >> 10
        ));
    }
    Ok(SecretString::new(text))
}

fn piped() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().lock().take(LONGEST + 2).read_to_string(&mut text)?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// The prompt comes when nothing is shown any more: who types ahead of it is not seen either.
fn typed(prompt: &str) -> io::Result<String> {
    let mut text = String::new();
    {
        let _unseen = Unseen::begin()?;
        Stream::Err.write(prompt);
        io::stdin().lock().take(LONGEST + 2).read_line(&mut text)?;
    }
    Stream::Err.write("\n");
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

/// While it lives, the terminal does not show what is typed.
struct Unseen(#[cfg(unix)] rustix::termios::Termios);

#[cfg(unix)]
impl Unseen {
    fn begin() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        // Whoever thinks better of it is left with a terminal that shows what is typed.
        let shown = before.clone();
        signals::end_behind(move || {
            show_again(&shown);
            Stream::Err.write("\n");
        });
        tcsetattr(io::stdin(), OptionalActions::Now, &unseen)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
fn show_again(before: &rustix::termios::Termios) {
    // Nobody can be told if the terminal is gone.
    let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, before);
}

#[cfg(unix)]
impl Drop for Unseen {
    fn drop(&mut self) {
        show_again(&self.0);
    }
}

#[cfg(not(unix))]
impl Unseen {
    fn begin() -> io::Result<Self> {
        Err(io::Error::other("on this system it is shown when it is typed: give it by a pipe"))
    }
}
