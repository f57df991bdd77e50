//! The rules of a run, as plain and slow as they can be said: one thread, passes over all tasks, a counter for a clock.
//!
//! Written from the specification alone. Where it is silent, a comment says what was chosen.
use std::collections::BTreeSet;

use super::bodies::{self, Call, Came};
use super::handled::{Handled, Step};
pub use super::hits::{Hits, RULES};
use super::keeping::{Kept, World, note_found};
use super::mapping::{self, List};
use super::states::{At, Looping, State};
use super::upstream::Lack;
use super::{Act, Body, Case, Expected, Handler, Kind, Message, Mode, Occasion, Outcome, Res, RetryOn, Run};
use super::{Task, TaskRun, Trigger, triggers};

/// A run of a task, or of a child of a mapped one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunId {
    pub(super) task: usize,
    pub(super) child: Option<usize>,
}

/// What is known of one run.
pub(super) struct One<'a> {
    pub(super) state: State,
    handled: Handled<'a>,
    calls: u32,
}

impl<'a> One<'a> {
    fn new(task: &'a Task) -> Self {
        let state = State::new(Kind::Pending, Message::None, Res::Null);
        Self { state, handled: Handled::new(&task.handlers, task.on_failure, task.watched), calls: 0 }
    }

    fn shown(self, children: Vec<TaskRun<Message>>) -> TaskRun<Message> {
        TaskRun {
            events: self.handled.events,
            kind: self.state.kind,
            message: self.state.message,
            // That of a mapped task is that of its children.
            result: if self.state.kind == Kind::Mapped { Res::Unknown } else { self.state.result },
            attempts: self.calls,
            expires: self.state.expires,
            location: self.state.location,
            children,
        }
    }
}

/// The runs of one task.
pub(super) struct Runs<'a> {
    pub(super) own: One<'a>,
    pub(super) children: Vec<One<'a>>,
    /// For each edge, once the task is mapped.
    pub(super) lists: Vec<List>,
}

/// What must come out of a case. Adds to the counts of the rules used.
pub fn run(case: &Case, hits: &mut Hits) -> Expected {
    let mut world = World::default();
    case.runs.iter().enumerate().map(|(number, occasion)| one_run(case, number, occasion, &mut world, hits)).collect()
}

fn one_run(case: &Case, number: usize, occasion: &Occasion, world: &mut World, hits: &mut Hits) -> Run<Message> {
    world.now += u64::from(occasion.after);
    let flow = &case.flow;
    let mut handled = Handled::new(&flow.handlers, flow.on_failure, true);
    let mut tasks = Tasks {
        case,
        number,
        occasion,
        world,
        kept: Vec::new(),
        now: 0,
        runs: case
            .tasks
            .iter()
            .map(|task| Runs { own: One::new(task), children: Vec::new(), lists: Vec::new() })
            .collect(),
    };
    let start =
        State::new(if case.mode == Mode::Run { Kind::Scheduled } else { Kind::Pending }, Message::None, Res::Null);
    let at = At { now: 0, run_count: 1 };
    let running = State::plain(Kind::Running, "Running flow.");
    let mut flow_hits = Hits::new();
    let state = match handled.call(&start, running, at, &mut flow_hits) {
        Ok(state) if state.kind == Kind::Running => {
            tasks.all(hits);
            match tasks.decide(hits) {
                None => state,
                Some(end) => handled.call(&state, end, at, &mut flow_hits).unwrap_or_else(|end| end),
            }
        }
        Ok(state) | Err(state) => {
            *hits.entry("flow_vetoed").or_default() += 1;
            state
        }
    };
    let as_flow = [("flow_handler_replaces", "handler_replaces"), ("flow_handler_error", "handler_error")];
    for (rule, seen) in as_flow.into_iter().chain([("flow_on_failure", "on_failure")]) {
        *hits.entry(rule).or_default() += flow_hits.get(seen).copied().unwrap_or_default();
    }
    // A timeout takes time of which the rules know nothing. A task that a handler sends back to Pending waits for the next
    // pass here, as in Prefect 1; the library goes on at once.
    let to_pending = |h: &Handler| matches!(&h.act, Act::Replace(new) if new.kind == Kind::Pending);
    let late = |outcome: &Outcome| outcome.may(|outcome| *outcome == Outcome::Timeout);
    let any = |task: &Task| task.outcomes().any(late) || task.handlers.iter().any(to_pending);
    let seconds = (!case.tasks.iter().any(any)).then_some(u64::from(tasks.now));
    if case.mode == Mode::Run && state.kind.is_finished() {
        tasks.world.keep(tasks.kept);
    } else if !tasks.kept.is_empty() {
        hit(hits, "cache_not_finished");
    }
    tasks.world.now += u64::from(tasks.now);
    let store = tasks.world.store.iter().map(|(place, value)| (place.clone(), value.json())).collect();
    let shown = tasks.runs.into_iter().map(|runs| {
        let children = runs.children.into_iter().map(|child| child.shown(Vec::new())).collect();
        runs.own.shown(children)
    });
    Run {
        tasks: shown.collect(),
        flow_events: handled.events,
        flow_kind: state.kind,
        flow_message: state.message,
        seconds,
        store: Some(store),
    }
}

