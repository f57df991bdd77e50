//! The triggers.
use super::rules::{Hits, Tasks};
use super::states::{At, State};
use super::{Bound, Bounds, Custom, Kind, Raise, Res, SignalName, Task, Trigger};

/// `Err` with the state that a task gets which may not run. Two edges from one task count once: the states are a set.
pub(super) fn check(trigger: &Trigger, upstream: &[&State], at: At, hits: &mut Hits) -> Result<(), State> {
    let mut hit = |rule| *hits.entry(rule).or_default() += 1;
    let count = |is: fn(Kind) -> bool| upstream.iter().filter(|up| is(up.kind)).count();
    let (all, none) = (upstream.len(), upstream.is_empty());
    let (good, bad) = (count(Kind::is_successful), count(Kind::is_failed));
    if none {
        hit("no_upstream");
    }
    let (rule, holds, text) = match trigger {
        Trigger::AllSuccessful => ("all_successful", good == all, "but some of the upstream tasks failed."),
        Trigger::AllFailed => ("all_failed", bad == all, "but some of the upstream tasks succeeded."),
        Trigger::AllFinished | Trigger::AlwaysRun => {
            hit(if *trigger == Trigger::AllFinished { "all_finished" } else { "always_run" });
            return Ok(()); // The run never comes here while an upstream is unfinished.
        }
        Trigger::AnySuccessful => ("any_successful", none || good > 0, "but none of the upstream tasks succeeded."),
        Trigger::AnyFailed => ("any_failed", none || bad > 0, "but none of the upstream tasks failed."),
        Trigger::SomeFailed(bounds) => {
            ("some_failed", within(bounds, bad, all, &mut hit), "but thresholds were not met.")
        }
        Trigger::SomeSuccessful(bounds) => {
            ("some_successful", within(bounds, good, all, &mut hit), "but thresholds were not met.")
        }
        Trigger::NotAllSkipped if count(|kind| kind == Kind::Skipped) == all => {
            hit("all_upstreams_skipped");
            return Err(State::plain(Kind::Skipped, "All upstreams were skipped"));
        }
        Trigger::NotAllSkipped => ("not_all_skipped", good == all, "but some of the upstream tasks failed."),
        Trigger::ResourceCleanup => unreachable!("asked elsewhere: it tells its upstream tasks apart"),
        Trigger::ManualOnly => {
            hit("manual_only");
            let message = Some("Trigger function is \"manual_only\"".to_owned());
            return Err(State::raised(&Raise { signal: SignalName::Pause, message, value: None }, at));
        }
        Trigger::Custom(custom) => {
            hit("custom_trigger");
            return match custom {
                Custom::True => Ok(()),
                Custom::False => (hit("trigger_false"), Err(State::refused("Trigger failed"))).1,
                Custom::Signal(raise) => (hit("trigger_signal"), Err(State::raised(raise, at))).1,
                Custom::Error(text) | Custom::Panic(text) => {
                    hit("trigger_error");
                    let fixed = "Unexpected error while checking task trigger: ";
                    Err(State::error(Kind::TriggerFailed, fixed, text))
                }
            };
        }
    };
    hit(rule);
    if holds { Ok(()) } else { Err(State::refused(&format!("Trigger was \"{rule}\" {text}"))) }
}

/// Whether a count lies within bounds; without upstream tasks it does.
fn within(bounds: &Bounds, count: usize, all: usize, hit: &mut dyn FnMut(&'static str)) -> bool {
    let real = |n: usize| f64::from(u32::try_from(n).expect("few tasks"));
    let mut limit = |bound: Bound| match bound {
        Bound::Count(n) => (hit("bound_count"), f64::from(n)).1,
        Bound::Share(share) => (hit("bound_share"), share * real(all)).1,
    };
    let (least, most) = (bounds.at_least.map(&mut limit), bounds.at_most.map(&mut limit));
    all == 0 || (least.is_none_or(|n| real(count) >= n) && most.is_none_or(|n| real(count) <= n))
}

impl Tasks<'_> {
    /// The trigger of a resource's clean-up: its first edge leads to the manager, its second to the resource.
    pub(super) fn resource_is_there(&self, task: &Task, hits: &mut Hits) -> Result<(), State> {
        let mut hit = |rule| *hits.entry(rule).or_default() += 1;
        for (step, edge) in [("setup", 1), ("init", 0)] {
            let what = match self.runs[task.edges[edge].from].own.state.kind {
                kind if kind.is_failed() => "failed",
                Kind::Skipped => "skipped",
                _ => continue,
            };
            hit("resource_missing");
            let text = format!("Resource manager {step} {what}");
            let mut skipped = State::plain(Kind::Skipped, &text);
            skipped.result = Res::Signal("SKIP".to_owned(), Some(text));
            return Err(skipped);
        }
        hit("resource_cleanup");
        Ok(())
    }
}
