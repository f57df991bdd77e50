//! A flow under construction: what the macros fill, and what users fill who build flows at run time.
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Flow;
use super::declared::{self, Declared, FlowParameter};
use super::definition::{BodyKind, Parameter, TaskDefinition};
use super::elements::Elements;
use super::graph::{Code, DynamicCode, PLAIN, TaskId, TaskKind, TaskNode};
use super::inputs::{BodyOutcome, Computed, Each, EachOf, Inputs, Slot, TaskFuture};
use super::settings::FlowOptions;
use crate::near::hint;
use crate::quiet::Quiet;
use crate::{TaskError, Value};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Builds a flow at run time: tasks with code of any kind, wired by name.
///
/// Flows that are known when the program is written are better written with `flow!`, which checks the wiring.
///
/// ```
/// use prefect::{FlowBuilder, FlowOptions, Parameter, State, TaskBody, TaskDefinition, Value};
///
/// let mut flow = FlowBuilder::new(FlowOptions::new("sum"));
/// let one = flow.task(TaskDefinition::new("one"), TaskBody::new([], |_| Ok(Value::new(1_i64))));
/// let next = flow.task(
///     TaskDefinition::new("next"),
///     TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(Value::new(*inputs.take::<i64>(0) + 1))),
/// );
/// flow.edge(one, next, "x");
/// let run = flow.build().run();
/// assert_eq!(run.state_of(next).value::<i64>(), Some(&2));
/// ```
pub struct FlowBuilder {
    pub(super) id: u32,
    pub(super) options: FlowOptions,
    pub(super) kinds: Vec<TaskKind>,
    pub(super) known: HashMap<(usize, usize), u32>,
    pub(super) last: Option<((usize, usize), u32)>,
    pub(super) nodes: Vec<TaskNode>,
    pub(super) edges: Vec<TaskId>,
    pub(super) slots: Vec<Box<[Slot]>>,
    /// Inputs of tasks made at run time, until the flow is built.
    pub(super) bound: HashMap<TaskId, Vec<Option<Slot>>>,
    /// Edges that bring no data, (from, to).
    pub(super) order: Vec<(TaskId, TaskId)>,
    pub(super) reference_tasks: Option<Vec<TaskId>>,
    pub(super) parameters: Vec<FlowParameter>,
}

/// A task of a [`FlowBuilder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskRef {
    pub(crate) graph: u32,
    pub(crate) task: TaskId,
}

impl TaskRef {
    /// The task, in the flow that it has to be of.
    #[track_caller]
    pub(crate) fn of(self, graph: u32) -> TaskId {
        assert!(self.graph == graph, "this task belongs to another flow");
        self.task
    }
}

/// The code of a task that is made at run time.
pub struct TaskBody(pub(super) Made);

pub(super) enum Made {
    Code(DynamicCode),
    /// Gives the value of a parameter of the flow.
    Parameter(Declared),
}

impl TaskBody {
    /// A plain function of these parameters.
    pub fn new(
        parameters: impl IntoIterator<Item = Parameter>,
        run: impl Fn(&mut Inputs<'_>) -> Result<Value, TaskError> + Send + Sync + 'static,
    ) -> Self {
        let run = Quiet::new(run);
        Self(Made::Code(DynamicCode {
            run: Box::new(move |inputs| BodyOutcome::Done(run(inputs))),
            parameters: parameters.into_iter().collect(),
            kind: BodyKind::Sync,
            output: None,
        }))
    }

    /// An async function of these parameters: takes its inputs and returns the future.
    pub fn new_async<F>(
        parameters: impl IntoIterator<Item = Parameter>,
        run: impl Fn(&mut Inputs<'_>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Value, TaskError>> + Send + 'static,
    {
        let run = Quiet::new(run);
        Self(Made::Code(DynamicCode {
            run: Box::new(move |inputs| {
                let future: TaskFuture = Box::pin(run(inputs));
                BodyOutcome::Future(future)
            }),
            parameters: parameters.into_iter().collect(),
            kind: BodyKind::Async,
            output: None,
        }))
    }
}

impl TaskBody {
    /// Says what it gives. A task needs that whose result is to be read where it was kept: one with a `target`.
    ///
    /// ```
    /// use prefect::{LocalResult, TaskBody, TaskDefinition, Value};
    ///
    /// let folder = std::env::temp_dir();
    /// let definition = TaskDefinition::new("rows").target("rows.json").result(LocalResult::in_folder(folder));
    /// let body = TaskBody::new([], |_| Ok(Value::new(vec![1_i64, 2]))).returns::<Vec<i64>>();
    /// # let _ = (definition, body);
    /// ```
    ///
    /// # Panics
    /// If the body is that of a [parameter](crate::built_in::parameter): its type is known.
    #[must_use]
    #[track_caller]
    pub fn returns<T: Serialize + DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        match &mut self.0 {
            Made::Code(code) => code.output = Some(crate::dsl::output::stored::<T>().untyped()),
            Made::Parameter(_) => panic!("what a parameter gives is known"),
        }
        self
    }

    /// Gives the value of a parameter of the flow.
    pub(crate) fn parameter(declared: Declared) -> Self {
        Self(Made::Parameter(declared))
    }
}

impl fmt::Debug for TaskBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_tuple("TaskBody");
        match &self.0 {
            Made::Code(code) => f.field(&code.parameters).finish(),
            Made::Parameter(declared) => f.field(declared).finish(),
        }
    }
}

