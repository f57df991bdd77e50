//! The rules of a run, as plain and slow as they can be said: one thread, passes over all tasks, a counter for a clock.
//!
//! Written from the specification alone. Where it is silent, [`Choices`] or a comment says what was chosen.
use std::collections::{BTreeMap, BTreeSet};

use super::states::{At, State, body};
use super::{Act, By, Carries, Case, Event, Expected, Handler, Kind, Message, Mode, Outcome, Reads, Res, RetryOn};
use super::{SignalName, Task, TaskRun, Terminal, triggers};

/// Every rule that a case can touch, as counted by [`run`].
pub const RULES: &str = "all_failed all_finished all_successful always_run any_failed any_successful some_failed \
    some_successful not_all_skipped manual_only custom_trigger trigger_false trigger_error trigger_signal \
    all_upstreams_skipped bound_share bound_count no_upstream upstream_waits upstream_twice upstream_skipped load_failed \
    set_running body_ok body_error body_panic body_timeout body_signal body_pause body_retry \
    body_endrun running_vetoed retry retry_exhausted retry_on_refuses retry_on_panics retry_on_without_result \
    retry_delay handler_pass handler_none handler_replaces handler_error handler_signal handler_pause handler_endrun \
    on_failure rescued retry_cancelled run_again_by_handler flow_handler_replaces flow_handler_error flow_vetoed \
    flow_on_failure terminal_handler flow_success flow_failed flow_no_failed flow_unfinished reference_tasks";

/// How often each rule was used.
pub type Hits = BTreeMap<&'static str, u64>;

/// Where the specification can be read in two ways.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    /// Whether a Success without a value also fails a reader that takes an `Outcome`: its `Success(T)` needs a `T`.
    pub outcome_readers_need_a_value: bool,
}

pub const CHOICES: Choices = Choices { outcome_readers_need_a_value: false };

/// `Err` ends the run of the task or flow with that state.
type Step = Result<State, State>;

/// The handlers of one task or flow, what they have done so far, and who called them.
struct Handled<'a> {
    handlers: &'a [Handler],
    on_failure: bool,
    watched: bool,
    used: Vec<u32>,
    events: Vec<Event<Message>>,
}

impl<'a> Handled<'a> {
    fn new(handlers: &'a [Handler], on_failure: bool, watched: bool) -> Self {
        Self { handlers, on_failure, watched, used: vec![0; handlers.len()], events: Vec::new() }
    }

    /// Tells the handlers of a change. `Err` if one of them ended the run.
    fn call(&mut self, old: &State, mut new: State, at: At, hits: &mut Hits) -> Step {
        let mut hit = |rule| *hits.entry(rule).or_default() += 1;
        for (i, handler) in self.handlers.iter().enumerate() {
            self.note(By::Handler(i), Some(old.kind), &new);
            if handler.on.is_some_and(|kind| kind != new.kind) || self.used[i] >= handler.times {
                continue;
            }
            self.used[i] += 1;
            match &handler.act {
                Act::Pass => hit("handler_pass"),
                Act::Nothing => hit("handler_none"),
                Act::Replace(by) => {
                    hit("handler_replaces");
                    if new.kind.is_failed() && by.kind == Kind::Success {
                        hit("rescued");
                    } else if new.kind == Kind::Retrying && by.kind == Kind::Failed {
                        hit("retry_cancelled");
                    } else if new.kind.is_finished() && by.kind.is_pending() {
                        hit("run_again_by_handler");
                    }
                    new = State::made(by, at);
                }
                Act::Error(text) | Act::Panic(text) => {
                    hit("handler_error");
                    return Err(State::error(Kind::Failed, "Unexpected error while calling state handlers: ", text));
                }
                Act::Signal(raise) => {
                    let state = State::raised(raise, at);
                    return match raise.signal {
                        SignalName::Pause => (hit("handler_pause"), Err(state)).1,
                        SignalName::EndRun(_) => (hit("handler_endrun"), Err(state)).1,
                        _ => (hit("handler_signal"), Ok(state)).1,
                    };
                }
            }
        }
        if self.on_failure && new.kind.is_failed() {
            hit("on_failure");
            self.note(By::OnFailure, None, &new);
        }
        if self.watched {
            self.note(By::Observer, Some(old.kind), &new);
        }
        Ok(new)
    }

