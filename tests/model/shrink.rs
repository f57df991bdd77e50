//! Makes a failing case small: one part less at a time, as long as it still fails.
use super::{Case, Mode, Outcome, Patience, Reads, RetryOn, Takes, Trigger};

/// The smallest case found that still fails, greedily. `fails` must hold for `case`.
pub fn smallest(case: Case, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case;
    while let Some(smaller) = smaller(&best).into_iter().find(&mut fails) {
        best = smaller;
    }
    best
}

/// Every case with one part less, the big parts first.
fn smaller(case: &Case) -> Vec<Case> {
    let mut out = Vec::new();
    let mut offer = |change: &dyn Fn(&mut Case)| {
        let mut next = case.clone();
        change(&mut next);
        if next != *case {
            out.push(next);
        }
    };
    for t in (0..case.tasks.len()).rev() {
        offer(&|case| drop_task(case, t));
    }
    for (t, task) in case.tasks.iter().enumerate() {
        for e in 0..task.edges.len() {
            offer(&|case| {
                case.tasks[t].edges.remove(e);
            });
        }
        for h in 0..task.handlers.len() {
            offer(&|case| drop(case.tasks[t].handlers.remove(h)));
            offer(&|case| case.tasks[t].handlers[h].times = 1);
        }
        offer(&|case| case.tasks[t].outcomes = vec![Outcome::Linear { times: 1, plus: 1 }]);
        for o in 0..task.outcomes.len().saturating_sub(1) {
            offer(&|case| drop(case.tasks[t].outcomes.remove(o)));
        }
        offer(&|case| {
            let task = &mut case.tasks[t];
            (task.trigger, task.skip_on_upstream_skip, task.reads) = (Trigger::AllSuccessful, true, Reads::Values);
        });
        offer(&|case| {
            let task = &mut case.tasks[t];
            (task.max_retries, task.retry_delay, task.retry_on) = (0, 0, RetryOn::Anything);
        });
        offer(&|case| case.tasks[t].retry_delay = 0);
        offer(&|case| case.tasks[t].retry_on = RetryOn::Anything);
        offer(&|case| case.tasks[t].on_failure = false);
        offer(&|case| case.tasks[t].watched = true);
        offer(&|case| case.tasks[t].takes = Takes::Any);
        offer(&|case| case.tasks[t].patience = Patience::Endless);
    }
    for h in 0..case.flow.handlers.len() {
        offer(&|case| drop(case.flow.handlers.remove(h)));
    }
    offer(&|case| case.flow.on_failure = false);
    offer(&|case| case.flow.reference_tasks = None);
    offer(&|case| case.flow.terminal = None);
    offer(&|case| case.keep_all = true);
    if !case.tasks.iter().any(super::generate::can_pause) {
        offer(&|case| case.mode = Mode::Run);
    }
    out
}

fn drop_task(case: &mut Case, gone: usize) {
    case.tasks.remove(gone);
    for task in &mut case.tasks {
        task.edges.retain(|edge| edge.from != gone);
        for edge in &mut task.edges {
            edge.from -= usize::from(edge.from > gone);
        }
    }
    if let Some(tasks) = &mut case.flow.reference_tasks {
        tasks.retain(|&task| task != gone);
        for task in tasks.iter_mut() {
            *task -= usize::from(*task > gone);
        }
        if tasks.is_empty() {
            case.flow.reference_tasks = None;
        }
    }
}
