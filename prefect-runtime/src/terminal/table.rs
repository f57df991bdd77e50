//! What is known of a run while it goes on: counts by state, the tasks that run, those that ended last.
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use console::{measure_text_width, truncate_str};

use super::text::{Paint, counted, human, padded, plain};
use crate::{Redactor, StateKind, Tracked};

/// A flow of up to this many tasks has all of them in the table, as far as the terminal is high.
const FEW: usize = 30;
/// The rows of a larger one.
const ROWS: usize = 10;
/// Longer names are cut.
const NAME: usize = 32;

/// How many task runs are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<StateKind, usize>);

impl Counts {
    pub(super) fn add(&mut self, kind: StateKind) {
        *self.0.entry(kind).or_default() += 1;
    }

    fn remove(&mut self, kind: StateKind) {
        if let Some(count) = self.0.get_mut(&kind) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&kind);
            }
        }
    }

    pub(super) fn finished(&self) -> usize {
        self.0.iter().filter(|(kind, _)| kind.is_finished()).map(|(_, count)| count).sum()
    }
}

/// `3 Running, 498 Success, 1 Failed`
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (kind, count)) in self.0.iter().enumerate() {
            write!(f, "{}{count} {kind}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// What tells task runs apart: slug and index.
pub(super) type Key = (Arc<str>, Option<usize>);

struct Row {
    /// The order of first starts: a row stays where it is.
    place: u64,
    name: Arc<str>,
    kind: StateKind,
    since: Instant,
    took: Option<Duration>,
}

pub(super) struct Table {
    flow: Arc<str>,
    total: usize,
    counts: Counts,
    begun: Instant,
    next: u64,
    /// Runs that have begun and not ended.
    active: HashMap<Key, Row>,
    /// The last ones that have ended.
    ended: VecDeque<(Key, Row)>,
    /// What is still to be sent, and for how long it is waited.
    flush: Option<(usize, Duration)>,
    /// How many tenths of the tasks a progress line was made for.
    tenths: usize,
}

impl Table {
    pub(super) fn new(flow: Arc<str>, total: usize, now: Instant) -> Self {
        Self {
            flow,
            total,
            counts: Counts::default(),
            begun: now,
            next: 0,
            active: HashMap::new(),
            ended: VecDeque::new(),
            flush: None,
            tenths: 0,
        }
    }

    /// So many children come into being.
    pub(super) fn add(&mut self, children: usize) {
        self.total += children;
        self.tenths = self.tenths_now();
    }

    /// How many task runs there are, as far as is known.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    fn tenths_now(&self) -> usize {
        (self.counts.finished() * 10).checked_div(self.total).unwrap_or_default()
    }

    /// A task run went from one kind of state to another.
    pub(super) fn changed(&mut self, task: &Tracked, old: StateKind, new: StateKind, now: Instant) {
        let name = || Arc::from(&*task.full_name());
        self.change((Arc::clone(&task.slug), task.map_index), name, (old, new), now);
    }

    /// The same, for who knows of it from elsewhere. The name is asked for once.
    pub(super) fn change(
        &mut self,
        key: Key,
        name: impl FnOnce() -> Arc<str>,
        (old, new): (StateKind, StateKind),
        now: Instant,
    ) {
        self.counts.remove(old);
        self.counts.add(new);
        let mut row = match self.active.remove(&key) {
            Some(row) => row,
            // Tried again: it has just ended, so it is among the last.
            None => match self.ended.iter().rposition(|(ended, _)| *ended == key).and_then(|i| self.ended.remove(i)) {
                Some((_, row)) => Row { took: None, ..row },
                None => {
                    self.next += 1;
                    Row { place: self.next, name: name(), kind: new, since: now, took: None }
                }
            },
        };
        if new.is_running() || !row.kind.is_running() {
            row.since = now;
        }
        row.kind = new;
        if new.is_finished() {
            row.took = Some(now.saturating_duration_since(row.since));
            self.ended.push_back((key, row));
            if self.ended.len() > FEW {
                self.ended.pop_front();
            }
        } else {
            self.active.insert(key, row);
        }
    }

    pub(super) fn set_flush(&mut self, left: usize, time: Duration) {
        self.flush = Some((left, time));
    }

    /// A line that tells how far the run is, each time that another tenth of its tasks has finished.
    pub(super) fn next_tenth(&mut self) -> Option<String> {
        let tenths = self.tenths_now();
        if tenths <= self.tenths || tenths >= 10 {
            return None;
        }
        self.tenths = tenths;
        Some(self.progress())
    }

    fn progress(&self) -> String {
        let finished = self.counts.finished();
        let colon = if self.counts.0.is_empty() { "" } else { ": " };
        format!("{finished} of {} finished{colon}{}", counted(self.total, "task"), self.counts)
    }

    /// The lines of the table, for a terminal of this size.
    pub(super) fn lines(&self, size: Size, paint: Paint, redactor: &Redactor, now: Instant) -> Vec<String> {
        let shown = |text: &str| plain(&redactor.redact(text));
        let flow = paint.bold(&shown(&self.flow));
        let elapsed = human_ticking(now.saturating_duration_since(self.begun));
        let mut lines = vec![match self.flush {
            None => format!("{flow}  {elapsed}  {}", self.progress()),
            Some((left, time)) => format!("{flow}  {}", waiting(left, time)),
        }];
        // The head and "and N more".
        let room = size.rows.saturating_sub(2).min(if self.total <= FEW { FEW } else { ROWS });
        let mut active: Vec<&Row> = self.active.values().collect();
        active.sort_unstable_by_key(|row| row.place);
        let more = active.len().saturating_sub(room);
        active.truncate(room);
        let mut rows = active;
        rows.extend(self.ended.iter().rev().take(room - rows.len()).map(|(_, row)| row));
        rows.sort_unstable_by_key(|row| row.place);
        let names: Vec<String> =
            rows.iter().map(|row| truncate_str(&shown(&row.name), NAME, "…").into_owned()).collect();
        let width = names.iter().map(|name| measure_text_width(name)).max().unwrap_or(0);
        for (row, name) in rows.iter().zip(names) {
            let time = row.took.map_or_else(|| human_ticking(now.saturating_duration_since(row.since)), human);
            lines.push(format!("  {} {}  {time}", paint.kind(row.kind), padded(&name, width)));
        }
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
        for line in &mut lines {
            *line = truncate_str(line, size.columns, "…").into_owned();
        }
        lines
    }
}

/// Without the digits that would only flicker.
fn human_ticking(time: Duration) -> String {
    // What would be rounded up to a minute is one.
    if time < Duration::from_millis(59_950) { format!("{:.1}s", time.as_secs_f64()) } else { human(time) }
}

/// `waiting up to 5 s for 2 notifications to be sent`
pub(super) fn waiting(left: usize, time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000);
    format!("waiting up to {seconds} s for {} to be sent", counted(left, "notification"))
}

