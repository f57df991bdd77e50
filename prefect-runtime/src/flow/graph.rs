//! A flow as data: tasks, edges, what its handlers are. Building it runs no task.
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::declared::FlowParameter;
use super::definition::{Role, TaskDefinition};
use super::inputs::Slot;
pub(crate) use super::kind::{Code, DynamicCode, TaskKind};
pub(crate) use super::mapped::{EdgeUse, MappedTasks};
use super::resources::{ResourceBlock, resource_blocks};
use super::settings::FlowOptions;

/// The number of a task in its flow.
pub(crate) type TaskId = u32;

/// A flow that can be run.
pub(crate) struct Graph {
    pub(crate) id: u32,
    pub(crate) name: Arc<str>,
    pub(crate) options: FlowOptions,
    pub(crate) kinds: Vec<TaskKind>,
    pub(crate) nodes: Vec<TaskNode>,
    /// Upstream tasks, task by task: those that bring data first, in the order of the inputs.
    pub(crate) edges: Vec<TaskId>,
    pub(crate) slots: Vec<Box<[Slot]>>,
    pub(crate) mapped: MappedTasks,
    pub(crate) reference_tasks: Option<Vec<TaskId>>,
    /// In the order of their tasks.
    pub(crate) parameters: Vec<FlowParameter>,
    pub(crate) lazy: Lazy,
}

/// What is worked out when it is first asked for, and then kept.
#[derive(Default)]
pub(crate) struct Lazy {
    slugs: OnceLock<Vec<Arc<str>>>,
    readers: OnceLock<Readers>,
    terminal: OnceLock<Vec<TaskId>>,
    /// The reference tasks of a flow that uses a resource.
    without_resources: OnceLock<Vec<TaskId>>,
    resource_blocks: OnceLock<Vec<ResourceBlock>>,
    order: OnceLock<Result<Vec<TaskId>, Cycle>>,
    shared_names: OnceLock<Vec<Arc<str>>>,
}

/// One task of a flow.
#[derive(Clone, Copy)]
pub(crate) struct TaskNode {
    pub(crate) kind: u32,
    /// Where its edges start; they end where the next task's start.
    pub(crate) edges: u32,
    /// How many of them bring data.
    pub(crate) data_edges: u32,
    /// Its entry in `slots`, or [`PLAIN`] if every input is the result of one task.
    pub(crate) slots: u32,
}

pub(crate) const PLAIN: u32 = u32::MAX;

/// Tasks that wait for each other, by name.
#[derive(Clone, Debug)]
pub(crate) struct Cycle(pub(crate) Vec<String>);

/// Prefect's words, and the tasks.
impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cycle found; flows must be acyclic! ({})", self.0.join(" -> "))
    }
}

/// The readers of each task: `list[at[i]..at[i + 1]]`, one entry for each edge.
pub(crate) struct Readers {
    pub(crate) at: Vec<u32>,
    pub(crate) list: Vec<TaskId>,
}

impl Readers {
    #[inline]
    pub(crate) fn of(&self, task: TaskId) -> &[TaskId] {
        &self.list[self.at[task as usize] as usize..self.at[task as usize + 1] as usize]
    }
}

impl Graph {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The same flow, in which these tasks have other bodies.
    pub(crate) fn with_code(&self, replaced: impl IntoIterator<Item = (TaskId, Code)>) -> Self {
        let (mut kinds, mut nodes) = (self.kinds.clone(), self.nodes.clone());
        for (task, code) in replaced {
            nodes[task as usize].kind = id(kinds.len());
            let kind = self.kind(task);
            kinds.push(TaskKind {
                has_own_steps: kind.has_own_steps,
                ..TaskKind::new(Arc::clone(&kind.definition), code)
            });
        }
        Self {
            id: self.id,
            name: Arc::clone(&self.name),
            options: self.options.clone(),
            kinds,
            nodes,
            edges: self.edges.clone(),
            slots: self.slots.clone(),
            mapped: self.mapped.clone(),
            reference_tasks: self.reference_tasks.clone(),
            parameters: self.parameters.clone(),
            lazy: Lazy::default(),
        }
    }

