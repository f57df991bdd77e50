//! The name of each run of a task.
use std::borrow::Cow;
use std::fmt;

/// The name of each run of a task: a template such as `"row {x}"`.
///
/// In braces stand names of the task's parameters, and of the run context: `date`, `today`, `yesterday`,
/// `tomorrow` (each also with `_nodash`), `flow_name`, `flow_run_id`, `task_name`, `task_full_name`, `task_slug`,
/// `map_index`, `task_run_count`. `{{` and `}}` are braces.
#[derive(Clone, PartialEq, Eq)]
pub struct RunName(pub(crate) Cow<'static, str>);

impl RunName {
    /// A template.
    #[must_use]
    pub fn template(template: impl Into<Cow<'static, str>>) -> Self {
        Self(template.into())
    }
}

impl fmt::Debug for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunName({:?})", self.0)
    }
}
