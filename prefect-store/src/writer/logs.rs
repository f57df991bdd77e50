//! Log lines on their way to the database: they wait a little for more, and never hold up a change.
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Writer;
use crate::backend::Removed;
use crate::owned::Recording;
use crate::{LogLevel, LogLine, StoreError};

/// How long lines wait for more: a commit for each would make changes wait that come meanwhile.
const PAUSE: Duration = Duration::from_millis(25);

/// From so many on they do not wait.
const MANY: usize = 1024;

/// More lines, or larger ones, are not kept in memory.
const MOST: usize = 16_384;
const MOST_BYTES: usize = 8 << 20;

/// How long is waited before lines are tried again that could not be written.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// When it is looked whether there are too many lines in the store: when so many bytes were written, or after this time.
const LOOK_AFTER_BYTES: usize = 1 << 20;
const LOOK_AFTER: Duration = Duration::from_hours(1);

/// A line, and its run.
#[derive(Debug)]
pub(crate) struct LineEntry {
    pub(crate) run: Arc<Recording>,
    pub(crate) line: LogLine,
    /// How many others are missing, if it says that.
    missing: u64,
}

/// Lines that wait, and how many of which run are left out.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    entries: Vec<LineEntry>,
    bytes: usize,
    dropped: Vec<(Arc<Recording>, u64)>,
    /// The writer has not heard yet that there are some.
    news: bool,
}

/// Whether the writer has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// There are lines, for the first time since it looked, or many.
    GetsScarce,
}

impl Lines {
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn push(&mut self, run: &Arc<Recording>, line: LogLine) -> Room {
        if self.entries.len() >= MOST || self.bytes >= MOST_BYTES {
            self.drop_one(run, 1);
            return Room::Enough;
        }
        self.bytes += line.size();
        self.entries.push(LineEntry { run: Arc::clone(run), line, missing: 0 });
        if matches!(self.entries.len(), 1 | MANY) {
            self.news = true;
            return Room::GetsScarce;
        }
        Room::Enough
    }

    /// Whether the writer has not heard yet that there are lines: once.
    pub(crate) const fn take_news(&mut self) -> bool {
        std::mem::replace(&mut self.news, false)
    }

    fn drop_one(&mut self, run: &Arc<Recording>, lines: u64) {
        match self.dropped.iter_mut().find(|(dropped, _)| Arc::ptr_eq(dropped, run)) {
            Some((_, count)) => *count += lines,
            None => self.dropped.push((Arc::clone(run), lines)),
        }
    }

    /// Adds what came later, as far as there is room.
    fn append(&mut self, later: Self) {
        for (run, count) in later.dropped {
            self.drop_one(&run, count);
        }
        for LineEntry { run, line, .. } in later.entries {
            self.push(&run, line);
        }
    }

    /// Keeps these for another try.
    fn put_back(&mut self, entries: Vec<LineEntry>) {
        self.bytes = entries.iter().map(|entry| entry.line.size()).sum();
        self.entries = entries;
    }

    /// The lines, and one for each run that says how many are missing.
    fn told(mut self, at: crate::Micros) -> Vec<LineEntry> {
        for (run, count) in self.dropped {
            let lines = if count == 1 { "1 log line was".to_owned() } else { format!("{count} log lines were") };
            let message = format!("{lines} left out: not all that came could be written");
            let target = "prefect.Store".into();
            let line = LogLine { task: None, attempt: 0, at, level: LogLevel::Warn, target, message };
            self.entries.push(LineEntry { run, line, missing: count });
        }
        self.entries
    }
}

/// What the writer knows of the lines that it writes.
#[derive(Debug, Default)]
pub(crate) struct Logbook {
    /// Lines that could not be written.
    left: Lines,
    /// When the lines that wait are written.
    due: Option<Instant>,
    /// When it is looked whether there are too many in the store; never as long as nothing was written.
    look: Option<Instant>,
    written: usize,
}

impl Logbook {
    pub(crate) fn next_work(&self) -> Option<Instant> {
        self.due.into_iter().chain(self.look).min()
    }
}