    fn note(&mut self, by: By, old: Option<Kind>, new: &State) {
        self.events.push(Event { by, old, new: new.kind, message: new.message.clone() });
    }
}

/// What must come out of a case. Adds to the counts of the rules used.
pub fn run(case: &Case, choices: Choices, hits: &mut Hits) -> Expected {
    let flow = &case.flow;
    let mut handled = Handled::new(&flow.handlers, flow.on_failure, true);
    let mut tasks = Tasks {
        case,
        choices,
        now: 0,
        states: vec![State::new(Kind::Pending, Message::None, Res::Null); case.tasks.len()],
        handled: case.tasks.iter().map(|task| Handled::new(&task.handlers, task.on_failure, task.watched)).collect(),
        calls: vec![0; case.tasks.len()],
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
    let any = |task: &Task| task.outcomes.contains(&Outcome::Timeout) || task.handlers.iter().any(to_pending);
    let seconds = (!case.tasks.iter().any(any)).then_some(u64::from(tasks.now));
    let shown = tasks.states.into_iter().zip(tasks.handled).zip(tasks.calls);
    Expected {
        tasks: shown
            .map(|((state, handled), attempts)| TaskRun {
                events: handled.events,
                kind: state.kind,
                message: state.message,
                result: state.result,
                attempts,
            })
            .collect(),
        flow_events: handled.events,
        flow_kind: state.kind,
        flow_message: state.message,
        seconds,
    }
}

struct Tasks<'a> {
    case: &'a Case,
    choices: Choices,
    now: u32,
    states: Vec<State>,
    handled: Vec<Handled<'a>>,
    calls: Vec<u32>,
}

