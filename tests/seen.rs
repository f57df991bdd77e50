//! What became of the tasks of a run, in short.
use prefect::FlowRun;

/// `{name} {state}` of each task, in the order in which the tasks were made.
#[must_use]
pub fn states<O>(run: &FlowRun<O>) -> Vec<String> {
    run.task_runs().map(|task| format!("{} {}", task.name, task.state.kind())).collect()
}
