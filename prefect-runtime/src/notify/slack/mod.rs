//! `slack_notifier`: a state handler, and the ways to bind its arguments early.
//!
//! [`payload`] is what it posts, [`webhook_url`] where to, [`route`] and [`transport`]/`http` how, [`classify`] what the
//! answer means; `try_out` posts one message outside of a run.
mod classify;
#[cfg(feature = "slack")]
mod http;
mod payload;
mod route;
pub(super) mod transport;
#[cfg(all(feature = "cli", feature = "store"))]
mod try_out;
mod webhook_url;

use std::fmt;

use super::bound::{Kinds, Notifies, OnDeliveryFailure, Rules, bound};
use super::notice::Link;
use super::route::Address;
use crate::{State, StateHandler, StateKind, StateKinds, TaskError, Tracked};
use transport::{Proxies, ProxyList};

pub(crate) use payload::payload;
pub(crate) use route::{check_webhook, route};
#[cfg(all(feature = "cli", feature = "store"))]
pub(crate) use try_out::{masked, try_webhook};

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
    pub(crate) rules: Rules,
    pub(crate) webhook: Webhook,
}

/// A webhook as it was bound: a secret, reached in one way.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Webhook {
    pub(crate) secret: &'static str,
    pub(crate) proxies: ProxyList,
}

impl Webhook {
    /// Without proxies of its own.
    #[cfg(feature = "store")]
    pub(crate) const fn of_secret(secret: &'static str) -> Self {
        Self { secret, proxies: ProxyList(&[]) }
    }
}

bound! {
    slack_notifier, slack_notifier_args, SlackNotifier;
    /// The name of the secret that holds the webhook's URL, instead of `SLACK_WEBHOOK_URL`.
    webhook_secret(name: &'static str) |me| me.webhook.secret = name;
    /// Proxies by scheme (`https`, `http` or `all`), instead of those of the environment.
    proxies(by_scheme: Proxies) |me| me.webhook.proxies = ProxyList(by_scheme);
}

impl SlackNotifier {
    /// Nothing bound: what [`slack_notifier`](fn@slack_notifier) does.
    pub const DEFAULT: Self =
        Self { rules: Rules::DEFAULT, webhook: Webhook { secret: "SLACK_WEBHOOK_URL", proxies: ProxyList(&[]) } };

    /// Posts this state change, if its kind is wanted. Returns the new state.
    ///
    /// # Errors
    /// None, but with [`OnDeliveryFailure::Fail`]: `Local Secret "NAME" was not found.`,
    /// `Slack notification for <Task: name> failed`, or why Slack could not be reached.
    pub fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        let _ = old;
        object.services.notifications.notify(&self.rules, self.address(), object, &new)?;
        Ok(new)
    }

    pub(crate) const fn address(&self) -> Address {
        Address::Slack(self.webhook)
    }
}

impl StateHandler for SlackNotifier {
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        SlackNotifier::handle(self, object, old, new)
    }

    fn webhook_secret(&self) -> Option<&str> {
        Some(self.webhook.secret)
    }

    fn notifies(&self) -> Option<Notifies> {
        Some(Notifies::new(self.rules, self.address()))
    }
}

impl fmt::Debug for SlackNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackNotifier")
            .field("only_states", &self.rules.only)
            .field("ignore_states", &self.rules.ignore)
            .field("webhook_secret", &self.webhook.secret)
            .field("backend_info", &(self.rules.link == Link::Shown))
            .field("proxies", &self.webhook.proxies)
            .field("on_delivery_failure", &self.rules.on_delivery_failure)
            .finish()
    }
}
