//! What calls of one task function have in common: its definition and its code.
use std::sync::Arc;

use super::definition::{AnyOutput, BodyKind, Expects, Parameter, TaskCode, TaskDefinition};
use super::inputs::{BodyOutcome, Inputs};

/// What calls of one task function have in common.
#[derive(Clone)]
pub(crate) struct TaskKind {
    pub(crate) definition: Arc<TaskDefinition>,
    pub(crate) code: Code,
    /// Whether some parameter takes the state of its upstream task.
    pub(crate) wants_states: bool,
    /// Whether it has steps of its own before or after the body: a name for each run, a target, a cache.
    pub(crate) has_own_steps: bool,
}

/// The code of a task.
#[derive(Clone)]
pub(crate) enum Code {
    Static(&'static TaskCode),
    Dynamic(Arc<DynamicCode>),
}

/// The code of a task that was made at run time.
pub(crate) struct DynamicCode {
    #[allow(clippy::type_complexity, reason = "used once")]
    pub(crate) run: Box<dyn Fn(&mut Inputs<'_>) -> BodyOutcome + Send + Sync>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) kind: BodyKind,
    pub(crate) output: Option<AnyOutput>,
}

impl Code {
    pub(crate) fn parameters(&self) -> &[Parameter] {
        match self {
            Self::Static(code) => code.parameters,
            Self::Dynamic(code) => &code.parameters,
        }
    }

    pub(crate) fn shared(&self) -> &[Parameter] {
        match self {
            Self::Static(code) => code.shared,
            Self::Dynamic(_) => &[],
        }
    }

    pub(crate) fn kind(&self) -> BodyKind {
        match self {
            Self::Static(code) => code.kind,
            Self::Dynamic(code) => code.kind,
        }
    }

    /// What it gives, if that is known.
    pub(crate) fn output(&self) -> Option<AnyOutput> {
        match self {
            Self::Static(code) => Some(code.output),
            Self::Dynamic(code) => code.output,
        }
    }

    #[inline]
    pub(crate) fn run(&self, inputs: &mut Inputs<'_>) -> BodyOutcome {
        match self {
            Self::Static(code) => (code.run)(inputs),
            Self::Dynamic(code) => (code.run)(inputs),
        }
    }
}

impl TaskKind {
    pub(crate) fn new(definition: Arc<TaskDefinition>, code: Code) -> Self {
        let wants_states = code.parameters().iter().any(|p| matches!(p.expects, Expects::State));
        Self { definition, code, wants_states, has_own_steps: false }
    }
}
