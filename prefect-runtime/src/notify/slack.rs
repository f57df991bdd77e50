//! `slack_notifier`: a state handler, and the ways to bind its arguments early.
use std::fmt;

use super::payload::Link;
use super::transport::{Proxies, ProxyList};
use crate::{State, StateHandler, StateKind, StateKinds, TaskError, Tracked};

/// Posts every state change of the task or flow to Slack. It is a state handler as it stands.
///
/// The webhook's URL is read from the secret `SLACK_WEBHOOK_URL`. Which states, which secret and more
/// can be bound: in a list of handlers by keywords, `slack_notifier(only_states = [Failed])`, elsewhere
/// by [associated functions](enum@slack_notifier) that give a [`SlackNotifier`].
///
/// The message is sent in the background: Slack being slow or down changes nothing in the run.
///
/// # Errors
/// None. See [`OnDeliveryFailure::Fail`] for a notifier that has some.
///
/// ```
/// use prefect::{State, TaskError, Tracked, slack_notifier};
///
/// // A handler of one's own can call it.
/// fn loud(object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
///     if object.name().starts_with("load") { slack_notifier(object, old, new) } else { Ok(new) }
/// }
/// assert!(std::mem::size_of_val(&loud) == 0);
/// ```
pub fn slack_notifier(object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
    SlackNotifier::DEFAULT.handle(object, old, new)
}

/// Begins a notifier with some arguments bound.
///
/// ```
/// use prefect::StateKind::{Failed, TimedOut};
/// use prefect::{SlackNotifier, slack_notifier};
///
/// const ALERT: SlackNotifier = slack_notifier::only_states(&[Failed]);
/// const ONCALL: SlackNotifier = ALERT.webhook_secret("ONCALL").ignore_states(&[TimedOut]);
/// assert_ne!(ALERT, ONCALL);
/// ```
#[allow(non_camel_case_types, reason = "it shares the name of the function that it binds arguments of")]
#[derive(Clone, Copy, Debug)]
pub enum slack_notifier {}

/// A [`slack_notifier`](fn@slack_notifier) with some arguments bound. `Copy`, made in a `const`, and bound again by the
/// same methods: the later value wins.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use = "a notifier does nothing until it is given to a task, a flow or `handle`"]
pub struct SlackNotifier {
    only: StateKinds,
    ignore: StateKinds,
    pub(crate) secret: &'static str,
    pub(crate) proxies: ProxyList,
    pub(crate) link: Link,
    pub(crate) on_delivery_failure: OnDeliveryFailure,
}

/// What a notifier does about a message that cannot be sent.
///
/// ```
/// use prefect::{OnDeliveryFailure, SlackNotifier, slack_notifier};
///
/// const STRICT: SlackNotifier = slack_notifier::on_delivery_failure(OnDeliveryFailure::Fail);
/// assert_eq!(STRICT.on_delivery_failure(OnDeliveryFailure::default()), SlackNotifier::DEFAULT);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OnDeliveryFailure {
    /// The message is sent in the background. One that cannot be sent is logged and counted.
    #[default]
    Log,
    /// The message is sent while the task waits, and a failure is the handler's error, which fails the task: what
    /// Prefect 1 does. The secret is read first, so a missing one is an error for ignored states too.
    Fail,
}

