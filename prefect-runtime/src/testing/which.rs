//! Which task of a flow is meant.
use std::fmt;

use crate::flow::graph::{Graph, TaskId, id};
use crate::near::nearest;
use crate::{Mapped, Node, TaskRef};

/// Which task of a flow is meant: its name, its slug where several have one name (`add-2`), or its node. `name[3]` is the
/// child of a mapped task, where a child can be meant.
///
/// A name that no task has is a panic that says which was probably meant.
///
/// ```should_panic
/// use prefect::prelude::*;
/// use prefect::testing::TestRun;
///
/// #[task]
/// fn download() -> u32 {
///     1
/// }
///
/// // flow `etl` has no task `downlaod`: did you mean `download`?
/// TestRun::of(&flow!("etl", { download() })).given("downlaod", 7_u32);
/// ```
#[derive(Clone, Debug)]
pub struct Which(Meant);

#[derive(Clone, Debug)]
enum Meant {
    Name(String),
    Task(TaskRef),
}

impl From<&str> for Which {
    fn from(name: &str) -> Self {
        Self(Meant::Name(name.to_owned()))
    }
}

impl From<&String> for Which {
    fn from(name: &String) -> Self {
        name.as_str().into()
    }
}

impl From<TaskRef> for Which {
    fn from(task: TaskRef) -> Self {
        Self(Meant::Task(task))
    }
}

impl<T> From<Node<T>> for Which {
    fn from(node: Node<T>) -> Self {
        node.task().into()
    }
}

impl<T> From<Mapped<T>> for Which {
    fn from(mapped: Mapped<T>) -> Self {
        mapped.task().into()
    }
}

/// A task whose result is a `T`: a node says so itself, and a name is looked up.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task that gives a `{T}`",
    label = "expected the name of a task, or a node of that type"
)]
pub trait Gives<T>: Into<Which> {}

#[diagnostic::do_not_recommend]
impl<T> Gives<T> for &str {}
#[diagnostic::do_not_recommend]
impl<T> Gives<T> for &String {}
#[diagnostic::do_not_recommend]
impl<T> Gives<T> for TaskRef {}
#[diagnostic::do_not_recommend]
impl<T> Gives<T> for Node<T> {}

/// A task, or a child of a mapped one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) task: TaskId,
    pub(super) child: Option<usize>,
}

/// So many names are enough to see what there is.
const NAMES: usize = 20;

impl Which {
    /// The task itself.
    ///
    /// # Panics
    /// If there is none, or several.
    #[track_caller]
    pub(super) fn task(&self, graph: &Graph) -> TaskId {
        match &self.0 {
            Meant::Task(task) => task.of(graph.id),
            Meant::Name(name) => named(graph, name).unwrap_or_else(|why| panic!("{why}")),
        }
    }

    /// The task, or the child of a mapped task.
    ///
    /// # Panics
    /// If there is none, or several.
    #[track_caller]
    pub(super) fn run(&self, graph: &Graph) -> Found {
        if let Meant::Name(name) = &self.0
            && let Some((of, child)) = child_of(name)
            && let (Err(_), Ok(task)) = (named(graph, name), named(graph, of))
        {
            return Found { task, child: Some(child) };
        }
        Found { task: self.task(graph), child: None }
    }
}

/// `name[3]`
fn child_of(name: &str) -> Option<(&str, usize)> {
    let (of, index) = name.strip_suffix(']')?.rsplit_once('[')?;
    Some((of, index.parse().ok()?))
}

fn named(graph: &Graph, name: &str) -> Result<TaskId, String> {
    let flow = &graph.name;
    let tasks = || 0..id(graph.len());
    let with_name: Vec<TaskId> = tasks().filter(|task| **graph.name(*task) == *name).collect();
    if let [task] = with_name[..] {
        return Ok(task);
    }
    if let Some(task) = tasks().find(|task| **graph.slug(*task) == *name) {
        return Ok(task);
    }
    if !with_name.is_empty() {
        let slugs = listed(with_name.iter().map(|task| &**graph.slug(*task)));
        return Err(format!("flow `{flow}` has {} tasks `{name}`: say which by its slug: {slugs}", with_name.len()));
    }
    let names = || tasks().map(|task| &**graph.name(task));
    let meant = nearest(name, names()).or_else(|| nearest(name, tasks().map(|task| &**graph.slug(task))));
    Err(match meant {
        Some(meant) => format!("flow `{flow}` has no task `{name}`: did you mean `{meant}`?"),
        None if graph.len() == 0 => format!("flow `{flow}` has no task `{name}`, and no other"),
        None => format!("flow `{flow}` has no task `{name}`: it has {}", listed(names())),
    })
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> impl fmt::Display {
    let mut names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}