/// What a terminal has room for.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;
    use crate::StateKind::{Failed, Pending, Retrying, Running, Success};
    use crate::handlers::TrackedKind;
    use crate::notify::Notifications;
    use crate::run::Services;

    struct Run {
        table: Table,
        services: Arc<Services>,
        now: Instant,
    }

    impl Run {
        fn new(total: usize) -> Self {
            let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
            let services = Services::without_flow(clock.clone(), Notifications::unconfigured(clock));
            let now = Instant::now();
            Self { table: Table::new("etl".into(), total, now), services: Arc::new(services), now }
        }

        fn change(&mut self, name: &str, old: StateKind, new: StateKind) {
            let tracked = Tracked {
                kind: TrackedKind::Task,
                name: name.into(),
                slug: name.into(),
                map_index: None,
                run: None,
                services: Arc::clone(&self.services),
            };
            self.table.changed(&tracked, old, new, self.now);
        }

        fn lines(&self, rows: usize, columns: usize) -> Vec<String> {
            self.table.lines(Size { rows, columns }, Paint::Plain, &Redactor::new(), self.now)
        }
    }

    #[test]
    fn a_row_stays_where_it_is_and_the_head_counts() {
        let mut run = Run::new(3);
        let long = "a name of more than thirty-two letters";
        assert_eq!(run.lines(24, 80), ["etl  0.0s  0 of 3 tasks finished"]);
        run.change("a", Pending, Running);
        run.change(long, Pending, Running);
        run.now += Duration::from_secs(2);
        run.change("a", Running, Success);
        run.change(long, Running, Failed);
        run.change(long, Failed, Retrying);
        run.now += Duration::from_secs(70);
        let expected = [
            "etl  1m 12s  1 of 3 tasks finished: 1 Retrying, 1 Success",
            "  Success          a                                 2.0s",
            "  Retrying         a name of more than thirty-two …  1m 10s",
        ];
        assert_eq!(run.lines(24, 80), expected);
    }

    #[test]
    fn a_large_flow_has_few_rows_and_what_runs_comes_first() {
        let mut run = Run::new(500);
        for i in 0..20 {
            run.change(&format!("early{i}"), Pending, Running);
            run.change(&format!("early{i}"), Running, Success);
        }
        for i in 0..14 {
            run.change(&format!("t{i}"), Pending, Running);
        }
        let lines = run.lines(24, 80);
        assert_eq!(lines.len(), 12);
        assert_eq!(lines[0], "etl  0.0s  20 of 500 tasks finished: 14 Running, 20 Success");
        assert!(lines[1].starts_with("  Running          t0 ") && lines[10].starts_with("  Running          t9 "));
        assert_eq!(lines[11], "  and 4 more");
        for i in 3..14 {
            run.change(&format!("t{i}"), Running, Success);
        }
        let lines = run.lines(24, 80);
        let kinds: Vec<_> = lines[1..].iter().map(|line| line.split_whitespace().next().unwrap()).collect();
        assert_eq!(kinds, [&["Running"; 3][..], &["Success"; 7]].concat());
    }

    #[test]
    fn nothing_is_larger_than_the_terminal_nor_moves_its_cursor() {
        let mut run = Run::new(25);
        for i in 0..25 {
            run.change(&format!("{i}\x1b[2J\n国国国国国国国国国国国国国国国国国国国国国国国国"), Pending, Running);
        }
        for (rows, columns) in [(24, 80), (6, 30), (2, 10), (1, 1), (0, 1)] {
            let lines = run.lines(rows, columns);
            assert!(lines.len() <= rows.max(2), "{rows}: {}", lines.len());
            for line in lines {
                assert!(console::measure_text_width(&line) <= columns, "{columns}: {line}");
                assert!(!line.contains('\x1b') && !line.contains('\n'));
            }
        }
    }

    #[test]
    fn there_is_a_line_for_each_tenth() {
        let mut run = Run::new(200);
        let mut told = Vec::new();
        for i in 0..200 {
            run.change(&format!("t{i}"), Pending, Running);
            told.extend(run.table.next_tenth());
            run.change(&format!("t{i}"), Running, if i == 7 { Failed } else { Success });
            told.extend(run.table.next_tenth());
        }
        assert_eq!(told.len(), 9);
        assert_eq!(told[0], "20 of 200 tasks finished: 19 Success, 1 Failed");
        assert_eq!(told[8], "180 of 200 tasks finished: 179 Success, 1 Failed");
        assert_eq!(Run::new(0).table.next_tenth(), None);
    }

    #[test]
    fn the_end_waits_for_notifications_and_says_so() {
        let mut run = Run::new(1);
        run.table.set_flush(1, Duration::from_millis(3500));
        assert_eq!(run.lines(24, 80), ["etl  waiting up to 4 s for 1 notification to be sent"]);
    }
}
