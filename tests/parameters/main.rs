//! Parameters of flows: values that are given to a run, and what becomes of those that are no good.
mod built;
mod scheduled;
mod schema;
mod typed;

use prefect::{Flow, FlowRun, ParameterErrors};

/// What is wrong with the values that the run was given, one text for each mistake.
#[track_caller]
fn mistakes<O>(run: &FlowRun<O>) -> Vec<String> {
    let error = run.state().error().expect("an error");
    let errors: &ParameterErrors = error.downcast_ref().expect("mistakes in parameters");
    errors.iter().map(ToString::to_string).collect()
}

/// `name: type = default`, or without a default.
fn declared<O>(flow: &Flow<O>) -> Vec<String> {
    let shown = |p: prefect::ParameterInfo| {
        let default = p.default.map(|default| format!(" = {default}")).unwrap_or_default();
        assert_eq!(p.required, default.is_empty());
        format!("{}: {}{default}", p.name, p.type_name)
    };
    flow.parameters().map(shown).collect()
}
