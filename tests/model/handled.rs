//! The state handlers of one task run or flow run.
use super::rules::Hits;
use super::states::{At, State};
use super::{Act, By, Event, Handler, Kind, Message, SignalName};

/// `Err` ends the run of the task or flow with that state.
pub(super) type Step = Result<State, State>;

/// The handlers of one task or flow, what they have done so far, and who called them.
pub(super) struct Handled<'a> {
    handlers: &'a [Handler],
    on_failure: bool,
    watched: bool,
    used: Vec<u32>,
    pub(super) events: Vec<Event<Message>>,
}

impl<'a> Handled<'a> {
    pub(super) fn new(handlers: &'a [Handler], on_failure: bool, watched: bool) -> Self {
        Self { handlers, on_failure, watched, used: vec![0; handlers.len()], events: Vec::new() }
    }

    /// Tells the handlers of a change. `Err` if one of them ended the run.
    pub(super) fn call(&mut self, old: &State, mut new: State, at: At, hits: &mut Hits) -> Step {
        let mut hit = |rule| *hits.entry(rule).or_default() += 1;
        for (i, handler) in self.handlers.iter().enumerate() {
            self.note(By::Handler(i), Some(old.kind), &new);
            if handler.on.is_some_and(|kind| kind != new.kind) || self.used[i] >= handler.times {
                continue;
            }
            self.used[i] += 1;
            match &handler.act {
                Act::Pass => hit("handler_pass"),
                Act::Nothing => hit("handler_none"),
                Act::Old => {
                    hit("handler_refuses");
                    new = old.clone();
                }
                Act::Replace(by) => {
                    hit("handler_replaces");
                    if new.kind.is_failed() && by.kind == Kind::Success {
                        hit("rescued");
                    } else if new.kind == Kind::Retrying && by.kind == Kind::Failed {
                        hit("retry_cancelled");
                    } else if new.kind.is_finished() && by.kind.is_pending() {
                        hit("run_again_by_handler");
                    }
                    new = State::made(by, at);
                }
                Act::Error(text) | Act::Panic(text) => {
                    hit("handler_error");
                    return Err(State::error(Kind::Failed, "Unexpected error while calling state handlers: ", text));
                }
                Act::Signal(raise) => {
                    let state = State::raised(raise, at);
                    return match raise.signal {
                        SignalName::Pause => (hit("handler_pause"), Err(state)).1,
                        SignalName::EndRun(_) => (hit("handler_endrun"), Err(state)).1,
                        _ => (hit("handler_signal"), Ok(state)).1,
                    };
                }
            }
        }
        if self.on_failure && new.kind.is_failed() {
            hit("on_failure");
            self.note(By::OnFailure, None, &new);
        }
        if self.watched {
            self.note(By::Observer, Some(old.kind), &new);
        }
        Ok(new)
    }

    fn note(&mut self, by: By, old: Option<Kind>, new: &State) {
        self.events.push(Event { by, old, new: new.kind, message: new.message.clone() });
    }
}
