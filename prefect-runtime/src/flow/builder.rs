//! A flow under construction: what the macros fill, and what users fill who build flows at run time.
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Flow;
use super::definition::{BodyKind, Parameter, TaskCell, TaskCode, TaskDefinition};
use super::elements::{Elements, Nesting};
use super::graph::{Code, DynamicCode, EdgeUse, Graph, Lazy, MappedTasks, PLAIN, TaskId, TaskKind, TaskNode, id};
use super::inputs::{BodyOutcome, Computed, Each, EachOf, Inputs, Passed, Slot, TaskFuture};
use super::settings::FlowOptions;
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
    options: FlowOptions,
    kinds: Vec<TaskKind>,
    known: HashMap<(usize, usize), u32>,
    last: Option<((usize, usize), u32)>,
    nodes: Vec<TaskNode>,
    edges: Vec<TaskId>,
    slots: Vec<Box<[Slot]>>,
    /// Inputs of tasks made at run time, until the flow is built.
    bound: HashMap<TaskId, Vec<Option<Slot>>>,
    /// Edges that bring no data, (from, to).
    order: Vec<(TaskId, TaskId)>,
    reference_tasks: Option<Vec<TaskId>>,
}

/// A task of a [`FlowBuilder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskRef {
    pub(crate) graph: u32,
    pub(crate) task: TaskId,
}

/// The code of a task that is made at run time.
pub struct TaskBody(DynamicCode);

