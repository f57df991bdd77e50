//! The triggers of a case, as the library's.
use prefect::__private::{erase_trigger, into_trigger};
use prefect::TaskError;
use prefect::trigger::{
    all_failed, all_finished, always_run, any_failed, any_successful, manual_only, not_all_skipped, some_failed,
    some_successful,
};

use super::super::{Bound, Bounds, Custom, Trigger};
use super::handlers::signal;

pub(super) fn trigger(trigger: &Trigger) -> prefect::Trigger {
    let counting = |thresholds: prefect::trigger::Thresholds, bounds: Bounds| {
        let mut thresholds = thresholds;
        if let Some(bound) = bounds.at_least {
            thresholds = match bound {
                Bound::Count(n) => thresholds.at_least(n as usize),
                Bound::Share(share) => thresholds.at_least(share),
            };
        }
        if let Some(bound) = bounds.at_most {
            thresholds = match bound {
                Bound::Count(n) => thresholds.at_most(n as usize),
                Bound::Share(share) => thresholds.at_most(share),
            };
        }
        erase_trigger(into_trigger(thresholds))
    };
    match trigger.clone() {
        // Not written out: the engine has a short way for tasks that say nothing.
        Trigger::AllSuccessful => prefect::Trigger::default(),
        Trigger::AllFailed => erase_trigger(into_trigger(all_failed)),
        Trigger::AllFinished => erase_trigger(into_trigger(all_finished)),
        Trigger::AlwaysRun => erase_trigger(into_trigger(always_run)),
        Trigger::AnySuccessful => erase_trigger(into_trigger(any_successful)),
        Trigger::AnyFailed => erase_trigger(into_trigger(any_failed)),
        Trigger::NotAllSkipped => erase_trigger(into_trigger(not_all_skipped)),
        Trigger::ManualOnly => erase_trigger(into_trigger(manual_only)),
        Trigger::SomeFailed(bounds) => counting(some_failed(), bounds),
        Trigger::SomeSuccessful(bounds) => counting(some_successful(), bounds),
        Trigger::ResourceCleanup => unreachable!("it comes with the task"),
        Trigger::Custom(custom) => {
            erase_trigger(into_trigger(move |_: &prefect::Upstreams<'_>| -> Result<bool, TaskError> {
                match &custom {
                    Custom::True => Ok(true),
                    Custom::False => Ok(false),
                    Custom::Error(text) => Err(text.clone().into()),
                    Custom::Panic(text) => panic!("{text}"),
                    Custom::Signal(raised) => Err(signal(raised).into()),
                }
            }))
        }
    }
}
