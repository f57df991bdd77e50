#![doc = include_str!("../README.md")]

/// From a first task to a nightly job with tests.
#[doc = include_str!("../docs/tutorial.md")]
pub mod tutorial {}

/// Short answers to single questions.
#[doc = include_str!("../docs/how-to.md")]
pub mod how_to {}

/// Prefect 1 and this library side by side, and all that differs.
#[doc = include_str!("../docs/from-prefect-1.md")]
pub mod from_prefect_1 {}

/// The guide to Slack notifications.
#[doc = include_str!("../docs/slack.md")]
pub mod slack_guide {}

/// The guide to notifications by mail.
#[cfg(feature = "email")]
#[doc = include_str!("../docs/email.md")]
pub mod email_guide {}

/// The guide to schedules.
#[doc = include_str!("../docs/schedules.md")]
pub mod schedule_guide {}

/// The guide to kept results: caches, targets, stores.
#[doc = include_str!("../docs/results.md")]
pub mod result_guide {}

/// The guide to limits: by tag, by flow, and rates.
#[doc = include_str!("../docs/limits.md")]
pub mod limits_guide {}

/// The guide to secrets.
#[cfg(feature = "store")]
#[doc = include_str!("../docs/secrets.md")]
pub mod secrets_guide {}

/// The guide to the log lines of recorded runs.
#[cfg(feature = "store")]
#[doc = include_str!("../docs/logs.md")]
pub mod log_guide {}

/// The guide to pictures of flows.
#[doc = include_str!("../docs/pictures.md")]
pub mod picture_guide {}

/// The guide to tests of flows.
#[doc = include_str!("../docs/testing.md")]
pub mod testing_guide {}

/// The commands of `prefect::main` and of the program `prefect`.
#[cfg(feature = "cli")]
#[doc = include_str!("../docs/command-line.md")]
pub mod command_line_guide {}

/// What `prefect::main` prints, and where.
#[cfg(feature = "cli")]
#[doc = include_str!("../docs/terminal.md")]
pub mod terminal_guide {}

pub use prefect_macros::{flow_attribute as flow, task};
pub use prefect_runtime::*;
/// Where runs are recorded: opening a store, and looking at what is in it.
#[cfg(feature = "store")]
pub use prefect_store as store;

/// What a program that runs flows needs: `use prefect::prelude::*;`.
///
/// The attribute for flows with parameters is written with its path, `#[prefect::flow]`: it cannot share its name with
/// [`flow!`](prelude::flow) in one module.
pub mod prelude {
    pub use prefect_macros::{flow, task};
    pub use prefect_runtime::StateKind::{
        Cached, Cancelled, Cancelling, ClientFailed, Crashed, Failed, Finished, Looped, Mapped, Paused, Pending,
        Queued, Resume, Retrying, Running, Scheduled, Skipped, Submitted, Success, TimedOut, TriggerFailed,
        ValidationFailed,
    };
    pub use prefect_runtime::cache::{
        all_inputs, all_parameters, duration_only, never_use, partial_inputs_only, partial_parameters_only,
    };
    pub use prefect_runtime::trigger::{
        Upstreams, all_failed, all_finished, all_successful, always_run, any_failed, any_successful, manual_only,
        not_all_skipped, some_failed, some_successful,
    };
    pub use prefect_runtime::{
        CacheCandidate, Data, LocalResult, Node, OnDeliveryFailure, Outcome, ResultStore, Signal, SlackNotifier, State,
        StateHandler, StateKind, TaskError, Tracked, callback_factory, case, choose, context, exponential, filter,
        flatten, ifelse, input, list, merge, options, parameter, parameter_or, raise, reference_tasks, resource,
        slack_notifier, switch, task_fn, unmapped,
    };
    #[cfg(feature = "email")]
    pub use prefect_runtime::{EmailNotifier, email_notifier};
}

/// The flows of a program, for [`main`]: a path is a `#[prefect::flow]` function, what stands in parentheses a `Flow` value.
///
/// ```
/// use prefect::prelude::*;
///
/// #[prefect::flow]
/// fn nightly() {}
///
/// let flows = prefect::flows![nightly, (flow!("hourly", {}))];
/// assert_eq!(flows.len(), 2);
/// ```
#[cfg(feature = "cli")]
#[macro_export]
macro_rules! flows {
    (@one ($flow:expr)) => { $crate::AnyFlow::from($flow) };
    (@one $flow:ident) => { $crate::AnyFlow::from($flow::flow()) };
    ($($flow:tt),* $(,)?) => { ::std::vec![$($crate::flows!(@one $flow)),*] };
}
