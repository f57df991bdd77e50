//! Makes a failing case small: one part less at a time, as long as it still fails.
use super::{
    Body, Carries, Case, Mode, Occasion, Outcome, Part, Patience, Place, Reads, RetryOn, Role, Script, Takes, Task,
    Trigger, Val,
};

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
        next.tidy();
        if next != *case {
            out.push(next);
        }
    };
    for run in (0..case.runs.len()).filter(|_| case.runs.len() > 1) {
        offer(&|case| drop(case.runs.remove(run)));
    }
    for t in (0..case.tasks.len()).rev() {
        offer(&|case| drop_task(case, t));
    }
    for run in 0..case.runs.len() {
        offer(&|case| case.runs[run] = Occasion { after: case.runs[run].after, ..Occasion::default() });
        offer(&|case| case.runs[run].after = 0);
        offer(&|case| case.runs[run].given.clear());
        offer(&|case| case.runs[run].world = 0);
    }
    for t in 0..case.tasks.len() {
        let mut offer_task = |change: Change<'_>| offer(&|case| change(&mut case.tasks[t]));
        smaller_task(&case.tasks[t], &mut offer_task);
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

/// Takes something from a task.
type Change<'a> = &'a dyn Fn(&mut Task);

/// Every way in which one task has one part less.
fn smaller_task(task: &Task, offer: &mut dyn FnMut(Change<'_>)) {
    let ok = || match task.role {
        Role::ResourceCleanup => Outcome::Returns(Val::Unit),
        _ => Outcome::Linear { times: 1, plus: 1 },
    };
    let is_own = matches!(task.body, Body::Own(_)) && task.role == Role::Work;
    if !is_own {
        let plain = || Script::of(vec![Outcome::Linear { times: 1, plus: 1 }]);
        offer(&|task| *task = Task::new(task.name.clone(), task.edges.clone(), plain()));
    }
    for e in (0..task.edges.len()).filter(|_| is_own || task.body == Body::Merge) {
        offer(&|task| {
            task.edges.remove(e);
        });
        if task.edges[e].carries == Carries::EachFlat {
            offer(&|task| task.edges[e].carries = Carries::Each);
        }
    }
    for (l, list) in task.over.iter().enumerate() {
        offer(&|task| drop(task.over.remove(l)));
        for i in 0..list.len() {
            offer(&|task| {
                task.over[l].remove(i);
            });
            offer(&|task| task.over[l][i] = 0);
        }
    }
    for h in 0..task.handlers.len() {
        offer(&|task| drop(task.handlers.remove(h)));
        offer(&|task| task.handlers[h].times = 1);
    }
    if let Body::Own(script) = &task.body {
        fn own(task: &mut Task) -> &mut Script {
            match &mut task.body {
                Body::Own(script) => script,
                _ => unreachable!("just looked at"),
            }
        }
        offer(&|task| own(task).of_child.clear());
        for child in script.of_child.keys() {
            offer(&|task| drop(own(task).of_child.remove(child)));
            let of_child = |task: &mut Task, change: &dyn Fn(&mut Vec<Outcome>)| {
                own(task).of_child.get_mut(child).into_iter().for_each(change);
            };
            offer(&|task| of_child(task, &|calls| *calls = vec![ok()]));
            for o in 0..script.of_child[child].len().saturating_sub(1) {
                offer(&|task| of_child(task, &|calls| drop(calls.remove(o))));
            }
        }
        offer(&|task| own(task).calls = vec![ok()]);
        for o in 0..script.calls.len().saturating_sub(1) {
            offer(&|task| drop(own(task).calls.remove(o)));
        }
        for (o, outcome) in script.calls.iter().enumerate() {
            match outcome {
                Outcome::List(len) if *len > 0 => offer(&|task| own(task).calls[o] = Outcome::List(len - 1)),
                Outcome::Lists(lens) => {
                    for i in 0..lens.len() {
                        let mut fewer = lens.clone();
                        fewer.remove(i);
                        offer(&|task| own(task).calls[o] = Outcome::Lists(fewer.clone()));
                    }
                }
                _ => {}
            }
        }
    }
    if is_own {
        offer(&|task| {
            (task.trigger, task.skip_on_upstream_skip, task.reads) = (Trigger::AllSuccessful, true, Reads::Values);
        });
    }
    offer(&|task| (task.max_retries, task.retry_delay, task.retry_on) = (0, 0, RetryOn::Anything));
    offer(&|task| task.retry_delay = 0);
    offer(&|task| task.retry_on = RetryOn::Anything);
    offer(&|task| task.on_failure = false);
    offer(&|task| task.watched = true);
    offer(&|task| task.takes = Takes::Any);
    offer(&|task| task.patience = Patience::Endless);
    offer(&|task| task.cache = None);
    offer(&|task| task.store = None);
    offer(&|task| task.cache.iter_mut().for_each(|cache| cache.key = None));
    offer(&|task| task.store.iter_mut().for_each(|store| (store.checkpoint, store.trouble) = (true, 0)));
    let plain = || vec![Part::TaskName];
    offer(&|task| {
        if let Some(Place::Target(parts) | Place::Location(parts)) = task.store.as_mut().map(|store| &mut store.place) {
            *parts = plain();
        }
    });
}

fn drop_task(case: &mut Case, gone: usize) {
    case.tasks.remove(gone);
    for task in &mut case.tasks {
        task.edges.retain(|edge| edge.from != gone);
        for edge in &mut task.edges {
            edge.from -= usize::from(edge.from > gone);
        }
        // The library's own tasks are nothing without their inputs.
        let inputs = task.edges.iter().filter(|edge| edge.carries == Carries::Data).count();
        let needs = match (&task.body, task.role) {
            (Body::Compare(_) | Body::CompareTruth(_) | Body::AsBool | Body::Filter(_), _) => 1,
            (Body::Own(_), Role::ResourceCleanup) => 2,
            _ => 0,
        };
        if inputs < needs {
            let body = Script::of(vec![Outcome::Linear { times: 1, plus: 1 }]);
            *task = Task::new(task.name.clone(), task.edges.clone(), body);
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
