//! From a flow under construction to its graph: edges side by side, task by task.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::builder::FlowBuilder;
use super::elements::Nesting;
use super::graph::{EdgeUse, Graph, Lazy, MappedTasks, PLAIN, TaskId, TaskNode, id};
use super::inputs::{Each, EachOf, Slot};

impl FlowBuilder {
    #[track_caller]
    pub(super) fn finish(mut self) -> Graph {
        if !self.parameters.is_empty() {
            self.order.iter().for_each(|(from, to)| self.assert_downstream(*to, Some(*from)));
        }
        if !self.bound.is_empty() || !self.order.is_empty() {
            self.lay_out();
        }
        self.check_keeping();
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
            parameters: self.parameters,
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
                            panic!(
                                "flow `{}`: task `{}`: parameter `{}` is not bound",
                                self.options.name,
                                kind.definition.name(),
                                p.name
                            )
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
            // One edge without data for each upstream task that is waited for as a whole by no other edge.
            let mut there: HashSet<TaskId> = match self.slots.get(self.nodes[task as usize].slots as usize) {
                Some(slots) => {
                    let mut whole = Vec::new();
                    let slots = slots.iter().filter(|slot| !matches!(slot, Slot::Each(_)));
                    slots.for_each(|slot| slot.push_edges(&mut whole));
                    whole.into_iter().collect()
                }
                None => self.edges[start as usize..].iter().copied().collect(),
            };
            for from in order.remove(&task).unwrap_or_default() {
                if there.insert(from) {
                    self.edges.push(from);
                }
            }
        }
    }
}
