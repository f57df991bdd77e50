//! What the parameters of tasks that are made at run time take of what is upstream.
use prefect::trigger::{all_finished, any_failed};
use prefect::{
    Cache, Elements, FlowBuilder, FlowOptions, FlowRun, Outcome, Parameter, RunSettings, Signal, SignalKind, State,
    StateKind, TaskBody, TaskDefinition, TaskError, TaskRef, Trigger, Value, built_in,
};

fn gives<T: serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static>(
    flow: &mut FlowBuilder,
    value: T,
) -> TaskRef {
    flow.task(TaskDefinition::new("gives"), TaskBody::new([], move |_| Ok(Value::new(value.clone()))))
}

fn message(run: &FlowRun, task: TaskRef) -> String {
    run.state_of(task).message().unwrap_or_default().to_owned()
}

/// One parameter takes a state, the other one the value: neither changes what the other is given.
#[test]
fn states_and_values_beside_each_other() {
    let mut flow = FlowBuilder::new(FlowOptions::new("both"));
    let (two, three) = (gives(&mut flow, 2_i64), gives(&mut flow, 3_i64));
    let parameters = [Parameter::state("x"), Parameter::of::<i64>("y"), Parameter::any("z")];
    let body = TaskBody::new(parameters, |inputs| {
        let state = inputs.take::<State>(0);
        let z = *inputs.take_value(2).downcast_ref::<i64>().unwrap();
        Ok(Value::new(state.value::<i64>().unwrap() * 100 + *inputs.take::<i64>(1) * 10 + z))
    });
    let both = flow.task(TaskDefinition::new("both"), body);
    flow.edge(two, both, "x");
    flow.edge(three, both, "y");
    flow.edge(two, both, "z");
    let run = flow.build().run();
    assert_eq!(run.state_of(both).value::<i64>(), Some(&232), "{}", message(&run, both));
}

/// A child that succeeded without a value is told as such a task is: at the inputs, before the trigger is asked.
#[test]
fn a_child_without_a_value() {
    let mut flow = FlowBuilder::new(FlowOptions::new("children"));
    let body = TaskBody::new([Parameter::of::<i64>("x")], |inputs| match *inputs.take::<i64>(0) {
        0 => Err(Signal::success("nothing").into()),
        _ => Err("no".into()),
    });
    let mapped = flow.task(TaskDefinition::new("mapped"), body);
    flow.map_constant(mapped, "x", Value::new(vec![0_i64, 1]), Elements::of::<i64>());
    let read = TaskBody::new([Parameter::any("all")], |_| Ok(Value::new(0_i64)));
    let read = flow.task(TaskDefinition::new("read"), read);
    flow.edge(mapped, read, "all");
    let run = flow.build().run();
    let expected =
        "Unexpected error: parameter `all` needs a value, but task `mapped` is in a Success state without a value";
    assert_eq!(message(&run, read), expected);
}

/// A success that is kept is one all the same.
#[test]
fn a_kept_success_without_a_value() {
    let mut flow = FlowBuilder::new(FlowOptions::new("kept"));
    let definition = TaskDefinition::new("kept").cache_for(std::time::Duration::from_mins(1));
    let kept = flow.task(definition, TaskBody::new([], |_| Err(Signal::success("nothing").into())));
    let read = TaskBody::new([Parameter::of::<i64>("x")], |_| Ok(Value::new(0_i64)));
    let read = flow.task(TaskDefinition::new("read").trigger(Trigger::new(any_failed)), read);
    flow.edge(kept, read, "x");
    let run = flow.build().with(RunSettings::new().cache(Cache::new())).run();
    let expected =
        "Unexpected error: parameter `x` takes a `i64`, but task `kept` is in a Cached state without a value";
    assert_eq!(message(&run, read), expected);
}

mod filtered {
    use super::*;

    /// What `FilterTask` makes of what a task gives.
    fn filtered(from: impl FnOnce(&mut FlowBuilder) -> TaskRef) -> State {
        let mut flow = FlowBuilder::new(FlowOptions::new("filter"));
        let from = from(&mut flow);
        let (definition, body) = built_in::filter_task(|x: &i64| *x > 1);
        let kept = flow.task(definition, body);
        flow.edge(from, kept, "task_results");
        flow.build().run().state_of(kept)
    }

    fn mapped(flow: &mut FlowBuilder, child: fn(i64) -> Result<Value, TaskError>) -> TaskRef {
        let body = TaskBody::new([Parameter::of::<i64>("x")], move |inputs| child(*inputs.take::<i64>(0)));
        let mapped = flow.task(TaskDefinition::new("mapped"), body);
        flow.map_constant(mapped, "x", Value::new(vec![0_i64, 1, 2, 3, 4]), Elements::of::<i64>());
        mapped
    }

