//! How a flow ends.
use super::rules::{Hits, One, Tasks};
use super::states::{At, State};
use super::{Kind, Message, Role, Terminal};

impl Tasks<'_> {
    /// The final state of the flow, if it is finished.
    pub(super) fn decide(&self, hits: &mut Hits) -> Option<State> {
        let mut hit = |rule| *hits.entry(rule).or_default() += 1;
        let readers =
            |t: usize| self.case.tasks.iter().filter(move |task| task.edges.iter().any(|edge| edge.from == t));
        let unfinished = |run: &One<'_>| !run.state.kind.is_finished();
        let mut terminal = self.runs.iter().enumerate().filter(|(t, _)| readers(*t).count() == 0);
        if terminal.any(|(_, runs)| unfinished(&runs.own) || runs.children.iter().any(unfinished)) {
            hit("flow_unfinished");
            return None;
        }
        if self.case.flow.reference_tasks.is_some() {
            hit("reference_tasks");
        }
        // A resource is not what a flow is about: its clean-up is nobody's last reader, and counts as little as its manager.
        let last = |t: &usize| {
            self.case.tasks[*t].role == Role::Work && readers(*t).all(|reader| reader.role == Role::ResourceCleanup)
        };
        let reference = self.case.flow.reference_tasks.clone();
        let reference = reference.unwrap_or_else(|| (0..self.runs.len()).filter(last).collect());
        let kinds = |t: usize| -> Vec<Kind> {
            let runs = &self.runs[t];
            match runs.own.state.kind {
                Kind::Mapped => runs.children.iter().map(|child| child.state.kind).collect(),
                kind => vec![kind],
            }
        };
        let kinds: Vec<Kind> = reference.into_iter().flat_map(kinds).collect();
        if self
            .runs
            .iter()
            .zip(&self.case.tasks)
            .any(|(runs, task)| task.role == Role::ResourceCleanup && runs.own.state.kind.is_failed())
        {
            hit("cleanup_fails");
        }
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
