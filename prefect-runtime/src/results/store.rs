//! What keeps bytes under names.
use super::{Serializer, TaskResult};
use crate::TaskError;
use crate::flow::Template;

/// Keeps results of tasks: bytes under names such as `etl/rows-1.json`.
///
/// A name has parts between slashes; none of them is empty, `.` or `..`, or has a backslash or a control character in it.
/// The calls may block: they come from the threads that run tasks.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
///
/// use prefect::prelude::*;
/// use prefect::{ResultStore, TaskError};
///
/// /// Keeps results as long as the program runs.
/// #[derive(Clone, Default)]
/// struct Shelf(Arc<Mutex<HashMap<String, Vec<u8>>>>);
///
/// impl ResultStore for Shelf {
///     fn read(&self, location: &str) -> Result<Option<Vec<u8>>, TaskError> {
///         Ok(self.0.lock().unwrap().get(location).cloned())
///     }
///
///     fn write(&self, location: &str, bytes: &[u8]) -> Result<(), TaskError> {
///         self.0.lock().unwrap().insert(location.to_owned(), bytes.to_vec());
///         Ok(())
///     }
/// }
///
/// #[task(target = "square-{x}.json")]
/// fn square(x: i64) -> i64 {
///     x * x
/// }
///
/// let shelf = Shelf::default();
/// flow!("squares", result = shelf.clone(), { square(7) }).run();
/// assert_eq!(shelf.0.lock().unwrap()["square-7.json"], b"49");
/// let again = flow!("squares", result = shelf, { square(7) }).run();
/// assert_eq!(again.output().unwrap(), 49);
/// ```
pub trait ResultStore: Send + Sync + 'static {
    /// What is kept under this name, `None` if nothing is.
    ///
    /// # Errors
    /// If that cannot be told; the task run fails with it.
    fn read(&self, location: &str) -> Result<Option<Vec<u8>>, TaskError>;

    /// Keeps this under that name, in place of what was there: all of it or nothing, whatever happens meanwhile.
    ///
    /// # Errors
    /// If it could not be kept; the task run fails with it.
    fn write(&self, location: &str, bytes: &[u8]) -> Result<(), TaskError>;

    /// How people find what is kept under this name.
    fn full_name(&self, location: &str) -> String {
        location.to_owned()
    }

    /// The store, with a name for each result whose task has no `target`.
    fn location(self, template: impl Into<Template>) -> TaskResult
    where
        Self: Sized,
    {
        TaskResult::new(self).location(template)
    }

    /// The store, with the way in which results are written.
    fn serializer(self, serializer: Serializer) -> TaskResult
    where
        Self: Sized,
    {
        TaskResult::new(self).serializer(serializer)
    }
}
