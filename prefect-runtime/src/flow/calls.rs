//! What the macros and the library itself add to a flow under construction: calls, with their inputs.
use std::sync::Arc;

use super::builder::{FlowBuilder, Made};
use super::definition::{TaskCell, TaskCode, TaskDefinition};
use super::graph::{Code, PLAIN, TaskId, TaskKind, TaskNode, id};
use super::inputs::Slot;
use crate::built_in::BuiltIn;

impl FlowBuilder {
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

    /// One of Prefect's own tasks.
    #[track_caller]
    pub(super) fn add_built_in(&mut self, (definition, body): BuiltIn, inputs: &mut [Option<Slot>]) -> TaskId {
        match body.0 {
            Made::Code(code) => self.add_made(definition, Code::Dynamic(Arc::new(code)), inputs),
            Made::Parameter(declared) => self.declare(definition, declared),
        }
    }

    /// A task of the library's own, or one whose definition is made for this call.
    pub(super) fn add_made(&mut self, definition: TaskDefinition, code: Code, inputs: &mut [Option<Slot>]) -> TaskId {
        let kind = self.add_kind(TaskKind::new(Arc::new(definition), code));
        self.push_with(kind, inputs)
    }

    pub(super) fn push_with(&mut self, kind: u32, inputs: &mut [Option<Slot>]) -> TaskId {
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
        self.push(kind, data_edges, slots)
    }

    /// A task of another flow, with its edges as they are here.
    pub(super) fn push_copy(&mut self, kind: u32, data: &[TaskId], slots: Option<Box<[Slot]>>) -> TaskId {
        self.edges.extend_from_slice(data);
        let place = slots.map_or(PLAIN, |slots| {
            self.slots.push(slots);
            id(self.slots.len() - 1)
        });
        self.push(kind, id(data.len()), place)
    }

    pub(super) fn add_kind(&mut self, kind: TaskKind) -> u32 {
        self.kinds.push(kind);
        id(self.kinds.len() - 1)
    }

    /// Adds a task whose edges with data are the last so many.
    pub(super) fn push(&mut self, kind: u32, data_edges: u32, slots: u32) -> TaskId {
        let task = id(self.nodes.len());
        self.nodes.push(TaskNode { kind, edges: id(self.edges.len()) - data_edges, data_edges, slots });
        task
    }

    /// Changes the options of one task, and of no other call of the same function.
    ///
    /// # Panics
    /// If it is the name of a parameter that changes.
    #[track_caller]
    pub(crate) fn edit(&mut self, task: TaskId, change: impl FnOnce(TaskDefinition) -> TaskDefinition) {
        let kind = &self.kinds[self.nodes[task as usize].kind as usize];
        let changed = TaskKind::new(Arc::new(change((*kind.definition).clone())), kind.code.clone());
        if let Some(parameter) = self.parameter_of(task) {
            let name = &parameter.name;
            assert!(
                changed.definition.name() == &**name,
                "the name of parameter `{name}` is what it is given by: name it so where it is made"
            );
        }
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

    /// The name of the flow.
    pub(crate) fn name(&self) -> &str {
        &self.options.name
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
}