impl Tasks<'_> {
    /// Passes over all tasks until the flow is finished, or nothing can move any more.
    fn all(&mut self, hits: &mut Hits) {
        for _ in 0..10_000 {
            let events = |tasks: &Self| tasks.handled.iter().map(|handled| handled.events.len()).sum::<usize>();
            let before = events(self);
            for t in 0..self.states.len() {
                if !self.states[t].kind.is_finished() {
                    let (Ok(state) | Err(state)) = self.task(t, hits);
                    self.states[t] = state;
                }
            }
            let waiting = self.states.iter().filter(|state| !state.kind.is_finished());
            let next = waiting.clone().filter_map(|state| state.start).min();
            let stuck = next.is_none() && before == events(self);
            if self.case.mode == Mode::Once || waiting.count() == 0 || stuck {
                return;
            }
            if next.is_some_and(|start| start > self.now) {
                *hits.entry("retry_delay").or_default() += 1;
            }
            self.now = self.now.max(next.unwrap_or_default());
        }
        panic!("a case that does not end: {:#?}", self.case);
    }

    /// One run of one task, step by step.
    fn task(&mut self, t: usize, hits: &mut Hits) -> Step {
        let task = &self.case.tasks[t];
        let mut state = self.states[t].clone();
        let stored = state.run_count.unwrap_or(1);
        let at = At { now: self.now, run_count: stored + u32::from(state.kind == Kind::Retrying) };
        let hit = |hits: &mut Hits, rule| *hits.entry(rule).or_default() += 1;

        let scheduled = matches!(state.kind, Kind::Scheduled | Kind::Paused | Kind::Retrying);
        if !state.kind.is_pending() || (scheduled && state.start.is_none_or(|start| start > self.now)) {
            return Err(state);
        }
        let upstream: BTreeSet<usize> = task.edges.iter().map(|edge| edge.from).collect();
        let upstream: BTreeMap<usize, State> = upstream.into_iter().map(|u| (u, self.states[u].clone())).collect();
        if upstream.len() < task.edges.len() {
            hit(hits, "upstream_twice");
        }
        if upstream.values().any(|up| !up.kind.is_finished()) {
            hit(hits, "upstream_waits");
            return Err(state);
        }
        if task.skip_on_upstream_skip && upstream.values().any(|up| up.kind == Kind::Skipped) {
            hit(hits, "upstream_skipped");
            let text = "Upstream task was skipped; if this was not the intended behavior, consider changing \
                        `skip_on_upstream_skip=False` for this task.";
            return self.end(t, &state, State::plain(Kind::Skipped, text), at, hits);
        }
        let needs = task.reads == Reads::Values || self.choices.outcome_readers_need_a_value;
        let mut data = task.edges.iter().filter(|edge| edge.carries == Carries::Data).map(|edge| &upstream[&edge.from]);
        let lacks = |up: &State| up.kind == Kind::Success && !matches!(up.result, Res::Value(_));
        if needs && data.clone().any(lacks) {
            hit(hits, if task.reads == Reads::Values { "load_failed" } else { "load_failed_outcome" });
            return self.end(t, &state, State::error(Kind::Failed, "Unexpected error: ", ""), at, hits);
        }
        let sum = data.by_ref().fold(0_i64, |sum, up| match up.result {
            Res::Value(value) if up.kind == Kind::Success => sum.wrapping_add(value),
            _ => sum,
        });
        if let Err(refused) = triggers::check(&task.trigger, &upstream.values().collect::<Vec<_>>(), at, hits) {
            return self.end(t, &state, refused, at, hits);
        }
        hit(hits, "set_running");
        state = self.handled[t].call(&state, State::plain(Kind::Running, "Starting task run."), at, hits)?;
        if state.kind != Kind::Running {
            hit(hits, "running_vetoed");
            return Err(state);
        }
        let call = usize::try_from(self.calls[t]).expect("few calls");
        self.calls[t] += 1;
        let outcome = task.outcomes.get(call).or(task.outcomes.last()).expect("an outcome");
        let (rule, came) = body(outcome, sum, at);
        hit(hits, rule);
        if rule == "body_endrun" {
            return self.end(t, &state, came, at, hits);
        }
        state = self.handled[t].call(&state, came, at, hits)?;

        if !state.kind.is_failed() || task.max_retries == 0 {
            return Ok(state);
        }
        match (&task.retry_on, &state.result) {
            (RetryOn::Anything, _) => {}
            (_, Res::Null) => hit(hits, "retry_on_without_result"),
            (RetryOn::Panics(text), Res::Error(_)) => {
                hit(hits, "retry_on_panics");
                let failed = State::error(Kind::Failed, "Unexpected error: ", text);
                return self.handled[t].call(&state, failed, at, hits);
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
        hit(hits, "retry");
        let text = format!("Retrying Task (after attempt {} of {})", at.run_count, task.max_retries + 1);
        let mut retrying = State::plain(Kind::Retrying, &text);
        (retrying.run_count, retrying.start) = (Some(at.run_count), Some(self.now + task.retry_delay));
        self.handled[t].call(&state, retrying, at, hits)
    }

    /// A change that ends this run of the task, whatever the handlers make of it.
    fn end(&mut self, t: usize, old: &State, new: State, at: At, hits: &mut Hits) -> Step {
        Err(self.handled[t].call(old, new, at, hits).unwrap_or_else(|end| end))
    }

    /// The final state of the flow, if it is finished.
    fn decide(&self, hits: &mut Hits) -> Option<State> {
        let mut hit = |rule| *hits.entry(rule).or_default() += 1;
        let inner: BTreeSet<usize> = self.case.tasks.iter().flat_map(|task| &task.edges).map(|e| e.from).collect();
        let terminal: Vec<usize> = (0..self.states.len()).filter(|t| !inner.contains(t)).collect();
        if terminal.iter().any(|&t| !self.states[t].kind.is_finished()) {
            hit("flow_unfinished");
            return None;
        }
        if self.case.flow.reference_tasks.is_some() {
            hit("reference_tasks");
        }
        let reference = self.case.flow.reference_tasks.as_ref().unwrap_or(&terminal);
        let kinds: Vec<Kind> = reference.iter().map(|&t| self.states[t].kind).collect();
        let (rule, kind, text) = if kinds.iter().any(|kind| kind.is_failed()) {
            ("flow_failed", Kind::Failed, "Some reference tasks failed.")
        } else if kinds.iter().all(|kind| kind.is_successful()) {
            ("flow_success", Kind::Success, "All reference tasks succeeded.")
        } else {
            ("flow_no_failed", Kind::Success, "No reference tasks failed.")
        };
        hit(rule);
        let mut state = State::plain(kind, text);
        if let Some(terminal) = &self.case.flow.terminal {
            hit("terminal_handler");
            match terminal {
                Terminal::Nothing => {}
                Terminal::Message(text) => state.message = Message::Is(text.clone()),
                Terminal::Replace(new) => state = State::made(new, At { now: self.now, run_count: 1 }),
            }
        }
        Some(state)
    }
}
