//! What is told of the state changes of a run, while it goes on.
use std::fmt::Write as _;
use std::sync::{Arc, Once};
use std::time::Instant;

use super::screen::Screen;
use super::table::waiting;
use super::text::{card, plain};
use crate::door::Observer;
use crate::handlers::TrackedKind;
use crate::notify::{Card, MissingSecret};
use crate::run::RunSettings;
use crate::{State, StateKind, Tracked};

/// In a flow of up to this many tasks each state change is a line; of a larger one only what goes wrong or waits, and
/// how far it is.
const TOLD_ONE_BY_ONE: usize = 100;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    /// Each state change.
    Each,
    /// What goes wrong or waits, and each tenth of the tasks.
    Tenths,
    /// What goes wrong or waits; a table tells the rest.
    Table,
}

pub(crate) struct Shown {
    screen: Arc<Screen>,
    telling: Telling,
}

impl Shown {
    pub(super) fn new(screen: Arc<Screen>, tasks: usize) -> Self {
        let telling = match screen.is_live() {
            true => Telling::Table,
            false if tasks > TOLD_ONE_BY_ONE => Telling::Tenths,
            false => Telling::Each,
        };
        Self { screen, telling }
    }

    fn line(&self, object: &Tracked, state: &State) -> String {
        let shown = |text: &dyn std::fmt::Display| plain(&object.services.redacted(&text));
        let (time, kind) = (self.screen.time(), self.screen.paint.kind(state.kind()));
        let mut line = format!("{time} {kind} {}", shown(&object.full_name()));
        if let Some(message) = state.message() {
            let _ = write!(line, "  {}", shown(&message));
        }
        if let Some(moment) = state.start_time().filter(|_| state.kind().is_pending()) {
            let _ = write!(line, ", again at {}", self.screen.time_of(moment));
        }
        line.push('\n');
        line
    }
}

/// Failures, what is tried again, and what waits for somebody. That a task's trigger did not let it run follows from a
/// failure that was told already.
fn matters(kind: StateKind) -> bool {
    let wrong = kind.is_failed() && kind != StateKind::TriggerFailed;
    wrong || matches!(kind, StateKind::Retrying | StateKind::Paused | StateKind::Cancelled | StateKind::Cancelling)
}

impl Observer for Shown {
    fn changed(&self, object: &Tracked, old: &State, new: &State) {
        if object.kind() == TrackedKind::Flow {
            if self.telling != Telling::Table {
                self.screen.print(self.line(object, new));
            }
            return;
        }
        if self.telling == Telling::Each || matters(new.kind()) {
            self.screen.print(self.line(object, new));
        }
        let tenth = match self.telling {
            Telling::Each => None,
            Telling::Table => {
                self.screen.with_table(|table| table.changed(object, old.kind(), new.kind(), Instant::now()));
                None
            }
            Telling::Tenths => self.screen.with_table(|table| {
                table.changed(object, old.kind(), new.kind(), Instant::now());
                table.next_tenth()
            }),
        };
        if let Some(progress) = tenth {
            self.screen.print(format!("{} {:<16} {progress}\n", self.screen.time(), ""));
        }
    }
}

impl RunSettings {
    pub(super) fn shown_by(mut self, shown: &Arc<Shown>) -> Self {
        let (screen, told) = (Arc::clone(&shown.screen), Once::new());
        self.print_card = Some(Arc::new(move |message: &Card| {
            told.call_once(|| screen.print(format!("{}\n", MissingSecret(message.secret))));
            screen.print(card(message, screen.paint));
        }));
        let (screen, told) = (Arc::clone(&shown.screen), Once::new());
        self.on_flush = Some(Arc::new(move |left, time| {
            if screen.is_live() {
                screen.with_table(|table| table.set_flush(left, time));
            } else {
                told.call_once(|| screen.print(format!("{}\n", waiting(left, time))));
            }
        }));
        self.observer(Arc::clone(shown) as Arc<dyn Observer>)
    }
}