impl Writer {
    /// Writes lines and removes old ones, when it is time.
    pub(super) fn keep_the_logbook(&mut self) {
        let waiting = self.queue.lines();
        let now = Instant::now();
        // Those that could not be written have their time already.
        if waiting > 0 && self.logbook.left.len() == 0 {
            let due = if waiting >= MANY { now } else { now + PAUSE };
            self.logbook.due = Some(self.logbook.due.map_or(due, |before| before.min(due)));
        }
        if self.logbook.due.is_some_and(|due| due <= now) {
            self.write_lines();
        }
        if self.logbook.look.is_some_and(|look| look <= Instant::now()) {
            self.remove_lines();
        }
    }

    /// Writes the lines that wait. Those that cannot be written now are tried again, as long as there is room for them; those that
    /// never can are counted.
    pub(super) fn write_lines(&mut self) {
        let mut lines = std::mem::take(&mut self.logbook.left);
        lines.append(self.queue.take_lines());
        self.logbook.due = None;
        // When lines are written is what their age is counted from: a run may have a clock of its own.
        let now = self.options.clock.now();
        let mut parts = in_parts(lines.told(now));
        while let Some(part) = parts.pop_front() {
            match self.database.write_lines(&part, now) {
                Ok(()) => self.logbook.written += part.iter().map(|entry| entry.line.size()).sum::<usize>(),
                Err(error) if error.may_pass() => {
                    parts.push_front(part);
                    self.logbook.left.put_back(parts.into_iter().flatten().collect());
                    self.logbook.due = Some(Instant::now() + TRY_AGAIN);
                    return;
                }
                Err(error) => {
                    let mut by_run = by_run(part);
                    if let [part] = &*by_run {
                        self.leave_out(part, &error);
                    } else {
                        // The others are not to be lost with the one that is at fault.
                        by_run.extend(parts);
                        parts = by_run.into();
                        continue;
                    }
                }
            }
            // A tenth more than is to be kept is soon enough.
            let many = LOOK_AFTER_BYTES.min(usize::try_from(self.options.logs.bytes / 10).unwrap_or(usize::MAX));
            if self.logbook.look.is_none() || self.logbook.written >= many {
                self.logbook.look = Some(Instant::now());
            }
        }
    }

    /// Writes the lines that wait, for the last time.
    pub(super) fn write_last_lines(&mut self) {
        self.write_lines();
        // There is no later to say how many are missing.
        if !self.logbook.left.dropped.is_empty() {
            self.write_lines();
        }
    }

    /// Counts lines of one run that the database never takes.
    fn leave_out(&mut self, part: &[LineEntry], error: &StoreError) {
        let lost = part.iter().filter(|entry| entry.missing == 0).count();
        if lost > 0 {
            tracing::warn!(target: "prefect.Store", "{lost} log lines cannot be recorded: {error}");
            // Where not even this can be said it is tried with the next lines, and not again and again.
            self.logbook.due = Some(Instant::now() + TRY_AGAIN);
        }
        for entry in part {
            self.logbook.left.drop_one(&entry.run, entry.missing.max(1));
        }
    }

    /// Removes some lines, and comes back soon if there is more to do.
    fn remove_lines(&mut self) {
        let kept = self.options.logs;
        let before = self.options.clock.now().before(kept.time);
        let next = match self.database.remove_lines(before, kept.bytes) {
            Ok(Removed::Some) => PAUSE,
            Ok(Removed::All) => LOOK_AFTER,
            Err(error) => {
                tracing::debug!(target: "prefect.Store", "Old log lines cannot be removed, which is tried again: {error}");
                LOOK_AFTER
            }
        };
        self.logbook.written = 0;
        self.logbook.look = Some(Instant::now() + next);
    }
}

/// So many lines as are written in one transaction.
fn in_parts(mut entries: Vec<LineEntry>) -> VecDeque<Vec<LineEntry>> {
    let mut parts = VecDeque::new();
    while !entries.is_empty() {
        let rest = entries.split_off(entries.len().min(MANY));
        parts.push_back(std::mem::replace(&mut entries, rest));
    }
    parts
}

/// The lines of each run, in their order.
fn by_run(entries: Vec<LineEntry>) -> Vec<Vec<LineEntry>> {
    let mut by_run: Vec<Vec<LineEntry>> = Vec::new();
    for entry in entries {
        match by_run.iter_mut().find(|of_run| Arc::ptr_eq(&of_run[0].run, &entry.run)) {
            Some(of_run) => of_run.push(entry),
            None => by_run.push(vec![entry]),
        }
    }
    by_run
}
