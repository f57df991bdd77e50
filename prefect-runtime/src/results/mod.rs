//! Results that outlive a run: where they are kept, and how they are written.
mod local;
mod location;
#[cfg(feature = "object-store")]
mod object_store;
mod serializer;
mod store;

use std::fmt;
use std::sync::Arc;

pub use local::LocalResult;
#[cfg(feature = "object-store")]
pub use object_store::ObjectStoreResult;
pub use serializer::Serializer;
pub(crate) use serializer::{decode, encode};
pub use store::ResultStore;

use crate::flow::declared::without_modules;
use crate::flow::{AnyOutput, Template};
use crate::panics::{Caught, guard};
use crate::quiet::Quiet;
use crate::{TaskError, Value};

/// Where the results of a task, or of all tasks of a flow, are kept: a [`ResultStore`], how they are written, and under
/// which names.
///
/// The default name is `{flow_name}/{flow_run_id}/{task_slug}`, with `-{map_index}` for the children of a mapped task, and
/// the ending of the serializer.
///
/// ```
/// use prefect::{LocalResult, ResultStore, Serializer, TaskResult};
///
/// let result: TaskResult = LocalResult::in_folder("out").location("{flow_name}/{task_name}.json");
/// let result = result.serializer(Serializer::Json);
/// # let _ = result;
/// ```
#[derive(Clone)]
pub struct TaskResult {
    store: Arc<Quiet<Box<dyn ResultStore>>>,
    serializer: Serializer,
    pub(crate) location: Option<Template>,
}

impl TaskResult {
    pub(crate) fn new(store: impl ResultStore) -> Self {
        let store = Arc::new(Quiet::new(Box::new(store) as Box<dyn ResultStore>));
        Self { store, serializer: Serializer::default(), location: None }
    }

    /// How results are written. Default: JSON.
    #[must_use]
    pub fn serializer(mut self, serializer: Serializer) -> Self {
        self.serializer = serializer;
        self
    }

    /// Under which name each result is written, if its task has no `target`.
    #[must_use]
    pub fn location(mut self, template: impl Into<Template>) -> Self {
        self.location = Some(template.into());
        self
    }

    /// The same names, written in the same way, in another store.
    pub(crate) fn kept_in(self, other: &Self) -> Self {
        Self { store: Arc::clone(&other.store), ..self }
    }

    /// The ending of the names of what is written.
    pub(crate) fn ending(&self) -> &'static str {
        self.serializer.ending()
    }

    /// The result that is kept there, if one is.
    pub(crate) fn read(&self, output: AnyOutput, location: &str) -> Result<Option<Value>, TaskError> {
        let load = output.load.ok_or_else(|| not_storable(output))?;
        location::check(location)?;
        let read = || {
            let Some(bytes) = self.store.read(location)? else { return Ok(None) };
            load(self.serializer, &bytes).map(Some).map_err(|why| {
                let (place, ty) = (self.store.full_name(location), without_modules((output.type_name)()));
                let text = format!(
                    "the result at {place} is no `{ty}`: {why} (remove it, and the task runs again and writes a new one)"
                );
                TaskError::from(text)
            })
        };
        guard(read).unwrap_or_else(|caught| Err(Caught::into_error(caught)))
    }

    /// Keeps a result there, but for nothing at all: `()` and `None`.
    pub(crate) fn write(&self, output: AnyOutput, value: &Value, location: &str) -> Result<Written, TaskError> {
        let load = output.load.ok_or_else(|| not_storable(output))?;
        location::check(location)?;
        let write = || {
            let cannot = |why: TaskError| {
                let ty = without_modules(value.type_name());
                let text = format!("a `{ty}` cannot be kept as {}: {why}", self.serializer);
                TaskError::from(text)
            };
            let bytes = encode(self.serializer, value).map_err(cannot)?;
            // What cannot be read again is a mistake of now, and not of the next run.
            load(self.serializer, &bytes).map_err(cannot)?;
            if self.serializer.is_nothing(&bytes) {
                return Ok(Written::Nothing);
            }
            self.store.write(location, &bytes)?;
            Ok(Written::Kept)
        };
        guard(write).unwrap_or_else(|caught| Err(Caught::into_error(caught)))
    }
}

/// What became of a result that was to be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Kept,
    /// There was nothing to keep.
    Nothing,
}

fn not_storable(output: AnyOutput) -> TaskError {
    format!("a `{}` lives in memory only, and cannot be kept", without_modules((output.type_name)())).into()
}

impl fmt::Debug for TaskResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskResult")
            .field("serializer", &self.serializer)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// What is taken where results are to be kept: a [`ResultStore`] such as [`LocalResult`], or a [`TaskResult`].
#[diagnostic::on_unimplemented(
    message = "results cannot be kept in `{Self}`",
    label = "expected a store of results, such as `LocalResult::new()`",
    note = "a store of your own implements `prefect::ResultStore`"
)]
pub trait IntoTaskResult {
    /// The store, with how and under which names it is used.
    fn into_task_result(self) -> TaskResult;
}

#[diagnostic::do_not_recommend]
impl IntoTaskResult for TaskResult {
    fn into_task_result(self) -> TaskResult {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<S: ResultStore> IntoTaskResult for S {
    fn into_task_result(self) -> TaskResult {
        TaskResult::new(self)
    }
}

/// For the macros.
pub fn task_result(result: impl IntoTaskResult) -> TaskResult {
    result.into_task_result()
}
