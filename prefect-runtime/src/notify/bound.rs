//! What all notifiers have in common as values: which states they want, and how their arguments are bound early.
use super::notice::Link;
use super::route::Address;
use crate::{StateKind, StateKinds};

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

/// The arguments that every notifier takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) only: StateKinds,
    pub(crate) ignore: StateKinds,
    pub(crate) link: Link,
    pub(crate) on_delivery_failure: OnDeliveryFailure,
}

impl Rules {
    /// Every state, with a link, in the background.
    pub(crate) const DEFAULT: Self = Self {
        only: StateKinds::EMPTY,
        ignore: StateKinds::EMPTY,
        link: Link::Shown,
        on_delivery_failure: OnDeliveryFailure::Log,
    };

    pub(crate) const fn wants(&self, kind: StateKind) -> bool {
        !self.ignore.contains(kind) && (self.only.is_empty() || self.only.contains(kind))
    }
}

/// Of which states a handler sends messages, and where to.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Notifies {
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nobody else sends for it"))]
    pub(crate) rules: Rules,
    #[cfg_attr(not(feature = "store"), allow(dead_code, reason = "nobody else sends for it"))]
    pub(crate) address: Address,
}

impl Notifies {
    pub(crate) const fn new(rules: Rules, address: Address) -> Self {
        Self { rules, address }
    }
}

impl std::fmt::Debug for Notifies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notifies")
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

/// Writes the ways to bind the arguments of a notifier, each argument once: as the start of a binding
/// (`slack_notifier::only_states(..)`), as its continuation (`ALERT.only_states(..)`), and as a keyword in a list of
/// handlers, where the macros turn `slack_notifier(only_states = [Failed])` into calls of methods of `$args`.
///
/// The arguments of [`Rules`] are bound in every notifier, which has a field `rules` and a constant `DEFAULT`.
macro_rules! bound {
    ($function:ident, $args:ident, $Notifier:ident; $($particular:tt)*) => {
        bound! {
            @write $function, $args, $Notifier;
            lists {
                /// Only these kinds of state and their special cases; an empty list means all.
                only_states |me| me.rules.only;
                /// Not these kinds of state and their special cases; wins over `only_states`.
                ignore_states |me| me.rules.ignore;
            }
            values {
                $($particular)*
                /// Whether the message links to the run's page, where a UI is configured. It does unless told otherwise.
                backend_info(shown: bool) |me| me.rules.link = if shown { Link::Shown } else { Link::LeftOut };
                /// What to do about a message that cannot be sent.
                on_delivery_failure(what: OnDeliveryFailure) |me| me.rules.on_delivery_failure = what;
            }
        }
    };
    (
        @write $function:ident, $args:ident, $Notifier:ident;
        lists { $($(#[$list_doc:meta])* $list:ident |$of:ident| $kinds:expr;)* }
        values { $($(#[$doc:meta])* $name:ident($arg:ident: $type:ty) |$me:ident| $body:expr;)* }
    ) => {
        impl $function {
            $($(#[$list_doc])* pub const fn $list(kinds: &[StateKind]) -> $Notifier { $Notifier::DEFAULT.$list(kinds) })*
            $($(#[$doc])* pub const fn $name($arg: $type) -> $Notifier { $Notifier::DEFAULT.$name($arg) })*

            #[doc(hidden)]
            pub const fn __kw() -> $args {
                $args($Notifier::DEFAULT)
            }
        }

        impl $Notifier {
            $($(#[$list_doc])* pub const fn $list(self, kinds: &[StateKind]) -> Self {
                let mut $of = self;
                $kinds = StateKinds::of(kinds);
                $of
            })*
            $($(#[$doc])* pub const fn $name(self, $arg: $type) -> Self { let mut $me = self; $body; $me })*
        }

        impl Default for $Notifier {
            fn default() -> Self {
                Self::DEFAULT
            }
        }

        /// Keyword arguments, as the macros call them.
        #[doc(hidden)]
        #[allow(non_camel_case_types, reason = "compile errors name it: it should read like the call")]
        #[derive(Clone, Copy, Debug)]
        #[must_use]
        pub struct $args($Notifier);

        /// Lists are taken by value, by reference and as any collection, because in a list of keywords nobody thinks of
        /// `&`.
        #[doc(hidden)]
        impl $args {
            $(pub fn $list(self, kinds: impl Kinds) -> Self { Self(self.0.$list(kinds.as_ref())) })*
            $(pub const fn $name(self, $arg: $type) -> Self { Self(self.0.$name($arg)) })*

            pub const fn __call(self) -> $Notifier {
                self.0
            }
        }
    };
}
pub(super) use bound;
