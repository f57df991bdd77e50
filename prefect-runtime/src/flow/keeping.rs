//! What a flow says of kept results, checked when it is built.
use super::builder::FlowBuilder;
use super::declared::without_modules;
use super::graph::TaskKind;
use super::inputs::Slot;
use super::template::{CONTEXT, Template};
use crate::cache::LooksAt;
use crate::near::hint;

impl FlowBuilder {
    /// Notes which tasks have steps of their own for kept results.
    ///
    /// # Panics
    /// If a template or a validator names what is not there, or nothing can be kept there.
    #[track_caller]
    pub(super) fn check_keeping(&mut self) {
        let of_flow = self.options.result.is_some();
        for kind in &mut self.kinds {
            let definition = &kind.definition;
            let result = definition.checkpoint && (definition.result.is_some() || of_flow);
            kind.has_own_steps = definition.task_run_name.is_some()
                || definition.cache_for.is_some()
                || definition.target.is_some()
                || result;
        }
        for kind in self.kinds.iter().filter(|kind| kind.has_own_steps) {
            check_kind(kind);
            self.check_parameters(kind);
        }
        // Most flows keep nothing, and a large one need not be gone through for that.
        if self.kinds.iter().any(|kind| kind.definition.target.is_some()) {
            for node in &self.nodes {
                if let Some(slots) = self.slots.get(node.slots as usize) {
                    check_children(&self.kinds[node.kind as usize], slots);
                }
            }
        }
        if let Some(location) = self.options.result.as_ref().and_then(|result| result.location.as_ref()) {
            check_names("the flow's result", location, &[]);
        }
    }

    /// The parameters of the flow that a validator names.
    #[track_caller]
    fn check_parameters(&self, kind: &TaskKind) {
        let Some(LooksAt::TheseParameters(names)) = looks_at(kind) else { return };
        let known: Vec<&str> = self.parameters.iter().map(|parameter| &*parameter.name).collect();
        let (task, flow) = (kind.definition.name(), &self.options.name);
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let meant = hint(name, known.iter().copied());
            panic!(
                "the cache_validator of task `{task}` names the parameter `{name}`, which flow `{flow}` does not have{meant}"
            );
        }
    }
}

fn looks_at(kind: &TaskKind) -> Option<&LooksAt> {
    kind.definition.cache_validator.as_ref().map(|validator| &validator.looks_at)
}

#[track_caller]
fn check_kind(kind: &TaskKind) {
    let (definition, task) = (&kind.definition, kind.definition.name());
    let parameters: Vec<&str> = kind.code.parameters().iter().map(super::Parameter::name).collect();
    let location = definition.result.as_ref().and_then(|result| result.location.as_ref());
    for (option, template) in [("target", &definition.target.as_ref()), ("result", &location)] {
        let Some(template) = template else { continue };
        check_names(&format!("the {option} of task `{task}`"), template, &parameters);
    }
    if definition.target.is_some() || definition.result.is_some() {
        match kind.code.output() {
            None => panic!(
                "task `{task}` keeps its result, and its body does not say what it gives: add `.returns::<T>()` to it"
            ),
            Some(output) if output.load.is_none() => {
                panic!(
                    "task `{task}` keeps its result, and a `{}` lives in memory only",
                    without_modules((output.type_name)())
                )
            }
            Some(_) => {}
        }
    }
    if let Some(LooksAt::TheseInputs(names)) = looks_at(kind)
        && let Some(name) = names.iter().find(|name| !parameters.contains(&name.as_str()))
    {
        let meant = hint(name, parameters.iter().copied());
        panic!("the cache_validator of task `{task}` names the input `{name}`, which it does not have{meant}");
    }
}

#[track_caller]
fn check_names(what: &str, template: &Template, parameters: &[&str]) {
    if let Err(why) = template.pieces() {
        panic!("{what}, `{template}`: {why}");
    }
    let known = || parameters.iter().copied().chain(CONTEXT);
    if let Some(name) = template.names().find(|name| known().all(|known| known != *name)) {
        panic!("{what}, `{template}`: nothing is called `{name}`{}", hint(name, known()));
    }
}

/// The children of a mapped task must not all be kept under one name.
#[track_caller]
fn check_children(kind: &TaskKind, slots: &[Slot]) {
    let Some(target) = &kind.definition.target else { return };
    let mapped = || {
        let parameters = kind.code.parameters().iter().zip(slots);
        parameters.filter(|(_, slot)| matches!(slot, Slot::Each(_))).map(|(parameter, _)| parameter.name())
    };
    let tells_apart = |name: &str| ["map_index", "task_full_name"].contains(&name) || mapped().any(|own| own == name);
    assert!(
        mapped().next().is_none() || target.names().any(tells_apart),
        "task `{}` is mapped, and its target `{target}` is the same for all children: put `{{map_index}}` into it, or an \
         input that they are mapped over",
        kind.definition.name(),
    );
}
