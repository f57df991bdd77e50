//! What can be given as a trigger, and what its return type says about the inputs of its task.
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Check, Refusal, Trigger, Upstreams};
use crate::quiet::Quiet;
use crate::{Outcome, Signal, TaskError};

/// What a built-in trigger says, for a task whose upstream tasks may have no result.
#[derive(Clone, Debug)]
#[must_use]
pub struct Verdict(Result<(), Box<Refusal>>);

impl Verdict {
    pub(super) fn new(judged: Result<(), Refusal>) -> Self {
        Self(judged.map_err(Box::new))
    }

    /// Whether the task runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.0.is_ok()
    }
}

/// What the triggers say that let a task run only when every upstream task has a result.
#[derive(Clone, Debug)]
#[must_use]
pub struct Successful(Verdict);

impl Successful {
    /// Whether the task runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.0.runs()
    }
}

impl From<Verdict> for Successful {
    fn from(verdict: Verdict) -> Self {
        Self(verdict)
    }
}

/// Every upstream task has a result.
#[derive(Debug)]
pub enum AfterSuccess {}

/// An upstream task may have none.
#[derive(Debug)]
pub enum AnyState {}

mod sealed {
    use super::Refusal;

    pub trait Judged {
        fn judge(self) -> Result<(), Refusal>;
    }
}
pub(crate) use sealed::Judged;

/// What a trigger may return: `bool`, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "a trigger must return `bool` or `Result<bool, _>`, not `{Self}`",
    label = "this trigger"
)]
pub trait TriggerOutput: Judged {
    /// Whether every upstream task has a result when it lets the task run.
    type Mode;
}

impl Judged for Verdict {
    fn judge(self) -> Result<(), Refusal> {
        self.0.map_err(|refusal| *refusal)
    }
}

impl Verdict {
    pub(crate) fn judge(self) -> Result<(), Refusal> {
        Judged::judge(self)
    }
}

#[diagnostic::do_not_recommend]
impl TriggerOutput for Verdict {
    type Mode = AnyState;
}

impl Judged for Successful {
    fn judge(self) -> Result<(), Refusal> {
        self.0.judge()
    }
}

impl Successful {
    pub(crate) fn judge(self) -> Result<(), Refusal> {
        self.0.judge()
    }
}

#[diagnostic::do_not_recommend]
impl TriggerOutput for Successful {
    type Mode = AfterSuccess;
}

impl Judged for bool {
    fn judge(self) -> Result<(), Refusal> {
        if self { Ok(()) } else { Err(Refusal::State(Signal::trigger_fail("Trigger failed").into_state())) }
    }
}

#[diagnostic::do_not_recommend]
impl TriggerOutput for bool {
    type Mode = AnyState;
}

impl<E: Into<TaskError>> Judged for Result<bool, E> {
    fn judge(self) -> Result<(), Refusal> {
        match self {
            Ok(runs) => runs.judge(),
            Err(error) => {
                let error = error.into();
                Err(match error.downcast_ref::<Signal>() {
                    Some(signal) => Refusal::State(signal.clone().into_state()),
                    None => Refusal::Error(error),
                })
            }
        }
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<TaskError>> TriggerOutput for Result<bool, E> {
    type Mode = AnyState;
}

/// A trigger that returns `R`.
pub struct Typed<R>(Check, PhantomData<fn() -> R>);

impl<R> Typed<R> {
    pub(crate) fn new(check: impl Fn(&Upstreams<'_>) -> Result<(), Refusal> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check), PhantomData)
    }
}

impl<R> fmt::Debug for Typed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trigger")
    }
}

/// What can be given as a trigger: a function of the upstream states that returns `R`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a trigger",
    label = "not a trigger",
    note = "a trigger is a `fn(&Upstreams) -> bool`"
)]
pub trait IntoTrigger<R> {
    /// The trigger.
    fn into_trigger(self) -> Typed<R>
    where
        R: TriggerOutput;
}

#[diagnostic::do_not_recommend]
impl<F, R> IntoTrigger<R> for F
where
    F: Fn(&Upstreams<'_>) -> R + Send + Sync + 'static,
{
    fn into_trigger(self) -> Typed<R>
    where
        R: TriggerOutput,
    {
        let trigger = Quiet::new(self);
        Typed::new(move |upstreams| trigger(upstreams).judge())
    }
}

/// For the macros: the trigger that was written.
pub fn into_trigger<R: TriggerOutput, T: IntoTrigger<R>>(trigger: T) -> Typed<R> {
    trigger.into_trigger()
}

/// For the macros: the trigger without its type.
#[must_use]
pub fn erase_trigger<R>(trigger: Typed<R>) -> Trigger {
    Trigger(Some(trigger.0))
}

/// For the macros: what a task says that runs whatever is skipped upstream.
#[must_use]
pub fn any_state() -> Typed<Verdict> {
    Typed::new(|_| Ok(()))
}

/// The types that a parameter may have when a trigger of this mode lets the task run.
pub trait Accepts<P> {}

impl<P> Accepts<P> for AfterSuccess {}

macro_rules! may_be_missing {
    ($([$($g:ident),*] $t:ty;)*) => { $(impl<$($g,)*> Accepts<$t> for AnyState {})* };
}

may_be_missing! {
    [T] Option<T>;
    [T] Outcome<T>;
    [T] Vec<Option<T>>;
    [T] Vec<Outcome<T>>;
    [K, T] HashMap<K, Option<T>>;
    [K, T] HashMap<K, Outcome<T>>;
    [K, T] BTreeMap<K, Option<T>>;
    [K, T] BTreeMap<K, Outcome<T>>;
}

impl<R: TriggerOutput, P> Accepts<P> for Typed<R> where R::Mode: Accepts<P> {}
