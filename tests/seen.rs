//! What became of the tasks of a run, in short.
use prefect::FlowRun;

/// `{name} {state}` of each task, in the order in which the tasks were made.
#[must_use]
pub fn states<O>(run: &FlowRun<O>) -> Vec<String> {
    run.task_runs().map(|task| format!("{} {}", task.name, task.state.kind())).collect()
}

/// The message of the state of the task with this name.
///
/// # Panics
/// If there is none, or its state has no message.
#[must_use]
pub fn message_of<O>(run: &FlowRun<O>, name: &str) -> String {
    let task = run.task_runs().find(|task| task.name == name).unwrap_or_else(|| panic!("no task `{name}`"));
    task.state.message().unwrap_or_else(|| panic!("task `{name}` has no message")).to_owned()
}