pub(super) struct Tasks<'a> {
    pub(super) case: &'a Case,
    /// Which of the case's runs this is, from 0.
    pub(super) number: usize,
    pub(super) occasion: &'a Occasion,
    pub(super) world: &'a mut World,
    /// What goes on the shelves at the end of the run.
    pub(super) kept: Vec<(RunId, String, Kept)>,
    pub(super) now: u32,
    pub(super) runs: Vec<Runs<'a>>,
}

fn hit(hits: &mut Hits, rule: &'static str) {
    *hits.entry(rule).or_default() += 1;
}

impl<'a> Tasks<'a> {
    pub(super) fn task(&self, run: RunId) -> &'a Task {
        &self.case.tasks[run.task]
    }

    pub(super) fn state(&self, run: RunId) -> &State {
        let runs = &self.runs[run.task];
        run.child.map_or(&runs.own.state, |child| &runs.children[child].state)
    }

    fn one(&mut self, run: RunId) -> &mut One<'a> {
        let runs = &mut self.runs[run.task];
        match run.child {
            Some(child) => &mut runs.children[child],
            None => &mut runs.own,
        }
    }

    fn all_runs(&self) -> impl Iterator<Item = &One<'a>> {
        self.runs.iter().flat_map(|runs| std::iter::once(&runs.own).chain(&runs.children))
    }

    /// Passes over all tasks until the flow is finished, or nothing can move any more.
    fn all(&mut self, hits: &mut Hits) {
        for _ in 0..10_000 {
            let events = |tasks: &Self| tasks.all_runs().map(|run| run.handled.events.len()).sum::<usize>();
            let before = events(self);
            for task in 0..self.runs.len() {
                self.run(RunId { task, child: None }, hits);
                for child in 0..self.runs[task].children.len() {
                    self.run(RunId { task, child: Some(child) }, hits);
                }
            }
            let waiting = || self.all_runs().map(|run| &run.state).filter(|state| !state.kind.is_finished());
            let next = waiting().filter_map(|state| state.start).min();
            let stuck = next.is_none() && before == events(self);
            if self.case.mode == Mode::Once || waiting().count() == 0 || stuck {
                return;
            }
            if next.is_some_and(|start| start > self.now) {
                hit(hits, "retry_delay");
            }
            self.now = self.now.max(next.unwrap_or_default());
        }
        panic!("a case that does not end: {:#?}", self.case);
    }

    /// A run in one pass: a task that loops starts again at once, and no handler hears of that.
    fn run(&mut self, run: RunId, hits: &mut Hits) {
        while !self.state(run).kind.is_finished() {
            let (Ok(mut state) | Err(mut state)) = self.attempt(run, hits);
            let looping = self.state(run).looping.clone();
            let loops = state.kind == Kind::Looped;
            if loops {
                let ended = state.looping.expect("told by the body");
                state = State::new(Kind::Pending, Message::None, Res::Null);
                state.message = Message::Is(format!("Looping task (on loop index {})", ended.iteration));
                let looping = Looping { iteration: ended.iteration + 1, result: ended.result };
                state.looping = Some(Box::new(looping));
            } else if looping.is_some() && !state.kind.is_finished() && state.looping.is_none() {
                // What goes on later goes on at the same iteration.
                state.looping = looping;
            }
            self.one(run).state = state;
            if !loops {
                return;
            }
        }
    }

    /// One attempt, step by step.
    fn attempt(&mut self, run: RunId, hits: &mut Hits) -> Step {
        let task = self.task(run);
        let mut state = self.state(run).clone();
        let stored = state.run_count.unwrap_or(1);
        let at = At { now: self.now, run_count: stored + u32::from(state.kind == Kind::Retrying) };

        let scheduled = matches!(state.kind, Kind::Scheduled | Kind::Paused | Kind::Retrying);
        if !state.kind.is_pending() || (scheduled && state.start.is_none_or(|start| start > self.now)) {
            return Err(state);
        }
        let upstream = self.upstream(run);
        let tasks: BTreeSet<usize> = upstream.iter().map(|up| up.task).collect();
        if tasks.len() < task.edges.len() {
            hit(hits, "upstream_twice");
        }
        if self.waits(run) {
            hit(hits, if run.child.is_some() { "child_waits" } else { "upstream_waits" });
            return Err(state);
        }
        let states: Vec<(RunId, State)> = upstream.into_iter().map(|up| (up, self.state(up).clone())).collect();
        if task.skip_on_upstream_skip && states.iter().any(|(_, up)| up.kind == Kind::Skipped) {
            self.note_skipped(run, &states, hits);
            let text = "Upstream task was skipped; if this was not the intended behavior, consider changing \
                        `skip_on_upstream_skip=False` for this task.";
            return self.end(run, &state, State::plain(Kind::Skipped, text), at, hits);
        }
        if task.is_mapped() && run.child.is_none() {
            return self.map(run, &state, at, hits);
        }
        let (inputs, lack) = self.inputs(run);
        let lacking = State::error(Kind::Failed, "Unexpected error: ", "");
        if lack == Some(Lack::Unfit) {
            hit(hits, "load_failed");
            return self.end(run, &state, lacking, at, hits);
        }
        self.note_inputs(run, &inputs, hits);
        let looping = state.looping.clone();
        let place = self.place(run, &inputs, at, hits);
        let found = self.found(run, place.as_deref(), hits);
        let is_found = found.is_some();
        if let Some(found) = found {
            state = self.one(run).handled.call(&state, found, at, hits)?;
            note_found(&state, lack, hits);
        }
        // Asked whether something was found or not.
        let judged = match &task.trigger {
            Trigger::ResourceCleanup => self.resource_is_there(task, hits),
            trigger => triggers::check(trigger, &states.iter().map(|(_, up)| up).collect::<Vec<_>>(), at, hits),
        };
        if let Err(refused) = judged {
            if state.kind == Kind::Cached {
                hit(hits, "found_untriggered");
            }
            return self.end(run, &state, refused, at, hits);
        }
        if is_found && !state.kind.is_pending() {
            return Err(state);
        }
        if lack.is_some() {
            hit(hits, "missing_input");
            return self.end(run, &state, lacking, at, hits);
        }
        hit(hits, "set_running");
        state = self.one(run).handled.call(&state, State::plain(Kind::Running, "Starting task run."), at, hits)?;
        if state.kind != Kind::Running {
            hit(hits, "running_vetoed");
            return Err(state);
        }
        let before = self.one(run).calls;
        // Nobody counts the calls of the library's own bodies.
        self.one(run).calls += u32::from(matches!(task.body, Body::Own(_)));
        let before = usize::try_from(before).expect("few calls");
        let call = Call {
            child: run.child,
            before,
            inputs: &inputs,
            looping: looping.as_deref(),
            at,
            occasion: self.occasion,
        };
        if looping.as_ref().is_some_and(|looping| looping.result.is_some()) {
            hit(hits, if run.child.is_some() { "loop_in_child" } else { "loop_result" });
        }
        if looping.is_some() && at.run_count > 1 {
            hit(hits, "loop_resumed");
        }
        let came = match bodies::call(task, &call, hits) {
            Came::EndRun(came) => return self.end(run, &state, came, at, hits),
            Came::To(came) => came,
            Came::Returned(value) => self.returned(run, value, place.as_deref(), hits),
        };
        let ended = came.looping.clone();
        state = self.one(run).handled.call(&state, came, at, hits)?;
        if state.kind == Kind::Looped {
            state.looping = ended;
            return Ok(state);
        }
        if let Some(cached) = self.cached(run, &state) {
            state = self.one(run).handled.call(&state, cached, at, hits)?;
            self.shelve(run, &state, hits);
        }
        self.retry(run, state, at, hits)
    }

    fn note_skipped(&self, run: RunId, upstream: &[(RunId, State)], hits: &mut Hits) {
        hit(hits, if run.child.is_some() { "child_skipped" } else { "upstream_skipped" });
        let compares = |up: RunId| matches!(self.task(up).body, Body::Compare(_) | Body::CompareTruth(_));
        if upstream.iter().any(|(up, state)| state.kind == Kind::Skipped && compares(*up)) {
            hit(hits, "skipped_branch");
        }
    }

    /// Another attempt after a failure, if there is one left.
    fn retry(&mut self, run: RunId, state: State, at: At, hits: &mut Hits) -> Step {
        let task = self.task(run);
        if !state.kind.is_failed() || task.max_retries == 0 {
            return Ok(state);
        }
        match (&task.retry_on, &state.result) {
            (RetryOn::Anything, _) => {}
            (_, Res::Null) => hit(hits, "retry_on_without_result"),
            (RetryOn::Panics(text), Res::Error(_)) => {
                hit(hits, "retry_on_panics");
                let failed = State::error(Kind::Failed, "Unexpected error: ", text);
                return self.one(run).handled.call(&state, failed, at, hits);
            }
            (RetryOn::Containing(part), Res::Error(text)) if text.contains(part.as_str()) => {}
            _ => {
                hit(hits, "retry_on_refuses");
                return Ok(state);
            }
        }
        if at.run_count > task.max_retries {
            hit(hits, "retry_exhausted");
            return Ok(state);
        }
        hit(hits, if run.child.is_some() { "child_retries" } else { "retry" });
        if self.state(run).looping.is_some() {
            hit(hits, "loop_retry");
        }
        let text = format!("Retrying Task (after attempt {} of {})", at.run_count, task.max_retries + 1);
        let mut retrying = State::plain(Kind::Retrying, &text);
        (retrying.run_count, retrying.start) = (Some(at.run_count), Some(self.now + task.retry_delay));
        self.one(run).handled.call(&state, retrying, at, hits)
    }

    /// The step of a mapped task itself: no trigger, no body, no retry.
    fn map(&mut self, run: RunId, state: &State, at: At, hits: &mut Hits) -> Step {
        let task = self.task(run);
        let edges = task.edges.iter().map(|edge| {
            let from = &self.runs[edge.from];
            (edge.carries, &from.own.state, from.children.iter().map(|child| child.state.clone()).collect())
        });
        let (lists, children) = match mapping::lists(edges, &task.over) {
            Ok(mapped) => mapped,
            Err(why) => {
                hit(hits, if why.starts_with("No") { "no_list" } else { "unmappable" });
                return self.end(run, state, State::plain(Kind::Failed, why), at, hits);
            }
        };
        let mapped = State::plain(Kind::Mapped, "Ready to proceed with mapping.");
        let state = self.one(run).handled.call(state, mapped, at, hits)?;
        if state.kind != Kind::Mapped {
            hit(hits, "mapping_vetoed");
            return Err(state);
        }
        mapping::note(&lists, &task.over, children, hits);
        let runs = &mut self.runs[run.task];
        runs.lists = lists;
        runs.children = (0..children).map(|_| One::new(task)).collect();
        Err(state)
    }

    /// A change that ends this run of the task, whatever the handlers make of it.
    fn end(&mut self, run: RunId, old: &State, new: State, at: At, hits: &mut Hits) -> Step {
        Err(self.one(run).handled.call(old, new, at, hits).unwrap_or_else(|end| end))
    }
}
