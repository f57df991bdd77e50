//! The live table: drawn some times a second, whatever happens meanwhile, with what is printed above it.
//!
//! Between two frames the cursor rests above the table, on the first of some empty lines, and a frame is painted from
//! there down. So what bodies print by themselves stays: it goes where the cursor is, and the next frame is painted below.
use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::table::{Size, Table};
use super::text::Paint;
use crate::Redactor;
use crate::lock::lock;

/// From one frame to the next: 12 a second.
const FRAME: Duration = Duration::from_millis(80);

/// Where a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// A closed pipe is no error of the flow, and nobody can be told if standard error is gone.
    pub(super) fn write(self, text: &str) {
        let _ = self.put(text);
    }

    fn put(self, text: &str) -> io::Result<()> {
        match self {
            Self::Out => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }
            Self::Err => io::stderr().lock().write_all(text.as_bytes()),
        }
    }
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Read,
    /// Nobody reads any more: whoever asked has heard enough.
    HeardEnough,
    /// It cannot be written, and why has been told. It must not pass for the whole answer: a full disk keeps the first part.
    Lost,
}

impl Answered {
    /// The exit code of a program that would have ended with this one.
    pub(super) const fn or_lost(self, code: u8) -> u8 {
        if matches!(self, Self::Lost) { 1 } else { code }
    }
}

/// Prints what was asked for, or a part of it.
pub(super) fn answer(text: &str) -> Answered {
    match Stream::Out.put(text) {
        Ok(()) => Answered::Read,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Answered::HeardEnough,
        Err(error) => {
            Stream::Err.write(&format!("error: standard output cannot be written: {error}\n"));
            Answered::Lost
        }
    }
}

/// A table on a terminal, until it is ended.
pub(super) struct Live {
    shared: Arc<Shared>,
    painter: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    above: Mutex<Above>,
    wake: Condvar,
}

/// What the painter is to do.
#[derive(Default)]
struct Above {
    /// What is to be printed above the table.
    texts: Vec<(Stream, String)>,
    over: bool,
}

impl Live {
    /// Starts to paint. `None` if there is no thread for it.
    pub(super) fn start(table: &Arc<Mutex<Table>>, paint: Paint, redactor: &Redactor) -> Option<Self> {
        let (table, redactor) = (Arc::clone(table), redactor.clone());
        let draw = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let (gap, size) = layout();
            let lines = lock(&table).lines(size, paint, &redactor, Instant::now());
            let _ = write!(out, "{}{}", "\n".repeat(gap), lines.join("\n"));
        };
        let style = ProgressStyle::with_template("{table}").ok()?.with_key("table", draw);
        let target = ProgressDrawTarget::term_like(Box::new(Anchored::default()));
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let painter =
            std::thread::Builder::new().name("prefect-terminal".to_owned()).spawn(move || theirs.paint(&bar)).ok()?;
        Some(Self { shared, painter: Mutex::new(Some(painter)) })
    }

    /// Prints above the table, with the next frame. After the end it prints at once.
    pub(super) fn print(&self, stream: Stream, text: String) {
        let mut above = lock(&self.shared.above);
        if above.over {
            drop(above);
            stream.write(&text);
        } else {
            above.texts.push((stream, text));
        }
    }

    /// Prints what is left and takes the table away.
    pub(super) fn end(&self) {
        let Some(painter) = lock(&self.painter).take() else { return };
        lock(&self.shared.above).over = true;
        self.shared.wake.notify_all();
        let _ = painter.join();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn paint(&self, bar: &ProgressBar) {
        loop {
            let mut above = lock(&self.above);
            if !above.over {
                above = above.wait_for(&self.wake, FRAME);
            }
            let (texts, over) = (std::mem::take(&mut above.texts), above.over);
            drop(above);
            if over {
                bar.finish_and_clear();
                write_all(&texts);
                return;
            }
            if texts.is_empty() {
                bar.tick();
            } else {
                bar.suspend(|| write_all(&texts));
            }
        }
    }
}

fn write_all(texts: &[(Stream, String)]) {
    for of_one in texts.chunk_by(|a, b| a.0 == b.0) {
        let text: String = of_one.iter().map(|(_, text)| text.as_str()).collect();
        of_one[0].0.write(&text);
    }
}

/// How many lines are left empty above the table, and what room it has below them. A body that prints more lines than
/// that from one frame to the next writes over the table, and leaves the ends of its longer lines.
fn layout() -> (usize, Size) {
    let (rows, columns) = Term::stdout().size();
    let gap = if rows < 12 { 1 } else { 3 };
    // The last column would wrap.
    (gap, Size { rows: usize::from(rows).saturating_sub(gap), columns: usize::from(columns).saturating_sub(1) })
}

/// A terminal on which every frame begins where the cursor is, and leaves it there.
#[derive(Debug, Default)]
struct Anchored(Mutex<Frame>);

#[derive(Debug, Default)]
struct Frame {
    /// Lines and what fills them up, in turn.
    parts: Vec<String>,
    painted: bool,
}

impl Frame {
    /// What paints the frame: each line, the rest of it cleared, then all that is below.
    fn take(&mut self) -> String {
        let lines: Vec<String> = std::mem::take(&mut self.parts).into_iter().step_by(2).collect();
        if lines.is_empty() {
            return if std::mem::take(&mut self.painted) { "\r\x1b[J".to_owned() } else { String::new() };
        }
        self.painted = true;
        let up = match lines.len() - 1 {
            0 => String::new(),
            n => format!("\x1b[{n}A"),
        };
        format!("\r{}\x1b[J{up}\r", lines.join("\x1b[K\r\n"))
    }
}

impl TermLike for Anchored {
    fn width(&self) -> u16 {
        Term::stdout().size().1
    }

    fn height(&self) -> u16 {
        Term::stdout().size().0
    }

    // The moves lead to the last frame, which is always where this one begins.
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.write_str("")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        lock(&self.0).parts.push(text.to_owned());
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let frame = lock(&self.0).take();
        let mut out = io::stdout().lock();
        out.write_all(frame.as_bytes())?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_begins_and_ends_where_the_cursor_is() {
        let mut frame = Frame::default();
        assert_eq!(frame.take(), "", "nothing was painted, nothing is cleared");
        frame.parts = ["", "   ", "head", "  ", "row", " "].map(ToOwned::to_owned).to_vec();
        assert_eq!(frame.take(), "\r\x1b[K\r\nhead\x1b[K\r\nrow\x1b[J\x1b[2A\r");
        assert_eq!(frame.take(), "\r\x1b[J");
        assert_eq!(frame.take(), "");
    }
}