impl FlowBuilder {
    /// A flow without tasks.
    #[must_use]
    pub fn new(options: FlowOptions) -> Self {
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            options,
            kinds: Vec::new(),
            known: HashMap::new(),
            last: None,
            nodes: Vec::new(),
            edges: Vec::new(),
            slots: Vec::new(),
            bound: HashMap::new(),
            order: Vec::new(),
            reference_tasks: None,
            parameters: Vec::new(),
        }
    }

    /// Adds a task. Its inputs are bound by [`edge`](Self::edge) and [`constant`](Self::constant).
    ///
    /// # Panics
    /// If the body is that of a [parameter](crate::built_in::parameter), and the flow has one of this name.
    #[track_caller]
    pub fn task(&mut self, definition: TaskDefinition, body: TaskBody) -> TaskRef {
        let task = match body.0 {
            Made::Code(code) => {
                let slots = code.parameters.iter().map(|_| None).collect();
                let kind = self.add_kind(TaskKind::new(Arc::new(definition), Code::Dynamic(Arc::new(code))));
                let task = self.push(kind, 0, PLAIN);
                self.bound.insert(task, slots);
                task
            }
            Made::Parameter(declared) => self.declare(definition, declared),
        };
        TaskRef { graph: self.id, task }
    }

    /// Adds the task that gives the value of a parameter. Its slug is the parameter's name.
    #[track_caller]
    pub(super) fn declare(&mut self, definition: TaskDefinition, declared: Declared) -> TaskId {
        let name: Arc<str> = Arc::from(definition.name());
        let task = self.add_made(definition, declared::code(self.parameters.len()), &mut []);
        self.push_parameter(FlowParameter { task, name, declared });
        task
    }

    /// Makes this task, a copy from another flow, the one of the same parameter here.
    #[track_caller]
    pub(super) fn adopt(&mut self, task: TaskId, parameter: &FlowParameter) {
        let definition = Arc::clone(&self.kinds[self.nodes[task as usize].kind as usize].definition);
        let kind = TaskKind::new(definition, declared::code(self.parameters.len()));
        self.nodes[task as usize].kind = self.add_kind(kind);
        let FlowParameter { name, declared, .. } = parameter;
        self.push_parameter(FlowParameter { task, name: Arc::clone(name), declared: declared.clone() });
    }

    #[track_caller]
    pub(super) fn push_parameter(&mut self, parameter: FlowParameter) {
        let name = &parameter.name;
        assert!(
            self.parameters.iter().all(|other| other.name != *name),
            "A task with the slug \"{name}\" already exists in this flow. (flow `{}` has two parameters named `{name}`)",
            self.options.name
        );
        self.parameters.push(parameter);
    }

    /// The parameter whose value this task gives.
    pub(super) fn parameter_of(&self, task: TaskId) -> Option<&FlowParameter> {
        // In the order in which they were made.
        let place = self.parameters.binary_search_by_key(&task, |parameter| parameter.task).ok()?;
        Some(&self.parameters[place])
    }

    /// Whether this task gives the value of a parameter.
    pub(super) fn is_parameter(&self, task: TaskId) -> bool {
        self.parameter_of(task).is_some()
    }

    /// # Panics
    /// If the task is that of a parameter: there is nothing to wait for.
    #[track_caller]
    pub(super) fn assert_downstream(&self, to: TaskId, from: Option<TaskId>) {
        if let Some(parameter) = self.parameter_of(to) {
            let after = from.map(|from| format!(" after task `{}`", self.name_of(from))).unwrap_or_default();
            panic!(
                "Parameters must be root tasks and can not have upstream dependencies. (parameter `{}` of flow `{}`{after})",
                parameter.name, self.options.name
            );
        }
    }

    /// Gives the result of `from` to the parameter `key` of `to`.
    ///
    /// # Panics
    /// If `to` has no such parameter, or it is bound already; if a task belongs to another flow, or both are the same.
    #[track_caller]
    pub fn edge(&mut self, from: TaskRef, to: TaskRef, key: &str) {
        let (from, _) = self.ends(from, to);
        self.bind(to, key, Slot::Upstream(from));
    }

    /// Gives a constant to the parameter `key` of `to`.
    ///
    /// # Panics
    /// If `to` has no such parameter, or it is bound already; if it belongs to another flow.
    #[track_caller]
    pub fn constant(&mut self, to: TaskRef, key: &str, value: Value) {
        self.bind(to, key, Slot::Value(value));
    }

    /// Maps `to` over the result of `from`, a list: one child for each element, which is its input `key`. Over a mapped task
    /// each child takes what the child of the same number gives. With several lists the shortest decides.
    ///
    /// # Panics
    /// As [`edge`](Self::edge).
    #[track_caller]
    pub fn map(&mut self, from: TaskRef, to: TaskRef, key: &str, elements: Elements) {
        let (from, _) = self.ends(from, to);
        self.bind(to, key, Slot::Each(Each { of: EachOf::Task(from), elements, convert: None }));
    }

    /// Gives the elements of the lists that `from` gave, as one list, to the parameter `key` of `to`: of a list of lists, or
    /// of the lists of a mapped task's children.
    ///
    /// # Panics
    /// As [`edge`](Self::edge).
    #[track_caller]
    pub fn flatten(&mut self, from: TaskRef, to: TaskRef, key: &str, elements: Elements) {
        let (from, _) = self.ends(from, to);
        self.bind(to, key, Slot::Computed(Computed::flat(from, elements)));
    }

    /// Maps `to` over a constant list.
    ///
    /// # Panics
    /// As [`constant`](Self::constant), and if the constant is no such list.
    #[track_caller]
    pub fn map_constant(&mut self, to: TaskRef, key: &str, list: Value, elements: Elements) {
        let task = self.own(to);
        let is_list = elements.list(list.clone()).is_some_and(|list| elements.len(&list).is_some());
        assert!(
            is_list,
            "Cannot map over unsubscriptable object of type `{}`: it takes the elements of a `{}`. \
             (parameter `{key}` of task `{}` in flow `{}`)",
            list.type_name(),
            elements.type_name(),
            self.name_of(task),
            self.options.name
        );
        self.bind(to, key, Slot::Each(Each { of: EachOf::Constant(list), elements, convert: None }));
    }

    #[track_caller]
    pub(super) fn bind(&mut self, to: TaskRef, key: &str, slot: Slot) {
        let task = self.own(to);
        let from = match &slot {
            Slot::Upstream(from) | Slot::Each(Each { of: EachOf::Task(from), .. }) => Some(*from),
            Slot::Computed(computed) => computed.upstream.first().copied(),
            _ => None,
        };
        self.assert_downstream(task, from);
        let kind = &self.kinds[self.nodes[task as usize].kind as usize];
        let name = kind.definition.name();
        let Some(i) = kind.code.parameters().iter().position(|p| p.name == key) else {
            let names = kind.code.parameters().iter().map(|p| &*p.name);
            let meant = hint(key, names);
            panic!("task `{name}` of flow `{}` has no parameter `{key}`{meant}", self.options.name);
        };
        let slots = self
            .bound
            .get_mut(&task)
            .unwrap_or_else(|| panic!("the inputs of task `{name}` were given when it was called"));
        assert!(
            slots[i].is_none(),
            "Argument \"{key}\" for task <Task: {name}> has already been assigned in this flow. (flow `{}`)",
            self.options.name
        );
        slots[i] = Some(match slot {
            Slot::Upstream(from) => kind.code.parameters()[i].given_by(from),
            slot => slot,
        });
    }

    /// Makes `to` wait for `from`, without taking its result.
    ///
    /// # Panics
    /// If a task belongs to another flow, or both are the same.
    #[track_caller]
    pub fn order(&mut self, from: TaskRef, to: TaskRef) {
        let ends = self.ends(from, to);
        self.order.push(ends);
    }

    /// The tasks that decide how a run ends.
    ///
    /// # Panics
    /// If a task belongs to another flow.
    #[track_caller]
    pub fn reference_tasks(&mut self, tasks: impl IntoIterator<Item = TaskRef>) {
        let mut own = Vec::new();
        // A loop, because a closure would not hand on whose call it is.
        for task in tasks {
            let is_own = task.graph == self.id;
            assert!(is_own, "reference tasks must be part of the flow. (flow `{}`)", self.options.name);
            own.push(task.task);
        }
        self.reference_tasks = Some(own);
    }

    #[track_caller]
    pub(super) fn own(&self, task: TaskRef) -> TaskId {
        task.of(self.id)
    }

    /// The two ends of an edge.
    #[track_caller]
    fn ends(&self, from: TaskRef, to: TaskRef) -> (TaskId, TaskId) {
        let (from, to) = (self.own(from), self.own(to));
        assert!(from != to, "{}", self.loop_text(to));
        (from, to)
    }

    /// Why a task cannot be put after itself.
    pub(crate) fn loop_text(&self, task: TaskId) -> String {
        let (task, flow) = (self.name_of(task), &self.options.name);
        format!("Edges can not connect a task to itself. (task `{task}` of flow `{flow}`)")
    }

    /// The flow.
    ///
    /// # Panics
    /// If a parameter of a task is not bound.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> Flow<()> {
        Flow::new(self.finish(), ())
    }
}

impl fmt::Debug for FlowBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowBuilder")
            .field("name", &self.options.name)
            .field("tasks", &self.nodes.len())
            .finish_non_exhaustive()
    }
}