    #[test]
    fn what_children_gave() {
        let child = |x| match x {
            2 => Err("no".into()),
            3 => Err(Signal::skip("no").into()),
            x => Ok(Value::new(x)),
        };
        let state = filtered(|flow| mapped(flow, child));
        assert_eq!(state.value(), Some(&vec![4_i64]), "{state}");
    }

    #[test]
    fn a_list() {
        let state = filtered(|flow| gives(flow, vec![3_i64, 0, 2]));
        assert_eq!(state.value(), Some(&vec![3_i64, 2]), "{state}");
        let outcomes = vec![Outcome::Success(3_i64), Outcome::Skipped, Outcome::failed("no"), Outcome::Success(1)];
        let state = filtered(|flow| gives(flow, outcomes));
        assert_eq!(state.value(), Some(&vec![3_i64]), "{state}");
    }

    /// As a mapped task is in `flow!` that never came to its children.
    #[test]
    fn a_task_that_failed_is_one_result_that_is_left_out() {
        let fails =
            |flow: &mut FlowBuilder| flow.task(TaskDefinition::new("fails"), TaskBody::new([], |_| Err("no".into())));
        let state = filtered(fails);
        assert_eq!(state.value(), Some(&Vec::<i64>::new()), "{state}");
    }

    #[test]
    fn what_is_no_list_fails_it() {
        let state = filtered(|flow| gives(flow, "text".to_owned()));
        let text = "Unexpected error: parameter `task_results` cannot be made of the `alloc::string::String` that task \
                    `gives` gave";
        assert_eq!(state.message(), Some(text));
        let state = filtered(|flow| mapped(flow, |_| Ok(Value::new("text".to_owned()))));
        assert_eq!(state.message(), Some(text.replace("gives", "mapped").as_str()));
    }
}

mod flattened {
    use super::*;

    fn reads(flow: &mut FlowBuilder, from: TaskRef, definition: TaskDefinition) -> TaskRef {
        let body = TaskBody::new([Parameter::of::<Vec<i64>>("list")], |inputs| {
            Ok(Value::new(Vec::clone(&inputs.take::<Vec<i64>>(0))))
        });
        let reads = flow.task(definition, body);
        flow.flatten(from, reads, "list", Elements::of::<i64>());
        reads
    }

    /// As in Prefect, what is no list of lists is passed on as it is.
    #[test]
    fn a_plain_list() {
        let mut flow = FlowBuilder::new(FlowOptions::new("plain"));
        let list = gives(&mut flow, vec![1_i64, 2]);
        let read = reads(&mut flow, list, TaskDefinition::new("read"));
        let each = TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(inputs.take_value(0)));
        let each = flow.task(TaskDefinition::new("each"), each);
        flow.map(list, each, "x", Elements::of::<i64>().flatten());
        let run = flow.build().run();
        assert_eq!(run.state_of(read).value(), Some(&vec![1_i64, 2]), "{}", message(&run, read));
        assert_eq!(run.map_states(each).len(), 2, "{}", message(&run, each));
    }

    fn mapped(flow: &mut FlowBuilder, second: fn() -> Result<Value, prefect::TaskError>) -> TaskRef {
        let body = TaskBody::new([Parameter::of::<i64>("x")], move |inputs| match *inputs.take::<i64>(0) {
            0 => Ok(Value::new(vec![7_i64, 8])),
            _ => second(),
        });
        let mapped = flow.task(TaskDefinition::new("mapped"), body);
        flow.map_constant(mapped, "x", Value::new(vec![0_i64, 1]), Elements::of::<i64>());
        mapped
    }

    /// A child that gave an element and no list counts as one.
    #[test]
    fn a_child_that_gave_no_list() {
        let mut flow = FlowBuilder::new(FlowOptions::new("one"));
        let mapped = mapped(&mut flow, || Ok(Value::new(9_i64)));
        let read = reads(&mut flow, mapped, TaskDefinition::new("read"));
        let run = flow.build().run();
        assert_eq!(run.state_of(read).value(), Some(&vec![7_i64, 8, 9]), "{}", message(&run, read));
    }

    /// A failure may have a result, but it is none that a reader could take for a success.
    #[test]
    fn a_child_that_failed_with_a_result() {
        let mut flow = FlowBuilder::new(FlowOptions::new("failed"));
        let failed = || Err(Signal::of(SignalKind::Fail).with_value(Value::new(vec![9_i64])).into());
        let mapped = mapped(&mut flow, failed);
        let read = reads(&mut flow, mapped, TaskDefinition::new("read").trigger(Trigger::new(all_finished)));
        let run = flow.build().run();
        assert_eq!(run.state_of(read).kind(), StateKind::Failed);
    }
}
