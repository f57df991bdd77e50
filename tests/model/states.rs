//! The states of the model, and which state comes out of a body, a signal or user code.
use super::{Kind, Message, NewState, Raise, Res, SignalName, Val};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) kind: Kind,
    pub(super) message: Message,
    pub(super) result: Res,
    /// Stored by Retrying (the attempt it follows) and by the other scheduled kinds.
    pub(super) run_count: Option<u32>,
    /// When a scheduled kind may start; `None`: never.
    pub(super) start: Option<u32>,
    /// Of a task that loops: the iteration that comes next, and what the one before gave.
    pub(super) looping: Option<Box<Looping>>,
    /// Of a kept result: when its time has passed, in seconds since the first run began.
    pub(super) expires: Option<u64>,
    /// Where the result was written.
    pub(super) location: Option<String>,
}

/// See [`State::looping`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Looping {
    /// From 1.
    pub(super) iteration: u32,
    pub(super) result: Option<i64>,
}

impl State {
    pub(super) fn new(kind: Kind, message: Message, result: Res) -> Self {
        Self { kind, message, result, run_count: None, start: None, looping: None, expires: None, location: None }
    }

    pub(super) fn plain(kind: Kind, message: &str) -> Self {
        Self::new(kind, Message::Is(message.to_owned()), Res::Null)
    }

    pub(super) fn error(kind: Kind, fixed: &'static str, text: &str) -> Self {
        Self::new(kind, Message::Tells { fixed, about: text.to_owned() }, Res::Error(text.to_owned()))
    }

    /// A trigger that says no.
    pub(super) fn refused(text: &str) -> Self {
        let result = Res::Signal("TRIGGERFAIL".to_owned(), Some(text.to_owned()));
        Self::new(Kind::TriggerFailed, Message::Is(text.to_owned()), result)
    }

    /// Made by user code in the given attempt: scheduled kinds know the attempt and start at once, Paused never does.
    pub(super) fn made(new: &NewState, at: At) -> Self {
        let message = new.message.clone().map_or(Message::None, Message::Is);
        let mut state = Self::new(new.kind, message, new.value.map_or(Res::Null, |n| Res::Value(Val::Number(n))));
        if matches!(new.kind, Kind::Scheduled | Kind::Paused | Kind::Retrying) {
            state.run_count = Some(at.run_count);
            state.start = (new.kind != Kind::Paused).then_some(at.now);
        }
        state
    }

    pub(super) fn raised(raise: &Raise, at: At) -> Self {
        let kind = match raise.signal {
            SignalName::Fail => Kind::Failed,
            SignalName::TriggerFail => Kind::TriggerFailed,
            SignalName::ValidationFail => Kind::ValidationFailed,
            SignalName::Success => Kind::Success,
            SignalName::Skip => Kind::Skipped,
            SignalName::Retry => Kind::Retrying,
            SignalName::Pause => Kind::Paused,
            SignalName::Loop => Kind::Looped,
            SignalName::EndRun(kind) => kind,
        };
        let mut state = Self::made(&NewState { kind, message: raise.message.clone(), value: raise.value }, at);
        if raise.value.is_none() && !matches!(raise.signal, SignalName::EndRun(_)) {
            state.result = Res::Signal(raise.signal.name().to_owned(), raise.message.clone());
        }
        state
    }
}

/// Where in a run something happens.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) now: u32,
    pub(super) run_count: u32,
}
