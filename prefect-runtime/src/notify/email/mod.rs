//! `email_notifier`: a state handler, and the ways to bind its arguments early.
//!
//! [`settings`] and [`login`] say by which server, [`account`] puts them together, [`mail`] is what it sends, [`smtp`]
//! how, [`outcome`] what the answers mean.
mod account;
mod lines;
mod login;
mod mail;
mod outcome;
pub(crate) mod settings;
mod smtp;
mod stamp;

use std::fmt;

use super::bound::{Kinds, Notifies, OnDeliveryFailure, Rules, bound};
use super::notice::Link;
use super::route::Address;
use crate::{State, StateHandler, StateKind, StateKinds, TaskError, Tracked};

pub(crate) use account::route;
pub(crate) use login::USERNAME;
pub(crate) use mail::payload;
pub(crate) use stamp::Stamp;

/// Mails every state change of the task or flow. It is a state handler as it stands.
///
/// With the secrets `EMAIL_USERNAME` and `EMAIL_PASSWORD` of a Gmail account it mails to that account; another server,
/// sender or recipient are set in the section `[email]` of the configuration. Which states, to whom and more can be
/// bound: in a list of handlers by keywords, `email_notifier(only_states = [Failed])`, elsewhere by
/// [associated functions](enum@email_notifier) that give an [`EmailNotifier`].
///
/// The mail is sent in the background: a server that is slow or down changes nothing in the run.
///
/// # Errors
/// None. See [`OnDeliveryFailure::Fail`] for a notifier that has some.
///
/// ```
/// use prefect::{State, TaskError, Tracked, email_notifier};
///
/// // A handler of one's own can call it.
/// fn at_night(object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
///     if object.flow_name() == "nightly" { email_notifier(object, old, new) } else { Ok(new) }
/// }
/// assert!(std::mem::size_of_val(&at_night) == 0);
/// ```
pub fn email_notifier(object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
    EmailNotifier::DEFAULT.handle(object, old, new)
}

/// Begins a notifier with some arguments bound.
///
/// ```
/// use prefect::StateKind::{Failed, TimedOut};
/// use prefect::{EmailNotifier, email_notifier};
///
/// const MAIL: EmailNotifier = email_notifier::only_states(&[Failed]).to("ops@example.org");
/// const QUIET: EmailNotifier = MAIL.ignore_states(&[TimedOut]);
/// assert_ne!(MAIL, QUIET);
/// ```
#[allow(non_camel_case_types, reason = "it shares the name of the function that it binds arguments of")]
#[derive(Clone, Copy, Debug)]
pub enum email_notifier {}

/// An [`email_notifier`](fn@email_notifier) with some arguments bound. `Copy`, made in a `const`, and bound again by the
/// same methods: the later value wins.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use = "a notifier does nothing until it is given to a task, a flow or `handle`"]
pub struct EmailNotifier {
    rules: Rules,
    to: Recipients,
}

/// To whom mails go, as it was bound: the text of `to`, else what the configuration says.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Recipients(Option<&'static str>);

#[cfg(feature = "store")]
impl Recipients {
    pub(crate) const fn text(self) -> &'static str {
        match self.0 {
            Some(text) => text,
            None => "",
        }
    }

    pub(crate) fn of_text(text: &'static str) -> Self {
        Self((!text.is_empty()).then_some(text))
    }
}

bound! {
    email_notifier, email_notifier_args, EmailNotifier;
    /// To whom: one address or several with commas between them, instead of the configuration's `email.to`, else the
    /// secret `EMAIL_USERNAME`.
    to(addresses: &'static str) |me| me.to = Recipients(Some(addresses));
}

impl EmailNotifier {
    /// Nothing bound: what [`email_notifier`](fn@email_notifier) does.
    pub const DEFAULT: Self = Self { rules: Rules::DEFAULT, to: Recipients(None) };

    /// Mails this state change, if its kind is wanted. Returns the new state.
    ///
    /// # Errors
    /// None, but with [`OnDeliveryFailure::Fail`]: `Local Secret "NAME" was not found.`,
    /// `Email notification for <Task: name> failed`, why the server could not be used, or what is wrong with an address.
    pub fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        let _ = old;
        object.services.notifications.notify(&self.rules, Address::Email(self.to), object, &new)?;
        Ok(new)
    }
}

impl StateHandler for EmailNotifier {
    fn handle(&self, object: &Tracked, old: &State, new: State) -> Result<State, TaskError> {
        EmailNotifier::handle(self, object, old, new)
    }

    fn notifies(&self) -> Option<Notifies> {
        Some(Notifies::new(self.rules, Address::Email(self.to)))
    }
}

impl fmt::Debug for EmailNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailNotifier")
            .field("only_states", &self.rules.only)
            .field("ignore_states", &self.rules.ignore)
            .field("to", &self.to.0)
            .field("backend_info", &(self.rules.link == Link::Shown))
            .field("on_delivery_failure", &self.rules.on_delivery_failure)
            .finish()
    }
}
