//! A run that did not succeed, as an error.
use std::error::Error;
use std::fmt;

use super::{FlowRun, TaskRunInfo};
use crate::flow::FlowOutput;
use crate::plain::plain;
use crate::{MissingResult, State, StateKind};

/// Why a run gives no output: see [`FlowRun::into_result`].
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn load() -> Result<u32, String> {
///     Err("503".to_owned())
/// }
/// #[task]
/// fn report(rows: u32) -> String {
///     format!("{rows} rows")
/// }
///
/// let error = flow!("nightly", { report(load()) }).run().into_result().unwrap_err();
/// let text = "flow `nightly`: Some reference tasks failed. (load: Error during execution of task: 503)";
/// assert_eq!(error.to_string(), text);
/// assert_eq!(error.tasks().len(), 1);
/// ```
pub struct Unsuccessful(Box<Why>);

struct Why {
    flow: String,
    state: State,
    tasks: Vec<TaskRunInfo>,
    missing: Option<MissingResult>,
}

impl Unsuccessful {
    /// The state of the flow run.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.0.state
    }

    /// The task runs that failed, but for those that only followed from others: whose trigger did not fire.
    #[must_use]
    pub fn tasks(&self) -> &[TaskRunInfo] {
        &self.0.tasks
    }
}

/// How many failed tasks the text names.
const NAMED: usize = 3;

impl fmt::Display for Unsuccessful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Why { flow, state, tasks, missing } = &*self.0;
        let said = |state: &State| plain(state.message().unwrap_or(state.kind().name()));
        write!(f, "flow `{}`: {}", plain(flow), said(state))?;
        if let (Some(missing), true) = (missing, tasks.is_empty()) {
            return write!(f, " ({missing})");
        }
        for (i, task) in tasks.iter().take(NAMED).enumerate() {
            let before = if i == 0 { " (" } else { "; " };
            write!(f, "{before}{}: {}", plain(&task.name), said(&task.state))?;
        }
        match tasks.len() {
            0 => Ok(()),
            n if n <= NAMED => f.write_str(")"),
            n => write!(f, "; and {} more)", n - NAMED),
        }
    }
}

impl fmt::Debug for Unsuccessful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsuccessful({self})")
    }
}

impl Error for Unsuccessful {}

impl<O: FlowOutput> FlowRun<O> {
    /// What the flow returns, if the run succeeded.
    ///
    /// # Errors
    /// If the run failed or has not ended, or a task that the flow returns has no result: an error that names the flow, its
    /// state, and the tasks that failed.
    pub fn into_result(self) -> Result<O::Value, Unsuccessful> {
        let missing = match self.output() {
            Ok(output) if self.state().kind().is_successful() => return Ok(output),
            Ok(_) => None,
            Err(missing) => Some(missing),
        };
        let failed =
            |task: &TaskRunInfo| task.state.kind().is_failed() && task.state.kind() != StateKind::TriggerFailed;
        let (flow, state) = (self.flow_name().to_owned(), self.state().clone());
        let tasks = self.task_runs().filter(failed).collect();
        Err(Unsuccessful(Box::new(Why { flow, state, tasks, missing })))
    }
}