    #[inline]
    pub(crate) fn kind(&self, task: TaskId) -> &TaskKind {
        &self.kinds[self.nodes[task as usize].kind as usize]
    }

    /// The place of a task's kind among the `kinds`.
    #[inline]
    pub(crate) fn kind_number(&self, task: TaskId) -> usize {
        self.nodes[task as usize].kind as usize
    }

    #[inline]
    pub(crate) fn definition(&self, task: TaskId) -> &TaskDefinition {
        &self.kind(task).definition
    }

    #[inline]
    fn edge_range(&self, task: TaskId) -> Range<usize> {
        let i = task as usize;
        let end = self.nodes.get(i + 1).map_or(self.edges.len(), |next| next.edges as usize);
        self.nodes[i].edges as usize..end
    }

    /// Every upstream task, once for each edge.
    #[inline]
    pub(crate) fn upstream(&self, task: TaskId) -> &[TaskId] {
        &self.edges[self.edge_range(task)]
    }

    /// The upstream tasks that bring data.
    #[inline]
    pub(crate) fn data_upstream(&self, task: TaskId) -> &[TaskId] {
        let start = self.nodes[task as usize].edges as usize;
        &self.edges[start..start + self.nodes[task as usize].data_edges as usize]
    }

    /// How the task uses its edges, if it is mapped.
    #[inline]
    pub(crate) fn uses(&self, task: TaskId) -> Option<&[EdgeUse]> {
        self.mapped.uses(task)
    }

    /// Whether the task runs once for each element of a list.
    pub(crate) fn is_mapped(&self, task: TaskId) -> bool {
        self.mapped.uses(task).is_some()
    }

    /// How many edges from `upstream` bring elements to `reader`.
    pub(crate) fn element_edges(&self, upstream: TaskId, reader: TaskId) -> u32 {
        let Some(uses) = self.uses(reader) else { return 0 };
        let pairs = self.upstream(reader).iter().zip(uses);
        id(pairs.filter(|(from, how)| **from == upstream && **how == EdgeUse::Element).count())
    }

    /// The inputs, if they are more than results of tasks.
    #[inline]
    pub(crate) fn slots(&self, task: TaskId) -> Option<&[Slot]> {
        self.slots.get(self.nodes[task as usize].slots as usize).map(|slots| &**slots)
    }

    pub(crate) fn readers(&self) -> &Readers {
        self.lazy.readers.get_or_init(|| {
            let n = self.len();
            let mut at = vec![0_u32; n + 2];
            for upstream in &self.edges {
                at[*upstream as usize + 2] += 1;
            }
            for i in 2..n + 2 {
                at[i] += at[i - 1];
            }
            let mut list = vec![0; self.edges.len()];
            for task in 0..id(n) {
                for upstream in self.upstream(task) {
                    let place = &mut at[*upstream as usize + 1];
                    list[*place as usize] = task;
                    *place += 1;
                }
            }
            at.truncate(n + 1);
            Readers { at, list }
        })
    }

    /// The tasks, each after all that is upstream of it; among those that could come next, the first that was made.
    pub(crate) fn order(&self) -> Result<&[TaskId], &Cycle> {
        let order = self.lazy.order.get_or_init(|| {
            // A flow that a macro built has its tasks in order already.
            if (0..id(self.len())).all(|task| self.upstream(task).iter().all(|u| *u < task)) {
                return Ok((0..id(self.len())).collect());
            }
            let mut left: Vec<_> = (0..id(self.len())).map(|task| self.upstream(task).len()).collect();
            let mut ready: std::collections::BTreeSet<_> =
                (0..id(self.len())).filter(|task| left[*task as usize] == 0).collect();
            let mut order = Vec::with_capacity(self.len());
            while let Some(task) = ready.pop_first() {
                order.push(task);
                for reader in self.readers().of(task) {
                    left[*reader as usize] -= 1;
                    if left[*reader as usize] == 0 {
                        ready.insert(*reader);
                    }
                }
            }
            if order.len() == self.len() { Ok(order) } else { Err(self.cycle(&left)) }
        });
        order.as_deref()
    }