/// Writes each argument once, as the start of a binding and as its continuation.
macro_rules! bound {
    ($($(#[$doc:meta])* $name:ident($arg:ident: $type:ty) |$me:ident| $body:expr;)*) => {
        impl slack_notifier {
            $($(#[$doc])* pub const fn $name($arg: $type) -> SlackNotifier { SlackNotifier::DEFAULT.$name($arg) })*
        }
        impl SlackNotifier {
            $($(#[$doc])* pub const fn $name(self, $arg: $type) -> Self { let mut $me = self; $body; $me })*
        }
    };
}

bound! {
    /// Only these kinds of state and their special cases; an empty list means all.
    only_states(kinds: &[StateKind]) |me| me.only = StateKinds::of(kinds);
    /// Not these kinds of state and their special cases; wins over `only_states`.
    ignore_states(kinds: &[StateKind]) |me| me.ignore = StateKinds::of(kinds);
    /// The name of the secret that holds the webhook's URL, instead of `SLACK_WEBHOOK_URL`.
    webhook_secret(name: &'static str) |me| me.secret = name;
    /// Whether the message links to the run's page, where a UI is configured. It does unless told otherwise.
    backend_info(shown: bool) |me| me.link = if shown { Link::Shown } else { Link::LeftOut };
    /// Proxies by scheme (`https`, `http` or `all`), instead of those of the environment.
    proxies(by_scheme: Proxies) |me| me.proxies = ProxyList(by_scheme);
    /// What to do about a message that cannot be sent.
    on_delivery_failure(what: OnDeliveryFailure) |me| me.on_delivery_failure = what;
}

impl SlackNotifier {
    /// Nothing bound: what [`slack_notifier`](fn@slack_notifier) does.
    pub const DEFAULT: Self = Self {
        only: StateKinds::EMPTY,
        ignore: StateKinds::EMPTY,
        secret: "SLACK_WEBHOOK_URL",
        proxies: ProxyList(&[]),
        link: Link::Shown,
        on_delivery_failure: OnDeliveryFailure::Log,
    };

    /// Posts this state change, if its kind is wanted. Returns the new state.
    ///
    /// # Errors
    /// None, but with [`OnDeliveryFailure::Fail`]: `Local Secret "NAME" was not found.`,
    /// `Slack notification for <Task: name> failed`, or why Slack could not be reached.
    pub fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        let _ = old;
        object.services.notifications.notify(self, object, &new)?;
        Ok(new)
    }

    pub(crate) const fn wants(&self, kind: StateKind) -> bool {
        !self.ignore.contains(kind) && (self.only.is_empty() || self.only.contains(kind))
    }
}

impl Default for SlackNotifier {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl StateHandler for SlackNotifier {
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        SlackNotifier::handle(self, object, old, new)
    }

    fn webhook_secret(&self) -> Option<&str> {
        Some(self.secret)
    }
}

impl fmt::Debug for SlackNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackNotifier")
            .field("only_states", &self.only)
            .field("ignore_states", &self.ignore)
            .field("webhook_secret", &self.secret)
            .field("backend_info", &(self.link == Link::Shown))
            .field("proxies", &self.proxies)
            .field("on_delivery_failure", &self.on_delivery_failure)
            .finish()
    }
}

/// Keyword arguments: the macros turn `slack_notifier(only_states = [Failed])` into calls of these methods.
#[doc(hidden)]
#[allow(non_camel_case_types, reason = "compile errors name it: it should read like the call")]
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct slack_notifier_args(SlackNotifier);

impl slack_notifier {
    #[doc(hidden)]
    pub const fn __kw() -> slack_notifier_args {
        slack_notifier_args(SlackNotifier::DEFAULT)
    }
}

/// A list of kinds, by value, by reference or as any collection.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of state kinds",
    label = "expected kinds, such as `[Failed]`"
)]
pub trait Kinds: AsRef<[StateKind]> {}

#[diagnostic::do_not_recommend]
impl<T: AsRef<[StateKind]>> Kinds for T {}

/// Lists are taken by value, by reference and as any collection, because in a list of keywords nobody thinks of `&`.
#[doc(hidden)]
impl slack_notifier_args {
    pub fn only_states(self, kinds: impl Kinds) -> Self {
        Self(self.0.only_states(kinds.as_ref()))
    }

    pub fn ignore_states(self, kinds: impl Kinds) -> Self {
        Self(self.0.ignore_states(kinds.as_ref()))
    }

    pub const fn webhook_secret(self, name: &'static str) -> Self {
        Self(self.0.webhook_secret(name))
    }

    pub const fn backend_info(self, shown: bool) -> Self {
        Self(self.0.backend_info(shown))
    }

    pub const fn proxies(self, by_scheme: Proxies) -> Self {
        Self(self.0.proxies(by_scheme))
    }

    pub const fn on_delivery_failure(self, what: OnDeliveryFailure) -> Self {
        Self(self.0.on_delivery_failure(what))
    }

    pub const fn __call(self) -> SlackNotifier {
        self.0
    }
}
