//! Prefect's resource managers: a thing that is set up before some tasks and cleaned up after them, whatever became of them.
use std::borrow::Cow;

use super::BuiltIn;
use crate::flow::definition::{Parameter, Role};
use crate::flow::graph::TaskId;
use crate::quiet::Quiet;
use crate::{Signal, State, TaskBody, TaskDefinition, TaskError, Trigger, Upstreams, Value};

/// Makes the manager of a resource: an ordinary task, that is never a reference task.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, StateKind, TaskBody, TaskDefinition, Value, built_in};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("resource"));
/// let path = TaskBody::new([], |_| Ok(Value::new("a.db".to_owned())));
/// let (definition, body) = built_in::resource_init("Db", path);
/// let manager = flow.task(definition, body);
/// let (definition, body) = built_in::resource_setup("Db", |path: &String| Ok(path.len()));
/// let db = flow.task(definition, body);
/// let (definition, body) = built_in::resource_cleanup("Db", |_: &String, _: &usize| Ok(()));
/// let cleanup = flow.task(definition, body);
/// let query = TaskBody::new([], |_| Err("no such table".into()));
/// let query = flow.task(TaskDefinition::new("query"), query);
/// flow.edge(manager, db, "mgr");
/// flow.order(db, query);
/// flow.edge(manager, cleanup, "mgr");
/// flow.edge(db, cleanup, "resource");
/// flow.order(query, cleanup);
/// let run = flow.build().run();
/// assert_eq!(run.state_of(cleanup).kind(), StateKind::Success);
/// assert_eq!(run.state().kind(), StateKind::Failed);
/// ```
pub fn resource_init(name: impl Into<Cow<'static, str>>, body: TaskBody) -> BuiltIn {
    (TaskDefinition::new(name).role(Role::ResourceInit), body)
}

/// `{name}.setup`: makes the resource of its input `mgr`, the manager. The resource is kept in memory only. It is made again
/// before a task is retried that lies between this one and a clean-up directly downstream of it, as with
/// [`resource`](crate::resource()). One that is mapped is not.
///
/// For an example see [`resource_init`].
pub fn resource_setup<M: Send + Sync + 'static, T: Send + Sync + 'static>(
    name: &str,
    setup: impl Fn(&M) -> Result<T, TaskError> + Send + Sync + 'static,
) -> BuiltIn {
    let setup = Quiet::new(setup);
    let body =
        TaskBody::new([Parameter::of::<M>("mgr")], move |inputs| setup(&inputs.take::<M>(0)).map(Value::in_memory));
    (sets_up(TaskDefinition::new(format!("{name}.setup"))), body)
}

/// `{name}.cleanup`: takes the manager `mgr` and the `resource`, both from tasks. It runs after all that is upstream of it,
/// also when that failed; it is skipped if there is no resource. It is never a reference task.
///
/// For an example see [`resource_init`].
pub fn resource_cleanup<M: Send + Sync + 'static, T: Send + Sync + 'static>(
    name: &str,
    cleanup: impl Fn(&M, &T) -> Result<(), TaskError> + Send + Sync + 'static,
) -> BuiltIn {
    let cleanup = Quiet::new(cleanup);
    let parameters = [Parameter::of::<M>("mgr"), Parameter::of::<T>("resource")];
    let body =
        TaskBody::new(parameters, move |inputs| cleanup(&inputs.take::<M>(0), &inputs.take::<T>(1)).map(Value::new));
    (cleans_up(TaskDefinition::new(format!("{name}.cleanup")), SetUp::Named), body)
}

/// The task that sets the resource up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SetUp {
    By(TaskId),
    /// The one that gives the parameter `resource`; the one that gives `mgr` makes its manager.
    Named,
}

/// Makes a task set up a resource.
pub(crate) fn sets_up(definition: TaskDefinition) -> TaskDefinition {
    definition.role(Role::ResourceSetup)
}

/// Makes a task clean up a resource.
pub(crate) fn cleans_up(definition: TaskDefinition, setup: SetUp) -> TaskDefinition {
    let trigger = move |upstreams: &Upstreams<'_>| resource_cleanup_trigger(upstreams, setup);
    definition.role(Role::ResourceCleanup).skip_on_upstream_skip(false).trigger(Trigger::new(trigger))
}

fn resource_cleanup_trigger(upstreams: &Upstreams<'_>, setup: SetUp) -> Result<bool, TaskError> {
    if !upstreams.states().iter().all(|state| state.kind().is_finished()) {
        let text = "Trigger was 'resource_cleanup_trigger' but some of the upstream tasks were not finished.";
        return Err(Signal::trigger_fail(text).into());
    }
    let (setup, init) = match setup {
        SetUp::By(task) => (upstreams.of_task(task), None),
        SetUp::Named => (upstreams.of_parameter("resource"), upstreams.of_parameter("mgr")),
    };
    for (step, state) in [("setup", setup), ("init", init)] {
        let what = match state.map(State::kind) {
            Some(kind) if kind.is_failed() => "failed",
            Some(kind) if kind.is_skipped() => "skipped",
            _ => continue,
        };
        return Err(Signal::skip(format!("Resource manager {step} {what}")).into());
    }
    Ok(true)
}