    /// One of the cycles among the tasks that could never start.
    fn cycle(&self, left: &[usize]) -> Cycle {
        let start = left.iter().position(|left| *left > 0).expect("a task that could not start");
        let mut path: Vec<TaskId> = vec![id(start)];
        loop {
            let last = *path.last().expect("never empty");
            let next = *self.upstream(last).iter().find(|u| left[**u as usize] > 0).expect("it waits for one of these");
            if let Some(at) = path.iter().position(|task| *task == next) {
                let mut names: Vec<_> =
                    path[at..].iter().rev().map(|t| self.definition(*t).name().to_owned()).collect();
                names.push(names[0].clone());
                return Cycle(names);
            }
            path.push(next);
        }
    }

    /// `{name}-{tags}-{number}`, the number counted for each name with its tags; of a parameter, its name.
    pub(crate) fn slugs(&self) -> &[Arc<str>] {
        self.lazy.slugs.get_or_init(|| {
            let mut counts: HashMap<String, u32> = HashMap::new();
            let names: HashMap<TaskId, &Arc<str>> = self.parameters.iter().map(|p| (p.task, &p.name)).collect();
            let slug = |task| {
                if let Some(name) = names.get(&task) {
                    return Arc::clone(name);
                }
                let definition = self.definition(task);
                let mut tags: Vec<&Cow<'_, str>> = definition.tags.iter().collect();
                tags.sort();
                tags.dedup();
                let mut prefix = definition.name().to_owned();
                for tag in tags {
                    prefix.push('-');
                    prefix.push_str(tag);
                }
                let count = counts.entry(prefix.clone()).or_insert(0);
                loop {
                    *count += 1;
                    let slug = format!("{prefix}-{count}");
                    if self.parameters.iter().all(|parameter| *parameter.name != *slug) {
                        return Arc::from(slug);
                    }
                }
            };
            (0..id(self.len())).map(slug).collect()
        })
    }

    pub(crate) fn slug(&self, task: TaskId) -> &Arc<str> {
        &self.slugs()[task as usize]
    }

    /// The name of the task, shared.
    pub(crate) fn name(&self, task: TaskId) -> &Arc<str> {
        let names = self
            .lazy
            .shared_names
            .get_or_init(|| self.kinds.iter().map(|kind| Arc::from(kind.definition.name())).collect());
        &names[self.nodes[task as usize].kind as usize]
    }

    /// The tasks that decide how the run ends: those that were named, else those that nothing is downstream of. The
    /// clean-up of a resource does not count, neither as one of them nor as downstream.
    pub(crate) fn reference_tasks(&self) -> &[TaskId] {
        if let Some(named) = &self.reference_tasks {
            return named;
        }
        if self.kinds.iter().all(|kind| kind.definition.role.decides()) {
            return self.terminal_tasks();
        }
        self.lazy.without_resources.get_or_init(|| {
            let role = |task| self.definition(task).role;
            let is_last = |task: TaskId| self.readers().of(task).iter().all(|to| role(*to) == Role::ResourceCleanup);
            (0..id(self.len())).filter(|task| role(*task).decides() && is_last(*task)).collect()
        })
    }

    /// Its resources, by their clean-ups.
    pub(crate) fn resource_blocks(&self) -> &[ResourceBlock] {
        self.lazy.resource_blocks.get_or_init(|| resource_blocks(self))
    }

    /// The resources that a task cleans up.
    pub(crate) fn cleaned_up_by(&self, task: TaskId) -> &[ResourceBlock] {
        let blocks = self.resource_blocks();
        let first = blocks.partition_point(|block| block.clean_up < task);
        let len = blocks[first..].partition_point(|block| block.clean_up == task);
        &blocks[first..first + len]
    }

    /// The tasks that nothing is downstream of.
    pub(crate) fn terminal_tasks(&self) -> &[TaskId] {
        let find = || (0..id(self.len())).filter(|task| self.readers().of(*task).is_empty()).collect();
        self.lazy.terminal.get_or_init(find)
    }
}

/// Flows have fewer than 2^32 tasks: the builder sees to that.
pub(crate) fn id(i: usize) -> TaskId {
    TaskId::try_from(i).expect("fewer than 2^32 tasks")
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("name", &self.name).field("tasks", &self.len()).finish_non_exhaustive()
    }
}
