//! What is told of the state changes of a run, while it goes on.
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::sync::{Arc, Once};
use std::time::Instant;

use super::screen::Screen;
use super::table::waiting;
use super::text::{card, plain};
use crate::door::Observer;
use crate::handlers::TrackedKind;
use crate::notify::{Card, Service};
use crate::run::RunSettings;
use crate::{PauseAnswer, State, StateKind, Tracked};

/// In a flow of up to this many task runs each state change is a line; of a larger one only what goes wrong or waits, and
/// how far it is.
pub(super) const TOLD_ONE_BY_ONE: usize = 100;

pub(crate) struct Shown(Arc<Screen>);

impl Shown {
    pub(super) fn new(screen: Arc<Screen>) -> Self {
        Self(screen)
    }

    fn line(&self, object: &Tracked, state: &State) -> String {
        let shown = |text: &dyn std::fmt::Display| plain(&object.services.redacted(&text));
        let (time, kind) = (self.0.time(), self.0.paint.kind(state.kind()));
        let mut line = format!("{time} {kind} {}", shown(&object.full_name()));
        if let Some(message) = state.message() {
            let _ = write!(line, "  {}", shown(&message));
        }
        if let Some(moment) = state.start_time().filter(|_| state.kind().is_pending()) {
            let _ = write!(line, ", again {}", self.0.when(moment));
        }
        line.push('\n');
        line
    }
}

/// Failures, what is tried again, and what waits for somebody. That a task's trigger did not let it run follows from a
/// failure that was told already.
pub(super) fn matters(kind: StateKind) -> bool {
    let wrong = kind.is_failed() && kind != StateKind::TriggerFailed;
    wrong || matches!(kind, StateKind::Retrying | StateKind::Paused | StateKind::Cancelled | StateKind::Cancelling)
}

impl Observer for Shown {
    fn changed(&self, object: &Tracked, old: &State, new: &State) {
        let live = self.0.is_live();
        if object.kind() == TrackedKind::Flow {
            // A table says nothing of the flow run, and this one may wait for long.
            if !live || new.kind().is_queued() {
                self.0.print(self.line(object, new));
            }
            return;
        }
        let (one_by_one, tenth) = self.0.with_table(|table| {
            table.changed(object, old.kind(), new.kind(), Instant::now());
            let one_by_one = !live && table.total() <= TOLD_ONE_BY_ONE;
            // A table tells how far it is by itself.
            (one_by_one, if live || one_by_one { None } else { table.next_tenth() })
        });
        if one_by_one || matters(new.kind()) {
            self.0.print(self.line(object, new));
        }
        if let Some(progress) = tenth {
            self.0.print(format!("{} {:<16} {progress}\n", self.0.time(), ""));
        }
    }

    fn mapped(&self, _: &Tracked, children: usize) {
        self.0.with_table(|table| table.add(children));
    }
}

impl RunSettings {
    pub(super) fn shown_by(mut self, shown: &Arc<Shown>) -> Self {
        let (screen, told) = (Arc::clone(&shown.0), [const { Once::new() }; Service::COUNT]);
        self.print_card = Some(Arc::new(move |message: &Card| {
            let missing = &message.missing;
            told[missing.service as usize].call_once(|| screen.print(format!("{missing}\n")));
            screen.print(card(message, screen.paint));
        }));
        let (screen, told) = (Arc::clone(&shown.0), Once::new());
        self.on_flush = Some(Arc::new(move |left, time| {
            if screen.is_live() {
                screen.with_table(|table| table.set_flush(left, time));
            } else {
                told.call_once(|| screen.print(format!("{}\n", waiting(left, time))));
            }
        }));
        if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            let screen = Arc::clone(&shown.0);
            self = self.on_pause(move |task| ask(&screen, task));
        }
        self.observer(Arc::clone(shown) as Arc<dyn Observer>)
    }
}

/// Asks whoever sits there, as Prefect does. The table is gone after that: a question stands at the end of the screen.
fn ask(screen: &Screen, task: &Tracked) -> PauseAnswer {
    screen.end();
    let task = plain(&screen.redactor.redact(&task.to_string()));
    screen.print(format!("{task} is currently Paused; enter 'y' to resume:\n"));
    let mut answer = String::new();
    match std::io::stdin().lock().read_line(&mut answer) {
        Ok(1..) if answer.trim() == "y" => PauseAnswer::Resume,
        Ok(1..) => PauseAnswer::AskAgain,
        // Nobody is there any more.
        Ok(0) | Err(_) => PauseAnswer::Leave,
    }
}
