//! Where everything goes that is printed during a run: plain lines, or lines above a live table.
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

#[cfg(feature = "store")]
use super::Format;
use super::live::{Live, Stream};
use super::table::Table;
use super::text::{Paint, human};
use crate::lock::lock;
use crate::{Clock, Redactor};

pub(super) struct Screen {
    pub(super) paint: Paint,
    pub(super) paint_err: Paint,
    pub(super) table: Arc<Mutex<Table>>,
    pub(super) redactor: Redactor,
    clock: Clock,
    zone: TimeZone,
    live: Option<Live>,
    /// Log lines would tear the table, if they go to the same terminal.
    err_is_terminal: bool,
}

impl Screen {
    /// For a run of this flow of so many tasks.
    pub(super) fn new(flow: Arc<str>, total: usize, clock: Clock, redactor: Redactor) -> Self {
        let out = std::io::stdout();
        let table = Arc::new(Mutex::new(Table::new(flow, total, Instant::now())));
        let wanted = wants_table(out.is_terminal(), |name| std::env::var_os(name));
        let live = if wanted { Live::start(&table, Paint::of(&out), &redactor) } else { None };
        Self::with(live, table, clock, redactor)
    }

    /// For a run of another process, which began at that instant. Without a table if none is wanted.
    #[cfg(feature = "store")]
    pub(super) fn watching(
        flow: Arc<str>,
        total: usize,
        (clock, begun): (Clock, Instant),
        redactor: Redactor,
        format: Format,
    ) -> Self {
        let table = Arc::new(Mutex::new(Table::new(flow, total, begun)));
        let out = std::io::stdout();
        let wanted = format == Format::Table && wants_table(out.is_terminal(), |name| std::env::var_os(name));
        let live = if wanted { Live::start(&table, Paint::of(&out), &redactor) } else { None };
        Self::with(live, table, clock, redactor)
    }

    fn with(live: Option<Live>, table: Arc<Mutex<Table>>, clock: Clock, redactor: Redactor) -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let paint = Paint::of(&out);
        let (paint_err, err_is_terminal) = (Paint::of(&err), err.is_terminal());
        Self { paint, paint_err, table, redactor, clock, zone: TimeZone::system(), live, err_is_terminal }
    }

    /// For lines only, of no flow in particular.
    #[cfg(feature = "store")]
    pub(super) fn of_lines(clock: Clock, redactor: Redactor) -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let table = Arc::new(Mutex::new(Table::new("".into(), 0, Instant::now())));
        let (paint, paint_err) = (Paint::of(&out), Paint::of(&err));
        Self {
            paint,
            paint_err,
            table,
            redactor,
            clock,
            zone: TimeZone::system(),
            live: None,
            err_is_terminal: err.is_terminal(),
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// What time it is, on the wall.
    pub(super) fn time(&self) -> String {
        self.local(self.clock.timestamp()).strftime("%H:%M:%S").to_string()
    }

    /// When that moment is: `in 10.0s`, `at 13:00:00`, and on another day `at 2026-01-02 13:00:00`.
    pub(super) fn when(&self, moment: Timestamp) -> String {
        let (now, then) = (self.clock.timestamp(), self.local(moment));
        let left = Duration::try_from(moment.duration_since(now)).unwrap_or_default();
        if left < Duration::from_mins(1) {
            format!("in {}", human(left))
        } else if then.date() == self.local(now).date() {
            then.strftime("at %H:%M:%S").to_string()
        } else {
            then.strftime("at %Y-%m-%d %H:%M:%S").to_string()
        }
    }

    fn local(&self, moment: Timestamp) -> DateTime {
        self.zone.to_datetime(moment)
    }

    /// Prints whole lines.
    pub(super) fn print(&self, text: String) {
        self.put(Stream::Out, text);
    }

    /// Prints whole lines to standard error.
    pub(super) fn log(&self, text: String) {
        self.put(Stream::Err, text);
    }

    fn put(&self, stream: Stream, text: String) {
        match &self.live {
            Some(live) if stream == Stream::Out || self.err_is_terminal => live.print(stream, text),
            _ => stream.write(&text),
        }
    }

    pub(super) fn with_table<R>(&self, f: impl FnOnce(&mut Table) -> R) -> R {
        f(&mut lock(&self.table))
    }

    /// Takes the table away: what comes now is printed at once.
    pub(super) fn end(&self) {
        if let Some(live) = &self.live {
            live.end();
        }
    }
}

/// A table is for people who look at it.
fn wants_table(terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let ci = set("CI").is_some_and(|value| value != "false" && value != "0");
    terminal && !ci && set("TERM").is_some_and(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_people_would() {
        let clock = Clock::virtual_from("2026-01-01T22:59:58.7Z".parse().unwrap());
        let mut screen = Screen::new("etl".into(), 1, clock, Redactor::new());
        screen.zone = TimeZone::UTC;
        let when = |moment: &str| screen.when(moment.parse().unwrap());
        assert_eq!(screen.time(), "22:59:58");
        assert_eq!(when("2026-01-01T22:59:59.2Z"), "in 500.0ms");
        assert_eq!(when("2025-01-01T00:00:00Z"), "in 0s");
        assert_eq!(when("2026-01-01T23:30:00Z"), "at 23:30:00");
        assert_eq!(when("2026-01-02T02:30:00Z"), "at 2026-01-02 02:30:00");
    }

    #[test]
    fn a_table_is_for_people_who_look_at_it() {
        let wants = |terminal, set: &[(&str, &str)]| {
            wants_table(terminal, |name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).into()))
        };
        assert!(wants(true, &[("TERM", "xterm")]));
        assert!(wants(true, &[("TERM", "xterm"), ("CI", "false"), ("NO_COLOR", "1")]));
        assert!(!wants(false, &[("TERM", "xterm")]));
        assert!(!wants(true, &[("TERM", "dumb")]));
        assert!(!wants(true, &[]));
        assert!(!wants(true, &[("TERM", "xterm"), ("CI", "true")]));
    }
}