impl TaskBody {
    /// A plain function of these parameters.
    pub fn new(
        parameters: impl IntoIterator<Item = Parameter>,
        run: impl Fn(&mut Inputs<'_>) -> Result<Value, TaskError> + Send + Sync + 'static,
    ) -> Self {
        let run = Quiet::new(run);
        Self(DynamicCode {
            run: Box::new(move |inputs| BodyOutcome::Done(run(inputs))),
            parameters: parameters.into_iter().collect(),
            kind: BodyKind::Sync,
        })
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
        Self(DynamicCode {
            run: Box::new(move |inputs| {
                let future: TaskFuture = Box::pin(run(inputs));
                BodyOutcome::Future(future)
            }),
            parameters: parameters.into_iter().collect(),
            kind: BodyKind::Async,
        })
    }
}

impl TaskBody {
    pub(super) fn into_code(self) -> Code {
        Code::Dynamic(Arc::new(self.0))
    }
}

impl fmt::Debug for TaskBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskBody").field(&self.0.parameters).finish()
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
        }
    }

    /// Adds a task. Its inputs are bound by [`edge`](Self::edge) and [`constant`](Self::constant).
    pub fn task(&mut self, definition: TaskDefinition, body: TaskBody) -> TaskRef {
        let slots = body.0.parameters.iter().map(|_| None).collect();
        let kind = self.add_kind(TaskKind::new(Arc::new(definition), body.into_code()));
        let task = self.push(kind, 0, PLAIN);
        self.bound.insert(task, slots);
        TaskRef { graph: self.id, task }
    }

    /// Gives the result of `from` to the parameter `key` of `to`.
    ///
    /// # Panics
    /// If `to` has no such parameter, or it is bound already; if a task belongs to another flow, or both are the same.
    #[track_caller]
    pub fn edge(&mut self, from: TaskRef, to: TaskRef, key: &str) {
        let from = self.own(from);
        assert!(from != self.own(to), "edges can not connect a task to itself");
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
        let from = self.own(from);
        assert!(from != self.own(to), "edges can not connect a task to itself");
        self.bind(to, key, Slot::Each(Each { of: EachOf::Task(from), elements, convert: None }));
    }

    /// Gives the elements of the lists that `from` gave, as one list, to the parameter `key` of `to`: of a list of lists, or
    /// of the lists of a mapped task's children.
    ///
    /// # Panics
    /// As [`edge`](Self::edge).
    #[track_caller]
    pub fn flatten(&mut self, from: TaskRef, to: TaskRef, key: &str, elements: Elements) {
        let from = self.own(from);
        assert!(from != self.own(to), "edges can not connect a task to itself");
        let make = Arc::new(move |passed: &[Passed]| elements.flat(passed));
        self.bind(to, key, Slot::Computed(Computed { upstream: vec![from], make }));
    }

    /// Maps `to` over a constant list.
    ///
    /// # Panics
    /// As [`constant`](Self::constant).
    #[track_caller]
    pub fn map_constant(&mut self, to: TaskRef, key: &str, list: Value, elements: Elements) {
        self.bind(to, key, Slot::Each(Each { of: EachOf::Constant(list), elements, convert: None }));
    }

    #[track_caller]
    fn bind(&mut self, to: TaskRef, key: &str, slot: Slot) {
        let task = self.own(to);
        let kind = &self.kinds[self.nodes[task as usize].kind as usize];
        let name = kind.definition.name();
        let Some(i) = kind.code.parameters().iter().position(|p| p.name == key) else {
            panic!("task `{name}` has no parameter `{key}`");
        };
        let slots = self
            .bound
            .get_mut(&task)
            .unwrap_or_else(|| panic!("the inputs of task `{name}` were given when it was called"));
        assert!(slots[i].is_none(), "parameter `{key}` of task `{name}` is bound already");
        slots[i] = Some(slot);
    }

    /// Makes `to` wait for `from`, without taking its result.
    ///
    /// # Panics
    /// If a task belongs to another flow, or both are the same.
    #[track_caller]
    pub fn order(&mut self, from: TaskRef, to: TaskRef) {
        let (from, to) = (self.own(from), self.own(to));
        assert!(from != to, "edges can not connect a task to itself");
        self.order.push((from, to));
    }

    /// The tasks that decide how a run ends.
    ///
    /// # Panics
    /// If a task belongs to another flow.
    #[track_caller]
    pub fn reference_tasks(&mut self, tasks: impl IntoIterator<Item = TaskRef>) {
        self.reference_tasks = Some(tasks.into_iter().map(|task| self.own(task)).collect());
    }

    #[track_caller]
    fn own(&self, task: TaskRef) -> TaskId {
        assert!(task.graph == self.id, "this task belongs to another flow");
        task.task
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

    // What the macros use.

    pub(super) fn add_call(
        &mut self,
        cell: &'static TaskCell,
        code: &'static TaskCode,
        inputs: &mut [Option<Slot>],
    ) -> TaskId {
        let key = (std::ptr::from_ref(cell).addr(), std::ptr::from_ref(code).addr());
        let kind = match self.last {
            Some((last, kind)) if last == key => kind,
            _ => match self.known.get(&key) {
                Some(kind) => *kind,
                None => {
                    let kind = TaskKind::new(Arc::clone(cell.definition()), Code::Static(code));
                    let kind = self.add_kind(kind);
                    self.known.insert(key, kind);
                    kind
                }
            },
        };
        self.last = Some((key, kind));
        self.push_with(kind, inputs)
    }

    /// A task of the library's own, or one whose definition is made for this call.
    pub(super) fn add_made(&mut self, definition: TaskDefinition, code: Code, inputs: &mut [Option<Slot>]) -> TaskId {
        let kind = self.add_kind(TaskKind::new(Arc::new(definition), code));
        self.push_with(kind, inputs)
    }

    fn push_with(&mut self, kind: u32, inputs: &mut [Option<Slot>]) -> TaskId {
        let start = self.edges.len();
        let mut plain = true;
        for slot in inputs.iter() {
            let slot = slot.as_ref().expect("every input is given");
            plain &= matches!(slot, Slot::Upstream(_));
            slot.push_edges(&mut self.edges);
        }
        let data_edges = id(self.edges.len() - start);
        let slots = if plain {
            PLAIN
        } else {
            self.slots.push(inputs.iter_mut().map(|slot| slot.take().expect("every input is given")).collect());
            id(self.slots.len() - 1)
        };
        let task = self.push(kind, data_edges, slots);
        self.nodes[task as usize].edges = id(start);
        task
    }

    /// A task of another flow, with its edges as they are here.
    pub(super) fn push_copy(&mut self, kind: u32, data: &[TaskId], slots: Option<Box<[Slot]>>) -> TaskId {
        let start = id(self.edges.len());
        self.edges.extend_from_slice(data);
        let place = slots.map_or(PLAIN, |slots| {
            self.slots.push(slots);
            id(self.slots.len() - 1)
        });
        let task = self.push(kind, id(data.len()), place);
        self.nodes[task as usize].edges = start;
        task
    }

    pub(super) fn add_kind(&mut self, kind: TaskKind) -> u32 {
        self.kinds.push(kind);
        id(self.kinds.len() - 1)
    }

    fn push(&mut self, kind: u32, data_edges: u32, slots: u32) -> TaskId {
        let task = id(self.nodes.len());
        self.nodes.push(TaskNode { kind, edges: id(self.edges.len()), data_edges, slots });
        task
    }

    /// Changes the options of one task, and of no other call of the same function.
    pub(crate) fn edit(&mut self, task: TaskId, change: impl FnOnce(TaskDefinition) -> TaskDefinition) {
        let kind = &self.kinds[self.nodes[task as usize].kind as usize];
        let changed = TaskKind::new(Arc::new(change((*kind.definition).clone())), kind.code.clone());
        self.nodes[task as usize].kind = self.add_kind(changed);
    }

    /// The number that the next task gets.
    pub(crate) fn next_task(&self) -> TaskId {
        id(self.nodes.len())
    }

    /// The tasks whose results a task takes, if it was made by a call.
    pub(super) fn data_edges(&self, task: TaskId) -> &[TaskId] {
        let node = self.nodes[task as usize];
        &self.edges[node.edges as usize..][..node.data_edges as usize]
    }

    /// Edges that bring no data, (from, to), in the order in which they were made.
    pub(super) fn order_edges(&self) -> &[(TaskId, TaskId)] {
        &self.order
    }

    /// The name of a task.
    pub(crate) fn name_of(&self, task: TaskId) -> &str {
        self.kinds[self.nodes[task as usize].kind as usize].definition.name()
    }

    /// Whether a task takes an element of a list.
    pub(crate) fn is_mapped(&self, task: TaskId) -> bool {
        let slots = self.slots.get(self.nodes[task as usize].slots as usize);
        slots.is_some_and(|slots| slots.iter().any(|slot| matches!(slot, Slot::Each(_))))
    }

    pub(crate) fn after(&mut self, task: TaskId, upstream: TaskId) {
        self.order.push((upstream, task));
    }

    pub(crate) fn set_reference_tasks(&mut self, tasks: Vec<TaskId>) {
        self.reference_tasks = Some(tasks);
    }

    #[track_caller]
    pub(super) fn finish(mut self) -> Graph {
        if !self.bound.is_empty() || !self.order.is_empty() {
            self.lay_out();
        }
        let mapped = self.uses();
        Graph {
            mapped,
            id: self.id,
            name: Arc::from(&*self.options.name),
            options: self.options,
            kinds: self.kinds,
            nodes: self.nodes,
            edges: self.edges,
            slots: self.slots,
            reference_tasks: self.reference_tasks,
            lazy: Lazy::default(),
        }
    }

    /// How the mapped tasks use their edges.
    fn uses(&self) -> MappedTasks {
        let each = |slots: &[Slot]| slots.iter().any(|slot| matches!(slot, Slot::Each(_)));
        if !self.slots.iter().any(|slots| each(slots)) {
            return MappedTasks::default();
        }
        let mut mapped = MappedTasks::default();
        for task in 0..self.nodes.len() {
            let Some(slots) = self.slots.get(self.nodes[task].slots as usize).filter(|slots| each(slots)) else {
                continue;
            };
            let mut uses = Vec::new();
            for slot in slots {
                match slot {
                    Slot::Upstream(_) => uses.push(EdgeUse::Whole),
                    Slot::Computed(computed) => uses.extend(computed.upstream.iter().map(|_| EdgeUse::Whole)),
                    Slot::Each(Each { of: EachOf::Tasks(tasks), .. }) => {
                        uses.extend(tasks.iter().map(|_| EdgeUse::Whole));
                    }
                    Slot::Each(Each { of: EachOf::Task(_), elements, .. }) => uses.push(match elements.nesting {
                        Nesting::Plain => EdgeUse::Element,
                        Nesting::Flattened => EdgeUse::Flattened,
                    }),
                    Slot::Value(_) | Slot::Each(Each { of: EachOf::Constant(_), .. }) => {}
                }
            }
            let end = self.nodes.get(task + 1).map_or(self.edges.len(), |next| next.edges as usize);
            uses.resize(end - self.nodes[task].edges as usize, EdgeUse::Whole);
            mapped.add(id(task), uses);
        }
        mapped
    }

    /// Lays the edges out anew: inputs that were bound by name, and edges without data after those with.
    #[track_caller]
    fn lay_out(&mut self) {
        let mut order: HashMap<TaskId, Vec<TaskId>> = HashMap::new();
        for (from, to) in std::mem::take(&mut self.order) {
            order.entry(to).or_default().push(from);
        }
        let old_edges = std::mem::take(&mut self.edges);
        for task in 0..id(self.nodes.len()) {
            let node = self.nodes[task as usize];
            let start = id(self.edges.len());
            if let Some(bound) = self.bound.remove(&task) {
                let kind = &self.kinds[node.kind as usize];
                let slots: Box<[Slot]> = bound
                    .into_iter()
                    .zip(kind.code.parameters())
                    .map(|(slot, p)| {
                        slot.unwrap_or_else(|| {
                            panic!("task `{}`: parameter `{}` is not bound", kind.definition.name(), p.name)
                        })
                    })
                    .collect();
                slots.iter().for_each(|slot| slot.push_edges(&mut self.edges));
                let data_edges = id(self.edges.len()) - start;
                let plain = slots.iter().all(|slot| matches!(slot, Slot::Upstream(_)));
                let place = if plain { PLAIN } else { id(self.slots.len()) };
                if !plain {
                    self.slots.push(slots);
                }
                self.nodes[task as usize] = TaskNode { kind: node.kind, edges: start, data_edges, slots: place };
            } else {
                let old = node.edges as usize;
                self.edges.extend_from_slice(&old_edges[old..old + node.data_edges as usize]);
                self.nodes[task as usize].edges = start;
            }
            // One edge without data for each upstream task that is not there already.
            let mut there: HashSet<TaskId> = self.edges[start as usize..].iter().copied().collect();
            for from in order.remove(&task).unwrap_or_default() {
                if there.insert(from) {
                    self.edges.push(from);
                }
            }
        }
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
